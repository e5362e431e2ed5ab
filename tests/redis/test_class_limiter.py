"""A process's own part of the shared limit, without Redis: its share, its leases, and its queue."""

from __future__ import annotations

import gc
import itertools
import math
from typing import Any

import pytest

from inventpay import RateLimitTimeoutError
from inventpay._concurrency.threads import Backend
from inventpay._core.rate_limit_headers import ServerView
from inventpay._sync.shared_tokens import acquire
from inventpay.redis.class_limiter import SharedClassLimiter, SharedLease
from inventpay.redis.exchange import LeaseReply
from inventpay.redis.share import share_bucket
from tests.support.shared_limit_simulation import new_class_limiter


class Caller:
    """A waiting caller, whose event loop may have ended."""

    def __init__(self, *, is_gone: bool = False) -> None:
        self.woken = 0
        self._is_gone = is_gone

    def wake(self) -> bool:
        self.woken += 1
        return not self._is_gone


def limiter_of(limit: int = 10, counting: str = "window", **more: Any) -> SharedClassLimiter:
    """Return a limiter without a worker."""
    return new_class_limiter("me", "key", limit, 60.0, counting, **more)


def reply(*delays: float, **more: Any) -> LeaseReply:
    """Return a reply of Redis with leases that have these delays."""
    facts: dict[str, Any] = {"epoch": "1", "again": -1.0, "next": 0.0, "free": 4, "free_next": 1, "unclaimed": 4}
    facts |= {
        "sharing": 2,
        "recovery": 0.0,
        "startup_grace": 0.0,
        "blocked": 0.0,
        "effective": 10,
        "leased": 0,
        "steps": [],
    }
    return LeaseReply(**{**facts, "delays": list(delays), **more})


def bucket_of(limit: int, sharing: int, counting: Any = "window", **more: Any) -> Any:
    """A share at the moment 100.0."""
    facts: dict[str, Any] = {"stamps": [], "in_flight": 0, "free": None, **more}
    return share_bucket(limit, 60.0, counting, facts.pop("burst", None), sharing=sharing, now=100.0, **facts)


def test_all_shares_together_are_at_most_the_limit() -> None:
    """Rounded down, and with counting "unknown" with room for the rounding of counters; never less than one."""
    assert bucket_of(100, 4).snapshot(100.0).available == 25
    assert bucket_of(100, 4, "unknown").snapshot(100.0).available == 24
    assert bucket_of(10, 4, "unknown").snapshot(100.0).available == 1
    assert bucket_of(100, 4, burst=8).snapshot(100.0).available == 2


def test_more_processes_than_tokens() -> None:
    """With more processes than tokens, each has one token with a longer window, within the limit together."""
    bucket = bucket_of(3, 8)
    assert bucket.lease(100.0)
    bucket.answered(100.0)
    assert not bucket.lease(100.0 + 59.0 * 8 / 3)
    assert bucket.lease(100.0 + 61.0 * 8 / 3)


def test_a_share_begins_with_what_the_process_has() -> None:
    """Its own requests count, those in flight too, and of what was free it has its part; the rest comes in a window."""
    bucket = bucket_of(20, 2, stamps=[41.0, 42.0, 95.0], in_flight=2, free=4)
    assert bucket.snapshot(100.0).leased == 2
    assert bucket.snapshot(100.0).available <= 2
    for _ in range(2):
        bucket.answered(100.0)
    assert bucket.snapshot(161.0).available == 10
    assert bucket_of(20, 2, in_flight=30).snapshot(100.0).leased == 10


def test_a_share_counts_what_is_in_flight_before_what_has_ended() -> None:
    """A process that used more than its share gets back the requests that ended last."""
    bucket = bucket_of(20, 2, stamps=[41.0 + number for number in range(10)], in_flight=4)
    assert bucket.snapshot(100.0).leased == 4
    assert not bucket.lease(104.0)
    assert bucket.lease(105.1)


def test_what_was_not_free_stays_away_until_all_return() -> None:
    """In a time of recovery that takes two windows, too."""
    bucket = bucket_of(20, 2, free=0, apart=120.0)
    assert not bucket.lease(219.0)
    assert bucket.lease(220.1)


def test_alone() -> None:
    """During an outage tokens come from the share, each end is counted there, and everything is reported later."""
    limiter = limiter_of()
    limiter.go_alone(100.0, 2)
    assert limiter.is_on_its_own
    leases = [limiter.take(100.0) for _ in range(5)]
    assert None not in leases
    assert limiter.take(100.0) is None
    claim = limiter.join(Caller(), 100.0, max_wait=5.0, background=False)
    with pytest.raises(RateLimitTimeoutError):
        limiter.look(claim, 100.0, 1.0)
    limiter.leave(claim, 100.0)
    first, second, third, *rest = leases
    assert first is not None
    assert second is not None
    assert third is not None
    first.answered(101.0, 200, {})
    second.abandoned(101.0)
    third.refund(101.0)
    del rest, leases
    gc.collect()
    assert limiter.take(101.0) is not None
    gc.collect()
    request = limiter.ask(102.0)
    # One answered, one lost, two garbage-collected, and one more of these.
    assert sorted(ending.at for ending in request.ended) == [101.0, *[106.0] * 3, 107.0]
    assert (request.want, request.open, request.away_since) == (0, [], 100.0)


