# Generated from tests/_async/test_redirects.py by tools/generate_sync.py. Do not edit.
"""Redirects are never followed: HTTP clients would carry the keys, and the body, to another host."""

from __future__ import annotations

import httpx
import pytest

from inventpay import APIStatusError, InventPay
from tests.support.clients import CALLS, WITHDRAWAL_KEY, new_key
from tests.support.raw_server import Exchange, RawServer


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_nothing_follows_a_redirect_to_another_origin(status: int, kind: str) -> None:
    """The other server gets no connection, and the error names it. The outcome is unknown: 303 may mean success."""
    with (
        RawServer() as elsewhere,
        RawServer(lambda exchange: exchange.say(status, b"", Location=elsewhere.url)) as server,
    ):
        with InventPay(new_key(), withdrawal_key=WITHDRAWAL_KEY, base_url=server.url) as client:
            with pytest.raises(APIStatusError, match="redirects are not followed") as caught:
                CALLS[kind](client)
        assert elsewhere.connections == 0
    assert elsewhere.url in str(caught.value)
    assert (caught.value.status, caught.value.outcome, caught.value.attempts) == (status, "unknown", 1)
    assert len(server.exchanges) == 1


def test_a_redirect_to_the_same_origin_is_not_followed_either() -> None:
    """There is one rule, and no clever one."""

    def redirect(exchange: Exchange) -> None:
        exchange.say(308, b"", Location="/v1/merchant/balance")

    with RawServer(redirect) as server:
        with InventPay(new_key(), base_url=server.url) as client:
            with pytest.raises(APIStatusError):
                client.balances.get("BTC")
        assert server.lines == ["GET /v1/merchant/balance/BTC HTTP/1.1"]


def test_a_client_of_the_users_own_does_not_follow_them_for_us() -> None:
    """``follow_redirects=True`` on an ``http_client=`` is for the user's requests, not for ours."""
    with RawServer() as elsewhere, RawServer(lambda exchange: exchange.say(307, b"", Location=elsewhere.url)) as server:
        with httpx.Client(follow_redirects=True) as http_client:
            client = InventPay(
                new_key(), withdrawal_key=WITHDRAWAL_KEY, base_url=server.url, http_client=http_client
            )
            with pytest.raises(APIStatusError):
                CALLS["once"](client)
            client.close()
        assert elsewhere.connections == 0
