"""The policies that count calls. A policy gets the time as an argument; it neither waits nor reads a clock."""

from __future__ import annotations

import threading
from collections.abc import Mapping
from typing import ClassVar, Final, Protocol

import attrs

from ...options import RateClass
from ..assumptions import RATE_LIMIT_WINDOW
from .counters import CallCounter, FixedWindowCounter, SlidingLogCounter, SlidingWindowCallCounter, TokenBucketCounter

# Documented, per minute (page api-reference/introduction).
DOCUMENTED_LIMITS: Mapping[RateClass, int] = {
    RateClass.PAYMENT_CREATION: 100,
    RateClass.STATUS_CHECKS: 300,
    RateClass.WITHDRAWALS: 10,
    RateClass.OTHER: 60,
}


@attrs.frozen
class Verdict:
    """The decision of a policy about one call.

    ``remaining`` calls are left after this one; ``reset_at`` is when one more becomes free, in Unix seconds;
    ``retry_after`` is the time until then for a refused call, in seconds; ``window`` is the length of the policy's
    window, in seconds.
    """

    allowed: bool
    limit: int
    remaining: int
    reset_at: float
    retry_after: float = 0.0
    window: float = RATE_LIMIT_WINDOW


class RateLimitPolicy(Protocol):
    """A policy decides which calls are answered with 429. Safe to use from any thread."""

    def take(self, caller: str, rate_class: RateClass, now: float) -> Verdict | None:
        """Count one call of ``caller`` at ``now`` (Unix seconds), or refuse it; None where nothing is limited."""
        ...

    def standing(self, rate_class: RateClass, now: float) -> Verdict | None:
        """Return the state of the class for the caller with the fewest calls left, without counting a call."""
        ...

    def clear(self) -> None:
        """Forget all calls."""
        ...


class CountingPolicy:
    """The base of counting policies: a limit per class, separate callers, refused calls not counted."""

    name: ClassVar[str]
    _counter: ClassVar[type[CallCounter]]

    # Removing idle callers checks each of them, so it starts only with at least this number of callers.
    _MIN_SWEEP: Final = 1024

    def __init__(self, limits: Mapping[str, int] | None = None, *, window: float = RATE_LIMIT_WINDOW) -> None:
        """Take calls per window and class (those left out are as documented), and the window in seconds.

        Raises ``ValueError`` for an unknown class, a limit below 1, or a window that is not above 0.
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
        self._counters: dict[tuple[str, RateClass], CallCounter] = {}
        self._sweep_at = self._MIN_SWEEP
        self._lock = threading.Lock()

    @property
    def limits(self) -> Mapping[RateClass, int]:
        """Calls per window and class."""
        return self._limits

    @property
    def window(self) -> float:
        """The length of the window, in seconds."""
        return self._window

    def take(self, caller: str, rate_class: RateClass, now: float) -> Verdict:
        """Count one call, or refuse it."""
        limit = self._limits[rate_class]
        with self._lock:
            counter = self._counters.get((caller, rate_class))
            if counter is None:
                self._sweep(now)
                counter = self._counters[caller, rate_class] = self._counter(limit, self._window)
            left, free_at = counter.left(now)
            if left < 1:
                return Verdict(False, limit, 0, free_at, free_at - now, self._window)
            counter.add(now)
            left, free_at = counter.left(now)
            return Verdict(True, limit, left, free_at, window=self._window)

    def standing(self, rate_class: RateClass, now: float) -> Verdict:
        """Return the state of the class for the caller with the fewest calls left."""
        limit = self._limits[rate_class]
        with self._lock:
            counters = [counter for (_, name), counter in self._counters.items() if name is rate_class]
            left, free_at = min((counter.left(now) for counter in counters), default=(limit, now))
        return Verdict(left > 0, limit, left, free_at, 0.0 if left else free_at - now, self._window)

    def clear(self) -> None:
        """Forget all calls."""
        with self._lock:
            self._counters.clear()

    def __len__(self) -> int:
        """Return the number of stored pairs of caller and class."""
        return len(self._counters)

    def _sweep(self, now: float) -> None:
        if len(self._counters) < self._sweep_at:
            return
        self._counters = {key: counter for key, counter in self._counters.items() if not counter.is_idle(now)}
        self._sweep_at = max(self._MIN_SWEEP, 2 * len(self._counters))


class SlidingLog(CountingPolicy):
    """At most ``limit`` calls in any window, counted exactly: the strictest rule, and the default.

    Example:
        Sandbox(rate_limits=SlidingLog({"withdrawals": 2}, window=1.0))     # the other classes as documented
    """

    name = "sliding_log"
    _counter = SlidingLogCounter


class FixedWindow(CountingPolicy):
    """At most ``limit`` calls from one full minute (or other window) to the next: the simplest rule.

    Example:
        Sandbox(rate_limits=FixedWindow())
    """

    name = "fixed_window"
    _counter = FixedWindowCounter


class SlidingWindowCounter(CountingPolicy):
    """This window's calls, and those of the one before by the share a sliding window covers, are at most ``limit``.

    Example:
        Sandbox(rate_limits=SlidingWindowCounter())
    """

    name = "sliding_window_counter"
    _counter = SlidingWindowCallCounter


class TokenBucket(CountingPolicy):
    """A bucket of ``limit`` tokens, one per call, that refills evenly within a window.

    Example:
        Sandbox(rate_limits=TokenBucket({"status_checks": 5}, window=1.0))
    """

    name = "token_bucket"
    _counter = TokenBucketCounter


class Unlimited:
    """No limits, and no rate-limit headers: for load tests."""

    name: ClassVar[str] = "unlimited"

    def take(self, caller: str, rate_class: RateClass, now: float) -> None:
        """Accept the call without counting it."""

    def standing(self, rate_class: RateClass, now: float) -> None:
        """Return None, because there are no limits."""

    def clear(self) -> None:
        """Do nothing, because nothing is counted."""


COUNTING_POLICIES: Mapping[str, type[CountingPolicy]] = {
    policy.name: policy for policy in (SlidingLog, FixedWindow, SlidingWindowCounter, TokenBucket)
}
"""The policies that take limits and a window, by name."""


def policy_named(
    name: str, limits: Mapping[str, int] | None = None, *, window: float = RATE_LIMIT_WINDOW
) -> RateLimitPolicy:
    """Return the policy with that name. Raises ``ValueError`` for an unknown name or invalid arguments."""
    if name == Unlimited.name:
        return Unlimited()
    if name not in COUNTING_POLICIES:
        raise ValueError(f"There is no policy {name!r}; choose one of: {', '.join(policy_names())}.")
    return COUNTING_POLICIES[name](limits, window=window)


def policy_names() -> tuple[str, ...]:
    """Return the names of all policies."""
    return (*COUNTING_POLICIES, Unlimited.name)
