"""A limiter as a user writes one: without places, and without an ear for headers."""

from __future__ import annotations

from typing import Any

from inventpay import LocalLimiter, RateClass, RateLimits


class Plain:
    """A limiter of the user's, which knows nothing of places and 429s."""

    def __init__(self) -> None:
        self.inner = LocalLimiter(RateLimits(other=2))
        self.asked: list[float | None] = []

    async def acquire_async(
        self, rate_class: RateClass, backend: Any, *, max_wait: float | None = None, background: bool = False
    ) -> Any:
        """Lease a token of a limiter that learns nothing."""
        self.asked.append(max_wait)
        return Deaf(await self.inner.acquire_async(rate_class, backend, max_wait=max_wait, background=background))

    def acquire(
        self, rate_class: RateClass, backend: Any, *, max_wait: float | None = None, background: bool = False
    ) -> Any:
        """Lease a token of a limiter that learns nothing."""
        self.asked.append(max_wait)
        return Deaf(self.inner.acquire(rate_class, backend, max_wait=max_wait, background=background))

    def snapshot(self, now: float) -> Any:
        """Return how each class stands."""
        return self.inner.snapshot(now)


class Deaf:
    """A lease that keeps headers and statuses to itself."""

    def __init__(self, lease: Any) -> None:
        self._lease = lease

    def answered(self, now: float, status: int, headers: Any) -> None:
        """Report a success without headers."""
        self._lease.answered(now, 200, {})

    def refund(self, now: float) -> None:
        """Give the token back."""
        self._lease.refund(now)

    def abandoned(self, now: float) -> None:
        """Count the token until it can have arrived."""
        self._lease.abandoned(now)
