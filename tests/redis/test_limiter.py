"""`RedisLimiter` on a real Redis and a real Valkey, from threads, event loops and forks."""

from __future__ import annotations

import asyncio
import gc
import os
import pickle
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import redis
import redis.asyncio
import trio

from inventpay import (
    AsyncInventPay,
    ConfigurationError,
    InventPay,
    LimiterUnavailableError,
    LocalLimiter,
    RateClass,
    RateLimits,
    RateLimitTimeoutError,
)
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._concurrency.threads import Backend
from inventpay._limits.limiter import Limiter
from inventpay._watching.schedule import IDLE_SHARE, SHARE
from inventpay.redis import RedisLimiter
from inventpay.redis import limiter as limiter_module
from tests.support.redis_servers import PASSWORD, RedisServer, redis_server
from tests.support.systems import needs_fork

OTHER = RateClass.OTHER
LIMITS = RateLimits(other=5, window=60.0, counting="window")
KEY, URL = "pk_live_of_a_shared_limit", "https://api.inventpay.io"

NewLimiter = Callable[..., RedisLimiter]


@pytest.fixture
def new_limiter(server: RedisServer, prefix: str) -> Iterator[NewLimiter]:
    """Limiters as several processes would make them: each is one of its own, and all share a server."""
    made: list[RedisLimiter] = []

    def new(**options: Any) -> RedisLimiter:
        made.append(RedisLimiter(server.url, prefix=prefix, **options))
        return made[-1]

    yield new
    for limiter in made:
        limiter.close()
    assert [thread.name for thread in threading.enumerate() if thread.name.startswith("inventpay-redis")] == []


def lease(limiter: Limiter, **options: Any) -> Any:
    """A token, for a thread."""
    return limiter.acquire(OTHER, Backend(), **options)


def end(token: Any, status: int = 200, **headers: str) -> None:
    """The answer arrives now."""
    token.answered(time.monotonic(), status, {name.replace("_", "-"): text for name, text in headers.items()})


def available(limiter: Limiter) -> int:
    """Tokens free right now."""
    return limiter.snapshot(time.monotonic())[OTHER].available


def test_two_processes_share_one_limit(new_limiter: NewLimiter) -> None:
    """A token that one process spent is missing for the other, and the wait of the next caller is known at once."""
    one, two = (new_limiter().bind(KEY, URL, LIMITS) for _ in range(2))
    for limiter in (one, two, one, two, one):
        end(lease(limiter))
    for limiter in (one, two):
        began = time.monotonic()
        with pytest.raises(RateLimitTimeoutError, match=r"class other has no token for another \d\d\.\d\d s") as caught:
            lease(limiter, max_wait=50.0)
        assert time.monotonic() - began < 1.0
        assert 55.0 < caught.value.wait <= 60.1


def test_a_returned_token_goes_to_a_waiter(new_limiter: NewLimiter) -> None:
    """One window after its answer a token is there for the caller in the other process, and not before."""
    limits = RateLimits(other=1, window=0.3, counting="window")
    one, two = (new_limiter().bind(KEY, URL, limits) for _ in range(2))
    first = lease(one)
    time.sleep(0.1)
    answered = time.monotonic()
    end(first)
    second = lease(two)
    assert 0.3 <= time.monotonic() - answered < 0.6
    end(second)


def test_what_was_never_sent_comes_back_at_once(new_limiter: NewLimiter) -> None:
    """A refunded token is free for all, a lost one is not; the second end of a lease changes nothing."""
    one, two = (new_limiter().bind(KEY, URL, LIMITS) for _ in range(2))
    refunded, lost = lease(one), lease(one)
    refunded.refund(time.monotonic())
    refunded.abandoned(time.monotonic())
    lost.abandoned(time.monotonic())
    one._limiter.worker.flush()
    assert available(two) == 4