def test_a_reply_of_a_state_that_knows_nothing() -> None:
    """Requests in flight are reported to the new state, and the share is that of the former number of processes."""
    limiter = limiter_of(20)
    lease = None
    for epoch, sharing, recovery in (("1", 4, 0.0), ("2", 1, 60.0)):
        claim = limiter.join(Caller(), 100.0, max_wait=None, background=False)
        limiter.apply_reply(
            limiter.ask(100.0), reply(0.0, epoch=epoch, sharing=sharing, recovery=recovery, unclaimed=0), 100.0
        )
        lease = lease or limiter.look(claim, 100.0, 1.0)
        limiter.leave(claim, 100.0)
    assert isinstance(lease, SharedLease)
    request = limiter.ask(101.0)
    assert (request.epoch, request.open) == ("2", [(lease.number, 100.0)])
    assert [limiter.take(161.0) is not None for _ in range(6)] == [False] * 6
    limiter.apply_reply(request, reply(epoch="2"), 161.0)
    lease.answered(161.0, 200, {})


def test_what_was_granted_and_not_used_when_redis_went_away() -> None:
    """It came of what others returned, who take it again for their shares; so it is given back."""
    limiter = limiter_of()
    claims = [limiter.join(Caller(), 100.0, max_wait=None, background=False) for _ in range(8)]
    limiter.apply_reply(limiter.ask(100.0), reply(*[0.5] * 8, unclaimed=0), 100.0)
    request = limiter.ask(100.4)
    limiter.failed(request, 100.6)
    limiter.go_alone(100.6, 2)
    limiter.distribute(100.6)
    assert [claim.lease for claim in claims] == [None] * 8
    assert sorted(limiter.ask(100.8).refunded) == list(range(1, 9))


def test_before_all_return_nothing_is_sent_alone() -> None:
    """Requests from the share are reported at once, which is not possible in the last moment."""
    limiter = limiter_of()
    limiter.go_alone(100.0, 2)
    limiter.apply_reply(limiter.ask(100.0), reply(recovery=30.0), 100.0)
    lease = limiter.take(129.85)
    assert lease is not None
    assert limiter.next_request(129.85) == pytest.approx(129.87)
    assert limiter.take(129.95) is None
    assert limiter.ask(129.95).open == [(lease.number, 129.85)]
    lease.answered(129.96, 200, {})


def test_what_the_api_says_to_one_who_is_alone() -> None:
    """A `Retry-After` stops the share, and what is left is all that is left."""
    limiter = limiter_of(20)
    limiter.go_alone(100.0, 2)
    first, second = limiter.take(100.0), limiter.take(100.0)
    assert first is not None
    assert second is not None
    limiter.end(first, "answered", 101.0, 200, ServerView(remaining=3))
    assert limiter.snapshot(101.0).available <= 3
    second.answered(102.0, 429, {"retry-after": "30"})
    assert limiter.take(110.0) is None
    assert limiter.snapshot(110.0).next_token == pytest.approx(22.0)


def test_a_lease_that_was_overslept_is_not_used() -> None:
    """A process that was suspended for long requests a new lease, because Redis has expired the old one."""
    limiter = limiter_of()
    caller = Caller()
    claim = limiter.join(caller, 100.0, max_wait=None, background=False)
    request = limiter.ask(100.0)
    assert request.want == 1
    limiter.apply_reply(request, reply(0.5), 100.1)
    assert limiter.look(claim, 100.1, 1.0) is None
    limiter.distribute(400.0)
    assert caller.woken == 0
    later = limiter.ask(400.0)
    assert (later.want, later.held) == (1, [])


def test_a_caller_whose_event_loop_is_gone() -> None:
    """A lease for a caller whose event loop has ended goes to the next caller."""
    limiter = limiter_of()
    limiter.join(Caller(is_gone=True), 100.0, max_wait=None, background=False)
    behind = limiter.join(Caller(), 100.0, max_wait=None, background=False)
    request = limiter.ask(100.0)
    limiter.apply_reply(request, reply(0.0, again=60.0, next=60.0), 100.1)
    assert behind.lease is not None
    assert limiter.waiting == 0


def test_a_pause_holds_back_what_is_in_stock() -> None:
    """Leases that were granted before a 429 became known are used after the pause."""
    limiter = limiter_of()
    claim = limiter.join(Caller(), 100.0, max_wait=None, background=False)
    limiter.apply_reply(limiter.ask(100.0), reply(0.0, blocked=5.0), 100.0)
    assert claim.lease is None
    limiter.distribute(104.9)
    assert claim.lease is None
    limiter.apply_reply(limiter.ask(104.998), reply(blocked=0.001), 104.999)
    assert limiter.next_event(104.999, can_ask=True) == 105.0
    limiter.distribute(105.0)
    assert claim.lease is not None


