"""The connection: which HTTP client a request uses, what is reported of it, and what its end leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import ssl
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

import inventpay._async.connection
import inventpay._sync.connection
from inventpay import (
    APIConnectionError,
    APITimeoutError,
    AsyncInventPay,
    ConfigurationError,
    DecodeError,
    InventPay,
    RateClass,
)
from inventpay._async.connection import AsyncConnection
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._concurrency.threads import Backend
from inventpay._sync.connection import Connection
from inventpay._transport import response_body
from inventpay._transport.progress import Progress
from inventpay._transport.settings import read_connection_settings
from tests.support.servers import EchoServer, async_client, blocking_client, echo_thread, read, wait_until

TRANSPORTS = pytest.mark.parametrize("transport", [None, "aiohttp"])


@pytest.fixture
def server() -> Iterator[EchoServer]:
    """A server that tests look into."""
    with echo_thread() as running:
        yield running


async def cut_off(client: AsyncInventPay, times: int = 1) -> None:
    """Calls that are cancelled while the server holds its answer back."""
    for _ in range(times):
        with pytest.raises(APITimeoutError):
            await client.with_options(attempt_timeout=0.005).request("GET", "/slow", params={"hold": 1})


async def fly(client: AsyncInventPay, server: EchoServer) -> asyncio.Task[Any]:
    """A call that is on its way until another caller asks for the same."""
    before = server.requests
    task = asyncio.create_task(client.request("GET", "/together/flight", params={"together": 2}))
    await asyncio.to_thread(wait_until, lambda: server.requests > before)
    return task


async def land(task: asyncio.Task[Any], server: EchoServer) -> dict[str, Any]:
    """Lets that call end."""
    async with httpx.AsyncClient() as other:
        await other.get(f"{server.url}/together/flight?together=2")
    return read(await task)


async def test_calls_reuse_their_connection(server: EchoServer) -> None:
    """One after the other, calls go over one connection."""
    async with async_client(server.url) as client:
        assert {read(await client.request("GET", "/again"))["connection"] for _ in range(5)} == {1}
        assert repr(client._connection) == f"<AsyncConnection to {server.url}: 1 pools, 0 requests in flight>"
    assert repr(client._connection) == f"<AsyncConnection to {server.url}: closed>"


@TRANSPORTS
async def test_cut_off_requests_leave_no_connection(server: EchoServer, transport: Any) -> None:
    """A request that is cut off closes its connection; the others stay open and are used again."""
    async with async_client(server.url, transport=transport) as client:
        await client.request("GET", "/first")
        await cut_off(client, 40)
        assert read(await client.request("GET", "/then"))["path"] == "/then"
        await asyncio.to_thread(wait_until, lambda: server.open == 1)


@TRANSPORTS
async def test_cut_off_requests_free_their_slots(server: EchoServer, transport: Any) -> None:
    """After many, with a request in flight, no more and no fewer connections are used than before."""
    async with async_client(server.url, transport=transport, max_connections=2) as client:
        task = await fly(client, server)
        await cut_off(client, 40)
        await land(task, server)
        before = server.requests
        three = [asyncio.create_task(client.request("GET", "/three", params={"together": 3})) for _ in range(2)]
        await asyncio.to_thread(wait_until, lambda: server.requests == before + 2)
        with pytest.raises(APITimeoutError) as caught:
            await client.with_options(attempt_timeout=0.1).request("GET", "/three", params={"together": 3})
        assert caught.value.outcome == "not_sent"
        for task in three:
            task.cancel()
        await asyncio.wait(three)
        two = [client.request("GET", "/together/two", params={"together": 2}) for _ in range(2)]
        assert [answer.status for answer in await asyncio.gather(*two)] == [200, 200]


@TRANSPORTS
async def test_closing_lets_requests_in_flight_end(server: EchoServer, transport: Any) -> None:
    """`aclose` refuses new calls, and closes a connection in use when its answer is there."""
    client = async_client(server.url, transport=transport)
    await client.request("POST", "/withdrawal-like")  # a second HTTP client
    task = await fly(client, server)
    await client.aclose()
    await client.aclose()
    assert (await land(task, server))["path"] == "/together/flight"
    await asyncio.to_thread(wait_until, lambda: server.open == 0)
    assert client._connection._pools == {}


@TRANSPORTS
async def test_closing_when_nothing_was_opened(server: EchoServer, transport: Any) -> None:
    """A client that sent nothing has nothing to close, and one whose only request is still unsent neither."""
    await async_client(server.url, transport=transport).aclose()
    client = async_client(server.url, transport=transport, max_connections=1)
    task = await fly(client, server)
    await client.aclose()
    await land(task, server)
    assert server.requests == 2


@TRANSPORTS
async def test_a_cancelled_request_still_closes_its_pool(server: EchoServer, transport: Any) -> None:
    """`Task.cancel()` at any moment of the closing, twice even, interrupts the request and not the closing."""
    for ticks in range(6):
        client = async_client(server.url, transport=transport)
        await client.request("POST", "/withdrawal-like")
        task = await fly(client, server)
        await client.aclose()
        for _ in range(2):
            task.cancel()
            for _ in range(ticks):
                await asyncio.sleep(0)
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.to_thread(wait_until, lambda: server.open == 0)
        del client
        gc.collect()


async def test_a_client_that_cannot_be_closed_harms_no_call(server: EchoServer, monkeypatch: Any) -> None:
    """An error while the last request closes the HTTP clients is not raised by that request."""

    async def fail(self: Any) -> None:
        await close(self)
        raise OSError("no farewell")

    close = httpx.AsyncClient.aclose
    monkeypatch.setattr(httpx.AsyncClient, "aclose", fail)
    client = async_client(server.url)
    task = await fly(client, server)
    await client.aclose()
    assert (await land(task, server))["path"] == "/together/flight"
    await asyncio.to_thread(wait_until, lambda: server.open == 0)


def test_the_lock_may_be_asked_for_again_by_its_holder(server: EchoServer) -> None:
    """The garbage collector may end a request inside the very lock: that must not hang."""
    with blocking_client(server.url) as client:
        with client._connection._lock, client._limiter._classes[RateClass.OTHER].lock:  # type: ignore[attr-defined]
            client.request("GET", "/inside")
        assert server.requests == 1


# --- what is fresh ---


@TRANSPORTS
async def test_what_moves_money_uses_a_new_connection(server: EchoServer, transport: Any) -> None:
    """A connection that was used before carries no withdrawal; reads use theirs, and leave none open for each."""
    async with async_client(server.url, transport=transport) as client:
        methods = ("GET", "POST", "POST", "GET", "POST", "GET")
        used = [read(await client.request(method, "/unknown"))["connection"] for method in methods]
        for index, method in enumerate(methods):
            assert method == "GET" or used[index] not in used[:index]
        await asyncio.to_thread(wait_until, lambda: server.open == 1)


def test_the_blocking_client_does_the_same(server: EchoServer) -> None:
    """A withdrawal takes the place of the connection that was used last."""
    with blocking_client(server.url) as client:
        used = [read(client.request(method, "/unknown"))["connection"] for method in ("GET", "POST", "POST", "GET")]
        assert used == [1, 2, 3, 3]
        wait_until(lambda: server.open == 1)


@TRANSPORTS
async def test_a_server_that_closes_idle_connections_fails_no_withdrawal(server: EchoServer, transport: Any) -> None:
    """Where every connection is closed after its answer, twenty calls in a row that are sent once all succeed."""
    async with async_client(server.url, transport=transport) as client:
        for _ in range(20):
            answer = await client.request("POST", "/unknown", params={"close": 1})
            assert answer.status == 200
            await asyncio.to_thread(wait_until, lambda: server.open == 0)
    assert server.connections == 20


def test_the_same_for_the_blocking_client(server: EchoServer) -> None:
    """The blocking client makes a new connection where the server closed the last one."""
    with blocking_client(server.url) as client:
        for _ in range(20):
            assert client.request("POST", "/unknown", params={"close": 1}).status == 200
            wait_until(lambda: server.open == 0)
    assert server.connections == 20


# --- progress of a request ---


async def test_a_call_cut_off_before_its_turn_was_not_sent(server: EchoServer) -> None:
    """Waiting for a connection is before the first byte: the token comes back and the outcome is certain."""
    async with async_client(server.url, max_connections=1) as client:
        task = await fly(client, server)
        with pytest.raises(APITimeoutError) as caught:
            await client.with_options(attempt_timeout=0.05).request("POST", "/never")
        assert caught.value.outcome == "not_sent"
        assert client.rate_limits[RateClass.OTHER].leased == 1
        await land(task, server)
    assert "/never" not in server.paths


@pytest.mark.parametrize("kind", ["httpx", "httpx2", "aiohttp", "lent transport"])
async def test_a_call_cut_off_while_it_connects(kind: str) -> None:
    """A transport that reports what is written is believed; of aiohttp, which does not, the worst is assumed."""
    import httpx2

    options: dict[str, Any] = {
        "httpx": dict[str, Any](),
        "httpx2": {"http_client": httpx2.AsyncClient(trust_env=False)},
        "aiohttp": {"transport": "aiohttp"},
        "lent transport": {"transport": httpx.AsyncHTTPTransport()},
    }[kind]
    with _deaf_port() as url:
        client = async_client(url, attempt_timeout=0.2, **options)
        with pytest.raises(APIConnectionError) as caught:
            await client.request("POST", "/unknown")
        await client.aclose()
    assert caught.value.outcome == ("unknown" if kind == "aiohttp" else "not_sent")
    if "http_client" in options:
        await options["http_client"].aclose()


@contextlib.contextmanager
def _deaf_port() -> Iterator[str]:
    """A port whose queue is full: connecting takes for ever."""
    import socket

    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen(0)
        fillers: list[socket.socket] = []
        for _ in range(4):
            filler = socket.socket()
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
            fillers.append(filler)
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
        for filler in fillers:
            filler.close()


async def test_the_exception_a_caller_was_handling_stays_whole() -> None:
    """Tracebacks are taken from the HTTP library's exceptions, not from the one the call was made to cope with."""

    async def call() -> None:
        try:
            raise ValueError("the user's")
        except ValueError:
            await client.request("GET", "/nobody")

    async with async_client("http://127.0.0.1:1") as client:
        with pytest.raises(APIConnectionError) as caught:
            await call()
    cause = caught.value.__cause__
    assert isinstance(cause, httpx.ConnectError)
    assert cause.__traceback__ is None
    with pytest.raises(RuntimeError, match="has not been set"):
        _ = cause.request
    mine = next(linked for linked in contexts(caught.value) if isinstance(linked, ValueError))
    assert mine.__traceback__ is not None


