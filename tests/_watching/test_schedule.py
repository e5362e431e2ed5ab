"""Whose turn it is to be polled: the fair schedule, without any waiting."""

from __future__ import annotations

import itertools
import math
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._watching.schedule import SHARE, USEFUL, Schedule, Watcher


class Sleeper:
    """A watcher's side of the schedule."""

    def __init__(self) -> None:
        self.woken = 0

    def wake(self) -> bool:
        self.woken += 1
        return True


class Run:
    """Watchers that poll in virtual time, each as soon as the schedule lets it."""

    def __init__(
        self, intervals: list[float], *, limit: int = 300, expiries: list[float] | None = None, idle_share: float = 0.0
    ) -> None:
        self.schedule = Schedule(limit, 60.0, idle_share=idle_share)
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
        head = self.schedule.head(self.now)
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
            # A first look waits for a part of the interval that it counts as.
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
    """Without overload no watcher waits for another."""
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
    """For any watchers, polls stay below four fifths of the limit in any window, and every payment is polled."""
    run = Run(intervals, limit=limit, expiries=[chance.uniform(0, 900) for _ in intervals])
    run.until(600.0)
    assert run.most_in_a_window() <= SHARE * limit
    assert all(run._last)


def test_idle_budget_is_used() -> None:
    """A few watchers are polled more often than they wish, up to half of the limit and to a fifth of the interval."""
    few = Run([20.0] * 10, idle_share=0.5)
    few.until(600.0)
    assert few.schedule.stretch == pytest.approx(10 / 20 / 2.5)
    assert len(few.polls) == pytest.approx(1500, rel=0.02)
    alone = Run([20.0], idle_share=0.5)
    alone.until(600.0)
    assert len(alone.polls) == pytest.approx(150, rel=0.02)


def test_idle_budget_can_be_left_alone() -> None:
    """Where another user of the key shows, intervals are those that were wished for."""
    run = Run([20.0] * 10, idle_share=0.5)
    run.until(60.0)
    run.schedule.use_idle(0.0, 300, 60.0, run.now)
    before = len(run.polls)
    run.until(660.0)
    assert len(run.polls) - before == pytest.approx(300, rel=0.05)
    assert run.schedule.stretch == 1.0


def test_gaps_are_regular() -> None:
    """Under overload a watcher that keeps its interval is polled at even intervals."""
    run = Run([20.0] * 200)
    seen: list[float] = []
    first = run._watchers[0]
    schedule = run.schedule
    while run.now < 2_000.0:
        index, wait = run._next()
        if wait > 0:
            run.now += wait
            continue
        if run._watchers[index] is first:
            seen.append(run.now)
        run._poll(index)
    gaps = [after - before for before, after in itertools.pairwise(seen[5:])]
    assert max(gaps) - min(gaps) <= 0.1 * max(gaps)
    assert schedule.stretch > 1.0


def test_an_expiring_payment_delays_no_other() -> None:
    """An appointment that is kept out of order never moves the virtual clock."""
    schedule = Schedule(60, 60.0, idle_share=0.0)
    young = [Watcher() for _ in range(60)]
    for watcher in young:
        schedule.join(watcher, Sleeper(), 10.0, 0.0)
    old = Watcher()
    schedule.join(old, Sleeper(), 5_000.0, 0.0, at=30.0)
    before = schedule._virtual
    assert schedule.head(31.0) is old
    assert schedule.turn(old, 31.0) == 0.0
    schedule.leave(old, 31.0)
    schedule.join(old, Sleeper(), 5_000.0, 31.1)
    assert schedule._virtual == before
    assert schedule.head(31.2) in young


def test_many_new_watchers_do_not_starve_others() -> None:
    """A thousand first looks at once are spread among the polls of those who watched before."""
    schedule = Schedule(300, 60.0, idle_share=0.0)
    known = Watcher()
    schedule.join(known, Sleeper(), 10.0, 0.0)
    for _ in range(1_000):
        schedule.join(Watcher(), Sleeper(), 0.0, 1.0)
    fair = 10.0 * schedule.stretch
    now = 1.0
    while schedule.head(now) is not known:
        head = schedule.head(now)
        assert head is not None
        now += schedule.turn(head, now) or 0.0
        if schedule.turn(head, now) == 0.0:
            schedule.leave(head, now)
    assert now <= 1.5 * fair


def test_an_overload_is_reported_once_a_minute() -> None:
    """Polls rarer than useful are news, a mere stretch is not."""
    crowd = Run([30.0] * 2_000)
    gap = crowd.schedule.overload(0.0)
    assert gap is not None
    assert gap > USEFUL
    assert crowd.schedule.overload(30.0) is None
    assert crowd.schedule.overload(61.0) is not None
    assert Run([30.0] * 200).schedule.overload(0.0) is None
    assert "2000 watchers" in repr(crowd.schedule)


def test_a_watcher_that_leaves_lets_the_next_one_poll() -> None:
    """A watcher that gives up wakes the one whose turn comes next, and leaving twice does no harm."""
    schedule = Schedule(300, 60.0, idle_share=0.0)
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
    schedule = Schedule(300, 60.0, idle_share=0.0)
    watcher, other = Watcher(), Watcher()
    schedule.join(watcher, Sleeper(), 5.0, 0.0, at=7.0)
    schedule.join(other, Sleeper(), 90.0, 0.0)
    schedule.leave(watcher, 5.0)
    assert schedule.turn(other, 5.0) == pytest.approx(85.0)
    schedule.join(watcher, Sleeper(), 60.0, 5.5, at=7.0)
    assert schedule.turn(watcher, 5.5) == pytest.approx(1.5)
    assert schedule.turn(watcher, 7.0) == 0.0


def test_the_watch_over_the_time_is_handed_on() -> None:
    """A watcher that wakes late and finds an earlier appointment wakes its owner; else neither would wake."""
    schedule = Schedule(300, 60.0, idle_share=0.0)
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
