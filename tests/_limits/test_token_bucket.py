"""The token bucket: leases and their ends, waits, 429s, response headers, bursts, and properties."""

from __future__ import annotations

import copy
import math
import random
from collections.abc import Callable, Iterator

import attrs
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from inventpay._limits.token_bucket import GRACE, MARGIN, Counting, TokenBucket
from tests.simulator import SlidingCounter, SlidingLog

WINDOW = 60.0
COUNTINGS: tuple[Counting, ...] = ("unknown", "window")


def exact(limit: int, counting: Counting = "unknown", *, max_burst: int | None = None) -> TokenBucket:
    """Return a bucket without margin, so that expected times are round numbers."""
    return TokenBucket(limit, WINDOW, counting=counting, max_burst=max_burst, margin=0.0)


def drain(bucket: TokenBucket, now: float) -> int:
    """Lease and answer all free tokens; return their number."""
    count = 0
    while bucket.lease(now):
        count += 1
    for _ in range(count):
        bucket.answered(now)
    return count


def spend(bucket: TokenBucket, count: int, now: float) -> None:
    """Lease and answer ``count`` tokens at once."""
    for _ in range(count):
        assert bucket.lease(now)
    for _ in range(count):
        bucket.answered(now)


def greedy(bucket: TokenBucket, count: int, now: float) -> list[float]:
    """Return the times at which ``count`` callers get their tokens if each is answered at once."""
    times: list[float] = []
    while len(times) < count:
        ready = bucket.ready_at(now)
        assert ready is not None
        now = ready
        assert bucket.lease(now)
        bucket.answered(now)
        times.append(now)
    return times


# --- a lease and its ends ---


@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_new_bucket_gives_its_whole_limit_at_once_and_no_more(counting: Counting) -> None:
    """An idle bucket leases exactly `limit` tokens."""
    bucket = exact(5, counting)
    assert [bucket.lease(0.0) for _ in range(6)] == [True] * 5 + [False]


@pytest.mark.parametrize("counting", COUNTINGS)
def test_tokens_come_back_one_window_after_their_answer(counting: Counting) -> None:
    """A token comes back one window after its answer, not after its lease."""
    bucket = exact(1, counting)
    assert bucket.lease(0.0)
    bucket.answered(7.0)
    assert not bucket.lease(66.9)
    assert bucket.lease(67.0)


def test_the_window_is_stretched_by_the_margin() -> None:
    """A token comes back only when a server with a slower clock no longer counts its request."""
    bucket = TokenBucket(1, WINDOW, counting="window")
    spend(bucket, 1, 0.0)
    assert bucket.ready_at(0.0) == WINDOW * (1 + MARGIN)


def test_the_window_rule_gives_a_burst_back_all_at_once() -> None:
    """Under counting "window" tokens that were answered together come back together."""
    bucket = exact(4, "window")
    assert greedy(bucket, 8, 0.0) == [0.0] * 4 + [60.0] * 4


def test_the_any_rule_gives_a_burst_back_as_a_sliding_counter_does() -> None:
    """Under counting "unknown" a burst returns evenly spread over the window after the next."""
    assert greedy(exact(4), 8, 0.0) == [0.0] * 4 + [60.0, 75.0, 90.0, 105.0]


@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_refunded_token_returns_at_once(counting: Counting) -> None:
    """A request that was not written was not counted, so its token comes back at once."""
    bucket = exact(2, counting)
    assert bucket.lease(0.0)
    assert bucket.lease(0.0)
    bucket.refund(1.0)
    assert bucket.lease(1.0)
    assert not bucket.lease(1.0)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_lost_token_returns_a_grace_and_a_window_later(counting: Counting) -> None:
    """A request that was written may arrive until the grace is over, so its token comes back a window later."""
    bucket = exact(1, counting)
    assert bucket.lease(0.0)
    bucket.abandoned(3.0)
    assert bucket.ready_at(3.0) == 3.0 + GRACE + WINDOW
    assert not bucket.lease(3.0 + GRACE + WINDOW - 0.001)
    assert bucket.lease(3.0 + GRACE + WINDOW)


