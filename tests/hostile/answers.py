"""Answers and deliveries whose few bytes would become much memory, or would keep a CPU busy."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cache
from typing import Final

import attrs

MIB: Final = 1 << 20
MAX_BODY: Final = 8 * MIB
"""Bytes of the largest body that a client reads."""

OK: Final = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
BALANCE: Final = (
    b'{"success":true,"statusCode":200,"message":"%s","data":{"currency":"BTC","balance":{"availableBalance":%s,'
    b'"totalEarned":1,"totalWithdrawn":0,"pendingBalance":0}}}'
)
BALANCES: Final = b'{"success":true,"data":{"balances":{"balances":[%s]}}}'
COIN: Final = (
    b'{"currency":"C%d","availableBalance":%s,"totalEarned":1,"totalWithdrawn":0,"pendingBalance":0,"lockedBalance":0}'
)
INVOICE: Final = (
    b'{"success":true,"data":{"paymentId":"cmh456","baseAmount":49.99,"baseCurrency":"USD","expiresAt":[],'
    b'"conversionRates":{%s}}}'
)
RATE: Final = b'"C%d":{"price":true,"cryptoAmount":[]}'
PAGE: Final = b'{"success":true,"data":{"products":[%s],"pagination":{"page":1,"limit":20,"total":9999,"pages":500}}}'


@attrs.frozen
class HostileAnswer:
    """One answer, the call that gets it, and the end that it must have.

    Attributes:
        pieces: the bytes to send, made when they are needed.
        call: "balance", "balances", "page" (the products, rows that cannot be read left out), "invoice" or "raw" (a
            request of one's own).
        end: the class of the error, or "result".
    """

    pieces: Callable[[], Iterable[bytes]]
    call: str
    end: str


def whole(body: bytes, *headers: str, status: str = "200 OK") -> Iterator[bytes]:
    """Yield an answer with a length, in pieces of a mebibyte."""
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers, "", ""]
    yield "\r\n".join(lines).encode("latin-1")
    for start in range(0, len(body), MIB):
        yield body[start : start + MIB]


def endless(start: bytes, piece: bytes, most: int = 256 * MIB) -> Iterator[bytes]:
    """Yield a beginning, and then more than a client may read."""
    yield start
    for _ in range(most // len(piece)):
        yield piece


@cache
def bomb(mebibytes: int, wbits: int = 31) -> bytes:
    """Return compressed zeros: gzip by default, 15 for deflate."""
    packer = zlib.compressobj(9, zlib.DEFLATED, wbits)
    return b"".join([*(packer.compress(bytes(MIB)) for _ in range(mebibytes)), packer.flush()])


def triple() -> bytes:
    """Return some 150 bytes that become 256 MiB in three layers."""
    return gzip.compress(gzip.compress(bomb(256), 9), 9)


def padded(before: bytes, filling: bytes, after: bytes, size: int = MAX_BODY) -> bytes:
    """Return a body of nearly ``size`` bytes, filled up with repetitions."""
    return before + filling * ((size - len(before) - len(after)) // len(filling)) + after


def balance(available: bytes = b"1", message: bytes = b"m") -> bytes:
    """Return the body of a balance."""
    return BALANCE % (message, available)


def rows(row: bytes, number: int) -> bytes:
    """Return a page of products that are all alike but for their ids."""
    return PAGE % b",".join(row % index if b"%d" in row else row for index in range(number))


def _answer(make: Callable[[], bytes], call: str, end: str, *headers: str, status: str = "200 OK") -> HostileAnswer:
    return HostileAnswer(lambda: whole(make(), *headers, status=status), call, end)


def _endless(start: bytes, piece: bytes, end: str) -> HostileAnswer:
    return HostileAnswer(lambda: endless(start, piece), "balance", end)


LOST: Final = "APIConnectionError"
CHUNKED: Final = OK + b"Transfer-Encoding: chunked\r\n\r\n"

ANSWERS: Final[Mapping[str, HostileAnswer]] = {
    # Compression.
    "256 MiB in three layers of gzip": _answer(triple, "balance", "DecodeError", "Content-Encoding: gzip, gzip, gzip"),
    "256 MiB in one layer of gzip": _answer(lambda: bomb(256), "balance", "DecodeError", "Content-Encoding: gzip"),
    "256 MiB of gzip under 500": _answer(
        lambda: bomb(256), "balance", "ServerError", "Content-Encoding: gzip", status="500 No"
    ),
    "256 MiB in deflate": _answer(lambda: bomb(256, 15), "balance", "DecodeError", "Content-Encoding: deflate"),
    "8 MiB of JSON in gzip": _answer(
        lambda: gzip.compress(balance(message=b"x" * (MAX_BODY - 300))), "balance", "result", "Content-Encoding: gzip"
    ),
    "a thousand layers": _answer(balance, "balance", "DecodeError", "Content-Encoding: " + ",".join(["gzip"] * 1_000)),
    # Length.
    "256 MiB with a length": HostileAnswer(
        lambda: endless(OK + b"Content-Length: 268435456\r\n\r\n", bytes(MIB)), "balance", "DecodeError"
    ),
    "endless chunks": _endless(CHUNKED, b"10000\r\n" + bytes(65_536) + b"\r\n", "DecodeError"),
    "endless chunks under 500": _endless(
        CHUNKED.replace(b"200 OK", b"500 No"), b"10000\r\n" + bytes(65_536) + b"\r\n", "ServerError"
    ),
    "8 MiB in chunks of a byte": HostileAnswer(
        lambda: endless(CHUNKED, b"1\r\n \r\n" * 10_000, 6 * 9 * MIB), "balance", "DecodeError"
    ),
    "an endless extension of a chunk": _endless(CHUNKED + b"1;x=", b"y" * 65_536, LOST),
    "endless trailers": _endless(CHUNKED + b"0\r\n", b"X-A: b\r\n" * 1_000, LOST),
    "a body that never ends": _endless(OK + b"\r\n", bytes(65_536), "DecodeError"),
    # Heads.
    "headers without an end": _endless(OK, b"X-A: bbbbbbbb\r\n" * 1_000, LOST),
    "250 headers": _answer(balance, "balance", "result", *(f"X-A{number}: b" for number in range(250))),
    "5,000 headers": _answer(balance, "balance", LOST, *(["X-A: b"] * 5_000)),
    "a header of a mebibyte": _answer(balance, "balance", LOST, "X-Big: " + "a" * MIB),
    "a status line without an end": _endless(b"HTTP/1.1 200 ", b"a" * 65_536, LOST),
    "endless interim responses": _endless(b"", b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n" * 500, LOST),
    "rate limits in 16 KiB of header": _answer(
        balance, "balance", "result", "RateLimit: " + "limit=100," * 1_600, "Retry-After: " + "9" * 16_000
    ),
    # Values.
    "27 MB of empty lists": _answer(lambda: b"[" + b"[]," * 9_000_000 + b"[]]", "balance", "DecodeError"),
    "8 MiB of empty lists": _answer(lambda: padded(b"[", b"[],", b"[]]"), "balance", "DecodeError"),
    "8 MiB of empty texts": _answer(lambda: padded(b"[", b'"",', b"0]"), "balance", "DecodeError"),
    "8 MiB of empty members": _answer(lambda: padded(b"{", b'"":0,', b'"":0}'), "balance", "DecodeError"),
    "8 MiB of escaped quotes": _answer(lambda: padded(b'["', b'\\"', b'"]'), "balance", "DecodeError"),
    "8 MiB of backslashes": _answer(lambda: padded(b'["', b"\\\\", b'"]'), "balance", "DecodeError"),
    "8 MiB of halves of surrogate pairs": _answer(
        lambda: padded(balance()[:-1] + b',"more":"', b"\\ud800", b'"}'), "balance", "DecodeError"
    ),
    "a mebibyte of halves of surrogate pairs": _answer(
        lambda: padded(balance()[:-1] + b',"more":"', b"\\ud800", b'"}', MIB), "balance", "result"
    ),
    "a mebibyte in UTF-16": _answer(
        lambda: (balance()[:-1] + b',"more":"' + b"x" * (MIB // 2 - 400) + b'"}').decode().encode("utf-16"),
        "balance",
        "result",
    ),
    "8 MiB of one text": _answer(lambda: balance(message=b"x" * (MAX_BODY - 300)), "balance", "result"),
    "8 MiB of wide text": _answer(
        lambda: padded(balance()[:-1] + b',"more":"', "🪙".encode(), b'"}'), "balance", "result"
    ),
    "8 MiB of blanks": _answer(lambda: padded(balance(), b" ", b""), "balance", "result"),
    "8 MiB that are no UTF-8": _answer(lambda: padded(b'{"a":"', b"\xff", b'"}'), "balance", "DecodeError"),
    "8 MiB, and NaN at the end": _answer(lambda: padded(b'{"a":"', b"x", b'","b":NaN}'), "balance", "DecodeError"),
    "49,000 values": _answer(lambda: balance()[:-1] + b',"more":[' + b"{}," * 48_900 + b"0]}", "balance", "result"),
    "49,000 numbers of 160 digits": _answer(
        lambda: balance()[:-1] + b',"more":[' + (b"0." + b"7" * 160 + b",") * 48_900 + b"0]}", "balance", "result"
    ),
    "20,000 members with long names": _answer(
        lambda: balance()[:-1] + b"".join(b',"%0300d":0' % number for number in range(20_000)) + b"}",
        "balance",
        "result",
    ),
    # Depth.
    "100,000 lists inside of each other": _answer(lambda: b"[" * 100_000 + b"]" * 100_000, "balance", "DecodeError"),
    "a million brackets that never close": _answer(lambda: b"[" * 1_000_000, "balance", "DecodeError"),
    "5,000 objects inside of each other": _answer(lambda: b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "raw", "DecodeError"),
    "5,000 objects under 400": _answer(
        lambda: b'{"a":' * 5_000 + b"1" + b"}" * 5_000, "balance", "BadRequestError", status="400 Bad"
    ),
    # Numbers.
    "a whole number of 8 million digits": _answer(
        lambda: balance(b"1" + b"0" * (MAX_BODY - 400)), "balance", "DecodeError"
    ),
    "a fraction of 8 million digits": _answer(
        lambda: balance(b"0." + b"1" * (MAX_BODY - 400)), "balance", "DecodeError"
    ),
    "8 million digits as text": _answer(
        lambda: balance(b'"' + b"1" * (MAX_BODY - 400) + b'"'), "balance", "DecodeError"
    ),
    "1e999999999": _answer(lambda: balance(b"1e999999999"), "balance", "DecodeError"),
    "an exponent of a million digits": _answer(lambda: balance(b"1e" + b"9" * 1_000_000), "balance", "DecodeError"),
    # Lists.
    "a page of 1,000 odd rows": _answer(lambda: rows(b'{"id":[],"name":{},"price":true}', 1_000), "page", "result"),
    "a page of 1,000 rows with odd members": _answer(
        lambda: rows(b'{"id":"p%d","name":"n","price":"1.5","stock":[],"image":{},"createdAt":"yesterday"}', 1_000),
        "page",
        "result",
    ),
    "a page of 1,000 rows that are none": _answer(lambda: rows(b"0", 1_000), "page", "result"),
    "a page of 12,000 odd rows": _answer(
        lambda: rows(b'{"id":[],"name":{},"price":true}', 12_000), "page", "DecodeError"
    ),
    "a page of 12,000 good rows": _answer(
        lambda: rows(b'{"id":"p%d","name":"n","price":"1.5"}', 12_000), "page", "DecodeError"
    ),
    "1,000 balances": _answer(
        lambda: BALANCES % b",".join(COIN % (number, b"1") for number in range(1_000)), "balances", "result"
    ),
    "1,000 odd balances": _answer(
        lambda: BALANCES % b",".join(COIN % (number, b"{}") for number in range(1_000)), "balances", "result"
    ),
    "8,000 balances": _answer(
        lambda: BALANCES % b",".join(COIN % (number, b"1") for number in range(8_000)), "balances", "DecodeError"
    ),
    "an invoice with 12,000 rates": _answer(
        lambda: INVOICE % b",".join(RATE % number for number in range(12_000)), "invoice", "result"
    ),
    "an invoice with 1,000 odd rates": _answer(
        lambda: INVOICE % b",".join(RATE % number for number in range(1_000)), "invoice", "result"
    ),
    # Reasons.
    "a reason of 8 MiB": _answer(
        lambda: padded(b'{"success":false,"error":"', b"x", b'"}'), "balance", "BadRequestError", status="400 Bad"
    ),
    "a reason of escapes": _answer(
        lambda: padded(b'{"success":false,"error":"', b"\\u001b[2J", b'"}'),
        "balance",
        "BadRequestError",
        status="400 Bad",
    ),
    "a page of a proxy, 8 MiB": _answer(
        lambda: padded(b"<html>", b"<br>", b"</html>"),
        "balance",
        "ServerError",
        "Content-Type: text/html",
        status="502 Bad Gateway",
    ),
}
"""Each kind of answer that small limits would not stop."""