def contexts(error: BaseException) -> Iterator[BaseException]:
    """Every exception that this one is linked to."""
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None:
            yield current
            pending += [current.__cause__, current.__context__]


def test_a_body_may_not_be_endless(monkeypatch: Any) -> None:
    """More than `MAX_BODY` bytes are not read, and the error says so."""
    monkeypatch.setattr(response_body, "MAX_BODY", 1_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b" " * 1_001))
    client = blocking_client("http://localhost", transport=transport)
    with client, pytest.raises(DecodeError, match="the answer is larger than 1000 bytes") as caught:
        client.request("GET", "/large")
    assert caught.value.outcome == "unknown"


async def test_nor_for_the_other_client(monkeypatch: Any) -> None:
    """It holds while awaiting."""
    monkeypatch.setattr(response_body, "MAX_BODY", 1_000)
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=b" " * 1_001))
    async with async_client("http://localhost", transport=transport) as client:
        with pytest.raises(DecodeError, match="the answer is larger than 1000 bytes"):
            await client.request("GET", "/large")


def test_every_step_gets_what_is_left_of_the_attempt() -> None:
    """A blocking request that connected slowly may not take as long again for the answer."""
    clock = _SlowClock()
    with echo_thread() as server:
        connection = Connection(_settings(server.url), clock)
        seen: list[float | None] = []
        progress = Progress(lambda status, headers: None)

        class Spy(httpx.HTTPTransport):
            def handle_request(self, request: httpx.Request) -> httpx.Response:
                trace = request.extensions["trace"]

                def spy(event: str, facts: Any) -> None:
                    trace(event, facts)
                    seen.append(request.extensions["timeout"]["read"])

                request.extensions["trace"] = spy
                return super().handle_request(request)

        spied = Connection(_settings(server.url, transport=Spy()), clock)
        answer = spied.exchange("GET", "/steps", list, None, fresh=False, until=clock.now() + 10, progress=progress)
        assert answer.status == 200
        assert progress.maybe_written
        limits = [limit for limit in seen if limit is not None]
        assert limits == sorted(limits, reverse=True)
        assert limits[-1] < limits[0] < 10
        connection.close()
        spied.close()


