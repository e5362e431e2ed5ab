"""An HTTP server in a process of its own that limits requests as real ones do, and remembers who came when.

    python -m tests.support.limited_server '{"policy": "log", "limit": 100, "window": 3.0}'

serves until its standard input ends and prints its address first. Every request travels for a random time before it
counts as arrived, and its answer for another. ``GET /journal`` returns all arrivals: seconds, who (the header
``X-Who``), and whether it was let in; ``POST /journal`` forgets them. The policy ``"none"`` lets everything in.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx

from tests.simulator.servers import FixedWindow, RefillingBucket, Server, SlidingCounter, SlidingLog

ROOT = Path(__file__).parents[2]
POLICIES: dict[str, type[Server]] = {
    "log": SlidingLog,
    "fixed": FixedWindow,
    "counter": SlidingCounter,
    "bucket": RefillingBucket,
}


class Arrival(NamedTuple):
    """One request."""

    at: float
    who: str
    let_in: bool


class _LimitedServer:
    def __init__(self, *, policy: str, limit: int, window: float, fastest: float, slowest: float) -> None:
        # A phase that has nothing to do with when the clients start.
        self._policy = None if policy == "none" else POLICIES[policy](limit, window)
        self._latency = (fastest, slowest)
        self._journal: list[Arrival] = []
        self._random = random.Random(7)

    async def serve(self) -> None:
        server = await asyncio.start_server(self._connection, "127.0.0.1", 0, backlog=1024)
        print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
        server.close()

    async def _connection(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, ConnectionError, asyncio.CancelledError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *fields = head.splitlines()
                headers = {name.lower(): text.strip() for name, _, text in (field.partition(":") for field in fields)}
                await reader.readexactly(int(headers.get("content-length", 0)))
                if line.startswith("GET /journal"):
                    status, answer = 200, json.dumps(self._journal)
                elif line.startswith("POST /journal"):
                    self._journal.clear()
                    status, answer = 200, "[]"
                else:
                    status, answer = await self._limited(headers.get("x-who", ""))
                writer.write(f"HTTP/1.1 {status} Said\r\nContent-Length: {len(answer)}\r\n\r\n{answer}".encode())
                await writer.drain()
        writer.close()

    async def _limited(self, who: str) -> tuple[int, str]:
        await asyncio.sleep(self._random.uniform(*self._latency))
        now = time.monotonic()
        let_in = self._policy is None or self._policy.accept(now)
        self._journal.append(Arrival(now, who, let_in))
        await asyncio.sleep(self._random.uniform(*self._latency))
        return (200, '{"success": true}') if let_in else (429, '{"success": false, "error": "Too many requests"}')


class LimitedServer:
    """The server as a test sees it."""

    def __init__(self, url: str) -> None:
        self.url = url

    def arrivals(self) -> list[Arrival]:
        """All requests so far, in order."""
        return [Arrival(*arrival) for arrival in httpx.get(f"{self.url}/journal", trust_env=False).json()]

    def refused(self) -> int:
        """Number of refused requests."""
        return sum(not arrival.let_in for arrival in self.arrivals())

    def forget(self) -> None:
        """Begins a new journal."""
        httpx.post(f"{self.url}/journal", trust_env=False)


@contextlib.contextmanager
def limited_server(
    policy: str, limit: int, window: float, *, fastest: float = 0.00025, slowest: float = 0.0125
) -> Iterator[LimitedServer]:
    """The server; one-way latencies in seconds."""
    options: dict[str, Any] = {"policy": policy, "limit": limit, "window": window}
    options |= {"fastest": fastest, "slowest": slowest}
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.limited_server", json.dumps(options)],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield LimitedServer(process.stdout.readline().strip())
        finally:
            process.stdin.close()
            process.wait(10)


if __name__ == "__main__":
    asyncio.run(_LimitedServer(**json.loads(sys.argv[1])).serve())