@pytest.mark.parametrize("end", ["answered", "refund", "abandoned"])
def test_ending_a_lease_that_is_not_outstanding_is_an_error(end: str) -> None:
    """Ending more leases than were begun is a bug of the caller and raises RuntimeError."""
    bucket = exact(3)
    with pytest.raises(RuntimeError, match=rf"{end}\(\) without an outstanding lease"):
        getattr(bucket, end)(0.0)
    assert bucket.lease(0.0)
    getattr(bucket, end)(1.0)
    with pytest.raises(RuntimeError, match="outstanding"):
        getattr(bucket, end)(1.0)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_only_the_end_of_a_lease_helps_when_all_are_outstanding(counting: Counting) -> None:
    """With the whole limit in flight `ready_at` is None, and any end of a lease makes it known."""
    bucket = exact(2, counting)
    assert bucket.lease(0.0)
    assert bucket.lease(0.0)
    assert bucket.ready_at(5.0) is None
    bucket.answered(6.0)
    assert bucket.ready_at(6.0) == 66.0


@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_clock_that_goes_backwards_stands_still(counting: Counting) -> None:
    """An earlier `now` counts as the latest one seen, so that no token comes back early."""
    bucket = exact(1, counting)
    assert bucket.lease(100.0)
    bucket.answered(45.0)
    assert bucket.ready_at(41.0) == 160.0
    assert not bucket.lease(101.0)
    assert bucket.wait(50.0) == 59.0


@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("max_burst", [None, 2])
def test_a_clock_that_is_set_back_takes_everything_along(counting: Counting, max_burst: int | None) -> None:
    """A step back of more than a window, as after a frozen clock, leaves every wait as it was."""
    bucket = exact(2, counting, max_burst=max_burst)
    epoch = 1_700_000_000.0
    for second in range(2):
        assert bucket.lease(epoch + second)
        bucket.answered(epoch + second)
    bucket.refused(epoch + 1.0, 20.0)
    before = bucket.wait(epoch + 1.0)
    assert bucket.wait(5.0) == pytest.approx(before, abs=1e-6)
    assert greedy(bucket, 1, 5.0) == [pytest.approx(5.0 + before, abs=1e-6)]


@pytest.mark.parametrize("counting", COUNTINGS)
def test_the_half_used_limit_stays_available(counting: Counting) -> None:
    """A caller that sends half the limit evenly never waits."""
    bucket = TokenBucket(10, WINDOW, counting=counting)
    for tick in range(1, 200):
        assert bucket.lease(tick * WINDOW / 5)
        bucket.answered(tick * WINDOW / 5 + 0.3)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_memory_stays_bounded_with_a_lease_that_is_never_ended(counting: Counting) -> None:
    """A forgotten lease costs one token, not memory that grows with the traffic."""
    bucket = TokenBucket(10, 1.0, counting=counting)
    assert bucket.lease(0.0)
    for tick in range(5_000):
        if bucket.lease(tick * 0.1):
            bucket.answered(tick * 0.1)
    assert len(bucket._history) <= 6 * bucket.limit  # pyright: ignore[reportPrivateUsage]


def test_a_burst_of_one_moment_returns_whatever_the_clock_reads() -> None:
    """Times whose sums and differences round in opposite directions give the same result as others."""
    rng = random.Random(12)
    for _ in range(300):
        moment = rng.uniform(0.0, 1e5)
        bucket = TokenBucket(5, WINDOW)
        spend(bucket, 5, moment)
        ready = bucket.ready_at(moment)
        assert ready is not None
        assert bucket.lease(ready)
        assert not bucket.lease(ready)


# --- arguments ---


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"limit": 0}, "limit must be a whole number, 1 or more, not 0"),
        ({"limit": -3}, "limit must be"),
        ({"limit": 2.5}, "limit must be"),
        ({"limit": math.inf}, "limit must be"),
        ({"limit": math.nan}, "limit must be"),
        ({"limit": 1, "max_burst": 0}, "max_burst must be a whole number, 1 or more, not 0"),
        ({"limit": 1, "window": 0.0}, "window must be a finite number of seconds above 0"),
        ({"limit": 1, "window": math.nan}, "window must be"),
        ({"limit": 1, "window": math.inf}, "window must be"),
        ({"limit": 1, "counting": "exact"}, "counting must be 'unknown' or 'window', not 'exact'"),
        ({"limit": 1, "margin": -0.1}, "margin must be"),
        ({"limit": 1, "margin": math.nan}, "margin must be"),
        ({"limit": 1, "grace": -1.0}, "grace must be"),
        ({"limit": 1, "grace": math.inf}, "grace must be"),
    ],
)
def test_bad_arguments_are_refused_by_name(arguments: dict[str, object], message: str) -> None:
    """The error names the argument, its bound and the given value."""
    with pytest.raises(ValueError, match=message):
        TokenBucket(**arguments)  # type: ignore[arg-type]