def test_a_lease_that_is_never_ended_counts_as_abandoned(new_limiter: NewLimiter) -> None:
    """A garbage-collected lease is reported with the next request."""
    one = new_limiter().bind(KEY, URL, LIMITS)
    lease(one)
    gc.collect()
    end(lease(one))
    assert available(one) == 3
    assert one.snapshot(time.monotonic())[OTHER].leased == 0


def test_a_process_that_dies_returns_its_tokens(new_limiter: NewLimiter) -> None:
    """After the lease timeout and a window its tokens are back, although it never reported them."""
    limits = RateLimits(other=2, window=0.2, counting="window")
    dead, alive = (new_limiter(lease_timeout=0.8).bind(KEY, URL, limits) for _ in range(2))
    began = time.monotonic()
    kept = [lease(dead), lease(dead)]
    with pytest.raises(RateLimitTimeoutError):
        lease(alive, max_wait=0.1)
    end(lease(alive))
    assert 0.9 < time.monotonic() - began < 2.5
    del kept


def test_other_keys_urls_and_windows_have_other_limits(new_limiter: NewLimiter) -> None:
    """One object serves clients of several keys, and keeps them apart."""
    limiter = new_limiter()
    one = limiter.bind(KEY, URL, LIMITS)
    for _ in range(5):
        end(lease(one))
    assert limiter.bind(KEY, URL, RateLimits(other=5, window=60.0, counting="window")) is one
    for other in (
        limiter.bind("pk_live_of_somebody_else", URL, LIMITS),
        limiter.bind(KEY, "https://elsewhere.example", LIMITS),
        limiter.bind(KEY, URL, RateLimits(other=5, window=30.0)),
    ):
        assert available(other) == 5
    # A limit that was lowered in one process only is still a limit on the same calls.
    assert available(limiter.bind(KEY, URL, RateLimits(other=3, window=60.0, counting="window"))) == 0


def test_watchers_use_the_idle_share_of_a_shared_limit(new_limiter: NewLimiter) -> None:
    """No other process needs a reserve of its own: all of them take their tokens from the same limit."""
    with InventPay(KEY, limiter=new_limiter()) as client:
        assert client._polling._idle_share(RateClass.STATUS_CHECKS) == SHARE
    with InventPay(KEY, limiter=LocalLimiter()) as client:
        assert client._polling._idle_share(RateClass.STATUS_CHECKS) == IDLE_SHARE


def test_redis_never_sees_the_key(new_limiter: NewLimiter, server: RedisServer, prefix: str) -> None:
    """Names and values hold a fingerprint; all classes of a key lie in one slot of a cluster."""
    limiter = new_limiter().bind(KEY, URL)
    for rate_class in RateClass:
        limiter.acquire(rate_class, Backend()).refund(time.monotonic())
    with server.client() as client:
        names = [name for name in client.keys(f"{prefix}*") if isinstance(name, bytes)]
        values = [client.get(name) for name in names]
    assert len(names) == 4
    assert KEY.encode() not in b"".join([*names, *(value for value in values if isinstance(value, bytes))])
    assert len({name[name.index(b"{") : name.index(b"}")] for name in names}) == 1


def test_unused_budgets_expire(new_limiter: NewLimiter, server: RedisServer, prefix: str) -> None:
    """Every key has a time to live that outlasts all that it remembers."""
    end(lease(new_limiter().bind(KEY, URL, LIMITS)))
    with server.client() as client:
        (name,) = client.keys(f"{prefix}*")
        assert 590 < client.ttl(name) <= 601


def mock(status: int = 200, headers: dict[str, str] | None = None) -> httpx.MockTransport:
    """An API that always says the same."""
    return httpx.MockTransport(lambda _: httpx.Response(status, json={}, headers=headers))


