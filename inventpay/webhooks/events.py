"""Events: one frozen class for each name.

No two sources list the same members, so all but the id may be missing. Ids, money and states that are there must be
readable, or the delivery is refused; other odd members read ``None``, and their paths are in ``unread``. Names are
those of the models: ``settlementAmount`` is ``settlement_amount``.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, Self, TypeAlias

from attrs import Factory, field, frozen

from .._core.decimals import subtract
from .._core.json_values import shown
from .._json.fields import strict
from ..errors import DecodeError
from ..models import AmountCurrency, Currency, PaymentState, WithdrawalState
from ..models.amounts_due import AmountsDue
from ..models.base import Model
from ..models.enums import FINAL_STATES, FINAL_WITHDRAWAL_STATES, PAID_STATES
from .keys import digest

__all__ = [
    "KNOWN_EVENTS",
    "BaseEvent",
    "EventName",
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


@frozen(kw_only=True, eq=False, repr=False)
class BaseEvent(Model):
    """The base of all events.

    ``from_json`` of any of these classes reads every event of its kind, and returns it as the class of its name:
    ``PaymentEvent.from_json(text)`` may return a ``PaymentCompletedEvent``.
    """

    timestamp: datetime | None = None
    """Time at which the event was sent. It is part of the signed body; ``None`` where the body has none."""
    test: bool = False
    """Whether no real coin is involved; ``False`` where the body does not name it."""
    delivery_id: str | None = field(default=None, eq=False)
    """Value of the header ``X-Webhook-ID``. It is not signed: use it to find the delivery in a log, and as no proof."""
    _key: str | None = field(default=None, eq=False, repr=False, alias="key")

    @property
    def key(self) -> str:
        """Digest that is the same for every delivery of this event, whatever its timestamp.

        Store it in a unique column to recognize repeated deliveries without a ``WebhookReceiver``. Text of ``to_json``
        keeps it.
        """
        return self._key or digest(self.raw)

    @property
    def is_test(self) -> bool:
        """Whether no real coin is involved."""
        return self.test

    @classmethod
    def _from_document(cls, document: object) -> Self:
        # It makes events, so it lies above them.
        from importlib import import_module

        event = import_module("inventpay.webhooks.bodies").read_event(document)
        if not isinstance(event, cls):
            raise DecodeError(f"$.event is {shown(event.event)}, which is no {cls.__name__}", json_path="$.event")
        return event

    def _members(self, *, wire: bool, with_none: bool) -> dict[str, Any]:
        members = Model._members(self, wire=wire, with_none=with_none)
        if not wire:
            return members
        names = ("event", "timestamp", "test", "deliveryId")
        outside: dict[str, Any] = {name: members.pop(name) for name in names if name in members}
        return {**outside, "key": self.key, "data": members}


@frozen(kw_only=True, repr=False)
class _PaymentFacts(AmountsDue, BaseEvent):
    order_id: str | None = None
    """Your own id of the order."""
    merchant_id: str | None = None
    """Id of the merchant."""
    status: PaymentState | str | None = strict()
    """State of the payment, where the event names it."""
    amount: Decimal | None = strict()
    """Amount to pay, in the coin."""
    currency: Currency | str | None = strict()
    """The coin; ``None`` until the payer of an invoice has picked one."""
    base_amount: Decimal | None = strict()
    """Amount that was asked for, in ``base_currency``."""
    base_currency: AmountCurrency | str | None = strict()
    """Currency of ``base_amount``."""
    description: str | None = None
    """Your own words on the payment."""
    address: str | None = strict()
    """Address to pay to."""
    current_balance: Decimal | None = strict()
    """Amount received so far, in the coin."""
    confirmations: int | None = None
    """Blocks on top of the payment."""
    transaction_hash: str | None = None
    """Hash of the payer's transaction; from ``transactionHash`` or ``txHash``."""
    invoice_url: str | None = None
    """URL of the hosted page for the payer."""
    created_at: datetime | None = None
    """Time of the payment's creation."""
    expires_at: datetime | None = None
    """Time until which the payment can be paid."""

    @property
    def is_paid(self) -> bool:
        """Whether the money has arrived: the state says so, or the event's name where it has no state.

        A test is paid with no real coin, see ``is_test``.
        """
        return self.status in PAID_STATES

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: COMPLETED, SETTLED, EXPIRED, FAILED or CANCELLED."""
        return self.status in FINAL_STATES

    def _amounts(self) -> tuple[Decimal | None, Decimal | None]:
        return self.current_balance, self.amount


@frozen(kw_only=True, repr=False)
class PaymentEvent(_PaymentFacts):
    """The base of the events of a payment or invoice."""

    payment_id: str
    """Id of the payment."""


@frozen(kw_only=True, repr=False)
class PaymentCreatedEvent(PaymentEvent):
    """A payment or invoice was created (docs: webhooks/events)."""

    event: Literal["payment.created"] = "payment.created"
    """Name of the event."""
    qr_code: str | None = None
    """Text for a QR code, such as ``usdt_bep20:0x...?amount=29.99``."""


@frozen(kw_only=True, repr=False)
class PaymentPendingEvent(PaymentEvent):
    """Funds were seen and wait for confirmations, or the payer picked a coin (vendor's JavaScript README)."""

    event: Literal["payment.pending"] = "payment.pending"
    """Name of the event."""
    currency_selected: bool | None = None
    """Whether the payer has just picked the coin."""
    crypto_amount: Decimal | None = None
    """Amount to pay, in the coin that was picked."""


@frozen(kw_only=True, repr=False)
class PaidEvent(PaymentEvent):
    """The base of ``payment.confirmed`` and ``payment.completed``: a payment is paid."""

    settlement_amount: Decimal | None = None
    """Amount that the merchant gets, in the coin."""
    fee_amount: Decimal | None = None
    """Fee, in the coin."""
    fee_rate: Decimal | None = None
    """Fee as a fraction: ``Decimal("0.005")`` is half a percent."""
    confirmed_at: datetime | None = None
    """Time at which the payment had its confirmations."""
    completed_at: datetime | None = None
    """Time at which the payment was complete."""

    @property
    def is_paid(self) -> bool:
        """Whether the money has arrived: the name says so, unless the state contradicts it.

        A test is paid with no real coin, see ``is_test``.
        """
        return self.status in PAID_STATES or self.status not in FINAL_STATES

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more. The same payment may still yield the other event of a paid one."""
        return self.is_paid or self.status in FINAL_STATES


@frozen(kw_only=True, repr=False)
class PaymentConfirmedEvent(PaidEvent):
    """The payment has its confirmations. The same payment may also yield ``payment.completed``."""

    event: Literal["payment.confirmed"] = "payment.confirmed"
    """Name of the event."""


@frozen(kw_only=True, repr=False)
class PaymentCompletedEvent(PaidEvent):
    """The payment is complete. The same payment may also yield ``payment.confirmed``."""

    event: Literal["payment.completed"] = "payment.completed"
    """Name of the event."""


def _remaining(event: PaymentUnderpaidEvent) -> Decimal | None:
    received, required = event.current_balance, event.required_amount
    return None if received is None or required is None else max(subtract(required, received), Decimal(0))


@frozen(kw_only=True, repr=False)
class PaymentUnderpaidEvent(PaymentEvent):
    """Less arrived than was asked for (vendor's JavaScript README)."""

    event: Literal["payment.underpaid"] = "payment.underpaid"
    """Name of the event."""
    required_amount: Decimal | None = None
    """Amount to receive, in the coin."""
    # An attribute takes the place of the property that other events have.
    remaining_amount: Decimal | None = field(  # pyright: ignore[reportIncompatibleMethodOverride]
        default=Factory(_remaining, takes_self=True)
    )
    """Amount that is missing, in the coin; ``required_amount`` minus ``current_balance`` where the body has none."""
    paid_percentage: Decimal | None = None
    """Part that was paid, in percent."""
    remaining_percentage: Decimal | None = None
    """Part that is missing, in percent."""

    def _amounts(self) -> tuple[Decimal | None, Decimal | None]:
        return self.current_balance, self.amount if self.required_amount is None else self.required_amount


@frozen(kw_only=True, repr=False)
class PaymentExpiredEvent(PaymentEvent):
    """The time to pay is over (vendor's JavaScript README)."""

    event: Literal["payment.expired"] = "payment.expired"
    """Name of the event."""
    was_underpaid: bool | None = None
    """Whether something, but not enough, had arrived: see ``current_balance``."""

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: always, as far as is documented."""
        return True


@frozen(kw_only=True, repr=False)
class PaymentFailedEvent(PaymentEvent):
    """The payment failed (vendor's JavaScript README)."""

    event: Literal["payment.failed"] = "payment.failed"
    """Name of the event."""
    failure_reason: str | None = None
    """Reason in words; from ``failureReason`` or ``error``."""

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: always."""
        return True


@frozen(kw_only=True, repr=False)
class PaymentTestEvent(_PaymentFacts):
    """Sent by the dashboard, or by ``client.webhooks.test()``: nothing happened. Every one is new, see ``key``."""

    event: Literal["payment.test"] = "payment.test"
    """Name of the event."""
    test: bool = True
    """Whether no real coin is involved; always ``True``, unless the body names it."""
    payment_id: str | None = None
    """Id of a made-up payment, where the body has one."""


@frozen(kw_only=True, repr=False)
class WithdrawalEvent(BaseEvent):
    """The base of the events of a withdrawal.

    assumed: no source shows such a body; the members are those of the answer to ``withdrawals.get``.
    """

    withdrawal_id: str
    """Id of the withdrawal."""
    merchant_id: str | None = None
    """Id of the merchant."""
    status: WithdrawalState | str | None = strict()
    """State of the withdrawal, where the event names it."""
    amount: Decimal | None = strict()
    """Amount withdrawn, fee included, in the coin."""
    currency: Currency | str | None = strict()
    """The coin, such as ``"USDT_BEP20"``."""
    destination_address: str | None = strict()
    """Address that the money goes to."""
    fee_amount: Decimal | None = None
    """Fee, in the coin."""
    net_amount: Decimal | None = None
    """Amount that arrives, in the coin; from ``netAmount`` or ``metadata.netAmount``."""
    confirmations: int | None = None
    """Blocks on top of the transaction; from ``confirmations`` or ``metadata.confirmations``."""
    transaction_hash: str | None = None
    """Hash of the transaction; from ``transactionHash`` or ``txHash``."""
    description: str | None = None
    """Your own words on the withdrawal."""
    failure_reason: str | None = None
    """Reason of a failure, in words; from ``failureReason``, ``errorMessage`` or ``error``."""
    created_at: datetime | None = None
    """Time of creation."""
    processed_at: datetime | None = None
    """Time at which the transaction was sent."""
    completed_at: datetime | None = None
    """Time at which the withdrawal was complete."""

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: COMPLETED, FAILED or CANCELLED."""
        return self.status in FINAL_WITHDRAWAL_STATES


@frozen(kw_only=True, repr=False)
class WithdrawalCreatedEvent(WithdrawalEvent):
    """A withdrawal was asked for."""

    event: Literal["withdrawal.created"] = "withdrawal.created"
    """Name of the event."""


@frozen(kw_only=True, repr=False)
class WithdrawalProcessingEvent(WithdrawalEvent):
    """A withdrawal is on its way."""

    event: Literal["withdrawal.processing"] = "withdrawal.processing"
    """Name of the event."""


@frozen(kw_only=True, repr=False)
class WithdrawalCompletedEvent(WithdrawalEvent):
    """A withdrawal has arrived."""

    event: Literal["withdrawal.completed"] = "withdrawal.completed"
    """Name of the event."""


@frozen(kw_only=True, repr=False)
class WithdrawalFailedEvent(WithdrawalEvent):
    """A withdrawal failed."""

    event: Literal["withdrawal.failed"] = "withdrawal.failed"
    """Name of the event."""


@frozen(kw_only=True, repr=False)
class UnknownEvent(BaseEvent):
    """An event that this version does not know. All its members are in ``raw``."""

    event: str
    """Name of the event."""
    payment_id: str | None = None
    """Id of the payment that it is about, where it names one."""
    withdrawal_id: str | None = None
    """Id of the withdrawal that it is about, where it names one."""


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
"""Any event. Its class and its ``event`` name it; type checkers follow both."""

EventName: TypeAlias = Literal[
    "payment.created",
    "payment.pending",
    "payment.confirmed",
    "payment.completed",
    "payment.underpaid",
    "payment.expired",
    "payment.failed",
    "payment.test",
    "withdrawal.created",
    "withdrawal.processing",
    "withdrawal.completed",
    "withdrawal.failed",
]
"""Names of the events that some source documents, for completion by an editor."""

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
"""Names of the events that some source documents, and their classes."""


def payment_id_of(event: WebhookEvent) -> str | None:
    """Return the id of the payment that an event is about, ``None`` where it names none."""
    return None if isinstance(event, WithdrawalEvent) else event.payment_id


def order_id_of(event: WebhookEvent) -> str | None:
    """Return your id of the order that an event is about, ``None`` where it names none."""
    if isinstance(event, (WithdrawalEvent, UnknownEvent)) or event.order_id is None:
        return None
    # An empty id names no order: all payments without one would belong together.
    return event.order_id if event.order_id.strip() else None


def withdrawal_id_of(event: WebhookEvent) -> str | None:
    """Return the id of the withdrawal that an event is about, ``None`` where it names none."""
    return event.withdrawal_id if isinstance(event, (WithdrawalEvent, UnknownEvent)) else None
