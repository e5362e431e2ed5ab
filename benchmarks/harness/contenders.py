"""The limiters that are compared: this package's two rules, and its peers behind the client's own `limiter=`.

All of them guard the same calls of the same client over the same HTTP path, so that only the limiter differs.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from inventpay import RateLimits
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._concurrency.threads import Backend
from inventpay._limits.class_limiter import ClassSnapshot, Lease
from inventpay.options import Counting, RateClass

FOR_EVER = 86_400.0
"""Seconds a peer that must be given a bound may wait."""


class NoLease:
    """A token that never comes back: the peers charge a request when it is sent, whatever becomes of it."""

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        pass

    def refund(self, now: float) -> None:
        pass

    def abandoned(self, now: float) -> None:
        pass


class Peer:
    """Another package's limiter in the form that `AsyncInventPay(limiter=...)` takes."""

    def __init__(self, take: Callable[[], Awaitable[object]], *, close: Callable[[], object] | None = None) -> None:
        self.take = take
        self._close = close
        self._lease = NoLease()

    async def acquire_async(
        self, rate_class: RateClass, backend: AsyncBackend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        await self.take()
        return self._lease

    def acquire(
        self, rate_class: RateClass, backend: Backend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        raise RuntimeError("the peers are compared in their asyncio form only")

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        return {}

    def close(self) -> None:
        if self._close is not None:
            self._close()


@dataclass(frozen=True)
class Contender:
    """One row of the table."""

    name: str
    package: str
    make: Callable[[int, int], dict[str, Any]]
    """Return the client's options for a limit and a window in seconds. Called inside the event loop that uses them."""

    @property
    def version(self) -> str | None:
        """The installed version, or `None`."""
        try:
            return version(self.package)
        except PackageNotFoundError:
            return None


def _own(counting: Counting) -> Callable[[int, int], dict[str, Any]]:
    def make(limit: int, window: int) -> dict[str, Any]:
        return {"rate_limits": RateLimits(status_checks=limit, window=window, counting=counting)}

    return make


def _aiolimiter(limit: int, window: int) -> dict[str, Any]:
    return {"limiter": Peer(import_module("aiolimiter").AsyncLimiter(limit, window).acquire)}


def _aiolimiter_paced(limit: int, window: int) -> dict[str, Any]:
    return {"limiter": Peer(import_module("aiolimiter").AsyncLimiter(1, window / limit).acquire)}


def _pyrate(limit: int, window: int) -> dict[str, Any]:
    pyrate = import_module("pyrate_limiter")
    limiter = pyrate.Limiter(pyrate.Rate(limit, window * 1000))
    return {"limiter": Peer(lambda: limiter.try_acquire_async("calls"), close=limiter.close)}


def _limits(limit: int, window: int) -> dict[str, Any]:
    aio = import_module("limits.aio")
    limiter = aio.strategies.MovingWindowRateLimiter(aio.storage.MemoryStorage())
    item = import_module("limits").RateLimitItemPerSecond(limit, window)
    # It only says yes or no. With a lock one caller polls, in order; without it all of them do.
    line = asyncio.Lock()

    async def take() -> None:
        async with line:
            while not await limiter.hit(item, "calls"):
                reset_at, _ = await limiter.get_window_stats(item, "calls")
                await asyncio.sleep(max(0.0, reset_at - time.time()))

    return {"limiter": Peer(take)}


def _throttled(algorithm: str) -> Callable[[int, int], dict[str, Any]]:
    def make(limit: int, window: int) -> dict[str, Any]:
        throttled = import_module("throttled.asyncio")
        throttle = throttled.Throttled(
            key="calls",
            using=algorithm,
            quota=throttled.per_duration(timedelta(seconds=window), limit=limit),
            store=throttled.MemoryStore(),
            timeout=FOR_EVER,
        )
        return {"limiter": Peer(throttle.limit)}

    return make


CONTENDERS = (
    Contender('inventpay "unknown"', "inventpay", _own("unknown")),
    Contender('inventpay "window"', "inventpay", _own("window")),
    Contender("aiolimiter (L, W)", "aiolimiter", _aiolimiter),
    Contender("aiolimiter (1, W/L)", "aiolimiter", _aiolimiter_paced),
    Contender("pyrate-limiter log", "pyrate-limiter", _pyrate),
    Contender("limits moving window", "limits", _limits),
    Contender("throttled-py token bucket", "throttled-py", _throttled("token_bucket")),
    Contender("throttled-py GCRA", "throttled-py", _throttled("gcra")),
)
