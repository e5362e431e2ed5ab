"""Clients and receivers on a machine whose clock is set, or that was suspended for an hour."""

from __future__ import annotations

import asyncio
import contextlib
import datetime as dt
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from pathlib import Path
from typing import Any

import pytest

from inventpay import APITimeoutError, AsyncInventPay, InventPay, RateClass, RateLimits
from inventpay._concurrency import steady_time
from inventpay._limits.limiter import LocalLimiter
from inventpay.sandbox import Sandbox
from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore, WebhookReceiver
from tests.support.clients import new_key
from tests.support.deliveries import SECRET, flat, signed
from tests.support.servers import echo_thread, read

time_machine = pytest.importorskip("time_machine")

HOUR = 3600.0
SHORT = RateLimits(other=2, window=0.3, counting="window")
LONG = RateLimits(other=2, window=60.0, counting="window")
Set = Callable[[float], None]


@pytest.fixture
def set_clock() -> Iterator[Set]:
    """Return the function that sets the wall clock so many seconds ahead."""
    moved: list[AbstractContextManager[Any]] = []

    def move(seconds: float) -> None:
        travel = time_machine.travel(dt.datetime.now(dt.UTC) + dt.timedelta(seconds=seconds), tick=True)
        travel.start()
        moved.append(travel)

    yield move
    for travel in reversed(moved):
        travel.stop()  # type: ignore[attr-defined]


class Suspension:
    """A monotonic clock that was an hour further on after each suspension, as on macOS and Windows."""

    def __init__(self) -> None:
        self.slept = 0.0

    def now(self) -> float:
        """Return the seconds of the clock."""
        return time.monotonic() + self.slept


@pytest.fixture
def suspension(monkeypatch: pytest.MonkeyPatch) -> Suspension:
    """Return the clock of all that is made from now on."""
    clock = Suspension()
    monkeypatch.setattr(steady_time, "_CLOCK", (clock.now,))
    return clock


def run(main: Callable[[], Any], clock: Suspension) -> None:
    """Run a coroutine on an event loop whose time is that clock."""

    class Loop(asyncio.SelectorEventLoop):
        def time(self) -> float:
            return clock.now()

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())


def options(url: str, limits: RateLimits, **more: Any) -> dict[str, Any]:
    """Return the options of a client."""
    return {"api_key": new_key(), "base_url": url, "coalesce": False, "limiter": LocalLimiter(limits), **more}


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_of_the_wall_clock_moves_no_token(set_clock: Set, step: float) -> None:
    """Five calls of a limit of two take two windows, with a step in the middle; the server sees no third in one."""
    with echo_thread() as server, InventPay(**options(server.url, SHORT)) as client:
        began = time.perf_counter()
        for number in range(5):
            if number == 2:
                set_clock(step)
            client.request("GET", "/x")
        assert 0.55 <= time.perf_counter() - began < 3.0


@pytest.mark.parametrize("step", [-HOUR, HOUR])
async def test_a_step_of_the_wall_clock_moves_no_token_of_tasks(set_clock: Set, step: float) -> None:
    """It holds in an event loop."""
    with echo_thread() as server:
        async with AsyncInventPay(**options(server.url, SHORT)) as client:
            began = time.perf_counter()
            for number in range(5):
                if number == 2:
                    set_clock(step)
                await client.request("GET", "/x")
            assert 0.55 <= time.perf_counter() - began < 3.0


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_step_of_the_wall_clock_moves_no_deadline(set_clock: Set, step: float) -> None:
    """A request that gets no answer is given up after its own time."""
    with (
        echo_thread() as server,
        InventPay(**options(server.url, LONG, attempt_timeout=0.5, max_retries=0)) as client,
    ):
        threading.Timer(0.2, set_clock, [step]).start()
        began = time.perf_counter()
        with pytest.raises(APITimeoutError):
            client.request("GET", "/x", params={"hold": "1"})
        assert 0.45 <= time.perf_counter() - began < 3.0


def test_a_suspension_gives_the_tokens_back_and_closes_idle_connections(suspension: Suspension) -> None:
    """After an hour the limit is whole again, and a connection that the server gave up long ago is not used."""
    with echo_thread() as server, InventPay(**options(server.url, LONG)) as client:
        for _ in range(2):
            assert read(client.request("GET", "/x"))["connection"] == 1
        assert client.rate_limits[RateClass.OTHER].available == 0
        suspension.slept += HOUR
        assert client.rate_limits[RateClass.OTHER].available == 2
        assert read(client.request("GET", "/x"))["connection"] == 2


def test_a_suspension_gives_the_tokens_of_tasks_back(suspension: Suspension) -> None:
    """It holds in an event loop."""

    async def main() -> None:
        with echo_thread() as server:
            async with AsyncInventPay(**options(server.url, LONG)) as client:
                for _ in range(2):
                    await client.request("GET", "/x")
                suspension.slept += HOUR
                assert client.rate_limits[RateClass.OTHER].available == 2
                assert read(await client.request("GET", "/x"))["connection"] == 2

    run(main, suspension)