def test_a_negative_place_in_the_queue_is_refused() -> None:
    """`ahead` must be 0 or more."""
    with pytest.raises(ValueError, match="ahead must be 0 or more, not -1"):
        exact(1).wait(0.0, -1)


# --- waiting ---


def test_wait_knows_when_every_caller_in_the_queue_has_its_turn() -> None:
    """After a full burst the wait is exact for the whole next round, under both rules."""
    bucket, window = exact(4), exact(4, "window")
    spend(bucket, 4, 0.0)
    spend(window, 4, 0.0)
    assert [bucket.wait(10.0, ahead) for ahead in range(5)] == [50.0, 65.0, 80.0, 95.0, 110.0]
    assert [window.wait(10.0, ahead) for ahead in range(9)] == [50.0] * 4 + [110.0] * 4 + [170.0]


def test_wait_counts_requests_in_flight_as_answered_now() -> None:
    """With everything in flight the wait is one window, independent of the answers."""
    bucket = exact(2)
    assert bucket.lease(0.0)
    assert bucket.lease(0.0)
    assert bucket.wait(5.0) == WINDOW


@pytest.mark.parametrize("counting", COUNTINGS)
def test_wait_grows_with_the_queue_without_looking_at_each_caller(counting: Counting) -> None:
    """The last of ten thousand callers waits about `ahead / limit` windows."""
    bucket = TokenBucket(100, WINDOW, counting=counting)
    spend(bucket, 100, 0.0)
    assert bucket.wait(0.0, 10_000) == pytest.approx(101 * WINDOW, rel=0.01)


# --- 429s ---


def test_a_refusal_stops_the_bucket_until_the_time_the_server_names() -> None:
    """After a 429 with Retry-After no token is leased before that time."""
    bucket = exact(10)
    spend(bucket, 1, 0.0)
    bucket.refused(0.0, 12.5)
    assert bucket.wait(2.5) == 10.0
    assert bucket.ready_at(2.5) == 12.5
    assert bucket.snapshot(2.5).paused == 10.0
    assert bucket.snapshot(2.5).available == 0
    assert not bucket.lease(12.4)
    assert bucket.lease(12.5)


@pytest.mark.parametrize("retry_after", [None, 0.0, -5.0, math.nan, math.inf, 1.7e9, 121.0])
def test_a_refusal_without_a_credible_time_pauses_shortly(retry_after: float | None) -> None:
    """An impossible pause is ignored, and a hundredth of the window is used instead."""
    bucket = exact(100)
    bucket.refused(0.0, retry_after)
    assert bucket.ready_at(0.0) == pytest.approx(WINDOW / 100)


def test_pauses_double_up_to_one_window_while_refusals_go_on() -> None:
    """Pauses double, so that a server with fixed windows is not retried all the time until its window ends."""
    bucket = exact(100)
    now, pauses = 0.0, list[float]()
    for _ in range(8):
        bucket.refused(now)
        ready = bucket.ready_at(now)
        assert ready is not None
        pauses.append(ready - now)
        now = ready + 0.1
    assert pauses == pytest.approx([0.6, 1.2, 2.4, 4.8, 9.6, 19.2, 38.4, 60.0])
    bucket.refused(now + 10 * WINDOW)
    assert bucket.wait(now + 10 * WINDOW) == pytest.approx(0.6)


def test_refusals_of_one_burst_are_one_piece_of_news() -> None:
    """Fifty 429s for requests sent together neither lengthen the pause nor lower the limit fifty times."""
    bucket = exact(100)
    for _ in range(50):
        assert bucket.lease(0.0)
    for index in range(50):
        bucket.answered(0.2 + index / 1_000)
        bucket.refused(0.2 + index / 1_000)
    assert bucket.ready_at(0.3) == pytest.approx(0.2 + 0.6)
    assert bucket.snapshot(0.3).effective_limit == 88


def test_refusals_lower_the_limit_and_clean_time_restores_it() -> None:
    """A first 429 takes 12 % of the limit, later ones 4 %; half a clean window restores 2 %."""
    bucket = exact(100)
    bucket.refused(0.0, 1.0)
    assert bucket.snapshot(0.0).effective_limit == 88
    bucket.refused(10.0, 1.0)
    assert bucket.snapshot(10.0).effective_limit == 84
    assert bucket.snapshot(39.9).effective_limit == 84
    assert bucket.snapshot(40.0).effective_limit == 86
    assert bucket.snapshot(400.0).effective_limit == 100
    assert drain(bucket, 400.0) == 100


