"""Resolve host names and open TCP connections, within the time a request has left.

``getaddrinfo`` cannot be interrupted, so it runs in a daemon thread that callers stop waiting for. Requests that need
the same name at the same time share one look-up. Addresses are tried as RFC 8305 says: the next one starts 250 ms after
the last, or at once when that one fails, and the first connection made wins.
"""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import socket
import ssl
import threading
from collections import deque
from collections.abc import Callable, Generator, Iterator, Sequence
from itertools import chain, zip_longest
from typing import TYPE_CHECKING, Any, Final

import httpx

from ..._concurrency.forking import Lock, register_fork_handler
from ..._concurrency.steady_time import monotonic

if TYPE_CHECKING:
    import asyncio

STAGGER: Final = 0.25
"""Seconds before the next address is tried as well: the Connection Attempt Delay of RFC 8305, section 5."""


class ProxyRoute:
    """A proxy on the way, and how to ask it for a tunnel."""

    __slots__ = ("host", "negotiate", "port", "tls")

    def __init__(
        self,
        host: str,
        port: int,
        tls: ssl.SSLContext | None,
        negotiate: Callable[[str, int], Generator[bytes, bytes, None]],
    ) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.negotiate = negotiate


class Route:
    """The way to a server."""

    __slots__ = ("host", "port", "proxy", "tls")

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None, proxy: ProxyRoute | None = None) -> None:
        self.host = host
        self.port = port
        self.tls = tls
        self.proxy = proxy

    @property
    def first_stop(self) -> tuple[str, int]:
        """The host and port to connect to."""
        return (self.host, self.port) if self.proxy is None else (self.proxy.host, self.proxy.port)


Address = tuple[int, Any]
"""An address family and an address of it."""

_IN_PROGRESS: Final = frozenset({0, errno.EINPROGRESS, errno.EWOULDBLOCK, getattr(errno, "WSAEWOULDBLOCK", 0)})


class _LookUp:
    """One call of ``getaddrinfo`` and the callers that wait for it."""

    def __init__(self) -> None:
        self.listeners: list[Callable[[], object]] = []
        self.addresses: list[Address] = []
        self.error: Exception | None = None

    def result(self) -> list[Address]:
        """Return the addresses, families alternating. Raises httpx.ConnectError."""
        if self.error is not None:
            raise httpx.ConnectError(str(self.error)) from self.error
        if not self.addresses:
            raise httpx.ConnectError("the host name has no address")
        first = self.addresses[0][0]
        same = [address for address in self.addresses if address[0] == first]
        other = [address for address in self.addresses if address[0] != first]
        return [address for address in chain(*zip_longest(same, other)) if address is not None]


class _Resolver:
    """The look-ups that are under way in this process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._running: dict[tuple[str, int], _LookUp] = {}
        register_fork_handler(self)

    def start(self, host: str, port: int, on_done: Callable[[], object]) -> _LookUp:
        """Join the look-up of this name, or start one; ``on_done`` is called in its thread."""
        key = (host, port)
        with self._lock:
            look_up = self._running.get(key)
            if look_up is not None:
                look_up.listeners.append(on_done)
                return look_up
            look_up = self._running[key] = _LookUp()
            look_up.listeners.append(on_done)
        thread = threading.Thread(target=self._run, args=(key, look_up), daemon=True, name="inventpay-resolver")
        try:
            thread.start()
        except RuntimeError as error:
            self._finish(key, look_up, error)
        return look_up

    def _run(self, key: tuple[str, int], look_up: _LookUp) -> None:
        try:
            found = socket.getaddrinfo(*key, type=socket.SOCK_STREAM)
            look_up.addresses = list(dict.fromkeys((family, address) for family, _, _, _, address in found))
            self._finish(key, look_up, None)
        except Exception as error:
            # UnicodeError for a name that no encoding fits; anything else would leave the callers waiting.
            self._finish(key, look_up, error)

    def _finish(self, key: tuple[str, int], look_up: _LookUp, error: Exception | None) -> None:
        look_up.error = error
        with self._lock:
            if self._running.get(key) is look_up:
                del self._running[key]
            listeners = list(look_up.listeners)
        for listener in listeners:
            listener()

    def fork_lock(self) -> Lock:
        """Return the lock that a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """In a forked child: the threads of the parent, and with them its look-ups, do not exist."""
        self._lock = threading.Lock()
        self._running = {}


_resolver = _Resolver()


def _numeric(host: str, port: int) -> list[Address] | None:
    for family in (socket.AF_INET, socket.AF_INET6):
        with contextlib.suppress(OSError, ValueError):
            socket.inet_pton(family, host)
            return [(family, (host, port))]
    return None


def _new_socket(family: int) -> socket.socket:
    sock = socket.socket(family, socket.SOCK_STREAM)
    try:
        sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    except OSError:
        sock.close()
        raise
    return sock


def _none_reached(errors: Sequence[Exception]) -> httpx.ConnectError:
    failure = httpx.ConnectError("; ".join(dict.fromkeys(map(str, errors))))
    failure.__cause__ = errors[0]
    return failure