async def test_both_clients_share_it(new_limiter: NewLimiter) -> None:
    """`limiter=RedisLimiter(...)` is all that a client needs; the same object serves both kinds."""
    limiter = new_limiter()
    usual: dict[str, Any] = {"api_key": KEY, "rate_limits": LIMITS, "limiter": limiter, "transport": mock()}
    async with AsyncInventPay(**usual) as client:
        for _ in range(3):
            await client.request("GET", "/v1/spend")
    with InventPay(**usual) as blocking:
        blocking.request("GET", "/v1/spend")
        await asyncio.to_thread(blocking.request, "GET", "/v1/spend")
        with pytest.raises(RateLimitTimeoutError) as caught:
            blocking.with_options(max_wait=0.5).request("GET", "/v1/spend")
        assert (caught.value.method, caught.value.attempts) == ("GET", 0)
    async with AsyncInventPay(**usual) as client:
        # In an event loop, which must not wait, the figures are those of the last request.
        assert client.rate_limits[OTHER].available == 0


async def test_first_come_first_served(new_limiter: NewLimiter) -> None:
    """Tasks get their tokens in the order in which they asked, direct calls before those in the background."""
    limiter = new_limiter().bind(KEY, URL, RateLimits(other=2, window=0.2, counting="window"))
    served: list[str] = []

    async def call(name: str, background: bool = False) -> None:
        token = await limiter.acquire_async(OTHER, AsyncBackend(), background=background)
        served.append(name)
        end(token)

    # Until all have asked, both tokens are in use.
    held = [await limiter.acquire_async(OTHER, AsyncBackend()) for _ in range(2)]
    async with asyncio.TaskGroup() as group:
        for name in ("poll 1", "poll 2"):
            group.create_task(call(name, background=True))
        for number in range(6):
            group.create_task(call(f"direct {number}"))
        await asyncio.sleep(0)
        for token in held:
            end(token)
    # After four direct calls a poll has its turn.
    assert served == [*(f"direct {number}" for number in range(4)), "poll 1", "direct 4", "direct 5", "poll 2"]


async def test_cancelled_callers_cost_no_token(new_limiter: NewLimiter) -> None:
    """Of many callers who leave at every possible moment none takes a token along."""
    limiter = new_limiter().bind(KEY, URL, RateLimits(other=20, window=60.0))

    async def call() -> None:
        token = await limiter.acquire_async(OTHER, AsyncBackend())
        token.refund(time.monotonic())

    tasks = [asyncio.create_task(call()) for _ in range(300)]
    for number, task in enumerate(tasks):
        if number % 3:
            asyncio.get_running_loop().call_later(number * 0.0001, task.cancel)
    results = await asyncio.gather(*tasks, return_exceptions=True)
    assert results[::3] == [None] * 100
    assert any(isinstance(result, asyncio.CancelledError) for result in results)
    await asyncio.sleep(0.1)
    assert await asyncio.to_thread(available, limiter) == 20


def test_many_threads(new_limiter: NewLimiter) -> None:
    """Threads share one queue: exactly the limit is leased."""
    limiter = new_limiter().bind(KEY, URL, RateLimits(other=20, window=60.0))

    def call(_: int) -> bool:
        try:
            lease(limiter, max_wait=0.2).answered(time.monotonic(), 200, {})
        except RateLimitTimeoutError:
            return False
        return True

    with ThreadPoolExecutor(16) as pool:
        assert sum(pool.map(call, range(60))) == 20


def test_several_runs_and_trio(new_limiter: NewLimiter) -> None:
    """One limiter serves one event loop after the other, those of trio too."""
    limiter = new_limiter().bind(KEY, URL, LIMITS)

    async def call() -> None:
        end(await limiter.acquire_async(OTHER, AsyncBackend()))

    async def calls_of_trio() -> None:
        async with trio.open_nursery() as nursery:
            for _ in range(2):
                nursery.start_soon(call)

    asyncio.run(call())
    trio.run(calls_of_trio)
    asyncio.run(call())
    assert available(limiter) == 1


