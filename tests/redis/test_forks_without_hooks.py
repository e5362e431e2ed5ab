"""One limiter made before forks that run no hooks, as under uWSGI: each child is a process of its own for Redis."""

from __future__ import annotations

import logging
import time
from typing import Any

import pytest

from inventpay import RateClass, RateLimits, RateLimitTimeoutError
from inventpay._concurrency.threads import Backend
from inventpay.redis import RedisLimiter, RedisSeenStore
from inventpay.webhooks.seen import Claim, ClaimStatus
from tests.support.hookless import HooklessChild, alone, needs_fork
from tests.support.redis_servers import RedisServer

pytestmark = [needs_fork, pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")]

OTHER = RateClass.OTHER
LIMITS = RateLimits(other=6, window=60.0, counting="window")


class _Messages(logging.Handler):
    def __init__(self) -> None:
        super().__init__()
        self.texts: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.texts.append(record.getMessage())


@pytest.mark.parametrize("used_before", [False, True])
@alone
def test_children_share_the_limit_without_false_outages(
    redis_only: RedisServer, prefix: str, used_before: bool
) -> None:
    """Four children of one limiter get six tokens together, and none takes Redis for unreachable."""
    with RedisLimiter(redis_only.url, prefix=prefix) as limiter:
        budget = limiter.bind("pk_live_1", "https://api.inventpay.io", LIMITS)
        if used_before:
            budget.acquire(OTHER, Backend()).answered(time.monotonic(), 200, {})
            limiter.worker.flush()

        def in_child() -> tuple[int, list[str]]:
            messages = _Messages()
            logging.getLogger("inventpay").addHandler(messages)
            granted = 0
            for _ in range(6):
                try:
                    lease = budget.acquire(OTHER, Backend(), max_wait=0.0)
                except RateLimitTimeoutError:
                    continue
                granted += 1
                lease.answered(time.monotonic(), 200, {})
            limiter.worker.flush()
            return granted, messages.texts

        children = [HooklessChild(in_child) for _ in range(4)]
        results = [child.result for child in children]
        assert sum(granted for granted, _ in results) == 6 - used_before
        assert [text for _, texts in results for text in texts] == []
        # The parent goes on with its own identity.
        assert budget.snapshot(time.monotonic())[OTHER].available == 0


@alone
def test_the_parents_connection_stays_its_own(redis_only: RedisServer, prefix: str) -> None:
    """A seen store in a child opens a new connection, and parent and child see each other's claims."""
    store: Any = RedisSeenStore(redis_only.url, prefix=prefix)
    claim = store.claim(["event"], 30.0)
    assert isinstance(claim, Claim)
    inherited = store._client

    def in_child() -> tuple[ClaimStatus, bool]:
        status = store.claim(["event"], 30.0)
        return status, store._client is inherited

    assert HooklessChild(in_child).result == (ClaimStatus.BUSY, False)
    assert store.finish(claim)
    store.close()