class _SlowClock(Backend):
    """Every look at it takes a quarter of a second."""

    def __init__(self) -> None:
        self._now = 0.0

    def now(self) -> float:
        """The time."""
        self._now += 0.25
        return self._now


def _settings(base_url: str, **options: Any) -> Any:
    return read_connection_settings(
        **{
            "base_url": base_url,
            "max_connections": 10,
            "transport": None,
            "http_client": None,
            "proxy": None,
            "verify": True,
            **options,
        }
    )


def test_an_answer_that_does_not_end_in_time() -> None:
    """A body that goes on after the attempt is over is not waited for."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, content=iter([b"{", b"}"])))
    connection = Connection(_settings("http://localhost", transport=transport), _SlowClock())
    progress = Progress(lambda status, headers: None)
    with pytest.raises(APITimeoutError, match="the answer did not end in time") as caught:
        connection.exchange("GET", "/late", list, None, fresh=False, until=0.6, progress=progress)
    assert caught.value.outcome == "unknown"
    connection.close()


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit, asyncio.CancelledError])
async def test_an_interrupt_passes_through(interrupt: type[BaseException]) -> None:
    """An exception that cuts a request off leaves the connection as it is, no frames that hold keys, none in flight."""

    def answer(request: httpx.Request) -> httpx.Response:
        raise interrupt("stop")

    progress = Progress(lambda status, headers: None)
    settings = _settings("http://localhost", transport=httpx.MockTransport(answer))
    connection = Connection(settings, Backend())
    with pytest.raises(interrupt) as caught:
        connection.exchange("POST", "/cut", list, None, fresh=True, until=None, progress=progress)
    assert progress.maybe_written
    other = AsyncConnection(settings, AsyncBackend())
    with pytest.raises(interrupt) as awaited:
        await other.exchange("POST", "/cut", list, None, fresh=True, until=None, progress=progress)
    for error in (caught, awaited):
        assert not any("httpx" in entry.path.parts for entry in error.traceback)
    assert repr(connection).endswith("1 pools, 0 requests in flight>")
    assert repr(other).endswith("1 pools, 0 requests in flight>")
    connection.close()
    await other.aclose()


async def test_a_place_is_opened_once() -> None:
    """Threads that come at the same time share what the first of them opened, clients included."""
    settings = _settings("http://localhost")
    for connection in (Connection(settings, Backend()), AsyncConnection(settings, AsyncBackend())):
        key = connection._backend.connection_key()
        pool: Any = connection._open(key)
        assert connection._open(key) is pool
        made = connection._client(pool, False)
        pool.clients = _Late(pool.clients)
        assert connection._client(pool, False) is made
        assert pool.opened == [made]
        connection.forget(key, [])
        assert connection._pools
        connection.forget(key, pool.opened)
        assert connection._pools == {}


class _Late(dict[bool, Any]):
    """Shows its members at the second look, as if another thread had just put them there."""

    def get(self, key: bool, default: Any = None) -> Any:
        """Nothing, the first time."""
        self.get = super().get  # type: ignore[method-assign]
        return default


class _Process(Backend):
    """A thread of a process whose id changes when a test says so, or of an event loop."""

    pid = 1
    loop: Any = None

    def connection_key(self) -> Any:
        """Where it pretends to be."""
        return (self.pid, self.loop)


class _AsyncProcess(AsyncBackend):
    """It holds for tasks."""

    pid = 1

    def connection_key(self) -> Any:
        """Where it pretends to be."""
        return (self.pid, asyncio.get_running_loop())


async def test_a_fork_that_ran_no_hooks(server: EchoServer) -> None:
    """Where Python did not notice a fork, another process id means other connections all the same."""
    progress = Progress(lambda status, headers: None)
    for module, connection in (
        (inventpay._sync.connection, Connection(_settings(server.url), _Process())),
        (inventpay._async.connection, AsyncConnection(_settings(server.url), _AsyncProcess())),
    ):
        answers: list[Any] = []
        pools: list[Any] = []
        for pid in (1, 2):
            connection._backend.pid = pid  # type: ignore[union-attr]
            answer: Any = connection.exchange("GET", "/fork", list, None, fresh=False, until=None, progress=progress)
            answers.append(read(await answer if asyncio.iscoroutine(answer) else answer))
            pools += connection._pools.values()
            assert len(connection._pools) == 1
        assert answers[0]["connection"] != answers[1]["connection"]
        assert module._inherited.pop() is pools[0]
        for client in [*pools[0].opened, *pools[1].opened]:
            await client.aclose() if hasattr(client, "aclose") else client.close()
        pools[1].opened.clear()


def test_the_twin_has_a_pool_for_each_key(server: EchoServer) -> None:
    """Threads have no loops that die; but the twin's source is that of tasks, and does the same with them."""
    backend = _Process()
    connection = Connection(_settings(server.url), backend)
    progress = Progress(lambda status, headers: None)

    loops = [None, asyncio.new_event_loop(), asyncio.new_event_loop()]
    for backend.loop in loops:
        connection.exchange("GET", "/home", list, None, fresh=False, until=None, progress=progress)
        if backend.loop is not None:
            backend.loop.close()
    # The loop of the first lives; the pool of the second was closed when the third was opened.
    assert [loop for _, loop in connection._pools] == [loops[0], loops[2]]
    wait_until(lambda: server.open == 2)
    backend.loop = None
    connection.close()
    wait_until(lambda: server.open == 0)


