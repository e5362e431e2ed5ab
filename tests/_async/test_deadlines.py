# The source of tests/_sync/test_deadlines.py; after a change run: python tools/generate_sync.py
"""The bounds of `timeout`, `attempt_timeout` and `max_wait`, on a clock of the test's and once on the real one."""

from __future__ import annotations

import time
from datetime import timedelta

import httpx
import pytest

from inventpay import (
    APITimeoutError,
    AsyncInventPay,
    LocalLimiter,
    RateClass,
    RateLimits,
    RateLimitTimeoutError,
    RetryPolicy,
    ServerError,
)
from tests.support.api import ScriptedAPI, answers, fails, hangs, ok, takes, trickles
from tests.support.clients import new_key, once, read, repeatable, scripted_async_client
from tests.support.raw_server import Deed, RawServer, drips, never_answers

STARTED = 1_000.0

SMALL = RateLimits(withdrawals=1, payment_creation=1, status_checks=1, other=1, window=10.0, counting="window")


async def test_a_call_that_hangs_ends_with_its_timeout() -> None:
    """``timeout`` ends a call in its only attempt when that is as long as it may take."""
    api = ScriptedAPI(hangs)
    async with scripted_async_client(api, timeout=3.0, attempt_timeout=None) as client:
        with pytest.raises(APITimeoutError, match=r"no answer within 3\.00 s") as caught:
            await read(client)
    assert api.clock.now == STARTED + 3
    assert (caught.value.attempts, caught.value.outcome) == (1, "unknown")


@pytest.mark.parametrize("slow", [hangs, takes(60)])
async def test_each_attempt_is_bounded_by_its_own_timeout(slow: object) -> None:
    """``attempt_timeout`` ends an attempt, and the next one gets the same time again."""
    api = ScriptedAPI(slow, slow, ok)
    async with scripted_async_client(api, timeout=60, attempt_timeout=4, jitter=1.0) as client:
        await read(client)
    assert [moment - STARTED for moment in api.times] == [0, 4.5, 9.5]


async def test_attempts_and_pauses_together_stay_within_the_timeout() -> None:
    """The last attempt gets only what is left, whatever ``attempt_timeout`` says."""
    api = ScriptedAPI(hangs)
    async with scripted_async_client(api, timeout=10, attempt_timeout=4, max_retries=9) as client:
        with pytest.raises(APITimeoutError, match=r"no answer within 0\.50 s") as caught:
            await read(client)
    assert [moment - STARTED for moment in api.times] == [0, 4.5, 9.5]
    assert api.clock.now == STARTED + 10
    assert caught.value.attempts == 3


async def test_a_pause_that_would_reach_the_deadline_is_not_begun() -> None:
    """A call gives up early rather than sleep through the rest of its time."""
    api = ScriptedAPI(takes(2, answers(503)))
    async with scripted_async_client(api, timeout=2.5, jitter=1.0) as client:
        with pytest.raises(ServerError):
            await read(client)
    assert api.clock.pauses == []
    assert api.clock.now == STARTED + 2


async def test_the_timeout_begins_with_the_first_token() -> None:
    """Time in the line for the first token is not time of the call: after 10 s of queueing 5 s are left for sending."""
    api = ScriptedAPI(ok, takes(4))
    async with scripted_async_client(api, limiter=LocalLimiter(SMALL), timeout=5) as client:
        await read(client)
        await read(client)
    assert api.times[1] == pytest.approx(STARTED + 10, abs=0.1)
    assert api.clock.now == pytest.approx(STARTED + 14, abs=0.1)


async def test_the_token_of_a_retry_comes_within_the_timeout_or_not_at_all() -> None:
    """Further tokens count against ``timeout``: a call of 9 s does not wait 10 s for its second one."""
    api = ScriptedAPI(answers(503), ok)
    async with scripted_async_client(api, limiter=LocalLimiter(SMALL), timeout=9) as client:
        with pytest.raises(ServerError):
            await read(client)
    assert len(api.requests) == 1
    assert api.clock.now <= STARTED + 9


async def test_max_wait_fails_before_waiting_and_before_sending() -> None:
    """A wait that would be too long fails at once and says how long it would have been; the clock stands still."""
    api = ScriptedAPI()
    async with scripted_async_client(api, limiter=LocalLimiter(SMALL), max_wait=5) as client:
        await once(client)
        with pytest.raises(RateLimitTimeoutError, match=r"10\.0\d s, and this call may wait for 5\.00 s") as caught:
            await once(client, idempotency_key="payout-7")
    assert caught.value.wait == pytest.approx(10, abs=0.1)
    assert (caught.value.outcome, caught.value.attempts, caught.value.idempotency_key) == ("not_sent", 0, "payout-7")
    assert (caught.value.method, caught.value.path) == ("POST", "/v1/merchant/withdrawal/create")
    assert len(api.requests) == 1
    assert api.clock.now == STARTED
    assert api.clock.queued == []


