# The source of inventpay/_sync/connection.py; after a change run: python tools/generate_sync.py
"""One HTTP client for every process and event loop that uses this connection.

Sockets do not survive a fork or the end of an event loop: parent and child would read each other's answers, and a dead
loop fails only after the request was written. So a caller from elsewhere gets a client of its own before a byte is
sent.
"""

from __future__ import annotations

import contextlib
import functools
import sys
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from .._concurrency.event_loops import ConnectionKey, is_dead
from .._concurrency.forking import Lock, notice_fork, register_fork_handler
from .._transport.http_errors import without_frames
from .._transport.progress import EXTENSION, HEAD_RECEIVED, PARTLY_WRITTEN, Progress
from .._transport.response_body import ResponseBody
from .._transport.send_failures import judge_exception
from .._transport.settings import ConnectionSettings
from ..errors import APITimeoutError, ConfigurationError, DecodeError, InventPayError
from ..headers import Headers
from ..responses import APIResponse
from .response_hooks import read_before_hooks

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend, AsyncSemaphore

_CLEAN_UP: Final = 1.0
"""Seconds that closing connections may take when the call is over."""

_LONGEST_STEP: Final = 86_400.0
"""Seconds a socket may block at most: poll() counts milliseconds in 32 bits, and a day is as good as for ever."""

_inherited: Final[list[object]] = []
"""The open clients of a parent process. A child never touches them: closing would say goodbye on the parent's sockets,
and take the parent's descriptors out of an event loop's epoll, which both share."""


class _LoopPool:
    """The clients of a connection in one process and event loop."""

    __slots__ = ("clients", "guard", "in_flight", "is_closed", "key", "opened", "semaphore", "users")

    def __init__(self, key: ConnectionKey, semaphore: AsyncSemaphore) -> None:
        self.key = key
        self.semaphore = semaphore
        self.clients: dict[bool, Any] = {}
        """The HTTP clients that requests use. aiohttp needs a second one, for requests that need a new connection."""
        self.in_flight = 0
        self.is_closed = False
        self.opened: list[Any] = []
        """The HTTP clients that this package made here and did not close yet."""
        self.users: dict[Any, int] = {}
        """Requests under way on each client of aiohttp."""
        self.guard: Any = None


