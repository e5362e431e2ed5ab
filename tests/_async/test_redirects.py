# The source of tests/_sync/test_redirects.py; after a change run: python tools/generate_sync.py
"""Redirects are never followed: HTTP clients would carry the keys, and the body, to another host."""

from __future__ import annotations

import httpx
import pytest

from inventpay import APIStatusError, AsyncInventPay
from tests.support.clients import CALLS, WITHDRAWAL_KEY, new_key
from tests.support.raw_server import Exchange, RawServer


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
async def test_nothing_follows_a_redirect_to_another_origin(status: int, kind: str) -> None:
    """The other server gets no connection, and the error names it. The outcome is unknown: 303 may mean success."""
    with (
        RawServer() as elsewhere,
        RawServer(lambda exchange: exchange.say(status, b"", Location=elsewhere.url)) as server,
    ):
        async with AsyncInventPay(new_key(), withdrawal_key=WITHDRAWAL_KEY, base_url=server.url) as client:
            with pytest.raises(APIStatusError, match="redirects are not followed") as caught:
                await CALLS[kind](client)
        assert elsewhere.connections == 0
    assert elsewhere.url in str(caught.value)
    assert (caught.value.status, caught.value.outcome, caught.value.attempts) == (status, "unknown", 1)
    assert len(server.exchanges) == 1


async def test_a_redirect_to_the_same_origin_is_not_followed_either() -> None:
    """There is one rule, and no clever one."""

    def redirect(exchange: Exchange) -> None:
        exchange.say(308, b"", Location="/v1/merchant/balance")

    with RawServer(redirect) as server:
        async with AsyncInventPay(new_key(), base_url=server.url) as client:
            with pytest.raises(APIStatusError):
                await client.balances.get("BTC")
        assert server.lines == ["GET /v1/merchant/balance/BTC HTTP/1.1"]


async def test_a_client_of_the_users_own_does_not_follow_them_for_us() -> None:
    """``follow_redirects=True`` on an ``http_client=`` is for the user's requests, not for ours."""
    with RawServer() as elsewhere, RawServer(lambda exchange: exchange.say(307, b"", Location=elsewhere.url)) as server:
        async with httpx.AsyncClient(follow_redirects=True) as http_client:
            client = AsyncInventPay(
                new_key(), withdrawal_key=WITHDRAWAL_KEY, base_url=server.url, http_client=http_client
            )
            with pytest.raises(APIStatusError):
                await CALLS["once"](client)
            await client.aclose()
        assert elsewhere.connections == 0
