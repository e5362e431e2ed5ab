"""The update that a webhook event brings to the watchers of its payment."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal

from attrs import evolve

from .._api.arguments import refused
from ..models import PaymentState, PaymentStatus
from ..models.enums import FINAL_STATES, PAID_STATES
from ..webhooks.events import (
    KNOWN_EVENTS,
    PaymentCompletedEvent,
    PaymentConfirmedEvent,
    PaymentEvent,
    PaymentExpiredEvent,
    PaymentFailedEvent,
    PaymentUnderpaidEvent,
    UnknownEvent,
    WebhookEvent,
)
from .payment_status import goes_backwards

_EVENTS = (*KNOWN_EVENTS.values(), UnknownEvent)
_PAID_EVENTS = (PaymentConfirmedEvent, PaymentCompletedEvent)
_KNOWN_STATES = frozenset(PaymentState)


def payment_of(event: object) -> str | None:
    """Return the payment of an event; ``None`` for tests, withdrawals and events without one.

    Raises InvalidArgumentError for anything but an event: a dict was not verified.
    """
    if not isinstance(event, _EVENTS):
        raise refused(
            "event",
            f"must be an event that parse_event or a WebhookReceiver has verified, not {type(event).__name__}",
        )
    return event.payment_id if isinstance(event, (PaymentEvent, UnknownEvent)) else None


def merge_events(known: PaymentStatus | None, events: Iterable[WebhookEvent]) -> PaymentStatus | None:
    """Merge the known status of a payment with its events; never less than either.

    ``None`` where neither says how much was received: no amount is ever made up.
    """
    for event in events:
        update = _status_from_event(known, event)
        if update is not None and (known is None or _is_ahead(known, update)):
            known = update
    return known


def _is_ahead(known: PaymentStatus, update: PaymentStatus) -> bool:
    if known.is_final or goes_backwards(known, update):
        return False
    # Where both say the same, the API's own words stay.
    return _event_fields(update) != _event_fields(known)


def _event_fields(status: PaymentStatus) -> tuple[str, Decimal, int | None]:
    return status.status, status.current_balance, status.confirmations


def _status_from_event(known: PaymentStatus | None, event: WebhookEvent) -> PaymentStatus | None:
    if not isinstance(event, PaymentEvent) or event.test:
        # A test may cause a poll, and states nothing about the payment.
        return None
    balance = event.current_balance
    state = _state(event)
    if known is not None and balance is not None and balance < known.current_balance and state not in FINAL_STATES:
        # It came late: more has been received since.
        return None
    paid_at = None
    if isinstance(event, _PAID_EVENTS):
        paid_at = event.completed_at or event.confirmed_at
        if balance is None:
            # assumed: what is paid has received the amount that was asked for, at least.
            balance = event.amount
    required = event.required_amount if isinstance(event, PaymentUnderpaidEvent) else event.amount
    if known is None:
        if balance is None:
            return None
        known = PaymentStatus(
            payment_id=event.payment_id, status=PaymentState.PENDING, current_balance=Decimal(0), confirmations=0
        )
    return evolve(
        known,
        status=state,
        current_balance=known.current_balance if balance is None else max(balance, known.current_balance),
        confirmations=max((n for n in (known.confirmations, event.confirmations) if n is not None), default=None),
        required_amount=known.required_amount or required,
        currency=known.currency or event.currency,
        address=known.address or event.address,
        expires_at=known.expires_at or event.expires_at,
        created_at=known.created_at or event.created_at,
        completed_at=known.completed_at or paid_at,
        raw=event.raw,
    )


def _state(event: PaymentEvent) -> PaymentState | str:
    """Return the state an event leads to. Its name decides; its ``status`` may only refine it."""
    said = event.status or PaymentState.PENDING
    match event:
        case PaymentCompletedEvent():
            return said if said in PAID_STATES else PaymentState.COMPLETED
        case PaymentConfirmedEvent():
            # Every consumer treats it like payment.completed; a status such as CONFIRMED is no known state.
            return said if event.status in _KNOWN_STATES else PaymentState.COMPLETED
        case PaymentExpiredEvent():
            return PaymentState.EXPIRED
        case PaymentFailedEvent():
            return said if said == PaymentState.CANCELLED else PaymentState.FAILED
        case PaymentUnderpaidEvent():
            return PaymentState.UNDERPAID
        case _:
            return PaymentState.PENDING if said in FINAL_STATES else said
