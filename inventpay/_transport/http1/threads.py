"""One connection for threads.

Its socket never blocks: a step that is not ready waits by itself. A socket with a timeout makes twice as many calls of
the operating system for a request, and at each of them Python may hand its global lock to another thread.
"""

from __future__ import annotations

import contextlib
import math
import select
import ssl
import sys
from collections.abc import Callable, Generator, Iterable
from typing import Any, Final, TypeVar

import httpx

from ..._core.signal_handlers import raised_by_handler
from ..progress import COMPLETE, HEAD_RECEIVED, PARTLY_WRITTEN, WRITTEN, Progress
from .connecting import Route, open_blocking
from .messages import ResponseReader

_SLICE: Final = 64 * 1024
"""Bytes that are written or read at a time."""

_NOT_READY: Final = (BlockingIOError, ssl.SSLWantReadError, ssl.SSLWantWriteError)

_LONGEST_STEP: Final = 86_400.0
"""Seconds of one wait at most: poll() counts milliseconds in 32 bits."""

_READABLE: Final[int] = getattr(select, "POLLIN", 0)
_WRITABLE: Final[int] = getattr(select, "POLLOUT", 0)
"""Events of poll(), where there is one."""

T = TypeVar("T")


class Connection:
    """A connection over which one request at a time is sent."""

    def __init__(self, route: Route) -> None:
        self._route = route
        self._socket: Any = None
        """A socket, an SSLSocket, or what stands for one where TLS runs inside TLS; none of them blocks."""
        self._is_secured = False
        self._reader = ResponseReader()
        self._progress: Progress | None = None
        """Of the request under way; ``None`` between two."""
        self._cut_off: httpx.WriteError | None = None
        self.expires_at = 0.0

    def open(self, progress: Progress) -> None:
        """Connect to the API, or to the proxy.

        Raises:
            httpx.ConnectError: the host cannot be reached.
            httpx.ConnectTimeout: the time that is left was too short.
        """
        self._socket = open_blocking(*self._route.first_stop, progress.left)

    def start(self, progress: Progress) -> None:
        """Open the tunnel through the proxy and agree on TLS.

        Raises:
            httpx.ConnectError: TLS cannot be agreed on.
            httpx.ConnectTimeout: the time that is left was too short.
            httpx.ProxyError: the proxy refused.
        """
        route = self._route
        try:
            if route.proxy is not None:
                if route.proxy.tls is not None:
                    self._secure(route.proxy.tls, route.proxy.host, progress)
                self._tunnel(route.proxy.negotiate(route.host, route.port), progress)
            if route.tls is not None:
                self._secure(route.tls, route.host, progress)
        except BaseException as error:
            self.abort()
            if isinstance(error, TimeoutError):
                raise httpx.ConnectTimeout("no connection was made in time") from error
            if isinstance(error, OSError):
                raise httpx.ConnectError(str(error) or type(error).__name__) from error
            raise

    def _tunnel(self, steps: Generator[bytes, bytes, None], progress: Progress) -> None:
        sock = self._socket
        output = next(steps)
        with contextlib.suppress(StopIteration):
            while True:
                rest = memoryview(output)
                while rest:
                    rest = rest[_when_ready(sock, sock.send, rest, progress=progress, is_writing=True) :]
                data: bytes = _when_ready(sock, sock.recv, _SLICE, progress=progress)
                if not data:
                    raise httpx.ProxyError("the proxy closed the connection")
                output = steps.send(data)

    def _secure(self, tls: ssl.SSLContext, host: str, progress: Progress) -> None:
        if self._is_secured:
            from .proxies import TLSInTLS

            self._socket = TLSInTLS(self._socket, tls, host)
        else:
            self._socket = tls.wrap_socket(
                self._socket, server_hostname=host, do_handshake_on_connect=False, suppress_ragged_eofs=False
            )
            self._is_secured = True
        _when_ready(self._socket, self._socket.do_handshake, progress=progress)

    def send(self, head: bytes, body: bytes | Iterable[bytes], progress: Progress, head_only: bool) -> None:
        """Send a request."""
        self._reader.expect(head_only=head_only)
        self._progress = progress
        self._cut_off = None
        handled = sys.exception()
        try:
            self._write(head, body, progress)
        except httpx.WriteError as error:
            if raised_by_handler(error, handled) is not None:
                self.abort()
                raise
            # Servers that refuse a request may answer and close before they read all of it.
            self._cut_off = error
        except BaseException:
            self.abort()
            raise

    def receive_head(self, progress: Progress) -> ResponseReader:
        """Return what was read when the head of the response is there."""
        reader = self._reader
        try:
            while not reader.has_head:
                self._receive(progress)
        except BaseException as error:
            self.abort()
            if self._cut_off is not None and isinstance(error, (httpx.ReadError, httpx.RemoteProtocolError)):
                raise self._cut_off from error
            raise
        progress.stage = HEAD_RECEIVED
        if reader.is_complete:
            self._finish()
        return reader

    def read(self) -> bytes:
        """Return the next piece of the body, nothing at its end."""
        reader, progress = self._reader, self._progress
        try:
            while not reader.unread and not reader.is_complete:
                if progress is None:
                    raise httpx.ReadError("the connection was closed while the request was under way")
                self._receive(progress)
        except BaseException:
            self.abort()
            raise
        if reader.is_complete:
            self._finish()
        return reader.take()

    @property
    def is_open(self) -> bool:
        """Whether it was not closed."""
        return self._socket is not None

    @property
    def is_idle(self) -> bool:
        """Return whether the next request may use this connection.

        It may if the last response ended as its framing says, nothing followed it, and the server did not close.
        """
        sock = self._socket
        if self._progress is not None or sock is None:
            return False
        try:
            # Under TLS this reads session tickets, which are no surplus, and bytes that were decrypted already.
            sock.recv(1)
        except _NOT_READY:
            return True
        except OSError:
            pass
        return False

    def abort(self) -> None:
        """Close at once."""
        self._progress = None
        sock, self._socket = self._socket, None
        if sock is not None:
            with contextlib.suppress(OSError):
                sock.close()

    def get_extra_info(self, info: str) -> Any:
        """Return facts about the connection, by the names that network streams of httpcore use."""
        sock = self._socket
        if sock is None:
            return None
        facts: dict[str, Callable[[], Any]] = {
            "client_addr": sock.getsockname,
            "server_addr": sock.getpeername,
            "socket": lambda: sock,
            "ssl_object": lambda: sock if isinstance(sock, ssl.SSLSocket) else None,
        }
        return facts[info]() if info in facts else None

    def _write(self, head: bytes, body: bytes | Iterable[bytes], progress: Progress) -> None:
        if isinstance(body, bytes):
            pieces: Iterable[bytes] = (head + body,) if len(body) < _SLICE else (head, body)
        else:
            pieces = (head, *body)
        late = httpx.WriteTimeout
        for piece in pieces:
            rest = memoryview(piece)
            while rest:
                sock = self._open_socket()
                _left(progress, late)
                # From here on: a signal handler may raise after bytes have left.
                progress.stage = PARTLY_WRITTEN
                try:
                    rest = rest[_when_ready(sock, sock.send, rest, progress=progress, is_writing=True) :]
                except TimeoutError as error:
                    raise late("the request could not be written in time") from error
                except OSError as error:
                    raise httpx.WriteError(f"the connection was lost: {error}") from error
        progress.stage = WRITTEN

    def _receive(self, progress: Progress) -> None:
        sock, reader, late = self._open_socket(), self._reader, httpx.ReadTimeout
        left = _left(progress, late)
        try:
            if not self._is_secured or not sock.pending():
                # A response takes its time: to read at once would be in vain.
                _wait(sock, left, for_writing=False)
            data: bytes = _when_ready(sock, sock.recv, _SLICE, progress=progress)
        except TimeoutError as error:
            what = "the body of the response" if reader.has_head else "the response"
            raise late(f"{what} did not arrive in time") from error
        except OSError as error:
            raise httpx.ReadError(f"the connection was lost: {error}") from error
        if data:
            reader.feed(data)
        else:
            reader.end()

    def _open_socket(self) -> Any:
        if self._socket is None:
            raise httpx.ReadError("the connection was closed while the request was under way")
        return self._socket

    def _finish(self) -> None:
        """Keep the connection after a complete response if that is safe, else close it."""
        if self._progress is None:
            return
        self._progress.stage = COMPLETE
        self._progress = None
        if self._reader.has_surplus or not self._reader.keep_alive or self._cut_off is not None:
            self.abort()


