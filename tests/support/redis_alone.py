"""A limiter that one caller at a time uses, and the ways in which its requests reach Redis."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Iterator
from typing import Any

import pytest

from inventpay import RateClass, RateLimits
from inventpay._concurrency.threads import Backend
from inventpay._limits.limiter import Limiter
from inventpay.redis import RedisLimiter, class_limiter
from inventpay.redis import worker as worker_module

OTHER = RateClass.OTHER
LIMITS = RateLimits(other=100, window=60.0, counting="window")
GRACE = 0.3
"""Seconds in which a new state grants few leases: ten of them here."""
SENDER = "inventpay-redis-sender"


@contextlib.contextmanager
def settled_limiter(url: str, prefix: str, pause: float = GRACE, **options: Any) -> Iterator[Limiter]:
    """Yield the limits of one key that have had their first call, so that the connection is open."""
    with RedisLimiter(url, prefix=prefix, **options) as limiter:
        bound = limiter.bind("pk_live_alone", "https://api.inventpay.io", LIMITS)
        end(lease(bound))
        limiter.worker.flush()
        while limiter.worker._batch is not None:
            time.sleep(0.001)  # the sender clears it a moment after the reply
        time.sleep(pause)
        yield bound
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("inventpay-redis")] == []


@contextlib.contextmanager
def patience(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Yield, while reports of ends travel only with requests and the sender does not help a loop that is late."""
    with monkeypatch.context() as patched:
        patched.setattr(class_limiter, "LINGER", 5.0)
        patched.setattr(worker_module, "LINGER", 5.0)
        yield


def lease(limiter: Limiter, **options: Any) -> Any:
    """A token, for a thread."""
    return limiter.acquire(OTHER, Backend(), **options)


def end(token: Any) -> None:
    """The answer arrives now."""
    token.answered(time.monotonic(), 200, {})


def worker(limiter: Any) -> Any:
    """The part that talks to Redis."""
    return limiter._limiter.worker


def spent(limiter: Limiter) -> int:
    """Tokens that Redis counts as spent or in use."""
    worker(limiter).flush()
    return 100 - limiter.snapshot(time.monotonic())[OTHER].available
