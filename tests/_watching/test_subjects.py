"""Subjects of watching: payments until they are final, balances for ever."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest

from inventpay import Balance, PaymentStatus, WatchSettings
from inventpay._watching.payers import Payers
from inventpay._watching.payment_status import AFTER_EXPIRY
from inventpay._watching.subjects import BalanceSubject, PaymentSubject
from tests.support.statuses import status
from tests.support.virtual_time import START


def test_a_payment_has_an_end_and_an_appointment() -> None:
    """It is over when it is final, and polled just after its expiry."""
    payment = PaymentSubject(Payers(WatchSettings()))
    pending = status(expires_at=5)
    assert payment.appointment(pending) == START + timedelta(minutes=5) + AFTER_EXPIRY
    assert payment.appointment(status()) is None
    assert payment.appointment(None) is None
    assert payment.is_over(status("EXPIRED"))
    assert not payment.is_over(pending)
    assert payment.is_update(pending, status("PENDING", "1", expires_at=5))
    assert not payment.is_update(pending, pending)
    assert payment.wanted(None, START, 0.0, None) == 0.0


def test_an_expiry_at_the_end_of_time_is_no_appointment() -> None:
    """Some APIs write the year 9999 for "never"; arithmetic with it does not overflow."""
    never = PaymentStatus(
        payment_id="cmh1",
        status="PENDING",
        current_balance=Decimal(0),
        confirmations=0,
        expires_at=datetime.max.replace(tzinfo=UTC),
    )
    payment = PaymentSubject(Payers(WatchSettings()))
    assert payment.appointment(never) is None
    assert payment.wanted(never, START, 5.0, None) > 0
    assert not payment.is_in_unknown_state(never, START)


@pytest.mark.parametrize(
    ("last", "lost"),
    [
        (status("REFUNDED", created_at=-120, expires_at=-61), True),
        (status("REFUNDED", created_at=-120, expires_at=-59), False),
        (status("REFUNDED", created_at=-25 * 60 - 1), True),
        (status("REFUNDED", created_at=-24 * 60), False),
        (status("REFUNDED"), False),
        (status("CONFIRMING", created_at=-300, expires_at=-200), False),
        (status("COMPLETED", created_at=-300, expires_at=-200), False),
    ],
)
def test_an_unknown_state_is_given_up_an_hour_after_expiry(last: PaymentStatus, lost: bool) -> None:
    """Without an expiry the longest one counts; without any time nothing can be said."""
    assert PaymentSubject(Payers(WatchSettings())).is_in_unknown_state(last, START) is lost


def test_a_balance_has_no_end() -> None:
    """It is polled at the interval that was asked for, and never over."""
    balance = BalanceSubject[Balance](5.0)
    held = Balance(currency="BTC", available_balance=Decimal(1), total_earned=Decimal(1), total_withdrawn=Decimal(0))
    assert balance.wanted(None, START, 0.0, None) == 0.0
    assert balance.wanted(held, START, 0.0, None) == 5.0
    assert balance.appointment(held) is None
    assert not balance.is_over(held)
    assert not balance.is_update(held, held)
    assert not balance.is_in_unknown_state(held, START)
    assert not balance.is_funded(held)


def test_what_was_seen_changes_what_is_expected() -> None:
    """Payments that were paid within a minute make the next ones be polled more often in their first minute."""
    payers = Payers(WatchSettings())
    payment = PaymentSubject(payers)
    old = status(created_at=-10, expires_at=20)
    before = payment.wanted(old, START, 0.0, None)
    for _ in range(300):
        payment.learn(status("CONFIRMING", "5", created_at=-1, expires_at=29), START)
    assert 50 < payers.belief.median < 80
    assert payment.wanted(old, START, 0.0, None) > before


def test_learning_can_be_switched_off() -> None:
    """The assumptions stay as they were given."""
    payers = Payers(WatchSettings(learn=False))
    for _ in range(300):
        payers.paid(5.0)
    assert payers.belief == WatchSettings(learn=False)


def test_a_few_payments_change_little() -> None:
    """Three fast payers are chance, three hundred are a pattern."""
    payers = Payers(WatchSettings())
    for _ in range(3):
        payers.paid(20.0)
    assert payers.belief.median > 120