def test_a_small_limit_comes_back_slowly_at_first_and_faster_in_the_long_run() -> None:
    """A small limit is raised rarely at first, since one request is a tenth, and more often after a long clean time."""
    bucket = exact(10)
    for second in range(0, 16, 2):
        bucket.refused(float(second), 1.0)
    assert bucket.snapshot(14.0).effective_limit == 6
    seen = [bucket.snapshot(14.0 + minutes * 60.0).effective_limit for minutes in range(0, 40, 5)]
    assert seen == [6, 6, 7, 7, 9, 10, 10, 10]


@pytest.mark.parametrize("counting", COUNTINGS)
def test_after_a_pause_requests_go_one_by_one(counting: Counting) -> None:
    """For a window after a pause there is no burst, as other clients use the free tokens too; then all is normal."""
    bucket = exact(60, counting)
    bucket.refused(0.0, 10.0)
    assert greedy(bucket, 4, 0.0) == [10.0, 11.0, 12.0, 13.0]
    assert bucket.snapshot(30.0).available == 1
    assert greedy(bucket, 4, 68.5) == [68.5, 69.5, 70.0, 70.0]


def test_the_limit_never_falls_below_one() -> None:
    """After any number of refusals, one request at a time is still sent."""
    bucket = exact(10)
    for second in range(0, 1_000, 2):
        bucket.refused(float(second), 1.0)
    assert bucket.snapshot(1_000.0).effective_limit == 1
    assert drain(bucket, 1_000.0) == 1


def test_a_limit_that_grows_during_a_wait_is_part_of_the_forecast() -> None:
    """`ready_at` includes the token that the next increase of the limit adds."""
    bucket = exact(100, "window")
    spend(bucket, 88, 0.0)
    bucket.refused(1.0)
    assert bucket.ready_at(2.0) == 31.0
    assert bucket.wait(2.0) == 29.0
    assert not bucket.lease(30.9)
    assert bucket.lease(31.0)


# --- response headers ---


@pytest.mark.parametrize("counting", COUNTINGS)
def test_remaining_takes_tokens_away_for_a_window(counting: Counting) -> None:
    """If the server has fewer tokens left than the bucket, another client uses the key."""
    bucket = exact(10, counting)
    spend(bucket, 1, 0.0)
    bucket.observe(0.0, remaining=3)
    assert bucket.snapshot(0.0).available == 3
    assert drain(bucket, 0.0) == 3
    assert not bucket.lease(59.0)
    assert bucket.lease(60.0)


@pytest.mark.parametrize("counting", COUNTINGS)
def test_remaining_never_gives_tokens(counting: Counting) -> None:
    """A larger `remaining` than configured adds no tokens."""
    bucket = exact(5, counting)
    spend(bucket, 4, 0.0)
    bucket.observe(0.0, limit=1_000, remaining=900, reset_in=1.0)
    assert bucket.snapshot(0.0).available == 1
    assert bucket.snapshot(0.0).effective_limit == 5


def test_requests_in_flight_are_held_back_until_they_end() -> None:
    """Requests in flight may not be counted by the server yet; once they are answered, they need no reserve."""
    bucket = exact(10)
    for _ in range(4):
        assert bucket.lease(0.0)
    bucket.answered(0.2)
    bucket.observe(0.2, remaining=6)
    assert bucket.snapshot(0.2).available == 3
    for _ in range(3):
        bucket.answered(0.3)
    assert bucket.snapshot(0.3).available == 6


def test_what_only_a_lease_holds_back_needs_its_end() -> None:
    """While tokens are held back for requests in flight, `ready_at` is None, because an end may free them."""
    bucket = exact(10)
    for _ in range(6):
        assert bucket.lease(0.0)
    bucket.answered(0.2)
    bucket.observe(0.2, remaining=4)
    assert not bucket.lease(0.2)
    assert bucket.ready_at(0.2) is None
    bucket.answered(0.3)
    bucket.answered(0.3)
    assert bucket.ready_at(0.3) == 0.3


