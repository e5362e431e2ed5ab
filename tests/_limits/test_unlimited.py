"""Tests that mock the API do not wait for rate limits; all other clients keep their limits."""

from __future__ import annotations

import time
import warnings
from typing import Any

import httpx
import pytest
import respx
from pytest_httpx import HTTPXMock

from inventpay import AsyncInventPay, InventPay, RateClass, RateLimits, Unlimited
from inventpay._limits.limiter import LocalLimiter
from inventpay._limits.unlimited import UnlessMocked

BALANCE = {"success": True, "data": {"currency": "BTC", "balance": {"currentBalance": "1"}}}
URL = "https://api.mocked.example"


def answer(request: httpx.Request) -> httpx.Response:
    return httpx.Response(429, headers={"Retry-After": "0"}, json={"success": False, "error": "no"})


def many(client: InventPay) -> float:
    """Return the seconds that more calls than the limit take."""
    client = client.with_options(max_retries=0)
    began = time.monotonic()
    for _ in range(61):
        with pytest.raises(Exception):  # noqa: B017, PT011 - the mock's answer does not matter here
            client.balances.get("BTC")
    return time.monotonic() - began


def test_a_mock_transport_has_no_limit() -> None:
    """The 61st call is as fast as the first."""
    with InventPay("k" * 20, base_url=URL, transport=httpx.MockTransport(answer)) as client:
        assert isinstance(client._limiter, Unlimited)
        assert many(client) < 20.0


def test_a_lent_client_over_a_mock_transport_has_no_limit() -> None:
    """A caller's own HTTP client over a mock transport has no limit either."""
    with httpx.Client(transport=httpx.MockTransport(answer)) as lent:
        assert isinstance(InventPay("k" * 20, base_url=URL, http_client=lent)._limiter, Unlimited)


@pytest.mark.parametrize(
    "options", [{"rate_limits": RateLimits()}, {"limiter": LocalLimiter()}], ids=["rate_limits", "limiter"]
)
def test_limits_that_were_given_stay(options: dict[str, Any]) -> None:
    """Limits that a test sets explicitly apply under mocks too."""
    for kind in (InventPay, AsyncInventPay):
        transport: Any = httpx.MockTransport(answer)
        assert isinstance(kind("k" * 20, base_url=URL, transport=transport, **options)._limiter, LocalLimiter)


def test_respx_switches_the_limit_off_while_it_is_active() -> None:
    """While respx is active no call waits, and afterwards the limit applies again."""
    with InventPay("respx" * 4, base_url=URL, max_wait=0) as client:
        with respx.mock(assert_all_called=False) as router:
            router.get(url__startswith=URL).mock(side_effect=answer)
            assert many(client) < 20.0
        limiter: Any = client._limiter
        assert isinstance(limiter, UnlessMocked)
        lease = limiter.acquire(RateClass.OTHER, client._backend)
        assert type(lease).__name__ == "ClassLease"
        lease.refund(client._backend.now())


def test_pytest_httpx_switches_the_limit_off(httpx_mock: HTTPXMock) -> None:
    """A test that uses the fixture of pytest-httpx has no limits."""
    httpx_mock.add_callback(answer, is_reusable=True)
    with InventPay("httpx" * 4, base_url=URL) as client:
        assert many(client) < 20.0


def test_the_sandbox_keeps_its_limits(httpx_mock: HTTPXMock) -> None:
    """A client of the sandbox, on a loopback address, keeps its limits under mocks."""
    assert isinstance(InventPay("k" * 20, base_url="http://127.0.0.1:9")._limiter, LocalLimiter)


PAYMENT = {
    "success": True,
    "data": {
        "paymentId": "cmh123",
        "amount": 5,
        "baseAmount": 5,
        "baseCurrency": "USD",
        "currency": "USDT_BEP20",
        "address": "0xabc",
        "expiresAt": "2030-01-01T00:00:00Z",
        "invoiceUrl": "https://x.example/cmh123",
    },
}


def test_a_mock_may_give_every_payment_the_same_id(httpx_mock: HTTPXMock) -> None:
    """Two tests with one canned answer are no duplicated answer, whatever kind of mock gives it."""
    httpx_mock.add_response(json=PAYMENT, is_reusable=True)
    canned = httpx.MockTransport(lambda request: httpx.Response(200, json=PAYMENT))
    for transport in (None, canned):
        with InventPay("canned" * 4, base_url=URL, transport=transport) as client:
            for _ in range(2):
                client.payments.create(amount=5, amount_currency="USD", currency="USDT_BEP20")


async def test_aiohttp_warns_where_a_mock_is_active(httpx_mock: HTTPXMock) -> None:
    """A client with the aiohttp transport warns under a mock, because its calls would reach the real API."""
    with pytest.warns(UserWarning, match="intercept nothing"):
        AsyncInventPay("k" * 20, base_url=URL, transport="aiohttp")


async def test_aiohttp_warns_too_where_a_mock_becomes_active_later() -> None:
    """A client of the whole test session warns at its first call under a mock, once, and keeps its limit."""
    async with AsyncInventPay("k" * 20, base_url=URL, transport="aiohttp") as client:
        texts: list[list[str]] = []
        with respx.mock(assert_all_called=False):
            for _ in range(2):
                with warnings.catch_warnings(record=True) as said:
                    warnings.simplefilter("always")
                    lease = await client._limiter.acquire_async(RateClass.OTHER, client._backend)
                    lease.refund(client._backend.now())
                texts.append([str(each.message)[:30] for each in said])
    assert texts == [["respx and pytest-httpx interce"], []]


async def test_an_unlimited_limiter_shows_full_classes() -> None:
    """The snapshot of an unlimited limiter has the documented limits, all of them free."""
    async with AsyncInventPay("k" * 20, limiter=Unlimited()) as client:
        assert client.rate_limits[RateClass.WITHDRAWALS].available == 10
    assert repr(Unlimited()) == "<Unlimited>"
