"""Format requests and parse responses. Nothing here reads or writes a socket.

The parser is httptools (llhttp), in its strict mode. Where it accepts what h11 refuses, the checks below refuse it too;
the differences that remain are listed in ``docs/reliability.md``.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

import httptools
import httpx

MAX_LINE: Final = 16 * 1024
"""Bytes of a status line or of one header: twice the default of nginx and of aiohttp."""

MAX_FRAMING: Final = 64 * 1024
"""Bytes of a response that are not body: the head, interim responses, sizes and extensions of chunks, trailers."""

MAX_HEADERS: Final = 256
"""Headers and trailers of one response, interim ones included; http.client accepts 100 in one block."""

MAX_INTERIM: Final = 16
"""Interim responses (1xx) before the final one."""

FRAMING_PER_BYTE: Final = 16
"""Additional framing allowed for each byte of body: a chunk of one byte needs five."""

IDLE_MARGIN: Final = 1.0
"""Seconds before the server's own idle timeout at which a connection is given up."""

_BAD_REASON: Final = re.compile(rb"[\x00-\x08\x0a-\x1f\x7f]")
_HEAD: Final = re.compile(
    rb"[-!#$%&'*+.^_`|~0-9A-Za-z]+ [!-~]+ HTTP/1\.1\r\n(?:[-!#$%&'*+.^_`|~0-9A-Za-z]+: [^\r\n\0]*\r\n)*\r\n"
)
_IDLE_TIMEOUT: Final = re.compile(rb"(?:^|[,; ])timeout=([0-9]{1,9})(?![0-9])")
_NO_BODY: Final = frozenset({204, 304})


def request_head(method: bytes, target: bytes, headers: Iterable[tuple[bytes, bytes]]) -> bytes:
    """Return the head of a request.

    Raises:
        httpx.LocalProtocolError: the method, the target or a header holds what would end the head early, such as a
            line break.
    """
    lines = [b"%b %b HTTP/1.1\r\n" % (method, target), *[b"%b: %b\r\n" % header for header in headers], b"\r\n"]
    head = b"".join(lines)
    # The count finds line breaks that make two valid headers of one.
    if head.count(b"\n") != len(lines) or _HEAD.fullmatch(head) is None:
        raise httpx.LocalProtocolError(
            f"the request cannot be sent: its address ({target.decode('latin-1')!r}) or the name or value of a header "
            "holds a line break, a null character or a space; remove it"
        )
    return head


class _RefusedError(ValueError):
    """Raised by callbacks of the parser, which end it; any other exception is none of ours."""


