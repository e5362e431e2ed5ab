"""A real socket between a limiter and Redis that does to replies what a test asks for."""

from __future__ import annotations

import contextlib
import socket
import threading
from collections.abc import Callable, Iterator
from typing import Final
from urllib.parse import urlsplit

Deed = Callable[[socket.socket, bytes], None]
"""A function that gets the client's socket and a reply, which it may pass on."""


def pass_on(client: socket.socket, reply: bytes) -> None:
    """Send the reply as it is."""
    client.sendall(reply)


class RedisRelay:
    """Passes bytes on between clients and a server, each connection in threads of its own."""

    def __init__(self, server_url: str) -> None:
        parts = urlsplit(server_url)
        self._server: Final = (parts.hostname, parts.port)
        self._listener: Final = socket.create_server(("127.0.0.1", 0))
        self.url: Final = f"redis://127.0.0.1:{self._listener.getsockname()[1]}"
        self.connections = 0
        """Connections that were made."""
        self._next: list[Deed] = []
        threading.Thread(target=self._accept, name="relay", daemon=True).start()

    def do(self, deed: Deed) -> None:
        """Let this function handle the next reply; later ones pass."""
        self._next.append(deed)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                client = self._listener.accept()[0]
                self.connections += 1
                server = socket.create_connection(self._server)
                for one, other, deeds in ((client, server, []), (server, client, self._next)):
                    threading.Thread(target=self._pump, args=(one, other, deeds), name="relay", daemon=True).start()

    @staticmethod
    def _pump(source: socket.socket, target: socket.socket, deeds: list[Deed]) -> None:
        with contextlib.suppress(OSError), source:
            target.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            while data := source.recv(65_536):
                (deeds.pop(0) if deeds else pass_on)(target, data)
        with contextlib.suppress(OSError), target:
            target.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        """Accept no further connection."""
        # Closing alone does not wake the thread.
        with contextlib.suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()


@contextlib.contextmanager
def redis_relay(server_url: str) -> Iterator[RedisRelay]:
    """Yield a relay to a server."""
    relay = RedisRelay(server_url)
    try:
        yield relay
    finally:
        relay.close()


class Held:
    """A deed that holds a reply, or the rest of it after some bytes, until it is released."""

    def __init__(self, after: int = 0) -> None:
        self._after: Final = after
        self.arrived: Final = threading.Event()
        """Set when the reply arrived."""
        self.released: Final = threading.Event()

    def __call__(self, client: socket.socket, reply: bytes) -> None:
        """Hold the reply."""
        client.sendall(reply[: self._after])
        self.arrived.set()
        self.released.wait(10)
        client.sendall(reply[self._after :])
