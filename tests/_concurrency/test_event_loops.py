"""Event loops: a client serves every loop it is used in, and nothing of it outlives the loop."""

from __future__ import annotations

import asyncio
import gc
import sys
import threading
import warnings
from collections.abc import Callable, Coroutine, Iterator
from types import ModuleType
from typing import Any

import anyio
import httpx
import httpx2
import pytest
import trio

from inventpay import APITimeoutError, AsyncInventPay, ConfigurationError, InventPay
from inventpay._concurrency.event_loops import current_loop
from tests.support.servers import (
    EchoServer,
    async_client,
    blocking_client,
    descriptors,
    echo_process,
    echo_thread,
    read,
    wait_until,
)
from tests.support.tls import server_context, trusted

TRANSPORTS = pytest.mark.parametrize("transport", [None, "aiohttp"])

# asyncio's warning on sockets in a loop that was closed by hand, before anybody could close them.
LEFT_BEHIND = pytest.mark.filterwarnings(
    "ignore:unclosed:ResourceWarning", "ignore::pytest.PytestUnraisableExceptionWarning"
)


@pytest.fixture(scope="module")
def server() -> Iterator[EchoServer]:
    """A server that tests look into."""
    with echo_thread() as running:
        yield running


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """A server whose descriptors are not counted here."""
    with echo_process() as url:
        yield url


async def get(client: AsyncInventPay, path: str = "/loop") -> dict[str, Any]:
    """One call."""
    return read(await client.request("GET", path))


@TRANSPORTS
def test_four_runs_reach_the_server_four_times(server: EchoServer, transport: Any) -> None:
    """Four calls through one client, each in an `asyncio.run` of its own, are four requests and four answers."""
    before = server.requests
    client = async_client(server.url, transport=transport, max_retries=2)
    answers = [asyncio.run(get(client, f"/run/{number}")) for number in range(4)]
    assert [answer["path"] for answer in answers] == ["/run/0", "/run/1", "/run/2", "/run/3"]
    assert len({answer["connection"] for answer in answers}) == 4
    assert server.requests - before == 4


@TRANSPORTS
@pytest.mark.parametrize("runs", [200, pytest.param(1_000, marks=pytest.mark.soak)])
def test_hundreds_of_runs_leave_no_descriptor_open(base_url: str, transport: Any, runs: int) -> None:
    """However often a client changes its loop, the loop that ends takes its descriptors with it."""
    client = async_client(base_url, transport=transport)
    asyncio.run(get(client))
    before = descriptors()
    for _ in range(runs):
        asyncio.run(get(client))
    assert descriptors() == before


def test_runs_over_tls_leave_no_descriptor_open() -> None:
    """It holds with TLS, whose connections have more to close."""
    with echo_thread(server_context()) as server:
        client = async_client(server.url, verify=trusted())
        asyncio.run(get(client))
        before = descriptors()
        for _ in range(20):
            asyncio.run(get(client))
        # Connections that the server in this process still has to close.
        assert descriptors() <= before + 2


