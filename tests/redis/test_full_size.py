"""The promises of the shared limit at full size, with real processes: four of them, 100 calls per 3 s.

Run it by hand: ``pytest -m soak tests/redis/test_full_size.py -s``.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

import pytest

from tests.support.redis_floods import Flood, flood
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.redis_worker import Worker, workers

pytestmark = pytest.mark.soak

LIMIT, WINDOW = 100, 3.0
SIZE = {"limit": LIMIT, "window": WINDOW}


@pytest.fixture(params=["redis-server", "valkey-server"])
def server(request: pytest.FixtureRequest) -> Iterator[RedisServer]:
    """A server of the test's own."""
    with redis_server(request.param) as running:
        yield running


@pytest.fixture
def four() -> Iterator[list[Worker]]:
    """Four processes."""
    with workers(4) as running:
        yield running


def show(what: str, seen: Flood) -> None:
    """Print one line for a person who runs this by hand."""
    calls = len(seen.arrivals)
    print(
        f"\n{what}: {calls} calls, {seen.refused} refused, use {seen.use:.3f}, evenness {seen.evenness:.2f}, "
        f"{seen.exchanges / calls:.2f} round trips and {seen.script_seconds / calls * 1e6:.0f} us of Redis per call, "
        f"slowest {seen.slowest:.1f} s, {seen.errors or 'no errors'}"
    )


@pytest.mark.parametrize(
    ("policy", "counting"),
    [
        ("log", "window"),
        ("fixed", "window"),
        ("log", "unknown"),
        ("fixed", "unknown"),
        ("counter", "unknown"),
        ("bucket", "unknown"),
    ],
)
def test_a_flood(server: RedisServer, four: list[Worker], policy: str, counting: str) -> None:
    """1,000 calls of four processes: none refused, at least 0.98 of the limit used, and in turn."""
    seen = flood(server, four, policy=policy, counting=counting, calls=250, **SIZE)
    show(f"{policy}, {counting}", seen)
    assert len(seen.arrivals) == 1000
    assert seen.errors == {}
    assert seen.refused == 0
    assert seen.use >= 0.98
    assert seen.evenness >= 0.5
    assert seen.exchanges <= 1.6 * 1000


def test_clocks_that_are_off_change_nothing(server: RedisServer, four: list[Worker]) -> None:
    """Hosts whose clocks are off by up to 50 ms, and stepped by an hour either way in the middle."""
    clocks = [(0.0001, 0.0), (0.025, 3600.0), (-0.025, -3600.0), (0.05, 3600.0)]
    each = [{"clock_offset": offset, "clock_step": step, "step_after": 8.0} for offset, step in clocks]
    seen = flood(server, four, policy="log", counting="window", calls=250, each=each, **SIZE)
    show("clocks off", seen)
    assert (len(seen.arrivals), seen.refused, seen.errors) == (1000, 0, {})
    assert seen.use >= 0.98
    assert seen.evenness >= 0.5


def restart(server: RedisServer) -> None:
    """Redis ends, and is back after two seconds, empty."""
    with server.client() as client:
        client.shutdown(nosave=True)
    server.stop()
    time.sleep(2)
    server.start()


def sleep(server: RedisServer) -> None:
    """Redis answers no request for five seconds."""

    def nap() -> None:
        with server.client() as client:
            client.execute_command("DEBUG", "SLEEP", "5")

    threading.Thread(target=nap, daemon=True).start()


def fill(server: RedisServer) -> None:
    """Redis may write nothing for three seconds."""
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1000)
        time.sleep(3)
        client.config_set("maxmemory", 0)


def flush(server: RedisServer) -> None:
    """Redis forgets everything."""
    with server.client() as client:
        client.flushall()


@pytest.mark.parametrize(("policy", "counting"), [("log", "window"), ("counter", "unknown")])
@pytest.mark.parametrize("fault", [restart, sleep, fill, flush])
@pytest.mark.parametrize("after", [1.5, 4.0])
def test_a_fault_of_redis(
    server: RedisServer, four: list[Worker], policy: str, counting: str, fault: object, after: float
) -> None:
    """During any fault of Redis all calls end, at most five are refused, and the limit is shared again afterwards."""
    assert callable(fault)
    seen = flood(
        server, four, policy=policy, counting=counting, calls=125, disturb=lambda: fault(server), after=after, **SIZE
    )
    show(f"{fault.__name__} after {after} s, {policy}, {counting}", seen)
    assert len(seen.arrivals) == 500
    assert seen.refused <= 5
    assert set(seen.errors) <= {"RateLimitedError"}
    # 500 calls take four windows, those of the counter five; a fault costs three more at most.
    assert seen.slowest < 8 * WINDOW + 5


@pytest.mark.parametrize("fault", [restart, sleep, fill, flush])
def test_no_call_waits_longer_than_it_may(server: RedisServer, four: list[Worker], fault: object) -> None:
    """Calls that may wait half a second know after one more second at most, whatever happens to Redis."""
    assert callable(fault)
    each = [{}, {}, {}, {"max_wait": 0.5, "every": 0.1}]
    seen = flood(
        server,
        four,
        policy="log",
        counting="window",
        calls=125,
        disturb=lambda: fault(server),
        after=4.0,
        each=each,
        **SIZE,
    )
    show(f"{fault.__name__}, impatient", seen)
    assert seen.results[3]["slowest"] < 0.5 + 1.0 + 0.5
    assert set(seen.results[3]["errors"]) <= {"RateLimitTimeoutError", "RateLimitedError"}
    assert seen.refused <= 5


@pytest.mark.parametrize(("policy", "counting"), [("log", "window"), ("counter", "unknown")])
def test_a_process_that_is_killed(server: RedisServer, four: list[Worker], policy: str, counting: str) -> None:
    """The others continue at once without its tokens, get them back after the lease timeout, and none is refused."""
    seen = flood(
        server,
        four,
        policy=policy,
        counting=counting,
        calls=250,
        disturb=four[3].kill,
        after=1.3 * WINDOW,
        limiter={"lease_timeout": 7.0},
        **SIZE,
    )
    show(f"kill -9, {policy}, {counting}", seen)
    assert seen.refused == 0
    assert seen.errors == {}
    assert sum(arrival.who != "3" for arrival in seen.arrivals) == 750
    assert seen.use >= 0.9
