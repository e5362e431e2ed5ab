"""Share token buckets between clients: by default all clients of a process with the same key, URL and limits."""

from __future__ import annotations

import functools
import threading
import weakref
from collections import OrderedDict
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol, TypeAlias

from .._concurrency.forking import Lock, notice_fork, register_fork_handler
from .._core.unpicklable import Unpicklable
from ..options import RateClass, RateLimits
from .class_limiter import ClassLimiter, ClassSnapshot, Lease

if TYPE_CHECKING:
    from .._concurrency.tasks import AsyncBackend
    from .._concurrency.threads import Backend


class Limiter(Protocol):
    """The interface of a limiter. Pass one as ``limiter=`` to choose which clients share a limit.

    One object serves both clients: ``AsyncInventPay`` calls ``acquire_async``, ``InventPay`` calls ``acquire``. The
    limiters of this package can do more, see ``_limits/capabilities.py``.
    """

    async def acquire_async(
        self, rate_class: RateClass, backend: AsyncBackend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Lease a token; a background call waits behind all direct calls.

        Raises RateLimitTimeoutError at once if the wait would exceed ``max_wait`` seconds.
        """
        ...

    def acquire(
        self, rate_class: RateClass, backend: Backend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Lease a token from a thread; see :meth:`acquire_async`."""
        ...

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Return the state of every class."""
        ...


# The waiting shells lie in a higher layer: imported when first used (the named exceptions of import-linter), and once,
# since an import statement in each call costs 3 % of it.
@functools.cache
def _async_shell() -> Callable[..., Awaitable[Lease]]:
    from .._async.tokens import acquire

    return acquire


@functools.cache
def _blocking_shell() -> Callable[..., Lease]:
    from .._sync.tokens import acquire

    return acquire


PLUGIN: Final = "pytest_inventpay"
"""The module of the pytest plugin, which reports whether a mock is active."""


class LocalLimiter(Unpicklable):
    """One token bucket per endpoint class, for this process.

    >>> limiter = LocalLimiter(RateLimits(status_checks=100))
    >>> limiter.snapshot(0.0)[RateClass.STATUS_CHECKS].available
    100
    """

    keeps_places: Final = True
    """Calls that got a 429 wait in the limiter, at the place of their first arrival, until the server accepts one."""

    def __init__(self, limits: RateLimits | None = None) -> None:
        limits = limits or RateLimits()
        self._classes: Final = {rate_class: ClassLimiter(rate_class, limits) for rate_class in RateClass}

    def __repr__(self) -> str:
        return f"<LocalLimiter {list(self._classes.values())!r}>"

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
        """Lease a token of the class."""
        notice_fork()
        return await _async_shell()(
            self._classes[rate_class],
            backend,
            max_wait=max_wait,
            background=background,
            arrived=arrived,
            on_wait=on_wait,
        )

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
        """Lease a token of the class."""
        notice_fork()
        return _blocking_shell()(
            self._classes[rate_class],
            backend,
            max_wait=max_wait,
            background=background,
            arrived=arrived,
            on_wait=on_wait,
        )

    def estimate(self, rate_class: RateClass, now: float, *, background: bool = False) -> float:
        """Return the least seconds until a caller that asks now gets a token."""
        class_limiter = self._classes[rate_class]
        with class_limiter.lock:
            return class_limiter.estimate(now, background=background)

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Return the state of every class."""
        notice_fork()
        return {rate_class: class_limiter.snapshot(now) for rate_class, class_limiter in self._classes.items()}


KEPT: Final = 1024
"""Number of limiters kept after their last client was deleted; limiters of existing clients are always kept."""


class _Registry:
    """The limiters of this process, by fingerprint of the key, URL and limits."""

    def __init__(self) -> None:
        self._alive: weakref.WeakValueDictionary[_Name, LocalLimiter] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[_Name, LocalLimiter] = OrderedDict()
        self._lock = threading.Lock()
        register_fork_handler(self)

    def get(self, name: _Name) -> LocalLimiter:
        """Return the limiter of this name; create it if there is none."""
        notice_fork()
        with self._lock:
            limiter = self._alive.get(name)
            if limiter is None:
                limiter = self._alive[name] = LocalLimiter(name[2])
            self._recent[name] = limiter
            self._recent.move_to_end(name)
            if len(self._recent) > KEPT:
                self._recent.popitem(last=False)
            return limiter

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the lock, which another thread may have held during the fork."""
        self._lock = threading.Lock()


_Name: TypeAlias = tuple[bytes, str, RateLimits]

_registry: Final = _Registry()


def shared_limiter(api_key: str, base_url: str, limits: RateLimits) -> LocalLimiter:
    """Return the limiter of all clients in this process with this key, URL and limits.

    It outlives its clients: a client that is created for each web request must not start with a full bucket.
    """
    import hashlib

    fingerprint = hashlib.blake2b(api_key.encode(), digest_size=16).digest()
    return _registry.get((fingerprint, base_url, limits))