def test_what_is_lent_to_a_process_serves_no_other() -> None:
    """A transport with sockets is refused where a fork went unnoticed."""
    backend = _Process()
    connection = Connection(_settings("http://localhost", http_client=httpx.Client()), backend)
    connection._open(backend.connection_key())
    backend.pid = 2
    with pytest.raises(ConfigurationError, match="serve one event loop of one process"):
        connection._open(backend.connection_key())
    backend.pid = 1
    connection._open(backend.connection_key())
    connection.close()


async def test_a_semaphore_without_a_free_slot(server: EchoServer) -> None:
    """A connection that finds no free slot sends nothing, whichever world it is in."""

    class Full:
        async def acquire(self, seconds: float | None) -> bool:
            return False

    connection = AsyncConnection(_settings(server.url), AsyncBackend())
    progress = Progress(lambda status, headers: None)
    connection._open(connection._backend.connection_key()).semaphore = Full()  # type: ignore[assignment]
    with pytest.raises(APITimeoutError, match="all connections were busy for too long"):
        await connection.exchange("GET", "/full", list, None, fresh=False, until=None, progress=progress)
    await connection.aclose()
    assert server.requests == 0


async def test_a_task_that_waits_for_a_connection_ends_with_the_pool(server: EchoServer) -> None:
    """A caller that waits for a connection while the client is closed gets an error instead of a new connection."""
    client = async_client(server.url, max_connections=1)
    task = await fly(client, server)
    waiting = asyncio.create_task(client.request("GET", "/never"))
    await asyncio.sleep(0)
    await client.aclose()
    await land(task, server)
    with pytest.raises(ConfigurationError, match="this client is closed") as caught:
        await waiting
    assert caught.value.outcome == "not_sent"
    assert "/never" not in server.paths


