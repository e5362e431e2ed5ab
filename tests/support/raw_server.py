"""A real server on a loopback socket that does to each request what a test asks for, wire bytes and all."""

from __future__ import annotations

import contextlib
import re
import socket
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Self

from .api import documented_to

Deed = Callable[["Exchange"], None]
"""A function that the server calls once it has read a request."""


class Exchange:
    """One request and the socket to answer it on."""

    def __init__(self, connection: socket.socket, request: bytes, over: threading.Event) -> None:
        self.connection = connection
        self.request = request
        self.over = over
        """Set when the test is over."""

    @property
    def line(self) -> str:
        """The request line as it arrived."""
        return self.request.partition(b"\r\n")[0].decode()

    @property
    def body(self) -> bytes:
        """The body as it arrived."""
        return self.request.partition(b"\r\n\r\n")[2]

    def header(self, name: str) -> str:
        """The value of a header, "" where it was not sent."""
        found = re.search(rf"(?im)^{re.escape(name)}: *([^\r\n]*)", self.request.partition(b"\r\n\r\n")[0].decode())
        return found[1] if found else ""

    def say(self, status: int, body: bytes, **headers: str) -> None:
        """Sends one whole answer."""
        lines = [f"HTTP/1.1 {status} Said So", f"Content-Length: {len(body)}"]
        lines += [f"{name.replace('_', '-')}: {text}" for name, text in headers.items()]
        self.connection.sendall("\r\n".join([*lines, "", ""]).encode() + body)

    def reset(self) -> None:
        """Drops the connection with a TCP reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.connection.close()


def answers_as_documented(exchange: Exchange) -> None:
    """The documented answer."""
    method, target, _ = exchange.line.split(" ")
    exchange.say(
        200,
        documented_to(
            method,
            target.partition("?")[0],
            exchange.body,
            exchange.header("X-API-Key"),
            exchange.header("Idempotency-Key"),
        ),
    )


def never_answers(exchange: Exchange) -> None:
    """Reads and stays silent."""
    exchange.over.wait(30)


def resets(exchange: Exchange) -> None:
    """Drops the connection instead of answering."""
    exchange.reset()


def resets_mid_answer(exchange: Exchange) -> None:
    """Drops the connection in the middle of a body."""
    exchange.connection.sendall(b'HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n{"success": tr')
    # The reset overtakes what the other side has not read yet.
    exchange.over.wait(0.05)
    exchange.reset()


def drips(exchange: Exchange) -> None:
    """Sends a byte of the body every 0.2 seconds."""
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n")
    while not exchange.over.wait(0.2):
        exchange.connection.sendall(b" ")


class RawServer:
    """Listens on a free loopback port; does one deed for each request, the last one for ever."""

    def __init__(self, *deeds: Deed) -> None:
        self._deeds = list(deeds) or [answers_as_documented]
        self._over = threading.Event()
        self._threads: list[threading.Thread] = []
        self._open: set[socket.socket] = set()
        self._lock = threading.Lock()
        self.connections = 0
        """Number of connections that were made, whether anything was sent on them or not."""
        self.exchanges: list[Exchange] = []
        """Requests that arrived, in order."""
        self.arrived = threading.Event()
        """Set when the first request has arrived."""

    def __enter__(self) -> Self:
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        self._start(self._accept)
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._over.set()
        # Closing alone does not end an accept() that another thread is blocked in.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        with self._lock:
            for connection in self._open:
                with contextlib.suppress(OSError):
                    connection.shutdown(socket.SHUT_RDWR)
        for thread in self._threads:
            thread.join(5)

    @property
    def lines(self) -> list[str]:
        """The request lines as they arrived."""
        return [exchange.line for exchange in self.exchanges]

    def _start(self, target: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=target, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                with self._lock:
                    self.connections += 1
                    self._open.add(connection)
                self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        # A reset by the client is what some tests are about.
        with connection, contextlib.suppress(OSError):
            early = b""
            while True:
                request, early = _read_request(connection, early)
                if not request:
                    break
                exchange = Exchange(connection, request, self._over)
                with self._lock:
                    self.exchanges.append(exchange)
                    deed = self._deeds[min(len(self.exchanges), len(self._deeds)) - 1]
                self.arrived.set()
                deed(exchange)
        with self._lock:
            self._open.discard(connection)


def _read_request(connection: socket.socket, early: bytes = b"") -> tuple[bytes, bytes]:
    """The next request, empty at the end of the connection, and what came of the one after it."""
    data = early
    while b"\r\n\r\n" not in data:
        chunk = connection.recv(65_536)
        if not chunk:
            return b"", b""
        data += chunk
    head = data.partition(b"\r\n\r\n")[0]
    length = re.search(rb"(?i)content-length: *(\d+)", head)
    end = len(head) + 4 + (int(length[1]) if length else 0)
    while len(data) < end:
        chunk = connection.recv(65_536)
        if not chunk:
            return b"", b""
        data += chunk
    return data[:end], data[end:]


@contextlib.contextmanager
def closed_port() -> Iterator[str]:
    """A base URL where no server listens, or will meanwhile."""
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{held.getsockname()[1]}"
