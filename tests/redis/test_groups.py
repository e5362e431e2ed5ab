"""Sentinel and a cluster, real ones: the address is all that differs."""

from __future__ import annotations

import time
from pathlib import Path

import pytest

from inventpay import RateClass, RateLimits
from inventpay._concurrency.threads import Backend
from inventpay.redis import RedisLimiter, RedisSeenStore
from inventpay.webhooks.seen import Claim, ClaimStatus
from tests.support.redis_groups import cluster, watched_pair

pytestmark = pytest.mark.real_time

OTHER = RateClass.OTHER
LIMITS = RateLimits(other=6, window=60.0, counting="window")
KEY, URL = "pk_live_of_a_shared_limit", "https://api.inventpay.io"


def test_a_fail_over(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The replica that Sentinel promotes knows what was spent; until then each process keeps to its share."""
    with watched_pair(tmp_path) as pair, RedisLimiter(pair.url, timeout=0.3) as one, RedisLimiter(pair.url) as other:
        mine, others = (limiter.bind(KEY, URL, LIMITS) for limiter in (one, other))
        for limiter in (mine, others, mine):
            limiter.acquire(OTHER, Backend()).answered(time.monotonic(), 200, {})
        one.worker.flush()
        other.worker.flush()
        with pair.primary.client() as client:
            client.wait(1, 1000)
        assert mine.snapshot(time.monotonic())[OTHER].available == 3
        pair.primary.stop()
        # Half of the three that were free.
        mine.acquire(OTHER, Backend(), max_wait=1.0).answered(time.monotonic(), 200, {})
        deadline = time.monotonic() + 20
        while "answers again" not in caplog.text and time.monotonic() < deadline:
            time.sleep(0.1)
            mine.snapshot(time.monotonic())
        assert "answers again" in caplog.text
        with pair.replica.client() as client:
            assert client.role()[0] == b"master"
        # Half of the two that are left: for a window each still keeps to its share.
        assert others.snapshot(time.monotonic())[OTHER].available == 1


def test_a_cluster(tmp_path: Path) -> None:
    """All that belongs to a key is on one node, whichever is asked first; so is all of the store of webhook events."""
    with cluster(tmp_path) as nodes:
        urls = [f"redis+cluster://127.0.0.1:{node.port}" for node in nodes]
        limiters = [RedisLimiter(url) for url in urls]
        for number in range(4):
            shared = [limiter.bind(f"{KEY}{number}", URL, LIMITS) for limiter in limiters]
            for each in shared:
                each.acquire(OTHER, Backend()).answered(time.monotonic(), 200, {})
            for limiter in limiters:
                limiter.worker.flush()
            assert [each.snapshot(time.monotonic())[OTHER].available for each in shared] == [3, 3, 3]
        stores = [RedisSeenStore(limiters[0]), RedisSeenStore(urls[1])]
        claim = stores[0].claim(["event-1"], 30.0)
        assert isinstance(claim, Claim)
        assert stores[1].claim(["event-1"], 30.0) is ClaimStatus.BUSY
        assert stores[0].finish(claim)
        assert stores[1].claim(["event-1"], 30.0) is ClaimStatus.HANDLED
        for store in stores:
            store.close()
        for limiter in limiters:
            limiter.close()