def test_what_a_child_does_first(server: EchoServer) -> None:
    """In a forked child the parent's clients are parked: neither used, closed nor warned about."""
    client = blocking_client(server.url)
    client.request("GET", "/parent")
    (pool,) = client._connection._pools.values()
    client._connection.after_fork_in_child()
    assert inventpay._sync.connection._inherited.pop() is pool
    assert client._connection._pools == {}
    assert read(client.request("GET", "/child"))["connection"] == 2
    client.close()
    pool.opened.pop().close()

    awaited = async_client(server.url)

    async def main() -> None:
        await awaited.request("GET", "/parent")
        (parents,) = awaited._connection._pools.values()
        awaited._connection.after_fork_in_child()
        assert inventpay._async.connection._inherited.pop() is parents
        assert read(await awaited.request("GET", "/child"))["connection"] == 4
        await awaited.aclose()

    asyncio.run(main())


async def test_a_guard_that_was_faster(server: EchoServer) -> None:
    """Closing a pool whose clients the end of the loop already took is no error."""
    settings = _settings(server.url)
    for module, connection in (
        (inventpay._sync.connection, Connection(settings, Backend())),
        (inventpay._async.connection, AsyncConnection(settings, AsyncBackend())),
    ):
        pool: Any = connection._open(connection._backend.connection_key())
        connection._client(pool, False)
        pool.opened.clear()
        closing: Any = module._close(pool)
        if closing is not None:
            await closing
        assert pool.clients == {}


