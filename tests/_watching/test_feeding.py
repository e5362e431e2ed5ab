"""Feeding across threads and event loops, in crowds, and within the share of the rate limit."""

from __future__ import annotations

import asyncio
import json
import threading
import time
from collections.abc import Callable
from decimal import Decimal

import httpx
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from inventpay import AsyncInventPay, InventPay, PaymentStatus
from inventpay._watching.schedule import SHARE, Schedule, Watcher
from inventpay.webhooks import PaymentCompletedEvent
from tests.support.clients import new_key
from tests.support.virtual_api import virtual_client
from tests.support.virtual_time import START, run


def completed(payment_id: str) -> PaymentCompletedEvent:
    return PaymentCompletedEvent(payment_id=payment_id, amount=Decimal(5))


class Payments:
    """An API that learns of a payment's end when a test says so, and remembers when it was asked."""

    def __init__(self) -> None:
        self.ended: set[str] = set()
        self.asked: list[tuple[float, str]] = []

    def body(self, request: httpx.Request) -> bytes:
        name = request.url.path.split("/")[3]
        status = {
            "paymentId": name,
            "status": "COMPLETED" if name in self.ended else "PENDING",
            "currentBalance": "5" if name in self.ended else "0",
            "confirmations": 12 if name in self.ended else 0,
            "createdAt": START.isoformat(),
        }
        return json.dumps(status).encode()

    async def in_virtual_time(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((asyncio.get_running_loop().time(), request.url.path.split("/")[3]))
        await asyncio.sleep(0.1)
        return httpx.Response(200, content=self.body(request))

    def __call__(self, request: httpx.Request) -> httpx.Response:
        self.asked.append((time.monotonic(), request.url.path.split("/")[3]))
        return httpx.Response(200, content=self.body(request))


def test_a_test_event_wakes_a_waiter_and_is_not_believed() -> None:
    """A signed event with ``test`` causes a poll; a payment that is pending stays pending."""
    api = Payments()

    async def main() -> None:
        async with virtual_client(api.in_virtual_time) as client:
            wait = asyncio.create_task(client.payments.wait("cmh1"))
            await asyncio.sleep(500)
            asked = len(api.asked)
            test = PaymentCompletedEvent(payment_id="cmh1", amount=Decimal(5), test=True)
            assert client.feed(test) == 1
            await asyncio.sleep(1)
            assert (len(api.asked), wait.done()) == (asked + 1, False)
            wait.cancel()

    run(main())


def test_an_event_wakes_a_waiter_long_before_its_next_poll() -> None:
    """One round trip after the event the wait is over; no other poll is sent for it."""
    api = Payments()

    async def main() -> float:
        loop = asyncio.get_running_loop()
        async with virtual_client(api.in_virtual_time) as client:
            first, second = (asyncio.create_task(client.payments.wait(name)) for name in ("cmh1", "cmh2"))
            await asyncio.sleep(500)
            asked = len(api.asked)
            api.ended.add("cmh1")
            assert client.feed(completed("cmh1")) == 1
            fed = loop.time()
            assert (await first).confirmations == 12
            took = loop.time() - fed
            assert len(api.asked) == asked + 1
            assert not second.done()
            second.cancel()
            return took

    assert run(main()) == pytest.approx(0.1)


def test_a_flood_of_events_stays_within_the_share() -> None:
    """Hundreds of payments end in the same second: their waits end, and polls never exceed four fifths of the limit."""
    api = Payments()
    names = [f"cmh{number}" for number in range(600)]

    async def main() -> list[PaymentStatus]:
        async with virtual_client(api.in_virtual_time) as client:
            waits = [asyncio.create_task(client.payments.wait(name)) for name in names]
            await asyncio.sleep(300)
            api.ended.update(names)
            assert sum(client.feed(completed(name)) for name in names) == len(names)
            began = asyncio.get_running_loop().time()
            finals = await asyncio.gather(*waits)
            assert asyncio.get_running_loop().time() - began < 3
            return finals

    assert all(final.is_paid and final.current_balance == 5 for final in run(main()))
    times = [at for at, _ in api.asked]
    most = max(sum(1 for at in times if start <= at < start + 60.0) for start in times)
    assert most <= SHARE * 300 + 1


class _Sleeper:
    def wake(self) -> bool:
        return True


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.booleans()), max_size=200), st.sampled_from([10, 60, 300]))
def test_looks_out_of_turn_count_towards_the_share(steps: list[tuple[float, bool]], limit: int) -> None:
    """For any mixture of turns and fed looks, no window holds more than four fifths of the limit."""
    schedule, now, polls = Schedule(limit, 60.0), 0.0, list[float]()
    watcher = Watcher()
    for pause, fed in steps:
        now += pause
        schedule.join(watcher, _Sleeper(), 0.0, now)
        if schedule.squeeze_in(now) if fed else schedule.turn(watcher, now) == 0.0:
            polls.append(now)
        schedule.leave(watcher, now)
    assert all(sum(1 for at in polls if start <= at < start + 60.0) <= max(1.0, SHARE * limit) for start in polls)


def wait_until(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.002)


def feed_when_watching(client: AsyncInventPay | InventPay, api: Payments) -> float:
    """Ends the payment once its waiter has asked and waits again; when the event was fed."""
    wait_until(lambda: any(schedule.waiting for schedule in client._polling._schedules.values()))
    wait_until(lambda: bool(api.asked))
    api.ended.add("cmh1")
    fed = time.monotonic()
    assert client.feed(completed("cmh1")) == 1
    return fed


def test_a_thread_is_woken_by_another_thread() -> None:
    """The blocking client: a wait in one thread, the handler in another."""
    api, ended = Payments(), list[float]()
    with InventPay(new_key(), transport=httpx.MockTransport(api)) as client:

        def wait() -> None:
            assert client.payments.wait("cmh1").is_paid
            ended.append(time.monotonic())

        thread = threading.Thread(target=wait)
        thread.start()
        fed = feed_when_watching(client, api)
        thread.join(10)
    assert ended[0] - fed < 1.0


def run_asyncio(main: Callable[[], object]) -> None:
    asyncio.run(main())  # type: ignore[arg-type]


@pytest.mark.parametrize("runner", [run_asyncio, trio.run])
def test_an_event_loop_is_woken_from_outside(runner: Callable[[Callable[[], object]], None]) -> None:
    """The async client: a wait under asyncio or trio, the handler in a thread with an event loop of its own."""
    api, ended = Payments(), list[float]()
    client = AsyncInventPay(new_key(), transport=httpx.MockTransport(api))
    fed = list[float]()

    async def handler() -> None:
        fed.append(await asyncio.to_thread(feed_when_watching, client, api))

    async def main() -> None:
        async with client:
            assert (await client.payments.wait("cmh1")).is_paid
            ended.append(time.monotonic())

    thread = threading.Thread(target=asyncio.run, args=(handler(),))
    thread.start()
    runner(main)
    thread.join(10)
    assert ended[0] - fed[0] < 1.0


def test_a_waiter_of_a_closed_event_loop_affects_no_other() -> None:
    """Feeding where an event loop ended under its watch wakes none and raises nothing."""
    api = Payments()
    client = AsyncInventPay(new_key(), transport=httpx.MockTransport(api))
    watch = client.payments.watch("cmh1")

    async def main() -> None:
        assert (await watch.__anext__()).status == "PENDING"

    asyncio.run(main())
    assert client.feed(completed("cmh1")) == 1

    async def again() -> None:
        assert (await watch.__anext__()).is_paid
        await client.aclose()

    asyncio.run(again())
