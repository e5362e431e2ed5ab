"""The receiver reads all deliveries of the sandbox: every event, in both shapes, with every member."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from inventpay import Currency, PaymentState, WithdrawalState
from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.sandbox.merchant.coins import COINS
from inventpay.sandbox.merchant.payments import NewPayment
from inventpay.sandbox.merchant.withdrawals import NewWithdrawal
from inventpay.webhooks import (
    KNOWN_EVENTS,
    PaymentCompletedEvent,
    PaymentTestEvent,
    WithdrawalCompletedEvent,
    parse_event,
)
from tests.support.deliveries import SECRET


@pytest.fixture(params=["flat", "nested"])
def events(request: pytest.FixtureRequest) -> dict[str, Any]:
    """The event of every name the sandbox sends, parsed from its signed bytes."""
    clock = ManualClock()
    settings = WebhookSettings(url="https://shop.example/hooks", secret=SECRET, shape=request.param, automatic=False)
    sandbox = Sandbox(clock=clock, webhooks=settings)

    def create(coin: str | None = "BTC", order_id: str = "order-1") -> str:
        new = NewPayment(
            amount=Decimal("29.90"),
            amount_currency="USD",
            coin=None if coin is None else COINS[coin],
            lifetime=1800.0,
            order_id=order_id,
            description="日本 🪙",
        )
        return sandbox.state.create_payment(new).payment_id

    sandbox.pay(create())
    sandbox.underpay(create())
    sandbox.fail(create())
    sandbox.expire(create(None))
    sandbox.select(create(None), "USDT_BEP20")
    sandbox.deposit("USDT_BEP20", 100)
    for end in (sandbox.complete_withdrawal, sandbox.fail_withdrawal):
        new = NewWithdrawal(
            amount=Decimal(10),
            coin=COINS["USDT_BEP20"],
            destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
        )
        end(sandbox.state.create_withdrawal(new)[0].withdrawal_id)
    found: dict[str, Any] = {}
    for delivery in sandbox.webhooks.deliveries:
        headers = {"X-Webhook-Signature": delivery.signature, "X-Webhook-ID": delivery.delivery_id}
        event = parse_event(delivery.body, headers, SECRET, received_at=clock())
        assert event.event == delivery.event
        assert event.delivery_id == delivery.delivery_id
        assert event.timestamp is not None
        assert not event.test
        found.setdefault(event.event, event)
    return found


def test_every_event_is_known(events: dict[str, Any]) -> None:
    """All but the test, which only an API call sends."""
    assert set(events) == set(KNOWN_EVENTS) - {"payment.test"}
    assert {type(event) for event in events.values()} == set(KNOWN_EVENTS.values()) - {PaymentTestEvent}


def test_a_completed_payment_is_read_exactly(events: dict[str, Any]) -> None:
    """Amounts that add up, to the last digit."""
    event = events["payment.completed"]
    assert isinstance(event, PaymentCompletedEvent)
    assert (event.order_id, event.currency, event.status) == ("order-1", Currency.BTC, PaymentState.COMPLETED)
    assert event.amount is not None
    assert event.settlement_amount is not None
    assert event.fee_amount is not None
    assert event.settlement_amount + event.fee_amount == event.amount
    assert events["payment.created"].description == "日本 🪙"
    assert events["payment.created"].base_amount == Decimal("29.90")
    assert events["payment.underpaid"].remaining_amount > 0


def test_a_withdrawal_is_read_exactly(events: dict[str, Any]) -> None:
    """A withdrawal is read with its exact net amount and fees."""
    event = events["withdrawal.completed"]
    assert isinstance(event, WithdrawalCompletedEvent)
    assert (event.amount, event.currency, event.status) == (10, Currency.USDT_BEP20, WithdrawalState.COMPLETED)
    assert event.net_amount is not None
    assert event.fee_amount is not None
    assert event.net_amount + event.fee_amount == event.amount
    assert events["withdrawal.failed"].failure_reason
