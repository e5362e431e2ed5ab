"""The transports over real sockets: which connection is used, what is reported, and what an end leaves behind."""

from __future__ import annotations

import asyncio
import contextlib
import select
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import httpx
import pytest
import trio

from inventpay._transport import connection_pool
from inventpay._transport.progress import COMPLETE, HEAD_RECEIVED, NOT_WRITTEN, PARTLY_WRITTEN, WRITTEN, Progress
from tests.support.direct import WORLDS, World, request, run
from tests.support.raw_server import Exchange, RawServer, closed_port
from tests.support.servers import connect_proxy, echo_thread, wait_until
from tests.support.systems import needs_loopback_addresses
from tests.support.tls import server_context, trusted_context

IN_EACH_WORLD = pytest.mark.parametrize("world", WORLDS)


def says(body: bytes = b"said", **headers: str) -> Callable[[Exchange], None]:
    """A whole answer."""
    return lambda exchange: exchange.say(200, body, **headers)


def progress(seconds: float | None = 20.0, **options: Any) -> Progress:
    """Return how far a request came within some seconds."""
    until = None if seconds is None else time.monotonic() + seconds
    return Progress(
        lambda status, headers: None, lambda: None if until is None else until - time.monotonic(), **options
    )


@IN_EACH_WORLD
def test_one_after_the_other_uses_one_connection(world: str) -> None:
    """A connection is kept, and the one used last is used next."""

    async def story(it: World) -> None:
        for _ in range(3):
            assert await it.ask(request(server.url)) == ("answer", 200, b"said")
        (only,) = it.idle
        held = await it.send(request(f"{server.url}/held"))
        assert it.idle == []
        assert await it.ask(request(server.url)) == ("answer", 200, b"said")
        await it.read(held)
        assert it.idle[-1] is only
        await it.ask(request(server.url))
        assert it.idle[-1] is only

    def answer(exchange: Exchange) -> None:
        if "/held" in exchange.line:
            exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nsa")
            time.sleep(0.1)
            exchange.connection.sendall(b"id")
        else:
            exchange.say(200, b"said")

    with RawServer(answer) as server:
        run(world, story)
        assert server.connections == 2


@IN_EACH_WORLD
@pytest.mark.parametrize(("headers", "idle"), [({}, 5.0), ({"Keep_Alive": "timeout=3"}, 2.0)])
def test_an_idle_connection_expires(world: str, headers: dict[str, str], idle: float, monkeypatch: Any) -> None:
    """After the time of ours, or a second before the server's, a connection is closed and not used again."""
    now = time.monotonic()
    clock = [now]
    monkeypatch.setattr(connection_pool, "monotonic", lambda: clock[0])

    async def story(it: World) -> None:
        await it.ask(request(server.url))
        clock[0] += idle - 0.1
        await it.ask(request(server.url))
        assert server.connections == 1
        clock[0] += idle + 0.1
        await it.ask(request(server.url))
        assert server.connections == 2
        assert len(it.idle) == 1

    with RawServer(says(**headers)) as server:
        run(world, story)


@IN_EACH_WORLD
def test_a_new_connection_on_demand(world: str) -> None:
    """A request may ask for a connection that carried none yet; the number of connections does not grow by it."""

    async def story(it: World) -> None:
        await it.ask(request(server.url))
        (old,) = it.idle
        await it.ask(request(server.url, progress(new_connection=True)))
        (new,) = it.idle
        assert new is not old
        await it.ask(request(server.url))
        assert it.idle == [new]

    with RawServer(says()) as server:
        run(world, story)
        assert server.connections == 2
        wait_until(lambda: len(server._open) == 0)


@IN_EACH_WORLD
@pytest.mark.parametrize("late", [False, True])
def test_a_connection_that_the_server_closed_is_not_used(world: str, late: bool) -> None:
    """The connection is closed, also where the server did not announce it."""

    def close(exchange: Exchange) -> None:
        exchange.say(200, b"said", **({} if late else {"Connection": "close"}))
        exchange.connection.shutdown(socket.SHUT_RDWR)

    async def story(it: World) -> None:
        for _ in range(3):
            assert await it.ask(request(server.url)) == ("answer", 200, b"said")
            await it.pause(0.05)

    with RawServer(close) as server:
        run(world, story)
        assert server.connections == 3


