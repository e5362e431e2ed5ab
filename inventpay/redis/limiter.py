"""A limiter that many processes and hosts share, and their doubts about idempotency keys."""

from __future__ import annotations

import hashlib
import itertools
import secrets
import weakref
from collections import OrderedDict
from collections.abc import Callable, Mapping
from datetime import timedelta
from types import TracebackType
from typing import TYPE_CHECKING, Final, Literal, Self, TypeAlias, get_args

from .._async.shared_tokens import acquire as acquire_async
from .._concurrency.event_loops import current_loop
from .._concurrency.forking import Lock, notice_fork, register_fork_handler
from .._concurrency.steady_time import monotonic
from .._concurrency.threads import Waiter
from .._core.json_values import shown
from .._core.unpicklable import Unpicklable
from .._limits.class_limiter import ClassSnapshot, Lease
from .._limits.token_bucket import GRACE, MARGIN
from .._sync.shared_tokens import acquire
from ..errors import ConfigurationError
from ..options import ATTEMPT_TIMEOUT, RateClass, RateLimits
from .address import Address, read_address
from .class_limiter import SharedClassLimiter
from .doubts import RedisDoubts
from .exchange import LimitConfig
from .options import above_zero, checked_prefix
from .worker import OnOutage, RedisWorker

if TYPE_CHECKING:
    import redis

    from .._concurrency.tasks import AsyncBackend
    from .._concurrency.threads import Backend

TIMEOUT: Final = 1.0
"""Seconds for one request to Redis. It answers in a millisecond; writing a snapshot may stop it for 100 ms."""

LEASE_TIMEOUT: Final = ATTEMPT_TIMEOUT + GRACE
"""Seconds for which a lease is kept without a report: the longest attempt, and the time for a request to arrive."""

KEPT: Final = 1024
"""Number of budgets kept after their last client was deleted; budgets of existing clients are always kept."""

_Name: TypeAlias = tuple[str, RateLimits]


