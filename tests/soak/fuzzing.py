"""Mutated answers: this package's parser beside h11 and http.client. No difference that is not listed.

python -m tests.soak.fuzzing --answers 2000000
"""

from __future__ import annotations

import argparse
import http.client
import io
import random
import re
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any, Final

import h11
import httpx

from inventpay._transport.http1.messages import MAX_FRAMING, ResponseReader

Result = tuple[int, bytes] | None
"""The status and the body of an answer; ``None`` for one that was refused or did not end."""

BODY: Final = b'{"success":true}'
OK: Final = b"HTTP/1.1 200 OK\r\n"
CHUNKS: Final = b"5\r\n" + BODY[:5] + b"\r\n0B\r\n" + BODY[5:] + b"\r\n0\r\n"

SEEDS: Final[Sequence[bytes]] = (
    OK + b"Content-Length: 16\r\nContent-Type: application/json\r\n\r\n" + BODY,
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + b"\r\n",
    OK + b"Transfer-Encoding: chunked\r\n\r\n" + CHUNKS + b"Trailer: yes\r\n\r\n",
    OK + b"Connection: close\r\n\r\n" + BODY,
    b"HTTP/1.0 200 OK\r\nContent-Length: 16\r\n\r\n" + BODY,
    b"HTTP/1.0 200 OK\r\nServer: x\r\n\r\n" + BODY,
    b"HTTP/1.1 204 No Content\r\nServer: x\r\n\r\n",
    b"HTTP/1.1 304 Not Modified\r\nContent-Length: 16\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\n\r\n" + OK + b"Content-Length: 16\r\n\r\n" + BODY,
    b"HTTP/1.1 429 Too Many Requests\r\nRetry-After: 3\r\nContent-Length: 16\r\n\r\n" + BODY,
    OK + b"Content-Length: 16\r\n\r\n" + BODY + OK + b"Content-Length: 16\r\n\r\n" + BODY,
)

TOKENS: Final[Sequence[bytes]] = (
    *(bytes([byte]) for byte in b"\r\n\0 \t\x0b\x7f\xff:;,+-01_"),
    *(b"\r\n", b"\r\n\r\n", b"0\r\n\r\n", b"HTTP/1.1 200 OK\r\n\r\n", b"HTTP/1.1 100 Continue\r\n\r\n"),
    *(b"Content-Length: 16\r\n", b"Content-Length: 3\r\n", b"Transfer-Encoding: chunked\r\n"),
    *(b"Transfer-Encoding: x\r\n", b"Connection: close\r\n", b"Connection: keep-alive\r\n", b"Upgrade: h2c\r\n"),
    *(b"X: " + b"a" * 300 + b"\r\n", b" folded\r\n", b"HTTP/2.0", b"HTTP/0.9", b";ext=1", b"chunked", b"gzip"),
    *(b"101", b"099", b"204", b"999", b"0x10", b"18446744073709551616", b"fffffffffffffffff"),
)

LISTED: Final[Mapping[str, str]] = {
    r"of HTTP/|HTTP version|Expected (HTTP/|dot)|does not begin|space after version|Invalid (major|minor)": (
        "only HTTP/1.0 and 1.1 are spoken; h11 takes any two digits"
    ),
    r"[Ee]xpected (CR|LF)|(CR|LF) after|Invalid character in chunk size": (
        "lines end in CR LF, and a chunk size in digits; h11 takes LF alone and blanks behind the size"
    ),
    r"whitespace after header value|Unexpected space after start line": "headers on several lines are obsolete",
    r"Duplicate Content-Length|Content-Length (overflow|already)|in Content-Length|Empty Content-Length": (
        "one plain Content-Length; h11 takes it repeated, and as a list"
    ),
    r"can't be present with|Transfer-Encoding must be": "a length and chunks together are how answers are smuggled",
    r"Invalid header (value char|token|field char)|control characters|Invalid status": (
        "control characters are refused; h11 refuses only NUL and blanks"
    ),
    r"in chunk (extension|parameter)|quoted-pair|chunk ext": "extensions of chunks are checked; h11 takes any",
    r"a trailer changes": "the framing of a body is announced before it; h11 takes a length in a trailer",
    r"interim|more than|longer than|too long|overflow": "limits",
    r"Invalid response status|Response overflow": "three digits and a space",
    r"Data after|Pause on CONNECT": "what follows the end of a connection",
}
"""Why an answer is refused that h11 accepts: a pattern of the message, and the reason."""


def by_us(data: bytes, jitter: random.Random) -> tuple[Result, str]:
    """The answer by this package's parser, fed in pieces; and why it was refused."""
    reader = ResponseReader()
    start = 0
    try:
        while start < len(data):
            end = start + jitter.choice((1, 3, 17, 4096))
            reader.feed(data[start:end])
            start = end
        reader.end()
    except httpx.RemoteProtocolError as error:
        if not reader.is_complete:
            return None, str(error)
    if reader.is_complete and reader.keep_alive and not reader.has_surplus:
        raise AssertionError("the server closed, and the connection would be kept")
    return (reader.status, reader.take()), ""


