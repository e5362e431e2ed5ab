# The source of tests/_sync/test_waiting_after_429.py; after a change run: python tools/generate_sync.py
"""Calls that meet a 429 wait for an attempt or fail at once, whatever headers it carries."""

from __future__ import annotations

import random
from typing import Any

import httpx
import pytest

from inventpay import InventPayError, LocalLimiter, RateLimits, RateLimitTimeoutError, Unlimited
from inventpay._limits import class_limiter
from inventpay._limits.class_limiter import LATENESS
from inventpay._limits.class_limiter import lateness as real_lateness
from tests.support.api import ScriptedAPI, answers, ok, takes
from tests.support.clients import CALLS, read, scripted_async_client
from tests.support.limit_headers import random_headers
from tests.support.plain_limiter import Plain

STARTED = 1_000.0
CALLS_OF_A_RUN = 12


class RandomAPI(ScriptedAPI):
    """An API that takes its time and answers at random: with success, 429, 503 or a lost connection."""

    def __init__(self, rng: random.Random, limit: int) -> None:
        super().__init__()
        self._random = rng
        self._limit = limit
        self.ended_at = self.clock.now
        """When the last attempt ended."""

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.steps = [takes(self._random.choice((0.01, 0.2, 3.0)), self._step())]
        try:
            return super().__call__(request)
        finally:
            self.ended_at = self.clock.now

    def _step(self) -> Any:
        status = self._random.choice((200, 429, 429, 429, 503))
        headers = random_headers(self._random, self._limit)
        if status == 200:
            return ok
        return answers(status, headers=headers)


@pytest.mark.parametrize("seed", range(60))
async def test_no_call_sleeps_without_an_attempt_after_it(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Calls end within ``timeout`` and ``max_wait``; one that fails does so at the end of its last attempt."""
    rng = random.Random(seed)
    monkeypatch.setattr(class_limiter, "lateness", lambda: LATENESS * rng.random())
    limit = rng.choice((1, 3, 10))
    limits = RateLimits(
        withdrawals=limit,
        payment_creation=limit,
        other=limit,
        counting=rng.choice(("unknown", "window")),
        max_burst=rng.choice((None, None, 2)),
    )
    timeout, max_wait = rng.choice((1.0, 10.0, 90.0, 300.0)), rng.choice((0.0, 1.0, 20.0, 70.0, 200.0))
    api = RandomAPI(rng, limit)
    retries = rng.choice((0, 1, 2, 5))
    options: dict[str, Any] = {"timeout": timeout, "max_wait": max_wait, "max_retries": retries}
    async with scripted_async_client(api, limiter=LocalLimiter(limits), jitter=None, **options) as client:
        for _ in range(CALLS_OF_A_RUN):
            began, attempts = api.clock.now, len(api.requests)
            api.ended_at = began
            error: InventPayError | None = None
            try:
                await CALLS[rng.choice(list(CALLS))](client)
            except InventPayError as failure:
                error = failure
            if error is not None:
                assert api.clock.now - api.ended_at <= 0.001, f"slept in vain, then {error}"
                assert error.attempts == len(api.requests) - attempts
            assert api.clock.now - began <= timeout + max_wait + 0.001
            api.clock.advance(rng.choice((0.0, 0.0, 1.0, 30.0, 200.0)))


@pytest.mark.parametrize("lateness", [0.0, 0.5, 1.0])
async def test_a_call_comes_a_little_later_than_asked(lateness: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The call goes at the named moment or up to 5 % later, and the call knows when: the log names the real time."""
    monkeypatch.setattr(class_limiter, "lateness", lambda: LATENESS * lateness)
    api = ScriptedAPI(answers(429, headers={"Retry-After": "20"}), ok)
    async with scripted_async_client(api) as client:
        await read(client)
    assert api.times[1] - STARTED == pytest.approx(20 * (1 + 0.05 * lateness), abs=0.01)


def test_lateness_is_random_and_small() -> None:
    """It lies between 0 and 5 %, and differs from call to call."""
    shares = {real_lateness() for _ in range(50)}
    assert len(shares) > 40
    assert all(0.0 <= share < LATENESS == 0.05 for share in shares)


async def test_lateness_never_leads_beyond_two_windows(monkeypatch: pytest.MonkeyPatch) -> None:
    """A moment at the edge of what is believed stays there: 120 s are waited for, and not 126."""
    monkeypatch.setattr(class_limiter, "lateness", lambda: LATENESS)
    api = ScriptedAPI(answers(429, headers={"Retry-After": "120"}), ok)
    async with scripted_async_client(api, timeout=None) as client:
        await read(client)
    assert api.times[1] - STARTED == pytest.approx(120, abs=0.01)


@pytest.mark.parametrize("limiter", [Plain, Unlimited])
async def test_a_limiter_without_places_is_waited_for_by_the_call_itself(limiter: Any) -> None:
    """The call sleeps for ``Retry-After``, and then asks the limiter again; ``max_wait`` bounds both waits together."""
    api = ScriptedAPI(answers(429, headers={"Retry-After": "20"}), ok)
    async with scripted_async_client(api, limiter=limiter(), jitter=0.0) as client:
        await read(client)
    assert api.times[1] - STARTED == pytest.approx(20, abs=0.01)
    assert api.clock.pauses == [20.0]


async def test_a_limiter_without_places_and_a_wait_that_is_too_long() -> None:
    """A pause beyond ``max_wait``, or beyond ``timeout``, is not begun."""
    for options in ({"max_wait": 10.0}, {"timeout": 10.0}):
        api = ScriptedAPI(answers(429, headers={"Retry-After": "20"}), ok)
        async with scripted_async_client(api, limiter=Plain(), jitter=0.0, **options) as client:
            with pytest.raises(InventPayError) as caught:
                await read(client)
        assert getattr(caught.value, "retry_after", None) == 20.0
        assert api.clock.now == STARTED


async def test_max_wait_holds_for_the_waits_after_429s_together() -> None:
    """Three pauses of 20 s are two too many for 45 s: the third is not begun."""
    api = ScriptedAPI(answers(429, headers={"Retry-After": "20"}))
    async with scripted_async_client(api, max_wait=45.0, timeout=300.0, max_retries=9) as client:
        with pytest.raises(InventPayError) as caught:
            await read(client)
    assert not isinstance(caught.value, RateLimitTimeoutError)
    assert (caught.value.attempts, api.clock.now - STARTED) == (3, pytest.approx(40, abs=0.1))