class AsyncConnection:
    """Sends requests over HTTP clients that belong where they are used."""

    def __init__(self, settings: ConnectionSettings, backend: AsyncBackend) -> None:
        _refuse_what_cannot_serve(settings, backend)
        self._settings = settings
        self._backend = backend
        # Reentrant: the garbage collector may end a forgotten request wherever memory is asked for, and so while this
        # very thread holds the lock.
        self._lock = threading.RLock()
        self._pools: dict[ConnectionKey, _LoopPool] = {}
        self._lent_to: ConnectionKey | None = None
        self._closed = False
        register_fork_handler(self)

    def __repr__(self) -> str:
        pools = list(self._pools.values())
        in_flight = sum(pool.in_flight for pool in pools)
        state = "closed" if self._closed else f"{len(pools)} pools, {in_flight} requests in flight"
        return f"<{type(self).__name__} to {self._settings.base_url}: {state}>"

    @property
    def proxy(self) -> str | None:
        """The proxy of the connections, without credentials; ``None`` for none, or one that is not ours to know."""
        if self._settings.http_client is not None or self._settings.transport not in (None, "aiohttp"):
            return None
        from .._transport.http_client import proxy_label

        return proxy_label(self._settings)

    def check_open(self) -> None:
        """Raise ConfigurationError once the client was closed."""
        if self._closed:
            raise _is_closed()

    async def exchange(
        self,
        method: str,
        path: str,
        headers: Callable[[], list[tuple[str, str]]],
        body: bytes | None,
        *,
        fresh: bool,
        until: float | None,
        progress: Progress,
    ) -> APIResponse:
        """Send one request and read its answer until the moment ``until``.

        Raises APIConnectionError or APITimeoutError, with an outcome, whatever the HTTP library raises.
        """
        # Waiting for a slot is certainly before the first byte.
        progress.watched = True
        progress.left = functools.partial(self._left, until)
        progress.new_connection = fresh
        pool = await self._current_pool()
        if not await pool.semaphore.acquire(_for_sockets(self._left(until))):
            raise APITimeoutError("all connections were busy for too long", outcome="not_sent")
        try:
            self._enter(pool)
            try:
                return await self._send(pool, method, path, headers, body, progress)
            finally:
                await self._leave(pool)
        finally:
            pool.semaphore.release()

    async def _send(
        self,
        pool: _LoopPool,
        method: str,
        path: str,
        headers: Callable[[], list[tuple[str, str]]],
        body: bytes | None,
        progress: Progress,
    ) -> APIResponse:
        new_request, response_headers = _requests()
        handled = sys.exception()
        client = self._client(pool, progress.new_connection)
        left = _for_sockets(progress.left())
        extensions: dict[str, Any] = {EXTENSION: progress, "timeout": _each(left)}
        if not self._settings.is_direct:
            extensions["trace"] = _Trace(progress, extensions["timeout"]).trace
        owned = self._settings.http_client is None
        is_counted = self._settings.transport == "aiohttp"
        if is_counted:
            pool.users[client] = pool.users.get(client, 0) + 1
        request: Any = None
        try:
            request = new_request(client, owned, method, self._settings.base_url, path, headers(), body, extensions)
            # aiohttp and mocks report nothing; where nothing is reported, the worst is assumed.
            progress.watched = False
            response = await client.send(request, stream=True, follow_redirects=False)
            progress.response = None
            progress.stage = max(progress.stage, HEAD_RECEIVED)
            try:
                found = response_headers(response)
                progress.on_headers(response.status_code, found)
                content = await self._body(response, found, progress)
            finally:
                # Trouble with closing must not hide why an answer was not read on.
                try:  # noqa: SIM105 - every call comes here, and contextlib takes three calls more
                    await response.aclose()
                except Exception:
                    pass
                # Responses of httpx refer to themselves: the watch would keep this whole client in memory with them.
                request.extensions.pop("trace", None)
            return APIResponse(response.status_code, found, content)
        except InventPayError:
            raise
        except Exception as error:
            judged = judge_exception(error, request, progress, handled=handled, base_url=self._settings.base_url)
            if judged is None:
                raise
            if isinstance(judged, APIResponse):
                return judged
            failure = judged
        except BaseException as error:
            # Its frames hold the request's headers, and with them the keys.
            raise without_frames(error, handled)  # noqa: B904 - it is the same exception
        finally:
            if is_counted:
                pool.users[client] -= 1
                await _close_unused(pool, client)
        # Raised out here, where no exception of the HTTP library becomes its context.
        raise failure

    async def _body(self, response: Any, headers: Headers, progress: Progress) -> bytes:
        """Read the whole body, as long as it stays within its bounds and comes in time.

        The status of an answer that is an error counts without its body, so a bound that breaks hides no 429.
        """
        body: ResponseBody | None = None
        try:
            if response.is_stream_consumed:
                # A transport without sockets hands over answers that are complete, and inflated.
                body = ResponseBody("")
                body.add(response.content)
                return body.whole()
            body = ResponseBody(headers.get("content-encoding", ""))
            async for piece in response.stream:
                body.add(piece)
                left = progress.left()
                if left is not None and left < 0:
                    raise APITimeoutError("the answer did not end in time", outcome="unknown")
            return body.whole()
        except DecodeError as error:
            if not 200 <= response.status_code < 300:
                return b"" if body is None else body.beginning()
            error.status, error.headers = response.status_code, headers
            raise

    def _left(self, until: float | None) -> float | None:
        return None if until is None else min(until - self._backend.now(), _LONGEST_STEP)

    def _client(self, pool: _LoopPool, fresh: bool) -> Any:
        if self._settings.http_client is not None:
            if getattr(self._settings.http_client, "is_closed", False):
                raise ConfigurationError("http_client= is closed; make a client with an open one")
            read_before_hooks(self._settings.http_client)
            return self._settings.http_client
        # Transports of this package make new connections by themselves, and the user's own is only one.
        fresh = fresh and self._settings.transport == "aiohttp"
        client = pool.clients.get(fresh)
        if client is None:
            from .._transport.http_client import new_async_client

            with self._lock:
                client = pool.clients.get(fresh)
                if client is None:
                    client = pool.clients[fresh] = new_async_client(self._settings, fresh=fresh)
                    pool.opened.append(client)
        return client

    async def _current_pool(self) -> _LoopPool:
        """Return the pool of this process and event loop."""
        key = self._backend.connection_key()
        pool = self._pools.get(key) or self._open(key)
        if pool.guard is None:
            pool.guard = await self._backend.call_at_end(_LoopEnd(self, pool).run)
        return pool

    def _open(self, key: ConnectionKey) -> _LoopPool:
        stale_pools: list[_LoopPool] = []
        with self._lock:
            pool = self._pools.get(key)
            if pool is not None:
                return pool  # another thread was faster
            if self._closed:
                raise _is_closed()
            _refuse_what_cannot_serve(self._settings, self._backend)
            if self._settings.is_lent:
                if self._lent_to is None:
                    self._lent_to = key
                elif self._lent_to != key:
                    raise ConfigurationError(
                        "http_client=, and a transport= with sockets, serve one event loop of one process, and this is "
                        "another one; make a client here, or let this package make the connections"
                    )
            for other in list(self._pools):
                if other[0] != key[0]:
                    _inherited.append(self._pools.pop(other))  # a fork that ran no hooks
                elif is_dead(other[1]):
                    stale_pools.append(self._pools.pop(other))
            pool = self._pools[key] = _LoopPool(key, self._backend.semaphore(self._settings.max_connections))
        for stale in stale_pools:
            self._backend.close_stale(stale.key[1], stale.opened)
        return pool

    def _enter(self, pool: _LoopPool) -> None:
        """Count one more request."""
        with self._lock:
            if pool.is_closed:
                raise _is_closed()
            pool.in_flight += 1

    async def _leave(self, pool: _LoopPool) -> None:
        """Count one request less; the last one after ``aclose`` closes the clients."""
        with self._lock:
            pool.in_flight -= 1
            is_over = pool.is_closed and not pool.in_flight
        if is_over:
            await self._backend.finish(_CLEAN_UP, functools.partial(_close, pool))

    async def discard_connections(self) -> None:
        """Use none of the connections of this pool again: one of them gave an answer that belongs to another request.

        Requests under way are not disturbed; connections of a lent client are the user's.
        """
        pool = self._pools.get(self._backend.connection_key())
        # A client or transport of the caller's own is the same one when it is asked for again.
        if pool is None or not (self._settings.is_direct or self._settings.transport == "aiohttp"):
            return
        with self._lock:
            clients, pool.clients = list(pool.clients.values()), {}
            if self._settings.is_direct:
                # Nothing of them is left to close at the end.
                pool.opened[:] = [client for client in pool.opened if client not in clients]
        for client in clients:
            if self._settings.is_direct:
                # Not the client: one that is closed refuses a request that another caller is about to send.
                await _close_quietly(client._transport)
            else:
                await _close_unused(pool, client)

    async def aclose(self) -> None:
        """Close every connection; one that still carries a request is closed when its answer is there.

        Connections of other event loops are closed there.
        """
        notice_fork()
        key = self._backend.connection_key()
        with self._lock:
            self._closed = True
            pools, self._pools = self._pools, {}
            for pool in pools.values():
                pool.is_closed = True
        for other, pool in pools.items():
            if is_dead(other[1]):
                self._backend.close_stale(other[1], pool.opened)
            elif other == key and not pool.in_flight:
                await self._backend.finish(_CLEAN_UP, functools.partial(_close, pool))

    def forget(self, key: ConnectionKey, opened: list[Any]) -> None:
        """Remove the pool whose event loop ends, known by its clients."""
        with self._lock:
            pool = self._pools.get(key)
            if pool is not None and pool.opened is opened:
                del self._pools[key]

    def fork_lock(self) -> Lock:
        """Return the locks that a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Use nothing of the parent in a forked child; one of its threads may have held the lock."""
        self._lock = threading.RLock()
        _inherited.extend(self._pools.values())
        self._pools = {}

    def __del__(self, is_finalizing: Callable[[], bool] = sys.is_finalizing) -> None:
        try:
            self._drop()
        except Warning:
            raise
        except Exception:
            # The interpreter has taken modules apart before its last objects, and closes the sockets by itself.
            if not is_finalizing():
                raise

    def _drop(self) -> None:
        pools: dict[ConnectionKey, _LoopPool] = getattr(self, "_pools", {})
        left_open = [pool for pool in pools.values() if pool.opened]
        if not left_open:
            return
        process = self._backend.connection_key()[0]
        _inherited.extend(pool for pool in left_open if pool.key[0] != process)  # a fork that ran no hooks
        left_open = [pool for pool in left_open if pool.key[0] == process]
        if not left_open:
            return
        try:
            warnings.warn(f"{self!r} was dropped without being closed", ResourceWarning, stacklevel=1, source=self)
        finally:
            for pool in left_open:
                self._backend.close_stale(pool.key[1], pool.opened)


