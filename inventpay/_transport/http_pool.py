"""One transport for every connection.

httpx's pool looks through all of its connections when a request begins and when it ends, which costs more than the
request itself once there are dozens of them. So each connection is alone in a pool of its own, and the transport that
was used last serves the next request: whoever sends one after the other uses one connection, as with any pool.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Generic, TypeVar, cast

import httpx

T = TypeVar("T")


class _Idle(Generic[T]):
    """The transports of one client, and which of them carry no request."""

    def __init__(self, make: Callable[[], T], expiry: float) -> None:
        self._make = make
        self._expiry = expiry
        self._lock = threading.Lock()
        # What cannot work shall fail here, and not at the first request.
        self._idle = deque([(make(), time.monotonic())])
        self.all = {transport for transport, _ in self._idle}

    def take(self) -> tuple[T, T | None]:
        """A transport for one more request, and perhaps one to close: it has been idle for longer than it may."""
        with self._lock:
            transport = self._idle.pop()[0] if self._idle else self._make()
            self.all.add(transport)
            stale: T | None = None
            if self._idle and self._idle[0][1] + self._expiry < time.monotonic():
                stale, _ = self._idle.popleft()
                self.all.discard(stale)
            return transport, stale

    def give_back(self, transport: T) -> None:
        """Its request is over."""
        with self._lock:
            self._idle.append((transport, time.monotonic()))


class AsyncTransports(httpx.AsyncBaseTransport):
    """As many transports as there are requests at a time."""

    def __init__(self, make: Callable[[], httpx.AsyncBaseTransport], expiry: float) -> None:
        self._idle = _Idle(make, expiry)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it over a transport that carries nothing else."""
        transport, stale = self._idle.take()
        try:
            if stale is not None:
                await stale.aclose()
            response = await transport.handle_async_request(request)
        except BaseException:
            self._idle.give_back(transport)
            raise
        response.stream = _AsyncBody(
            cast(httpx.AsyncByteStream, response.stream), lambda: self._idle.give_back(transport)
        )
        return response

    async def aclose(self) -> None:
        """Closes all connections."""
        while self._idle.all:
            await self._idle.all.pop().aclose()


class _AsyncBody(httpx.AsyncByteStream):
    """The body of an answer. Its request is over when it is closed."""

    __slots__ = ("_over", "_stream")

    def __init__(self, stream: httpx.AsyncByteStream, over: Callable[[], None]) -> None:
        self._stream = stream
        self._over: Callable[[], None] | None = over

    def __aiter__(self) -> AsyncIterator[bytes]:
        return self._stream.__aiter__()

    async def aclose(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            try:
                await self._stream.aclose()
            finally:
                over()


class Transports(httpx.BaseTransport):
    """The same, blocking."""

    def __init__(self, make: Callable[[], httpx.BaseTransport], expiry: float) -> None:
        self._idle = _Idle(make, expiry)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Sends it over a transport that carries nothing else."""
        transport, stale = self._idle.take()
        try:
            if stale is not None:
                stale.close()
            response = transport.handle_request(request)
        except BaseException:
            self._idle.give_back(transport)
            raise
        response.stream = _Body(cast(httpx.SyncByteStream, response.stream), lambda: self._idle.give_back(transport))
        return response

    def close(self) -> None:
        """Closes all connections."""
        while self._idle.all:
            self._idle.all.pop().close()


class _Body(httpx.SyncByteStream):
    """The body of an answer. Its request is over when it is closed."""

    __slots__ = ("_over", "_stream")

    def __init__(self, stream: httpx.SyncByteStream, over: Callable[[], None]) -> None:
        self._stream = stream
        self._over: Callable[[], None] | None = over

    def __iter__(self) -> Iterator[bytes]:
        return iter(self._stream)

    def close(self) -> None:
        over, self._over = self._over, None
        if over is not None:
            try:
                self._stream.close()
            finally:
                over()