class ResponseReader:
    """Parses the responses that arrive over one connection, one at a time.

    A response must end with the last byte received: bytes that follow set ``has_surplus``. So each piece of input is
    fed without its last byte first; where that already completes the response, the last byte is surplus.
    """

    __slots__ = (
        "_body",
        "_ends_with_connection",
        "_fault",
        "_framing",
        "_head_only",
        "_headers_seen",
        "_interim",
        "_is_interim",
        "_parser",
        "has_head",
        "has_surplus",
        "headers",
        "idle_timeout",
        "is_complete",
        "keep_alive",
        "reason",
        "status",
        "unread",
        "version",
    )

    def __init__(self) -> None:
        self._parser = httptools.HttpResponseParser(self)
        self.expect(head_only=False)

    def expect(self, *, head_only: bool) -> None:
        """Prepare for the next response; ``head_only`` for one to HEAD, which has no body."""
        self._head_only = head_only
        self._body: list[bytes] = []
        self._fault: str | None = None
        self._framing = MAX_FRAMING
        self._headers_seen = self._interim = 0
        self._is_interim = self._ends_with_connection = False
        self.status = 0
        self.version = self.reason = b""
        self.headers: list[tuple[bytes, bytes]] = []
        self.has_head = self.has_surplus = self.is_complete = self.keep_alive = False
        self.unread = 0
        self.idle_timeout: float | None = None
        """Seconds after which the server closes the connection if no request comes, by its header Keep-Alive."""

    def feed(self, data: bytes) -> None:
        """Parse what arrived.

        Raises:
            httpx.RemoteProtocolError: the bytes are no valid HTTP/1.1 response, or exceed a limit.
        """
        if self.is_complete:
            self.has_surplus = True
            return
        if not self.has_head and not self.status and self._framing == MAX_FRAMING and not data.startswith(b"H"):
            raise httpx.RemoteProtocolError("the response does not begin with HTTP/")
        self._framing -= len(data)
        try:
            if len(data) > 1:
                self._parser.feed_data(memoryview(data)[:-1])
            if self.is_complete:
                self.has_surplus = True
            else:
                self._parser.feed_data(data[-1:])
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            cause = error.__context__
            if isinstance(error, httptools.HttpParserCallbackError) and not isinstance(cause, _RefusedError):
                # Ctrl-C, or the time limit of a job queue, which a signal handler raised inside of a callback.
                raise error if cause is None else cause from None
            if not self.is_complete:
                raise httpx.RemoteProtocolError(self._fault or f"invalid HTTP response: {error}") from None
            # The parser met the first bytes of something that follows, or the end of HTTP after a 101.
            self.keep_alive = False
        if self._framing < 0 and not self.is_complete:
            raise httpx.RemoteProtocolError(f"the response has more than {MAX_FRAMING} bytes that are not its body")

    def end(self, *, is_certain: bool = True) -> None:
        """Note that the server closed the connection, which ``is_certain`` unless TLS ended without its farewell.

        Raises:
            httpx.RemoteProtocolError: the response needed more bytes.
        """
        if self.is_complete:
            self.keep_alive = False
        elif self._ends_with_connection and is_certain:
            self.is_complete = True
        elif self.has_head:
            raise httpx.RemoteProtocolError("the server closed the connection before the response was complete")
        else:
            raise httpx.RemoteProtocolError("Server disconnected without sending a response.")

    def take(self) -> bytes:
        """Return the part of the body that arrived since the last call."""
        body, self._body, self.unread = self._body, [], 0
        return body[0] if len(body) == 1 else b"".join(body)

    # --- called by httptools ---

    def on_message_begin(self) -> None:
        if self.is_complete:
            self.has_surplus = True
            raise _RefusedError
        self._is_interim = False

    def on_status(self, reason: bytes) -> None:
        self.reason += reason
        if len(self.reason) > MAX_LINE or _BAD_REASON.search(reason):
            self._refuse("the status line is too long or holds control characters")

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers_seen += 1
        if len(name) + len(value) > MAX_LINE:
            self._refuse(f"the header {name[:40].decode('latin-1')} is longer than {MAX_LINE} bytes")
        if self._headers_seen > MAX_HEADERS:
            self._refuse(f"the response has more than {MAX_HEADERS} headers")
        if not self.has_head:
            self.headers.append((name, value))
        elif name.lower() in (b"content-length", b"transfer-encoding"):
            self._refuse("a trailer changes the framing")

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        version = self._parser.get_http_version()
        has_length = is_chunked = False
        for name, value in self.headers:
            name = name.lower()
            if name == b"transfer-encoding":
                if is_chunked or value.lower() != b"chunked":
                    self._refuse("the header Transfer-Encoding must be chunked, once")
                is_chunked = True
            elif name == b"content-length":
                has_length = True
            elif name == b"keep-alive" and (found := _IDLE_TIMEOUT.search(value)):
                self.idle_timeout = int(found[1]) - IDLE_MARGIN
        if status < 100 or version not in ("1.1", "1.0"):
            self._refuse(f"the status line names status {status} of HTTP/{version}")
        if status < 200 and status != 101:
            self._interim += 1
            if self._interim > MAX_INTERIM or is_chunked:
                self._refuse(f"there are more than {MAX_INTERIM} interim responses, or one has a body")
            self._is_interim = True
            self.headers, self.reason = [], b""
            return
        self.status, self.version = status, b"HTTP/" + version.encode()
        self.has_head = True
        self.keep_alive = self._parser.should_keep_alive()
        if self._head_only or status == 101:
            self.is_complete, self.keep_alive = True, False
        else:
            self._ends_with_connection = not (has_length or is_chunked or status in _NO_BODY)

    def on_body(self, body: bytes) -> None:
        if self.is_complete:
            self.has_surplus = True
            return
        self._body.append(body)
        self.unread += len(body)
        self._framing += len(body) * (1 + FRAMING_PER_BYTE)

    def on_message_complete(self) -> None:
        if not self._is_interim:
            self.is_complete = True

    def _refuse(self, fault: str) -> None:
        self._fault = fault
        raise _RefusedError(fault)
