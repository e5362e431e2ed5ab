# Generated from inventpay/_async/connection.py by tools/generate_sync.py. Do not edit.
"""One HTTP client for every process and event loop that uses this connection.

Sockets do not survive a fork or the end of an event loop: parent and child would read each other's answers, and a dead
loop fails only after the request was written. So whoever comes from elsewhere gets a client of its own before a byte is
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

from .._concurrency.event_loops import Home, is_dead
from .._concurrency.forking import Lock, remember
from .._transport.http_errors import answer_in, is_connection_failure, translate, without_frames
from .._transport.settings import ConnectionSettings
from ..errors import APITimeoutError, ConfigurationError, DecodeError, InventPayError
from ..headers import Headers
from ..responses import APIResponse

if TYPE_CHECKING:
    from .._concurrency.threads import Slots, Waiting

MAX_BODY: Final = 32 * 1024 * 1024
"""Bytes of an answer that are read at most: a page of a thousand products has a thirtieth of that."""

WOUNDS: Final = 32
"""Cut-off requests after which a pool is retired: each may leave a connection in httpx's pool that nobody can use."""

_CLEAN_UP: Final = 1.0
"""Seconds that closing connections may take when the call is over."""

_LONGEST_STEP: Final = 86_400.0
"""Seconds a socket may block at most: poll() counts milliseconds in 32 bits, and a day is as good as for ever."""

_parked: Final[list[object]] = []
"""What a parent process has open. A child must never touch it: closing it would say goodbye on the parent's sockets,
and take the parent's descriptors out of an event loop's epoll, which both share."""


class Progress:
    """How far one attempt came, as far as the connection can watch it."""

    __slots__ = ("on_headers", "watched", "written")

    def __init__(self, on_headers: Callable[[int, Headers], None]) -> None:
        self.on_headers: Callable[[int, Headers], None] = on_headers
        self.watched: bool = False
        self.written: bool = False

    @property
    def maybe_written(self) -> bool:
        """Whether any of the request may have left."""
        return self.written or not self.watched


class _Pool:
    """HTTP clients that are used, retired and closed together."""

    __slots__ = ("clients", "in_flight", "wounds")

    def __init__(self) -> None:
        # One for ordinary requests, one (True) whose connections are never idle for long.
        self.clients: dict[bool, Any] = {}
        self.in_flight = 0
        self.wounds = 0


class _Place:
    """What a connection has in one process and event loop."""

    __slots__ = ("guard", "home", "opened", "pool", "slots")

    def __init__(self, home: Home, slots: Slots) -> None:
        self.home = home
        self.slots = slots
        self.pool: _Pool | None = _Pool()
        """What new requests use; ``None`` once the connection is closed."""
        self.opened: list[Any] = []
        """The HTTP clients that this package made here and did not close yet, those of retired pools included."""
        self.guard: Any = None


