"""The events of each change, and the members of their ``data`` in the documented order.

The six events of payments are documented (page webhooks/events), their members there and in the official JS client's
README; undocumented choices are in ``assumptions``.
"""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Context, Decimal

import attrs

from .. import assumptions
from ..clock import iso
from ..merchant import payments
from ..merchant.ids import transaction_hash
from ..merchant.money import ZERO, number, subtract
from ..merchant.payments import Payment, PaymentStatus
from ..merchant.withdrawals import Withdrawal, WithdrawalStatus
from ..shapes import bodies
from ..shapes.bodies import Body

# Official Python SDK's list, and `withdrawal.created` from the older documents: the documentation counts four events
# of withdrawals without naming them where they can be read.
PAYMENT_EVENTS = (
    "payment.created",
    "payment.pending",
    "payment.confirmed",
    "payment.completed",
    "payment.underpaid",
    "payment.expired",
    "payment.failed",
)
TEST_EVENT = "payment.test"
WITHDRAWAL_EVENTS = ("withdrawal.created", "withdrawal.processing", "withdrawal.completed", "withdrawal.failed")
EVENTS = (*PAYMENT_EVENTS, TEST_EVENT, *WITHDRAWAL_EVENTS)

_PERCENT = Context(prec=100)
_HUNDREDTH = Decimal("0.01")


@attrs.frozen(kw_only=True)
class Event:
    """An event at ``at`` (Unix seconds)."""

    name: str
    data: Body
    at: float
    payment_id: str | None = None
    callback_url: str | None = None
    test: bool = False


def of_payment(before: Payment | None, after: Payment, now: float) -> list[Event]:
    """Return the events of the step from ``before`` (``None`` for a new payment) to ``after``, in order."""
    if before is None:
        return [_event("payment.created", after, now, _created(after))]
    events: list[Event] = []
    if before.coin is None and after.coin is not None:
        events.append(_event("payment.pending", after, now, _coin_chosen(after)))
    if after.received > before.received and before.status is not PaymentStatus.EXPIRED:
        events.append(_event("payment.pending", after, now, _money_seen(after)))
    if after.status is before.status is PaymentStatus.EXPIRED:
        # A late transfer that is too small or not confirmed: send the event again, with the new amount.
        events.append(_event("payment.expired", after, now, _expired(after)))
    elif after.status is PaymentStatus.UNDERPAID and (before.status, before.received) != (after.status, after.received):
        events.append(_event("payment.underpaid", after, now, _underpaid(after)))
    elif after.status is not before.status:
        events += _ended(after, now)
    return events


def _ended(payment: Payment, now: float) -> list[Event]:
    if payment.status is PaymentStatus.COMPLETED:
        data = _completed(payment)
        return [_event(name, payment, now, data) for name in ("payment.confirmed", "payment.completed")]
    if payment.status is PaymentStatus.EXPIRED:
        # The expiry is detected when the payment is read, but it happened at the end of its lifetime.
        return [_event("payment.expired", payment, min(now, payment.expires_at), _expired(payment))]
    if payment.status is PaymentStatus.FAILED:
        return [_event("payment.failed", payment, now, _failed(payment))]
    return []


def of_withdrawal(before: Withdrawal | None, after: Withdrawal, now: float) -> list[Event]:
    """Return the events of a withdrawal's step; direct completion includes the event of processing first."""
    if before is None:
        return [Event(name="withdrawal.created", data=bodies.withdrawal(after), at=now)]
    steps = [after]
    if after.status is WithdrawalStatus.COMPLETED and before.status is WithdrawalStatus.PENDING:
        steps.insert(0, attrs.evolve(after, status=WithdrawalStatus.PROCESSING, completed_at=None))
    return [
        Event(name=f"withdrawal.{step.status.value.lower()}", data=bodies.withdrawal(step), at=now) for step in steps
    ]


