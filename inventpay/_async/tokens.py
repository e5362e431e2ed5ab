# The source of inventpay/_sync/tokens.py; after a change run: python tools/generate_sync.py
"""Waiting for a token of one endpoint class: first come, first served, and known in advance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from .._limits.class_limiter import NOTICEABLE_WAIT, ClassLease, ClassLimiter
from ..errors import RateLimitTimeoutError

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend


async def acquire(
    limiter: ClassLimiter,
    backend: AsyncBackend,
    *,
    max_wait: float | None,
    background: bool = False,
    arrived: float | None = None,
    on_wait: Callable[[float], object] | None = None,
) -> ClassLease:
    """Lease a token, waiting for at most ``max_wait`` seconds; in the background, behind all direct calls.

    A call that asks again after a 429 passes the time of its arrival and keeps its place. ``on_wait`` is called with
    the expected seconds when a wait begins.

    The wait is computed before it begins: one that would be longer raises RateLimitTimeoutError at once.
    """
    started = backend.now()
    with limiter.lock:
        lease = limiter.try_lease(started)
        if lease is not None:
            return lease
        estimate = 0.0
        if max_wait is not None or on_wait is not None:
            estimate = limiter.estimate(started, background=background, arrived=arrived)
            if max_wait is not None and estimate > max_wait:
                raise _too_long(limiter, estimate, max_wait)
        queue, waiter, left = backend.queue(), backend.waiter(), max_wait
        limiter.join(queue, waiter, background=background, arrived=arrived)
        turn = limiter.turn(queue, waiter, started)
    try:
        if on_wait is not None and estimate >= NOTICEABLE_WAIT:
            on_wait(estimate)
        while not isinstance(turn, ClassLease):
            await waiter.wait(turn, at_most=left)
            now = backend.now()
            left = None if max_wait is None else max_wait - (now - started)
            with limiter.lock:
                turn = limiter.turn(queue, waiter, now)
                # The estimate assumes that calls in flight are answered at once; slow ones make the wait longer.
                if left is not None and left <= 0 and not isinstance(turn, ClassLease):
                    raise _too_long(limiter, limiter.estimate(now, background=background), max_wait or 0.0)
    except BaseException:
        with limiter.lock:
            limiter.leave(queue, waiter)
        raise
    return turn


def _too_long(limiter: ClassLimiter, wait: float, max_wait: float) -> RateLimitTimeoutError:
    return RateLimitTimeoutError(
        f"the rate limit of class {limiter.rate_class} has no token for another {wait:.2f} s, and this call may wait "
        f"for {max_wait:.2f} s; raise max_wait, or ask less often",
        wait=wait,
    )
