"""Requests as bytes, and responses from bytes in any pieces."""

from __future__ import annotations

import itertools

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._transport.http1.messages import (
    FRAMING_PER_BYTE,
    MAX_FRAMING,
    MAX_HEADERS,
    MAX_INTERIM,
    MAX_LINE,
    ResponseReader,
    request_head,
)

BODY = b'{"success": true}'
WHOLE = b"HTTP/1.1 200 OK\r\nContent-Type: a/b\r\nContent-Length: 17\r\n\r\n" + BODY
CHUNKED = (
    b"HTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n"
    b"HTTP/1.1 201 Created\r\nTransfer-Encoding: Chunked\r\nKeep-Alive: timeout=5, max=9\r\n\r\n"
    b'5;a=b\r\n{"suc\r\nC\r\ncess": true}\r\n0\r\nX: y\r\n\r\n'
)


def read(*pieces: bytes, head_only: bool = False) -> ResponseReader:
    """A reader that was fed these pieces."""
    reader = ResponseReader()
    reader.expect(head_only=head_only)
    for piece in pieces:
        reader.feed(piece)
    return reader


def cut(data: bytes, places: list[int]) -> list[bytes]:
    """The data in pieces."""
    edges = [0, *sorted({place % len(data) for place in places} - {0}), len(data)]
    return [data[start:end] for start, end in itertools.pairwise(edges)]


@given(st.sampled_from([WHOLE, CHUNKED]), st.lists(st.integers(0, 500), max_size=20))
def test_pieces_do_not_matter(data: bytes, places: list[int]) -> None:
    """However an answer is cut, the same is read, and it is complete with its last byte and not before."""
    *before, last = cut(data, places)
    reader = read(*before)
    assert not reader.is_complete
    reader.feed(last)
    assert reader.is_complete
    assert not reader.has_surplus
    assert reader.keep_alive
    assert reader.take() == BODY
    assert reader.take() == b""
    if data is WHOLE:
        assert (reader.status, reader.reason, reader.version) == (200, b"OK", b"HTTP/1.1")
        assert reader.headers == [(b"Content-Type", b"a/b"), (b"Content-Length", b"17")]
        assert reader.idle_timeout is None
    else:
        assert (reader.status, reader.reason) == (201, b"Created")
        # Neither the headers of the interim response nor the trailers.
        assert [name for name, _ in reader.headers] == [b"Transfer-Encoding", b"Keep-Alive"]
        assert reader.idle_timeout == 4.0


@given(
    st.sampled_from([WHOLE, CHUNKED]),
    st.sampled_from([b"\r", b"\n", b"\r\n", b" ", b"X", b"HTTP/1.1 200 OK\r\n\r\n", WHOLE]),
    st.lists(st.integers(0, 500), max_size=8),
)
def test_whatever_follows_is_surplus(data: bytes, more: bytes, places: list[int]) -> None:
    """A byte after the end is noticed in whatever pieces it arrives, and changes nothing of the answer."""
    reader = read(*cut(data + more, places))
    assert reader.is_complete
    assert reader.has_surplus
    assert reader.take() == BODY


@given(st.binary(max_size=200), st.lists(st.integers(0, 500), max_size=5))
def test_bytes_that_are_no_response_are_refused_or_wait_for_more(data: bytes, places: list[int]) -> None:
    """Nothing else comes of any bytes than a RemoteProtocolError."""
    reader = ResponseReader()
    try:
        for piece in cut(data, places) if data else []:
            reader.feed(piece)
        reader.end()
    except httpx.RemoteProtocolError:
        return
    assert reader.is_complete


def test_a_reader_reads_one_response_after_the_other() -> None:
    """``expect`` forgets the response before."""
    reader = read(CHUNKED)
    reader.expect(head_only=False)
    assert (reader.is_complete, reader.status, reader.headers, reader.take()) == (False, 0, [], b"")
    reader.feed(WHOLE)
    assert (reader.is_complete, reader.status, reader.take()) == (True, 200, BODY)


@pytest.mark.parametrize(
    ("data", "head_only", "keep_alive"),
    [
        (b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n", True, False),
        (b"HTTP/1.1 204 No Content\r\n\r\n", False, True),
        (b"HTTP/1.1 304 Not Modified\r\nContent-Length: 17\r\n\r\n", False, True),
        (b"HTTP/1.1 101 Switching Protocols\r\n\r\n", False, False),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n", False, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\n\r\n", False, False),
        (b"HTTP/1.0 200 OK\r\nContent-Length: 0\r\nConnection: keep-alive\r\n\r\n", False, True),
    ],
)
def test_answers_that_end_with_their_head(data: bytes, head_only: bool, keep_alive: bool) -> None:
    """Those to HEAD, and 204, 304 and 101, have no body; the connection is kept where that is safe."""
    reader = read(data, head_only=head_only)
    assert (reader.is_complete, reader.keep_alive, reader.has_surplus) == (True, keep_alive, False)
    reader.feed(b"x")
    assert reader.has_surplus