async def test_a_wait_within_max_wait_is_waited_for() -> None:
    """A token that comes in time is waited for, and ``max_wait=0`` takes one that is free."""
    api = ScriptedAPI()
    async with scripted_async_client(api, limiter=LocalLimiter(SMALL), max_wait=11) as client:
        await client.with_options(max_wait=0).balances.get("USDT_BEP20")
        await read(client)
    assert api.times[1] == pytest.approx(STARTED + 10, abs=0.1)


async def test_max_wait_does_not_bound_the_token_of_a_retry() -> None:
    """Once the call is under way, ``timeout`` alone decides."""
    api = ScriptedAPI(answers(503), ok)
    async with scripted_async_client(api, limiter=LocalLimiter(SMALL), max_wait=0) as client:
        await read(client)
    assert api.times[1] == pytest.approx(STARTED + 10, abs=0.1)


async def test_without_bounds_a_call_takes_as_long_as_it_takes() -> None:
    """``None`` switches each bound off, down to the sockets."""
    api = ScriptedAPI(takes(5_000, answers(503)), takes(86_400))
    async with scripted_async_client(api, timeout=None, attempt_timeout=None) as client:
        await read(client)
    assert api.clock.now == STARTED + 5_000.5 + 86_400
    assert set(api.requests[0].extensions["timeout"].values()) == {None}


async def test_without_a_timeout_each_attempt_has_its_own() -> None:
    """``timeout=None`` leaves ``attempt_timeout`` in force."""
    api = ScriptedAPI(hangs)
    async with scripted_async_client(api, timeout=None, attempt_timeout=7, jitter=0.0) as client:
        with pytest.raises(APITimeoutError):
            await read(client)
    assert [moment - STARTED for moment in api.times] == [0, 7, 14]


async def test_sockets_get_what_is_left_of_the_attempt() -> None:
    """Connecting, writing and reading are each bounded by the end of the attempt."""
    api = ScriptedAPI()
    async with scripted_async_client(api, timeout=20, attempt_timeout=timedelta(seconds=12)) as client:
        await read(client)
        await read(client.with_options(timeout=timedelta(milliseconds=500)))
    assert [set(request.extensions["timeout"].values()) for request in api.requests] == [{12.0}, {0.5}]


async def test_durations_may_be_timedeltas() -> None:
    """``timedelta`` and seconds mean the same."""
    api = ScriptedAPI(hangs)
    async with scripted_async_client(
        api,
        timeout=timedelta(minutes=1),
        attempt_timeout=timedelta(seconds=2),
        max_wait=timedelta(seconds=1),
        max_retries=0,
    ) as client:
        with pytest.raises(APITimeoutError):
            await read(client)
    assert api.clock.now == STARTED + 2


async def test_a_body_that_ends_too_late_is_a_timeout() -> None:
    """Headers in time are not enough: the whole answer has to arrive within the attempt."""
    api = ScriptedAPI(trickles(1.0))
    async with scripted_async_client(api, timeout=3.5) as client:
        with pytest.raises(APITimeoutError, match="did not end in time") as caught:
            await repeatable(client)
        assert client.rate_limits[RateClass.PAYMENT_CREATION].leased == 0
    assert api.clock.now == STARTED + 4
    assert caught.value.outcome == "unknown"


async def test_a_timeout_before_anything_was_written_is_not_sent() -> None:
    """A connection that is not made in time leaves no doubt, and its token comes back."""
    api = ScriptedAPI(fails(httpx.ConnectTimeout("too slow")))
    async with scripted_async_client(api, max_retries=0) as client:
        with pytest.raises(APITimeoutError) as caught:
            await once(client)
        assert client.rate_limits[RateClass.WITHDRAWALS].available == 10
    assert caught.value.outcome == "not_sent"


async def test_an_attempt_cut_off_while_it_waits_for_a_connection_is_not_sent() -> None:
    """Where nothing can have been written, even a withdrawal is tried again, and its token comes back."""
    api = ScriptedAPI()
    async with scripted_async_client(api, attempt_timeout=3) as client:
        exchange = client._connection.exchange

        async def busy(*args: object, **facts: object) -> object:
            client._connection.exchange = exchange
            api.clock.run_into_bound()

        client._connection.exchange = busy
        await once(client)
        assert client.rate_limits[RateClass.WITHDRAWALS].available == 9
        client._connection.exchange = busy
        with pytest.raises(APITimeoutError) as caught:
            await once(client.with_options(max_retries=0))
    assert [moment - STARTED for moment in api.times] == [3.5]
    assert caught.value.outcome == "not_sent"


@pytest.mark.real_time
@pytest.mark.parametrize("deed", [never_answers, drips])
async def test_the_timeout_holds_on_real_sockets(deed: Deed) -> None:
    """A server that never answers, or sends a byte now and then, fails after the timeout of 1 s, retries included."""
    with RawServer(deed) as server:
        started = time.monotonic()
        async with AsyncInventPay(
            new_key(), base_url=server.url, timeout=1.0, attempt_timeout=0.6, retry=RetryPolicy(initial_delay=0)
        ) as client:
            with pytest.raises(APITimeoutError) as caught:
                await client.balances.get("BTC")
        assert 1.0 <= time.monotonic() - started <= 1.6
    assert caught.value.attempts == 2
    assert caught.value.outcome == "unknown"