class RedisLimiter(Unpicklable):
    """One limit for all processes and hosts that reach the same Redis or Valkey.

    >>> from inventpay import AsyncInventPay
    >>> from inventpay.redis import RedisLimiter
    >>> async with AsyncInventPay(limiter=RedisLimiter("redis://localhost:6379")) as client:
    ...     print(await client.balances.get("BTC"))

    Make one per process and pass it to all clients, of both kinds: clients with the same key, URL and window share
    their limits, others do not. Redis gets no key, only its fingerprint. Needs the extra ``redis``.

    The processes also share which idempotency keys are in doubt, for 24 hours: a withdrawal under a key of your own
    choice that another process may have sent raises UnsettledError before anything is sent, and "refused" under such a
    key holds for all of them.

    - ``address``: ``redis://``, ``rediss://``, ``unix://``, ``redis+sentinel://host:26379,host2:26379/mymaster/0`` or
      ``redis+cluster://``; ``valkey`` may stand for ``redis``. Or a ``redis.Redis`` that stays yours to close.
    - ``on_outage``: while Redis is unreachable, ``"share"`` lets every process use its part of the limits, and
      ``"error"`` raises LimiterUnavailableError in calls. Both log a warning.
    - ``processes``: number of processes that divide the limits then; by default those of the last ten minutes.
    - ``timeout``: seconds for one request to Redis.
    - ``lease_timeout``: seconds after which the tokens in use by a process that died count as spent. It must exceed the
      longest ``attempt_timeout`` of the clients.
    - ``prefix``: first part of the names of keys.

    Tokens are granted in batches, and processes take turns: none starves. All times refer to Redis' clock; the clocks
    of the hosts do not matter. While Redis is unreachable, calls go on with the doubts that their process knows.
    ``docs/redis.md`` describes the behaviour in an outage.

    Raises ConfigurationError for an invalid address, for options out of bounds, and if redis-py is missing.
    """

    def __init__(
        self,
        address: str | redis.Redis | redis.RedisCluster,
        *,
        on_outage: Literal["share", "error"] = "share",
        processes: int | None = None,
        timeout: float | timedelta = TIMEOUT,
        lease_timeout: float | timedelta = LEASE_TIMEOUT,
        prefix: str = "inventpay",
    ) -> None:
        if on_outage not in get_args(OnOutage):
            raise ConfigurationError(f'on_outage={shown(on_outage)} must be "share" or "error"')
        if processes is not None and (isinstance(processes, bool) or not isinstance(processes, int) or processes < 1):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"processes={shown(processes)} must be a whole number of at least 1")
        self._address = read_address(address)
        self._prefix = checked_prefix(prefix)
        self._lease_timeout = above_zero(lease_timeout, "lease_timeout")
        self._worker = RedisWorker(
            self._address, timeout=above_zero(timeout, "timeout"), on_outage=on_outage, processes=processes
        )
        self._process = secrets.token_hex(6)
        self._numbers = itertools.count()
        self.shared_doubts: Final = RedisDoubts(self._prefix, self._process, self._worker.timeout, self._worker)
        """The doubts about idempotency keys, for the clients of this limiter."""
        self._alive: weakref.WeakValueDictionary[_Name, _Budget] = weakref.WeakValueDictionary()
        self._recent: OrderedDict[_Name, _Budget] = OrderedDict()
        register_fork_handler(self)

    def __repr__(self) -> str:
        return f"<RedisLimiter {self._address.label}>"

    @property
    def lease_timeout(self) -> float:
        """Seconds after which a token in use by a process that died counts as spent."""
        return self._lease_timeout

    def bind(self, api_key: str, base_url: str, limits: RateLimits | None = None) -> _Budget:
        """Return the limiter of one key; a client calls this on its ``limiter=``.

        >>> limiter = RedisLimiter("redis://localhost:6379").bind("pk_live_1", "https://api.inventpay.io")
        >>> limiter
        <RedisLimiter redis://localhost:6379 for a6e1aa45c3f7>
        """
        limits = limits or RateLimits()
        # Keys are long and random, so the key cannot be computed from the fingerprint.
        fingerprint = hashlib.blake2b(
            f"{api_key}\0{base_url}".encode(), digest_size=16, person=b"inventpay redis"
        ).hexdigest()
        name = (fingerprint, limits)
        notice_fork()
        with self._worker.lock:
            budget = self._alive.get(name)
            if budget is None:
                budget = self._alive[name] = _Budget(self, fingerprint, limits)
            self._recent[name] = budget
            self._recent.move_to_end(name)
            if len(self._recent) > KEPT:
                self._recent.popitem(last=False)
            return budget

    async def acquire_async(
        self, rate_class: RateClass, backend: AsyncBackend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Raise ConfigurationError: limits belong to a key. The result of ``bind`` leases tokens."""
        raise _not_bound()

    def acquire(
        self, rate_class: RateClass, backend: Backend, *, max_wait: float | None = None, background: bool = False
    ) -> Lease:
        """Raise ConfigurationError: limits belong to a key. The result of ``bind`` leases tokens."""
        raise _not_bound()

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Raise ConfigurationError: limits belong to a key. The result of ``bind`` has a snapshot."""
        raise _not_bound()

    def close(self) -> None:
        """Report the last calls to Redis and close the connection. A later call opens a new one.

        Not needed at the end of a program: the reports are sent then without it.
        """
        notice_fork()
        self._worker.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def new_class_limiter(self, fingerprint: str, rate_class: RateClass, limits: RateLimits) -> SharedClassLimiter:
        """Return a new limiter for one class of one key."""
        # The braces are a hash tag: in a cluster all classes of a key are on one node.
        key = f"{self._prefix}:limit:{{{fingerprint}}}:{rate_class}:{limits.window:g}"
        return SharedClassLimiter(key, rate_class, limits, self._config(rate_class, limits), self._worker)

    def _config(self, rate_class: RateClass, limits: RateLimits) -> LimitConfig:
        return LimitConfig(
            # Two budgets that differ only in a limit share their state in Redis, so each needs its own name.
            process=f"{self._process}.{next(self._numbers)}",
            limit=limits.limit(rate_class),
            window=limits.window,
            span=limits.window * (1.0 + MARGIN),
            counting=limits.counting,
            burst=limits.max_burst,
            patience=self._lease_timeout,
        )

    @property
    def address(self) -> Address:
        """The address of Redis."""
        return self._address

    @property
    def worker(self) -> RedisWorker:
        """The threads that send requests to Redis."""
        return self._worker

    def fork_lock(self) -> Lock:
        """Return the lock that a fork must acquire."""
        return self._worker.lock

    def after_fork_in_child(self) -> None:
        """Reset the state in a forked child, which needs its own name, leases and connection."""
        self._worker.after_fork_in_child()
        self._process = secrets.token_hex(6)
        self.shared_doubts.after_fork_in_child(self._process)
        for budget in list(self._alive.values()):
            for rate_class, class_limiter in budget.classes.items():
                class_limiter.after_fork_in_child(self._config(rate_class, budget.limits))


class _Budget:
    """The limits of one key: a :class:`inventpay.Limiter`."""

    keeps_places: Final = True
    """Calls that got a 429 wait in the limiter, at the place of their first arrival, until the server accepts one."""

    is_shared: Final = True
    """Other processes spend the same tokens, so an idle part of the limit is idle everywhere."""

    def __init__(self, limiter: RedisLimiter, fingerprint: str, limits: RateLimits) -> None:
        self._limiter: Final = limiter
        self._fingerprint: Final = fingerprint
        self.limits: Final = limits
        self.shared_doubts: Final = limiter.shared_doubts
        """The doubts about idempotency keys; their names tell the keys of accounts apart."""
        self.classes: Final = {
            rate_class: limiter.new_class_limiter(fingerprint, rate_class, limits) for rate_class in RateClass
        }

    def __repr__(self) -> str:
        return f"{repr(self._limiter)[:-1]} for {self._fingerprint[:12]}>"

    @property
    def lease_timeout(self) -> float:
        """Seconds after which a token in use by a process that died counts as spent."""
        return self._limiter.lease_timeout

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
        class_limiter, patience = self.classes[rate_class], self._limiter.worker.timeout
        return await acquire_async(
            class_limiter,
            backend,
            patience,
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
        class_limiter, patience = self.classes[rate_class], self._limiter.worker.timeout
        return acquire(
            class_limiter,
            backend,
            patience,
            max_wait=max_wait,
            background=background,
            arrived=arrived,
            on_wait=on_wait,
        )

    def snapshot(self, now: float) -> Mapping[RateClass, ClassSnapshot]:
        """Return the state of every class: as of now in threads; as of the last request in an event loop."""
        notice_fork()
        if current_loop() is None:
            self._refresh()
        with self._limiter.worker.lock:
            return {rate_class: class_limiter.snapshot(now) for rate_class, class_limiter in self.classes.items()}

    def _refresh(self) -> None:
        waiter = Waiter()
        worker = self._limiter.worker
        with worker.lock:
            asked = [class_limiter for class_limiter in self.classes.values() if class_limiter.refresh(waiter)]
        deadline = monotonic() + worker.timeout
        while any(class_limiter.is_watched for class_limiter in asked) and (left := deadline - monotonic()) > 0:
            waiter.wait(left)


def _not_bound() -> ConfigurationError:
    return ConfigurationError(
        "a RedisLimiter keeps separate limits for each API key, and this call has no key: pass the limiter to a client "
        "as limiter=, or use the result of its bind()"
    )