# --- asyncio ---


async def open_async(host: str, port: int) -> socket.socket:
    """Return a connected non-blocking socket. The caller bounds the time.

    Raises:
        httpx.ConnectError: the name has no address, or none can be reached.
    """
    import asyncio

    loop = asyncio.get_running_loop()
    addresses = _numeric(host, port)
    if addresses is None:
        done: asyncio.Future[None] = loop.create_future()

        def wake() -> None:
            with contextlib.suppress(RuntimeError):  # the loop was closed meanwhile
                loop.call_soon_threadsafe(_set, done)

        look_up = _resolver.start(host, port, wake)
        await done
        addresses = look_up.result()
    if len(addresses) > 1:
        return await _race(loop, addresses)
    try:
        return await _reach(loop, addresses[0])
    except OSError as error:
        raise _none_reached([error]) from error


def _set(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


async def _reach(loop: asyncio.AbstractEventLoop, address: Address) -> socket.socket:
    sock = _new_socket(address[0])
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address[1])
    except BaseException:
        sock.close()
        raise
    return sock


async def _race(loop: asyncio.AbstractEventLoop, addresses: Sequence[Address]) -> socket.socket:
    import asyncio

    waiting = deque(addresses)
    running: set[asyncio.Task[socket.socket]] = set()
    errors: list[Exception] = []
    winner: socket.socket | None = None
    try:
        while winner is None and (waiting or running):
            if waiting:
                running.add(loop.create_task(_reach(loop, waiting.popleft())))
            await asyncio.wait(running, timeout=STAGGER if waiting else None, return_when=asyncio.FIRST_COMPLETED)
            for task in [task for task in running if task.done()]:
                error = task.exception()
                if isinstance(error, Exception):
                    running.discard(task)
                    errors.append(error)
                elif winner is None:
                    running.discard(task)
                    winner = task.result()
    finally:
        for task in running:
            task.cancel()
            task.add_done_callback(_close_result)
    if winner is None:
        raise _none_reached(errors)
    return winner


def _close_result(task: asyncio.Task[socket.socket]) -> None:
    if not task.cancelled() and task.exception() is None:
        task.result().close()


# --- threads ---


def open_blocking(host: str, port: int, left: Callable[[], float | None]) -> socket.socket:
    """Return a connected socket.

    Args:
        host: a name or a numeric address.
        port: the TCP port.
        left: returns the seconds that are left, ``None`` without a limit.

    Raises:
        httpx.ConnectError: the name has no address, or none can be reached.
        httpx.ConnectTimeout: the time is over.
    """
    addresses = _numeric(host, port)
    if addresses is None:
        done = threading.Event()
        look_up = _resolver.start(host, port, done.set)
        if not done.wait(left()):
            raise httpx.ConnectTimeout(f"the name {host} was not resolved in time")
        addresses = look_up.result()
    waiting = deque(addresses)
    errors: list[Exception] = []
    with _Attempts() as attempts:
        next_start = 0.0
        while waiting or attempts.sockets:
            if waiting and (not attempts.sockets or monotonic() >= next_start):
                try:
                    attempts.start(waiting.popleft())
                except OSError as error:
                    errors.append(error)
                    continue
                next_start = monotonic() + STAGGER
            seconds = left()
            if seconds is not None and seconds <= 0:
                raise httpx.ConnectTimeout("no address of the host answered in time")
            if waiting:
                pause = max(0.0, next_start - monotonic())
                seconds = pause if seconds is None else min(seconds, pause)
            for sock, failure in attempts.finished(seconds):
                if failure is None:
                    return attempts.keep(sock)
                errors.append(failure)
                next_start = 0.0
    raise _none_reached(errors)


class _Attempts:
    """Sockets that are being connected; all but the one kept are closed at the end."""

    def __init__(self) -> None:
        self.sockets: set[socket.socket] = set()
        self._selector = selectors.DefaultSelector()

    def __enter__(self) -> _Attempts:
        return self

    def __exit__(self, *exc_info: object) -> None:
        self._selector.close()
        for sock in self.sockets:
            sock.close()

    def start(self, address: Address) -> None:
        sock = _new_socket(address[0])
        self.sockets.add(sock)
        sock.setblocking(False)
        code = sock.connect_ex(address[1])
        if code not in _IN_PROGRESS:
            self._drop(sock)
            raise OSError(code, os.strerror(code))
        self._selector.register(sock, selectors.EVENT_WRITE)

    def finished(self, seconds: float | None) -> Iterator[tuple[socket.socket, OSError | None]]:
        for key, _ in self._selector.select(seconds):
            sock: Any = key.fileobj
            code = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            if code:
                self._selector.unregister(sock)
                self._drop(sock)
            yield sock, OSError(code, os.strerror(code)) if code else None

    def keep(self, sock: socket.socket) -> socket.socket:
        self.sockets.discard(sock)
        return sock

    def _drop(self, sock: socket.socket) -> None:
        self.sockets.discard(sock)
        sock.close()
