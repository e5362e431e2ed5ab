"""The schedule: pauses between attempts, due times, and the effect of faults, without any waiting."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox import assumptions
from inventpay.sandbox.webhooks.deliveries import Delivery, Outcome, attempted, retry_at
from inventpay.sandbox.webhooks.faults import Fault, FaultKind, Handling, handling
from inventpay.sandbox.webhooks.schedule import OVERTAKEN_WITHIN, Plan, Schedule

URL = "http://127.0.0.1:1/hooks"
WEEK = assumptions.WEBHOOK_RETRY_FOR


def plan(delivery_id: str, url: str = URL) -> Plan:
    return Plan(delivery_id=delivery_id, url=url)


def ids(plans: list[Plan]) -> list[str]:
    return [one.delivery_id for one in plans]


def delivery() -> Delivery:
    return Delivery(
        delivery_id="cmh1", event="payment.test", payment_id=None, url=URL, body=b"{}", signature="", created_at=0.0
    )


def test_pauses_grow_to_a_limit_and_end_after_a_week() -> None:
    """Three times as long each time, up to twelve hours; what has failed for a week is given up."""
    now, pauses = 0.0, list[float]()
    record = delivery()
    while True:
        record = attempted(record, [Outcome(status=500)], now)
        if record.next_attempt_at is None:
            break
        pauses.append(record.next_attempt_at - now)
        now = record.next_attempt_at
    assert pauses[:4] == [10.0, 30.0, 90.0, 270.0]
    assert pauses == sorted(pauses)
    assert pauses[-1] == assumptions.WEBHOOK_LONGEST_PAUSE
    assert WEEK - assumptions.WEBHOOK_LONGEST_PAUSE < now <= WEEK
    assert (record.success, record.error_message) == (False, "The receiver answered 500")
    assert record.attempts == len(pauses) + 1


@given(st.integers(1, 10**9), st.floats(0, 2 * WEEK))
def test_no_attempt_is_planned_beyond_the_week(attempts: int, now: float) -> None:
    """After any failures, the next attempt is in the future and within seven days of the event, or there is none."""
    at = retry_at(0.0, attempts, now)
    assert at is None or now < at <= WEEK


@pytest.mark.parametrize(
    ("outcome", "problem"),
    [
        (Outcome(status=200), None),
        (Outcome(status=204), None),
        (Outcome(status=302), "The receiver answered 302"),
        (Outcome(status=401), "The receiver answered 401"),
        (Outcome(error="No answer within 5 s"), "No answer within 5 s"),
    ],
)
def test_only_2xx_is_delivered(outcome: Outcome, problem: str | None) -> None:
    """Anything else is a failure that the log explains, and that is retried."""
    record = attempted(delivery(), [outcome], 5.0)
    assert (record.success, record.error_message) == (problem is None, problem)
    assert record.next_attempt_at == (None if problem is None else 15.0)
    assert (record.attempts, record.last_attempt_at, record.http_status) == (1, 5.0, outcome.status)


def test_of_two_copies_one_that_arrived_is_enough() -> None:
    """Of two copies one success is enough, and both count as attempts."""
    record = attempted(delivery(), [Outcome(status=500), Outcome(status=200)], 5.0)
    assert (record.success, record.attempts, record.next_attempt_at) == (True, 2, None)


@given(st.lists(st.tuples(st.integers(0, 9), st.integers(0, 20)), max_size=40))
def test_everything_is_due_once_in_order(entries: list[tuple[int, int]]) -> None:
    """By time, then in the order of planning; the last plan of a delivery counts, and nothing comes twice."""
    schedule, wanted = Schedule(), dict[str, tuple[int, int]]()
    for number, (name, at) in enumerate(entries):
        schedule.plan(plan(str(name)), at)
        wanted[str(name)] = (at, number)
    assert schedule.next_at == min((at for at, _ in wanted.values()), default=None)
    taken = list[str]()
    for now in range(21):
        due = ids(schedule.take(now))
        assert all(wanted[name][0] == now for name in due)
        taken += due
    assert taken == sorted(wanted, key=lambda name: wanted[name])
    assert len(schedule) == 0
    assert schedule.next_at is None


def test_looks_are_due_too() -> None:
    """A payment's expiry counts for when something is due next, and comes once."""
    schedule = Schedule()
    schedule.check_at("cmh1", 30.0)
    schedule.plan(plan("a"), 50.0)
    assert schedule.next_at == 30.0
    assert schedule.take_checks(29.9) == []
    assert schedule.take_checks(30.0) == ["cmh1"]
    assert schedule.take_checks(99.0) == []
    assert schedule.next_at == 50.0


def test_what_waits_to_be_overtaken_follows_the_next_to_the_same_url() -> None:
    """Not one to another URL; several keep their order."""
    schedule = Schedule()
    schedule.plan_overtaken(plan("first"), 0.0)
    schedule.plan_overtaken(plan("second"), 0.0)
    schedule.plan(plan("elsewhere", "http://127.0.0.1:2/"), 1.0)
    schedule.release("http://127.0.0.1:2/", 1.0)
    assert ids(schedule.take(1.0)) == ["elsewhere"]
    schedule.plan(plan("third"), 2.0)
    schedule.release(URL, 2.0)
    assert ids(schedule.take(2.0)) == ["third", "first", "second"]


def test_nothing_waits_for_ever_to_be_overtaken() -> None:
    """After a minute it sets out by itself; a retry planned meanwhile is not hurried by who comes by later."""
    schedule = Schedule()
    schedule.plan_overtaken(plan("first"), 0.0)
    assert schedule.take(OVERTAKEN_WITHIN - 1) == []
    assert ids(schedule.take(OVERTAKEN_WITHIN)) == ["first"]
    schedule.plan(plan("first"), 100.0)
    schedule.release(URL, 70.0)
    assert schedule.take(99.0) == []
    assert ids(schedule.take(100.0)) == ["first"]


def test_faults_meet_the_next_deliveries_and_are_used_up() -> None:
    """Each counts down by itself; several can meet one delivery; one for an event waits for it."""
    faults = [
        Fault(kind="twice", count=2),
        Fault(kind="late", seconds=30.0),
        Fault(kind="wrong_signature", event="payment.completed"),
        Fault(kind="out_of_order", event="payment.completed"),
    ]
    chosen, faults = handling(faults, "payment.created")
    assert chosen == Handling(copies=2, delay=30.0)
    chosen, faults = handling(faults, "payment.completed")
    assert chosen == Handling(copies=2, overtaken=True, forged=True)
    assert (faults, handling(faults, "payment.completed")) == ([], (Handling(), []))


def test_two_faults_of_one_kind_come_one_after_the_other() -> None:
    """The first that fits is used, the second waits for the next delivery."""
    kind: FaultKind = "late"
    faults = [Fault(kind=kind, seconds=5.0), Fault(kind=kind, seconds=7.0)]
    first, faults = handling(faults, "payment.created")
    second, faults = handling(faults, "payment.created")
    assert (first.delay, second.delay, faults) == (5.0, 7.0, [])
