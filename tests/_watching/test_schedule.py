"""When which payment is polled next: the intervals, the lattice, and the fair schedule, without any waiting."""

from __future__ import annotations

import math
import random
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import Balance, PaymentState, PaymentStatus
from inventpay._watching.payment_status import AFTER_EXPIRY, goes_backwards, poll_interval
from inventpay._watching.schedule import SHARE, USEFUL, Schedule, Watcher
from inventpay._watching.subjects import BalanceSubject, PaymentSubject
from tests.support.virtual_time import START


def status(state: str = "PENDING", balance: str = "0", confirmations: int = 0, **times: int) -> PaymentStatus:
    """A status whose times are minutes from now."""
    return PaymentStatus(
        payment_id="cmh1",
        status=PaymentState(state) if state in PaymentState.__members__ else state,
        current_balance=Decimal(balance),
        confirmations=confirmations,
        **{name: START + timedelta(minutes=minutes) for name, minutes in times.items()},
    )


@pytest.mark.parametrize(
    ("last", "seconds"),
    [
        (None, 0.0),
        (status(created_at=-1, expires_at=29), 3.0),
        (status(created_at=-3, expires_at=27), 18.0),
        (status(created_at=-10, expires_at=20), 30.0),
        (status(created_at=-29, expires_at=1), 5.0),
        (status(created_at=-31, expires_at=-1), 6.0),
        (status(created_at=-90, expires_at=-60), 60.0),
        (status("PENDING", "5", created_at=-10, expires_at=20), 5.0),
        (status("CONFIRMING", created_at=-10, expires_at=20), 5.0),
        (status(), 30.0),
    ],
)
def test_intervals(last: PaymentStatus | None, seconds: float) -> None:
    """Short after creation, near expiry and while funds confirm, longer in between; by age where no time is known."""
    assert poll_interval(last, now=START, watched=400.0 if last == status() else 0.0) == pytest.approx(seconds)


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


def test_the_subjects() -> None:
    """A payment is over when it is final and has an appointment at its expiry; a balance has neither."""
    payment, balance = PaymentSubject(), BalanceSubject(5.0)
    pending = status(expires_at=5)
    assert payment.appointment(pending) == START + timedelta(minutes=5) + AFTER_EXPIRY
    assert payment.appointment(status()) is None
    assert payment.appointment(None) is None
    assert payment.is_over(status("EXPIRED"))
    assert not payment.is_over(pending)
    assert payment.is_update(pending, status("PENDING", "1", expires_at=5))
    assert not payment.is_update(pending, pending)
    assert payment.wanted(None, START, 0.0) == 0.0
    held = Balance(currency="BTC", available_balance=Decimal(1), total_earned=Decimal(1), total_withdrawn=Decimal(0))
    assert balance.wanted(None, START, 0.0) == 0.0
    assert balance.wanted(held, START, 0.0) == 5.0
    assert balance.appointment(held) is None
    assert not balance.is_over(held)
    assert not balance.is_update(held, held)


