"""Typical uses that type checkers must accept, with the types they must see. Never run."""

from __future__ import annotations

import ssl
from datetime import timedelta
from decimal import Decimal
from typing import assert_type

import httpx

from inventpay import (
    APIResponse,
    AsyncInventPay,
    Balance,
    Balances,
    CallFinished,
    ClassSnapshot,
    Currency,
    Event,
    InventPay,
    InventPayError,
    Invoice,
    LocalLimiter,
    Outcome,
    Payment,
    PaymentState,
    PaymentStatus,
    RateClass,
    RateLimits,
    RetryPolicy,
    Withdrawal,
)


def on_event(event: Event) -> None:
    if isinstance(event, CallFinished):
        print(event.method, event.path_template, event.outcome, event.seconds)


async def awaited() -> None:
    async with AsyncInventPay(
        "pk_live_1",
        withdrawal_key="wk_live_1",
        base_url="https://api.inventpay.io",
        timeout=timedelta(seconds=30),
        attempt_timeout=10,
        max_wait=None,
        max_retries=3,
        retry=RetryPolicy(max_delay=4),
        rate_limits=RateLimits(other=30, rule="window", classes={"GET /v1/withdrawal/{withdrawalId}": "status_checks"}),
        limiter=LocalLimiter(),
        coalesce=False,
        max_connections=10,
        transport="aiohttp",
        headers={"X-Tenant": "7"},
        hooks=[on_event],
    ) as client:
        payment = await client.payments.create(amount="29.99", amount_currency="USD", currency=Currency.USDT_BEP20)
        assert_type(payment, Payment)
        assert_type(payment.amount, Decimal)
        assert_type(await client.invoices.create(amount=Decimal(5), amount_currency="USD"), Invoice)
        assert_type(await client.payments.status(payment.payment_id), PaymentStatus)
        async for status in client.payments.watch(payment.payment_id):
            assert_type(status, PaymentStatus)
        assert_type(await client.payments.wait("cmh1", until={PaymentState.COMPLETED, "SETTLED"}), PaymentStatus)
        balance = await client.balances.get("BTC", max_age=2.0)
        assert_type(balance, Balance)
        if balance.limits is not None and balance.limits.daily is not None:
            assert_type(balance.limits.daily.remaining, Decimal)
        assert_type(await client.balances.all(), Balances)
        async for change in client.balances.watch("BTC", every=timedelta(seconds=5)):
            assert_type(change, Balance)
        withdrawal = await client.withdrawals.create(amount=10, currency="BTC", destination_address="bc1q")
        assert_type(withdrawal, Withdrawal)
        assert_type(await client.withdrawals.get(withdrawal.withdrawal_id), Withdrawal)
        assert_type(await client.request("GET", "/v1/anything", params={"page": 1, "all": True}), APIResponse)
        assert_type(client.with_options(timeout=None, max_wait=0.5, max_retries=0), AsyncInventPay)
        assert_type(client.rate_limits[RateClass.WITHDRAWALS], ClassSnapshot)


def blocking() -> None:
    with InventPay(transport=httpx.HTTPTransport(), verify=True) as client:
        assert_type(client.payments.create(amount=29.99, amount_currency="USD", currency="BTC"), Payment)
        for status in client.payments.watch("cmh1"):
            assert_type(status, PaymentStatus)
        assert_type(client.payments.wait("cmh1", timeout=1800), PaymentStatus)
        assert_type(client.with_options(headers={"X-Tenant": "7"}), InventPay)
        assert_type(client.payment_link("cmh1"), str)
    InventPay(http_client=httpx.Client(), proxy=None)
    InventPay(verify=ssl.create_default_context(), proxy="http://127.0.0.1:3128")


def failed(error: InventPayError) -> Outcome:
    if error.outcome == "unknown" and error.idempotency_key is not None:
        print(f"repeat with {error.idempotency_key}")
    return error.outcome
