# Generated from inventpay/_async/connection.py by tools/generate_sync.py. Do not edit.
"""One HTTP client for every process and event loop that uses this connection.

Sockets do not survive a fork or the end of an event loop: parent and child would read each other's answers, and a dead
loop fails only after the request was written. So whoever comes from elsewhere gets a client of its own before a byte is
sent.
"""

from __future__ import annotations

import os
import threading
import warnings
import weakref
from collections.abc import Callable, Mapping
from typing import Any, Final

from .._waiting import Slots, Waiting, Home, is_dead
from ..errors import APITimeoutError, ConfigurationError, DecodeError, InventPayError
from ..forking import remember
from ..headers import Headers
from ..http_errors import translate, without_frames
from ..responses import APIResponse
from ..settings import ConnectionSettings

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of an answer that are read at most: a page of a thousand products has a thirtieth of that."""

WOUNDS: Final = 32
"""Cut-off requests after which a pool is retired: each may leave a connection in httpx's pool that nobody can use."""

_CLEAN_UP: Final = 1.0
"""Seconds that closing a connection may take when the call is over."""

_parked: Final[list[object]] = []
"""Pools of a parent process. A child must never touch them: closing one would say goodbye on the parent's sockets."""


class Progress:
    """How far one attempt came, as far as the connection can watch it."""

    __slots__ = ("on_headers", "watched", "written")

    def __init__(self, on_headers: Callable[[int, Headers], None]) -> None:
        self.on_headers = on_headers
        self.watched = False
        self.written = False

    @property
    def maybe_written(self) -> bool:
        """Whether any of the request may have left."""
        return self.written or not self.watched

    def trace(self, event: str, _facts: Mapping[str, Any]) -> None:
        """httpcore's report of what it does (its documented ``trace`` extension)."""
        if event.endswith("send_request_headers.started"):
            self.written = True


class _Pool:
    """The HTTP clients of one process and event loop."""

    __slots__ = ("clients", "guard", "in_flight", "wounds")

    def __init__(self) -> None:
        # One for ordinary requests, one (True) whose connections are never idle for long.
        self.clients: dict[bool, Any] = {}
        self.in_flight = 0
        self.wounds = 0
        self.guard: object = None

    def close(self) -> None:
        """Closes the clients; calling it twice does no harm."""
        _close_all(self.clients)


def _close_all(clients: dict[bool, Any]) -> None:
    while clients:
        clients.popitem()[1].close()