class Sleeper:
    """A watcher's side of the schedule."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> bool:
        self.woken += 1
        return True


class Run:
    """Watchers that poll in virtual time, each as soon as the schedule lets it."""

    def __init__(self, intervals: list[float], *, limit: int = 300, expiries: list[float] | None = None) -> None:
        self.schedule = Schedule(limit, 60.0)
        self.now = 0.0
        self.polls: list[float] = []
        self.gaps = [0.0] * len(intervals)
        """The longest gap of each, in shares: its interval times the stretch."""
        self.after_expiry = [math.inf] * len(intervals)
        self._intervals = intervals
        self._expiries = expiries or [math.inf] * len(intervals)
        self._last: list[tuple[float, float] | None] = [None] * len(intervals)
        self._index: dict[int, int] = {}
        self._watchers = [Watcher() for _ in intervals]
        for index, watcher in enumerate(self._watchers):
            self._index[id(watcher)] = index
            self.schedule.join(watcher, Sleeper(), 0.0, 0.0, self._expiries[index])

    def until(self, end: float) -> None:
        while self.now < end:
            index, wait = self._next()
            if wait > 0:
                self.now += wait
            else:
                self._poll(index)

    def _next(self) -> tuple[int, float]:
        self.schedule._advance(self.now)
        head = self.schedule._head(self.now)
        assert head is not None
        wait = self.schedule.turn(head, self.now)
        assert wait is not None, "the head has to know when its turn comes"
        return self._index[id(head)], wait

    def _poll(self, index: int) -> None:
        watcher = self._watchers[index]
        self.schedule.leave(watcher, self.now)
        self.polls.append(self.now)
        stretch = self.schedule.stretch
        last = self._last[index]
        if last is not None:
            share = self._intervals[index] * max(last[1], stretch)
            self.gaps[index] = max(self.gaps[index], (self.now - last[0]) / share)
        self._last[index] = (self.now, stretch)
        expiry = self._expiries[index]
        if self.now >= expiry:
            self.after_expiry[index] = min(self.after_expiry[index], self.now - expiry)
            expiry = math.inf
        self.schedule.join(watcher, Sleeper(), self._intervals[index], self.now, expiry)

    def most_in_a_window(self) -> int:
        most = start = 0
        for end, time in enumerate(self.polls):
            while self.polls[start] <= time - 60.0:
                start += 1
            most = max(most, end - start + 1)
        return most


def test_few_watchers_get_the_interval_they_want() -> None:
    """Without overload nobody waits for anybody."""
    run = Run([5.0] * 10)
    run.until(600.0)
    assert max(run.gaps) == pytest.approx(1.0)
    assert run.schedule.stretch == 1.0


def test_thousands_share_the_limit_fairly() -> None:
    """Under overload gaps stay within 1.5 shares, four fifths of the limit are never exceeded, and it is used."""
    chance = random.Random(7)
    intervals = [chance.choice([3.0, 5.0, 10.0, 30.0]) for _ in range(1_000)]
    expiries = [chance.uniform(300, 7_000) for _ in intervals]
    run = Run(intervals, expiries=expiries)
    run.until(7_200.0)
    assert max(run.gaps) <= 1.5
    assert run.most_in_a_window() <= SHARE * 300
    assert len(run.polls) >= 0.7 * 300 * 120
    assert max(run.after_expiry) <= 2.0


@given(
    st.lists(st.sampled_from([3.0, 5.0, 10.0, 30.0]), min_size=1, max_size=80),
    st.sampled_from([10, 60, 300]),
    st.randoms(use_true_random=False),
)
def test_the_share_is_never_exceeded(intervals: list[float], limit: int, chance: random.Random) -> None:
    """Whoever watches what, polls stay below four fifths of the limit in any window, and everybody is polled."""
    run = Run(intervals, limit=limit, expiries=[chance.uniform(0, 900) for _ in intervals])
    run.until(600.0)
    assert run.most_in_a_window() <= SHARE * limit
    assert all(run._last)


def test_an_overload_is_told_once_a_minute() -> None:
    """Polls rarer than useful are news, a mere stretch is not."""
    crowd = Run([30.0] * 2_000)
    gap = crowd.schedule.overload(0.0)
    assert gap is not None
    assert gap > USEFUL
    assert crowd.schedule.overload(30.0) is None
    assert crowd.schedule.overload(61.0) is not None
    assert Run([30.0] * 200).schedule.overload(0.0) is None
    assert "2000 watchers" in repr(crowd.schedule)


def test_whoever_leaves_lets_the_next_one_look() -> None:
    """A watcher that gives up wakes the one whose turn comes next, and leaving twice does no harm."""
    schedule = Schedule(300, 60.0)
    first, second, sleeper = Watcher(), Watcher(), Sleeper()
    schedule.join(first, Sleeper(), 5.0, 0.0)
    schedule.join(second, sleeper, 9.0, 0.0)
    assert schedule.turn(second, 0.0) is None
    schedule.leave(first, 1.0)
    schedule.leave(first, 1.0)
    assert sleeper.woken == 1
    assert schedule.turn(second, 1.0) == pytest.approx(8.0)
    assert schedule.waiting == 1
    schedule.leave(second, 1.0)
    assert schedule.is_idle


def test_an_appointment_survives_a_poll_in_between() -> None:
    """A watcher that is away when its appointment comes to the top has it again when it is back."""
    schedule = Schedule(300, 60.0)
    watcher, other = Watcher(), Watcher()
    schedule.join(watcher, Sleeper(), 5.0, 0.0, at=7.0)
    schedule.join(other, Sleeper(), 90.0, 0.0)
    schedule.leave(watcher, 5.0)
    assert schedule.turn(other, 5.0) == pytest.approx(85.0)
    schedule.join(watcher, Sleeper(), 60.0, 5.5, at=7.0)
    assert schedule.turn(watcher, 5.5) == pytest.approx(1.5)
    assert schedule.turn(watcher, 7.0) == 0.0


def test_the_watch_over_the_time_is_handed_on() -> None:
    """Who wakes late and finds an appointment before it wakes the one who has it; else nobody would wake either."""
    schedule = Schedule(300, 60.0)
    first, booked, sleeper = Watcher(), Watcher(), Sleeper()
    schedule.join(first, Sleeper(), 10.0, 0.0)
    schedule.join(booked, sleeper, 90.0, 0.0, at=10.5)
    assert schedule.turn(booked, 0.0) is None
    assert schedule.turn(first, 0.0) == pytest.approx(10.0)
    assert schedule.turn(first, 11.0) is None
    assert sleeper.woken == 1
    assert schedule.turn(booked, 11.0) == 0.0
    schedule.leave(booked, 11.0)
    assert schedule.turn(first, 11.0) == 0.0
