# The source of inventpay/_sync/tokens.py; after a change run: python tools/generate_sync.py
"""Waiting for a token of one endpoint class: first come, first served, and known in advance."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._limits.class_limiter import Gate, GateLease
from ..errors import RateLimitTimeoutError

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncWaiting


async def acquire(gate: Gate, waiting: AsyncWaiting, *, max_wait: float | None, background: bool = False) -> GateLease:
    """Leases a token, waiting for at most ``max_wait`` seconds; in the background, behind all direct calls.

    The wait is computed before it begins: one that would be longer raises RateLimitTimeoutError at once.
    """
    started = waiting.now()
    with gate.lock:
        lease = gate.try_lease(started)
        if lease is not None:
            return lease
        if max_wait is not None:
            estimate = gate.estimate(started, background=background)
            if estimate > max_wait:
                raise _too_long(gate, estimate, max_wait)
        line, waiter, left = waiting.line(), waiting.waiter(), max_wait
        gate.join(line, waiter, background=background)
        turn = gate.turn(line, waiter, started)
    try:
        while not isinstance(turn, GateLease):
            await waiter.wait(turn, at_most=left)
            now = waiting.now()
            left = None if max_wait is None else max_wait - (now - started)
            with gate.lock:
                turn = gate.turn(line, waiter, now)
                # The estimate assumes that calls in flight are answered at once; slow ones make the wait longer.
                if left is not None and left <= 0 and not isinstance(turn, GateLease):
                    raise _too_long(gate, gate.estimate(now, background=background), max_wait or 0.0)
    except BaseException:
        with gate.lock:
            gate.leave(line, waiter, waiting.now())
        raise
    return turn


def _too_long(gate: Gate, wait: float, max_wait: float) -> RateLimitTimeoutError:
    return RateLimitTimeoutError(
        f"the rate limit of class {gate.rate_class} has no token for another {wait:.2f} s, and this call may wait for "
        f"{max_wait:.2f} s; raise max_wait, or ask less often",
        wait=wait,
    )
