"""A transport of httpx for threads, over connections of this package.

It is a subclass of httpx's own transport, so that tools which replace a method of that one still see every request:
where ``handle_request`` of httpx was replaced (OpenTelemetry, pytest-httpx, vcrpy), the replacement runs, and the
original that it calls lands on ``_pool``, on the same connections. Where methods of httpcore were replaced (respx), the
request goes to httpcore.
"""

from __future__ import annotations

import ssl
import sys
from collections.abc import Callable, Iterator, Mapping
from typing import Any, TypeVar

import httpx

from .connection_pool import IdleConnections, Routes, is_replaced, progress_of, response_extensions, traced_value
from .http1.messages import ResponseReader, request_head
from .http1.threads import Connection

T = TypeVar("T")

Trace = Callable[[str, Mapping[str, Any]], None]


class DirectTransport(httpx.HTTPTransport):
    """Sends requests over connections of this package, in threads.

    Args:
        tls: the context for https; ``http/1.1`` is set as its protocol.
        proxy: the proxy to go through.
        expiry: seconds a connection may be idle.
    """

    def __init__(self, tls: ssl.SSLContext, *, proxy: httpx.Proxy | None = None, expiry: float = 5.0) -> None:
        # Not the constructor of httpx: it makes a pool of httpcore, which takes longer to import than all of this.
        self._pool: Any = Pool(tls, proxy, expiry)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        """Send a request and return the response when its head is there."""
        if is_replaced(httpx.HTTPTransport.handle_request, "httpx._transports.default"):
            return super().handle_request(request)
        pool: Pool = self._pool
        if pool.httpcore_is_replaced():
            return super().handle_request(request)
        url = request.url
        status, found, stream, extras = pool.exchange(
            request.method.encode("ascii"),
            (url.raw_scheme, url.raw_host, url.port),
            url.raw_path,
            request.headers.raw,
            request.stream,
            request.extensions,
        )
        return httpx.Response(status, headers=found, stream=stream, extensions=extras)


class Pool:
    """The interface of ``httpcore.ConnectionPool`` over connections of this package."""

    def __init__(self, tls: ssl.SSLContext, proxy: httpx.Proxy | None, expiry: float) -> None:
        self._routes = Routes(tls, proxy, expiry)
        self._httpcore: Any = None

    def handle_request(self, request: Any) -> Any:
        """Send a ``httpcore.Request`` and return a ``httpcore.Response``."""
        import httpcore

        if self.httpcore_is_replaced():
            if self._httpcore is None:
                self._httpcore = httpcore.ConnectionPool(ssl_context=self._routes.tls, max_connections=None)
            return self._httpcore.handle_request(request)
        url = request.url
        status, found, stream, extras = self.exchange(
            request.method,
            (url.scheme, url.host, url.port),
            url.target,
            request.headers,
            request.stream,
            request.extensions,
        )
        return httpcore.Response(status, headers=found, content=stream, extensions=extras)

    @property
    def connections(self) -> list[Any]:
        """The idle connections."""
        return self._routes.idle

    def exchange(
        self,
        method: bytes,
        origin: tuple[bytes, bytes, int | None],
        target: bytes,
        headers: list[tuple[bytes, bytes]],
        stream: Any,
        extensions: Mapping[str, Any],
    ) -> tuple[int, list[tuple[bytes, bytes]], httpx.SyncByteStream, dict[str, Any]]:
        """Send a request over an idle or a new connection, and return status, headers, body and extensions."""
        progress = progress_of(extensions)
        head = request_head(method, target, headers)
        body = b"".join(stream) if isinstance(stream, httpx.ByteStream) else stream
        trace = extensions.get("trace")
        route, idle = self._routes.find(*origin)
        link = idle.take()
        if link is not None and progress.new_connection:
            # In exchange for the new one, so that requests that need one do not make the number grow.
            link.abort()
            link = None
        if link is None:
            link = Connection(route)
            _traced(trace, "connection.connect_tcp", link.open, progress)
            _traced(trace, "connection.start_tls", link.start, progress)
        _traced(trace, "http11.send_request_headers", link.send, head, body, progress, method == b"HEAD")
        reader = _traced(trace, "http11.receive_response_headers", link.receive_head, progress)
        # Once the connection is idle again, its reader belongs to the next request.
        status, found, extras = reader.status, reader.headers, response_extensions(reader, link)
        if not reader.is_complete:
            return status, found, _Body(link, idle, reader, trace), extras
        whole = httpx.ByteStream(reader.take())
        if link.is_open:
            idle.keep(link, reader.idle_timeout)
        return status, found, whole, extras

    def httpcore_is_replaced(self) -> bool:
        """Return whether another library put its own function in the place of httpcore's pool."""
        httpcore = sys.modules.get("httpcore")
        return httpcore is not None and is_replaced(
            httpcore.ConnectionPool.handle_request, "httpcore._sync.connection_pool"
        )

    def close(self) -> None:
        """Close the idle connections, and the others when their responses end."""
        self._routes.close()
        if self._httpcore is not None:
            self._httpcore.close()

    def __enter__(self) -> Pool:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self.close()


class _Body(httpx.SyncByteStream):
    """The body of a response. The connection is free when it was read, and closed when it is dropped before."""

    def __init__(self, link: Any, idle: IdleConnections[Any], reader: ResponseReader, trace: Any) -> None:
        self._link = link
        self._idle = idle
        self._reader = reader
        self._trace = trace

    def __iter__(self) -> Iterator[bytes]:
        while self._link is not None:
            piece = _traced(self._trace, "http11.receive_response_body", self._link.read)
            if self._reader.is_complete:
                link, self._link = self._link, None
                if link.is_open:
                    self._idle.keep(link, self._reader.idle_timeout)
            if piece:
                yield piece

    def close(self) -> None:
        link, self._link = self._link, None
        if link is not None:
            link.abort()


def _traced(trace: Trace | None, name: str, step: Callable[..., T], *arguments: Any) -> T:
    """Run a step of a request, and report it as the ``trace`` extension of httpcore does."""
    if trace is None:
        return step(*arguments)
    trace(f"{name}.started", {})
    try:
        result = step(*arguments)
    except BaseException as error:
        trace(f"{name}.failed", {"exception": error})
        raise
    trace(f"{name}.complete", {"return_value": traced_value(result)})
    return result