def test_a_lease_for_later_is_used_when_redis_was_just_heard() -> None:
    """A moment before it is due Redis is asked whether all is well: in an outage others would spend it again."""
    limiter = limiter_of()
    claim = limiter.join(Caller(), 100.0, max_wait=None, background=False)
    limiter.apply_reply(limiter.ask(100.0), reply(12.0), 100.0)
    limiter.apply_reply(limiter.ask(111.0), reply(), 111.0)
    assert limiter.next_request(111.0) == pytest.approx(111.998)
    limiter.distribute(112.0)
    assert claim.lease is None
    # Nor is the scheduler woken for nothing while that request is under way.
    request = limiter.ask(112.0)
    assert (request.want, limiter.next_event(112.0, can_ask=True)) == (0, math.inf)
    limiter.apply_reply(request, reply(), 112.001)
    assert claim.lease is not None


def test_who_goes_alone_lets_others_use_what_they_were_granted() -> None:
    """They may do so for a moment after their last reply, and what comes back to this process until then is theirs."""
    limiter = limiter_of()
    claim = limiter.join(Caller(), 100.0, max_wait=None, background=False)
    limiter.apply_reply(limiter.ask(100.0), reply(0.0, unclaimed=2), 100.0)
    assert claim.lease is not None
    claim.lease.answered(100.0, 200, {})
    limiter.failed(limiter.ask(160.0), 160.0)
    limiter.go_alone(160.0, 2)
    # The token of 100.0 is back at 160.06, and the part of what was spare is 1.
    assert limiter.take(160.05) is None
    assert limiter.snapshot(160.05).next_token == pytest.approx(0.05)
    assert [limiter.take(160.1) is not None for _ in range(2)] == [True, False]


def test_who_else_shares_the_limit_is_asked_again() -> None:
    """Soon after a process began to wait, and ever more rarely: the share of an outage depends on it."""
    limiter = limiter_of()
    limiter.join(Caller(), 100.0, max_wait=None, background=False)
    moments = [100.0]
    for _ in range(9):
        limiter.apply_reply(limiter.ask(moments[-1]), reply(again=1000.0, next=1000.0), moments[-1])
        moments.append(limiter.next_request(moments[-1]))
    waits = [later - sooner for sooner, later in itertools.pairwise(moments)]
    assert waits[:7] == pytest.approx([0.25, 0.25, 0.5, 1.0, 2.0, 4.0, 8.0])
    assert waits[8] == pytest.approx(60.06 / 4)


def test_the_lease_that_is_due_first_is_used_first() -> None:
    """A later request may bring an earlier moment, when requests in flight came back soon."""
    limiter = limiter_of()
    claims = [limiter.join(Caller(), 100.0, max_wait=None, background=False) for _ in range(2)]
    limiter.apply_reply(limiter.ask(100.0), reply(5.0, again=0.1), 100.0)
    limiter.apply_reply(limiter.ask(100.1), reply(0.9), 100.1)
    limiter.apply_reply(limiter.ask(100.99), reply(), 101.0)
    assert [claim.lease is not None for claim in claims] == [True, False]
    limiter.apply_reply(limiter.ask(104.99), reply(), 104.99)
    assert limiter.next_event(104.99, can_ask=True) == 105.0


def test_a_line_that_cannot_be_served() -> None:
    """Where no thread can be started the caller learns why, and does not wait."""
    limiter = limiter_of()

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("can't start new thread")

    limiter._owner.serve = fail  # type: ignore[method-assign]
    with pytest.raises(RuntimeError, match="can't start new thread"):
        acquire(limiter, Backend(), 1.0, max_wait=None)
    assert limiter.waiting == 0
    assert repr(limiter) == "<SharedClassLimiter other: shared, 0 in stock, 0 waiting>"


def test_waits_that_are_known_in_advance() -> None:
    """From the last reply: by place in the queue, whole windows ahead, direct callers before background ones."""
    limiter = limiter_of(10)
    limiter.join(Caller(), 100.0, max_wait=None, background=False)
    steps = [10.0 * number for number in range(10)]
    limiter.apply_reply(limiter.ask(100.0), reply(again=30.0, next=10.0, steps=steps, free=0), 100.0)
    patient = limiter.join(Caller(), 100.0, max_wait=15.0, background=False)
    assert patient.error is None
    hasty = limiter.join(Caller(), 100.0, max_wait=15.0, background=False)
    assert isinstance(hasty.error, RateLimitTimeoutError)
    assert hasty.error.wait == pytest.approx(20.0)
    for _ in range(10):
        limiter.join(Caller(), 100.0, max_wait=None, background=True)
    poll = limiter.join(Caller(), 100.0, max_wait=60.0, background=True)
    assert isinstance(poll.error, RateLimitTimeoutError)
    # The 13th place is the third of the next window.
    assert poll.error.wait == pytest.approx(20.0 + 60.06)