class Connection:
    """Sends requests over HTTP clients that belong where they are used."""

    def __init__(self, settings: ConnectionSettings, waiting: Waiting) -> None:
        _refuse_what_cannot_serve(settings, waiting)
        self._settings = settings
        self._waiting = waiting
        # Reentrant: the garbage collector may end a forgotten request wherever memory is asked for, and so while this
        # very thread holds the lock.
        self._lock = threading.RLock()
        self._places: dict[Home, _Place] = {}
        self._lent_to: Home | None = None
        self._closed = False
        remember(self)

    def __repr__(self) -> str:
        pools = [place.pool for place in list(self._places.values()) if place.pool is not None]
        in_flight = sum(pool.in_flight for pool in pools)
        state = "closed" if self._closed else f"{len(pools)} pools, {in_flight} requests in flight"
        return f"<{type(self).__name__} to {self._settings.base_url}: {state}>"

    def check_open(self) -> None:
        """Raises ConfigurationError once the client was closed."""
        if self._closed:
            raise _is_closed()

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
        # Waiting for a slot is certainly before the first byte.
        progress.watched = True
        place = self._here()
        if not place.slots.take(self._left(until)):
            raise APITimeoutError("all connections were busy for too long", outcome="not_sent")
        try:
            pool = self._enter(place)
            try:
                return self._send(place, pool, method, path, headers, body, fresh, until, progress)
            except BaseException:
                pool.wounds += 1
                raise
            finally:
                self._leave(place, pool)
        finally:
            place.slots.give_back()

    def _send(
        self,
        place: _Place,
        pool: _Pool,
        method: str,
        path: str,
        headers: Callable[[], list[tuple[str, str]]],
        body: bytes | None,
        fresh: bool,
        until: float | None,
        progress: Progress,
    ) -> APIResponse:
        from .._transport.http_client import new_request

        handled = sys.exception()
        client = self._client(place, pool, fresh)
        timeouts = _each(self._left(until))
        watch = _Watch(progress, timeouts, lambda: self._left(until))
        extensions: dict[str, Any] = {"timeout": timeouts, "trace": watch.trace}
        owned = self._settings.http_client is None
        request: Any = None
        try:
            request = new_request(client, owned, method, self._settings.base_url + path, headers(), body, extensions)
            # aiohttp and mocks report nothing; of what nobody reports the worst is assumed.
            progress.watched = False
            response = client.send(request, stream=True, follow_redirects=False)
            progress.written = True
            try:
                found = Headers(response.headers.multi_items())
                progress.on_headers(response.status_code, found)
                content = self._body(response, found, until)
            finally:
                # Trouble with closing must not hide why an answer was not read on.
                with contextlib.suppress(Exception):
                    response.close()
                # Responses of httpx refer to themselves: the watch would keep this whole client in memory with them.
                request.extensions.pop("trace", None)
            return APIResponse(response.status_code, found, content)
        except (InventPayError, AssertionError):
            # Our own; and a mock that was asked for something its test did not foresee.
            raise
        except Exception as error:
            answer = None if request is None else answer_in(error, request)
            if answer is not None:
                # A response hook of a lent client raised, such as raise_for_status.
                progress.watched = progress.written = True
                progress.on_headers(answer.status, answer.headers)
                return answer
            if not is_connection_failure(error):
                raise
            failure = translate(error, written=progress.written if progress.watched else None, handled=handled)
            progress.watched, progress.written = True, failure.outcome != "not_sent"
        except BaseException as interrupt:
            # Its frames hold the request's headers, and with them the keys.
            raise without_frames(interrupt, handled)  # noqa: B904 - it is the same exception
        # Raised out here, where no exception of the HTTP library becomes its context.
        raise failure

    def _body(self, response: Any, headers: Headers, until: float | None) -> bytes:
        """All of an answer, as long as it is of a sane size and comes in time."""
        if response.is_stream_consumed:
            # A transport without sockets hands over answers that are complete.
            chunks: list[bytes] = [response.content]
            _check_size(len(chunks[0]))
        else:
            chunks = []
            size = 0
            # What is not compressed needs nothing of what httpx does between the two, a tenth of a call.
            for chunk in response.iter_bytes() if "content-encoding" in headers else response.stream:
                chunks.append(chunk)
                size += len(chunk)
                _check_size(size)
                if until is not None and self._waiting.now() > until:
                    raise APITimeoutError("the answer did not end in time", outcome="unknown")
        return b"".join(chunks)

    def _left(self, until: float | None) -> float | None:
        # A socket takes a timeout of 0 for "do not block", and fails differently.
        return None if until is None else min(max(0.001, until - self._waiting.now()), _LONGEST_STEP)

    def _client(self, place: _Place, pool: _Pool, fresh: bool) -> Any:
        if self._settings.http_client is not None:
            if getattr(self._settings.http_client, "is_closed", False):
                raise ConfigurationError("http_client= is closed; make a client with an open one")
            return self._settings.http_client
        # Two clients would only share the user's one transport.
        fresh = fresh and self._settings.is_renewable
        client = pool.clients.get(fresh)
        if client is None:
            from .._transport.http_client import new_client

            with self._lock:
                client = pool.clients.get(fresh)
                if client is None:
                    client = pool.clients[fresh] = new_client(self._settings, fresh=fresh)
                    place.opened.append(client)
        return client

    def _here(self) -> _Place:
        """What this connection has in this process and event loop."""
        home = self._waiting.home()
        place = self._places.get(home) or self._open(home)
        if place.guard is None:
            place.guard = self._waiting.call_at_end(_Ending(self, place).run)
        return place

    def _open(self, home: Home) -> _Place:
        left_behind: list[_Place] = []
        with self._lock:
            place = self._places.get(home)
            if place is not None:
                return place  # another thread was faster
            if self._closed:
                raise _is_closed()
            _refuse_what_cannot_serve(self._settings, self._waiting)
            if self._settings.is_lent:
                if self._lent_to is None:
                    self._lent_to = home
                elif self._lent_to != home:
                    raise ConfigurationError(
                        "http_client=, and a transport= with sockets, serve one event loop of one process, and this is "
                        "another one; make a client here, or let this package make the connections"
                    )
            for other in list(self._places):
                if other[0] != home[0]:
                    _parked.append(self._places.pop(other))  # a fork that ran no hooks
                elif is_dead(other[1]):
                    left_behind.append(self._places.pop(other))
            place = self._places[home] = _Place(home, self._waiting.slots(self._settings.max_connections))
        for stale in left_behind:
            self._waiting.let_go(stale.home[1], stale.opened)
        return place

    def _enter(self, place: _Place) -> _Pool:
        """The pool for one more request."""
        with self._lock:
            if place.pool is None:
                raise _is_closed()
            place.pool.in_flight += 1
            return place.pool

    def _leave(self, place: _Place, pool: _Pool) -> None:
        """One request less in flight; the last one of a pool that is no longer used closes it."""
        with self._lock:
            pool.in_flight -= 1
            if place.pool is pool and pool.wounds >= WOUNDS and self._settings.is_renewable:
                place.pool = _Pool()
            is_over = place.pool is not pool and not pool.in_flight
        if is_over:
            self._waiting.finish(_CLEAN_UP, functools.partial(_close, place, pool))

    def close(self) -> None:
        """Closes every connection; one that still carries a request is closed when its answer is there.

        Connections of other event loops are closed there.
        """
        home = self._waiting.home()
        with self._lock:
            self._closed = True
            places, self._places = self._places, {}
            last = {other: place.pool for other, place in places.items()}
            for place in places.values():
                place.pool = None
        for other, place in places.items():
            pool = last[other]
            if is_dead(other[1]):
                self._waiting.let_go(other[1], place.opened)
            elif other == home and pool is not None and not pool.in_flight:
                self._waiting.finish(_CLEAN_UP, functools.partial(_close, place, pool))

    def forget(self, home: Home, opened: list[Any]) -> None:
        """Drops the place whose event loop ends, known by its clients."""
        with self._lock:
            place = self._places.get(home)
            if place is not None and place.opened is opened:
                del self._places[home]

    def fork_lock(self) -> Lock:
        """What a fork waits for."""
        return self._lock

    def forget_parent(self) -> None:
        """In a forked child: nothing of the parent's is used, and the lock may have been held by one of its threads."""
        self._lock = threading.RLock()
        _parked.extend(self._places.values())
        self._places = {}

    def __del__(self) -> None:
        places: dict[Home, _Place] = getattr(self, "_places", {})
        left_open = [place for place in places.values() if place.opened]
        if left_open:
            try:
                warnings.warn(f"{self!r} was dropped without being closed", ResourceWarning, stacklevel=1, source=self)
            finally:
                for place in left_open:
                    self._waiting.let_go(place.home[1], place.opened)