def _left(progress: Progress, late: type[httpx.TimeoutException]) -> float | None:
    left = progress.left()
    if left is not None and left <= 0:
        raise late("the time of the request is over")
    return left


def _when_ready(sock: Any, step: Callable[..., T], *arguments: Any, progress: Progress, is_writing: bool = False) -> T:
    """Run a step of a socket that does not block, and again each time the socket is ready for it.

    Raises TimeoutError when the time of the request is over.
    """
    while True:
        try:
            return step(*arguments)
        except _NOT_READY as error:
            # TLS may have to read before it can write, and to write before it can read.
            for_writing = is_writing if isinstance(error, BlockingIOError) else isinstance(error, ssl.SSLWantWriteError)
        left = progress.left()
        if left is not None and left <= 0:
            raise TimeoutError("timed out")
        _wait(sock, left, for_writing=for_writing)


def _wait(sock: Any, seconds: float | None, *, for_writing: bool) -> None:
    """Wait until the socket can be read or written, or for these seconds."""
    bound = None if seconds is None else min(seconds, _LONGEST_STEP)
    # Looked up at every call: gevent and eventlet replace these, and Windows has no poll().
    poll: Any = getattr(select, "poll", None)
    if poll is None:
        select.select([] if for_writing else [sock], [sock] if for_writing else [], [], bound)
    else:
        waiting = poll()
        waiting.register(sock.fileno(), _WRITABLE if for_writing else _READABLE)
        waiting.poll(None if bound is None else math.ceil(bound * 1000))