@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("reset_in", [5.0, 100.0])
def test_tokens_that_were_taken_away_come_back_at_the_reset(counting: Counting, reset_in: float) -> None:
    """The server's reset counts, be it sooner or later than a window; from then on the limit's pace holds."""
    bucket = exact(1, counting)
    bucket.observe(0.0, remaining=0, reset_in=reset_in)
    assert bucket.ready_at(0.0) == pytest.approx(reset_in)
    several = exact(60, "window")
    several.observe(0.0, remaining=0, reset_in=reset_in)
    assert greedy(several, 4, 0.0) == pytest.approx([reset_in + second for second in range(4)])


@pytest.mark.parametrize("reset_in", [-1.0, 0.0])
def test_a_reset_that_has_passed_counts_as_absent(reset_in: float) -> None:
    """Tokens that were taken away then come back after a window."""
    bucket = exact(1)
    bucket.observe(0.0, remaining=0, reset_in=reset_in)
    assert bucket.ready_at(0.0) == 60.0


@pytest.mark.parametrize("reset_in", [121.0, 1.7e9, math.inf])
def test_a_budget_of_another_window_is_ignored(reset_in: float) -> None:
    """A daily quota, or an epoch read as a duration, does not change this window."""
    bucket = exact(2)
    bucket.observe(0.0, limit=1, remaining=0, reset_in=reset_in)
    assert bucket.snapshot(0.0).available == 2


@pytest.mark.parametrize("counting", COUNTINGS)
@pytest.mark.parametrize("remaining", [None, 0])
def test_the_moment_that_a_refusal_names_is_a_token(counting: Counting, remaining: int | None) -> None:
    """Exactly one call goes at the named time, independent of the bucket's count and of `remaining`."""
    bucket = exact(3, counting)
    spend(bucket, 3, 0.0)
    bucket.observe(1.0, remaining=remaining, reset_in=10.0)
    bucket.refused(1.0, 10.0)
    assert bucket.wait(1.0) == pytest.approx(10.0)
    assert not bucket.lease(10.9)
    assert bucket.lease(11.0)
    bucket.answered(11.0)
    assert not bucket.lease(11.0)
    assert bucket.wait(11.0) > 10.0


def test_one_low_limit_costs_no_more_than_its_window() -> None:
    """A limit that is named once applies until its reset, or for a window; then the configured one applies again."""
    for reset_in, until in ((1.0, 1.0), (None, 60.0), (90.0, 90.0)):
        bucket = exact(100)
        bucket.observe(0.0, limit=1, reset_in=reset_in)
        assert bucket.snapshot(until - 0.1).effective_limit == 1
        assert bucket.snapshot(until).effective_limit == 100
        assert bucket.snapshot(until).available == 100


@pytest.mark.parametrize("value", [-1, -0.5, math.nan, math.inf, -math.inf])
def test_numbers_that_cannot_be_are_ignored(value: float) -> None:
    """A negative `remaining` and an infinite or negative limit are ignored."""
    bucket = exact(10)
    bucket.observe(0.0, remaining=value, limit=value)
    assert bucket.snapshot(0.0).available == 10


def test_a_lower_limit_holds_until_a_higher_one_is_named() -> None:
    """The server's limit applies if it is lower than the configured one, and never raises it."""
    bucket = exact(100)
    bucket.observe(0.0, limit=40)
    assert bucket.snapshot(0.0).effective_limit == 40
    assert drain(bucket, 0.0) == 40
    bucket.observe(1.0, limit=70)
    assert bucket.snapshot(1.0).effective_limit == 70
    bucket.observe(2.0, limit=500)
    assert bucket.snapshot(2.0).effective_limit == 100


def test_a_lower_limit_fades_when_it_is_named_no_more() -> None:
    """A lower limit stays as long as headers name it; without them the configured limit returns."""
    bucket = exact(100)
    for minute in range(30):
        bucket.observe(minute * 60.0, limit=50)
    assert bucket.snapshot(29 * 60.0).effective_limit == 50
    assert bucket.snapshot(29 * 60.0 + 25 * 30.0).effective_limit == 100


def test_tokens_that_returned_while_the_answer_travelled_are_not_taken_away() -> None:
    """`remaining` may have been counted before older tokens came back; that does not prove another client."""
    bucket = exact(10)
    spend(bucket, 9, 0.0)
    assert bucket.lease(59.5)
    bucket.answered(60.5)
    bucket.observe(60.5, remaining=0)
    assert bucket.snapshot(60.5).available > 0


def test_the_answer_is_taken_for_that_of_the_oldest_request() -> None:
    """With several requests in flight, an answer counts as that of the oldest, which is the safe assumption."""
    bucket = exact(10, "window")
    spend(bucket, 9, 0.0)
    assert bucket.lease(59.5)
    assert bucket.lease(60.4)
    bucket.answered(60.5)
    bucket.observe(60.5, remaining=1)
    bucket.refund(60.5)
    assert bucket.snapshot(60.5).available == 9


