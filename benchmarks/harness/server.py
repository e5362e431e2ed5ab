"""A loopback HTTP server for the comparison: every GET is answered at once, or after a latency, by the same few bytes.

Runs in a process of its own until its standard input ends:

    python benchmarks/harness/server.py [latency in seconds] [key and certificate]     prints its port
    GET /seen                                             {"seen": requests since the last time this was asked}
"""

from __future__ import annotations

import asyncio
import ssl
import sys
from pathlib import Path
from typing import cast

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bodies import HEADERS, body_of

seen = 0
latency = float(sys.argv[1]) if len(sys.argv) > 1 else 0.0


class Connection(asyncio.Protocol):
    """One client connection. HTTP/1.1, keep-alive, requests without a body."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._received = b""

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        global seen
        self._received += data
        if not self._received.endswith(b"\r\n\r\n"):
            return
        path = self._received.split(b" ", 2)[1].decode()
        self._received = b""
        if path == "/seen":
            self._answer(b'{"seen": %d}' % seen)
            seen = 0
            return
        seen += 1
        if latency:
            self._loop.call_later(latency, self._answer, body_of(path))
        else:
            self._answer(body_of(path))

    def _answer(self, body: bytes) -> None:
        head = "".join(f"{name}: {value}\r\n" for name, value in HEADERS)
        self._transport.write(f"HTTP/1.1 200 OK\r\n{head}Content-Length: {len(body)}\r\n\r\n".encode() + body)


async def serve() -> None:
    loop = asyncio.get_running_loop()
    secured: ssl.SSLContext | None = None
    if len(sys.argv) > 2:
        secured = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        secured.load_cert_chain(sys.argv[2])
    listening = await loop.create_server(Connection, "127.0.0.1", 0, backlog=16_384, ssl=secured)
    async with listening:
        print(listening.sockets[0].getsockname()[1], flush=True)
        await loop.run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(serve())
