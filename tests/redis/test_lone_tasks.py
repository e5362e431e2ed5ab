"""A task that waits alone: its event loop sends the request and reads the reply, and a thread does what would wait."""

from __future__ import annotations

import asyncio
import gc
import os
import socket
import ssl
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import trio

from inventpay import LimiterUnavailableError
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._limits.limiter import Limiter
from inventpay.redis import worker as worker_module
from inventpay.redis.line import Line, Peer
from inventpay.redis.worker import RedisWorker
from tests.support.hookless import HooklessChild, alone
from tests.support.hookless import needs_fork as needs_hookless_fork
from tests.support.redis_alone import GRACE, OTHER, SENDER, end, lease, patience, settled_limiter, spent, worker
from tests.support.redis_relay import Deed, Held, RedisRelay, redis_relay
from tests.support.redis_servers import RedisServer
from tests.support.systems import needs_descriptors, needs_fork

SENT, READ, CALLED = "sent by the loop", "read by the sender", "called by the sender"


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The steps of requests that passed the line, in order."""
    seen: list[str] = []
    send, receive, call = Line.send_at_once, Line.receive, Line.call
    calling: set[Line] = set()

    def send_at_once(line: Line, *command: Any) -> bool:
        is_sent = send(line, *command)
        seen.extend([SENT] * is_sent)
        return is_sent

    def noting_receive(line: Line) -> Any:
        if line not in calling:
            assert threading.current_thread().name == SENDER
            seen.append(READ)
        return receive(line)

    def noting_call(line: Line, *command: Any) -> Any:
        seen.append(CALLED if threading.current_thread().name == SENDER else "called by a caller")
        calling.add(line)
        try:
            return call(line, *command)
        finally:
            calling.discard(line)

    monkeypatch.setattr(Line, "send_at_once", send_at_once)
    monkeypatch.setattr(Line, "receive", noting_receive)
    monkeypatch.setattr(Line, "call", noting_call)
    return seen


@pytest.fixture
def relay(redis_only: RedisServer) -> Iterator[RedisRelay]:
    """The way to the server."""
    with redis_relay(redis_only.url) as relay:
        yield relay


@pytest.fixture
def limiter(relay: RedisRelay, prefix: str, steps: list[str]) -> Iterator[Limiter]:
    """The limits of one key that have had their first call; a request that fails makes calls fail."""
    with settled_limiter(relay.url, prefix, pause=0.0, on_outage="error") as limiter:
        steps.clear()
        yield limiter


async def lease_async(limiter: Limiter, **options: Any) -> Any:
    """A token, for a task."""
    return await limiter.acquire_async(OTHER, AsyncBackend(), **options)


async def begin(limiter: Limiter) -> asyncio.Task[Any]:
    """A task that has just sent its request."""
    task = asyncio.create_task(lease_async(limiter))
    await asyncio.sleep(0)
    return task


async def until(condition: Callable[[], bool]) -> None:
    """Return once this holds; the event loop goes on."""
    deadline = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < deadline
        await asyncio.sleep(0.001)


def loops() -> list[Any]:
    """The event loops of asyncio that there are here."""
    factories = [pytest.param(asyncio.new_event_loop, id="asyncio")]
    try:
        import uvloop
    except ImportError:
        return factories
    return [*factories, pytest.param(uvloop.new_event_loop, id="uvloop")]


@pytest.mark.parametrize("new_loop", loops())
def test_a_task_asks_in_its_loop(
    limiter: Limiter, steps: list[str], monkeypatch: pytest.MonkeyPatch, new_loop: Any
) -> None:
    """No other thread has a part in a request, and the loop watches nothing afterwards."""

    async def calls() -> None:
        for _ in range(10):
            end(await lease_async(limiter))
        assert not asyncio.get_running_loop().remove_reader(worker(limiter)._line.peer)

    time.sleep(GRACE)
    with patience(monkeypatch), asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(calls())
    assert steps == [SENT] * 10
    end(lease(limiter))  # its end wakes the scheduler in time
    assert spent(limiter) == 12


def test_the_sender_asks_for_trio(limiter: Limiter, steps: list[str]) -> None:
    """In trio no function can be called when a socket is readable; a thread sends and reads."""

    async def calls() -> None:
        for _ in range(5):
            end(await lease_async(limiter))

    trio.run(calls)
    assert set(steps) == {CALLED}
    assert spent(limiter) == 6


class ProactorLike(asyncio.SelectorEventLoop):
    """A loop that cannot watch sockets, as the default one of Windows."""

    def add_reader(self, *_: Any) -> Any:
        """Refuse."""
        raise NotImplementedError


def test_the_sender_reads_for_a_loop_that_cannot(limiter: Limiter, steps: list[str]) -> None:
    """The request is sent by then, and must not be sent twice."""
    with asyncio.Runner(loop_factory=ProactorLike) as runner:
        end(runner.run(lease_async(limiter)))
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 2


@pytest.mark.parametrize("moment", ["before the reply", "in the middle of the reply", "before a late reply"])
def test_a_cancelled_wait_loses_nothing(limiter: Limiter, relay: RedisRelay, moment: str) -> None:
    """The lease that comes is returned, and the next calls get their own replies over the same connection."""

    async def calls() -> None:
        held = Held(after=20 if "middle" in moment else 0)
        relay.do(held)
        task = await begin(limiter)
        await until(held.arrived.is_set)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        if "late" in moment:
            await asyncio.sleep(0.05)
        held.released.set()
        for _ in range(2):
            end(await lease_async(limiter))

    asyncio.run(calls())
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (1, False)


def test_a_wait_that_is_cancelled_with_its_lease_returns_it(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch, steps: list[str]
) -> None:
    """The reply arrived, and the task has not run since."""
    tasks: list[asyncio.Task[Any]] = []
    receive = RedisWorker._receive

    def cancelling(worker: RedisWorker, *arguments: Any) -> None:
        receive(worker, *arguments)
        for task in tasks:
            task.cancel()

    async def calls() -> None:
        tasks.append(await begin(limiter))
        await asyncio.wait(tasks)
        assert tasks.pop().cancelled()
        end(await lease_async(limiter))

    monkeypatch.setattr(RedisWorker, "_receive", cancelling)
    with patience(monkeypatch):
        asyncio.run(calls())
    assert steps == [SENT, SENT]
    end(lease(limiter))
    assert spent(limiter) == 3


def test_a_lease_that_no_task_waits_for_goes_to_the_next(
    limiter: Limiter, relay: RedisRelay, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Without a further request, and although the loop has not read the reply yet."""

    async def calls() -> None:
        held = Held()
        relay.do(held)
        first = await begin(limiter)
        await until(held.arrived.is_set)
        second = await begin(limiter)
        first.cancel()
        await asyncio.wait([first])
        held.released.set()
        end(await second)
        assert first.cancelled()

    with patience(monkeypatch):
        asyncio.run(calls())
    assert steps == [SENT]
    end(lease(limiter))
    assert spent(limiter) == 3