# --- bursts ---


def test_a_burst_is_capped_and_then_paced() -> None:
    """After idling at most `max_burst` go out at once, then one every window / limit."""
    bucket = exact(10, max_burst=3)
    assert bucket.snapshot(0.0).available == 3
    assert greedy(bucket, 6, 0.0) == [0.0] * 3 + [6.0, 12.0, 18.0]
    assert bucket.snapshot(200.0).available == 3


def test_a_capped_burst_waits_for_answers() -> None:
    """Requests in flight occupy the burst however long they take."""
    bucket = exact(10, max_burst=2)
    assert bucket.lease(0.0)
    assert bucket.lease(0.0)
    assert bucket.ready_at(30.0) is None
    bucket.answered(30.0)
    assert bucket.ready_at(30.0) == 36.0
    assert bucket.wait(30.0) == 6.0


def test_a_lost_request_occupies_the_burst_until_its_grace_is_over() -> None:
    """A lost request counts in the burst until the end of its grace, and drains only after that."""
    bucket = exact(10, max_burst=1)
    assert bucket.lease(0.0)
    bucket.abandoned(0.0)
    assert bucket.ready_at(0.0) == GRACE + 6.0
    assert bucket.wait(0.0) == GRACE + 6.0


def test_a_burst_above_the_limit_changes_nothing() -> None:
    """A `max_burst` above the limit of a class has no effect, as one value is configured for all classes."""
    assert greedy(exact(4, max_burst=50), 8, 0.0) == greedy(exact(4), 8, 0.0)


# --- output for people ---


def test_the_snapshot_says_what_there_is() -> None:
    """The snapshot has the configured and the present counts and seconds."""
    bucket = exact(3, "window")
    spend(bucket, 1, 0.0)
    assert bucket.lease(1.0)
    seen = bucket.snapshot(2.0)
    assert seen._asdict() == {
        "limit": 3,
        "effective_limit": 3,
        "available": 1,
        "leased": 1,
        "next_token": 0.0,
        "paused": 0.0,
    }
    assert bucket.lease(2.0)
    assert bucket.snapshot(2.0).next_token == 58.0


def test_the_repr_shows_the_state() -> None:
    """The repr has the counting, the limits, the tokens and the next time, even for an unused bucket."""
    assert repr(exact(3)) == "<TokenBucket 'unknown' 3/3 per 60 s: 3 available, 0 leased, next in 0.000 s>"
    bucket = exact(20, "window")
    spend(bucket, 20, 5.0)
    bucket.refused(6.0, 10.0)
    assert repr(bucket) == "<TokenBucket 'window' 18/20 per 60 s: 0 available, 0 leased, next in 10.000 s>"


# --- properties ---


@attrs.frozen
class Step:
    """One operation on a bucket; `where` and `pick` choose its arguments."""

    what: str
    where: float
    pick: int


SMOOTH = (
    "lease",
    "lease",
    "lease",
    "fill",
    "answered",
    "answered",
    "refund",
    "abandoned",
    "pass",
    "until_ready",
    "back",
)
ROUGH = (*SMOOTH, "refused", "observe")
PROMISED = (*ROUGH, "promised")


def steps(kinds: tuple[str, ...]) -> st.SearchStrategy[list[Step]]:
    where = st.one_of(st.sampled_from([0.0, 1.0, 0.5, 1e-6]), st.floats(0.0, 1.0))
    step = st.builds(Step, st.sampled_from(kinds), where, st.integers(0, 1_000))
    return st.lists(step, min_size=10, max_size=90)


