"""Servers that drip: whatever they drip, a call ends within its ``attempt_timeout``, in both clients."""

from __future__ import annotations

import asyncio
import gzip
import time
import zlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any, Literal

import pytest

from inventpay import APITimeoutError, AsyncInventPay, InventPay
from tests.support.clients import new_key
from tests.support.fault_servers import CHUNKED, OK, FaultServer, Step, endless
from tests.support.tls import server_context, trusted

ATTEMPT = 0.3
LATE = 0.2
"""Seconds by which a call may end later."""

PAUSE = 0.05
LENGTH = OK + b"Content-Length: 100000\r\n\r\n"
GZIP = OK + b"Content-Encoding: gzip\r\nContent-Length: 100000\r\n\r\n"
DEFLATE = OK + b"Content-Encoding: deflate\r\nContent-Length: 100000\r\n\r\n"
EMPTY_BLOCK = b"\x00\x00\x00\xff\xff"
"""A stored block of deflate without content."""

assert gzip.decompress(b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff" + EMPTY_BLOCK * 3 + b"\x03\x00" + bytes(8)) == b""
assert zlib.decompressobj().decompress(b"\x78\x9c" + EMPTY_BLOCK * 3) == b""

WAYS: dict[str, list[Step]] = {
    "the status line": endless(b"HTTP/1.1 200 ", b"O", pause=PAUSE),
    "the name of a header": endless(OK + b"X", b"x", pause=PAUSE),
    "the value of a header": endless(OK + b"X: ", b"a", pause=PAUSE),
    "many headers": endless(OK, b"X: a\r\n", pause=PAUSE),
    "interim responses": endless(b"", b"HTTP/1.1 102 Processing\r\n\r\n", pause=PAUSE),
    "a body with a length": endless(LENGTH, b" ", pause=PAUSE),
    "a body without a length": endless(OK + b"\r\n", b" ", pause=PAUSE),
    "the size of a chunk": endless(CHUNKED, b"0", pause=PAUSE),
    "a chunk extension": endless(CHUNKED + b"1;a=", b"x", pause=PAUSE),
    "small chunks": endless(CHUNKED, b"1\r\n \r\n", pause=PAUSE),
    "trailers": endless(CHUNKED + b"0\r\nX: ", b"x", pause=PAUSE),
    "the header of gzip": endless(GZIP + b"\x1f\x8b\x08\x08\x00\x00\x00\x00\x00\xff", b"a", pause=PAUSE),
    "empty blocks of gzip": endless(GZIP + b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff", EMPTY_BLOCK, pause=PAUSE),
    "empty blocks of deflate": endless(DEFLATE + b"\x78\x9c", EMPTY_BLOCK, pause=PAUSE),
}


Ended = tuple[float, BaseException | None]
"""The seconds of a call, and its error."""

OPTIONS: dict[str, Any] = {"attempt_timeout": ATTEMPT, "timeout": 20.0, "max_retries": 0}


def ask_blocking(url: str) -> Ended:
    """Make one call in a thread."""
    with InventPay(new_key(), base_url=url, verify=trusted(), **OPTIONS) as client:
        began = time.monotonic()
        try:
            client.balances.get("BTC")
        except Exception as error:
            return time.monotonic() - began, error
        return time.monotonic() - began, None


def ask_async(url: str, transport: Literal["aiohttp"] | None = None) -> Ended:
    """Make one call in an event loop."""

    async def ask() -> Ended:
        async with AsyncInventPay(new_key(), base_url=url, verify=trusted(), transport=transport, **OPTIONS) as client:
            began = time.monotonic()
            try:
                await client.balances.get("BTC")
            except Exception as error:
                return time.monotonic() - began, error
            return time.monotonic() - began, None

    return asyncio.run(ask())


ASKING: dict[str, Callable[[str], Ended]] = {
    "blocking": ask_blocking,
    "async": ask_async,
    "aiohttp": lambda url: ask_async(url, "aiohttp"),
}


def test_there_are_twelve_ways() -> None:
    """The list covers every part of an answer."""
    assert len(WAYS) >= 12


@pytest.mark.real_time
@pytest.mark.parametrize(
    ("kind", "tls"),
    # aiohttp does not wait until a connection of TLS is closed, and asyncio complains at the end of the loop.
    [("blocking", False), ("blocking", True), ("async", False), ("async", True), ("aiohttp", False)],
    ids=["blocking", "blocking-tls", "async", "async-tls", "aiohttp"],
)
def test_a_call_ends_in_time(kind: str, tls: bool) -> None:
    """No call outlasts ``attempt_timeout`` by more than 0.2 s, and each is a timeout of unknown outcome."""
    ask = ASKING[kind]
    received: dict[str, int] = {}

    def play(name: str) -> Ended:
        with FaultServer(WAYS[name], server_context() if tls else None) as server:
            ended = ask(f"https://localhost:{server.port}" if tls else f"http://127.0.0.1:{server.port}")
            received[name] = server.requests
            return ended

    play("many headers")  # what a first call imports is not measured
    with ThreadPoolExecutor(3) as threads:
        ended = dict(zip(WAYS, threads.map(play, WAYS), strict=True))
    others = {name: repr(error) for name, (_, error) in ended.items() if not isinstance(error, APITimeoutError)}
    assert others == {}
    outcomes = {name: getattr(error, "outcome", None) for name, (_, error) in ended.items()}
    # On a busy machine a handshake may take all of the time; then nothing was received.
    assert set(outcomes.values()) in ({"unknown"}, {"unknown", "not_sent"})
    assert {
        name: received[name] for name, outcome in outcomes.items() if outcome == "not_sent" and received[name]
    } == {}
    assert {name: seconds for name, (seconds, _) in ended.items() if seconds > ATTEMPT + LATE} == {}
