# Generated from inventpay/_async/shared_tokens.py by tools/generate_sync.py. Do not edit.
"""Waiting for a token that other processes want too: first come, first served, and known in advance."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from .._concurrency.threads import Backend
    from ..redis.class_limiter import SharedClassLimiter, SharedLease


def acquire(
    limiter: SharedClassLimiter,
    backend: Backend,
    patience: float,
    *,
    max_wait: float | None,
    background: bool = False,
    arrived: float | None = None,
    on_wait: Callable[[float], object] | None = None,
) -> SharedLease:
    """Lease a token, waiting for at most ``max_wait`` seconds; in the background, behind all direct calls.

    The wait is known as soon as Redis has answered, which takes ``patience`` at most: one that would be longer raises
    RateLimitTimeoutError then.
    """
    with limiter.lock:
        lease = limiter.take(backend.now())
        if lease is not None:
            return lease
        waiter = backend.waiter()
        claim = limiter.join(
            waiter,
            backend.now(),
            max_wait=max_wait,
            background=background,
            arrived=arrived,
            is_watched=on_wait is not None,
        )
    try:
        limiter.serve(may_block=backend.may_block)
        while True:
            with limiter.lock:
                turn = limiter.look(claim, backend.now(), patience)
            if turn is not None and not isinstance(turn, (int, float)):
                return turn
            expected, claim.expected = claim.expected, None
            if expected is not None and on_wait is not None:
                on_wait(expected)
            waiter.wait(turn)
    finally:
        with limiter.lock:
            limiter.leave(claim, backend.now())