@attrs.define
class Life:
    """A bucket, its requests in flight, and the times at which requests reached the server."""

    bucket: TokenBucket
    now: float = 0.0
    leases: list[tuple[float, bool]] = attrs.Factory(list[tuple[float, bool]])
    """When each request in flight was sent, and whether the server had promised to accept it."""
    arrivals: list[float] = attrs.Factory(list[float])
    """When the others reached the server."""

    def live(self, script: list[Step]) -> Iterator[None]:
        """Run the steps one by one; then end all requests in flight."""
        for step in script:
            self.do(step)
            yield
        while self.leases:
            self.end(Step("abandoned", 1.0, 0))

    def do(self, step: Step) -> None:
        window = self.bucket.window
        if step.what == "pass":
            self.now += step.where * (0.1, 1.0, 2.5)[step.pick % 3] * window
        elif step.what == "back":
            self.bucket.snapshot(self.now - step.where * window)
        elif step.what == "until_ready":
            self.now = max(self.now, self.bucket.ready_at(self.now) or 0.0)
        elif step.what == "refused":
            self.bucket.refused(self.now, (None, 0.0, 3.0 * window)[step.pick % 3])
        elif step.what == "promised":
            self.bucket.refused(self.now, step.where * 2.0 * window)
        elif step.what == "observe":
            limit, remaining = step.pick % 12, step.pick % 7
            self.bucket.observe(self.now, limit=limit, remaining=remaining, reset_in=step.where * 3.0 * window)
        elif step.what == "lease":
            self.lease()
        elif step.what == "fill":
            while self.lease():
                pass
        elif step.what in ("answered", "refund", "abandoned") and self.leases:
            self.end(step)

    def lease(self) -> bool:
        backoff = self.bucket._backoff
        was_promised = backoff.promised < math.inf
        if not self.bucket.lease(self.now):
            return False
        self.leases.append((self.now, was_promised and backoff.promised == math.inf))
        return True

    def end(self, step: Step) -> None:
        sent, is_promised = self.leases.pop(step.pick % len(self.leases))
        getattr(self.bucket, step.what)(self.now)
        if step.what != "refund" and not is_promised:
            latest = self.now + (self.bucket.grace if step.what == "abandoned" else 0.0)
            self.arrivals.append(sent + step.where * (latest - sent))


limits = st.integers(1, 6)
rules = st.sampled_from(COUNTINGS)
bursts = st.one_of(st.none(), st.integers(1, 4))


def buckets(max_burst: st.SearchStrategy[int | None] = bursts) -> st.SearchStrategy[TokenBucket]:
    return st.builds(TokenBucket, limits, st.just(WINDOW), counting=rules, max_burst=max_burst)


@given(buckets(), steps(PROMISED))
def test_no_server_ever_counts_more_than_the_limit(bucket: TokenBucket, script: list[Step]) -> None:
    """For any operations, and any arrival between lease and end, no policy refuses a request.

    Requests that the server promised to accept after a 429 are for it to count: they are left out.
    """
    life = Life(bucket)
    for _ in life.live(script):
        pass
    arrivals = sorted(life.arrivals)
    servers: list[SlidingLog | SlidingCounter] = [SlidingLog(bucket.limit, WINDOW)]
    if bucket.counting == "unknown":
        # A counter has its highest charge in windows that begin just when a request arrives.
        servers += [SlidingCounter(bucket.limit, WINDOW, phase=at % WINDOW) for at in {*arrivals[::3], 0.0, 17.0}]
    for server in servers:
        assert all(server.accept(at) for at in arrivals)


@given(buckets(), steps(PROMISED))
def test_ready_at_and_wait_keep_their_word(bucket: TokenBucket, script: list[Step]) -> None:
    """A lease succeeds at the named time if nothing is in flight, and never before it."""
    life = Life(bucket)
    for _ in life.live(script):
        now = bucket.snapshot(life.now)
        assert now.available >= 0
        assert 0 <= now.leased == len(life.leases)
        assert now.next_token >= 0.0
        assert now.paused >= 0.0
        assert 1 <= now.effective_limit <= now.limit
        ready, wait = bucket.ready_at(life.now), bucket.wait(life.now)
        assert copy.deepcopy(bucket).lease(life.now) is (ready == life.now) is (now.available > 0)
        if ready is None:
            assert life.leases
        elif ready > life.now + 1e-9:
            assert not copy.deepcopy(bucket).lease(life.now + 0.999 * (ready - life.now))
            assert life.now + wait >= ready
        if not life.leases:
            assert ready is not None
            assert life.now + wait == pytest.approx(ready)
            assert copy.deepcopy(bucket).lease(life.now + wait)


@given(buckets(), steps(PROMISED))
def test_only_a_refund_brings_the_named_time_forward(bucket: TokenBucket, script: list[Step]) -> None:
    """Only a refund makes `ready_at` earlier, so a caller that sleeps until then misses no token of an answer."""
    life = Life(bucket)
    before: float | None = None
    playing = life.live(script)
    for step in script:
        before = bucket.ready_at(life.now)
        next(playing)
        after = bucket.ready_at(life.now)
        if (
            before is not None
            and after is not None
            and step.what in ("lease", "fill", "answered", "abandoned", "refused")
        ):
            assert after >= before - 1e-6


