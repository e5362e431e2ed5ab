"""A token bucket in any order of calls: no server counts more than the limit, and named times are kept."""

from __future__ import annotations

import itertools
import math

import pytest
from hypothesis import Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from inventpay._limits.token_bucket import Counting, TokenBucket

WINDOW = 60.0
SHARES = st.sampled_from([0.0, 1.0]) | st.floats(0.0, 1.0)
PAUSES = st.sampled_from([0.01, 0.7, 5.0, 31.0, 60.0, 61.0]) | st.floats(0.0, 130.0)


class Bucket(RuleBasedStateMachine):
    """Requests that are sent, arrive at some moment before they end, and end in one of three ways."""

    counting: Counting = "unknown"

    def __init__(self) -> None:
        super().__init__()
        self.now = 1000.0
        self.in_flight: list[float] = []
        """Times at which requests were sent."""
        self.arrived: list[float] = []
        """Times at which the server counted requests."""
        self.blocked_until = -math.inf
        self.is_warned = False
        self.promised: list[float] = []
        self.bucket: TokenBucket

    @initialize(
        limit=st.sampled_from([1, 2, 3, 5, 12]), max_burst=st.none() | st.sampled_from([1, 4]), is_warned=st.booleans()
    )
    def make(self, limit: int, max_burst: int | None, *, is_warned: bool) -> None:
        """Make a bucket of some size, before a server that sends 429s and headers, or none."""
        self.is_warned = is_warned
        self.bucket = TokenBucket(limit, WINDOW, counting=self.counting, max_burst=max_burst)

    @rule(most=st.integers(1, 14))
    def send(self, most: int) -> None:
        """Send requests while there are tokens."""
        for _ in range(most):
            ready, wait = self.bucket.ready_at(self.now), self.bucket.wait(self.now)
            backoff = self.bucket._backoff
            was_promised = backoff.promised < math.inf
            is_granted = self.bucket.lease(self.now)
            assert is_granted == (ready == self.now), (is_granted, ready)
            assert not (is_granted and wait), f"a token was there after a wait of {wait} s was announced"
            if not is_granted:
                return
            assert self.now >= self.blocked_until, "sent before the time that a 429 named"
            self.in_flight.append(self.now)
            if was_promised and backoff.promised == math.inf:
                # The server named this moment for one call after a 429: it is for the server to count.
                self.promised.append(self.now)

    @precondition(lambda self: self.in_flight)
    @rule(share=SHARES, most=st.integers(1, 14))
    def answer(self, share: float, most: int) -> None:
        """End requests whose answers arrive; each was counted at some moment since it was sent."""
        for _ in range(min(most, len(self.in_flight))):
            sent = self.in_flight.pop(0)
            self.arrive(sent, min(sent + share * (self.now - sent), self.now))
            self.bucket.answered(self.now)

    @precondition(lambda self: self.in_flight)
    @rule()
    def refund(self) -> None:
        """End a request of which nothing was written: the server never counts it."""
        sent = self.in_flight.pop()
        if sent in self.promised:
            self.promised.remove(sent)
        self.bucket.refund(self.now)

    @precondition(lambda self: self.in_flight)
    @rule(share=SHARES)
    def give_up(self, share: float) -> None:
        """End a request without an answer, which may still arrive for a while."""
        sent = self.in_flight.pop(0)
        self.arrive(sent, sent + share * (self.now + self.bucket.grace - sent))
        self.bucket.abandoned(self.now)

    def arrive(self, sent: float, at: float) -> None:
        """Let a request arrive at the server, unless the server had promised to take it."""
        if sent in self.promised:
            self.promised.remove(sent)
        else:
            self.arrived.append(at)

    @rule(seconds=PAUSES)
    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.now += seconds

    @precondition(lambda self: self.is_warned)
    @rule(retry_after=st.none() | st.sampled_from([0.0, 1.0, 30.0, 119.0, 121.0, 1e9]))
    def refuse(self, retry_after: float | None) -> None:
        """Meet a 429; a time beyond two windows is not believed."""
        self.bucket.refused(self.now, retry_after)
        if retry_after is not None and 0 < retry_after <= 2 * WINDOW:
            self.blocked_until = max(self.blocked_until, self.now + retry_after)

    @precondition(lambda self: self.is_warned)
    @rule(
        limit=st.none() | st.sampled_from([1, 3, 1000]),
        remaining=st.none() | st.integers(0, 14),
        reset_in=st.none() | st.sampled_from([0.5, 59.0, 119.0, 86_400.0]),
    )
    def read_headers(self, limit: int | None, remaining: int | None, reset_in: float | None) -> None:
        """Read rate-limit headers, true or not."""
        self.bucket.observe(self.now, limit=limit, remaining=remaining, reset_in=reset_in)

    @invariant()
    def counts_are_whole(self) -> None:
        """The bucket has as many requests in flight as were sent, and no more tokens than its limit."""
        if hasattr(self, "bucket"):
            snapshot = self.bucket.snapshot(self.now)
            assert snapshot.leased == len(self.in_flight)
            assert 0 <= snapshot.available + snapshot.leased <= self.bucket.limit
            assert 1 <= snapshot.effective_limit <= self.bucket.limit

    def teardown(self) -> None:
        """No server has counted more than the limit, and in silence the whole limit comes back."""
        if not hasattr(self, "bucket"):
            return
        while self.in_flight:
            self.answer(1.0, 14)
        times, limit = sorted(self.arrived), self.bucket.limit
        for first, last in itertools.pairwise(range(0, len(times) + limit, limit)):
            assert last >= len(times) or times[last] - times[first] >= WINDOW, "a sliding log counted too much"
        if self.counting == "unknown":
            assert most_by_counters(times) <= limit
        self.now += 100 * WINDOW
        snapshot = self.bucket.snapshot(self.now)
        assert snapshot.available == min(limit, self.bucket.max_burst or limit)


def most_by_counters(times: list[float]) -> int:
    """Return the most that sliding-window counters of 24 phases have counted at any request."""
    most = 0
    for number in range(24):
        begin = -WINDOW * number / 24
        counts: dict[int, int] = {}
        for time in times:
            window, elapsed = divmod(time - begin, WINDOW)
            index = int(window)
            counts[index] = counts.get(index, 0) + 1
            # The rest of the window before is rounded down, as such counters do.
            most = max(most, math.floor(counts.get(index - 1, 0) * (1.0 - elapsed / WINDOW)) + counts[index])
    return most


@pytest.mark.parametrize("counting", ["unknown", "window"])
def test_a_bucket_keeps_the_limit_in_any_order_of_calls(counting: Counting) -> None:
    """Requests, their ends, refusals and headers in any order, against servers of every kind."""
    machine = type("BucketOfACount", (Bucket,), {"counting": counting})
    # A failing sequence is long, and reads as well unshortened.
    phases = (Phase.explicit, Phase.generate)
    limits = settings(stateful_step_count=25, phases=phases)
    run_state_machine_as_test(machine, settings=limits)
