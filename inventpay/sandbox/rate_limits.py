"""How the sandbox counts calls. A policy is arithmetic on a time it is given; it neither waits nor reads a clock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Mapping
from enum import StrEnum
from typing import Protocol

import attrs

from inventpay.sandbox.assumptions import RATE_LIMIT_WINDOW


class RateClass(StrEnum):
    """The documented classes of endpoints (page api-reference/introduction)."""

    PAYMENT_CREATION = "payment_creation"
    STATUS_CHECKS = "status_checks"
    WITHDRAWALS = "withdrawals"
    OTHER = "other"


# Documented, per minute (page api-reference/introduction).
DOCUMENTED_LIMITS: Mapping[RateClass, int] = {
    RateClass.PAYMENT_CREATION: 100,
    RateClass.STATUS_CHECKS: 300,
    RateClass.WITHDRAWALS: 10,
    RateClass.OTHER: 60,
}


@attrs.frozen
class Verdict:
    """What a policy says to one call.

    `remaining` calls are left after this one; `reset_at` is when one more becomes free, in Unix seconds; `retry_after`
    is the time until then for a refused call, in seconds.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: float
    retry_after: float = 0.0


class RateLimitPolicy(Protocol):
    """Decides which calls are answered with 429. May be called from any thread."""

    def take(self, caller: str, rate_class: RateClass, now: float) -> Verdict | None:
        """Count one call of `caller` at `now` (Unix seconds), or refuse it; None where nothing is limited."""
        ...

    def clear(self) -> None:
        """Forget all calls."""
        ...


class SlidingLog:
    """At most `limit` calls in any window, per caller and class; refused calls are not counted.

    Example:
        Sandbox(rate_limits=SlidingLog({"withdrawals": 2}, window=1.0))     # the other classes as documented
    """

    # Sweeping out idle callers costs a look at each, so it waits until at least this many have come together.
    _MIN_SWEEP = 1024

    def __init__(self, limits: Mapping[str, int] | None = None, *, window: float = RATE_LIMIT_WINDOW) -> None:
        """Take calls per window and class (those left out are as documented), and the window in seconds.

        Raises `ValueError` for an unknown class, a limit below 1, or a window that is not above 0.
        """
        merged = dict(DOCUMENTED_LIMITS)
        for name, limit in (limits or {}).items():
            if limit < 1:
                raise ValueError(f"The limit of {name!r} must be at least 1, not {limit}.")
            merged[RateClass(name)] = limit
        if not window > 0:
            raise ValueError(f"The window must be longer than 0 seconds, not {window}.")
        self._limits = merged
        self._window = window
        self._calls: dict[tuple[str, RateClass], deque[float]] = {}
        self._sweep_at = self._MIN_SWEEP
        self._lock = threading.Lock()

    def take(self, caller: str, rate_class: RateClass, now: float) -> Verdict:
        limit = self._limits[rate_class]
        with self._lock:
            calls = self._calls.get((caller, rate_class))
            if calls is None:
                self._sweep(now)
                calls = self._calls[caller, rate_class] = deque()
            while calls and calls[0] <= now - self._window:
                calls.popleft()
            if len(calls) >= limit:
                free_at = calls[0] + self._window
                return Verdict(False, limit, 0, free_at, free_at - now)
            calls.append(now)
            return Verdict(True, limit, limit - len(calls), calls[0] + self._window)

    def clear(self) -> None:
        with self._lock:
            self._calls.clear()

    def __len__(self) -> int:
        """How many pairs of caller and class are remembered."""
        return len(self._calls)

    def _sweep(self, now: float) -> None:
        if len(self._calls) < self._sweep_at:
            return
        self._calls = {key: calls for key, calls in self._calls.items() if calls[-1] > now - self._window}
        self._sweep_at = max(self._MIN_SWEEP, 2 * len(self._calls))


class Unlimited:
    """No limits, and no rate-limit headers: for load tests."""

    def take(self, caller: str, rate_class: RateClass, now: float) -> None:
        return None

    def clear(self) -> None:
        return None
