"""The bytes that arrive at a server do not depend on the transport."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any

import pytest

from inventpay import AsyncInventPay, InventPay, RetryPolicy
from tests.support.clients import new_key
from tests.support.raw_server import Exchange, RawServer

CALLS: dict[str, tuple[str, str, Any]] = {
    "a read": ("GET", "/v1/merchant/balance", None),
    "a POST without a body": ("POST", "/v1/merchant/test-webhook", None),
    "a POST": ("POST", "/v1/anything", {"a": [1, "ü"]}),
    "a PUT": ("PUT", "/v1/anything", {"a": 1}),
    "a PUT without a body": ("PUT", "/v1/anything", None),
    "a DELETE": ("DELETE", "/v1/merchant/webhook-url", None),
}

OF_A_CONNECTION = {"host", "connection", "accept-encoding"}
"""Headers that describe the connection, not the request."""


def seen(exchange: Exchange) -> tuple[str, dict[str, str], bytes]:
    """Request line, headers but those of the connection, and body, as they arrived."""
    lines = exchange.request.partition(b"\r\n\r\n")[0].decode().split("\r\n")
    headers = dict(line.lower().split(": ", 1) for line in lines[1:])
    for name in OF_A_CONNECTION:
        headers.pop(name, None)
    headers.pop("content-length" if not exchange.body else "", None)
    return lines[0], headers, exchange.body


def blocking(url: str, key: str, calls: Callable[[Any], list[Any]]) -> None:
    with InventPay(key, base_url=url, max_retries=0) as client:
        calls(client)


@pytest.mark.parametrize("name", CALLS)
def test_every_transport_sends_the_same(name: str) -> None:
    """Method, path, headers and body are equal over the transports of both clients."""
    method, path, json = CALLS[name]
    key = new_key()

    def ask(client: Any) -> Any:
        return client.request(method, path, json=json, idempotency_key="k")

    async def ask_async(url: str, transport: Any) -> None:
        async with AsyncInventPay(key, base_url=url, max_retries=0, transport=transport) as client:
            await ask(client)

    with RawServer(lambda exchange: exchange.say(200, b'{"success": true, "data": {}}')) as server:
        blocking(server.url, key, ask)
        asyncio.run(ask_async(server.url, None))
        asyncio.run(ask_async(server.url, "aiohttp"))
        first, *others = [seen(exchange) for exchange in server.exchanges]
    assert len(others) == 2
    for other in others:
        assert other == first
    assert ("content-type" in first[1]) == (json is not None)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_aiohttp_repeats_nothing_by_itself(method: str) -> None:
    """On a kept connection that the server closes, every request at the server is an attempt of ours."""

    def answer(exchange: Exchange) -> None:
        if exchange.line.startswith("HEAD"):
            exchange.say(200, b"")
        else:
            exchange.reset()

    async def main(url: str) -> int:
        policy = RetryPolicy(initial_delay=0.0)
        async with AsyncInventPay(new_key(), base_url=url, transport="aiohttp", retry=policy) as client:
            await client.request("HEAD", "/warm")
            with pytest.raises(Exception) as caught:  # noqa: PT011 - whatever it is, it has attempts
                await client.request(method, "/v1/anything")
            return int(caught.value.attempts)

    with RawServer(answer) as server:
        attempts = asyncio.run(main(server.url))
        assert len(server.exchanges) - 1 == attempts == 3
