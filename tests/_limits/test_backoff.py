"""The effective limit and the pause after refusals, as arithmetic on times that the tests name."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._limits import backoff
from inventpay._limits.backoff import Backoff


def test_an_unrefused_limit_is_as_configured() -> None:
    """Nothing is reduced, paused or promised before the first refusal."""
    fresh = Backoff(60, 60.0)
    assert (fresh.limit_at(0.0), fresh.reduced, fresh.next_raise(0.0)) == (60, False, math.inf)
    assert (fresh.blocked_until, fresh.cautious_until, fresh.promised) == (-math.inf, -math.inf, math.inf)
    fresh.recover(0.0)
    assert fresh.reduced is False


def test_the_first_refusal_lowers_the_limit_by_an_eighth_and_later_ones_by_less() -> None:
    """The first costs 12 %, one at least a second later 4 %, and those within a second count once."""
    limit = Backoff(100, 100.0)
    limit.refused(10.0, None)
    assert (limit.limit_at(10.0), limit.reduced) == (88, True)
    limit.refused(10.5, None)
    assert limit.limit_at(10.5) == 88
    limit.refused(11.0, None)
    assert limit.limit_at(11.0) == 84


def test_a_pause_without_a_named_time_doubles_up_to_a_window() -> None:
    """Each refusal soon after a pause doubles the next, from a hundredth of the window up to all of it."""
    limit, now, pauses = Backoff(100, 100.0), 0.0, []
    for _ in range(9):
        limit.refused(now, None)
        pauses.append(limit.blocked_until - now)
        now = limit.blocked_until
    assert pauses == [1, 2, 4, 8, 16, 32, 64, 100, 100]
    assert limit.cautious_until == limit.blocked_until + 100


@pytest.mark.parametrize(("later", "pause"), [(9.0, 4.0), (9.001, 1.0)])
def test_a_pause_counts_as_too_short_for_its_own_length_and_a_twentieth(later: float, pause: float) -> None:
    """A refusal up to 2 s and 5 % of the window after the end of a pause of 2 s (ended at 3 s) doubles it."""
    limit = Backoff(100, 100.0)
    limit.refused(0.0, None)
    limit.refused(1.0, None)
    assert limit.blocked_until == 3
    now = later + 1.0
    limit.refused(now, None)
    assert limit.blocked_until - now == pytest.approx(pause)


def test_a_refusal_of_a_request_that_was_sent_before_the_pause_does_not_extend_it() -> None:
    """Only a refusal at the end of the pause or later says that it was too short."""
    limit = Backoff(100, 100.0)
    limit.refused(0.0, None)
    limit.refused(0.999, None)
    assert limit.blocked_until == 1
    limit.refused(1.0, None)
    assert limit.blocked_until == 3


def test_a_named_time_is_kept_unless_it_is_of_another_window() -> None:
    """A credible ``Retry-After`` blocks until its end, the later of two counts, and longer than two windows is none."""
    limit = Backoff(100, 100.0)
    limit.refused(0.0, 200.0)
    assert (limit.blocked_until, limit.promised, limit.cautious_until) == (200, 200, 300)
    limit.refused(1.0, 5.0)
    assert (limit.blocked_until, limit.promised) == (200, 200)
    for seconds in (200.1, 0.0, -1.0):
        other = Backoff(100, 100.0)
        other.refused(0.0, seconds)
        assert (other.blocked_until, other.promised) == (1, math.inf)


@pytest.mark.parametrize(
    ("seconds", "credible"), [(0.0, False), (1e-9, True), (20.0, True), (20.1, False), (-1.0, False)]
)
def test_a_time_is_credible_up_to_two_windows(seconds: float, credible: bool) -> None:
    """Zero and negative times name nothing, and longer ones describe another window."""
    assert Backoff(10, 10.0).is_credible(seconds) is credible


def test_the_limit_grows_back_by_a_step_for_every_half_window() -> None:
    """At a limit of 100, 2 % for every clean half of a window; then it is as configured and nothing is reduced."""
    limit = Backoff(100, 10.0)
    limit.refused(0.0, None)
    assert [limit.limit_at(time) for time in (0.0, 4.999, 5.0, 10.0)] == [88, 88, 90, 92]
    assert limit.next_raise(0.0) == 5
    assert limit.next_raise(5.0) == 10
    limit.recover(10.0)
    assert limit.reduced
    assert limit.limit_at(30.0) == 100
    assert limit.next_raise(30.0) == math.inf
    limit.recover(30.0)
    assert not limit.reduced


def test_a_small_limit_grows_back_by_smaller_steps_and_faster_after_a_long_calm() -> None:
    """At a limit of 10 a step is 0.032, and after 40 clean intervals the growth is twice that of the steps alone."""
    ceiling = backoff._Ceiling(10, 10.0)
    ceiling.lower(1.0, 100.0)
    assert ceiling.at(100.0) == 1
    assert ceiling.at(105.0) == pytest.approx(1 + 0.032 * (1 + (1 / 40) ** 2))
    assert ceiling.at(300.0) == pytest.approx(1 + 0.032 * 40 * 2)
    assert ceiling.at(50.0) == 1
    assert ceiling.at(1e6) == 10
    ceiling.lower(0.2, 0.0)
    assert ceiling.at(0.0) == 1


def test_a_ceiling_that_was_never_lowered_is_the_limit() -> None:
    """It starts as configured, at any time."""
    assert (backoff._Ceiling(10, 10.0).at(0.0), backoff._Ceiling(10, 10.0).next_raise(7.0)) == (10, math.inf)


@given(st.integers(1, 10_000), st.floats(0.01, 1e5), st.floats(0, 1e9), st.floats(0, 1e4))
def test_the_next_raise_lies_after_now(limit: int, window: float, start: float, later: float) -> None:
    """A caller that steps from raise to raise always gets on, however the divisions round."""
    ceiling = backoff._Ceiling(limit, window)
    ceiling.lower(limit / 2, start)
    now = start + later
    assert ceiling.next_raise(now) > now
    assert ceiling.next_raise(now) <= now + window or ceiling.next_raise(now) == math.inf


@pytest.mark.parametrize("window", [0.2, 0.7, 1.1, 60.0])
@pytest.mark.parametrize("since", [0.0, 0.3, 1234.567])
def test_a_step_counts_at_the_very_time_that_was_announced(window: float, since: float) -> None:
    """At each ``next_raise`` the limit has risen, though the division may say a little less than a whole number."""
    ceiling = backoff._Ceiling(100, window)
    ceiling.lower(1.0, since)
    now, value = since, ceiling.at(since)
    while (now := ceiling.next_raise(now)) < math.inf:
        assert ceiling.at(now) > value
        assert ceiling.at(now - window / 100) == value
        value = ceiling.at(now)
        assert ceiling.at(now + window / 100) == value
    assert value == 100


@pytest.mark.parametrize(
    ("limit", "reset_in", "changes", "effective", "until"),
    [
        (30.0, None, True, 30, 60.0),
        (30.0, 20.0, True, 30, 20.0),
        (30.0, 120.0, True, 30, 120.0),
        (30.0, 120.1, False, 60, None),
        (30.0, 0.0, True, 30, 60.0),
        (30.0, -5.0, True, 30, 60.0),
        (1.0, None, True, 1, 60.0),
        (0.9, None, False, 60, None),
        (math.inf, None, False, 60, None),
        (60.0, None, False, 60, None),
        (100.0, None, False, 60, None),
        (59.0, None, True, 59, 60.0),
    ],
)
def test_a_limit_in_a_header_counts_until_its_reset(
    limit: float, reset_in: float | None, changes: bool, effective: int, until: float | None
) -> None:
    """Only one below ours, of at least 1, whose reset is of this window; without a reset it lasts for a window."""
    ours = Backoff(60, 60.0)
    assert ours.named(0.0, limit, reset_in) is changes
    assert ours.reduced is changes
    assert ours.limit_at(0.0) == effective
    assert ours.next_raise(0.0) == (math.inf if until is None else until)
    if until is not None:
        assert ours.limit_at(math.nextafter(until, 0)) == effective
        assert ours.limit_at(until) == 60
        assert ours.next_raise(until) == math.inf


def test_a_higher_limit_in_a_header_ends_a_lower_one() -> None:
    """While a lower one counts, the newest counts, and never above ours."""
    ours = Backoff(60, 60.0)
    ours.named(0.0, 30.0, None)
    assert ours.named(1.0, 90.0, None) is True
    assert ours.limit_at(1.0) == 60
    ours.named(1.0, 30.0, None)
    assert ours.named(1.0, math.inf, None) is False
    assert ours.limit_at(1.0) == 30
    ours.named(1.0, 90.0, None)
    assert ours.named(61.0, 90.0, None) is False
    assert ours.named(62.0, 60.0, None) is False


def test_the_lower_of_both_reductions_counts_and_the_sooner_raise() -> None:
    """A named limit hides no lower ceiling, nor does a ceiling hide a lower named limit."""
    ours = Backoff(60, 10.0)
    ours.refused(0.0, None)
    assert ours.limit_at(0.0) == 53
    ours.named(0.0, 58.0, 3.0)
    assert (ours.limit_at(0.0), ours.next_raise(0.0)) == (53, 3)
    ours.named(0.0, 20.0, 8.0)
    assert (ours.limit_at(0.0), ours.next_raise(0.0)) == (20, 5)
    assert (ours.limit_at(8.0), ours.next_raise(8.0)) == (54, 10)


def test_limits_are_rounded_to_the_nearest_and_never_below_one() -> None:
    """One refusal leaves 2 of 2, and any number of them leaves 1."""
    small = Backoff(2, 10.0)
    small.refused(0.0, None)
    assert small.limit_at(0.0) == 2
    for second in range(1, 40):
        small.refused(float(second), None)
    assert small.limit_at(39.0) == 1
    ours = Backoff(60, 60.0)
    assert ours.named(0.0, 30.5, None)
    assert ours.limit_at(0.0) == 31


@given(st.floats(-1e6, 1e6).map(lambda seconds: round(seconds, 3)))
def test_a_clock_that_is_set_moves_every_time(seconds: float) -> None:
    """All decisions after the shift are those before it, seen from the new time."""
    before, after = Backoff(60, 60.0), Backoff(60, 60.0)
    for each in (before, after):
        each.refused(100.0, 20.0)
        each.named(110.0, 30.0, 50.0)
    after.shift(seconds)
    assert after.promised == before.promised + seconds
    assert after.blocked_until == before.blocked_until + seconds
    assert after.cautious_until == before.cautious_until + seconds
    for now in (120.0, 159.0, 161.0, 500.0):
        assert after.limit_at(now + seconds) == before.limit_at(now)
        assert after.next_raise(now + seconds) == pytest.approx(before.next_raise(now) + seconds)
    for each, now in ((before, 100.5), (after, 100.5 + seconds)):
        each.refused(now, None)
    assert after.limit_at(180.0 + seconds) == before.limit_at(180.0)


def test_the_script_of_the_shared_limit_gets_every_constant() -> None:
    """Each constant travels under its name."""
    assert backoff.constants() == {
        "credible_windows": 2,
        "decrease": 0.04,
        "first_decrease": 0.12,
        "decrease_interval": 1,
        "increase": 0.02,
        "increase_per_request": 0.008 * 0.04,
        "increase_interval": 0.5,
        "calm": 40,
        "first_pause": 0.01,
        "aftermath": 0.05,
        "caution": 1,
    }
