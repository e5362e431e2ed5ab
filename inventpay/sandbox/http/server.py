"""Serve the sandbox's application with uvicorn on its own socket, from its own thread."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import struct
import threading
from collections.abc import Generator
from contextlib import contextmanager, suppress
from typing import cast

import attrs
import h11
import uvicorn
from starlette.types import ASGIApp
from uvicorn.protocols.http.h11_impl import H11Protocol

from ..errors import AddressError, SandboxError
from . import connection
from .answers import JSON, refusal
from .steady_loop import new_event_loop

# Seconds for which running requests may continue after the server is asked to stop.
_GRACE = 1

# Connections that may wait to be accepted: many clients may connect at once.
_BACKLOG = 2048


@attrs.frozen
class RunningServer:
    """The address of a running sandbox."""

    host: str
    port: int

    @property
    def url(self) -> str:
        """The base URL for a client on this machine."""
        host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(self.host, self.host)
        return f"http://[{host}]:{self.port}" if ":" in host else f"http://{host}:{self.port}"


@contextmanager
def run_in_thread(app: ASGIApp, host: str, port: int) -> Generator[RunningServer, None, None]:
    """Serve ``app`` from a thread of its own until the block is left."""
    listener = listen(host, port)
    server = Server(config(app))
    thread = threading.Thread(target=server.run_until_stopped, args=(listener,), name="inventpay-sandbox", daemon=True)
    thread.start()
    try:
        server.ready.wait()
        if not server.started:
            raise RuntimeError("The sandbox's server stopped before it was ready; its log says why.")
        yield RunningServer(host, listener.getsockname()[1])
    finally:
        server.should_exit = True
        thread.join()
        listener.close()


def listen(host: str, port: int) -> socket.socket:
    """Return a socket that accepts connections already; port 0 takes a free one. Raises ``AddressError``."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio switches Nagle's algorithm off only on sockets that name their protocol. With it, each answer (head and
    # body are two writes) would wait 40 ms for the client's delayed acknowledgement.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        # On Windows this option would let two servers share the port.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, int(os.name == "posix"))
        listener.bind((host, port))
        listener.listen(_BACKLOG)
    except (OSError, OverflowError, TypeError) as error:
        listener.close()
        reason = (isinstance(error, OSError) and error.strerror) or str(error)
        if isinstance(error, OSError) and error.errno == errno.EADDRINUSE:
            reason = "the port is already in use; take another one, or 0 for any free port"
        raise AddressError(f"Cannot listen on {host} port {port}: {reason}") from error
    return listener


def config(app: ASGIApp) -> uvicorn.Config:
    """Return uvicorn's configuration for ``app``, the same in a thread and in the foreground."""
    return uvicorn.Config(
        app,
        http=_Protocol,
        ws="none",
        lifespan="off",
        # The logging of the process belongs to the application under test.
        log_config=None,
        # A client must not choose the address under which its calls are counted.
        proxy_headers=False,
        server_header=False,
        timeout_graceful_shutdown=_GRACE,
    )


class Server(uvicorn.Server):
    """A server that signals the starting thread when it listens, or that it failed to start."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready: threading.Event = threading.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Start to serve, and signal the starting thread."""
        await super().startup(sockets)
        self.ready.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Stop to serve, and close open connections."""
        # A client that never finishes its request must not delay the shutdown.
        for protocol in cast("list[object]", list(self.server_state.connections)):
            if isinstance(protocol, _Protocol):
                protocol.is_ending = True
                if protocol.awaits_body:
                    protocol.transport.close()
        await super().shutdown(sockets)

    def run_until_stopped(self, listener: socket.socket) -> None:
        """Serve the listener until the server is asked to stop."""
        try:
            # uvicorn exits if it cannot start; in its own thread that ends only the thread.
            with suppress(SystemExit), asyncio.Runner(loop_factory=new_event_loop) as runner:
                runner.run(self.serve(sockets=[listener]))
        finally:
            self.ready.set()


class _Connection:
    """The connection of a request, for faults and streams."""

    def __init__(self, protocol: _Protocol) -> None:
        self._protocol = protocol

    @property
    def is_ending(self) -> bool:
        # The client may have disconnected too.
        return self._protocol.is_ending or self._protocol.transport.is_closing()

    @property
    def is_in_process(self) -> bool:
        return False

    def reset(self) -> None:
        listener = self._protocol.transport.get_extra_info("socket")
        # Without lingering, the kernel sends RST instead of FIN.
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._mark_disconnected()
        self._protocol.transport.abort()

    def close(self) -> None:
        self._mark_disconnected()
        self._protocol.transport.close()

    def _mark_disconnected(self) -> None:
        # uvicorn logs an error if an application does not complete its answer to a connected client.
        self._protocol.cycle.disconnected = True


class _Protocol(H11Protocol):
    """The protocol, which answers invalid HTTP in the API's own form, and passes its connection to the application."""

    is_ending = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        super().connection_made(transport)
        self.app_state = {**self.app_state, connection.KEY: _Connection(self)}

    @property
    def awaits_body(self) -> bool:
        """Return whether a request has started whose body is not complete."""
        return bool(self.cycle and self.cycle.more_body and not self.cycle.response_complete)

    def send_400_response(self, msg: str) -> None:
        # Invalid bytes after a finished answer get no answer.
        if self.conn.our_state in (h11.IDLE, h11.SEND_RESPONSE):
            answer = refusal(SandboxError(400, msg))
            headers = [
                (b"content-type", JSON),
                (b"content-length", b"%d" % len(answer.body)),
                (b"connection", b"close"),
            ]
            for event in (
                h11.Response(status_code=400, headers=headers, reason=b"Bad Request"),
                h11.Data(data=answer.body),
                h11.EndOfMessage(),
            ):
                self.transport.write(self.conn.send(event) or b"")
        self.transport.close()
