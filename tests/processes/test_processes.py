"""Forks, Ctrl-C and the end of a process: a connection belongs to one process, and never outlives or outwaits it."""

from __future__ import annotations

import asyncio
import gc
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
from multiprocessing.connection import Connection as Pipe
from typing import Any

import httpx
import pytest

from inventpay import AsyncInventPay, ConfigurationError, InventPay, RateClass, RateLimits
from inventpay._concurrency import forking
from inventpay._limits.limiter import shared_limiter
from tests.support.servers import (
    ROOT,
    EchoServer,
    async_client,
    blocking_client,
    echo_process,
    echo_thread,
    read,
    wait_until,
)
from tests.support.tls import server_context, trusted

ROUNDS = 4
CALLS = 100

if not hasattr(os, "fork"):
    pytest.skip("this system has no fork", allow_module_level=True)

# A fork in a process with threads is what these tests are about.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

_fork = multiprocessing.get_context("fork")


class Child:
    """A forked child that runs a function; `result` is what that returned."""

    def __init__(self, function: Callable[[], Any]) -> None:
        self._mine, theirs = _fork.Pipe()
        self._process = _fork.Process(target=_run, args=(function, theirs))
        self._process.start()
        theirs.close()

    @property
    def result(self) -> Any:
        """Return what the function returned. Fails when it raised or hangs."""
        if not self._mine.poll(20):
            self._process.kill()
            pytest.fail("the child hangs")
        result, trouble = self._mine.recv()
        assert not trouble, trouble
        self._process.join(20)
        assert self._process.exitcode == 0, "the child did not end"
        return result


def _run(function: Callable[[], Any], pipe: Pipe) -> None:
    try:
        pipe.send((function(), ""))
    except BaseException:
        pipe.send((None, traceback.format_exc()))


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """A server in another process: the children do not inherit its sockets."""
    with echo_process() as url:
        yield url


def ask(client: InventPay, who: str) -> list[int]:
    """Make calls, each of which must see its own answer, and return the connections they went over."""
    connections: list[int] = []
    mine = client.with_options(headers={"X-Who": who})
    for number in range(CALLS):
        answer = read(mine.request("GET", f"/{who}/{number}"))
        assert (answer["who"], answer["path"]) == (who, f"/{who}/{number}")
        connections.append(answer["connection"])
    return connections


async def ask_async(client: AsyncInventPay, who: str) -> list[int]:
    """Make them with the other client, with four tasks at a time."""
    mine = client.with_options(headers={"X-Who": who})

    async def some(start: int) -> list[int]:
        connections: list[int] = []
        for number in range(start, CALLS, 4):
            answer = read(await mine.request("GET", f"/{who}/{number}"))
            assert (answer["who"], answer["path"]) == (who, f"/{who}/{number}")
            connections.append(answer["connection"])
        return connections

    return [number for numbers in await asyncio.gather(*map(some, range(4))) for number in numbers]


def test_parent_and_child_never_see_each_others_answers(base_url: str) -> None:
    """Both go on with the same client after a fork: each gets its own answers, over connections of its own."""
    with blocking_client(base_url) as client:
        before = ask(client, "before")
        for _ in range(ROUNDS):
            child = Child(lambda: ask(client, "child"))
            parents = ask(client, "parent")
            forked = child.result
            assert not {*parents} & {*forked}
            assert {*parents} == {*before}, "the child harmed the parent's connection"


def test_an_async_parent_and_its_child_never_see_each_others_answers(base_url: str) -> None:
    """The child runs an event loop of its own, while the parent's goes on with its connections."""
    client = async_client(base_url)
    with asyncio.Runner() as runner:
        before = runner.run(ask_async(client, "before"))
        for _ in range(ROUNDS):
            child = Child(lambda: asyncio.run(ask_async(client, "child")))
            parents = runner.run(ask_async(client, "parent"))
            assert not {*parents} & {*child.result}
            assert {*parents} <= {*before}, "the child harmed the parent's connections"
        runner.run(client.aclose())


async def test_a_fork_inside_a_running_loop_leaves_the_loop_alone(base_url: str) -> None:
    """A child forked by a task works, closes the client and ends; the parent's loop goes on with its connections."""
    async with async_client(base_url) as client:
        before = await ask_async(client, "before")
        child = os.fork()
        if not child:
            try:
                asyncio.run(ask_async(client, "child"))
                asyncio.run(client.aclose())
                del client
                gc.collect()
                os._exit(0)
            finally:
                os._exit(1)
        parents = await ask_async(client, "parent")
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert status == 0
        assert {*parents} <= {*before}
        assert {*await ask_async(client, "parent")} <= {*before}


def test_a_child_may_close_its_copy_of_the_client(base_url: str) -> None:
    """Closing or dropping the client in a child neither closes the parent's connection nor warns."""

    def close() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            client.close()

    with blocking_client(base_url) as client:
        before = read(client.request("GET", "/before"))["connection"]
        Child(close).result  # noqa: B018 - fails where the child failed
        assert read(client.request("GET", "/after"))["connection"] == before


