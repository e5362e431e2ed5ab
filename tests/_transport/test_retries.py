"""The retry policy as arithmetic: what may be repeated, after which pause, and who pays for it."""

from __future__ import annotations

import os
import threading
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import (
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    DecodeError,
    InventPayError,
    RetryPolicy,
    ServerError,
)
from inventpay._api.endpoints import Safety
from inventpay._api.outcomes import outcome_of_status
from inventpay._transport.retries import RetryBudget, decide, may_repeat, pause
from inventpay.errors import class_for
from tests.support.systems import needs_fork

SAFETIES: list[Safety] = ["read", "repeatable", "once"]

policies = st.builds(
    RetryPolicy,
    initial_delay=st.floats(0, 100),
    max_delay=st.floats(0, 100),
    budget=st.integers(0, 100),
    retry_cost=st.integers(0, 20),
    success_credit=st.integers(0, 20),
)
lucks = st.floats(0, 1)
statuses = st.integers(300, 599)


def failure(status: int, retry_after: float | None = None) -> APIStatusError:
    """The error of an answer with this status."""
    return class_for(status)(
        "said no", status=status, retry_after=retry_after, outcome=outcome_of_status(status, own_form=True)
    )


failures = st.one_of(
    st.builds(failure, statuses, st.none() | st.floats(0, 1_000)),
    st.builds(lambda outcome: APIConnectionError("lost", outcome=outcome), st.sampled_from(["not_sent", "unknown"])),
    st.builds(lambda outcome: APITimeoutError("slow", outcome=outcome), st.sampled_from(["not_sent", "unknown"])),
    st.builds(lambda: DecodeError("what?")),
    # Its body calls it a success.
    st.builds(lambda status: class_for(status)("said no", status=status, outcome="unknown"), statuses),
)


@given(failures)
def test_money_is_never_moved_twice(error: InventPayError) -> None:
    """A call that may have taken effect is not repeated, unless repeating it does no harm."""
    if may_repeat("once", error):
        assert error.outcome in ("not_sent", "refused")


@given(failures)
def test_what_is_safe_for_money_is_safe_for_all(error: InventPayError) -> None:
    """The safer a call, the more of its failures are repeated."""
    once, repeatable, read = (may_repeat(safety, error) for safety in ("once", "repeatable", "read"))
    assert once <= repeatable <= read


@given(policies, st.integers(1, 10_000), lucks)
def test_a_pause_of_our_own_stays_within_its_bounds(policy: RetryPolicy, attempt: int, jitter: float) -> None:
    """However many attempts there were, a pause is neither negative nor longer than ``max_delay``."""
    assert 0 <= pause(policy, attempt, None, jitter) <= policy.max_delay
    assert pause(policy, 1, None, jitter) <= policy.initial_delay


@given(policies, st.integers(1, 100), lucks, st.floats(0, 1_000))
def test_a_pause_that_was_asked_for_is_not_shortened(
    policy: RetryPolicy, attempt: int, jitter: float, asked: float
) -> None:
    """``Retry-After`` is a lower bound, above ``max_delay`` too."""
    assert asked <= pause(policy, attempt, asked, jitter) <= asked + policy.initial_delay


@given(
    st.sampled_from(SAFETIES),
    failures,
    st.integers(1, 10),
    st.integers(0, 10),
    st.none() | st.floats(-10, 1_000),
    policies,
    lucks,
)
def test_a_decision_keeps_every_bound(
    safety: Safety,
    error: InventPayError,
    attempt: int,
    max_retries: int,
    remaining: float | None,
    policy: RetryPolicy,
    jitter: float,
) -> None:
    """A retry is safe, among those allowed, over before the deadline, and paid for; giving up costs nothing."""
    budget = RetryBudget(policy)
    delay = decide(
        safety,
        error,
        attempt=attempt,
        max_retries=max_retries,
        remaining=remaining,
        policy=policy,
        budget=budget,
        jitter=jitter,
    )
    if delay is None:
        assert budget.left == policy.budget
        return
    assert may_repeat(safety, error)
    assert attempt <= max_retries
    assert delay >= (getattr(error, "retry_after", None) or 0)
    assert remaining is None or delay < remaining
    assert budget.left == policy.budget - policy.retry_cost


@given(policies, st.lists(st.booleans(), max_size=200))
def test_the_budget_never_leaves_its_bounds(policy: RetryPolicy, history: list[bool]) -> None:
    """For any history of retries and successes, the budget is neither overdrawn nor above its start."""
    budget = RetryBudget(policy)
    for success in history:
        if success:
            budget.succeed()
        else:
            before = budget.left
            assert budget.spend() == (before >= policy.retry_cost)
        assert 0 <= budget.left <= policy.budget


