"""One connection for tasks of asyncio."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import ssl
from collections.abc import AsyncGenerator, AsyncIterable, AsyncIterator
from typing import Any, Final, cast

import httpx

from ..progress import COMPLETE, HEAD_RECEIVED, PARTLY_WRITTEN, WRITTEN, Progress
from .connecting import ProxyRoute, Route, open_async
from .messages import ResponseReader

_UNREAD: Final = 256 * 1024
"""Bytes of a body that may wait to be taken before reading from the socket pauses."""

_SLICE: Final = 64 * 1024
"""Bytes of a request that are given to the event loop at a time; its default high-water mark."""


class AsyncConnection(asyncio.Protocol):
    """A connection over which one request at a time is sent."""

    def __init__(self, route: Route) -> None:
        self._loop = asyncio.get_running_loop()
        self._route = route
        self._socket: socket.socket | None = None
        self._transport: asyncio.Transport | None = None
        self._reader = ResponseReader()
        self._progress: Progress | None = None
        """Of the request under way; ``None`` between two."""
        self._failure: httpx.TransportError | None = None
        self._inbox: bytearray | None = None
        """Bytes of a proxy, while the tunnel is being opened."""
        self._is_lost = self._is_full = self._is_paused = False
        self._waiter: asyncio.Future[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        self.expires_at = 0.0

    # --- called by the transport, one request at a time ---

    async def open(self, progress: Progress) -> None:
        """Connect to the API, or to the proxy.

        Raises:
            httpx.ConnectError: the host cannot be reached.
            httpx.ConnectTimeout: the time that is left was too short.
        """
        async with _connecting(progress):
            self._socket = await open_async(*self._route.first_stop)

    async def start(self, progress: Progress) -> None:
        """Open the tunnel through the proxy and agree on TLS.

        Raises:
            httpx.ConnectError: TLS cannot be agreed on.
            httpx.ConnectTimeout: the time that is left was too short.
            httpx.ProxyError: the proxy refused.
        """
        route, sock = self._route, self._socket
        assert sock is not None
        tls, host = (route.tls, route.host) if route.proxy is None else (route.proxy.tls, route.proxy.host)
        try:
            async with _connecting(progress):
                await self._loop.create_connection(
                    lambda: self, sock=sock, ssl=tls, server_hostname=host if tls else None
                )
                if route.proxy is not None:
                    await self._tunnel(route.proxy, route)
        except BaseException:
            # A handshake that is cut off before it began goes on in some versions of asyncio, unless the server seems
            # to be gone.
            with contextlib.suppress(OSError):
                sock.shutdown(socket.SHUT_RDWR)
            self.abort()
            raise

    async def _tunnel(self, proxy: ProxyRoute, route: Route) -> None:
        self._inbox = bytearray()
        steps = proxy.negotiate(route.host, route.port)
        output = next(steps)
        with contextlib.suppress(StopIteration):
            while True:
                self._write(output)
                while not self._inbox:
                    await self._changed()
                data = bytes(self._inbox)
                self._inbox.clear()
                output = steps.send(data)
        self._inbox = None
        if route.tls is not None and self._transport is not None:
            transport = await self._loop.start_tls(self._transport, self, route.tls, server_hostname=route.host)
            self._transport = transport

    async def send(self, head: bytes, body: bytes | AsyncIterable[bytes], progress: Progress, head_only: bool) -> None:
        """Send a request."""
        self._reader.expect(head_only=head_only)
        self._progress = progress
        left = progress.left()
        if left is not None:
            self._timer = self._loop.call_later(left, self._expire)
        try:
            if left is not None and left <= 0:
                raise httpx.WriteTimeout("the time was over before the request was written")
            if isinstance(body, bytes) and len(body) < _SLICE:
                self._write(head + body)
            else:
                await self._write_slowly(head, body)
        except BaseException:
            self.abort()
            raise

    async def receive_head(self, progress: Progress) -> ResponseReader:
        """Return what was read when the head of the response is there."""
        reader = self._reader
        try:
            while not reader.has_head:
                await self._changed()
        except BaseException:
            self.abort()
            raise
        progress.stage = HEAD_RECEIVED
        if reader.is_complete:
            self._finish()
        return reader

    async def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end."""
        reader = self._reader
        try:
            while not reader.unread and not reader.is_complete:
                await self._changed()
        except BaseException:
            self.abort()
            raise
        if self._is_paused and self._transport is not None:
            self._is_paused = False
            self._transport.resume_reading()
        if reader.is_complete:
            self._finish()
        return reader.take()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return not self._is_lost

    @property
    def is_idle(self) -> bool:
        """Return whether the next request may use this connection.

        It may if the last response ended as its framing says, nothing followed it, and the server did not close.
        """
        if self._is_lost or self._progress is not None or self._socket is None:
            return False
        try:
            # The operating system may hold bytes, or the end, that the event loop did not read yet.
            self._socket.recv(1, socket.MSG_PEEK)
        except (BlockingIOError, InterruptedError):
            return True
        except OSError:
            pass
        return False

    def abort(self) -> None:
        """Close at once."""
        if self._progress is not None and self._failure is None:
            self._failure = httpx.ReadError("the connection was closed while the request was under way")
        self._is_lost = True
        self._stop()
        self._wake()
        if self._transport is not None:
            self._transport.abort()

    def get_extra_info(self, info: str) -> Any:
        """Return facts about the connection, by the names that network streams of httpcore use."""
        names = {"client_addr": "sockname", "server_addr": "peername", "socket": "socket", "ssl_object": "ssl_object"}
        if self._transport is None or info not in names:
            return None
        return self._transport.get_extra_info(names[info])

    # --- called by the event loop ---

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)

    def data_received(self, data: bytes) -> None:
        if self._inbox is not None:
            self._inbox += data
            self._wake()
            return
        if self._progress is None:
            # Nothing was asked. Whatever this is, no later response may be read from behind it.
            self.abort()
            return
        reader = self._reader
        try:
            reader.feed(data)
        except httpx.RemoteProtocolError as error:
            self._fail(error)
        if reader.unread > _UNREAD and not reader.is_complete and self._transport is not None:
            self._is_paused = True
            self._transport.pause_reading()
        self._wake()

    def eof_received(self) -> None:
        self._is_lost = True
        if self._inbox is not None:
            self._failure = httpx.ProxyError("the proxy closed the connection")
        elif self._progress is not None:
            try:
                self._reader.end(is_certain=self._tls_said_goodbye())
            except httpx.RemoteProtocolError as error:
                self._fail(error)
        self._wake()

    def connection_lost(self, exc: Exception | None) -> None:
        if (self._progress is not None or self._inbox is not None) and not self._is_lost:
            if exc is not None:
                failure = httpx.ReadError(f"the connection was lost: {exc}")
                failure.__cause__ = exc
                self._fail(failure)
            elif self._inbox is None:
                self.eof_received()
        self._is_lost = True
        self._is_full = False
        self._wake()

    def pause_writing(self) -> None:
        self._is_full = True

    def resume_writing(self) -> None:
        self._is_full = False
        self._wake()

    # --- in between ---

    def _tls_said_goodbye(self) -> bool:
        """Return whether TLS was closed correctly; True without TLS. The event loop reports both ends alike."""
        tls = None if self._transport is None else self._transport.get_extra_info("ssl_object")
        if tls is None:
            return True
        try:
            return not tls.read(1)
        except ssl.SSLError:
            return False

    def _write(self, data: bytes) -> None:
        if self._is_lost or self._transport is None:
            raise httpx.WriteError("the server closed the connection before the request was written")
        if self._progress is not None:
            self._progress.stage = PARTLY_WRITTEN
        self._transport.write(data)
        if self._progress is not None and not self._transport.get_write_buffer_size():
            self._progress.stage = WRITTEN

    async def _write_slowly(self, head: bytes, body: bytes | AsyncIterable[bytes]) -> None:
        """Write no faster than the server reads, and stop when it answers before it read everything."""
        self._write(head)
        pieces = _slices(body) if isinstance(body, bytes) else body
        async for piece in pieces:
            while self._is_full and not self._reader.has_head:
                await self._changed()
            if self._reader.has_head:
                self._is_lost = True  # for requests that follow: the server may take them for the rest of this one
                return
            self._write(piece)

    async def _changed(self) -> None:
        """Wait for the next event. Raises what ended the connection."""
        if self._failure is not None:
            raise self._failure
        self._waiter = self._loop.create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _expire(self) -> None:
        what = "the body of the response" if self._reader.has_head else "the response"
        self._fail(httpx.ReadTimeout(f"{what} did not arrive in time"))
        self._wake()

    def _fail(self, failure: httpx.TransportError) -> None:
        if self._failure is None and not self._reader.is_complete:
            self._failure = failure

    def _finish(self) -> None:
        """Keep the connection after a complete response if that is safe, else close it."""
        if self._progress is None:
            return
        self._progress.stage = COMPLETE
        self._stop()
        reader = self._reader
        unsent = self._transport is None or self._transport.get_write_buffer_size() > 0
        if self._is_lost or unsent or reader.has_surplus or not reader.keep_alive:
            self.abort()

    def _stop(self) -> None:
        self._progress = None
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None


@contextlib.asynccontextmanager
async def _connecting(progress: Progress) -> AsyncGenerator[None, None]:
    """Bound a step by the time that is left, and translate its failures."""
    left = progress.left()
    try:
        async with asyncio.timeout(None if left is None else max(0.0, left)):
            yield
    except TimeoutError as error:
        raise httpx.ConnectTimeout("no connection was made in time") from error
    except OSError as error:
        raise httpx.ConnectError(str(error) or type(error).__name__) from error


async def _slices(body: bytes) -> AsyncIterator[bytes]:
    for start in range(0, len(body), _SLICE):
        yield body[start : start + _SLICE]