def test_a_loop_that_ends_under_its_callers(new_limiter: NewLimiter) -> None:
    """Callers whose event loop has ended do not delay others."""
    limiter = new_limiter().bind(KEY, URL, RateLimits(other=1, window=0.5, counting="window"))
    token = lease(limiter)

    async def wait() -> None:
        await limiter.acquire_async(OTHER, AsyncBackend())

    loop = asyncio.new_event_loop()
    waiting = loop.create_task(wait())
    loop.run_until_complete(asyncio.sleep(0.05))
    loop.close()
    end(token)
    began = time.monotonic()
    end(lease(limiter))
    assert time.monotonic() - began < 1.0
    # Nothing can finish it any more; asyncio would complain of that.
    waiting._log_destroy_pending = False  # type: ignore[attr-defined]
    del waiting
    gc.collect()


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_is_another_process(new_limiter: NewLimiter) -> None:
    """The child makes a connection and a name of its own; the parent's leases stay the parent's, and both share."""
    limiter = new_limiter().bind(KEY, URL, LIMITS)
    token = lease(limiter)
    child = os.fork()
    if not child:
        try:
            end(token)  # nothing: the parent counts it
            end(lease(limiter))
            limiter._limiter.close()
            os._exit(0 if available(limiter) == 3 else 1)
        except BaseException:
            os._exit(2)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0
    assert limiter.snapshot(time.monotonic())[OTHER].leased == 1
    end(token)
    assert available(limiter) == 3


def test_a_429_stops_all_processes(new_limiter: NewLimiter) -> None:
    """A `Retry-After` that one process gets applies to all."""
    one, two = (new_limiter().bind(KEY, URL, LIMITS) for _ in range(2))
    end(lease(one), 429, retry_after="30")
    one._limiter.worker.flush()
    for limiter in (one, two):
        with pytest.raises(RateLimitTimeoutError) as caught:
            lease(limiter, max_wait=1.0)
        assert 25 < caught.value.wait <= 30
        limiter._limiter.worker.flush()  # which gives back the lease that was granted for that moment


def test_a_429_without_a_time_lowers_the_limit(new_limiter: NewLimiter) -> None:
    """The class pauses for a hundredth of a window, and goes on one by one."""
    limits = RateLimits(other=40, window=5.0)
    one, two = (new_limiter().bind(KEY, URL, limits) for _ in range(2))
    began = time.monotonic()
    end(lease(one), 429)
    one._limiter.worker.flush()
    end(lease(two))
    assert time.monotonic() - began > 0.05
    assert available(two) <= 1


def test_headers_lower_the_view_of_all(new_limiter: NewLimiter) -> None:
    """If a client without this limiter uses the key, the remaining count of the API applies."""
    one, two = (new_limiter().bind(KEY, URL, LIMITS) for _ in range(2))
    end(lease(one), x_ratelimit_remaining="1")
    one._limiter.worker.flush()
    assert available(two) == 1
    end(lease(one), x_ratelimit_limit="2")
    one._limiter.worker.flush()
    assert available(two) == 0


def test_a_small_burst(new_limiter: NewLimiter) -> None:
    """`max_burst` holds over all processes: then one token after the other."""
    limits = RateLimits(other=50, window=5.0, max_burst=3)
    one, two = (new_limiter().bind(KEY, URL, limits) for _ in range(2))
    began = time.monotonic()
    for limiter in (one, two, one):
        end(lease(limiter, max_wait=0.0))
    for _ in range(4):
        end(lease(two))
    assert 0.35 < time.monotonic() - began < 1.0


def test_a_clock_that_is_set_back(new_limiter: NewLimiter, server: RedisServer, prefix: str) -> None:
    """After the clock of Redis goes back by an hour, no call waits for an hour."""
    limiter = new_limiter().bind(KEY, URL, LIMITS)
    for _ in range(3):
        end(lease(limiter))
    limiter._limiter.worker.flush()
    # All that is remembered lies an hour ahead: that is what such a step looks like.
    ahead = """
        local state = cmsgpack.unpack(redis.call("GET", KEYS[1]))
        state.seen = state.seen + 3600
        state.stamps = state.stamps:gsub(("."):rep(9), function(item)
            return struct.pack(">Bd", 203, struct.unpack(">d", item, 2) + 3600)
        end)
        for _, process in pairs(state.processes) do
            process.seen, process.ready_at = process.seen + 3600, process.ready_at + 3600
        end
        redis.call("SET", KEYS[1], cmsgpack.pack(state))
    """
    with server.client() as client:
        (name,) = client.keys(f"{prefix}*")
        client.eval(ahead, 1, name)
    assert available(limiter) == 2


