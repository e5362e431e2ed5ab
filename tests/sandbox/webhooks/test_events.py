"""Which step of a payment or withdrawal brings which events, and what they say."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventpay.sandbox import SandboxError
from inventpay.sandbox.webhooks.events import EVENTS
from tests.sandbox.shop import URL, Shop, in_memory

EXAMPLES = Path(__file__).parents[2] / "examples"


@pytest.fixture
def shop() -> Shop:
    return Shop(url=URL, transport=in_memory())


def names(bodies: list[dict[str, Any]]) -> list[str]:
    return [body["event"] for body in bodies]


@pytest.mark.parametrize("shape", ["nested", "flat"])
def test_a_created_payment_reads_as_documented(shape: str) -> None:
    """Members, their order, and their kinds of value are those of the documented body, in either shape."""
    shop = Shop(url=URL, transport=in_memory(), shape=shape)
    shop.create(description="Premium Plan Subscription")
    [reported] = shop.received()
    documented = json.loads((EXAMPLES / f"webhook.payment_created.{shape}.json").read_bytes())
    assert _outline(reported) == _outline(documented)
    assert reported["test"] is False
    inner = reported["data"] if shape == "nested" else reported
    assert (inner["amount"], inner["baseCurrency"], inner["status"]) == (29.99, "USD", "PENDING")
    assert inner["qrCode"] == f"usdt_bep20:{inner['address']}?amount=29.99"
    assert reported["timestamp"] == "2024-01-01T12:00:00.000Z"


def test_an_underpaid_payment_reads_as_documented() -> None:
    """Percentages have two places and add up to a hundred; members stand in the documented order."""
    shop = Shop(url=URL, transport=in_memory(), shape="flat")
    payment_id = shop.create()
    shop.received()
    shop.sandbox.underpay(payment_id, 20)
    reported = shop.received()
    assert names(reported) == ["payment.pending", "payment.underpaid"]
    documented = json.loads((EXAMPLES / "webhook.payment_underpaid.flat.json").read_bytes())
    changing = {"paymentId": payment_id, "timestamp": reported[1]["timestamp"]}
    assert reported[1] == {**documented, **changing}
    assert list(reported[1]) == list(documented)


def _outline(value: object) -> object:
    """The names and kinds of a document, without its values."""
    if isinstance(value, dict):
        return [(name, _outline(member)) for name, member in value.items()]
    return "number" if isinstance(value, (int, float)) and not isinstance(value, bool) else type(value).__name__


def test_a_payment_in_full_is_seen_confirmed_and_completed(shop: Shop) -> None:
    """Money seen, then both names of the same news, with what the merchant gets."""
    payment_id = shop.create()
    shop.received()
    shop.sandbox.pay(payment_id)
    pending, confirmed, completed = shop.received()
    assert names([pending, confirmed, completed]) == ["payment.pending", "payment.confirmed", "payment.completed"]
    assert (pending["data"]["status"], pending["data"]["currentBalance"]) == ("PENDING", 29.99)
    assert completed["data"] == confirmed["data"]
    for name, value in {"settlementAmount": 29.99, "feeAmount": 0, "feeRate": 0, "orderId": "order-12345"}.items():
        assert completed["data"][name] == value


def test_confirmations_alone_are_no_news(shop: Shop) -> None:
    """Only received money, and changes of status, cause events."""
    payment_id = shop.create()
    shop.sandbox.pay(payment_id, confirmations=0)
    assert names(shop.received()) == ["payment.created", "payment.pending"]
    shop.sandbox.confirm(payment_id, 3)
    assert shop.received() == []
    shop.sandbox.confirm(payment_id)
    assert names(shop.received()) == ["payment.confirmed", "payment.completed"]


def test_an_underpaid_payment_that_is_topped_up(shop: Shop) -> None:
    """Each part causes an event; while it is not enough, with the missing amount."""
    payment_id = shop.create()
    shop.sandbox.underpay(payment_id, 10)
    shop.sandbox.underpay(payment_id, 5)
    shop.sandbox.pay(payment_id)
    reported = shop.received()
    assert names(reported)[1:] == [
        *("payment.pending", "payment.underpaid") * 2,
        *("payment.pending", "payment.confirmed", "payment.completed"),
    ]
    assert reported[4]["data"]["remainingAmount"] == 14.99


def test_money_that_is_not_confirmed_yet_makes_an_underpaid_payment_pending(shop: Shop) -> None:
    """The received part causes an event, the change of the status alone does not."""
    payment_id = shop.create()
    shop.sandbox.underpay(payment_id, 10)
    shop.received()
    shop.sandbox.pay(payment_id, confirmations=0)
    [reported] = shop.received()
    assert (reported["event"], reported["data"]["currentBalance"]) == ("payment.pending", 29.99)


def test_an_invoice_reports_the_choice_of_its_payer(shop: Shop) -> None:
    """The choice causes an event with the address and the amount in the coin."""
    payment_id = shop.create(currency=None, description="A shirt")
    shop.sandbox.select(payment_id, "BTC")
    created, chosen = shop.received()
    assert not {"amount", "currency", "address", "qrCode"} & created["data"].keys()
    assert created["data"]["baseAmount"] == 29.99
    assert (chosen["event"], chosen["data"]["currencySelected"]) == ("payment.pending", True)
    assert chosen["data"]["cryptoAmount"] == float(shop.sandbox.payment(payment_id).required or 0)
    shop.sandbox.pay(shop.create(currency=None), currency="LTC")
    assert names(shop.received()) == [
        *("payment.created", "payment.pending", "payment.pending", "payment.confirmed", "payment.completed")
    ]


def test_an_expiry_is_reported_without_a_request(shop: Shop) -> None:
    """The event comes once the time is up, dated with that time, and says whether something had been received."""
    payment_id = shop.create()
    shop.sandbox.underpay(payment_id, 10)
    shop.received()
    shop.clock.advance(1799)
    assert shop.received() == []
    shop.clock.advance(61)
    [reported] = shop.received()
    assert reported["event"] == "payment.expired"
    assert reported["timestamp"] == reported["data"]["expiresAt"] == "2024-01-01T12:30:00.000Z"
    assert (reported["data"]["wasUnderpaid"], reported["data"]["currentBalance"]) == (True, 10)
    assert shop.received() == []


def test_an_expiry_found_by_a_late_payment_is_reported_once(shop: Shop) -> None:
    """A payment that is refused because the time is up does not swallow the news, nor double it."""
    shop.sandbox.state.late_payments = False
    payment_id = shop.create()
    shop.received()
    shop.clock.advance(1800)
    with pytest.raises(SandboxError):
        shop.sandbox.pay(payment_id)
    assert names(shop.received()) == ["payment.expired"]


def test_ended_payments(shop: Shop) -> None:
    """Expiry and failure by a call cause events at once; that of an invoice has its base currency."""
    shop.sandbox.expire(shop.create(currency=None))
    shop.sandbox.fail(shop.create())
    _, expired, _, failed = shop.received()
    assert (expired["event"], expired["data"]["currency"]) == ("payment.expired", "USD")
    assert expired["data"]["wasUnderpaid"] is False
    assert (failed["event"], failed["data"]["status"]) == ("payment.failed", "FAILED")
    assert failed["data"]["failureReason"]


def test_withdrawals_report_every_step(shop: Shop) -> None:
    """Created, processing, completed and failed; one that completes at once was processed before."""
    first, second, third = shop.withdraw(), shop.withdraw(), shop.withdraw()
    shop.sandbox.process_withdrawal(first)
    shop.sandbox.complete_withdrawal(first)
    shop.sandbox.complete_withdrawal(second)
    shop.sandbox.fail_withdrawal(third, "no gas")
    reported = shop.received()
    steps = [(body["data"]["withdrawalId"], body["event"], body["data"]["status"]) for body in reported]
    assert steps == [
        *((one, "withdrawal.created", "PENDING") for one in (first, second, third)),
        (first, "withdrawal.processing", "PROCESSING"),
        (first, "withdrawal.completed", "COMPLETED"),
        (second, "withdrawal.processing", "PROCESSING"),
        (second, "withdrawal.completed", "COMPLETED"),
        (third, "withdrawal.failed", "FAILED"),
    ]
    assert reported[-1]["data"]["failureReason"] == "no gas"
    assert all(body["event"] in EVENTS for body in reported)


def test_amounts_are_doubles_as_node_writes_them(shop: Shop) -> None:
    """An amount of many digits after the point is written in JavaScript's notation."""
    payment_id = shop.create("ETH", amount=Decimal("0.000000000000003201"), amount_currency="ETH")
    shop.sandbox.pay(payment_id)
    shop.sandbox.webhooks.deliver_due()
    assert all(b':3.201e-15,"' in delivery.body for delivery in shop.sandbox.webhooks.deliveries)


