"""The token bucket of one endpoint class, and the queues of callers that wait for it.

Everything here is safe to use from any thread and event loop; the lock is held during arithmetic, never during a wait.
"""

from __future__ import annotations

import functools
import math
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Mapping
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final, Protocol

from attrs import frozen

from .._concurrency.event_loops import is_dead
from .._concurrency.forking import Lock, register_fork_handler
from .._concurrency.steady_time import monotonic
from .._concurrency.wait_queue import WaitQueue, Waker
from .._core.random_share import random_share
from ..options import RateClass, RateLimits
from .backoff import CREDIBLE_WINDOWS
from .token_bucket import BucketSnapshot, TokenBucket

if TYPE_CHECKING:
    from .._core.rate_limit_headers import ServerView

NOTICEABLE_WAIT: Final = 0.1
"""Shortest wait, in seconds, that is reported when it begins."""

LATENESS: Final = 0.05
"""Largest share of a ``Retry-After`` pause that is added to it at random."""


class Lease(Protocol):
    """A token in use. The first of the three calls ends it; later calls do nothing."""

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """End the lease after response headers arrived: the token is available again one window from now."""
        ...

    def refund(self, now: float) -> None:
        """End the lease of a request of which nothing was written: the token is available again at once."""
        ...

    def abandoned(self, now: float) -> None:
        """End the lease of a request that was written but not answered: it counts for as long as it may arrive."""
        ...


@frozen(kw_only=True)
class ClassSnapshot:
    """The state of one endpoint class at one moment."""

    limit: int
    """Calls in one window."""
    available: int
    """Tokens free right now."""
    leased: int
    """Calls sent and not answered yet."""
    waiting: int = 0
    """Callers waiting for a token."""
    next_token: float = 0.0
    """Seconds until a caller that asks now would get a token."""
    effective_limit: int | None = None
    """Calls in one window at present: lower than ``limit`` after 429s, or when the server names a lower limit.

    ``None`` if the limiter does not report it.
    """


class ReentrantLock(Lock, AbstractContextManager[bool, None], Protocol):
    """A reentrant lock."""


