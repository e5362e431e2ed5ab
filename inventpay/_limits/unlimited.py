"""Limiters for tests that mock the API: a mock has no rate limit, so calls must not wait for one."""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlsplit

from .._core.hosts import is_loopback
from ..options import RateClass, RateLimits
from .class_limiter import ClassSnapshot, Lease
from .limiter import PLUGIN

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend
    from .._concurrency.threads import Backend
    from .limiter import Limiter


class _FreeLease:
    """A lease that counts nothing."""

    def answered(self, now: float, status: int, headers: Mapping[str, str]) -> None:
        """Do nothing."""

    def refund(self, now: float) -> None:
        """Do nothing."""

    def abandoned(self, now: float) -> None:
        """Do nothing."""


_FREE: Final = _FreeLease()


class Unlimited:
    """A limiter that never makes a call wait, for tests against mocks.

    >>> from inventpay import InventPay
    >>> client = InventPay("pk_live_1", limiter=Unlimited())
    >>> client.rate_limits[RateClass.WITHDRAWALS].available
    10

    Calls that got a 429 are still retried after its ``Retry-After``. Not for the real API, which would answer 429.
    """

    def __repr__(self) -> str:
        return "<Unlimited>"

    async def acquire_async(
        self, rate_class: RateClass, backend: AsyncBackend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Return a lease at once."""
        return _FREE

    def acquire(
        self, rate_class: RateClass, backend: Backend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Return a lease at once."""
        return _FREE

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Return every class with all of its documented limit free."""
        limits = RateLimits()
        return {
            rate_class: ClassSnapshot(limit=limits.limit(rate_class), available=limits.limit(rate_class), leased=0)
            for rate_class in RateClass
        }


class UnlessMocked:
    """The limiter of a client that was made under pytest: no limit while respx or pytest-httpx is active."""

    keeps_places: Final = True

    def __init__(self, limiter: Any, is_mocked: Callable[[], bool]) -> None:
        self._limiter = limiter
        self._is_mocked = is_mocked

    def __repr__(self) -> str:
        return f"<UnlessMocked {self._limiter!r}>"

    async def acquire_async(self, rate_class: RateClass, backend: AsyncBackend, **options: Any) -> Lease:
        """Lease a token, or nothing while a mock is active."""
        if self._is_mocked():
            return _FREE
        lease: Lease = await self._limiter.acquire_async(rate_class, backend, **options)
        return lease

    def acquire(self, rate_class: RateClass, backend: Backend, **options: Any) -> Lease:
        """Lease a token, or nothing while a mock is active."""
        if self._is_mocked():
            return _FREE
        lease: Lease = self._limiter.acquire(rate_class, backend, **options)
        return lease

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Return the state of every class."""
        snapshot: Mapping[RateClass, ClassSnapshot] = self._limiter.snapshot(now)
        return snapshot


def mock_check(*, base_url: str, transport: Any, http_client: Any) -> Callable[[], bool] | None:
    """Return a function that reports whether a mock answers this client now; ``None`` if none ever does.

    Mocks are ``httpx.MockTransport``, and respx and pytest-httpx as far as the pytest plugin sees them. Patched methods
    alone prove nothing: monitoring patches them in production. A sandbox is no mock, so loopback addresses have none.
    """
    inner = transport if http_client is None else getattr(http_client, "_transport", None)
    if any(kind.__name__ == "MockTransport" and kind.__module__.startswith("httpx") for kind in type(inner).__mro__):
        return _always
    is_mocked: Callable[[], bool] | None = getattr(sys.modules.get(PLUGIN), "is_mocked", None)
    if is_mocked is None or is_loopback(urlsplit(base_url).hostname or ""):
        return None
    if transport == "aiohttp":
        not_mocked = _warn_where_active(is_mocked)
        not_mocked()
        return not_mocked
    return is_mocked


def _warn_where_active(is_mocked: Callable[[], bool]) -> Callable[[], bool]:
    """Return a check for a client that no mock intercepts: it warns once if a mock is active, and returns ``False``."""
    has_warned = False

    def check() -> bool:
        nonlocal has_warned
        if not has_warned and is_mocked():
            has_warned = True
            warnings.warn(
                'respx and pytest-httpx intercept nothing of transport="aiohttp": this client reaches the real API; '
                "leave transport= out in tests",
                stacklevel=4,
            )
        return False

    return check


def for_tests(limiter: Limiter, is_mocked: Callable[[], bool]) -> Limiter:
    """Return a limiter that does not delay calls which a mock answers.

    Only for clients without ``limiter=`` and ``rate_limits=``.
    """
    return Unlimited() if is_mocked is _always else UnlessMocked(limiter, is_mocked)


def _always() -> bool:
    return True
