"""One connection for tasks of trio."""

from __future__ import annotations

import math
import ssl
from collections.abc import AsyncIterable, Awaitable
from typing import Any, TypeVar

import httpx
import trio

from .http1.connecting import STAGGER, Route
from .http1.messages import ResponseReader
from .progress import COMPLETE, HEAD_RECEIVED, PARTLY_WRITTEN, WRITTEN, Progress

T = TypeVar("T")


class TrioConnection:
    """A connection over which one request at a time is sent."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._raw: trio.SocketStream | None = None
        self._stream: trio.SocketStream | trio.SSLStream[Any] | None = None
        self._reader = ResponseReader()
        self._progress: Progress | None = None
        self.expires_at = 0.0

    async def open(self, progress: Progress) -> None:
        """Connect to the API, or to the proxy. Raises httpx.ConnectError and httpx.ConnectTimeout."""
        host, port = self._route.first_stop

        async def connect() -> trio.SocketStream:
            return await trio.open_tcp_stream(host, port, happy_eyeballs_delay=STAGGER)

        self._stream = self._raw = await self._within(progress, httpx.ConnectTimeout, httpx.ConnectError, connect())
        self._raw.setsockopt(trio.socket.SOL_SOCKET, trio.socket.SO_KEEPALIVE, 1)

    async def start(self, progress: Progress) -> None:
        """Open the tunnel through the proxy and agree on TLS. Raises httpx.ConnectError and its relatives."""
        try:
            await self._within(progress, httpx.ConnectTimeout, httpx.ConnectError, self._start())
        except BaseException:
            self.abort()
            raise

    async def _start(self) -> None:
        route = self._route
        if route.proxy is not None:
            if route.proxy.tls is not None:
                await self._secure(route.proxy.tls, route.proxy.host)
            steps = route.proxy.negotiate(route.host, route.port)
            output = next(steps)
            try:
                while True:
                    if output:
                        await self._open_stream().send_all(output)
                    data = await self._open_stream().receive_some()
                    if not data:
                        raise httpx.ProxyError("the proxy closed the connection")
                    output = steps.send(bytes(data))
            except StopIteration:
                pass
        if route.tls is not None:
            await self._secure(route.tls, route.host)

    async def _secure(self, tls: ssl.SSLContext, host: str) -> None:
        stream: trio.SSLStream[Any] = trio.SSLStream(self._open_stream(), tls, server_hostname=host)
        await stream.do_handshake()
        self._stream = stream

    async def send(self, head: bytes, body: bytes | AsyncIterable[bytes], progress: Progress, head_only: bool) -> None:
        """Send a request."""
        self._reader.expect(head_only=head_only)
        self._progress = progress

        async def write() -> None:
            progress.stage = PARTLY_WRITTEN
            stream = self._open_stream()
            if isinstance(body, bytes):
                await stream.send_all(head + body)
            else:
                await stream.send_all(head)
                async for piece in body:
                    await stream.send_all(piece)
            progress.stage = WRITTEN

        try:
            await self._within(progress, httpx.WriteTimeout, httpx.WriteError, write())
        except httpx.WriteError:
            # Servers that refuse a request may answer and close before they read all of it.
            self._is_cut = True
        except BaseException:
            self.abort()
            raise

    _is_cut = False

    async def receive_head(self, progress: Progress) -> ResponseReader:
        """Return what was read when the head of the response is there."""
        reader = self._reader
        try:
            while not reader.has_head:
                await self._receive(progress)
        except BaseException:
            self.abort()
            raise
        progress.stage = HEAD_RECEIVED
        if reader.is_complete:
            await self._finish()
        return reader

    async def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end."""
        reader, progress = self._reader, self._progress
        try:
            while not reader.unread and not reader.is_complete:
                if progress is None:
                    raise httpx.ReadError("the connection was closed while the request was under way")
                await self._receive(progress)
        except BaseException:
            self.abort()
            raise
        if reader.is_complete:
            await self._finish()
        return reader.take()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self._raw is not None

    @property
    def is_idle(self) -> bool:
        """Whether a next request may use this connection."""
        return self._progress is None and self._raw is not None and not self._raw.socket.is_readable()

    def abort(self) -> None:
        """Close at once."""
        self._progress = None
        raw, self._raw, self._stream = self._raw, None, None
        if raw is not None:
            raw.socket.close()

    def get_extra_info(self, info: str) -> Any:
        """Return facts about the connection, by the names that network streams of httpcore use."""
        if self._raw is None:
            return None
        if info == "ssl_object":
            return self._stream if isinstance(self._stream, trio.SSLStream) else None
        facts = {"client_addr": self._raw.socket.getsockname, "server_addr": self._raw.socket.getpeername}
        return facts[info]() if info in facts else self._raw.socket if info == "socket" else None

    async def _receive(self, progress: Progress) -> None:
        what = "the body of the response" if self._reader.has_head else "the response"
        data = await self._within(
            progress, httpx.ReadTimeout, httpx.ReadError, self._open_stream().receive_some(64 * 1024), what
        )
        if data:
            self._reader.feed(bytes(data))
        else:
            self._reader.end()

    def _open_stream(self) -> Any:
        if self._stream is None:
            raise httpx.ReadError("the connection was closed while the request was under way")
        return self._stream

    async def _finish(self) -> None:
        if self._progress is None:
            return
        self._progress.stage = COMPLETE
        self._progress = None
        reader = self._reader
        if reader.keep_alive and not reader.has_surplus and not self._is_cut:
            if not isinstance(self._stream, trio.SSLStream):
                return
            # Bytes that follow may be in the buffers of TLS already; a scope whose time is over reads no others.
            with trio.CancelScope(deadline=-math.inf):
                await self._stream.receive_some(1)
                self.abort()
            return
        self.abort()

    async def _within(
        self,
        progress: Progress,
        late: type[httpx.TimeoutException],
        failed: type[httpx.NetworkError],
        step: Awaitable[T],
        what: str = "this step of the request",
    ) -> T:
        """Run a step within the time that is left."""
        left = progress.left()
        try:
            with trio.fail_after(math.inf if left is None else max(0.0, left)):
                return await step
        except trio.TooSlowError as error:
            raise late(f"{what} did not end in time") from error
        except (OSError, trio.BrokenResourceError, trio.ClosedResourceError) as error:
            cause = error.__cause__ if isinstance(error.__cause__, OSError) else error
            raise failed(str(cause) or type(error).__name__) from cause