def test_a_child_may_drop_its_copy_of_the_client(base_url: str) -> None:
    """Connections that a child drops are the parent's to close, so no warning comes there."""
    clients = [blocking_client(base_url)]
    before = read(clients[0].request("GET", "/before"))["connection"]

    def drop() -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            clients.clear()
            gc.collect()

    Child(drop).result  # noqa: B018
    assert read(clients[0].request("GET", "/after"))["connection"] == before
    clients[0].close()


def test_tls_connections_are_not_shared_either() -> None:
    """Over TLS, where a shared connection would break the record counters, both go on as well."""
    with echo_thread(server_context()) as server, blocking_client(server.url, verify=trusted()) as client:
        before = read(client.request("GET", "/before"))["connection"]
        child = Child(lambda: read(client.request("GET", "/child"))["connection"])
        assert child.result != before
        assert read(client.request("GET", "/after"))["connection"] == before


def test_forks_while_other_threads_are_in_flight(base_url: str) -> None:
    """At any moment of a fork among the calls of four threads, the child works and none hangs."""
    failures: list[BaseException] = []
    over = threading.Event()
    # The C library's resolver does not survive a fork in the middle of a look-up, so all connect before the first one.
    connected = threading.Barrier(5)

    def call(number: int) -> None:
        mine = client.with_options(headers={"X-Who": f"thread {number}"})
        try:
            read(mine.request("GET", "/first"))
            connected.wait(20)
            while not over.is_set():
                assert read(mine.request("GET", "/busy"))["who"] == f"thread {number}"
        except BaseException as error:
            failures.append(error)

    with blocking_client(base_url) as client:
        threads = [threading.Thread(target=call, args=[number]) for number in range(4)]
        for thread in threads:
            thread.start()
        connected.wait(20)
        try:
            for _ in range(8):
                child = Child(lambda: read(client.with_options(headers={"X-Who": "child"}).request("GET", "/child")))
                assert child.result["who"] == "child"
        finally:
            over.set()
            for thread in threads:
                thread.join(20)
    assert not failures


