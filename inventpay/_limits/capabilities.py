"""The optional capabilities of limiters.

A limiter needs the three methods of :class:`~inventpay.Limiter` only. Those of this package offer more, as attributes
of the names below; this module is the only one that looks for them.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Protocol

from attrs import frozen

from ..options import RateClass, RateLimits
from .class_limiter import Lease
from .limiter import Limiter

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend
    from .._concurrency.threads import Backend
    from .shared_doubts import SharedDoubts


class QueueingLimiter(Protocol):
    """A limiter that keeps the place of a call that got a 429, and reports waits.

    ``arrived`` is the time at which such a call first asked for a token; ``on_wait`` is called with the expected
    seconds when a noticeable wait begins.
    """

    keeps_places: bool
    """Whether calls that got a 429 wait in the limiter, at the place of their arrival, until the server accepts one."""

    async def acquire_async(
        self,
        rate_class: RateClass,
        backend: AsyncBackend,
        *,
        max_wait: float | None = None,
        background: bool = False,
        arrived: float | None = None,
        on_wait: Callable[[float], object] | None = None,
    ) -> Lease:
        """Lease a token; see :meth:`Limiter.acquire_async`."""
        ...

    def acquire(
        self,
        rate_class: RateClass,
        backend: Backend,
        *,
        max_wait: float | None = None,
        background: bool = False,
        arrived: float | None = None,
        on_wait: Callable[[float], object] | None = None,
    ) -> Lease:
        """Lease a token from a thread."""
        ...


class Estimate(Protocol):
    """The method ``estimate`` of a limiter."""

    def __call__(self, rate_class: RateClass, now: float, /, *, background: bool = False) -> float:
        """Return the least seconds until a caller that asks now gets a token."""
        ...


def no_estimate(rate_class: RateClass, now: float, /, *, background: bool = False) -> float:
    """Return 0: of this limiter it is not known when the next token is free."""
    return 0.0


@frozen(kw_only=True)
class Capabilities:
    """The optional attributes of a limiter, with the defaults for a limiter that has none of them."""

    queue: QueueingLimiter | None = None
    """The limiter itself where ``keeps_places`` is true. Without places, a call sleeps after a 429 and asks again."""
    is_shared: bool = False
    """Whether other processes spend the same tokens, so that an idle part of the limit is idle everywhere."""
    lease_timeout: float | None = None
    """Seconds after which an unreported lease counts as spent; ``None`` where it is kept until it is reported."""
    shared_doubts: SharedDoubts | None = None
    """The doubts about idempotency keys that the processes with this limiter share."""
    estimate: Estimate = no_estimate
    """Least seconds until the next token."""


def capabilities_of(limiter: Limiter) -> Capabilities:
    """Return the capabilities of a limiter."""
    held: Any = limiter
    return Capabilities(
        queue=held if getattr(limiter, "keeps_places", False) else None,
        is_shared=getattr(limiter, "is_shared", False),
        lease_timeout=getattr(limiter, "lease_timeout", None),
        shared_doubts=getattr(limiter, "shared_doubts", None),
        estimate=getattr(limiter, "estimate", no_estimate),
    )


def bound(limiter: Limiter, api_key: str, base_url: str, limits: RateLimits) -> Limiter:
    """Return the limiter that a client uses: the result of ``bind(api_key, base_url, limits)`` if it has that method.

    A limiter with ``bind`` keeps separate limits for each API key.
    """
    bind: Callable[[str, str, RateLimits], Limiter] | None = getattr(limiter, "bind", None)
    return limiter if bind is None else bind(api_key, base_url, limits)