@IN_EACH_WORLD
def test_closing(world: str) -> None:
    """Idle connections are closed at once, and one in use when its answer was read."""

    async def story(it: World) -> None:
        await it.ask(request(server.url))
        held = await it.send(request(f"{server.url}/held"))
        await it.close()
        assert await it.read(held) == b"said"
        assert it.idle == []

    def answer(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        time.sleep(0.05)
        exchange.connection.sendall(b"said")

    with RawServer(answer) as server:
        run(world, story)
        wait_until(lambda: len(server._open) == 0)


@IN_EACH_WORLD
def test_a_dropped_answer_closes_its_connection(world: str) -> None:
    """Unread bytes must not be in front of the next answer."""

    async def story(it: World) -> None:
        await it.drop(await it.send(request(server.url)))
        assert it.idle == []
        assert (await it.ask(request(server.url)))[:2] == ("answer", 200)

    def answer(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 400000\r\n\r\n" + b"a" * 200_000)
        time.sleep(0.05)
        exchange.connection.sendall(b"a" * 200_000)

    with RawServer(answer) as server:
        run(world, story)
        assert server.connections == 2


# --- what is reported ---


@IN_EACH_WORLD
def test_the_stages_of_a_request(world: str) -> None:
    """Nothing is written before the connection is made; then all, then the head is there, then the answer is whole."""
    gate = threading.Event()
    stages: list[int] = []

    def answer(exchange: Exchange) -> None:
        stages.append(it_progress.stage)
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n")
        gate.wait(10)
        exchange.connection.sendall(b"said")

    async def story(it: World) -> None:
        response = await it.send(request(server.url, it_progress))
        stages.append(it_progress.stage)
        gate.set()
        await it.read(response)
        stages.append(it_progress.stage)

    it_progress = progress()
    assert (it_progress.stage, it_progress.watched, it_progress.maybe_written) == (NOT_WRITTEN, False, True)
    with RawServer(answer) as server:
        run(world, story)
    assert stages[0] in (PARTLY_WRITTEN, WRITTEN)
    assert stages[1:] == [HEAD_RECEIVED, COMPLETE]
    assert it_progress.watched


@IN_EACH_WORLD
def test_what_failed_before_a_byte_left(world: str) -> None:
    """No connection, no TLS, a proxy that refuses, a header that cannot be sent, no time: nothing was written."""

    async def story(it: World, url: str, error: type[Exception], **options: Any) -> None:
        it_progress = progress(options.pop("seconds", 20.0))
        with pytest.raises(error):
            await it.send(request(url, it_progress, method="POST", **options))
        assert it_progress.watched
        assert not it_progress.maybe_written

    with RawServer(says()) as server, closed_port() as nowhere:
        run(world, lambda it: story(it, nowhere, httpx.ConnectError))
        run(world, lambda it: story(it, server.url.replace("http:", "https:"), httpx.ConnectTimeout, seconds=0.2))
        with connect_proxy(refuses=True) as (proxy, _):
            run(world, lambda it: story(it, server.url, httpx.ProxyError), proxy=httpx.Proxy(proxy))
        run(world, lambda it: story(it, server.url, httpx.LocalProtocolError, headers={"X": "a\nb"}))
        run(world, lambda it: story(it, server.url, httpx.TimeoutException, seconds=-1.0))
        run(world, lambda it: story(it, "ftp://localhost", httpx.UnsupportedProtocol))
        assert server.exchanges == []


@IN_EACH_WORLD
def test_a_trace_reports_the_steps(world: str) -> None:
    """Observers that use the ``trace`` extension of httpcore see its events."""
    events: list[str] = []
    heads: list[Any] = []

    def note(name: str, facts: Any) -> None:
        events.append(name)
        if name == "http11.receive_response_headers.complete":
            heads.append(facts["return_value"][:3])

    async def note_async(name: str, facts: Any) -> None:
        note(name, facts)

    async def story(it: World) -> None:
        trace = note if it.is_blocking else note_async
        await it.ask(request(server.url, extensions={"trace": trace}))
        first, events[:] = list(events), []
        await it.ask(request(server.url, extensions={"trace": trace}))
        steps = ["http11.send_request_headers", "http11.receive_response_headers"]
        again = [f"{step}.{end}" for step in steps for end in ("started", "complete")]
        assert events == again
        assert first == [
            *[f"connection.{step}.{end}" for step in ("connect_tcp", "start_tls") for end in ("started", "complete")],
            *again,
        ]

    with RawServer(says()) as server:
        run(world, story)
    assert heads == [(b"HTTP/1.1", 200, b"Said So")] * 2


@IN_EACH_WORLD
def test_facts_about_the_connection(world: str) -> None:
    """A response names its version, its reason and, as ``network_stream``, the addresses."""

    async def story(it: World) -> None:
        response = await it.send(request(server.url))
        assert response.http_version == "HTTP/1.1"
        assert response.reason_phrase == "Said So"
        stream = response.extensions["network_stream"]
        assert stream.get_extra_info("server_addr")[1] == int(server.url.rpartition(":")[2])
        assert stream.get_extra_info("client_addr")[0] == "127.0.0.1"
        assert stream.get_extra_info("ssl_object") is None
        assert stream.get_extra_info("socket") is not None
        assert stream.get_extra_info("weather") is None

    with RawServer(says()) as server:
        run(world, story)


# --- bodies ---


@IN_EACH_WORLD
@pytest.mark.parametrize("as_stream", [False, True])
def test_a_large_upload(world: str, as_stream: bool) -> None:
    """More than any buffer holds arrives whole, at the speed of the server."""
    body = bytes(range(256)) * 20_000

    def pieces() -> Iterator[bytes]:
        for start in range(0, len(body), 1_000_000):
            yield body[start : start + 1_000_000]

    async def async_pieces() -> AsyncIterator[bytes]:
        for piece in pieces():
            yield piece

    async def story(it: World) -> None:
        content: Any = (pieces() if it.is_blocking else async_pieces()) if as_stream else body
        headers = {"Content-Length": str(len(body))}
        assert await it.ask(request(server.url, method="POST", content=content, headers=headers)) == (
            "answer",
            200,
            b"said",
        )

    with RawServer(says()) as server:
        run(world, story)
        assert server.exchanges[0].request.endswith(b"\r\n\r\n" + body)


@IN_EACH_WORLD
def test_an_upload_that_is_not_read_ends_in_time(world: str) -> None:
    """Writing is bounded as reading is."""
    listener = socket.create_server(("127.0.0.1", 0))

    async def story(it: World) -> None:
        started = time.monotonic()
        sent = request(
            f"http://127.0.0.1:{listener.getsockname()[1]}", method="POST", content=b"a" * 30_000_000, seconds=0.3
        )
        assert (await it.ask(sent))[0] == "late"
        assert time.monotonic() - started < 2

    with listener:
        run(world, story)


@IN_EACH_WORLD
def test_a_large_upload_over_tls(world: str) -> None:
    """TLS that cannot be written for a moment goes on where it was."""

    async def story(it: World) -> None:
        for _ in range(2):
            outcome = await it.ask(request(f"{api.url}/asked", method="POST", content=b"a" * 8_000_000))
            assert outcome[:2] == ("answer", 200)

    with echo_thread(tls=server_context()) as api:
        run(world, story, trusted_context())
        assert (api.requests, api.connections) == (2, 1)


# --- how threads wait ---


@pytest.mark.skipif(not hasattr(select, "poll"), reason="needs poll, to count its calls")
def test_a_thread_waits_once_for_each_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads that share an interpreter change places at every wait: nothing but the answer is waited for."""
    waits: list[int | None] = []

    class Poll:
        def __init__(self) -> None:
            self._poll = original()

        def register(self, descriptor: int, events: int) -> None:
            self._poll.register(descriptor, events)

        def poll(self, milliseconds: int | None) -> object:
            waits.append(milliseconds)
            return self._poll.poll(milliseconds)

    original = select.poll

    async def story(it: World) -> None:
        await it.ask(request(server.url))
        monkeypatch.setattr(select, "poll", Poll)
        for _ in range(3):
            assert await it.ask(request(server.url, progress(5))) == ("answer", 200, b"said")
        assert len(waits) == 3
        assert all(4_000 < (milliseconds or 0) <= 5_000 for milliseconds in waits)

    with RawServer(says()) as server:
        run("blocking", story)


def test_threads_wait_without_poll_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """Windows has no ``poll``: uploads, answers and deadlines are the same by ``select``."""
    monkeypatch.delattr(select, "poll", raising=False)

    async def story(it: World) -> None:
        body = b"a" * 5_000_000
        assert await it.ask(request(server.url, method="POST", content=body)) == ("answer", 200, b"said")
        started = time.monotonic()
        assert (await it.ask(request(f"http://127.0.0.1:{listener.getsockname()[1]}", seconds=0.2)))[0] == "late"
        assert 0.15 < time.monotonic() - started < 2

    with RawServer(says()) as server, socket.create_server(("127.0.0.1", 0)) as listener:
        run("blocking", story)


@IN_EACH_WORLD
def test_an_answer_before_everything_was_read(world: str) -> None:
    """A server may refuse a large body after its head: its answer counts, and the connection is not used again."""
    listener = socket.create_server(("127.0.0.1", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.recv(65_536)
            connection.sendall(b"HTTP/1.1 413 Too Large\r\nContent-Length: 3\r\n\r\nbig")
            while connection.recv(65_536):
                time.sleep(0.001)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def story(it: World) -> None:
        sent = request(f"http://127.0.0.1:{listener.getsockname()[1]}", method="POST", content=b"a" * 8_000_000)
        assert await it.ask(sent) == ("answer", 413, b"big")

    with listener:
        run(world, story)
        thread.join(10)


@IN_EACH_WORLD
def test_a_large_answer_is_read_no_faster_than_it_is_taken(world: str) -> None:
    """A body of 20 MB arrives whole, and only a part of it lies in memory before it is asked for."""

    async def story(it: World) -> None:
        response = await it.send(request(server.url))
        await it.pause(0.2)
        assert response.extensions["network_stream"]._reader.unread < 4_000_000
        assert len(await it.read(response)) == 20_000_000
        assert len(it.idle) == 1

    with RawServer(says(b"a" * 20_000_000)) as server:
        run(world, story)


@IN_EACH_WORLD
def test_a_head_request(world: str) -> None:
    """Its answer names a length and has no body."""

    async def story(it: World) -> None:
        assert await it.ask(request(server.url, method="HEAD")) == ("answer", 200, b"")
        assert await it.ask(request(server.url, method="HEAD")) == ("answer", 200, b"")

    def answer(exchange: Exchange) -> None:
        exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 17\r\n\r\n")

    with RawServer(answer) as server:
        run(world, story)


# --- cut off ---


@pytest.mark.parametrize("stage", ["head", "body"])
async def test_a_cancelled_task_closes_its_connection(stage: str) -> None:
    """At any step, the connection is closed and not used again."""

    def answer(exchange: Exchange) -> None:
        if stage == "body":
            exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\nsa")
        exchange.over.wait(10)

    with RawServer(answer) as server:
        it = World("asyncio")
        task = asyncio.create_task(it.ask(request(server.url)))
        await asyncio.to_thread(server.arrived.wait, 10)
        await asyncio.sleep(0.05)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert it.idle == []
        await asyncio.sleep(0)
        await it.close()


def test_a_cancelled_task_of_trio_closes_its_connection() -> None:
    """It holds under trio."""

    async def story(it: World) -> None:
        with trio.move_on_after(0.1) as scope:
            await it.ask(request(server.url))
        assert scope.cancelled_caught
        assert it.idle == []

    with RawServer(lambda exchange: exchange.over.wait(10) and None) as server:
        run("trio", story)


async def test_a_handshake_that_is_cut_off_leaves_no_socket() -> None:
    """A server that accepts and says nothing: a cancelled handshake closes its socket."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        for turns in range(8):
            it = World("asyncio", trusted_context())
            task = asyncio.create_task(it.ask(request(f"https://127.0.0.1:{listener.getsockname()[1]}")))
            for _ in range(turns):
                await asyncio.sleep(0)
            if turns == 7:
                await asyncio.sleep(0.05)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            await it.close()
        for _ in range(5):
            await asyncio.sleep(0.01)
        listener.settimeout(0.1)
        with contextlib.suppress(TimeoutError):
            while True:
                connection, _ = listener.accept()
                connection.settimeout(5)
                with connection, contextlib.suppress(ConnectionResetError):
                    while connection.recv(65_536):
                        pass


@IN_EACH_WORLD
def test_a_handshake_has_a_deadline(world: str) -> None:
    """The time of the request bounds it."""

    async def story(it: World) -> None:
        it_progress = progress(0.2)
        with pytest.raises(httpx.ConnectTimeout):
            await it.send(request(f"https://127.0.0.1:{listener.getsockname()[1]}", it_progress))
        assert not it_progress.maybe_written

    with socket.create_server(("127.0.0.1", 0)) as listener:
        run(world, story, trusted_context())


@needs_loopback_addresses
@pytest.mark.parametrize("world", ["blocking", "asyncio"])
def test_a_name_is_checked_against_the_certificate(world: str) -> None:
    """SNI and the check use the host of the URL."""
    listener = socket.create_server(("", 0))

    def serve() -> None:
        connection, _ = listener.accept()
        with contextlib.suppress(OSError), server_context().wrap_socket(connection, server_side=True) as secured:
            secured.recv(1)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()

    async def named_wrongly(it: World) -> None:
        with pytest.raises(httpx.ConnectError, match=r"(?i)certificate") as caught:
            await it.send(request(f"https://127.0.0.2:{listener.getsockname()[1]}"))
        assert isinstance(caught.value.__cause__, ssl.SSLError)

    with listener:
        run(world, named_wrongly, trusted_context())
        thread.join(10)