def test_the_end_of_a_connection() -> None:
    """It completes a body without a length, cuts any other short, and is no answer before the head."""
    reader = read(b"HTTP/1.1 200 OK\r\n\r\nab")
    reader.feed(b"c")
    assert not reader.is_complete
    reader.end()
    assert (reader.is_complete, reader.keep_alive, reader.take()) == (True, False, b"abc")
    with pytest.raises(httpx.RemoteProtocolError, match="before the response was complete"):
        read(WHOLE[:-1]).end()
    with pytest.raises(httpx.RemoteProtocolError, match="before the response was complete"):
        read(b"HTTP/1.1 200 OK\r\n\r\nab").end(is_certain=False)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending a response"):
        read(b"HTTP/1.1 20").end()


HEAD = b"HTTP/1.1 200 OK\r\n"


@pytest.mark.parametrize(
    ("data", "fault"),
    [
        (b"HTTP/1.1 200 " + b"a" * (MAX_LINE + 1), "status line"),
        (HEAD + b"X: " + b"a" * MAX_LINE + b"\r\n\r\n", "longer than"),
        (HEAD + b"X: y\r\n" * (MAX_HEADERS + 1) + b"\r\n", "headers"),
        (HEAD + b"X: " + b"a" * MAX_FRAMING, "not its body"),
        (b"HTTP/1.1 100 Continue\r\n\r\n" * (MAX_INTERIM + 1), "interim"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n0\r\n" + b"X: y\r\n" * (MAX_HEADERS + 1), "headers"),
        (HEAD + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * MAX_FRAMING, "not its body"),
        (b"\r\n" + WHOLE, "does not begin"),
        (b"RTSP/1.0 200 OK\r\n\r\n", "does not begin"),
    ],
)
def test_limits(data: bytes, fault: str) -> None:
    """The status line, a header, all headers, interim answers, trailers and extensions of chunks are bounded."""
    for piece in (len(data), 1000):
        with pytest.raises(httpx.RemoteProtocolError, match=fault):
            read(*[data[start : start + piece] for start in range(0, len(data), piece)])


class Foreign(Exception):
    """An exception of the application, such as the time limit of a job queue."""


CALLBACKS = ("on_message_begin", "on_status", "on_header", "on_headers_complete", "on_body", "on_message_complete")


@pytest.mark.parametrize("kind", [KeyboardInterrupt, SystemExit, Foreign, MemoryError])
@pytest.mark.parametrize("callback", CALLBACKS)
def test_an_exception_of_a_signal_handler_passes_the_parser(callback: str, kind: type[BaseException]) -> None:
    """A handler may run inside of a callback, and no response is called invalid for it."""

    class Interrupted(ResponseReader):
        """A reader in one of whose callbacks a signal arrives."""

    def interrupt(self: ResponseReader, *arguments: object) -> None:
        raise kind("now")

    setattr(Interrupted, callback, interrupt)
    reader = Interrupted()
    with pytest.raises(kind, match="now"):
        reader.feed(CHUNKED)


def test_small_chunks_are_no_abuse() -> None:
    """A body in chunks of one byte stays within the limits, whatever its size."""
    reader = read(HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\na\r\n" * 1000] * 100, b"0\r\n\r\n")
    assert reader.is_complete
    assert reader.take() == b"a" * 100_000
    assert len(b"1\r\na\r\n") - 1 < FRAMING_PER_BYTE


def test_a_head() -> None:
    """Method, target and headers, in this order and as they are."""
    assert request_head(b"GET", b"/a?b=c", [(b"Host", b"h"), (b"X-Y", "é".encode())]) == (
        b"GET /a?b=c HTTP/1.1\r\nHost: h\r\nX-Y: \xc3\xa9\r\n\r\n"
    )


@pytest.mark.parametrize(
    ("method", "target", "name", "value"),
    [
        (b"GET", b"/", b"X", b"a\r\nY: b"),
        (b"GET", b"/", b"X", b"a\nb"),
        (b"GET", b"/", b"X", b"a\0"),
        (b"GET", b"/", b"X: a\r\nY", b"b"),
        (b"GET", b"/", b"X Y", b"b"),
        (b"GET", b"/", b"", b"b"),
        (b"GET", b"/ HTTP/1.1\r\nX: y", b"X", b"b"),
        (b"GET", b"/a b", b"X", b"b"),
        (b"GET\r\n", b"/", b"X", b"b"),
    ],
)
def test_a_head_that_would_be_another(method: bytes, target: bytes, name: bytes, value: bytes) -> None:
    """Line breaks, null characters and spaces in the wrong place are refused before anything is sent."""
    with pytest.raises(httpx.LocalProtocolError, match="cannot be sent"):
        request_head(method, target, [(name, value)])
