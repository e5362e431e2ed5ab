"""Children whose fork ran no hooks of Python, as those of uWSGI, notice it at their first call."""

from __future__ import annotations

import asyncio
import gc
import threading
import time
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventpay import RateClass, RateLimits
from inventpay._concurrency import forking
from inventpay._core.random_share import random_share
from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore
from inventpay.webhooks.leases import LeaseKeeper
from inventpay.webhooks.seen import Claim, ClaimStatus
from tests.support.hookless import HooklessChild, alone, needs_fork
from tests.support.servers import async_client, blocking_client, echo_process, read

pytestmark = [needs_fork, pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")]

OTHER = RateClass.OTHER


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """A server in another process: the children do not inherit its sockets."""
    with echo_process() as url:
        yield url


@alone
def test_the_handlers_run_once_and_before_anything_else(base_url: str) -> None:
    """Every handler that is registered runs at the first call of the child, once, and never in the parent."""

    class Counting:
        def __init__(self) -> None:
            self.calls = 0

        def fork_lock(self) -> forking.Lock:
            return threading.Lock()

        def after_fork_in_child(self) -> None:
            self.calls += 1

    thing = Counting()
    forking.register_fork_handler(thing)
    with blocking_client(base_url) as client:
        client.request("GET", "/before")

        def in_child() -> tuple[int, int, int]:
            before = thing.calls
            client.request("GET", "/first")
            first = thing.calls
            client.request("GET", "/second")
            return before, first, thing.calls

        assert HooklessChild(in_child).result == (0, 1, 1)
        client.request("GET", "/after")
    assert thing.calls == 0


@alone
def test_threads_of_the_child_wait_until_the_handlers_ran(monkeypatch: pytest.MonkeyPatch) -> None:
    """None of several threads that begin at once sees the state of the parent."""
    seen: list[int] = []
    calls: list[float] = []

    class Slow:
        def fork_lock(self) -> forking.Lock:
            return threading.Lock()

        def after_fork_in_child(self) -> None:
            time.sleep(0.2)
            calls.append(time.monotonic())

    slow = Slow()
    forking.register_fork_handler(slow)

    def work() -> None:
        forking.notice_fork()
        seen.append(len(calls))

    def in_child() -> list[int]:
        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        return seen

    assert HooklessChild(in_child).result == [1, 1, 1, 1]


@pytest.mark.parametrize("calls_before", [0, 1])
@alone
def test_no_lock_of_the_parent_stops_the_child(base_url: str, calls_before: int, tmp_path: Path) -> None:
    """After a fork while another thread holds every lock, calls, watching, snapshots and stores work in the child."""
    client = blocking_client(base_url)
    memory, file = MemorySeenStore(), SQLiteSeenStore(tmp_path / "seen.sqlite3")
    keeper = LeaseKeeper(memory, 30.0)
    event: Any = object()
    for _ in range(calls_before):
        client.request("GET", "/before")
        file.claim(["before"], 30.0)
    locks = [thing.fork_lock() for thing in list(forking._fork_aware)]
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        taken = [lock for lock in locks if lock.acquire(timeout=1)]
        held.set()
        release.wait(20)
        for lock in taken:
            lock.release()

    def in_child() -> Any:
        paths = [read(client.request("GET", "/child"))["path"]]
        assert client._polling.feed("cmh1", event) == 0
        claims = [store.claim(["event"], 30.0) for store in (memory, file)]
        assert all(isinstance(claim, Claim) for claim in claims)
        first = claims[0]
        assert isinstance(first, Claim)
        with keeper.hold(first):
            assert memory.finish(first)
        client.close()
        return paths, len(client._limiter.snapshot(0.0))

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        assert HooklessChild(in_child).result == (["/child"], len(RateClass))
    finally:
        release.set()
        thread.join()
    client.close()
    file.close()


@alone
def test_parent_and_child_use_connections_of_their_own(base_url: str) -> None:
    """Both go on with the same client, and the child's end does not harm the parent's connection."""
    with blocking_client(base_url) as client:
        before = read(client.request("GET", "/before"))["connection"]

        def in_child() -> set[int]:
            return {read(client.request("GET", f"/child/{number}"))["connection"] for number in range(3)}

        child = HooklessChild(in_child)
        assert read(client.request("GET", "/parent"))["connection"] == before
        assert before not in child.result
        assert read(client.request("GET", "/after"))["connection"] == before


@alone
def test_an_async_client_in_parent_and_child(base_url: str) -> None:
    """An async client in the child opens its own connection, like the blocking one."""
    client = async_client(base_url)

    async def ask(who: str) -> int:
        number: int = read(await client.request("GET", f"/{who}"))["connection"]
        return number

    with asyncio.Runner() as runner:
        before = runner.run(ask("before"))
        child = HooklessChild(lambda: asyncio.run(ask("child")))
        assert child.result != before
        assert runner.run(ask("after")) == before
        runner.run(client.aclose())


@alone
def test_a_child_that_drops_its_copy_leaves_the_parents_connection(base_url: str) -> None:
    """A client that the child never used is not closed there, and nothing is said about it."""
    clients = [blocking_client(base_url)]
    before = read(clients[0].request("GET", "/before"))["connection"]

    def in_child() -> list[str]:
        with warnings.catch_warnings(record=True) as said:
            warnings.simplefilter("always")
            clients.clear()
            gc.collect()
        return [str(warning.message) for warning in said if "Connection" in str(warning.message)]

    assert HooklessChild(in_child).result == []
    assert read(clients[0].request("GET", "/after"))["connection"] == before
    clients[0].close()


@alone
def test_tokens_of_the_parent_count_in_the_child(base_url: str) -> None:
    """Calls in flight in the parent count as answered in the child, and their ends change nothing there."""
    with blocking_client(base_url, rate_limits=RateLimits(other=10)) as client:
        client.request("GET", "/answered")
        lease = client._limiter.acquire(OTHER, client._backend)

        def in_child() -> tuple[int, int, int]:
            seen = client.rate_limits[OTHER]
            lease.answered(time.monotonic(), 200, {})
            return seen.available, seen.leased, client.rate_limits[OTHER].available

        assert HooklessChild(in_child).result == (8, 0, 8)
        assert client.rate_limits[OTHER].leased == 1
        lease.refund(time.monotonic())


@alone
def test_a_file_of_the_parent_is_opened_again(tmp_path: Path) -> None:
    """The child has a connection to the file of its own, and sees the parent's claims."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    claim = store.claim(["event"], 30.0)
    assert isinstance(claim, Claim)
    inherited = store._file._connection

    def in_child() -> tuple[object, bool]:
        status = store.claim(["event"], 30.0)
        return status, store._file._connection is inherited

    assert HooklessChild(in_child).result == (ClaimStatus.BUSY, False)
    assert store.finish(claim)
    assert store.claim(["event"], 30.0) is ClaimStatus.HANDLED
    store.close()


@alone
def test_children_do_not_share_their_chances() -> None:
    """Lateness and jitter differ between children, although the generator of :mod:`random` is the same in all."""
    children = [HooklessChild(lambda: [random_share() for _ in range(3)]) for _ in range(2)]
    first, second = (child.result for child in children)
    assert first != second
    assert all(0.0 <= share < 1.0 for share in (*first, *second))
