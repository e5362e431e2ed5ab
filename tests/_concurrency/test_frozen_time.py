"""Clients under freezegun and time-machine: limits, deadlines and pauses go on in real time."""

from __future__ import annotations

import datetime as dt
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import httpx
import pytest

from inventpay import APITimeoutError, AsyncInventPay, InventPay, RateClass, RateLimits, RetryPolicy
from inventpay._concurrency import steady_time
from inventpay._limits.limiter import LocalLimiter
from inventpay.redis import RedisLimiter
from tests.support.clients import new_key
from tests.support.raw_server import RawServer, never_answers
from tests.support.redis_servers import redis_server

freezegun = pytest.importorskip("freezegun")
time_machine = pytest.importorskip("time_machine")

START = dt.datetime(2024, 1, 31, 12, 0, tzinfo=dt.UTC)
LIMITS = RateLimits(other=2, window=0.3, counting="window")
OTHER = RateClass.OTHER
URL = "https://api.example.com"
Freeze = Callable[[], AbstractContextManager[Any]]

FREEZERS = [
    pytest.param(lambda: freezegun.freeze_time(START), id="freezegun"),
    pytest.param(lambda: freezegun.freeze_time(START, tick=True), id="freezegun-ticking"),
    pytest.param(lambda: freezegun.freeze_time(START, auto_tick_seconds=100), id="freezegun-jumping"),
    pytest.param(lambda: time_machine.travel(START, tick=False), id="time-machine"),
    pytest.param(lambda: time_machine.travel(START, tick=True), id="time-machine-ticking"),
]


def answer(request: httpx.Request) -> httpx.Response:
    """Answer any call."""
    return httpx.Response(200, json={"success": True, "data": {}})


def options(limiter: Any = None) -> dict[str, Any]:
    """Return the options of a client whose limit is two calls in 0.3 seconds."""
    limits = {"limiter": LocalLimiter(LIMITS)} if limiter is None else {"limiter": limiter, "rate_limits": LIMITS}
    return {"base_url": URL, "transport": httpx.MockTransport(answer), "coalesce": False, **limits}


@pytest.mark.parametrize("freeze", FREEZERS)
def test_tokens_come_back_in_frozen_time(freeze: Freeze) -> None:
    """Five calls of a limit of two take two windows of real time, inside of a freeze as outside."""
    with InventPay(new_key(), **options()) as client, freeze():
        began = steady_time.monotonic()
        for _ in range(5):
            client.request("GET", "/anything")
        assert 0.6 <= steady_time.monotonic() - began < 3.0


@pytest.mark.parametrize("freeze", FREEZERS)
def test_one_frozen_call_harms_none_that_follow(freeze: Freeze) -> None:
    """A limiter that is used before, in and after a freeze keeps to its limit, and no call waits too long."""
    with InventPay(new_key(), **options()) as client:
        client.request("GET", "/before")
        with freeze():
            client.request("GET", "/frozen")
        began = time.monotonic()
        for _ in range(2):
            client.request("GET", "/after")
        assert 0.2 <= time.monotonic() - began < 2.0
        with freeze():
            assert 0.0 <= client.rate_limits[OTHER].next_token <= 0.4


@pytest.mark.parametrize("freeze", FREEZERS)
async def test_an_async_client_in_a_freeze(freeze: Freeze) -> None:
    """Calls that find a token are unaffected before, in and after a freeze in a running event loop."""
    # Of a whole minute: to begin a freeze takes freezegun longer than the window of the other tests on a busy machine.
    limiter = LocalLimiter(RateLimits(other=3))
    async with AsyncInventPay(new_key(), **{**options(), "limiter": limiter}) as client:
        await client.request("GET", "/before")
        with freeze():
            await client.request("GET", "/frozen")
            assert client.rate_limits[OTHER].available == 1
        await client.request("GET", "/after")
        assert client.rate_limits[OTHER].available == 0


@pytest.mark.parametrize("freeze", FREEZERS)
def test_deadlines_pass_in_frozen_time(freeze: Freeze) -> None:
    """A server that never answers is given up after the attempt's timeout, and the retry's pause passes."""
    retry = RetryPolicy(initial_delay=0.05)
    with RawServer(never_answers) as server:
        client = InventPay(new_key(), base_url=server.url, timeout=1.0, attempt_timeout=0.3, retry=retry)
        with client, freeze():
            began = steady_time.monotonic()
            with pytest.raises(APITimeoutError):
                client.balances.get("BTC")
            assert steady_time.monotonic() - began < 2.0


@pytest.mark.parametrize("freeze", FREEZERS)
def test_a_shared_limit_in_frozen_time(freeze: Freeze) -> None:
    """The threads that talk to Redis go on, in the freeze and after it."""
    with (
        redis_server() as server,
        RedisLimiter(server.url) as limiter,
        InventPay(new_key(), **options(limiter)) as client,
    ):
        client.request("GET", "/before")
        with freeze():
            began = steady_time.monotonic()
            for _ in range(4):
                client.request("GET", "/frozen")
            assert 0.3 <= steady_time.monotonic() - began < 4.0
        client.request("GET", "/after")


def test_a_package_that_is_imported_in_a_freeze() -> None:
    """The real clock is found also where freezegun was active first."""
    code = (
        "import freezegun, time\n"
        "real = time.monotonic()\n"
        "with freezegun.freeze_time('2024-01-31'):\n"
        "    from inventpay._concurrency.steady_time import monotonic\n"
        "    assert abs(monotonic() - real) < 60, monotonic()\n"
        "assert abs(monotonic() - time.monotonic()) < 60\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
