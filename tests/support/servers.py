"""A real loopback server that says who asked it what over which connection: in a thread, or in a process of its own.

    python -m tests.support.servers      serves until its standard input ends; prints its address first

Every answer is ``{"success": true, "connection": 3, "request": 17, "path": ..., "who": ..., "open": 2}``: the number of
the connection and of the request, what was asked, by whom (the header ``X-Who``), and how many connections are open.
The query of a path says what it does besides: ``delay=0.05`` waits, ``jitter=0.04`` waits up to that long, ``hold=1``
never answers, ``together=10`` waits until ten of these requests are there, ``close=1`` closes the connection after
the answer.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import json
import os
import random
import socket
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from inventpay import AsyncInventPay, InventPay, RateLimits

from .clients import WITHDRAWAL_KEY, new_key

ROOT = Path(__file__).parents[2]


class EchoServer:
    """Counts connections and requests, and answers with what it counted."""

    def __init__(self) -> None:
        self.url = ""
        self.connections = 0
        """Connections that were made."""
        self.open = 0
        """Connections that are open."""
        self.most_open = 0
        self.requests = 0
        """Requests that arrived whole."""
        self.paths: list[str] = []
        """Their targets, in order."""
        self.cut_off = 0
        """Requests whose sender left before the answer."""
        self._together: dict[str, list[asyncio.Future[None]]] = {}

    async def listen(self, tls: ssl.SSLContext | None = None) -> asyncio.Server:
        """Listens on a free port."""
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0, ssl=tls, backlog=1024)
        port = server.sockets[0].getsockname()[1]
        self.url = f"http://127.0.0.1:{port}" if tls is None else f"https://localhost:{port}"
        return server

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open += 1
        self.most_open = max(self.open, self.most_open)
        number = self.connections
        try:
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                line, *fields = head.splitlines()
                headers = {name.lower(): text.strip() for name, _, text in (field.partition(":") for field in fields)}
                await reader.readexactly(int(headers.get("content-length", 0)))
                if not await self._answer(number, line.split(" ")[1], headers, reader, writer):
                    return
        except (asyncio.IncompleteReadError, asyncio.CancelledError, ConnectionError, ssl.SSLError):
            pass
        finally:
            writer.close()
            with contextlib.suppress(OSError, asyncio.CancelledError):
                await writer.wait_closed()
            self.open -= 1

    async def _answer(
        self,
        connection: int,
        target: str,
        headers: dict[str, str],
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
    ) -> bool:
        self.requests += 1
        number = self.requests
        parts = urlsplit(target)
        self.paths.append(parts.path)
        wishes = {name: float(values[0]) for name, values in parse_qs(parts.query).items()}
        seconds = wishes.get("delay", 0.0) + random.random() * wishes.get("jitter", 0.0)
        if "hold" in wishes:
            seconds = 60.0
        if seconds and await self._leaves_within(seconds, reader):
            self.cut_off += 1
            return False
        if "together" in wishes and not await self._meets_others(parts.path, int(wishes["together"]), reader):
            self.cut_off += 1
            return False
        body = json.dumps(
            {
                "success": True,
                "connection": connection,
                "request": number,
                "path": parts.path,
                "who": headers.get("x-who"),
                "open": self.open,
                "most_open": self.most_open,
                "cut_off": self.cut_off,
            }
        ).encode()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n")
        writer.write(b"Content-Length: %d\r\n\r\n%b" % (len(body), body))
        await writer.drain()
        return "close" not in wishes

    async def _leaves_within(self, seconds: float, reader: asyncio.StreamReader) -> bool:
        """Whether the other side goes away; a client sends nothing before it has its answer."""
        try:
            async with asyncio.timeout(seconds):
                return not await reader.read(1)
        except TimeoutError:
            return False

    async def _meets_others(self, path: str, count: int, reader: asyncio.StreamReader) -> bool:
        """Return whether the requests came together before this one's sender left."""
        waiting = self._together.setdefault(path, [])
        mine: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(mine)
        if len(waiting) == count:
            for other in self._together.pop(path):
                other.set_result(None)
        leaving = asyncio.ensure_future(reader.read(1))
        await asyncio.wait([mine, leaving], return_when=asyncio.FIRST_COMPLETED)
        leaving.cancel()
        await asyncio.wait([leaving])
        if not mine.done():
            waiting.remove(mine)
        return mine.done()