@LEFT_BEHIND
@TRANSPORTS
def test_a_loop_closed_by_hand_hands_over_to_the_next(
    base_url: str, transport: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """After `loop.close()` without any farewell the client works in the next loop, and descriptors do not pile up."""
    client = async_client(base_url, transport=transport)
    before = descriptors()
    connections: set[int] = set()
    for _ in range(100):
        loop = asyncio.new_event_loop()
        for _ in range(2):
            connections.add(loop.run_until_complete(get(client))["connection"])
        loop.close()
    assert len(connections) == 100
    assert len(client._connection._pools) == 1
    # The last loop's connection: no other came after it.
    assert descriptors() <= before + 1
    asyncio.run(client.aclose())
    del loop
    assert descriptors() == before
    assert not caplog.records


@TRANSPORTS
def test_a_loop_that_is_kept_keeps_its_connection(server: EchoServer, transport: Any) -> None:
    """Between two runs of one loop nothing is closed; a runner closes it at its end."""
    client = async_client(server.url, transport=transport)
    with asyncio.Runner() as runner:
        first, second = runner.run(get(client)), runner.run(get(client))
    assert first["connection"] == second["connection"]
    assert not client._connection._pools


@pytest.mark.parametrize("number", range(3))
async def test_every_test_of_pytest_asyncio_has_a_loop(server: EchoServer, number: int) -> None:
    """A client made at import time works in every test, which all run in loops of their own."""
    answer = await get(_shared(server), f"/test/{number}")
    assert answer["path"] == f"/test/{number}"
    assert len(_shared(server)._connection._pools) == 1


_clients: list[AsyncInventPay] = []


def _shared(server: EchoServer) -> AsyncInventPay:
    if not _clients:
        _clients.append(async_client(server.url))
    return _clients[0]


def test_two_loops_at_once(server: EchoServer) -> None:
    """Loops in two threads use one client at the same time, each with connections of its own."""
    client = async_client(server.url)
    connections: dict[str, set[int]] = {}

    async def many(who: str) -> None:
        mine = client.with_options(headers={"X-Who": who})
        answers = [read(await mine.request("GET", "/two")) for _ in range(100)]
        assert {answer["who"] for answer in answers} == {who}
        connections[who] = {answer["connection"] for answer in answers}

    threads = [threading.Thread(target=lambda who=who: asyncio.run(many(who))) for who in ("one", "two")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(20)
    assert connections.keys() == {"one", "two"}
    assert not connections["one"] & connections["two"]


def test_closing_in_one_loop_closes_in_the_other(server: EchoServer) -> None:
    """`aclose` also ends what belongs to a loop in another thread, over there, and refuses calls from everywhere."""
    client = async_client(server.url)
    ready, go_on = threading.Event(), threading.Event()
    outcome: list[Any] = []
    wait_until(lambda: server.open == 0)

    async def other() -> None:
        await get(client)
        ready.set()
        await asyncio.to_thread(go_on.wait, 20)
        await asyncio.to_thread(wait_until, lambda: server.open == 0)
        with pytest.raises(ConfigurationError, match="this client is closed") as caught:
            await get(client)
        outcome.append(caught.value.outcome)

    thread = threading.Thread(target=lambda: asyncio.run(other()))
    thread.start()
    assert ready.wait(20)
    asyncio.run(client.aclose())
    go_on.set()
    thread.join(20)
    assert outcome == ["not_sent"]


def test_closing_after_a_loop_was_closed_by_hand(base_url: str, caplog: pytest.LogCaptureFixture) -> None:
    """`aclose` in a later loop lets go of what a dead one left, without a word from aiohttp."""
    client = async_client(base_url, transport="aiohttp")
    loop = asyncio.new_event_loop()
    loop.run_until_complete(get(client))
    loop.close()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(client.aclose())
        del client, loop
        gc.collect()
    assert not caplog.records


async def test_the_blocking_client_works_inside_a_running_loop(server: EchoServer) -> None:
    """As in a notebook: `InventPay` has nothing to do with the event loop that happens to run."""
    with blocking_client(server.url) as client:
        assert read(client.request("GET", "/notebook"))["path"] == "/notebook"


def test_the_blocking_client_works_inside_trio(server: EchoServer) -> None:
    """It holds under trio."""

    async def main() -> None:
        with blocking_client(server.url) as client:
            assert read(client.request("GET", "/notebook"))["path"] == "/notebook"

    trio.run(main)


def test_calls_while_a_loop_shuts_down_do_not_linger(server: EchoServer) -> None:
    """A generator that is finished by the end of the loop may still call; what that opens is not counted as a pool."""
    client = async_client(server.url)
    said: list[str] = []

    async def generator() -> Any:
        try:
            yield
        finally:
            said.append((await get(client, "/last"))["path"])

    async def main() -> None:
        await get(client)
        global _kept
        _kept = generator()
        await anext(_kept)

    with warnings.catch_warnings():
        # asyncio's, about a generator that begins so late; it closes none of them.
        warnings.simplefilter("ignore", ResourceWarning)
        asyncio.run(main())
        assert said == ["/last"]
        asyncio.run(get(client))
        asyncio.run(client.aclose())
        gc.collect()


_kept: Any = None


# --- trio ---


def test_several_runs_of_trio(server: EchoServer) -> None:
    """Trio's runs are loops as well: each gets connections of its own and closes them at its end."""
    client = async_client(server.url)

    async def main() -> list[int]:
        return [(await get(client))["connection"] for _ in range(2)]

    runs = [trio.run(main) for _ in range(3)]
    assert all(first == second for first, second in runs)
    assert len({first for first, _ in runs}) == 3
    assert not client._connection._pools
    wait_until(lambda: server.open == 0)


def test_one_client_in_asyncio_and_trio(server: EchoServer) -> None:
    """One after the other, both libraries use it."""
    client = async_client(server.url)

    async def main() -> str:
        path: str = (await get(client))["path"]
        return path

    assert [asyncio.run(main()), trio.run(main), asyncio.run(main())] == ["/loop"] * 3


def test_a_closed_client_is_silent_under_trio(server: EchoServer) -> None:
    """Trio warns about generators it finds unfinished; closing the client finishes its own."""

    async def main() -> None:
        async with async_client(server.url) as client:
            await get(client)
        gc.collect()

    trio.run(main)


def test_cancellation_under_trio(server: EchoServer) -> None:
    """Cancelled and timed-out calls give their slots back, retired pools are closed, and the client goes on."""

    async def main() -> None:
        async with async_client(server.url, max_connections=3) as client:
            hasty = client.with_options(attempt_timeout=0.02)
            for _ in range(40):
                with trio.move_on_after(0.003) as scope:
                    await client.request("GET", "/slow", params={"hold": 1})
                assert scope.cancelled_caught
            with pytest.raises(APITimeoutError):
                await hasty.request("GET", "/slow", params={"hold": 1})
            async with trio.open_nursery() as nursery:
                for _ in range(3):
                    nursery.start_soon(lambda: client.request("GET", "/together/trio", params={"together": 3}))
        gc.collect()

    trio.run(main)


def test_aiohttp_is_refused_under_trio(server: EchoServer) -> None:
    """`transport="aiohttp"` needs asyncio, and says so before it fails in there."""
    client = async_client(server.url, transport="aiohttp")
    before = server.requests

    async def main() -> None:
        with pytest.raises(ConfigurationError, match="needs asyncio, and this is trio; leave transport= out"):
            await get(client)
        with pytest.raises(ConfigurationError, match="needs asyncio, and this is trio"):
            async_client(server.url, transport="aiohttp")

    trio.run(main)
    assert server.requests == before
    assert asyncio.run(get(client))["path"] == "/loop"


def test_aiohttp_is_refused_in_the_blocking_client() -> None:
    """It is no transport for a client that blocks, and the constructor says what to do."""
    with pytest.raises(ConfigurationError, match="InventPay blocks; use AsyncInventPay"):
        InventPay("pk_live_1", transport="aiohttp")  # type: ignore[arg-type]


# --- connections made elsewhere ---

Lend = Callable[[], dict[str, Any]]

LENT: dict[str, Lend] = {
    "httpx": lambda: {"http_client": httpx.AsyncClient()},
    "httpx2": lambda: {"http_client": httpx2.AsyncClient()},
    "transport with sockets": lambda: {"transport": httpx.AsyncHTTPTransport()},
}


@pytest.mark.parametrize("lend", LENT.values(), ids=LENT)
def test_what_is_lent_serves_one_loop(server: EchoServer, lend: Lend) -> None:
    """A second event loop is refused before anything is sent, for every caller; the first goes on."""
    lent = lend()
    client = async_client(server.url, **lent)
    before = server.requests

    async def refused() -> None:
        with pytest.raises(ConfigurationError, match="serve one event loop of one process") as caught:
            await get(client)
        assert (caught.value.outcome, caught.value.attempts) == ("not_sent", 1)

    with asyncio.Runner() as runner:
        runner.run(get(client))
        thread = threading.Thread(target=lambda: asyncio.run(refused()))
        thread.start()
        thread.join(20)
        runner.run(get(client))
        runner.run(client.aclose())
        for thing in lent.values():
            runner.run(thing.aclose())
    asyncio.run(_is_closed(client))
    assert server.requests - before == 2


async def _is_closed(client: AsyncInventPay) -> None:
    with pytest.raises(ConfigurationError, match="this client is closed"):
        await get(client)


def test_transports_without_sockets_serve_every_loop() -> None:
    """A mock may be used in every loop: it holds nothing that a loop owns."""
    client = async_client("http://localhost", transport=httpx.MockTransport(lambda _: httpx.Response(200, json={})))

    async def status() -> int:
        return (await client.request("GET", "/mock")).status

    assert [asyncio.run(status()), asyncio.run(status()), trio.run(status)] == [200, 200, 200]


def test_without_trio_there_is_only_asyncio(monkeypatch: pytest.MonkeyPatch) -> None:
    """Outside event loops there is none, whether trio was imported, is being imported, or is not there at all."""
    assert current_loop() is None
    monkeypatch.setitem(sys.modules, "trio", ModuleType("trio"))
    assert current_loop() is None
    monkeypatch.delitem(sys.modules, "trio")
    assert current_loop() is None


async def test_a_bound_of_the_caller_reaches_a_call(server: EchoServer) -> None:
    """Timeouts of asyncio, anyio's scopes and cancelled tasks end a call, which the server sees."""

    async def slow() -> None:
        await client.request("GET", "/slow", params={"hold": 1})

    async def cut_off(end: Callable[[], Coroutine[Any, Any, None]]) -> None:
        before = server.cut_off
        await end()
        await asyncio.to_thread(wait_until, lambda: server.cut_off > before)

    async def by_timeout() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.05):
                await slow()

    async def by_scope() -> None:
        with anyio.move_on_after(0.05):
            await slow()

    async def by_task() -> None:
        task = asyncio.create_task(slow())
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    async with async_client(server.url) as client:
        for end in (by_timeout, by_scope, by_task):
            await cut_off(end)
