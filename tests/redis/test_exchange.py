"""The script itself: what it grants, and when it does not know enough to grant anything."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import redis

from inventpay._limits.token_bucket import MARGIN
from inventpay.redis.exchange import Ending, LeaseReply, LeaseRequest, LimitConfig, OvertakenError
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
        """What the process is told."""
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
    """One that nobody used."""
    with redis_only.client() as client:
        yield Bucket(client, prefix)


def test_a_bucket_of_which_nothing_is_known(bucket: Bucket) -> None:
    """Four tokens at once and the others a quarter of a second later: those who know of an outage come in between."""
    first = bucket.ask("a", 0.0, want=10)
    assert (len(first.delays), first.startup_grace) == (4, 0.25)
    assert bucket.ask("b", 0.1, want=10).delays == []
    assert len(bucket.ask("b", 0.3, want=10, epoch=first.epoch).delays) == 5


def test_who_comes_back_from_an_outage(bucket: Bucket) -> None:
    """When nobody was served meanwhile, nobody is before all can be, and those who come later make it no longer."""
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
    """So long a counter remembers."""
    bucket.settled()
    assert bucket.ask("b", 5.0, counting="unknown", away_since=EPOCH + 2.0).recovery == pytest.approx(2 * SPAN)


def test_who_alone_could_not_reach_redis(bucket: Bucket) -> None:
    """When others were served all the time, its own network was down, and nobody has to wait."""
    bucket.settled()
    for number in range(1, 40):
        bucket.ask("first", 1.0 + 0.09 * number)
    assert bucket.ask("b", 4.55, away_since=EPOCH + 2.0, want=1).delays == [0.0]


def test_a_state_that_was_lost(bucket: Bucket) -> None:
    """Whoever has a lease of an older state starts the recovery, in which nothing counts as unclaimed."""
    bucket.settled()
    found = bucket.ask("b", 2.0, epoch="of an earlier state")
    assert (found.unclaimed, found.delays) == (0, [])
    assert found.recovery == pytest.approx(SPAN)
    assert bucket.ask("first", 3.0, epoch="of an earlier state").recovery == pytest.approx(SPAN - 1.0)


def test_requests_that_were_sent_alone(bucket: Bucket) -> None:
    """They count from the moment at which they are told, once however often that is, and their ends as any other's."""
    bucket.settled()
    for _ in range(2):
        assert bucket.ask("a", 2.0, open=[(-1, EPOCH + 1.5), (-2, EPOCH + 1.6)]).leased == 2
    assert bucket.ask("a", 3.0, ended=[Ending(-1, EPOCH + 2.9)], refunded=[-2]).leased == 0
    assert bucket.ask("a", 4.0, outlook=True).free == 39
    # One that began and ended in between.
    assert bucket.ask("a", 5.0, ended=[Ending(-3, EPOCH + 4.5, is_news=False)]).free == 38


def test_a_question_that_was_overtaken(bucket: Bucket) -> None:
    """It was given up and told again in a later one, so nobody would use what it were granted."""
    bucket.settled()
    bucket.ask("a", 2.0, serial=3, want=1)
    with pytest.raises(OvertakenError):
        bucket.ask("a", 2.1, serial=2, want=5)
    assert bucket.ask("b", 2.2).leased == 1