class Connection:
    """Sends requests over HTTP clients that belong where they are used."""

    def __init__(self, settings: ConnectionSettings, waiting: Waiting) -> None:
        self._settings = settings
        self._waiting = waiting
        self._lock = threading.Lock()
        self._pools: dict[Home, _Pool] = {}
        self._slots: dict[Home, Slots] = {}
        self._lent_to: Home | None = None
        self._closed = False
        remember(self)

    def __repr__(self) -> str:
        in_flight = sum(pool.in_flight for pool in self._pools.values())
        state = "closed" if self._closed else f"{len(self._pools)} pools, {in_flight} requests in flight"
        return f"<{type(self).__name__} to {self._settings.base_url}: {state}>"

    def exchange(
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
        """Sends one request and reads its answer until the moment ``until``.

        Raises APIConnectionError or APITimeoutError, with an outcome, whatever the HTTP library raises.
        """
        # Waiting for a place is certainly before the first byte.
        progress.watched = True
        home = self._waiting.home()
        slots = self._slots.get(home) or self._slots.setdefault(
            home, self._waiting.slots(self._settings.max_connections)
        )
        if not slots.take(self._left(until)):
            raise APITimeoutError("all connections were busy for too long", outcome="not_sent")
        try:
            pool = self._enter(home)
            try:
                return self._send(pool, method, path, headers, body, fresh, until, progress)
            except BaseException:
                pool.wounds += 1
                raise
            finally:
                self._leave(home, pool)
        finally:
            slots.give_back()

    def _send(
        self,
        pool: _Pool,
        method: str,
        path: str,
        headers: Callable[[], list[tuple[str, str]]],
        body: bytes | None,
        fresh: bool,
        until: float | None,
        progress: Progress,
    ) -> APIResponse:
        from ..http_client import new_request

        client = self._client(pool, fresh)
        left = self._left(until)
        extensions: dict[str, Any] = {"timeout": {"connect": left, "read": left, "write": left, "pool": left}}
        # Only httpx's own transport reports what it writes; of any other, the worst is assumed.
        progress.watched = watched = self._settings.transport is None and self._settings.http_client is None
        if watched:
            extensions["trace"] = progress.trace
        owned = self._settings.http_client is None
        try:
            request = new_request(client, owned, method, self._settings.base_url + path, headers(), body, extensions)
            response = client.send(request, stream=True, follow_redirects=False)
            progress.written = True
            try:
                found = Headers(response.headers.multi_items())
                progress.on_headers(response.status_code, found)
                chunks: list[bytes] = []
                size = 0
                for chunk in response.iter_bytes():
                    chunks.append(chunk)
                    size += len(chunk)
                    if size > MAX_BODY:
                        raise DecodeError(
                            f"the answer is larger than {MAX_BODY} bytes", json_path="$", outcome="unknown"
                        )
                    if until is not None and self._waiting.now() > until:
                        raise APITimeoutError("the answer did not end in time", outcome="unknown")
            finally:
                response.close()
        except (InventPayError, AssertionError):
            # Our own; and a mock that was asked for something its test did not foresee.
            raise
        except Exception as error:
            failure = translate(error, written=progress.written if watched else None)
            progress.watched, progress.written = True, failure.outcome != "not_sent"
            raise failure from without_frames(error)
        except BaseException as interrupt:
            # Its frames hold the request's headers, and with them the keys.
            raise interrupt.with_traceback(None)  # noqa: B904 - it is the same exception
        return APIResponse(response.status_code, found, b"".join(chunks))

    def _left(self, until: float | None) -> float | None:
        # A socket takes a timeout of 0 for "do not block", and fails differently.
        return None if until is None else max(0.001, until - self._waiting.now())

    def _client(self, pool: _Pool, fresh: bool) -> Any:
        if self._settings.http_client is not None:
            return self._settings.http_client
        # Two clients would only share the user's one transport.
        fresh = fresh and self._settings.transport in (None, "aiohttp")
        client = pool.clients.get(fresh)
        if client is None:
            from ..http_client import new_client

            with self._lock:
                client = pool.clients.get(fresh) or new_client(self._settings, fresh=fresh)
                pool.clients[fresh] = client
        return client

    def _enter(self, home: Home) -> _Pool:
        """The pool for this process and loop, with one more request in flight."""
        with self._lock:
            pool = self._pools.get(home)
            is_new = pool is None
            if pool is None:
                pool = self._open(home)
            pool.in_flight += 1
        if is_new:
            pool.guard = self._waiting.call_at_end(_Ending(self, home, pool).run)
        return pool

    def _open(self, home: Home) -> _Pool:
        if self._closed:
            raise ConfigurationError("this client is closed; make a new one")
        if self._settings.is_lent:
            if self._lent_to is None:
                self._lent_to = home
            elif self._lent_to != home:
                raise ConfigurationError(
                    "http_client=, and a transport= with sockets, serve one event loop of one process, and this is "
                    "another one; make a client here, or let this package make the connections"
                )
        for other in list(self._pools):
            if other[0] != home[0]:
                _parked.append(self._pools.pop(other))
                self._slots.pop(other, None)
            elif is_dead(other):
                del self._pools[other]
                self._slots.pop(other, None)
        pool = self._pools[home] = _Pool()
        return pool

    def _leave(self, home: Home, pool: _Pool) -> None:
        """One request less in flight; a pool that saw many cut-off requests is closed when its last one is over."""
        with self._lock:
            pool.in_flight -= 1
            if pool.wounds < WOUNDS or not self._settings.is_renewable:
                return
            if self._pools.get(home) is pool:
                del self._pools[home]
            if pool.in_flight:
                return
        with self._waiting.shield(_CLEAN_UP):
            pool.close()
            pool.guard = None

    def close(self) -> None:
        """Closes every connection. Pools of other event loops are closed there."""
        self._closed = True
        home = self._waiting.home()
        with self._lock:
            pools, self._pools = self._pools, {}
        for other, pool in pools.items():
            if other == home:
                pool.close()
            elif other[0] != home[0]:
                _parked.append(pool)

    def forget(self, home: Home, clients: dict[bool, Any]) -> None:
        """Drops a pool whose event loop ends."""
        with self._lock:
            pool = self._pools.get(home)
            if pool is not None and pool.clients is clients:
                del self._pools[home]
            self._slots.pop(home, None)

    def forget_parent(self) -> None:
        """In a forked child: the lock may have been held at the moment of the fork."""
        self._lock = threading.Lock()

    def __del__(self) -> None:
        pools = getattr(self, "_pools", {})
        mine = os.getpid()
        _parked.extend(pool for home, pool in pools.items() if home[0] != mine)
        left_open = [pool for home, pool in pools.items() if home[0] == mine and pool.clients]
        if left_open:
            warnings.warn(f"{self!r} was dropped without being closed", ResourceWarning, stacklevel=1, source=self)
            for pool in left_open:
                self._waiting.abandon(pool.close)


class _Ending:
    """What happens to a pool when its event loop ends. Holds no connection alive."""

    def __init__(self, connection: Connection, home: Home, pool: _Pool) -> None:
        self._connection = weakref.ref(connection)
        self._home = home
        self._clients = pool.clients

    def run(self) -> None:
        """Closes the clients while the loop still can, and forgets the pool."""
        connection = self._connection()
        if connection is not None:
            connection.forget(self._home, self._clients)
        _close_all(self._clients)