@contextlib.contextmanager
def echo_thread(tls: ssl.SSLContext | None = None) -> Iterator[EchoServer]:
    """The server in a thread of this process: a test can look into it."""
    server = EchoServer()
    started = threading.Event()
    over: Callable[[], object] = started.set

    async def main() -> None:
        nonlocal over
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        over = lambda: loop.call_soon_threadsafe(stop.set)  # noqa: E731
        listening = await server.listen(tls)
        started.set()
        await stop.wait()
        listening.close()

    thread = threading.Thread(target=asyncio.run, args=[main()], daemon=True)
    thread.start()
    assert started.wait(10)
    try:
        yield server
    finally:
        over()
        thread.join(10)


@contextlib.contextmanager
def connect_proxy(*, refuses: bool = False) -> Iterator[tuple[str, list[str]]]:
    """The address of a proxy that opens tunnels, or answers 407; and the targets it was asked for."""
    targets: list[str] = []
    open_sockets: list[socket.socket] = []

    def pump(source: socket.socket, sink: socket.socket) -> None:
        with contextlib.suppress(OSError):
            while data := source.recv(65_536):
                sink.sendall(data)
        with contextlib.suppress(OSError):
            sink.shutdown(socket.SHUT_WR)

    def serve(connection: socket.socket) -> None:
        head = b""
        while b"\r\n\r\n" not in head:
            head += connection.recv(65_536)
        method, target, _ = head.decode().splitlines()[0].split(" ")
        assert method == "CONNECT"
        targets.append(target)
        if refuses:
            connection.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            connection.close()
            return
        host, _, port = target.rpartition(":")
        onward = socket.create_connection((host, int(port)))
        open_sockets.append(onward)
        connection.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
        threading.Thread(target=pump, args=[connection, onward], daemon=True).start()
        pump(onward, connection)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                open_sockets.append(connection)
                threading.Thread(target=serve, args=[connection], daemon=True).start()

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=accept, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listener.getsockname()[1]}", targets
        listener.shutdown(socket.SHUT_RDWR)
        thread.join(10)
    for opened in open_sockets:
        opened.close()


@contextlib.contextmanager
def echo_process(*, tls: bool = False) -> Iterator[str]:
    """The base URL of a server in another process: one that no fork of this process inherits."""
    with subprocess.Popen(
        [sys.executable, "-m", "tests.support.servers", *(["tls"] if tls else [])],
        cwd=ROOT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        try:
            yield process.stdout.readline().strip()
        finally:
            process.stdin.close()
            process.wait(10)


PLENTY = RateLimits(payment_creation=10_000_000, status_checks=10_000_000, withdrawals=10_000_000, other=10_000_000)
"""Limits that no test reaches."""


def async_client(base_url: str, **options: Any) -> AsyncInventPay:
    """An `AsyncInventPay` that waits for no tokens and repeats nothing."""
    return AsyncInventPay(**_options(base_url, options))


def blocking_client(base_url: str, **options: Any) -> InventPay:
    """Return an `InventPay` of that kind."""
    return InventPay(**_options(base_url, options))


def _options(base_url: str, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "api_key": new_key(),
        "withdrawal_key": WITHDRAWAL_KEY,
        "base_url": base_url,
        "rate_limits": PLENTY,
        "max_retries": 0,
        "coalesce": False,
        "attempt_timeout": 20.0,
        **options,
    }


def read(answer: Any) -> dict[str, Any]:
    """Return what the server said."""
    document: dict[str, Any] = answer.json()
    return document


def wait_until(condition: Callable[[], bool]) -> None:
    """Until something has happened that only the other side sees."""
    deadline = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < deadline, "it never happened"
        time.sleep(0.005)


def descriptors() -> int:
    """Open descriptors of this process, without those that only wait for the garbage collector."""
    if not os.path.isdir("/proc/self/fd"):
        import pytest

        pytest.skip("counts descriptors in /proc")
    gc.collect()
    return len(os.listdir("/proc/self/fd"))


async def _serve_until_input_ends() -> None:
    from tests.support.tls import server_context

    server = EchoServer()
    await server.listen(server_context() if "tls" in sys.argv else None)
    print(server.url, flush=True)
    await asyncio.to_thread(sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(_serve_until_input_ends())