def test_text_goes_out_as_it_is(shop: Shop) -> None:
    """Compact UTF-8, as Node's JSON.stringify writes it: neither escapes nor blanks."""
    shop.create(description="Grüße, 世界 / ok")
    [delivery] = shop.sandbox.webhooks.deliver_due()
    assert '"description":"Grüße, 世界 / ok",'.encode() in delivery.body
    assert b'": ' not in delivery.body


def test_late_transfers_are_reported_as_late(shop: Shop) -> None:
    """Too little after EXPIRED is one more payment.expired with the new balance; the rest completes the payment."""
    payment_id = shop.create(amount=Decimal(30))
    shop.clock.advance(1800)
    shop.sandbox.payment(payment_id)
    shop.received()
    shop.sandbox.underpay(payment_id, 10)
    (late,) = shop.received()
    assert (late["event"], late["data"]["currentBalance"], late["data"]["wasUnderpaid"]) == (
        "payment.expired",
        10,
        True,
    )
    shop.sandbox.pay(payment_id)
    reported = shop.received()
    assert [event["event"] for event in reported] == ["payment.confirmed", "payment.completed"]
    assert reported[-1]["data"]["settlementAmount"] == 30


def test_an_expiry_is_reported_before_the_late_transfer(shop: Shop) -> None:
    """If a transfer is the first to detect the expiry, the event of the expiry is sent first."""
    payment_id = shop.create(amount=Decimal(30))
    shop.received()
    shop.clock.advance(1801)
    shop.sandbox.pay(payment_id)
    assert [event["event"] for event in shop.received()] == [
        "payment.expired",
        "payment.confirmed",
        "payment.completed",
    ]