def by_h11(data: bytes) -> Result:
    """Read it by h11."""
    client = h11.Connection(our_role=h11.CLIENT, max_incomplete_event_size=100 * 1024)
    client.send(h11.Request(method="GET", target="/", headers=[("Host", "h")]))
    client.send(h11.EndOfMessage())
    client.receive_data(data)
    client.receive_data(b"")
    status, body = 0, b""
    try:
        while True:
            event = client.next_event()
            if isinstance(event, h11.Response):
                status = event.status_code
            elif isinstance(event, h11.Data):
                body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                return status, body
            elif event is h11.NEED_DATA or event is h11.PAUSED or isinstance(event, h11.ConnectionClosed):
                return None
    except h11.RemoteProtocolError:
        return None


class _Socket:
    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, *_: Any, **__: Any) -> io.BytesIO:
        return io.BytesIO(self._data)


def by_http_client(data: bytes) -> Result:
    """Read it by the standard library."""
    response = http.client.HTTPResponse(_Socket(data), method="GET")  # type: ignore[arg-type]
    try:
        response.begin()
        return response.status, response.read()
    except (http.client.HTTPException, ValueError, OverflowError, OSError, MemoryError):
        return None


def mutated(jitter: random.Random) -> bytes:
    """One of the seeds with one to four changes."""
    data = bytearray(jitter.choice(SEEDS))
    for _ in range(jitter.choice((1, 1, 1, 2, 2, 3, 4))):
        place = jitter.randrange(len(data) + 1)
        kind = jitter.randrange(6)
        if kind == 0:
            data[place:place] = jitter.choice(TOKENS)
        elif kind == 1 and place < len(data):
            data[place] = jitter.randrange(256)
        elif kind == 2:
            del data[place : place + jitter.choice((1, 1, 2, 5, 20))]
        elif kind == 3:
            data[place:place] = data[place : place + jitter.choice((1, 2, 10, 40))]
        elif kind == 4:
            lines = bytes(data).split(b"\r\n")
            first, second = jitter.randrange(len(lines)), jitter.randrange(len(lines))
            lines[first], lines[second] = lines[second], lines[first]
            data = bytearray(b"\r\n".join(lines))
        else:
            token = jitter.choice(TOKENS)
            data[place : place + len(token)] = token
    return bytes(data)


def judge(data: bytes, jitter: random.Random) -> str:
    """Which of the permitted relations the three parsers are in. Raises AssertionError for any other."""
    ours, fault = by_us(data, jitter)
    theirs, standard = by_h11(data), by_http_client(data)
    if ours is None:
        if theirs is None:
            return "refused by both"
        for pattern, reason in LISTED.items():
            if re.search(pattern, fault):
                return f"refused by us alone: {reason}"
        raise AssertionError(f"refused without a listed reason: {fault}: h11 reads {theirs}: {data!r}")
    if theirs is None:
        if ours[0] == 101:
            return "accepted by us alone: 101 ends at its head, and its connection is closed"
        if re.match(rb"(HTTP/1\.[01] 1\d\d[^\n]*\r\n([^\r\n]+\r\n)*\r\n[\r\n]*)+", data):
            return "accepted by us alone: empty lines after an interim response"
        raise AssertionError(f"accepted by us alone: {ours}: {data!r}")
    if ours != theirs:
        raise AssertionError(f"we read {ours}, h11 reads {theirs}: {data!r}")
    if standard is None or standard == ours:
        return "read alike"
    if 100 <= standard[0] < 200 and standard[0] != ours[0]:
        return "http.client takes an interim response other than 100 for the answer"
    if standard[0] == ours[0] and ours[0] in (101, 204, 304) and not ours[1]:
        return "http.client reads chunks after an answer that has no body"
    raise AssertionError(f"we read {ours}, http.client reads {standard}: {data!r}")


def run(answers: int, seed: int = 1) -> Counter[str]:
    """Judge a number of mutated answers."""
    jitter = random.Random(seed)
    seen: Counter[str] = Counter()
    for _ in range(answers):
        data = mutated(jitter)
        assert len(data) < MAX_FRAMING
        seen[judge(data, jitter)] += 1
    return seen


def main() -> None:
    """Judge mutated answers and print the relations that were seen."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--answers", type=int, default=2_000_000)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args()
    started = time.monotonic()
    for relation, count in run(options.answers, options.seed).most_common():
        print(f"{count:9,}  {relation}")
    print(f"{time.monotonic() - started:.0f} s")


if __name__ == "__main__":
    main()