@pytest.mark.parametrize("after", [0, 1, 3, 20])
def test_a_slow_reply_is_read_by_the_sender(limiter: Limiter, relay: RedisRelay, steps: list[str], after: int) -> None:
    """The loop goes on meanwhile, whatever part of the reply is there."""

    async def calls() -> None:
        held = Held(after)
        relay.do(held)
        task = await begin(limiter)
        await until(lambda: READ in steps)
        held.released.set()
        end(await task)

    asyncio.run(calls())
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 2
    assert (relay.connections, worker(limiter).is_away) == (1, False)


def test_a_late_loop_leaves_the_reply_to_the_sender(
    limiter: Limiter, relay: RedisRelay, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Even if it sees the reply first."""
    called = threading.Event()
    callback, read = RedisWorker._receive, Line.receive

    def noting(worker: RedisWorker, *arguments: Any) -> None:
        callback(worker, *arguments)
        called.set()

    def slow(line: Line) -> Any:
        assert called.wait(5)
        return read(line)

    async def calls() -> None:
        held = Held()
        relay.do(held)
        task = await begin(limiter)
        await until(lambda: worker(limiter)._batch.thread is None)
        held.released.set()
        end(await task)

    with monkeypatch.context() as patched:
        patched.setattr(RedisWorker, "_receive", noting)
        patched.setattr(Line, "receive", slow)
        asyncio.run(calls())
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 2
    assert (relay.connections, worker(limiter).is_away) == (1, False)


def end_outage(limiter: Limiter) -> None:
    """Let the next call try Redis again, as after some time."""
    deadline = time.monotonic() + 5
    while worker(limiter)._batch:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    worker(limiter)._retry_at = 0.0


def test_a_reply_that_does_not_come_is_an_outage(
    relay: RedisRelay, prefix: str, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After the timeout, as for threads; the reply that comes late is not taken for the next."""
    monkeypatch.setattr(worker_module, "RETRY", 5.0)

    async def calls(limiter: Limiter) -> None:
        held = Held()
        relay.do(held)
        task = await begin(limiter)
        with pytest.raises(LimiterUnavailableError, match="cannot be asked for a token"):
            await task
        held.released.set()
        end_outage(limiter)
        end(await lease_async(limiter))

    with settled_limiter(relay.url, prefix, pause=0.0, on_outage="error", timeout=0.2) as limiter:
        asyncio.run(calls(limiter))
        assert spent(limiter) == 2
    assert READ in steps


def refused(reply: bytes) -> Deed:
    """Another reply."""

    def deed(client: socket.socket, _: bytes) -> None:
        client.sendall(reply)

    return deed


def closed(after: int) -> Deed:
    """The end of the connection after some bytes."""

    def deed(client: socket.socket, reply: bytes) -> None:
        client.sendall(reply[:after])
        client.shutdown(socket.SHUT_RDWR)

    return deed


@pytest.mark.parametrize(
    "deed",
    [
        *(refused(reply) for reply in (b"+OK\r\n", b":1\r\n", b"*0\r\n", b"$-1\r\n", b"$0\r\n\r\n")),
        *(refused(reply) for reply in (b"$5\r\nhello\r\n", b"-ERR out of order\r\n", b"-LOADING\r\n", b"?\r\n")),
        *(closed(after) for after in (0, 1, 30)),
    ],
)
@pytest.mark.parametrize("in_loop", [True, False], ids=["task", "thread"])
def test_a_reply_that_is_none_is_an_outage(
    limiter: Limiter, relay: RedisRelay, deed: Deed, in_loop: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Tasks and threads get the same error, and Redis is found again afterwards."""
    monkeypatch.setattr(worker_module, "RETRY", 5.0)
    relay.do(deed)
    with pytest.raises(LimiterUnavailableError, match="cannot be asked for a token"):
        asyncio.run(lease_async(limiter)) if in_loop else lease(limiter)
    end_outage(limiter)
    asyncio.run(lease_async(limiter))
    assert not worker(limiter).is_away
    assert spent(limiter) == 2


def test_a_script_that_the_server_forgot_is_sent_again(
    limiter: Limiter, redis_only: RedisServer, steps: list[str]
) -> None:
    """The sender reads that it is unknown, and sends it."""
    with redis_only.client() as client:
        client.script_flush()
    end(asyncio.run(lease_async(limiter)))
    assert steps[:3] == [SENT, READ, CALLED]
    assert spent(limiter) == 2


def test_a_closed_connection_is_opened_by_the_sender(
    limiter: Limiter, relay: RedisRelay, redis_only: RedisServer, steps: list[str]
) -> None:
    """No loop waits for a connection."""
    with redis_only.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    time.sleep(0.05)

    async def calls() -> None:
        for _ in range(5):
            end(await lease_async(limiter))
            await asyncio.sleep(0.005)  # the sender comes to its end

    asyncio.run(calls())
    assert steps[0] == CALLED
    assert SENT in steps
    assert spent(limiter) == 6
    assert (relay.connections, worker(limiter).is_away) == (2, False)


@pytest.mark.parametrize(("share", "connections"), [(0.0, 1), (0.5, 2)])
def test_a_request_that_does_not_fit_is_sent_by_the_sender(
    limiter: Limiter,
    relay: RedisRelay,
    steps: list[str],
    share: float,
    connections: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The server forgets the part of it that it has, with its connection."""

    def send(peer: Peer, message: bytes) -> int:
        return peer.send(message[: int(share * len(message))])

    with monkeypatch.context() as patched:
        patched.setattr(Peer, "send_at_once", send)
        end(asyncio.run(lease_async(limiter)))
    assert SENT not in steps
    end(asyncio.run(lease_async(limiter)))
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (connections, False)


def test_many_tasks_share_few_requests(limiter: Limiter, steps: list[str], redis_only: RedisServer) -> None:
    """The first one asks in the loop, the others together."""

    async def calls() -> None:
        for token in await asyncio.gather(*(lease_async(limiter) for _ in range(50))):
            end(token)

    time.sleep(GRACE)
    asyncio.run(calls())
    assert steps[0] == SENT
    assert steps.count(SENT) + steps.count(CALLED) <= 25
    assert spent(limiter) == 51


def test_two_loops_in_two_threads(limiter: Limiter, relay: RedisRelay, steps: list[str]) -> None:
    """Each gets its own leases over the one connection."""

    async def calls() -> None:
        for _ in range(45):
            end(await lease_async(limiter, max_wait=5.0))

    time.sleep(GRACE)
    with ThreadPoolExecutor(2) as threads:
        for running in [threads.submit(asyncio.run, calls()) for _ in range(2)]:
            running.result(10)
    assert SENT in steps
    assert spent(limiter) == 91
    assert (relay.connections, worker(limiter).is_away) == (1, False)


def test_a_loop_that_is_busy_delays_no_thread(limiter: Limiter, steps: list[str]) -> None:
    """The sender reads the reply that the loop is late for, and the loop finds its lease when it comes to it."""

    async def calls() -> None:
        with ThreadPoolExecutor(1) as threads:
            task = await begin(limiter)
            other = threads.submit(lease, limiter, max_wait=0.9)
            end(other.result(0.9))  # blocks the loop
        end(await task)

    asyncio.run(calls())
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 3
    assert not worker(limiter).is_away


def test_a_call_that_blocks_in_a_loop_spares_its_request(limiter: Limiter, relay: RedisRelay, steps: list[str]) -> None:
    """A blocking call in the thread of a loop does not take the request of a task for its own."""

    async def calls() -> None:
        task = await begin(limiter)
        end(lease(limiter))
        end(await task)

    asyncio.run(calls())
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (1, False)


def test_a_reply_that_no_thread_can_be_started_for_is_not_taken_for_the_next(
    limiter: Limiter, relay: RedisRelay, steps: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The caller learns why, and the connection is closed."""
    start = threading.Thread.start

    def refuse(thread: threading.Thread) -> None:
        if thread.name == SENDER:
            raise RuntimeError("can't start new thread")
        start(thread)

    held = Held()
    relay.do(held)
    with monkeypatch.context() as patched, asyncio.Runner(loop_factory=ProactorLike) as runner:
        patched.setattr(threading.Thread, "start", refuse)
        with pytest.raises(RuntimeError, match="can't start new thread"):
            runner.run(lease_async(limiter))
    take_two(limiter, held)
    assert steps[:2] == [SENT, CALLED]
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (2, False)


def take_two(limiter: Limiter, held: Held) -> None:
    """Two leases, while a reply comes that belongs to neither."""
    threading.Timer(0.05, held.released.set).start()
    for _ in range(2):
        end(asyncio.run(lease_async(limiter)))


@needs_descriptors
@pytest.mark.parametrize("new_loop", loops())
def test_a_loop_that_ends_leaves_its_reply_to_the_sender(
    limiter: Limiter, relay: RedisRelay, steps: list[str], new_loop: Any
) -> None:
    """Nothing stays open, and the next loop gets its own reply."""
    held = Held()

    async def calls() -> None:
        relay.do(held)
        await begin(limiter)
        await until(held.arrived.is_set)

    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.sleep(0))  # the first loop of uvloop opens files for all
    gc.collect()
    before = len(os.listdir("/proc/self/fd"))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with asyncio.Runner(loop_factory=new_loop) as runner:
            runner.run(calls())
        gc.collect()
    held.released.set()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        end(runner.run(lease_async(limiter)))
    assert steps[:2] == [SENT, READ]
    assert spent(limiter) == 2
    assert (relay.connections, worker(limiter).is_away) == (1, False)
    gc.collect()
    assert len(os.listdir("/proc/self/fd")) == before


def test_a_line_that_closes_keeps_its_number_while_a_loop_watches_it(limiter: Limiter, relay: RedisRelay) -> None:
    """Else a new socket with the number of the old one could not be watched, or be taken for it."""

    async def calls() -> None:
        loop = asyncio.get_running_loop()
        relay.do(closed(0))
        task = await begin(limiter)
        number = worker(limiter)._line.peer.fileno()
        with worker(limiter)._changed:
            worker(limiter)._changed.wait_for(lambda: worker(limiter).is_away, 5)  # blocks the loop
        assert worker(limiter)._line.peer is None
        pairs = [socket.socketpair() for _ in range(8)]
        assert number not in {each.fileno() for pair in pairs for each in pair}
        await asyncio.wait([task])
        assert isinstance(task.exception(), LimiterUnavailableError)
        await asyncio.sleep(0)
        assert not loop.remove_reader(number)
        for pair in pairs:
            for each in pair:
                each.close()

    asyncio.run(calls())


@pytest.mark.parametrize("is_read", [True, False])
def test_an_interrupted_loop_loses_nothing(limiter: Limiter, is_read: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After Ctrl-C in the middle of a reply the next calls get their own."""
    receive = Peer.result

    def interrupted(peer: Peer) -> bytes | None:
        if is_read:
            receive(peer)
        raise KeyboardInterrupt

    with patience(monkeypatch), monkeypatch.context() as patched:
        patched.setattr(Peer, "result", interrupted)
        with pytest.raises(KeyboardInterrupt):
            asyncio.run(lease_async(limiter))
    end(asyncio.run(lease_async(limiter, max_wait=1.0)))
    end(asyncio.run(lease_async(limiter, max_wait=1.0)))
    assert spent(limiter) == 3
    assert not worker(limiter).is_away


def test_a_task_that_is_interrupted_after_sending_loses_nothing(
    limiter: Limiter, relay: RedisRelay, steps: list[str]
) -> None:
    """The reply is still to come, so the connection is closed."""

    class Interrupted(asyncio.SelectorEventLoop):
        def add_reader(self, *_: Any) -> Any:
            raise KeyboardInterrupt

    held = Held()
    relay.do(held)
    with pytest.raises(KeyboardInterrupt), asyncio.Runner(loop_factory=Interrupted) as runner:
        runner.run(lease_async(limiter))
    take_two(limiter, held)
    assert steps[:2] == [SENT, CALLED]
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (2, False)


@needs_fork
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_fork_during_a_request_leaves_the_reply_to_the_parent(limiter: Limiter, relay: RedisRelay) -> None:
    """The child has a connection of its own."""

    async def calls() -> None:
        held = Held()
        relay.do(held)
        task = await begin(limiter)
        await until(held.arrived.is_set)
        child = os.fork()
        if not child:
            try:
                end(lease(limiter))
                os._exit(0 if spent(limiter) == 3 else 1)
            except BaseException:
                os._exit(2)
        held.released.set()
        end(await task)
        _, status = await asyncio.to_thread(os.waitpid, child, 0)
        assert os.waitstatus_to_exitcode(status) == 0

    asyncio.run(calls())
    assert spent(limiter) == 3
    assert (relay.connections, worker(limiter).is_away) == (2, False)


@needs_hookless_fork
@pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")
@alone
def test_a_child_without_hooks_leaves_the_reply_to_the_parent(redis_only: RedisServer, prefix: str) -> None:
    """Its copy of the loop is called for the parent's reply."""

    class Loop:
        def remove_reader(self, _: object) -> bool:
            return True

    seen: list[object] = []
    receive = RedisWorker._receive

    def forking(worker: RedisWorker, loop: Any, peer: Peer, *arguments: Any) -> None:
        time.sleep(0.1)  # until the threads of the limiter rest: a child hangs where one was about to run
        seen.append(HooklessChild(lambda: receive(worker, Loop(), peer, *arguments)).result)
        seen.append(peer.recv(1, socket.MSG_PEEK))
        receive(worker, loop, peer, *arguments)

    with pytest.MonkeyPatch.context() as patched, settled_limiter(redis_only.url, prefix, pause=0.0) as limiter:
        patched.setattr(RedisWorker, "_receive", forking)
        with patience(patched):
            end(asyncio.run(lease_async(limiter)))
        assert seen == [None, b"$"]
        end(lease(limiter))
        assert spent(limiter) == 3


def test_with_tls_the_sender_asks() -> None:
    """A record of TLS that has not arrived as a whole would have to be waited for."""
    one, other = socket.socketpair()
    with (
        other,
        ssl.create_default_context().wrap_socket(
            one, do_handshake_on_connect=False, server_hostname="localhost"
        ) as secured,
    ):
        assert Peer.of(secured) is None


def test_with_the_third_protocol_the_sender_asks(relay: RedisRelay, prefix: str, steps: list[str]) -> None:
    """There the server may send what is no reply."""
    with settled_limiter(f"{relay.url}?protocol=3", prefix, pause=0.0) as limiter:
        end(asyncio.run(lease_async(limiter)))
        assert set(steps) == {CALLED}
        assert spent(limiter) == 2