def test_bounds_beyond_what_sockets_take(server: EchoServer) -> None:
    """A patience of centuries is no OverflowError."""
    with blocking_client(server.url, timeout=1e12, attempt_timeout=1e12, max_wait=1e12) as client:
        assert client.request("GET", "/patient").status == 200


def test_the_blocking_guard_ends_like_the_other() -> None:
    """The end of an event loop is never watched in the blocking world, and does no harm there."""
    with echo_thread() as server:
        connection = Connection(_settings(server.url), Backend())
        progress = Progress(lambda status, headers: None)
        connection.exchange("GET", "/end", list, None, fresh=False, until=None, progress=progress)
        (pool,) = connection._pools.values()
        ending = inventpay._sync.connection._LoopEnd(connection, pool)
        ending.run()
        assert (connection._pools, pool.opened) == ({}, [])
        del connection
        ending.run()
        wait_until(lambda: server.open == 0)


async def test_a_late_guard_drops_no_other_entry(server: EchoServer) -> None:
    """The end of one pool is not the end of another one in the same loop, nor of a connection that is gone."""
    connection = AsyncConnection(_settings(server.url), AsyncBackend())
    progress = Progress(lambda status, headers: None)
    await connection.exchange("GET", "/end", list, None, fresh=False, until=None, progress=progress)
    (pool,) = connection._pools.values()
    connection.forget(pool.key, [])
    assert connection._pools
    await connection.aclose()
    ending = inventpay._async.connection._LoopEnd(connection, pool)
    del connection
    await ending.run()


def test_the_tls_context_is_made_once(monkeypatch: Any) -> None:
    """However many clients, threads and loops there are, the certificates are read once per process."""
    from inventpay._transport import http_client

    made: list[ssl.SSLContext] = []
    original = httpx.create_ssl_context

    def count(**options: Any) -> ssl.SSLContext:
        made.append(original(**options))
        return made[-1]

    http_client._tls_context.cache_clear()
    monkeypatch.setattr(httpx, "create_ssl_context", count)
    settings = _settings("https://localhost:1")
    for fresh in (False, True):
        http_client.new_client(settings, fresh=fresh).close()
        asyncio.run(http_client.new_async_client(settings, fresh=fresh).aclose())
    client = InventPay("pk_live_1", base_url="https://localhost:1", max_retries=0)
    with client, pytest.raises(APIConnectionError):
        client.request("GET", "/nobody")
    assert {id(context) for context in made} == {id(http_client._tls_context(True))}
    http_client._tls_context.cache_clear()
