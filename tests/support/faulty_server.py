"""The documented API in a process of its own, in which a share of all answers goes wrong.

python -m tests.support.faulty_server --port 8000 --share 0.2
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Final

from tests.support.api import documented_to
from tests.support.chaos_server import AFTER, BEFORE, Exchange, answer, read_request, reset, serve_connection

ROOT: Final = Path(__file__).parents[2]
SILENCE: Final = 0.02
"""Share of the faults that are no answer at all."""


class FaultySource:
    """Answers as documented, or in one of the ways of the chaos server.

    Args:
        share: share of the answers that go wrong, 0 to 1.
        seed: number that chooses them.
    """

    def __init__(self, share: float, seed: int) -> None:
        self._share = share
        self._chance = random.Random(seed)
        self._last: bytes | None = None

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Answer the requests of one connection."""
        await serve_connection(self._exchange, reader, writer)

    async def _exchange(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> bool:
        method, path, key, body = await read_request(reader)
        right = documented_to(method, path.partition("?")[0], body, "", key)
        good = answer(200, right)
        if self._chance.random() >= self._share:
            self._last = good
            writer.write(good)
            await writer.drain()
            return True
        if self._chance.random() < SILENCE:
            await asyncio.sleep(5)
            return False
        name, make = self._chance.choice([*BEFORE.items(), *AFTER.items()])
        data: Any = json.loads(right).get("data", {})
        reply = make(Exchange(good, data if isinstance(data, dict) else {}, self._last))
        if reply is None:
            reset(writer)
            return False
        writer.write(reply)
        await writer.drain()
        return name not in ("closes", "half a head", "half a body", "broken chunks")


class FaultyProcess:
    """That server as a child process on a port that stays the same, to be killed and started again."""

    def __init__(self, share: float) -> None:
        with socket.create_server(("127.0.0.1", 0)) as probe:
            self._port = int(probe.getsockname()[1])
        self._share = share
        self._process: subprocess.Popen[bytes] | None = None
        self._starts = 0
        self.url: Final = f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Start it, and return when it listens."""
        self._starts += 1
        words = ["--port", str(self._port), "--share", str(self._share), "--seed", str(self._starts)]
        command = [sys.executable, "-m", "tests.support.faulty_server", *words]
        self._process = subprocess.Popen(command, cwd=ROOT, stderr=subprocess.DEVNULL)
        deadline = time.monotonic() + 60
        while True:
            try:
                socket.create_connection(("127.0.0.1", self._port), 1).close()
                return
            except OSError:
                if time.monotonic() > deadline:
                    raise
                time.sleep(0.05)

    def kill(self) -> None:
        """End it with SIGKILL, in the middle of its answers."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


async def _run(port: int, share: float, seed: int) -> None:
    source = FaultySource(share, seed)
    server = await asyncio.start_server(source.serve, "127.0.0.1", port, backlog=1024, reuse_address=True)
    async with server:
        await server.serve_forever()


def main() -> None:
    """Serve until the process is killed."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--share", type=float, default=0.2)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    asyncio.run(_run(options.port, options.share, options.seed))


if __name__ == "__main__":
    main()
