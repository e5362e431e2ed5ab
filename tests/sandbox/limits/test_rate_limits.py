"""The default policy counts a sliding log, by caller and class."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox import RateClass, SlidingLog, Unlimited


def test_documented_limits_are_the_default() -> None:
    """Without settings, 100 / 300 / 10 / 60 calls pass at once and the next one is refused."""
    policy = SlidingLog()
    limits = {"payment_creation": 100, "status_checks": 300, "withdrawals": 10, "other": 60}
    for name, limit in limits.items():
        verdicts = [policy.take("merchant", RateClass(name), 0.0) for _ in range(limit + 1)]
        assert [verdict.allowed for verdict in verdicts] == [True] * limit + [False]
        assert [verdict.remaining for verdict in verdicts] == [*range(limit - 1, -1, -1), 0]


def test_a_call_is_free_again_one_window_after_it_was_counted() -> None:
    """The oldest call leaves exactly one window after it came, and the verdict of a refusal names that moment."""
    policy = SlidingLog({"withdrawals": 2}, window=60.0)
    policy.take("merchant", RateClass.WITHDRAWALS, 100.0)
    policy.take("merchant", RateClass.WITHDRAWALS, 130.0)
    refused = policy.take("merchant", RateClass.WITHDRAWALS, 140.0)
    assert (refused.allowed, refused.reset_at, refused.retry_after) == (False, 160.0, 20.0)
    assert not policy.take("merchant", RateClass.WITHDRAWALS, 159.9).allowed
    assert policy.take("merchant", RateClass.WITHDRAWALS, 160.0).allowed
    assert not policy.take("merchant", RateClass.WITHDRAWALS, 160.1).allowed


def test_callers_and_classes_are_counted_apart() -> None:
    """A used-up limit of one caller or class takes nothing from another."""
    policy = SlidingLog({"withdrawals": 1})
    assert policy.take("one", RateClass.WITHDRAWALS, 0.0).allowed
    assert not policy.take("one", RateClass.WITHDRAWALS, 0.0).allowed
    assert policy.take("two", RateClass.WITHDRAWALS, 0.0).allowed
    assert policy.take("one", RateClass.OTHER, 0.0).allowed


def test_clearing_forgets_all_calls() -> None:
    """After `clear` the whole limit is there again."""
    policy = SlidingLog({"other": 1})
    policy.take("one", RateClass.OTHER, 0.0)
    policy.clear()
    assert policy.take("one", RateClass.OTHER, 0.0).allowed


def test_idle_callers_are_forgotten() -> None:
    """A stream of callers that come once does not pile up, and those still within their window are kept."""
    policy = SlidingLog({"other": 1}, window=60.0)
    for number in range(10_000):
        policy.take(f"address {number}", RateClass.OTHER, float(number))
    assert len(policy) < 2_000
    assert not policy.take("address 9999", RateClass.OTHER, 9_999.5).allowed


@given(
    st.integers(1, 5),
    st.lists(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 9.9, 10.0]), max_size=60),
)
def test_no_window_ever_holds_more_than_the_limit(limit: int, gaps: list[float]) -> None:
    """However the calls are spaced, those let through never exceed the limit in any window of 10 seconds."""
    policy = SlidingLog({"other": limit}, window=10.0)
    now, passed = 0.0, []
    for gap in gaps:
        now += gap
        if policy.take("merchant", RateClass.OTHER, now).allowed:
            passed.append(now)
    assert all(now - first >= 10.0 for first, now in zip(passed, passed[limit:], strict=False))
    assert all(earlier <= later for earlier, later in pairwise(passed))


@pytest.mark.parametrize(
    ("limits", "window", "complaint"),
    [({"other": 0}, 1.0, "at least 1"), ({"others": 1}, 1.0, "others"), ({}, 0.0, "longer than 0")],
)
def test_unusable_settings_are_refused(limits: dict[str, int], window: float, complaint: str) -> None:
    """A limit below 1, an unknown class or an empty window is a ValueError."""
    with pytest.raises(ValueError, match=complaint):
        SlidingLog(limits, window=window)


def test_unlimited_says_nothing() -> None:
    """The policy for load tests neither refuses nor counts."""
    policy = Unlimited()
    policy.clear()
    assert {policy.take("merchant", RateClass.WITHDRAWALS, 0.0) for _ in range(1000)} == {None}