# --- outages ---


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server to break."""
    with redis_server() as running:
        yield running


@pytest.fixture
def limiters(own_server: RedisServer) -> Iterator[NewLimiter]:
    """Limiters of that server."""
    made: list[RedisLimiter] = []

    def new(**options: Any) -> RedisLimiter:
        made.append(RedisLimiter(own_server.url, **{"timeout": 0.3, **options}))
        return made[-1]

    yield new
    for limiter in made:
        limiter.close()


def test_without_redis_each_process_has_its_share(
    limiters: NewLimiter, own_server: RedisServer, caplog: pytest.LogCaptureFixture
) -> None:
    """When Redis goes away two processes have used three of ten tokens; each may spend half of the other seven."""
    limits = RateLimits(other=10, window=60.0, counting="window")
    one, two = (limiters().bind(KEY, URL, limits) for _ in range(2))
    for limiter in (one, two, one):
        end(lease(limiter))
    assert [available(limiter) for limiter in (one, two)] == [7, 7]
    own_server.stop()
    for limiter in (one, two):
        for _ in range(3):
            end(lease(limiter, max_wait=1.0))
        with pytest.raises(RateLimitTimeoutError):
            lease(limiter, max_wait=1.0)
        assert limiter.snapshot(time.monotonic())[OTHER].limit == 10
    warnings = [record.getMessage() for record in caplog.records if record.name == "inventpay"]
    assert len(warnings) == 2
    assert "cannot be asked for tokens (ConnectionError: " in warnings[0]
    assert warnings[0].endswith("every process uses its own share of the limits")


def test_redis_comes_back(limiters: NewLimiter, own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """For one window each process uses its share and reports its requests; then the limit is shared again."""
    limits = RateLimits(other=4, window=1.0, counting="window")
    one, two = (limiters().bind(KEY, URL, limits) for _ in range(2))
    for limiter in (one, two):
        end(lease(limiter))
    assert available(one) == available(two) == 2
    own_server.stop()
    end(lease(one, max_wait=1.0))
    own_server.start()
    time.sleep(1.2)
    end(lease(two))
    seen: list[int] = []
    deadline = time.monotonic() + 10.0
    while time.monotonic() < deadline and 4 not in seen:
        time.sleep(0.1)
        seen.append(available(two))
    assert 4 in seen
    for _ in range(4):
        end(lease(two, max_wait=0.5))
    with pytest.raises(RateLimitTimeoutError):
        lease(one, max_wait=0.5)
    assert "answers again" in caplog.text


def test_on_outage_error(limiters: NewLimiter, own_server: RedisServer) -> None:
    """With `on_outage="error"` calls fail at once, and succeed again after the outage."""
    limiter = limiters(on_outage="error").bind(KEY, URL, RateLimits(other=5, window=1.0, counting="window"))
    end(lease(limiter))
    own_server.stop()
    for _ in range(3):
        began = time.monotonic()
        with pytest.raises(LimiterUnavailableError, match="cannot be asked for a token") as caught:
            lease(limiter)
        assert time.monotonic() - began < 1.0
        assert caught.value.outcome == "not_sent"
    own_server.start()
    time.sleep(1.1)
    # It forgot what was sent, so for a window there is only what this process got back itself.
    end(lease(limiter, max_wait=1.5))


def test_a_redis_that_says_nothing(limiters: NewLimiter, own_server: RedisServer) -> None:
    """No call waits longer than the timeout, and a late reply has no effect."""
    limiter = limiters(processes=1).bind(KEY, URL, LIMITS)
    end(lease(limiter))
    limiter._limiter.worker.flush()

    def nap() -> None:
        with own_server.client() as client:
            client.execute_command("DEBUG", "SLEEP", "1")

    sleeper = threading.Thread(target=nap)
    sleeper.start()
    time.sleep(0.1)
    began = time.monotonic()
    end(lease(limiter))
    assert 0.2 < time.monotonic() - began < 0.7
    sleeper.join()


def test_a_redis_that_forgets_everything(limiters: NewLimiter, own_server: RedisServer) -> None:
    """After FLUSHALL each process has its share for a window, less its own requests."""
    limits = RateLimits(other=4, window=1.0, counting="window")
    one, two = (limiters().bind(KEY, URL, limits) for _ in range(2))
    for limiter in (one, two, one, two):
        end(lease(limiter))
    answered = time.monotonic()
    for limiter in (one, two):
        limiter._limiter.worker.flush()
    with own_server.client() as client:
        client.flushall()
    for limiter in (one, two):
        end(lease(limiter))
    assert time.monotonic() - answered > 0.9
    # And again shared, a window later.
    time.sleep(0.5)
    assert available(one) <= 2


def test_scripts_that_were_flushed(limiters: NewLimiter, own_server: RedisServer) -> None:
    """NOSCRIPT is no failure: the script is sent again."""
    limiter = limiters().bind(KEY, URL, LIMITS)
    end(lease(limiter))
    with own_server.client() as client:
        client.script_flush()
    end(lease(limiter, max_wait=0.0))
    assert available(limiter) == 3


def test_a_full_memory(limiters: NewLimiter, own_server: RedisServer, caplog: pytest.LogCaptureFixture) -> None:
    """A Redis that may not write is as good as none, and the log says what is wrong with it."""
    limiter = limiters().bind(KEY, URL, LIMITS)
    end(lease(limiter))
    with own_server.client() as client:
        client.config_set("maxmemory", 1000)
    end(lease(limiter, max_wait=1.0))
    assert "its memory is full and it may not evict anything" in caplog.text


def test_no_redis_at_all() -> None:
    """With none from the start each process has an eighth, or what `processes=` makes of it."""
    with RedisLimiter("redis://127.0.0.1:1", timeout=0.3) as alone:
        limiter = alone.bind(KEY, URL, RateLimits(other=80, window=60.0, counting="window"))
        end(lease(limiter, max_wait=1.0))
        assert available(limiter) == 9
    with RedisLimiter("redis://127.0.0.1:1", timeout=0.3, processes=2) as alone:
        limiter = alone.bind(KEY, URL, RateLimits(other=80, window=60.0, counting="window"))
        end(lease(limiter, max_wait=1.0))
        assert available(limiter) == 39


def test_a_name_that_does_not_resolve_delays_no_caller(monkeypatch: pytest.MonkeyPatch) -> None:
    """Python looks names up without a timeout; callers wait for ours, and a program ends without waiting for it."""
    import socket

    looked_up = threading.Event()
    may_end = threading.Event()

    def look_up(*_: Any, **__: Any) -> Any:
        looked_up.set()
        may_end.wait(20)
        raise socket.gaierror("no such name")

    monkeypatch.setattr(socket, "getaddrinfo", look_up)
    limiter = RedisLimiter("redis://redis.example", timeout=0.2)
    began = time.monotonic()
    end(lease(limiter.bind(KEY, URL, LIMITS)))
    assert looked_up.is_set()
    assert time.monotonic() - began < 1.0
    limiter.close()
    assert time.monotonic() - began < 2.0
    may_end.set()


# --- what it refuses, and what it shows ---


def test_a_password_is_never_shown(caplog: pytest.LogCaptureFixture) -> None:
    """Not in a repr, an error, a log or a pickle; one that is refused at first is a wrong setting, not an outage."""
    with redis_server("redis-server", "--requirepass", PASSWORD) as server:
        wrong = f"redis://:{PASSWORD}-not@127.0.0.1:{server.port}/0"
        limiter = RedisLimiter(wrong)
        with pytest.raises(ConfigurationError, match="refuses this user or password") as caught:
            lease(limiter.bind(KEY, URL, LIMITS))
        right = RedisLimiter(f"redis://:{PASSWORD}@127.0.0.1:{server.port}/0")
        end(lease(right.bind(KEY, URL, LIMITS)))
        server.stop()
        end(lease(right.bind(KEY, URL, LIMITS)))
    with pytest.raises(TypeError, match="make one in each process"):
        pickle.dumps(right)
    frames: list[object] = []
    traceback = caught.tb
    while traceback is not None:
        frames.append(traceback.tb_frame.f_locals if traceback.tb_frame.f_code.co_filename != __file__ else None)
        traceback = traceback.tb_next
    shown = [repr(limiter), repr(right), repr(right.bind(KEY, URL)), str(caught.value), caplog.text, repr(frames)]
    shown += [repr(right.worker), repr(vars(right)), repr(vars(right.worker))]
    assert PASSWORD not in "".join(shown)
    assert KEY not in "".join(shown)
    for each in (limiter, right):
        each.close()


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("http://localhost", "an unsupported scheme"),
        ("localhost:6379", "an unsupported scheme"),
        ("redis://", "names no host"),
        ("unix://", "names no socket"),
        ("redis://:secret@localhost:port", "cannot read the port"),
        ("redis://:secret@localhost/0?sockettimeout=1", "cannot read the port, the database or an option"),
        ("redis+cluster://:secret@localhost/0?sockettimeout=1", "cannot read the port, the database or an option"),
        ("redis://:secret@localhost/zero", "ends in a database that is no number"),
        ("redis://[::1", "is no URL"),
        ("redis+sentinel://localhost", "names the service"),
        ("redis+sentinel://localhost/mymaster/zero", "names the service"),
        ("redis+sentinel://a:secret,b/mymaster", "list of hosts with ports"),
        ("redis+sentinel://localhost/mymaster?secret=1", "takes the options sentinel_username"),
        (6379, "is a URL, .*not int"),
    ],
)
def test_malformed_addresses(address: Any, said: str) -> None:
    """Each is refused with what is wrong with it and an example, and without what it holds of secrets."""
    with pytest.raises(ConfigurationError, match=said) as caught:
        RedisLimiter(address)
    assert "secret@" not in str(caught.value)
    assert caught.value.__cause__ is None


@pytest.mark.parametrize(
    "address",
    [
        "rediss://user:secret@localhost:6380/1",
        "valkey://localhost",
        "valkeys://localhost:6380?ssl_cert_reqs=none",
        "unix:///run/redis.sock?db=2",
        "redis+sentinel://user:secret@a:26379,b/mymaster/3?sentinel_password=secret",
        "rediss+sentinel://a/mymaster",
        "redis+cluster://:secret@localhost:7000",
    ],
)
def test_addresses_that_are_accepted(address: str) -> None:
    """All kinds of servers; none is asked before the first token is wanted, and none shows its secrets."""
    limiter = RedisLimiter(address)
    assert "secret" not in repr(limiter)
    client = None if "cluster" in address else limiter._address.connect(0.1)
    assert client is None or client.connection_pool is not None


@pytest.mark.parametrize(
    ("options", "said"),
    [
        ({"on_outage": "ignore"}, 'on_outage=\'ignore\' must be "share" or "error"'),
        ({"processes": 0}, "processes=0 must be a whole number of at least 1"),
        ({"timeout": 0}, "timeout=0 must be a finite number of seconds above 0"),
        ({"lease_timeout": -1}, "lease_timeout must be 0 or more seconds"),
        ({"prefix": "a {b}"}, "must be text without spaces and braces"),
    ],
)
def test_options_out_of_bounds(options: dict[str, Any], said: str) -> None:
    """Each says which it is and what it may be."""
    with pytest.raises(ConfigurationError, match=said):
        RedisLimiter("redis://localhost", **options)


def test_clients_of_redis_py(new_limiter: NewLimiter, server: RedisServer, prefix: str) -> None:
    """A blocking client is as good as a URL and stays open; one of `redis.asyncio` belongs to one event loop."""
    with server.client() as client:
        limiter = RedisLimiter(client, prefix=prefix)
        end(lease(limiter.bind(KEY, URL, LIMITS)))
        limiter.close()
        assert client.ping()
        assert repr(limiter) == "<RedisLimiter a Redis client>"
    with pytest.raises(ConfigurationError, match=r"a client of redis\.asyncio belongs to one event loop"):
        RedisLimiter(redis.asyncio.Redis())  # type: ignore[arg-type]


async def test_a_limiter_that_was_not_bound(new_limiter: NewLimiter) -> None:
    """Without a key it would mix the limits of all keys."""
    limiter: Limiter = new_limiter()
    with pytest.raises(ConfigurationError, match="this call has no key"):
        lease(limiter)
    with pytest.raises(ConfigurationError, match="this call has no key"):
        await limiter.acquire_async(OTHER, AsyncBackend())
    with pytest.raises(ConfigurationError, match="this call has no key"):
        limiter.snapshot(0.0)


def test_without_redis_py(monkeypatch: pytest.MonkeyPatch) -> None:
    """The extra is named, instead of an ImportError from somewhere."""
    monkeypatch.setitem(sys.modules, "redis", None)
    with pytest.raises(ConfigurationError, match='install this package with its extra "redis"'):
        RedisLimiter("redis://localhost")


def test_the_package_does_not_need_it() -> None:
    """`import inventpay` loads neither redis-py nor what uses it."""
    code = "import sys, inventpay; print([name for name in sys.modules if 'redis' in name])"
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "[]"


def test_a_program_that_ends_reports_its_last_call(server: RedisServer, prefix: str) -> None:
    """Nothing needs to be closed: the token of a script's only call does not wait for the lease timeout."""
    code = f"""
import time
from inventpay import RateClass
from inventpay._concurrency.threads import Backend
from inventpay.redis import RedisLimiter
limiter = RedisLimiter({server.url!r}, prefix={prefix!r}).bind({KEY!r}, {URL!r})
limiter.acquire(RateClass.OTHER, Backend()).answered(time.monotonic(), 200, {{}})
"""
    began = time.monotonic()
    subprocess.run([sys.executable, "-W", "error", "-c", code], check=True, timeout=20)
    assert time.monotonic() - began < 10
    with RedisLimiter(server.url, prefix=prefix) as limiter:
        seen = limiter.bind(KEY, URL).snapshot(time.monotonic())[OTHER]
    assert (seen.available, seen.leased) == (59, 0)