@given(buckets(), steps(PROMISED), st.integers(0, 25))
@example(TokenBucket(4), [*[Step("lease", 0.0, 0)] * 3, Step("refund", 0.0, 0), Step("refused", 0.0, 0)], 1)
@example(TokenBucket(1), [Step("lease", 0.0, 0), Step("promised", 0.5, 0)], 0)
def test_wait_is_a_lower_bound_for_everyone_in_the_queue(bucket: TokenBucket, script: list[Step], ahead: int) -> None:
    """With everything answered at once, no caller gets a token before its `wait`, which grows with `ahead`."""
    life = Life(bucket)
    playing = life.live(script)
    for _ in script:
        next(playing)
    wait = bucket.wait(life.now, ahead)
    if bucket.snapshot(life.now).effective_limit == bucket.limit:
        assert wait >= bucket.wait(life.now, ahead // 2) - 1e-6
    for _ in life.leases:
        bucket.answered(life.now)
    assert greedy(bucket, ahead + 1, life.now)[-1] >= life.now + wait - 1e-6


@given(buckets(), steps(PROMISED))
def test_in_silence_every_bucket_recovers_its_whole_limit(bucket: TokenBucket, script: list[Step]) -> None:
    """No operation of callers or servers stops or shrinks a bucket permanently."""
    life = Life(bucket)
    for _ in life.live(script):
        pass
    rested = bucket.snapshot(life.now + 80 * WINDOW)
    assert rested.effective_limit == bucket.limit
    assert rested.available == min(bucket.limit, bucket.max_burst or bucket.limit)


@given(buckets(), st.data())
def test_ends_of_the_same_moment_may_come_in_any_order(bucket: TokenBucket, data: st.DataObject) -> None:
    """Leases have no identity: only the number, the kind and the time of their ends matter."""
    count = 0
    while bucket.lease(0.0):
        count += 1
    ends = data.draw(st.lists(st.sampled_from(["answered", "refund", "abandoned"]), max_size=count))
    other = copy.deepcopy(bucket)
    for name in ends:
        getattr(bucket, name)(1.5)
    for name in data.draw(st.permutations(ends)):
        getattr(other, name)(1.5)
    for now in (1.5, 10.0, 59.0, 63.0, 75.0, 200.0):
        assert bucket.ready_at(now) == other.ready_at(now)
        assert bucket.snapshot(now) == other.snapshot(now)


def reference_any(stamps: list[float], in_flight: int, limit: int, span: float, now: float) -> bool:
    """Return whether every counter has room at `now`, computed from the definition for every relevant phase."""
    begins = {x for stamp in stamps for x in (stamp, stamp + span) if now - span < x <= now} | {now}
    for begin in begins:
        current = sum(stamp >= begin for stamp in stamps) + in_flight
        previous = sum(begin - span - 1e-9 <= stamp < begin for stamp in stamps)
        if previous * (1.0 - (now - begin) / span) + current > limit - 1e-9:
            return False
    return True


def reference_window(stamps: list[float], in_flight: int, limit: int, span: float, now: float) -> bool:
    """Return whether the log has room at `now`."""
    return sum(stamp > now - span for stamp in stamps) + in_flight < limit


@pytest.mark.parametrize(("counting", "reference"), [("unknown", reference_any), ("window", reference_window)])
def test_the_rules_do_what_their_definition_says(
    counting: Counting, reference: Callable[[list[float], int, int, float, float], bool]
) -> None:
    """On random schedules the incremental bookkeeping and the definition agree about every lease."""
    rng = random.Random(20)
    agreed = {True: 0, False: 0}
    for _ in range(60):
        limit = rng.randint(1, 9)
        bucket = exact(limit, counting)
        stamps, in_flight, now = list[float](), 0, 0.0
        for _ in range(120):
            # Irrational steps: at equality, the result of the definition depends on the last bit.
            now += rng.choice([0.0, 0.0, rng.random() * WINDOW / limit, rng.random() * WINDOW]) * math.sqrt(2)
            if in_flight and rng.random() < 0.5:
                in_flight -= 1
                bucket.answered(now)
                stamps.append(now)
            else:
                expected = reference(stamps, in_flight, limit, WINDOW, now)
                assert bucket.lease(now) is expected
                agreed[expected] += 1
                in_flight += expected
    assert min(agreed.values()) > 500
