"""Keep connections between requests, for both kinds of transport."""

from __future__ import annotations

import ssl
from collections import deque
from collections.abc import Iterator, Mapping
from types import FunctionType
from typing import Any, Final, Generic, Protocol, TypeVar, cast

import httpx

from .._concurrency.steady_time import monotonic
from .http1.connecting import ProxyRoute, Route
from .http1.messages import ResponseReader
from .progress import EXTENSION, Progress

_PORTS: Final = {b"http": 80, b"https": 443}


class _Link(Protocol):
    """A connection, of whichever kind."""

    expires_at: float
    """The moment of ``time.monotonic()`` after which it is not used again."""

    @property
    def is_idle(self) -> bool:
        """Whether a next request may use it."""
        ...

    def abort(self) -> None:
        """Close at once."""
        ...


L = TypeVar("L", bound=_Link)


class IdleConnections(Generic[L]):
    """The connections of one transport that carry no request. The one used last is used next.

    Threads may share it: taking from and adding to a deque needs no lock.
    """

    def __init__(self, expiry: float) -> None:
        self._expiry = expiry
        self._idle: deque[L] = deque()
        self._is_closed = False

    def __iter__(self) -> Iterator[L]:
        return iter(tuple(self._idle))

    def take(self) -> L | None:
        """Return a connection that may be used. Those that may not are closed."""
        now = monotonic()
        while self._idle:
            try:
                link = self._idle.pop()
            except IndexError:  # another thread was faster
                break
            if link.expires_at > now and link.is_idle:
                self._close_oldest(now)
                return link
            link.abort()
        return None

    def keep(self, link: L, idle_timeout: float | None) -> None:
        """Put a connection back, for as long as it may be idle by our word and the server's."""
        expiry = self._expiry if idle_timeout is None else min(self._expiry, idle_timeout)
        link.expires_at = monotonic() + expiry
        self._idle.append(link)
        if self._is_closed:
            self.close()

    def close(self) -> None:
        """Close all, and those that come back later."""
        self._is_closed = True
        while self._idle:
            try:
                self._idle.pop().abort()
            except IndexError:
                break

    def _close_oldest(self, now: float) -> None:
        # One for each request: after a burst, connections that are not needed any more are closed one by one.
        try:
            if self._idle[0].expires_at <= now:
                self._idle.popleft().abort()
        except IndexError:
            pass


class Routes:
    """Where requests go: one route, with its idle connections, for each origin."""

    def __init__(self, tls: ssl.SSLContext, proxy: httpx.Proxy | None, expiry: float) -> None:
        tls.set_alpn_protocols(["http/1.1"])
        self.tls = tls
        self.proxy: ProxyRoute | None = None
        if proxy is not None:
            # Few have one, and a first call takes a twentieth less without this.
            from .http1.proxies import proxy_route

            self.proxy = proxy_route(proxy, tls)
        self.expiry = expiry
        self._known: dict[tuple[bytes, bytes, int | None], tuple[Route, IdleConnections[Any]]] = {}

    def find(self, scheme: bytes, host: bytes, port: int | None) -> tuple[Route, IdleConnections[Any]]:
        """Return the route to an origin. Raises httpx.UnsupportedProtocol."""
        key = (scheme, host, port)
        known = self._known.get(key)
        if known is None:
            if scheme not in _PORTS or not host:
                raise httpx.UnsupportedProtocol(f"{scheme!r} must be http or https, and {host!r} the name of a host")
            route = Route(
                host=host.decode("ascii"),
                port=port or _PORTS[scheme],
                tls=self.tls if scheme == b"https" else None,
                proxy=self.proxy,
            )
            known = self._known.setdefault(key, (route, IdleConnections(self.expiry)))
        return known

    @property
    def idle(self) -> list[Any]:
        """The connections that carry no request."""
        return [link for _, idle in list(self._known.values()) for link in idle]

    def close(self) -> None:
        """Close the idle connections, and those that come back later."""
        for _, idle in list(self._known.values()):
            idle.close()


def progress_of(extensions: Mapping[str, Any]) -> Progress:
    progress = extensions.get(EXTENSION)
    if progress is None:
        timeouts: Mapping[str, float | None] = extensions.get("timeout") or {}
        seconds = timeouts.get("read")
        until = None if seconds is None else monotonic() + seconds
        progress = Progress(lambda status, headers: None, lambda: None if until is None else until - monotonic())
    progress.watched = True
    return cast(Progress, progress)


def is_replaced(method: Any, module: str) -> bool:
    """Return whether another library put its own function in the place of a method of this module."""
    # A wrapper may have the name, and show the attributes, of what it wraps.
    return type(method) is not FunctionType or method.__globals__.get("__name__") != module


def response_extensions(reader: ResponseReader, link: Any) -> dict[str, Any]:
    return {"http_version": reader.version, "reason_phrase": reader.reason, "network_stream": link}


def traced_value(result: Any) -> Any:
    """Return the value that the ``trace`` extension of httpcore reports as the result of a step."""
    if isinstance(result, ResponseReader):
        return (result.version, result.status, result.reason, result.headers)
    return result
