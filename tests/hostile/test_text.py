"""Text of a server enters errors, their ``repr`` and the log without control characters, and is cut."""

from __future__ import annotations

import logging

import pytest

from inventpay import AsyncInventPay, InventPay, InventPayError
from tests.support.raw_server import Exchange, RawServer
from tests.support.servers import async_client, blocking_client

ESCAPES = "\x1b[2J\x1b]0;owned\x07\r\nINJECTED line\x00\x9b\u202e end"
LONGEST = 700
"""Characters of a message: 500 of the server, and what is said around them."""


def bodies() -> dict[str, bytes]:
    """Return error bodies, by the member that holds the text."""
    escaped = "".join(f"\\u{ord(character):04x}" for character in ESCAPES)
    long = "x" * 60_000
    return {
        **{f"{name}, escapes": f'{{"success":false,"{name}":"{escaped}"}}'.encode() for name in ("error", "message")},
        **{f"{name}, long": f'{{"success":false,"{name}":"{long}"}}'.encode() for name in ("error", "message")},
        "a page": b"<html>" + ESCAPES.encode() + b"</html>",
        "a long page": b"<html>" + b"y" * 60_000,
    }


def assert_harmless(text: str) -> None:
    """No character of the text does anything to a terminal or a log."""
    odd = [character for character in text if not character.isprintable()]
    assert not odd, text[:300]
    assert len(text) <= LONGEST


@pytest.mark.parametrize("name", bodies())
@pytest.mark.parametrize("status", [400, 404, 429, 500])
async def test_text_of_a_server(name: str, status: int, caplog: pytest.LogCaptureFixture) -> None:
    """It holds for both clients, for ``str`` and for ``repr``, and for every line of the log."""
    caplog.set_level(logging.DEBUG, "inventpay")
    body = bodies()[name]
    with RawServer(lambda exchange: exchange.say(status, body)) as server:
        client: InventPay | AsyncInventPay
        async with async_client(server.url) as client:
            with pytest.raises(InventPayError) as by_task:
                await client.balances.get("BTC")
        with blocking_client(server.url) as client, pytest.raises(InventPayError) as by_thread:
            client.balances.get("BTC")
    for error in (by_task.value, by_thread.value):
        assert_harmless(str(error))
        assert_harmless(repr(error))
    for record in caplog.records:
        assert_harmless(record.getMessage())


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 400 \x1b[2J\r\n",
        b"HTTP/1.1 400 Bad\r\nX-Request-Id: \x1b[2J\x07\r\n",
        b"HTTP/1.1 400 Bad\r\nRetry-After: \x9b31m\r\n",
        b"HTTP/1.1 400 " + b"R" * 5_000 + b"\r\n",
        b"HTTP/1.1 302 Found\r\nLocation: https://e.example/\x9b31m\xff" + b"z" * 5_000 + b"\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: \x9b31m\xff" + b"z" * 5_000 + b"\r\n",
    ],
    ids=["reason", "header", "high", "long reason", "location", "encoding"],
)
def test_reasons_and_headers_of_a_server(head: bytes, caplog: pytest.LogCaptureFixture) -> None:
    """A head with control characters is refused or shown without them, whichever error it becomes."""
    caplog.set_level(logging.DEBUG, "inventpay")

    def answer(exchange: Exchange) -> None:
        exchange.connection.sendall(head + b"Content-Length: 2\r\n\r\n{}")

    with (
        RawServer(answer) as server,
        blocking_client(server.url) as client,
        pytest.raises(InventPayError) as caught,
    ):
        client.balances.get("BTC")
    assert_harmless(str(caught.value))
    for record in caplog.records:
        assert_harmless(record.getMessage())
