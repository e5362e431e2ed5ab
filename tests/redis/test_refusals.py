"""429s under a shared limit: the server's moment is a token for one call, for clients of either kind."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import httpx
import pytest

from inventpay import (
    AsyncInventPay,
    CallFinished,
    InventPay,
    RateLimitedError,
    RateLimits,
    RateLimitTimeoutError,
    TokenAwaited,
)
from inventpay.redis import RedisLimiter
from tests.support.clients import new_key
from tests.support.redis_servers import RedisServer

LIMITS = RateLimits(other=3, window=2.0, counting="window")
REFUSED = {"success": False, "error": "Too many requests", "statusCode": 429}
URL = "https://api.example.com"

HEADERS: dict[str, dict[str, str]] = {
    "Retry-After": {"Retry-After": "1"},
    "X-RateLimit": {"X-RateLimit-Limit": "3", "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "1"},
    "RateLimit": {"RateLimit": '"default";r=0;t=1', "RateLimit-Policy": '"default";q=3;w=2'},
    "both": {"Retry-After": "1", "RateLimit-Limit": "3", "RateLimit-Remaining": "0", "RateLimit-Reset": "1"},
}


class API:
    """Refuses some requests with these headers, and accepts the others."""

    def __init__(self, refused: set[int], headers: dict[str, str]) -> None:
        self._refused = refused
        self._headers = headers
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.times.append(time.monotonic())
        if len(self.times) in self._refused:
            return httpx.Response(429, headers=self._headers, json=REFUSED)
        return httpx.Response(200, json={"success": True, "data": {}})


Ask = Callable[[], object]


@contextmanager
def asking(kind: str, api: API, limiter: RedisLimiter, *, key: str | None = None, **options: Any) -> Iterator[Ask]:
    """Yield a function that makes one call with a client of this kind."""
    options = {"base_url": URL, "transport": httpx.MockTransport(api), "rate_limits": LIMITS, **options}
    options |= {"limiter": limiter, "coalesce": False, "api_key": key or new_key()}
    if kind == "blocking":
        with InventPay(**options) as client:
            yield lambda: client.request("GET", "/anything")
    else:
        with asyncio.Runner() as runner:
            tasks = AsyncInventPay(**options)
            yield lambda: runner.run(tasks.request("GET", "/anything"))
            runner.run(tasks.aclose())


KINDS = pytest.mark.parametrize("kind", ["blocking", "async"])


@KINDS
@pytest.mark.parametrize("headers", HEADERS)
def test_the_servers_moment_is_waited_for(redis_only: RedisServer, prefix: str, kind: str, headers: str) -> None:
    """The call that was refused goes at that moment, although all of its own tokens are spent for longer."""
    api = API({3}, HEADERS[headers])
    events: list[Any] = []
    with (
        RedisLimiter(redis_only.url, prefix=prefix) as limiter,
        asking(kind, api, limiter, hooks=[events.append]) as ask,
    ):
        for _ in range(3):
            ask()
    waited = api.times[3] - api.times[2]
    assert 1.0 <= waited < 1.6
    awaited = [event.expected for event in events if isinstance(event, TokenAwaited)]
    # A limiter that is new to Redis gets its reply after a quarter of a second; then it names the remaining time.
    assert awaited == [pytest.approx(1.0, abs=0.35)]
    assert sum(isinstance(event, CallFinished) for event in events) == 3


@KINDS
def test_a_moment_beyond_max_wait_fails_at_once(redis_only: RedisServer, prefix: str, kind: str) -> None:
    """Nothing is slept for, and the error names the pause."""
    api = API({1}, {"Retry-After": "3"})
    with RedisLimiter(redis_only.url, prefix=prefix) as limiter, asking(kind, api, limiter, max_wait=1.0) as ask:
        began = time.monotonic()
        with pytest.raises(RateLimitedError) as caught:
            ask()
        assert time.monotonic() - began < 0.9
    assert caught.value.retry_after == 3.0
    assert len(api.times) == 1


@KINDS
def test_another_process_waits_too(redis_only: RedisServer, prefix: str, kind: str) -> None:
    """A process that was not refused sends nothing before the moment that another one was named."""
    api = API({1}, {"Retry-After": "1"})
    key = new_key()
    with (
        RedisLimiter(redis_only.url, prefix=prefix) as one,
        RedisLimiter(redis_only.url, prefix=prefix) as two,
        asking(kind, api, one, key=key, max_retries=0) as refused,
        asking(kind, api, two, key=key, max_wait=0.2) as other,
    ):
        with pytest.raises(RateLimitedError):
            refused()
        one.worker.flush()
        with pytest.raises(RateLimitTimeoutError):
            other()
    assert len(api.times) == 1
