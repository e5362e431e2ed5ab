"""The knowledge that an event adds of its payment: sooner news, never less, and no amount that was not stated."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import InvalidArgumentError, PaymentState, PaymentStatus
from inventpay._watching.event_updates import merge_events, payment_of
from inventpay._watching.payment_status import goes_backwards
from inventpay.webhooks import (
    PaymentCompletedEvent,
    PaymentConfirmedEvent,
    PaymentCreatedEvent,
    PaymentEvent,
    PaymentExpiredEvent,
    PaymentFailedEvent,
    PaymentPendingEvent,
    PaymentTestEvent,
    PaymentUnderpaidEvent,
    UnknownEvent,
    WebhookEvent,
    WithdrawalCreatedEvent,
)
from tests.support.virtual_time import START

PAYMENT = "cmh123abc456def"
RAW = {"event": "as it came"}


def known(state: str = "PENDING", balance: str = "0", confirmations: int = 0, **more: Any) -> PaymentStatus:
    return PaymentStatus(
        payment_id=PAYMENT,
        status=PaymentState(state),
        current_balance=Decimal(balance),
        confirmations=confirmations,
        **more,
    )


def event(kind: type[PaymentEvent], **members: Any) -> Any:
    return kind(payment_id=PAYMENT, raw=RAW, **members)


@pytest.mark.parametrize(
    ("kind", "said", "state"),
    [
        (PaymentCompletedEvent, None, "COMPLETED"),
        (PaymentCompletedEvent, PaymentState.SETTLED, "SETTLED"),
        (PaymentCompletedEvent, PaymentState.PENDING, "COMPLETED"),
        (PaymentConfirmedEvent, None, "COMPLETED"),
        (PaymentConfirmedEvent, "CONFIRMED", "COMPLETED"),
        (PaymentConfirmedEvent, PaymentState.CONFIRMING, "CONFIRMING"),
        (PaymentExpiredEvent, PaymentState.PENDING, "EXPIRED"),
        (PaymentFailedEvent, None, "FAILED"),
        (PaymentFailedEvent, PaymentState.CANCELLED, "CANCELLED"),
        (PaymentUnderpaidEvent, PaymentState.PENDING, "UNDERPAID"),
        (PaymentPendingEvent, PaymentState.PROCESSING, "PROCESSING"),
    ],
)
def test_the_name_decides_and_the_status_may_be_more_exact(
    kind: type[PaymentEvent], said: PaymentState | str | None, state: str
) -> None:
    """An event leads to the state its name stands for, or to the known one that says the same more exactly."""
    merged = merge_events(known(), [event(kind, status=said)])
    assert merged is not None
    assert merged.status == state
    assert merged.raw == RAW


def test_known_values_stay_and_those_of_the_event_are_added() -> None:
    """Amounts and times of the API stay, the event's fill the gaps, the greater balance and count win."""
    before = known("CONFIRMING", "20", 3, required_amount=Decimal(30), created_at=START)
    merged = merge_events(
        before,
        [event(PaymentCompletedEvent, amount=Decimal("29.99"), currency="BTC", confirmations=2, confirmed_at=START)],
    )
    assert merged == known(
        "COMPLETED", "29.99", 3, required_amount=Decimal(30), created_at=START, currency="BTC", completed_at=START
    )
    topped = merge_events(known("UNDERPAID", "20"), [event(PaymentPendingEvent, current_balance=Decimal(25))])
    assert topped == known("PENDING", "25")


def test_an_event_that_knows_of_less_money_came_late() -> None:
    """It says how things stood before the rest arrived; one that ends the payment counts all the same."""
    topped = known("PENDING", "25")
    assert merge_events(topped, [event(PaymentUnderpaidEvent, current_balance=Decimal(20))]) is topped
    assert merge_events(topped, [event(PaymentExpiredEvent, current_balance=Decimal(20))]) == known("EXPIRED", "25")


def test_an_underpaid_event_names_what_is_required() -> None:
    """`requiredAmount` where other events have `amount`."""
    merged = merge_events(
        None, [event(PaymentUnderpaidEvent, required_amount=Decimal(30), current_balance=Decimal(20), currency="BTC")]
    )
    assert merged == known("UNDERPAID", "20", required_amount=Decimal(30), currency="BTC")


@pytest.mark.parametrize(
    "news",
    [
        event(PaymentExpiredEvent),
        event(PaymentPendingEvent, amount=Decimal(30)),
        event(PaymentCompletedEvent),
        UnknownEvent(event="payment.refunded", payment_id=PAYMENT),
    ],
)
def test_nothing_is_made_up(news: WebhookEvent) -> None:
    """Where the received amount is unknown, there is no status."""
    assert merge_events(None, [news]) is None


def test_an_event_of_an_unknown_kind_changes_nothing() -> None:
    """Its meaning is not known; the API has to be asked."""
    assert merge_events(known(), [UnknownEvent(event="payment.refunded", payment_id=PAYMENT)]) == known()


def test_the_words_of_the_api_stay_where_the_event_says_no_more() -> None:
    """A status that is as far as the event keeps its own JSON object."""
    seen = known("COMPLETED", "30", 12, raw={"status": "COMPLETED"})
    assert merge_events(seen, [event(PaymentCompletedEvent, amount=Decimal(30), completed_at=START)]) is seen


amounts = st.none() | st.sampled_from([Decimal(0), Decimal(20), Decimal(30)])
statuses = st.none() | st.sampled_from([*PaymentState, "CONFIRMED", "SOMETHING_NEW"])
payment_events = st.builds(
    event,
    st.sampled_from(
        [
            *(PaymentCreatedEvent, PaymentPendingEvent, PaymentConfirmedEvent, PaymentCompletedEvent),
            *(PaymentUnderpaidEvent, PaymentExpiredEvent, PaymentFailedEvent),
        ]
    ),
    status=statuses,
    current_balance=amounts,
    amount=amounts,
    confirmations=st.none() | st.integers(0, 3),
)
known_statuses = st.none() | st.builds(
    known, st.sampled_from([*PaymentState]), st.sampled_from(["0", "20", "30"]), st.integers(0, 3)
)


@given(known_statuses, st.lists(payment_events, max_size=6))
def test_no_order_of_events_leads_backwards(before: PaymentStatus | None, events: list[Any]) -> None:
    """Each event leads on or changes nothing; repeated it changes nothing; a final state stays."""
    now = before
    for news in events:
        after = merge_events(now, [news])
        if now is not None:
            assert after is not None
            assert not goes_backwards(now, after)
            assert after.current_balance >= now.current_balance
            assert after is now or not now.is_final
        assert merge_events(after, [news]) is after
        now = after
    assert merge_events(before, events) == now


def test_only_verified_events_count() -> None:
    """A dict, a body or a name is refused with what to do; tests and withdrawals are about no payment."""
    for wrong in ({"event": "payment.completed", "paymentId": PAYMENT}, b"{}", "payment.completed", None):
        with pytest.raises(InvalidArgumentError, match="parse_event or a WebhookReceiver has verified") as caught:
            payment_of(wrong)
        assert caught.value.argument == "event"
    assert payment_of(event(PaymentFailedEvent)) == PAYMENT
    assert payment_of(UnknownEvent(event="payment.refunded", payment_id=PAYMENT)) == PAYMENT
    assert payment_of(PaymentTestEvent(payment_id=PAYMENT)) is None
    assert payment_of(WithdrawalCreatedEvent(withdrawal_id=PAYMENT)) is None