@functools.cache
def _requests() -> tuple[Callable[..., Any], Callable[[Any], Headers]]:
    """Return what makes requests and reads headers; looked up once, since it is imported late."""
    from .._transport.http_client import new_request, response_headers

    return new_request, response_headers


class _Trace:
    """Reports of a client or a transport of the user's (httpcore's documented ``trace`` extension)."""

    __slots__ = ("_progress", "_timeouts")

    def __init__(self, progress: Progress, timeouts: dict[str, float | None]) -> None:
        self._progress = progress
        self._timeouts = timeouts

    async def trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Record how far the request came; httpcore calls this at the start and the end of every step."""
        self._progress.watched = True
        if not event.endswith(".started"):
            return
        # A step may take what is left by now, not what was left when the request began.
        self._timeouts.update(_each(_for_sockets(self._progress.left())))
        if event.endswith("send_request_headers.started"):
            # The bytes that open a tunnel through a proxy are not the request.
            is_tunnel = getattr(facts.get("request"), "method", None) == b"CONNECT"
            if not is_tunnel:
                self._progress.stage = PARTLY_WRITTEN


class _LoopEnd:
    """The end of a pool when its event loop ends. Keeps neither the connection nor the pool alive."""

    def __init__(self, connection: AsyncConnection, pool: _LoopPool) -> None:
        self._connection = weakref.ref(connection)
        self._key = pool.key
        self._opened = pool.opened

    async def run(self) -> None:
        """Close the clients while the loop still can, and forget the pool."""
        connection = self._connection()
        if connection is not None:
            connection.forget(self._key, self._opened)
        while self._opened:
            await _close_quietly(self._opened.pop())


async def _close(pool: _LoopPool) -> None:
    """Close the clients of a pool that carries no request and, once the connection is closed, end the guard."""
    while pool.clients:
        _, client = pool.clients.popitem()
        await _close_quietly(client)
        # At the end of an event loop its guard may be closing the same clients.
        if client in pool.opened:
            pool.opened.remove(client)
    if pool.guard is not None:
        await pool.guard.aclose()


async def _close_unused(pool: _LoopPool, client: Any) -> None:
    """Close a client of aiohttp that no new request uses, once the last request that it carries has ended."""
    if pool.users.get(client) or client in pool.clients.values():
        return
    pool.users.pop(client, None)
    if client in pool.opened:
        pool.opened.remove(client)
        await _close_quietly(client)


async def _close_quietly(client: Any) -> None:
    # A call must not fail, nor another client stay open, because this one could not say goodbye.
    with contextlib.suppress(Exception):
        await client.aclose()


def _each(seconds: float | None) -> dict[str, float | None]:
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _for_sockets(left: float | None) -> float | None:
    # A socket takes a timeout of 0 for "do not block", and fails differently.
    return None if left is None else max(0.001, left)


def _is_closed() -> ConfigurationError:
    return ConfigurationError("this client is closed; make a new one")


def _refuse_what_cannot_serve(settings: ConnectionSettings, backend: AsyncBackend) -> None:
    """Raise ConfigurationError for a transport or client that does not fit this kind of connection."""
    problem = backend.aiohttp_problem() if settings.transport == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f'transport="aiohttp" {problem}; leave transport= out')
    for name, thing in (("transport", settings.transport), ("http_client", settings.http_client)):
        if thing is not None and not isinstance(thing, str) and not hasattr(thing, "aclose"):
            raise ConfigurationError(
                f"{name}= is {type(thing).__name__}, which has no aclose(): AsyncInventPay takes the classes of httpx "
                "that have one"
            )
