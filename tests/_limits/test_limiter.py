"""Clients share limits: by default all clients in a process with the same key, URL and limits."""

from __future__ import annotations

import gc
import weakref
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from inventpay import AsyncInventPay, InventPay, RateClass, RateLimits, RateLimitTimeoutError
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._concurrency.threads import Backend
from inventpay._limits import limiter as limiter_module
from inventpay._limits.class_limiter import Lease
from inventpay._limits.limiter import KEPT, Limiter, LocalLimiter, _Registry, shared_limiter
from tests.support.clients import new_key

LIMITS = RateLimits(other=5)


def mock() -> httpx.MockTransport:
    """Return an API that answers every call with success."""
    return httpx.MockTransport(lambda _: httpx.Response(200, json={}))


def test_same_key_url_and_limits_share() -> None:
    """Clients of both kinds, made anywhere in the process, have one limiter when key, URL and limits are equal."""
    key = new_key()
    one, two = InventPay(key, rate_limits=LIMITS), InventPay(key, rate_limits=RateLimits(other=5))
    other = AsyncInventPay(key, rate_limits=LIMITS)
    assert one._limiter is two._limiter is other._limiter
    assert one.with_options(timeout=1.0)._limiter is one._limiter


@pytest.mark.parametrize(
    "options",
    [
        {"api_key": "pk_live_of_somebody_else"},
        {"base_url": "https://elsewhere.example"},
        {"rate_limits": RateLimits(other=6)},
        {"rate_limits": RateLimits(other=5, classes={"GET /v1/merchant/balance": "status_checks"})},
        {"limiter": LocalLimiter(LIMITS)},
    ],
    ids=["key", "URL", "limits", "classes", "limiter"],
)
def test_others_do_not_share(options: dict[str, Any]) -> None:
    """Another key, URL or limit, or a separate limiter, makes a separate budget."""
    usual: dict[str, Any] = {"api_key": "pk_live_of_sharing", "rate_limits": LIMITS}
    assert InventPay(**usual)._limiter is not InventPay(**{**usual, **options})._limiter


def test_sharing_is_of_tokens() -> None:
    """Tokens that one client spent are missing for the other, even after the first was deleted."""
    key = new_key()
    for _ in range(5):
        with InventPay(key, rate_limits=LIMITS, transport=mock()) as client:
            client.request("GET", "/spend")
    with InventPay(key, rate_limits=LIMITS, transport=mock(), max_wait=0.0) as client:
        with pytest.raises(RateLimitTimeoutError) as caught:
            client.request("GET", "/spend")
        assert client.rate_limits[RateClass.OTHER].available == 0
    assert 0 < caught.value.wait <= 2 * LIMITS.window
    assert caught.value.attempts == 0


def test_a_limiter_of_ones_own() -> None:
    """`limiter=` decides which clients share a limit: here clients with different keys."""
    limiter = LocalLimiter(LIMITS)
    with InventPay("pk_live_1", limiter=limiter, transport=mock()) as one:
        one.request("GET", "/spend")
    with InventPay("pk_live_2", limiter=limiter, transport=mock()) as two:
        assert two.rate_limits[RateClass.OTHER].available == 4
    assert repr(limiter).startswith("<LocalLimiter [<ClassLimiter payment_creation <TokenBucket")
    assert LocalLimiter().snapshot(0.0)[RateClass.OTHER].limit == RateLimits().other


async def test_a_limiter_of_another_make() -> None:
    """Any object with the three methods will do; each client calls its own."""
    called: list[str] = []

    class Spent:
        def answered(self, now: float, status: int, headers: Any) -> None:
            called.append(f"answered {status}")

        def refund(self, now: float) -> None:
            called.append("refund")

        def abandoned(self, now: float) -> None:
            called.append("abandoned")

    class Elsewhere:
        async def acquire_async(
            self,
            rate_class: RateClass,
            backend: AsyncBackend,
            *,
            max_wait: float | None = None,
            background: bool = False,
        ) -> Lease:
            called.append(f"async {rate_class}")
            return Spent()

        def acquire(
            self, rate_class: RateClass, backend: Backend, *, max_wait: float | None = None, background: bool = False
        ) -> Lease:
            called.append(f"blocking {rate_class}")
            return Spent()

        def snapshot(self, now: float) -> Any:
            return {}

    limiter: Limiter = Elsewhere()
    async with AsyncInventPay("pk_live_1", limiter=limiter, transport=mock()) as client:
        await client.request("GET", "/one")
    with InventPay("pk_live_1", limiter=limiter, transport=mock()) as blocking:
        blocking.request("GET", "/two")
        assert blocking.rate_limits == {}
    assert called == ["async other", "answered 200", "blocking other", "answered 200"]


def test_the_key_itself_is_not_kept() -> None:
    """The registry stores only fingerprints of keys."""
    shared_limiter("pk_live_fingerprint", "https://localhost", LIMITS)
    assert "pk_live_fingerprint" not in repr(vars(limiter_module._registry))


def test_limiters_of_living_clients_are_never_forgotten() -> None:
    """Beyond `KEPT` limiters the registry deletes unused ones, and still finds those in use."""
    registry = _Registry()
    used = registry.get((b"used", "", LIMITS))
    unused = weakref.ref(registry.get((b"unused", "", LIMITS)))
    recent = weakref.ref(registry.get((b"recent", "", LIMITS)))
    for number in range(KEPT - 1):
        registry.get((str(number).encode(), "", LIMITS))
    registry.get((b"recent", "", LIMITS))
    registry.get((b"last", "", LIMITS))
    gc.collect()
    assert unused() is None
    assert recent() is not None
    assert registry.get((b"used", "", LIMITS)) is used


def test_threads_that_ask_at_once_get_one_limiter() -> None:
    """Concurrent first calls of many threads create one limiter."""
    key = new_key()
    with ThreadPoolExecutor(8) as pool:
        found = {id(limiter) for limiter in pool.map(lambda _: shared_limiter(key, "https://x", LIMITS), range(64))}
    assert len(found) == 1


def test_a_child_does_not_wait_for_a_thread_of_its_parent() -> None:
    """After a fork the registry's lock is free, and it still has its limiters."""
    registry = _Registry()
    known = registry.get((b"known", "", LIMITS))
    registry._lock.acquire()
    registry.after_fork_in_child()
    assert registry.get((b"known", "", LIMITS)) is known