@pytest.mark.parametrize("calls_before", [0, 1])
def test_a_fork_while_another_thread_holds_every_lock(
    base_url: str, calls_before: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The child does not wait for a thread that lives on in the parent only."""
    monkeypatch.setattr(forking, "_PATIENCE", 0.01)
    client = blocking_client(base_url)
    for _ in range(calls_before):
        client.request("GET", "/before")
    classes: Any = client._limiter
    locks = [client._connection._lock, *(class_limiter.lock for class_limiter in classes._classes.values())]
    held, release = threading.Event(), threading.Event()

    def hold() -> None:
        for lock in locks:
            lock.acquire()
        held.set()
        release.wait(20)
        for lock in locks:
            lock.release()

    def in_child() -> Any:
        limiter = shared_limiter("pk_live_of_a_child", base_url, RateLimits())
        return read(client.request("GET", "/child"))["path"], repr(client._connection), len(limiter.snapshot(0.0))

    thread = threading.Thread(target=hold)
    thread.start()
    assert held.wait(10)
    try:
        path, shown, classes = Child(in_child).result
    finally:
        release.set()
        thread.join()
    assert path == "/child"
    assert "1 pools" in shown
    assert classes == len(RateClass)
    client.close()


def test_tokens_that_the_parent_leased_count_in_the_child(base_url: str) -> None:
    """A child starts with what the parent has sent: calls in flight over there count as answered, none is leased."""
    limits = RateLimits(other=10)
    with blocking_client(base_url, rate_limits=limits) as client:
        for _ in range(3):
            client.request("GET", "/answered")
        lease = client._limiter.acquire(RateClass.OTHER, client._backend)

        def in_child() -> Any:
            ended = client.rate_limits[RateClass.OTHER]
            lease.answered(time.monotonic(), 200, {})
            after = client.rate_limits[RateClass.OTHER]
            return ended.available, ended.leased, after.available, after.leased

        assert Child(in_child).result == (6, 0, 6, 0)
        assert client.rate_limits[RateClass.OTHER].leased == 1
        lease.refund(time.monotonic())
        assert client.rate_limits[RateClass.OTHER].available == 7


def test_a_lent_http_client_is_refused_in_a_child(base_url: str) -> None:
    """A client made elsewhere serves one process: a child gets an error before a byte is sent."""
    with httpx.Client() as lent, blocking_client(base_url, http_client=lent) as client:
        first = read(client.request("GET", "/parent"))

        def in_child() -> Any:
            with pytest.raises(ConfigurationError, match="serve one event loop of one process") as caught:
                client.request("GET", "/child")
            return caught.value.outcome, caught.value.attempts

        assert Child(in_child).result[0] == "not_sent"
        second = read(client.request("GET", "/parent"))
        assert (second["request"], second["connection"]) == (first["request"] + 1, first["connection"])


# --- Ctrl-C and the end of the process ---

SETTINGS = "base_url={url!r}, api_key='pk_live_1', max_retries=0"

BLOCKING_CALL = f"""
from inventpay import InventPay
with InventPay({SETTINGS}) as client:
    client.request("GET", "/slow", params={{{{"hold": 1}}}})
"""

ASYNC_CALL = f"""
import asyncio
from inventpay import AsyncInventPay
async def main():
    async with AsyncInventPay({SETTINGS}) as client:
        await client.request("GET", "/slow", params={{{{"hold": 1}}}})
asyncio.run(main())
"""


def script(text: str, url: str, *flags: str) -> subprocess.Popen[str]:
    """A Python process that runs this script."""
    return subprocess.Popen(
        [sys.executable, *flags, "-c", text.format(url=url)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    """A server that tests look into."""
    with echo_thread() as running:
        yield running


@pytest.mark.parametrize("text", [BLOCKING_CALL, ASYNC_CALL], ids=["blocking", "async"])
def test_ctrl_c_ends_a_slow_call_at_once(server: EchoServer, text: str) -> None:
    """The process ends while the server holds its answer back, the server sees it leave, and the traceback is short."""
    requests, cut_off = server.requests, server.cut_off
    with script(text, server.url) as process:
        wait_until(lambda: server.requests > requests)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=10)
    wait_until(lambda: server.cut_off > cut_off)
    assert process.returncode == -signal.SIGINT
    assert said.splitlines()[-1].startswith("KeyboardInterrupt")
    assert "httpcore" not in said
    assert said.count('  File "') < 25
    assert said.count("inventpay/_") < 10


DROPPED = f"""
from inventpay import InventPay
client = InventPay({SETTINGS})
client.request("GET", "/dropped")
"""

DROPPED_EARLY = DROPPED + "del client\n"

DROPPED_IN_A_LOOP = f"""
import asyncio
from inventpay import AsyncInventPay
async def main():
    client = AsyncInventPay({SETTINGS})
    await client.request("GET", "/dropped")
asyncio.run(main())
"""

CLOSED = DROPPED + "client.close()\n"

CLOSED_IN_A_LOOP = DROPPED_IN_A_LOOP.replace("\nasyncio.run", "\n    await client.aclose()\nasyncio.run")

LEFT_TO_THE_LOOP = DROPPED_IN_A_LOOP.replace("    client =", "    global client\n    client =")


@pytest.mark.parametrize("text", [DROPPED, DROPPED_EARLY, DROPPED_IN_A_LOOP], ids=["at exit", "early", "in a loop"])
def test_a_dropped_client_warns_and_lets_the_process_end(server: EchoServer, text: str) -> None:
    """A client that was not closed emits a ResourceWarning that names it, exit code 0, and no process that hangs."""
    with script(text, server.url, "-W", "error") as process:
        _, said = process.communicate(timeout=20)
    assert process.returncode == 0
    assert "ResourceWarning: <" in said
    assert f"Connection to {server.url}: 1 pools, 0 requests in flight> was dropped without being closed" in said
    # The warning, as an exception that cannot be caught, and nothing else.
    assert said.count("Exception ignored") == 1
    assert "Error" not in said


@pytest.mark.parametrize(
    "text", [CLOSED, CLOSED_IN_A_LOOP, LEFT_TO_THE_LOOP], ids=["closed", "closed in a loop", "left to the loop"]
)
def test_a_closed_client_is_silent(server: EchoServer, text: str) -> None:
    """Nothing is said about a client that was closed, by its user or by the end of its event loop."""
    with script(text, server.url, "-W", "error") as process:
        said = process.communicate(timeout=20)
    assert (process.returncode, *said) == (0, "", "")


def test_warnings_are_off_by_default(server: EchoServer) -> None:
    """A forgotten client in a script says nothing in ordinary use."""
    with script(DROPPED, server.url) as process:
        said = process.communicate(timeout=20)
    assert (process.returncode, *said) == (0, "", "")


def test_a_dropped_client_closes_its_sockets(server: EchoServer) -> None:
    """The sockets of a forgotten client do not stay open until the process ends."""
    client = blocking_client(server.url)
    client.request("GET", "/dropped")
    assert server.open == 1
    with pytest.warns(ResourceWarning, match="was dropped without being closed"):
        del client
    wait_until(lambda: server.open == 0)


async def test_a_dropped_async_client_closes_its_sockets_in_its_loop(server: EchoServer) -> None:
    """The event loop closes what a forgotten client had open, without waiting for its own end."""
    client = async_client(server.url)
    await client.request("GET", "/dropped")
    with pytest.warns(ResourceWarning, match="was dropped without being closed"):
        del client
    await asyncio.to_thread(wait_until, lambda: server.open == 0)
