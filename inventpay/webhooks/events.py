"""What happened, as deliveries tell it: one frozen class for each event name.

No two sources list the same members, so all but the id may be missing; a member that is there is read exactly, or the
delivery is refused. Names are those of the models: ``settlementAmount`` is ``settlement_amount``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from attrs import field, frozen

from ..models import AmountCurrency, Currency, PaymentState, WithdrawalState
from ..models.raw import raw_field
from .keys import digest

__all__ = [
    "KNOWN_EVENTS",
    "PaidEvent",
    "PaymentCompletedEvent",
    "PaymentConfirmedEvent",
    "PaymentCreatedEvent",
    "PaymentEvent",
    "PaymentExpiredEvent",
    "PaymentFailedEvent",
    "PaymentPendingEvent",
    "PaymentTestEvent",
    "PaymentUnderpaidEvent",
    "UnknownEvent",
    "WebhookEvent",
    "WithdrawalCompletedEvent",
    "WithdrawalCreatedEvent",
    "WithdrawalEvent",
    "WithdrawalFailedEvent",
    "WithdrawalProcessingEvent",
]


@frozen(kw_only=True)
class _Event:
    timestamp: datetime | None = None
    """When the event was sent. Inside the signed body, so nobody can change it; ``None`` where the body has none."""
    test: bool = False
    """Whether no real coin is involved; ``False`` where the body does not say."""
    delivery_id: str | None = field(default=None, eq=False)
    """The header ``X-Webhook-ID``. Nothing signs it: good for finding the delivery in a log, proof of nothing."""
    raw: Mapping[str, Any] = raw_field()

    @property
    def key(self) -> str:
        """The same for every delivery of this event, whatever its timestamp: a digest of the signed body without it.

        What to keep in a unique column, where deliveries are told apart without a ``WebhookReceiver``.
        """
        return digest(self.raw)


@frozen(kw_only=True)
class _PaymentFacts(_Event):
    order_id: str | None = None
    merchant_id: str | None = None
    status: PaymentState | str | None = None
    amount: Decimal | None = None
    """Amount to pay, in the coin."""
    currency: Currency | str | None = None
    """The coin; ``None`` until the payer of an invoice has picked one."""
    base_amount: Decimal | None = None
    """What was asked for, in ``base_currency``."""
    base_currency: AmountCurrency | str | None = None
    description: str | None = None
    address: str | None = None
    """Where to pay."""
    current_balance: Decimal | None = None
    """Amount received so far, in the coin."""
    confirmations: int | None = None
    """Blocks on top of the payment."""
    transaction_hash: str | None = None
    """From ``transactionHash`` or ``txHash``."""
    invoice_url: str | None = None
    """Hosted page for the payer."""
    created_at: datetime | None = None
    expires_at: datetime | None = None


@frozen(kw_only=True)
class PaymentEvent(_PaymentFacts):
    """What the events of a payment or invoice have in common."""

    payment_id: str


@frozen(kw_only=True)
class PaymentCreatedEvent(PaymentEvent):
    """A payment or invoice was created (docs: webhooks/events)."""

    event: Literal["payment.created"] = "payment.created"
    qr_code: str | None = None
    """Text for a QR code, such as ``usdt_bep20:0x...?amount=29.99``."""


@frozen(kw_only=True)
class PaymentPendingEvent(PaymentEvent):
    """Funds were seen and wait for confirmations, or the payer picked a coin (vendor's JavaScript README)."""

    event: Literal["payment.pending"] = "payment.pending"
    currency_selected: bool | None = None
    """Whether the payer has just picked the coin."""
    crypto_amount: Decimal | None = None
    """Amount to pay, in the coin that was picked."""


@frozen(kw_only=True)
class PaidEvent(PaymentEvent):
    """A payment is paid: what ``payment.confirmed`` and ``payment.completed`` have in common."""

    settlement_amount: Decimal | None = None
    """What the merchant gets, in the coin."""
    fee_amount: Decimal | None = None
    """The fee, in the coin."""
    fee_rate: Decimal | None = None
    """The fee as a fraction: ``Decimal("0.005")`` is half a percent."""
    confirmed_at: datetime | None = None
    completed_at: datetime | None = None


@frozen(kw_only=True)
class PaymentConfirmedEvent(PaidEvent):
    """The payment has its confirmations. The same payment may also yield ``payment.completed``."""

    event: Literal["payment.confirmed"] = "payment.confirmed"


@frozen(kw_only=True)
class PaymentCompletedEvent(PaidEvent):
    """The payment is complete. The same payment may also yield ``payment.confirmed``."""

    event: Literal["payment.completed"] = "payment.completed"


@frozen(kw_only=True)
class PaymentUnderpaidEvent(PaymentEvent):
    """Less arrived than was asked for (vendor's JavaScript README)."""

    event: Literal["payment.underpaid"] = "payment.underpaid"
    required_amount: Decimal | None = None
    """Amount to receive, in the coin."""
    remaining_amount: Decimal | None = None
    """What is missing, in the coin."""
    paid_percentage: Decimal | None = None
    remaining_percentage: Decimal | None = None


@frozen(kw_only=True)
class PaymentExpiredEvent(PaymentEvent):
    """The time to pay is over (vendor's JavaScript README)."""

    event: Literal["payment.expired"] = "payment.expired"
    was_underpaid: bool | None = None
    """Whether something, but not enough, had arrived: see ``current_balance``."""


@frozen(kw_only=True)
class PaymentFailedEvent(PaymentEvent):
    """The payment failed (vendor's JavaScript README)."""

    event: Literal["payment.failed"] = "payment.failed"
    failure_reason: str | None = None
    """From ``failureReason`` or ``error``."""


@frozen(kw_only=True)
class PaymentTestEvent(_PaymentFacts):
    """Sent by the dashboard, or by ``client.webhooks.test()``: nothing happened. Every one is new, see ``key``."""

    event: Literal["payment.test"] = "payment.test"
    test: bool = True
    payment_id: str | None = None


@frozen(kw_only=True)
class WithdrawalEvent(_Event):
    """What the events of a withdrawal have in common.

    assumed: no source shows such a body; the members are those of the answer to ``withdrawals.get``.
    """

    withdrawal_id: str
    merchant_id: str | None = None
    status: WithdrawalState | str | None = None
    amount: Decimal | None = None
    """Amount withdrawn, fee included, in the coin."""
    currency: Currency | str | None = None
    destination_address: str | None = None
    fee_amount: Decimal | None = None
    net_amount: Decimal | None = None
    """What arrives; from ``netAmount`` or ``metadata.netAmount``."""
    confirmations: int | None = None
    """Blocks on top of the transaction; from ``confirmations`` or ``metadata.confirmations``."""
    transaction_hash: str | None = None
    """From ``transactionHash`` or ``txHash``."""
    description: str | None = None
    failure_reason: str | None = None
    """From ``failureReason``, ``errorMessage`` or ``error``."""
    created_at: datetime | None = None
    processed_at: datetime | None = None
    completed_at: datetime | None = None


@frozen(kw_only=True)
class WithdrawalCreatedEvent(WithdrawalEvent):
    """A withdrawal was asked for."""

    event: Literal["withdrawal.created"] = "withdrawal.created"


@frozen(kw_only=True)
class WithdrawalProcessingEvent(WithdrawalEvent):
    """A withdrawal is on its way."""

    event: Literal["withdrawal.processing"] = "withdrawal.processing"


@frozen(kw_only=True)
class WithdrawalCompletedEvent(WithdrawalEvent):
    """A withdrawal has arrived."""

    event: Literal["withdrawal.completed"] = "withdrawal.completed"


@frozen(kw_only=True)
class WithdrawalFailedEvent(WithdrawalEvent):
    """A withdrawal failed."""

    event: Literal["withdrawal.failed"] = "withdrawal.failed"


@frozen(kw_only=True)
class UnknownEvent(_Event):
    """An event this release does not know. Everything it says is in ``raw``."""

    event: str
    payment_id: str | None = None
    withdrawal_id: str | None = None


WebhookEvent: TypeAlias = (
    PaymentCreatedEvent
    | PaymentPendingEvent
    | PaymentConfirmedEvent
    | PaymentCompletedEvent
    | PaymentUnderpaidEvent
    | PaymentExpiredEvent
    | PaymentFailedEvent
    | PaymentTestEvent
    | WithdrawalCreatedEvent
    | WithdrawalProcessingEvent
    | WithdrawalCompletedEvent
    | WithdrawalFailedEvent
    | UnknownEvent
)
"""Every event there is. Its class or its ``event`` says which one it is; type checkers follow both."""

KNOWN_EVENTS: Final[Mapping[str, type[WebhookEvent]]] = {
    "payment.created": PaymentCreatedEvent,
    "payment.pending": PaymentPendingEvent,
    "payment.confirmed": PaymentConfirmedEvent,
    "payment.completed": PaymentCompletedEvent,
    "payment.underpaid": PaymentUnderpaidEvent,
    "payment.expired": PaymentExpiredEvent,
    "payment.failed": PaymentFailedEvent,
    "payment.test": PaymentTestEvent,
    "withdrawal.created": WithdrawalCreatedEvent,
    "withdrawal.processing": WithdrawalProcessingEvent,
    "withdrawal.completed": WithdrawalCompletedEvent,
    "withdrawal.failed": WithdrawalFailedEvent,
}
"""The event names some source documents, and their classes."""