class ClassLimiter:
    """The bucket of one endpoint class, and a queue of waiters for every event loop and for all threads."""

    def __init__(self, rate_class: RateClass, limits: RateLimits) -> None:
        self.rate_class = rate_class
        # Reentrant: the garbage collector may end a forgotten lease at any allocation, also while this thread holds
        # the lock.
        self.lock: ReentrantLock = threading.RLock()
        self._bucket = TokenBucket(
            limits.limit(rate_class), limits.window, counting=limits.counting, max_burst=limits.max_burst
        )
        self._queues: dict[Hashable, WaitQueue] = {}
        self._generation = 0
        # The generations of the leases that the garbage collector found.
        self._dropped: deque[int] = deque()
        register_fork_handler(self)

    def __repr__(self) -> str:
        return f"<ClassLimiter {self.rate_class} {self._bucket!r}, {self.waiting} waiting>"

    @property
    def waiting(self) -> int:
        """Callers waiting for a token."""
        return sum(map(len, self._queues.values()))

    def try_lease(self, now: float) -> ClassLease | None:
        """Return a lease if a token is free and no caller waits for it. Call with the lock held."""
        if self._dropped:
            self._end_dropped(now)
        if self._queues or not self._bucket.lease(now):
            return None
        return ClassLease(self, self._generation)

    def estimate(self, now: float, *, background: bool = False, arrived: float | None = None) -> float:
        """Return the least seconds until a caller that joins now gets a token. Call with the lock held."""
        self._forget_dead_queues()
        if arrived is None:
            ahead = self.waiting if background else sum(queue.direct for queue in self._queues.values())
        else:
            ahead = sum(queue.ahead_of(arrived, background=background) for queue in self._queues.values())
        return self._bucket.wait(now, ahead=ahead)

    def join(self, queue: Hashable, waiter: Waker, *, background: bool = False, arrived: float | None = None) -> None:
        """Put a waiter into its queue, at the place of its arrival. Call with the lock held."""
        if queue not in self._queues:
            self._forget_dead_queues()
            self._queues[queue] = WaitQueue()
        self._queues[queue].join(waiter, background=background, arrived=math.inf if arrived is None else arrived)

    def _forget_dead_queues(self) -> None:
        """Remove the queues of closed event loops: their waiters never run again."""
        for queue in [queue for queue in self._queues if is_dead(queue)]:
            del self._queues[queue]

    def turn(self, queue: Hashable, waiter: Waker, now: float) -> ClassLease | float | None:
        """Return a lease, the seconds to sleep before the next call, or ``None`` to sleep until woken.

        A waiter that gets a lease has left its queue. Only the head of a queue sleeps for a time; the others are woken
        when their turn comes. Call with the lock held.
        """
        waiters = self._queues[queue]
        if waiters.head() is not waiter:
            return None
        if self._dropped:
            self._end_dropped(now)
        if self._bucket.lease(now):
            waiters.served(waiter)
            lease = ClassLease(self, self._generation)
            self.leave(queue, waiter)
            return lease
        ready = self._bucket.ready_at(now)
        return None if ready is None else max(0.0, ready - now)

    def leave(self, queue: Hashable, waiter: Waker) -> None:
        """Take a waiter out of its queue and wake the new head. Call with the lock held."""
        waiters = self._queues.get(queue)
        if waiters is None or waiter not in waiters:
            return  # it left with its lease, or was removed after a fork
        waiters.leave(waiter)
        if waiters:
            waiters.head().wake()
        else:
            del self._queues[queue]

    def answered(self, generation: int, now: float, status: int, headers: Mapping[str, str]) -> None:
        """End a lease of this generation whose response arrived."""
        with self.lock:
            if generation != self._generation:
                return  # leased by the parent process, which counts it
            self._bucket.answered(now)
            if headers or status == 429:
                self._learn(now, status, headers)
            self._wake_heads()

    def refund(self, generation: int, now: float) -> None:
        """End a lease of which nothing was written."""
        with self.lock:
            if generation == self._generation:
                self._bucket.refund(now)
                self._wake_heads()

    def abandoned(self, generation: int, now: float) -> None:
        """End a lease whose request was written and not answered."""
        with self.lock:
            if generation == self._generation:
                self._bucket.abandoned(now)
                self._wake_heads()

    def drop(self, generation: int) -> None:
        """Record a lease that was garbage-collected; it ends later, because the bucket may be in use right now."""
        self._dropped.append(generation)
        with self.lock:
            self._wake_heads()

    def _end_dropped(self, now: float) -> None:
        while self._dropped:
            if self._dropped.popleft() == self._generation:
                self._bucket.abandoned(now)

    def _learn(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        view = _header_reader()(headers, wall_now=time.time(), window=self._bucket.window) if headers else None
        if view is not None:
            self._bucket.observe(now, limit=view.limit, remaining=view.remaining, reset_in=view.reset_in)
        if status == 429:
            self._bucket.refused(now, None if view is None else pause_of(view, self._bucket.window))

    def _wake_heads(self) -> None:
        # Every end of a lease may change the time of the next token. Measured with 100 waiting tasks: to set the timers
        # of heads instead saves 48 of 349 microseconds a grant, which is 0.02 % of a core at 300 grants a minute.
        for queue, waiters in list(self._queues.items()):
            if not waiters.head().wake():
                # Its event loop has ended, so its waiters never run again.
                self._queues.pop(queue, None)

    def snapshot(self, now: float) -> ClassSnapshot:
        """Return the state of the class."""
        with self.lock:
            self._end_dropped(now)
            bucket: BucketSnapshot = self._bucket.snapshot(now)
            next_token = self.estimate(now)
            return ClassSnapshot(
                limit=bucket.limit,
                available=bucket.available,
                leased=bucket.leased,
                waiting=self.waiting,
                next_token=next_token,
                effective_limit=bucket.effective_limit,
            )

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self.lock

    def after_fork_in_child(self) -> None:
        """Reset the state in a forked child.

        The waiters and the calls in flight belong to the parent. A lock that another thread held during the fork would
        never be released here.
        """
        self.lock = threading.RLock()
        self._queues.clear()
        self._generation += 1
        self._dropped.clear()
        now = monotonic()
        for _ in range(self._bucket.snapshot(now).leased):
            self._bucket.answered(now)


@functools.cache
def _header_reader() -> Callable[..., ServerView | None]:
    # Imported late, and looked up once: creating a client does not need it.
    from .._core.rate_limit_headers import read

    return read


def lateness() -> float:
    """Return a random share of at most ``LATENESS``."""
    return LATENESS * random_share()


def pause_of(view: ServerView, window: float) -> float | None:
    """Return the seconds after which one call may follow a 429; ``None`` if no response header names a credible time.

    Up to 5 % are added at random, because other clients wait for the same moment.
    """
    longest = CREDIBLE_WINDOWS * window
    for seconds in (view.retry_after, view.reset_in if not view.remaining else None):
        if seconds is not None and 0.0 < seconds <= longest:
            return min(seconds * (1.0 + lateness()), longest)
    return None


class ClassLease:
    """A token of a limiter in use; see :class:`Lease`."""

    __slots__ = ("_generation", "_limiter")

    def __init__(self, limiter: ClassLimiter, generation: int) -> None:
        self._limiter: ClassLimiter | None = limiter
        self._generation = generation

    def __del__(self) -> None:
        # KeyboardInterrupt may be raised anywhere, and not every `finally` of a coroutine that is destroyed with its
        # event loop runs.
        if self._limiter is not None:
            self._limiter.drop(self._generation)

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """End the lease after response headers arrived."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.answered(self._generation, now, status, headers)

    def refund(self, now: float) -> None:
        """End the lease of a request of which nothing was written."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.refund(self._generation, now)

    def abandoned(self, now: float) -> None:
        """End the lease of a request that was written but not answered."""
        limiter, self._limiter = self._limiter, None
        if limiter is not None:
            limiter.abandoned(self._generation, now)
