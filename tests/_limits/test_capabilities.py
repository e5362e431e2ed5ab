"""The optional capabilities of limiters stand in one place, with defaults for a limiter that has none."""

from __future__ import annotations

from typing import Any

from inventpay import Limiter, LocalLimiter, RateClass, RateLimits
from inventpay._limits.capabilities import Capabilities, Estimate, QueueingLimiter, bound, capabilities_of
from tests.support.plain_limiter import Plain


def test_a_plain_limiter_has_the_defaults() -> None:
    """A limiter of a user with the three methods of `Limiter` is complete."""
    plain: Limiter = Plain()
    assert capabilities_of(plain) == Capabilities()
    assert capabilities_of(plain).estimate(RateClass.OTHER, 0.0, background=True) == 0.0
    assert bound(plain, "pk_live_1", "https://api.inventpay.io", RateLimits()) is plain


def test_the_limiter_of_this_process_queues_and_estimates() -> None:
    """It keeps places and knows its next token; it is shared with no other process."""
    limiter = LocalLimiter(RateLimits(other=1))
    queue: QueueingLimiter = limiter
    estimate: Estimate = limiter.estimate
    assert capabilities_of(limiter) == Capabilities(queue=queue, estimate=estimate)


class Shared(Plain):
    """A limiter with every optional attribute."""

    keeps_places = True
    is_shared = True
    lease_timeout = 35.0
    shared_doubts = object()

    def estimate(self, rate_class: RateClass, now: float, *, background: bool = False) -> float:
        """Return a known time."""
        return now + 2.0

    def bind(self, *whose: Any) -> Any:
        """Return what it was asked for."""
        return whose


def test_each_attribute_is_found_by_its_name() -> None:
    """A limiter of another package may offer them too."""
    limiter: Any = Shared()
    found = capabilities_of(limiter)
    assert (found.queue, found.is_shared, found.lease_timeout) == (limiter, True, 35.0)
    assert found.shared_doubts is limiter.shared_doubts
    assert found.estimate(RateClass.OTHER, 1.0) == 3.0
    assert bound(limiter, "k", "u", RateLimits()) == ("k", "u", RateLimits())
    limiter.keeps_places = False
    assert capabilities_of(limiter).queue is None