def test_the_budget_is_exact_under_threads() -> None:
    """Threads that spend and earn at the same time lose no token."""
    budget = RetryBudget(RetryPolicy(budget=10_000, retry_cost=3, success_credit=1))
    barrier = threading.Barrier(4)

    def work() -> None:
        barrier.wait()
        for _ in range(500):
            assert budget.spend()
            budget.succeed()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert budget.left == 10_000 - 4 * 500 * 2
    assert repr(budget) == "<RetryBudget 6000 of 10000>"


def test_a_lock_of_a_parent_process_is_forgotten() -> None:
    """The first step of a forked child makes a budget usable whose lock was held."""
    budget = RetryBudget(RetryPolicy())
    with budget._lock:
        budget.after_fork_in_child()
        assert budget.spend()


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
@needs_fork
def test_a_forked_child_does_not_wait_for_a_lock_of_its_parent() -> None:
    """A fork in the very moment in which a thread holds the lock leaves the child a budget it can use."""
    budget = RetryBudget(RetryPolicy())
    with budget._lock:
        child = os.fork()
        if child == 0:
            os._exit(0 if budget.spend() and budget.left == 490 else 1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert budget.left == 500


def test_server_errors_that_stay_are_not_repeated() -> None:
    """501 and 505 say that the request is not supported, 525 and 526 that a certificate is wrong: no retries."""
    passing = [500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 530]
    assert [status for status in range(500, 600) if may_repeat("read", failure(status))] == passing
    assert isinstance(failure(501), ServerError)


NOT_SENT = APIConnectionError("lost", outcome="not_sent")
LOST = APIConnectionError("lost", outcome="unknown")


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (NOT_SENT, SAFETIES),
        (LOST, ["read", "repeatable"]),
        (failure(429), SAFETIES),
        (failure(503), ["read", "repeatable"]),
        (failure(501), []),
        (failure(400), []),
        (DecodeError("no JSON"), []),
    ],
)
def test_calls_that_are_repeated(error: InventPayError, expected: list[Safety]) -> None:
    """Nothing sent and a 429: all; lost or failed for the time being: all that move no money; else none."""
    assert [safety for safety in SAFETIES if may_repeat(safety, error)] == expected


def test_pauses_double_up_to_the_longest() -> None:
    """From the initial delay on, times a random share; a time that was asked for is followed by a share of it."""
    policy = RetryPolicy(initial_delay=0.5, max_delay=6.0)
    assert [pause(policy, attempt, None, 1.0) for attempt in range(1, 7)] == [0.5, 1, 2, 4, 6, 6]
    assert pause(policy, 3, None, 0.25) == 0.5
    assert pause(policy, 5, 3.0, 0.5) == 3.25


def chosen(error: InventPayError, **changes: Any) -> float | None:
    """Return the pause before the second attempt of three, by a policy of one second and a whole budget."""
    policy = RetryPolicy(initial_delay=1.0, max_delay=8.0, budget=10, retry_cost=5)
    budget = RetryBudget(policy)
    given: dict[str, Any] = {"attempt": 1, "max_retries": 2, "remaining": None, "jitter": 1.0}
    return decide("read", error, policy=policy, budget=budget, **{**given, **changes})


@pytest.mark.parametrize(
    ("error", "changes", "expected"),
    [
        (LOST, {}, 1.0),
        (LOST, {"attempt": 2}, 2.0),
        (LOST, {"attempt": 3}, None),
        (LOST, {"remaining": 1.1}, 1.0),
        (LOST, {"remaining": 1.0}, None),
        (LOST, {"longest": 0.0}, 1.0),
        (failure(400), {}, None),
        (failure(503, 5.0), {}, 6.0),
        (failure(503, 5.0), {"longest": 5.0}, 6.0),
        (failure(503, 5.0), {"longest": 4.9}, None),
        (failure(503, 5.0), {"remaining": 6.0}, None),
        (failure(429, 5.0), {"is_queued": True}, 0.0),
        (failure(429, 5.0), {"is_queued": True, "remaining": 0.0}, None),
        (failure(429, 5.0), {"is_queued": True, "longest": 4.9}, None),
    ],
)
def test_the_pause_before_a_retry(error: InventPayError, changes: Any, expected: float | None) -> None:
    """At each bound: the last retry, the last moment of the call, the longest pause that a server may ask for."""
    assert chosen(error, **changes) == expected


def test_a_retry_that_cannot_be_paid_is_not_made() -> None:
    """The last tokens pay for one, and a success gives some back, up to the budget."""
    policy = RetryPolicy(budget=10, retry_cost=5, success_credit=2)
    budget = RetryBudget(policy)
    given: Any = {"attempt": 1, "max_retries": 9, "remaining": None, "policy": policy, "budget": budget, "jitter": 0.0}
    assert [decide("read", LOST, **given) for _ in range(3)] == [0.0, 0.0, None]
    lefts = []
    for _ in range(6):
        budget.succeed()
        lefts.append(budget.left)
    assert lefts == [2, 4, 6, 8, 10, 10]
