"""Threads share one blocking client: each sees its own answers, and all of them the same limits."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest

from inventpay import APITimeoutError, ConfigurationError, RateClass, RateLimits, RateLimitTimeoutError
from tests.support.servers import EchoServer, blocking_client, echo_thread, read, wait_until

THREADS = 8
CALLS = 200


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server that tests look into."""
    with echo_thread() as running:
        yield running


def in_threads(run: Callable[[int], Any], count: int = THREADS) -> list[Any]:
    """Return the result of each thread; the error of one is raised."""
    start = threading.Barrier(count)

    def begin(number: int) -> Any:
        start.wait(10)
        return run(number)

    with ThreadPoolExecutor(count) as pool:
        return list(pool.map(begin, range(count)))


def test_every_thread_sees_its_own_answers(server: EchoServer) -> None:
    """Eight threads make 200 calls each over one client, and never hold more connections than they may."""

    def run(number: int) -> None:
        mine = client.with_options(headers={"X-Who": str(number)})
        for index in range(CALLS):
            answer = read(mine.request("GET", f"/{number}/{index}"))
            assert (answer["who"], answer["path"]) == (str(number), f"/{number}/{index}")

    with blocking_client(server.url, max_connections=5) as client:
        in_threads(run)
        assert server.most_open == server.connections <= 5
    assert server.requests == THREADS * CALLS
    wait_until(lambda: server.open == 0)


def test_the_limiter_counts_exactly(server: EchoServer) -> None:
    """Of 1,600 calls at once, as many as the limit are sent, and each other one says at once that it was not."""
    limits = RateLimits(other=1_000, window=3_600)

    def run(number: int) -> Counter[str]:
        ends: Counter[str] = Counter()
        for _ in range(CALLS):
            try:
                client.request("GET", f"/{number}")
                ends["sent"] += 1
            except RateLimitTimeoutError:
                ends["refused"] += 1
        return ends

    with blocking_client(server.url, rate_limits=limits, max_wait=0.0) as client:
        total: Counter[str] = sum(in_threads(run), Counter())
        assert total == {"sent": 1_000, "refused": 600}
        assert server.requests == 1_000
        standing = client.rate_limits[RateClass.OTHER]
        assert (standing.available, standing.leased, standing.waiting) == (0, 0, 0)


def test_threads_wait_for_tokens_in_turn(server: EchoServer) -> None:
    """Eight threads that need 24 tokens of 4 per 0.1 s all get them, and the server never counts more."""
    limits = RateLimits(other=4, window=0.1, counting="window")

    def run(_number: int) -> list[int]:
        return [read(client.request("GET", "/paced"))["request"] for _ in range(3)]

    with blocking_client(server.url, rate_limits=limits) as client:
        answers = in_threads(run)
    assert sorted(number for numbers in answers for number in numbers) == list(range(1, 25))


def test_a_thread_that_finds_no_connection_gives_up_in_time(server: EchoServer) -> None:
    """With all connections busy for longer than an attempt may take, nothing was sent."""
    with blocking_client(server.url, max_connections=1) as client, ThreadPoolExecutor(1) as pool:
        busy = pool.submit(client.request, "GET", "/together/busy", params={"together": 2})
        wait_until(lambda: server.requests == 1)
        hasty = client.with_options(attempt_timeout=0.05)
        with pytest.raises(APITimeoutError, match="all connections were busy for too long") as caught:
            hasty.request("GET", "/never")
        assert caught.value.outcome == "not_sent"
        with httpx.Client() as other:
            other.get(f"{server.url}/together/busy?together=2")
        assert busy.result(20).status == 200
        assert hasty.with_options(attempt_timeout=20.0).request("GET", "/then").status == 200
    assert "/never" not in server.paths


def test_a_timed_out_thread_gives_its_place_back(server: EchoServer) -> None:
    """Timeouts beyond what retires a pool, in eight threads at once, leave every place free."""

    def run(_number: int) -> None:
        for _ in range(10):
            with pytest.raises(APITimeoutError):
                hasty.request("GET", "/slow", params={"hold": 1})

    with blocking_client(server.url, max_connections=THREADS) as client:
        hasty = client.with_options(attempt_timeout=0.02)
        in_threads(run)
        in_threads(lambda _: client.request("GET", "/together/after", params={"together": THREADS}))
        assert client.rate_limits[RateClass.OTHER].leased == 0
    wait_until(lambda: server.open == 0)


def test_closing_lets_requests_in_flight_end(server: EchoServer) -> None:
    """`close` in one thread refuses new calls at once, and closes a connection in use when its answer is there."""
    client = blocking_client(server.url)
    with ThreadPoolExecutor(1) as pool:
        flying = pool.submit(client.request, "GET", "/together/flight", params={"together": 2})
        wait_until(lambda: server.requests == 1)
        client.close()
        client.close()
        assert "closed" in repr(client._connection)
        with pytest.raises(ConfigurationError, match="this client is closed; make a new one"):
            client.request("GET", "/refused")
        assert server.open == 1
        with httpx.Client() as other:
            other.get(f"{server.url}/together/flight?together=2")
        assert flying.result(20).status == 200
    wait_until(lambda: server.open == 0)


def test_a_thread_that_waits_for_a_slot_ends_with_it(server: EchoServer) -> None:
    """A caller that waits for a connection while the client is closed gets an error instead of a new connection."""
    client = blocking_client(server.url, max_connections=1)
    with ThreadPoolExecutor(2) as pool:
        flying = pool.submit(client.request, "GET", "/together/flight", params={"together": 2})
        wait_until(lambda: server.requests == 1)
        waiting = pool.submit(client.request, "GET", "/never")
        wait_until(lambda: client.rate_limits[RateClass.OTHER].leased == 2)
        client.close()
        with httpx.Client() as other:
            other.get(f"{server.url}/together/flight?together=2")
        assert flying.result(20).status == 200
        with pytest.raises(ConfigurationError, match="this client is closed") as caught:
            waiting.result(20)
    assert caught.value.outcome == "not_sent"
    assert "/never" not in server.paths
