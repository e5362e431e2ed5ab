"""Calls that wait alone ask Redis without the scheduler; with several waiting, one request asks for all."""

from __future__ import annotations

import socket
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from types import FrameType
from typing import Any

import pytest

from inventpay._limits.limiter import Limiter
from inventpay.redis.class_limiter import LINGER
from inventpay.redis.line import Line
from inventpay.redis.worker import RedisWorker
from tests.support.redis_alone import SENDER, end, lease, patience, settled_limiter, spent, worker
from tests.support.redis_servers import RedisServer


@pytest.fixture
def senders(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the threads that sent a request, in order."""
    names: list[str] = []
    call = Line.call

    def noting(line: Line, *command: Any) -> Any:
        names.append(threading.current_thread().name)
        return call(line, *command)

    monkeypatch.setattr(Line, "call", noting)
    return names


@pytest.fixture
def limiter(redis_only: RedisServer, prefix: str, senders: list[str]) -> Iterator[Limiter]:
    """The limits of one key that have had their first call, so that the connection is open."""
    with settled_limiter(redis_only.url, prefix) as limiter:
        assert set(senders) == {SENDER}
        senders.clear()
        yield limiter


def test_a_thread_asks_itself(limiter: Limiter, senders: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Each request is sent by the caller, and reports the end of the call before."""
    with patience(monkeypatch):  # on a busy machine a call may take longer than usual
        for _ in range(10):
            end(lease(limiter))
    assert senders.count(threading.current_thread().name) == 10
    end(lease(limiter))  # its end wakes the scheduler in time
    assert spent(limiter) == 12


def test_several_that_wait_share_a_request(
    limiter: Limiter, senders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """While a thread asks, all that join wait for one further request of the sender."""
    asks, may_ask = threading.Event(), threading.Event()
    noting = Line.call

    def slow(line: Line, *command: Any) -> Any:
        asks.set()
        may_ask.wait(5)
        return noting(line, *command)

    monkeypatch.setattr(Line, "call", slow)
    with ThreadPoolExecutor(9, thread_name_prefix="caller") as threads:
        first = threads.submit(lease, limiter)
        assert asks.wait(5)
        others = [threads.submit(lease, limiter) for _ in range(8)]
        while worker(limiter)._active == {} or next(iter(worker(limiter)._active)).waiting < 9:
            time.sleep(0.001)
        may_ask.set()
        for waiting in (first, *others):
            end(waiting.result(5))
    assert senders[0].startswith("caller")
    assert senders[1] == SENDER
    assert len([name for name in senders if name.startswith("caller")]) == 1
    assert spent(limiter) == 10


def test_an_interrupted_request_loses_nothing(
    limiter: Limiter, senders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """After Ctrl-C at any moment of a request, calls go on, and a lease that was granted unseen is returned."""
    noting = Line.call

    def interrupted(line: Line, *command: Any) -> Any:
        noting(line, *command)
        raise KeyboardInterrupt

    end(lease(limiter))
    monkeypatch.setattr(Line, "call", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lease(limiter)
    monkeypatch.setattr(Line, "call", noting)
    end(lease(limiter, max_wait=1.0))
    end(lease(limiter, max_wait=1.0))
    assert spent(limiter) == 4
    assert not worker(limiter).is_away


def test_an_interrupted_reply_is_not_taken_for_the_next(limiter: Limiter, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection with half a reply on it is closed."""
    connection = worker(limiter)._line._connection
    read = connection.read_response

    def interrupted(*_: Any, **__: Any) -> Any:
        monkeypatch.setattr(connection, "read_response", read)
        raise KeyboardInterrupt

    monkeypatch.setattr(connection, "read_response", interrupted)
    with pytest.raises(KeyboardInterrupt):
        lease(limiter)
    assert not worker(limiter)._line.is_open()
    end(lease(limiter, max_wait=1.0))
    assert spent(limiter) == 2


def test_a_closed_connection_is_opened_by_the_sender(
    limiter: Limiter, redis_only: RedisServer, senders: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A server closes idle connections; the name may take long to resolve then, and no caller waits for that."""
    with redis_only.client() as client:
        client.client_kill_filter(_type="normal", skipme=True)
    resolved: list[str] = []
    look_up = socket.getaddrinfo

    def noting(*arguments: Any, **options: Any) -> Any:
        resolved.append(threading.current_thread().name)
        return look_up(*arguments, **options)

    monkeypatch.setattr(socket, "getaddrinfo", noting)
    end(lease(limiter))
    assert (senders[0], set(resolved)) == (SENDER, {SENDER})
    end(lease(limiter))
    assert threading.current_thread().name in senders
    assert not worker(limiter).is_away


def test_calls_that_follow_each_other_do_not_wake_the_scheduler(
    limiter: Limiter, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The scheduler wakes once in 20 ms at most: each change of threads takes longer than the steps of a call."""
    woken: list[float] = []
    step = RedisWorker._step

    def noting(worker: RedisWorker, now: float) -> float:
        woken.append(now)
        return step(worker, now)

    monkeypatch.setattr(RedisWorker, "_step", noting)
    begun = time.monotonic()
    for _ in range(60):
        end(lease(limiter))
    assert len(woken) <= (time.monotonic() - begun) / LINGER + 3


def test_a_lone_call_takes_few_steps(
    limiter: Limiter, redis_only: RedisServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A lease with its end is one script of three commands, and at most 115 calls of functions of this package."""
    called: list[str] = []

    def noting(frame: FrameType, event: str, _argument: object) -> None:
        if event == "call" and "inventpay" in frame.f_globals.get("__name__", ""):
            called.append(frame.f_code.co_name)

    end(lease(limiter))
    with redis_only.client() as client, patience(monkeypatch):
        before = client.info("commandstats")
        sys.setprofile(noting)
        for _ in range(10):
            end(lease(limiter))
        sys.setprofile(None)
        after = client.info("commandstats")
    counts = {
        name: after[f"cmdstat_{name}"]["calls"] - before.get(f"cmdstat_{name}", {"calls": 0})["calls"]
        for name in ("evalsha", "time", "get", "set")
    }
    assert counts == {"evalsha": 10, "time": 10, "get": 10, "set": 10}
    end(lease(limiter))  # its end wakes the scheduler in time
    assert len(called) / 10 <= 115, Counter(called).most_common(20)