def test_a_suspension_in_the_middle_of_a_call_ends_it(suspension: Suspension) -> None:
    """The call gives up or has its result at once, nothing hangs, and the next call is answered."""
    with (
        echo_thread() as server,
        InventPay(**options(server.url, LONG, attempt_timeout=5.0, max_retries=0)) as client,
    ):

        def suspend() -> None:
            suspension.slept += HOUR

        threading.Timer(0.1, suspend).start()
        began = time.perf_counter()
        with contextlib.suppress(APITimeoutError):
            client.request("GET", "/x", params={"delay": "0.4"})
        assert time.perf_counter() - began < 3.0
        assert read(client.request("GET", "/next"))["path"].startswith("/next")


def test_a_suspension_in_the_middle_of_a_call_of_a_task(suspension: Suspension) -> None:
    """It holds in an event loop, where timers of the hour that passed fire at once."""

    async def main() -> None:
        with echo_thread() as server:
            async with AsyncInventPay(**options(server.url, LONG, attempt_timeout=5.0, max_retries=0)) as client:

                def suspend() -> None:
                    suspension.slept += HOUR

                asyncio.get_running_loop().call_later(0.1, suspend)
                began = time.perf_counter()
                with contextlib.suppress(APITimeoutError):
                    await client.request("GET", "/x", params={"delay": "0.4"})
                assert time.perf_counter() - began < 3.0
                assert read(await client.request("GET", "/next"))["path"].startswith("/next")

    run(main, suspension)


def test_a_task_that_waits_for_a_token_over_a_suspension(suspension: Suspension) -> None:
    """It goes on as soon as the machine does: its token came back meanwhile."""

    async def main() -> None:
        with echo_thread() as server:
            async with AsyncInventPay(**options(server.url, LONG, max_wait=120.0)) as client:
                for _ in range(2):
                    await client.request("GET", "/x")
                waiting = asyncio.create_task(client.request("GET", "/waited"))
                await asyncio.sleep(0.05)
                suspension.slept += HOUR
                # The event loop looks at its timers when anything happens, as it does after a suspension.
                await asyncio.sleep(0)
                await asyncio.wait_for(waiting, 3.0)

    run(main, suspension)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_wait_for_a_payment_over_a_step(set_clock: Set, step: float) -> None:
    """A payment that is paid after the step is seen in time, over real sockets."""
    sandbox = Sandbox()
    with sandbox.run(), sandbox.client() as client:
        payment = client.payments.create(amount=5, amount_currency="USD", currency="LTC")

        def step_and_pay() -> None:
            set_clock(step)
            sandbox.pay(payment.payment_id)

        threading.Timer(0.3, step_and_pay).start()
        began = time.perf_counter()
        assert client.payments.wait(payment.payment_id, timeout=60).is_paid
        assert time.perf_counter() - began < 30.0


def shop(kind: str, folder: Path) -> tuple[WebhookReceiver, list[str]]:
    """Return a receiver, and the payments that it handled."""
    store = MemorySeenStore() if kind == "memory" else SQLiteSeenStore(folder / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=store)
    handled: list[str] = []
    receiver.on_other(lambda event: handled.append(str(event.payment_id)))
    return receiver, handled


def delivery(name: str) -> tuple[bytes, dict[str, str]]:
    """Return an event of now, signed."""
    body = flat("order.paid", payment_id=name, timestamp=dt.datetime.now(dt.UTC).isoformat())
    return body, signed(body)


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_deliveries_after_the_clock_went_ahead(set_clock: Set, tmp_path: Path, kind: str) -> None:
    """Repeats of before are not handled again, events of before are accepted, and so are those of the new time."""
    receiver, handled = shop(kind, tmp_path)
    first, second = delivery("cmh1"), delivery("cmh2")
    assert receiver.handle(*first).status == 200
    set_clock(HOUR)
    for each in (first, second, delivery("cmh3"), first, second):
        assert receiver.handle(*each).status == 200
    assert handled == ["cmh1", "cmh2", "cmh3"]


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
def test_deliveries_after_the_clock_went_back(set_clock: Set, tmp_path: Path, kind: str) -> None:
    """Events that lie an hour ahead are refused, which names the clock; after that each is handled once."""
    receiver, handled = shop(kind, tmp_path)
    first, second = delivery("cmh1"), delivery("cmh2")
    assert receiver.handle(*first).status == 200
    set_clock(-HOUR)
    for each in (first, second):
        answer = receiver.handle(*each)
        assert answer.status == 400
        assert "ahead of this machine's clock" in answer.message
    assert receiver.handle(*delivery("cmh3")).status == 200
    set_clock(HOUR)
    for each in (first, second, second):
        assert receiver.handle(*each).status == 200
    assert handled == ["cmh1", "cmh3", "cmh2"]
