"""The Lua script: the leases that it grants, and the states in which it grants none."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import pytest
import redis

from inventpay._limits.backoff import Backoff
from inventpay._limits.token_bucket import MARGIN
from inventpay.redis.exchange import Ending, LeaseReply, LeaseRequest, LimitConfig, OvertakenError, Refusal, View
from tests.support.redis_servers import RedisServer
from tests.support.shared_limit_simulation import exchange

SPAN = 60.0 * (1.0 + MARGIN)
EPOCH = 1_800_000_000.0


class Bucket:
    """One bucket, as processes see it that ask at moments of our choice."""

    def __init__(self, client: redis.Redis, key: str) -> None:
        self._client = client
        self._key = key
        self._asked: dict[str, int] = {}

    def ask(self, process: str, at: float, *, counting: Any = "window", **more: Any) -> LeaseReply:
        """Return the reply to a request of the process."""
        config = LimitConfig(
            process=process, limit=40, window=60.0, span=SPAN, counting=counting, burst=None, patience=35.0
        )
        serial = self._asked[process] = self._asked.get(process, 0) + 1
        facts: dict[str, Any] = {"serial": serial, "next_number": 1 + 100 * serial, **more}
        return exchange(self._client, self._key, LeaseRequest(config=config, **facts), EPOCH + at)

    def settled(self) -> LeaseReply:
        """Some process came, and a second went by."""
        self.ask("first", 0.0)
        return self.ask("first", 1.0)


@pytest.fixture
def bucket(redis_only: RedisServer, prefix: str) -> Iterator[Bucket]:
    """Return an unused bucket."""
    with redis_only.client() as client:
        yield Bucket(client, prefix)


def test_a_bucket_of_which_nothing_is_known(bucket: Bucket) -> None:
    """Four tokens at once and the others a quarter of a second later: those who know of an outage come in between."""
    first = bucket.ask("a", 0.0, want=10)
    assert (len(first.delays), first.startup_grace) == (4, 0.25)
    assert bucket.ask("b", 0.1, want=10).delays == []
    assert len(bucket.ask("b", 0.3, want=10, epoch=first.epoch).delays) == 5


def test_who_comes_back_from_an_outage(bucket: Bucket) -> None:
    """If no process was served meanwhile, all wait until all can be served, and later ones do not extend the wait."""
    bucket.settled()
    bucket.ask("b", 1.1)
    returned = bucket.ask("b", 5.0, away_since=EPOCH + 2.0)
    assert returned.recovery == pytest.approx(SPAN)
    assert bucket.ask("first", 15.0, away_since=EPOCH + 2.1).recovery == pytest.approx(SPAN - 10.0)
    newcomer = bucket.ask("c", 25.0, want=1)
    assert (newcomer.delays, newcomer.unclaimed) == ([], 40)
    assert newcomer.recovery == pytest.approx(SPAN - 20.0)
    assert len(bucket.ask("b", 5.1 + SPAN, want=1).delays) == 1


def test_with_the_rule_any_it_takes_two_windows(bucket: Bucket) -> None:
    """With the rule "unknown" the recovery takes two windows, as long as a counter counts a request."""
    bucket.settled()
    assert bucket.ask("b", 5.0, counting="unknown", away_since=EPOCH + 2.0).recovery == pytest.approx(2 * SPAN)


def test_who_alone_could_not_reach_redis(bucket: Bucket) -> None:
    """If other processes were served all the time, only its own network failed, and no process must wait."""
    bucket.settled()
    for number in range(1, 40):
        bucket.ask("first", 1.0 + 0.09 * number)
    assert bucket.ask("b", 4.55, away_since=EPOCH + 2.0, want=1).delays == [0.0]


def test_a_state_that_was_lost(bucket: Bucket) -> None:
    """A lease of an older state starts the recovery, in which no token counts as unclaimed."""
    bucket.settled()
    found = bucket.ask("b", 2.0, epoch="of an earlier state")
    assert (found.unclaimed, found.delays) == (0, [])
    assert found.recovery == pytest.approx(SPAN)
    assert bucket.ask("first", 3.0, epoch="of an earlier state").recovery == pytest.approx(SPAN - 1.0)


def test_requests_that_were_sent_alone(bucket: Bucket) -> None:
    """They count from the time of their report, once even if reported repeatedly, and their ends like all others."""
    bucket.settled()
    for _ in range(2):
        assert bucket.ask("a", 2.0, open=[(-1, EPOCH + 1.5), (-2, EPOCH + 1.6)]).leased == 2
    assert bucket.ask("a", 3.0, ended=[Ending(-1, EPOCH + 2.9)], refunded=[-2]).leased == 0
    assert bucket.ask("a", 4.0, outlook=True).free == 39
    # One that began and ended in between.
    assert bucket.ask("a", 5.0, ended=[Ending(-3, EPOCH + 4.5, is_news=False)]).free == 38


def test_a_question_that_was_overtaken(bucket: Bucket) -> None:
    """Its reports were repeated in a later request, so its reply grants nothing."""
    bucket.settled()
    bucket.ask("a", 2.0, serial=3, want=1)
    with pytest.raises(OvertakenError):
        bucket.ask("a", 2.1, serial=2, want=5)
    assert bucket.ask("b", 2.2).leased == 1


@pytest.mark.parametrize("limit", [2, 10, 60, 300])
def test_refusals_reduce_both_kinds_of_limit_alike(redis_only: RedisServer, prefix: str, limit: int) -> None:
    """The script and the class of one process agree on pauses, reduced limits and their return, case by case."""
    local = Backoff(limit, 60.0)
    config = LimitConfig(process="a", limit=limit, window=60.0, span=SPAN, counting="window", burst=None, patience=35.0)
    serial = itertools.count(1)

    with redis_only.client() as client:

        def ask(at: float, **more: Any) -> LeaseReply:
            return exchange(client, prefix, LeaseRequest(config=config, serial=next(serial), **more), EPOCH + at)

        ask(0.0)
        for at, retry_after, named in BACKOFF_CASES:
            if named is not None:
                local.named(at, *named)
                view = View(EPOCH + at, named[0], None, named[1] or 0.0)
                reply = ask(at, view=view)
            elif retry_after is not None:
                local.refused(at, retry_after)
                reply = ask(at, refusals=[Refusal(EPOCH + at, retry_after)])
            else:
                reply = ask(at)
            assert reply.effective == local.limit_at(at), at
            assert reply.blocked == pytest.approx(max(0.0, local.blocked_until - at), abs=1e-3), at


BACKOFF_CASES: list[tuple[float, float | None, tuple[int, float | None] | None]] = [
    # When, the Retry-After of a 429 (0.0 for none), and a named limit with its reset.
    (1.0, 0.0, None),
    (1.5, 0.0, None),
    (1.7, 0.0, None),
    (3.0, 0.0, None),
    (5.0, 20.0, None),
    (6.0, 500.0, None),
    (40.0, None, None),
    (90.0, None, (1, 5.0)),
    (94.0, None, None),
    (96.0, None, None),
    (100.0, None, (2, None)),
    (159.0, None, None),
    (161.0, None, None),
    (170.0, None, (1, 3_600.0)),
    (200.0, 0.0, None),
    (600.0, None, None),
    (1_200.0, None, None),
    (4_000.0, None, None),
]


def test_the_end_of_a_lease_that_is_reported_twice_counts_once(redis_only: RedisServer, prefix: str) -> None:
    """A request that is repeated because its reply was lost charges nothing a second time."""
    config = LimitConfig(process="a", limit=40, window=60.0, span=SPAN, counting="window", burst=None, patience=35.0)
    with redis_only.client() as client:

        def ask(serial: int, at: float, **more: Any) -> LeaseReply:
            return exchange(client, prefix, LeaseRequest(config=config, serial=serial, **more), EPOCH + at)

        granted = ask(1, 1.0, want=3, next_number=1)
        assert len(granted.delays) == 3
        ends = [Ending(number, EPOCH + 2.0) for number in (1, 2, 3)]
        first = ask(2, 2.0, ended=ends)
        again = ask(3, 2.1, ended=[Ending(end.number, end.at, is_news=False) for end in ends])
        assert (first.free, again.free) == (37, 37)


def test_the_moment_that_a_refusal_names_is_one_lease(redis_only: RedisServer, prefix: str) -> None:
    """For any remaining count of the API, exactly one call may go at the named time."""
    config = LimitConfig(process="a", limit=10, window=60.0, span=SPAN, counting="window", burst=None, patience=35.0)
    with redis_only.client() as client:

        def ask(serial: int, at: float, **more: Any) -> LeaseReply:
            return exchange(client, prefix, LeaseRequest(config=config, serial=serial, **more), EPOCH + at)

        assert len(ask(1, 1.0, want=1, next_number=1).delays) == 1
        refused = ask(
            2,
            2.0,
            ended=[Ending(1, EPOCH + 2.0)],
            refusals=[Refusal(EPOCH + 2.0, 20.0)],
            view=View(EPOCH + 1.0, None, 0, 20.0),
            want=3,
            next_number=2,
        )
        assert refused.delays == [pytest.approx(20.0, abs=1e-3)]
        assert refused.next > 25.0
        returned = ask(3, 3.0, refunded=[2])
        assert returned.next == pytest.approx(19.0, abs=1e-3)
        assert ask(4, 22.0, want=3, next_number=5).delays == [pytest.approx(0.0, abs=1e-3)]