class _Watch:
    """What the HTTP library reports of one request while it sends it (httpcore's documented ``trace`` extension)."""

    __slots__ = ("_left", "_progress", "_timeouts")

    def __init__(self, progress: Progress, timeouts: dict[str, float | None], left: Callable[[], float | None]) -> None:
        self._progress = progress
        self._timeouts = timeouts
        self._left = left

    def trace(self, event: str, facts: Mapping[str, Any]) -> None:
        """Called at the start and the end of every step."""
        self._progress.watched = True
        if not event.endswith(".started"):
            return
        # A step may take what is left by now, not what was left when the request began.
        self._timeouts.update(_each(self._left()))
        if event.endswith("send_request_headers.started"):
            # What opens a tunnel through a proxy is not the request.
            is_tunnel = getattr(facts.get("request"), "method", None) == b"CONNECT"
            self._progress.written = self._progress.written or not is_tunnel


class _Ending:
    """What happens to a place when its event loop ends. Keeps neither the connection nor the place alive."""

    def __init__(self, connection: Connection, place: _Place) -> None:
        self._connection = weakref.ref(connection)
        self._home = place.home
        self._opened = place.opened

    def run(self) -> None:
        """Closes the clients while the loop still can, and forgets the place."""
        connection = self._connection()
        if connection is not None:
            connection.forget(self._home, self._opened)
        while self._opened:
            _close_quietly(self._opened.pop())


def _close(place: _Place, pool: _Pool) -> None:
    """Closes a pool that carries no request and, if it was the last one of a closed connection, ends the guard."""
    while pool.clients:
        _, client = pool.clients.popitem()
        _close_quietly(client)
        # At the end of an event loop its guard may be closing the same clients.
        if client in place.opened:
            place.opened.remove(client)
    if place.pool is None and not place.opened and place.guard is not None:
        place.guard.close()


def _close_quietly(client: Any) -> None:
    # A call must not fail, nor another client stay open, because this one could not say goodbye.
    with contextlib.suppress(Exception):
        client.close()


def _each(seconds: float | None) -> dict[str, float | None]:
    return dict.fromkeys(("connect", "read", "write", "pool"), seconds)


def _check_size(size: int) -> None:
    if size > MAX_BODY:
        raise DecodeError(f"the answer is larger than {MAX_BODY} bytes", json_path="$", outcome="unknown")


def _is_closed() -> ConfigurationError:
    return ConfigurationError("this client is closed; make a new one")


def _refuse_what_cannot_serve(settings: ConnectionSettings, waiting: Waiting) -> None:
    """Raises ConfigurationError for a transport or client that is made for another world than this connection."""
    problem = waiting.aiohttp_problem() if settings.transport == "aiohttp" else None
    if problem is not None:
        raise ConfigurationError(f'transport="aiohttp" {problem}; leave transport= out')
    for name, thing in (("transport", settings.transport), ("http_client", settings.http_client)):
        if thing is not None and not isinstance(thing, str) and not hasattr(thing, "close"):
            raise ConfigurationError(
                f"{name}= is {type(thing).__name__}, which has no close(): InventPay takes the classes of httpx "
                "that have one"
            )
