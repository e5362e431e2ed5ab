"""Four real processes before a real server that counts, and Redis in trouble: small, for every day.

``test_full_size.py`` has the same at full size, by hand.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator

import pytest

from tests.support.redis_floods import Flood, flood
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.redis_worker import Worker

pytestmark = pytest.mark.real_time

LIMIT, WINDOW, CALLS = 14, 0.6, 10


@pytest.fixture
def own_server() -> Iterator[RedisServer]:
    """A server to break."""
    with redis_server() as running:
        yield running


def run(
    server: RedisServer,
    workers: list[Worker],
    counting: str = "window",
    *,
    lease_timeout: float = 10.0,
    **options: object,
) -> Flood:
    """Make 40 calls, against the policy that suits the counting.

    On a busy machine an answer may take seconds; a lease that ends before it lets a call too many through.
    """
    policy = "log" if counting == "window" else "counter"
    limiter = {"timeout": 0.4, "lease_timeout": lease_timeout}
    return flood(
        server,
        workers,
        policy=policy,
        counting=counting,
        limit=LIMIT,
        window=WINDOW,
        calls=CALLS,
        limiter=limiter,
        **options,
    )


@pytest.mark.parametrize(("make", "counting"), [("redis-server", "window"), ("valkey-server", "unknown")])
def test_a_flood(four: list[Worker], make: str, counting: str) -> None:
    """None of 40 calls of four processes is refused, whatever their clocks say of the time of day."""
    clocks = [(0.0001, 0.0), (0.025, 3600.0), (-0.025, -3600.0), (0.05, 3600.0)]
    each = [{"clock_offset": offset, "clock_step": step, "step_after": 0.6} for offset, step in clocks]
    with redis_server(make) as server:
        seen = run(server, four, counting, each=each)
    assert (len(seen.arrivals), seen.refused, seen.errors) == (4 * CALLS, 0, {})


def test_a_process_that_is_killed(own_server: RedisServer, four: list[Worker]) -> None:
    """`kill -9` of one in the middle costs the others nothing but its tokens, for the lease timeout and a window."""
    seen = run(own_server, four, disturb=four[3].kill, after=0.4, lease_timeout=1.4)
    four[3] = Worker()
    four[3].wait_until_ready()
    assert seen.refused == 0
    assert seen.errors == {}
    assert sum(arrival.who != "3" for arrival in seen.arrivals) == 3 * CALLS


def restart(server: RedisServer) -> None:
    """Redis ends, and is back a little later, empty."""
    with server.client() as client:
        client.shutdown(nosave=True)
    server.stop()
    time.sleep(0.3)
    server.start()


def sleep(server: RedisServer) -> None:
    """Redis answers no request for some time."""

    def nap() -> None:
        with server.client() as client:
            client.execute_command("DEBUG", "SLEEP", "1.0")

    threading.Thread(target=nap).start()


def fill(server: RedisServer) -> None:
    """Redis may write nothing for some time."""
    with server.client() as client:
        client.config_set("maxmemory-policy", "noeviction")
        client.config_set("maxmemory", 1000)
        time.sleep(0.3)
        client.config_set("maxmemory", 0)


def flush(server: RedisServer) -> None:
    """Redis forgets everything."""
    with server.client() as client:
        client.flushall()


@pytest.mark.parametrize("fault", [restart, sleep, fill, flush])
def test_a_fault_of_redis(own_server: RedisServer, four: list[Worker], fault: Callable[[RedisServer], None]) -> None:
    """All calls end, at most five are refused, and a call with a short `max_wait` fails soon."""
    each: list[dict[str, object]] = [{}, {}, {}, {"max_wait": 0.2, "every": 0.1}]
    seen = run(own_server, four, disturb=lambda: fault(own_server), after=0.4, each=each)
    assert seen.refused <= 5
    assert set(seen.errors) <= {"RateLimitTimeoutError", "RateLimitedError"}
    assert all(sum(arrival.who == str(number) for arrival in seen.arrivals) == CALLS for number in range(3))
    # A moment is 0.4 s; what more it takes is a busy machine's.
    assert seen.results[3]["slowest"] < 4
    assert seen.slowest < 12.0