def test_unused_budgets_are_removed(new_limiter: NewLimiter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A client per web request keeps its budget; a thousand keys of other tenants push it out."""
    monkeypatch.setattr(limiter_module, "KEPT", 2)
    limiter = new_limiter()
    used = limiter.bind("used", URL)
    name = repr(limiter.bind("unused", URL))
    for key in ("a", "b", "c"):
        limiter.bind(key, URL)
    gc.collect()
    assert limiter.bind("used", URL) is used
    assert name not in [repr(budget) for budget in limiter._alive.values()]


@pytest.mark.parametrize("client", [InventPay, AsyncInventPay])
def test_a_lease_lasts_as_long_as_an_attempt(client: type[InventPay] | type[AsyncInventPay]) -> None:
    """A token that came back while its call is under way would be spent twice; the client refuses such settings."""
    limiter = RedisLimiter("redis://127.0.0.1:1", lease_timeout=5.0)
    with pytest.raises(ConfigurationError, match=r"attempt_timeout=30 is longer than lease_timeout=5"):
        client("pk_live_1", limiter=limiter)
    bounded = client("pk_live_1", limiter=limiter, attempt_timeout=5.0)
    with pytest.raises(ConfigurationError, match="attempt_timeout=6"):
        bounded.with_options(attempt_timeout=6.0)
    assert bounded.with_options(attempt_timeout=4.0)
