"""The meaning of a payment's state for watching it: the next poll, and which answers are older than others."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import Invoice, Payment, PaymentState, PaymentStatus, WatchSettings
from inventpay._watching.payment_status import (
    LONGEST_EXPIRY,
    YOUNG_POLL_INTERVAL,
    goes_backwards,
    is_funded,
    known_status,
    poll_interval,
)
from tests.support.statuses import status
from tests.support.virtual_time import START

ASSUMED = WatchSettings()


def interval(last: PaymentStatus | None, *, watched: float = 0.0, funded: float | None = None) -> float:
    """The interval at the start of virtual time, under the default assumptions."""
    return poll_interval(last, now=START, watched=watched, settings=ASSUMED, funded=funded)


def test_an_unknown_status_is_asked_for_at_once() -> None:
    """Nothing is known before the first poll."""
    assert interval(None) == 0.0


def test_intervals_follow_the_hazard_of_payers() -> None:
    """A payment is polled at the young interval at first, and more rarely as it becomes unlikely to be paid."""
    ages = [0, 0.5, 1, 2, 4, 8, 16, 29]
    found = [interval(status(created_at=-age, expires_at=30 - age)) for age in ages]
    assert found[0] == found[1] == pytest.approx(YOUNG_POLL_INTERVAL, rel=0.02)
    assert found == sorted(found)
    assert found[4] < 2 * YOUNG_POLL_INTERVAL
    assert 3 * YOUNG_POLL_INTERVAL < found[-1] < 6 * YOUNG_POLL_INTERVAL


def test_old_payments_are_still_polled() -> None:
    """Payers who come at any time bound the interval: a payment of a whole day is polled every few minutes."""
    found = interval(status(created_at=-12 * 60, expires_at=12 * 60))
    assert 120 < found < 600


@pytest.mark.parametrize("unknown", [status(), status(expires_at=30)])
def test_without_a_creation_time_the_age_is_that_of_watching(unknown: PaymentStatus) -> None:
    """A payment that was watched for ten minutes is at least ten minutes old."""
    assert interval(unknown, watched=600.0) > 1.5 * interval(unknown, watched=10.0)


def test_an_expired_payment_that_is_pending_is_polled_until_it_changes() -> None:
    """A tenth of the time since the expiry, between 5 and 60 seconds."""
    assert interval(status(created_at=-31, expires_at=-1)) == pytest.approx(6.0)
    assert interval(status(created_at=-90, expires_at=-60)) == 60.0


def test_funds_are_followed_closely_at_first() -> None:
    """Confirmations are likelier than payers, so they are looked for more often; after minutes without, more rarely."""
    confirming = status("CONFIRMING", created_at=-10, expires_at=20)
    assert interval(confirming) < YOUNG_POLL_INTERVAL / 1.5
    assert interval(confirming, funded=20.0) == pytest.approx(interval(confirming), rel=0.3)
    assert interval(confirming, funded=1200.0) > 2 * interval(confirming)


@given(
    st.floats(0, 2 * LONGEST_EXPIRY),
    st.floats(-LONGEST_EXPIRY, LONGEST_EXPIRY),
    st.builds(
        WatchSettings,
        median=st.floats(1, 86_400),
        spread=st.floats(0.1, 3),
        never=st.floats(0, 0.99),
        late=st.floats(0.01, 0.99),
        confirmation=st.floats(0.1, 7200),
    ),
    st.sampled_from(["PENDING", "CONFIRMING", "UNDERPAID", "SOMETHING_NEW"]),
)
def test_every_interval_is_positive_and_finite(age: float, left: float, settings: WatchSettings, state: str) -> None:
    """For any assumption on payers, and any age, a payment is polled again within a day."""
    last = PaymentStatus(
        payment_id="cmh1",
        status=state,
        current_balance=Decimal(0),
        confirmations=0,
        created_at=START - timedelta(seconds=age),
        expires_at=START + timedelta(seconds=left),
    )
    assert 0.0 < poll_interval(last, now=START, watched=0.0, settings=settings, funded=age) < 1e9


@pytest.mark.parametrize(
    ("last", "funded"),
    [
        (status(), False),
        (status("PENDING", "5"), True),
        (status("CONFIRMING"), True),
        (status("PROCESSING"), True),
        (status("UNDERPAID", "5"), False),
    ],
)
def test_funds(last: PaymentStatus, funded: bool) -> None:
    """An underpaid payment still waits for its payer."""
    assert is_funded(last) is funded


def test_a_created_payment_is_known() -> None:
    """It is pending and has received nothing; where the API says another state, it is looked up."""
    facts = {"payment_id": "cmh1", "invoice_url": "https://example.com", "expires_at": START}
    payment = Payment(amount=Decimal(1), currency="BTC", **facts)
    known = known_status(payment)
    assert known is not None
    assert (known.status, known.current_balance, known.expires_at) == (PaymentState.PENDING, 0, START)
    invoice = Invoice(base_amount=Decimal(1), base_currency="USD", status=PaymentState.PENDING, **facts)
    assert known_status(invoice) == known
    assert known_status(Payment(amount=Decimal(1), currency="BTC", status="COMPLETED", **facts)) is None
    assert known_status(status("CONFIRMING")) == status("CONFIRMING")


@pytest.mark.parametrize(
    ("last", "new", "backwards"),
    [
        (status(), status("COMPLETED", "5"), False),
        (status("PROCESSING", "5"), status(), True),
        (status("UNDERPAID", "5"), status("PENDING", "9"), False),
        (status("UNDERPAID", "5"), status("PENDING", "5"), True),
        (status("UNDERPAID", "5"), status("PROCESSING", "5"), False),
        (status(confirmations=3), status(confirmations=2), True),
        (status(confirmations=3), status(confirmations=4), False),
        (status("PENDING", "5"), status("PENDING", "4", 9), True),
        (status("SOMETHING_NEW"), status(), True),
        (status(), status("SOMETHING_NEW"), False),
        (status("COMPLETED"), status("SETTLED"), False),
    ],
)
def test_a_status_never_goes_backwards(last: PaymentStatus, new: PaymentStatus, backwards: bool) -> None:
    """An answer of a lagging replica is no news; more money than before always is."""
    assert goes_backwards(last, new) is backwards
