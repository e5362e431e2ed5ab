"""Decide whether and when a failed call is retried. Pure: no clock, no sleeping, no randomness."""

from __future__ import annotations

import math
import threading
from typing import Final

from .._api.endpoints import Safety
from .._concurrency.forking import Lock, register_fork_handler
from ..errors import APIConnectionError, APIStatusError, InventPayError, RateLimitedError
from ..options import RetryPolicy

_PASSING_STATUSES: Final = frozenset({500, 502, 503, 504, 520, 521, 522, 523, 524, 527, 530})
"""Server errors that a retry may fix, including those of Cloudflare.

A retry does not help for others: 501, 505, and 525 and 526, which mean that the certificate of the server behind the
proxy is wrong.
"""


class RetryBudget:
    """Retry tokens of one client: retries spend them, successes give them back, so an outage is not multiplied.

    Threads may share it; the lock is held round the arithmetic only.
    """

    __slots__ = ("__weakref__", "_capacity", "_cost", "_credit", "_left", "_lock")

    def __init__(self, policy: RetryPolicy) -> None:
        self._capacity = self._left = policy.budget
        self._cost = policy.retry_cost
        self._credit = policy.success_credit
        self._lock = threading.Lock()
        register_fork_handler(self)

    def __repr__(self) -> str:
        return f"<RetryBudget {self._left} of {self._capacity}>"

    @property
    def left(self) -> int:
        """Tokens that are left."""
        return self._left

    def spend(self) -> bool:
        """Spend a token for one retry; return ``False`` if none is left."""
        with self._lock:
            if self._left < self._cost:
                return False
            self._left -= self._cost
            return True

    def succeed(self) -> None:
        """Give a token back after a successful call."""
        if self._left < self._capacity:
            with self._lock:
                self._left = min(self._capacity, self._left + self._credit)

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the lock in a forked child: another thread may have held it during the fork."""
        self._lock = threading.Lock()


def may_repeat(safety: Safety, error: InventPayError) -> bool:
    """Return whether a retry is safe and may help.

    Calls that move money are retried only if the first attempt certainly had no effect: no connection was made, or
    the answer was a 429 that nothing in its body contradicts.
    """
    if isinstance(error, APIConnectionError):
        return error.outcome == "not_sent" or safety != "once"
    if isinstance(error, RateLimitedError):
        return error.outcome == "refused" or safety != "once"
    if isinstance(error, APIStatusError):
        return error.status in _PASSING_STATUSES and safety != "once"
    return False


def pause(policy: RetryPolicy, attempt: int, retry_after: float | None, jitter: float) -> float:
    """Return the seconds to wait after failed attempt number ``attempt``; ``jitter`` is a random number from 0 to 1.

    >>> pause(RetryPolicy(), attempt=3, retry_after=None, jitter=1.0)
    2.0
    """
    if retry_after is not None:
        # A little later than asked for, and not all at the same moment.
        return retry_after + jitter * policy.initial_delay
    # 2.0**1024 overflows; max_delay is reached long before.
    return jitter * min(policy.max_delay, policy.initial_delay * 2.0 ** min(attempt - 1, 64))


def decide(
    safety: Safety,
    error: InventPayError,
    *,
    attempt: int,
    max_retries: int,
    remaining: float | None,
    policy: RetryPolicy,
    budget: RetryBudget,
    jitter: float,
    longest: float = math.inf,
    is_queued: bool = False,
) -> float | None:
    """Return the seconds to wait before the next attempt, or ``None`` to give up.

    ``remaining`` is what is left of the call's ``timeout``, and ``longest`` the longest pause that the server may ask
    for; a pause beyond either is not begun. ``is_queued``: the limiter keeps the pause after a 429.
    """
    if attempt > max_retries or not may_repeat(safety, error):
        return None
    retry_after = error.retry_after
    if retry_after is not None and retry_after > longest:
        return None
    delay = 0.0 if is_queued else pause(policy, attempt, retry_after, jitter)
    if remaining is not None and delay >= remaining:
        return None
    return delay if budget.spend() else None