def test(now: float) -> Event:
    """Return the event that POST /v1/merchant/test-webhook sends."""
    data: Body = {
        "paymentId": "test_payment",
        "amount": 1,
        "currency": "USDT_BEP20",
        "status": PaymentStatus.COMPLETED,
    }
    return Event(name=TEST_EVENT, data=data, at=now, test=True)


def _event(name: str, payment: Payment, at: float, data: Body) -> Event:
    return Event(name=name, data=data, at=at, payment_id=payment.payment_id, callback_url=payment.callback_url)


def _created(payment: Payment) -> Body:
    asked: Body = {"baseAmount": number(payment.base_amount), "baseCurrency": payment.base_currency}
    page = bodies.invoice_url(payment, payment.origin)
    if payment.coin is None or payment.required is None:
        money: Body = {**asked, "invoiceUrl": page}
    else:
        money = {
            "amount": number(payment.required),
            **asked,
            "currency": payment.coin.code,
            "address": payment.address,
            "invoiceUrl": page,
            "qrCode": bodies.qr_code(payment),
        }
    return {
        **_ids(payment),
        **money,
        **({} if payment.description is None else {"description": payment.description}),
        "status": PaymentStatus.PENDING,
        "expiresAt": iso(payment.expires_at),
        "createdAt": iso(payment.created_at),
    }


def _coin_chosen(payment: Payment) -> Body:
    coin, required = payments.chosen(payment)
    return {
        **_ids(payment),
        "amount": number(required),
        "currency": coin.code,
        "currentBalance": number(ZERO),
        "currencySelected": True,
        "address": payment.address,
        "cryptoAmount": number(required),
        "status": PaymentStatus.PENDING,
    }


def _money_seen(payment: Payment) -> Body:
    coin, required = payments.chosen(payment)
    return {
        **_ids(payment),
        "amount": number(required),
        "currency": coin.code,
        "currentBalance": number(payment.received),
        "status": PaymentStatus.PENDING,
    }


def _completed(payment: Payment) -> Body:
    coin, required = payments.chosen(payment)
    return {
        **_ids(payment),
        "amount": number(required),
        "baseAmount": number(payment.base_amount),
        "baseCurrency": payment.base_currency,
        "currency": coin.code,
        "settlementAmount": number(payment.received),
        "feeAmount": number(ZERO),
        "feeRate": number(ZERO),
        "transactionHash": transaction_hash(payment.payment_id),
        "confirmations": payment.confirmations,
        "status": payment.status,
        **({} if payment.completed_at is None else {"confirmedAt": iso(payment.completed_at)}),
    }


def _underpaid(payment: Payment) -> Body:
    coin, required = payments.chosen(payment)
    paid = (_PERCENT.divide(payment.received, required) * 100).quantize(_HUNDREDTH, ROUND_HALF_UP, _PERCENT)
    return {
        **_ids(payment),
        "requiredAmount": number(required),
        "currentBalance": number(payment.received),
        "remainingAmount": number(subtract(required, payment.received)),
        "paidPercentage": number(paid),
        "remainingPercentage": number(subtract(Decimal(100), paid)),
        "currency": coin.code,
        "status": payment.status,
    }


def _expired(payment: Payment) -> Body:
    return {
        **_ids(payment),
        "wasUnderpaid": payment.received > ZERO,
        "currentBalance": number(payment.received),
        "currency": payment.base_currency if payment.coin is None else payment.coin.code,
        "expiresAt": iso(payment.expires_at),
        "status": payment.status,
    }


def _failed(payment: Payment) -> Body:
    return {
        **_ids(payment),
        "error": assumptions.WEBHOOK_FAILURE,
        "failureReason": assumptions.WEBHOOK_FAILURE,
        "status": payment.status,
    }


def _ids(payment: Payment) -> Body:
    return {"paymentId": payment.payment_id, **({} if payment.order_id is None else {"orderId": payment.order_id})}
