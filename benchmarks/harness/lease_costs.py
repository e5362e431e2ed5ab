"""The cost of a token: processor time and memory, without any network."""

from __future__ import annotations

import asyncio
import contextlib
import cProfile
import gc
import random
import time
import tracemalloc
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from statistics import median
from typing import Any

from inventpay import AsyncInventPay, RateLimits
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._limits.limiter import LocalLimiter
from inventpay._limits.token_bucket import TokenBucket
from inventpay.options import Counting, RateClass

CLASS = RateClass.STATUS_CHECKS
LIMIT, WINDOW = 300, 60.0  # of status checks, as documented
NEARLY_ALL = 0.99
SHARES = (0.8, NEARLY_ALL)
"""Shares of the limit that a steady caller uses: the bucket has a history, and no caller waits."""
ANSWER_TIME = 0.25  # seconds

CROWD_ANSWER_TIME = 0.0025  # seconds, at the most
CROWD_LIMIT, CROWD_WINDOW = 100, 0.3
"""333 grants a second: the arithmetic depends on the limit, not on the window, and a short window keeps runs short."""


class SetClock(AsyncBackend):
    """The client's way of backend, with a clock that is set by hand."""

    __slots__ = ("time",)

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time


@dataclass(frozen=True)
class LeaseCost:
    """Microseconds of one uncontended lease and of its end."""

    lease: float
    end: float


def bucket_cost(counting: Counting, share: float, turns: int) -> LeaseCost:
    """The arithmetic alone, for a caller that uses this share of the limit."""
    bucket = TokenBucket(LIMIT, WINDOW, counting=counting)
    pause, now = WINDOW / LIMIT / share, 0.0
    leasing = ending = 0
    for turn in range(2 * LIMIT + turns):
        now += pause
        begun = time.perf_counter_ns()
        granted = bucket.lease(now)
        leased = time.perf_counter_ns()
        bucket.answered(now + ANSWER_TIME)
        ended = time.perf_counter_ns()
        assert granted
        if turn >= 2 * LIMIT:
            leasing += leased - begun
            ending += ended - leased
    return LeaseCost(leasing / turns / 1000, ending / turns / 1000)


async def limiter_cost(counting: Counting, share: float, turns: int) -> LeaseCost:
    """Return the cost of a call: the limiter with its lock, its queue and its lease."""
    limiter = LocalLimiter(RateLimits(status_checks=LIMIT, window=WINDOW, counting=counting))
    clock = SetClock()
    pause, headers = WINDOW / LIMIT / share, dict[str, str]()
    leasing = ending = 0
    for turn in range(2 * LIMIT + turns):
        clock.time += pause
        begun = time.perf_counter_ns()
        lease = await limiter.acquire_async(CLASS, clock)
        leased = time.perf_counter_ns()
        lease.answered(clock.time + ANSWER_TIME, 200, headers)
        ended = time.perf_counter_ns()
        if turn >= 2 * LIMIT:
            leasing += leased - begun
            ending += ended - leased
    return LeaseCost(leasing / turns / 1000, ending / turns / 1000)


def burst_cost(counting: Counting, turns: int) -> LeaseCost:
    """Return the cost of concurrent calls with a full bucket."""

    async def burst() -> tuple[int, int]:
        limiter = LocalLimiter(RateLimits(status_checks=LIMIT, window=WINDOW, counting=counting))
        clock, headers = SetClock(), dict[str, str]()
        begun = time.perf_counter_ns()
        leases = [await limiter.acquire_async(CLASS, clock) for _ in range(LIMIT)]
        leased = time.perf_counter_ns()
        for lease in leases:
            lease.answered(ANSWER_TIME, 200, headers)
        return leased - begun, time.perf_counter_ns() - leased

    async def bursts() -> list[tuple[int, int]]:
        return [await burst() for _ in range(max(1, turns // LIMIT))]

    seen = asyncio.run(bursts())
    return LeaseCost(*(median(part) / LIMIT / 1000 for part in zip(*seen, strict=True)))


async def grant_cost(
    counting: Counting, waiters: int, grants: int, *, answer_time: float = 0.0, profile: cProfile.Profile | None = None
) -> float:
    """Return the processor microseconds per grant while ``waiters`` tasks wait all the time.

    A task that gets a token joins the end of the queue again, and its answer arrives in the next turn of the event
    loop, or after up to `answer_time` seconds. So the whole life of a grant is counted: joining, waiting, being woken,
    leasing, and the answer. The event loop's own share is included, and with `answer_time` also the cost of waking up
    for each answer, as for reading from a real network.
    """
    limiter = LocalLimiter(RateLimits(status_checks=CROWD_LIMIT, window=CROWD_WINDOW, counting=counting))
    backend = AsyncBackend()
    loop = asyncio.get_running_loop()
    latency = random.Random(waiters)
    headers = dict[str, str]()
    granted, begun = 0, 0.0
    spent = loop.create_future()

    async def ask_for_ever() -> None:
        nonlocal granted, begun
        while True:
            lease = await limiter.acquire_async(CLASS, backend)
            if answer_time:
                loop.call_later(latency.uniform(0.0, answer_time), _answer, lease.answered, backend, headers)
            else:
                loop.call_soon(_answer, lease.answered, backend, headers)
            granted += 1
            # The first limit goes at once, and the second may: the steady state comes after them.
            if granted == 2 * CROWD_LIMIT:
                begun = time.process_time()
                if profile is not None:
                    profile.enable()
            elif granted == 2 * CROWD_LIMIT + grants:
                if profile is not None:
                    profile.disable()
                spent.set_result(time.process_time() - begun)

    tasks = [loop.create_task(ask_for_ever()) for _ in range(waiters)]
    seconds: float = await spent
    await _cancel(tasks)
    return seconds / grants * 1e6


async def timer_cost(grants: int) -> float:
    """Processor microseconds of one `asyncio.sleep` at the same pace: what any limiter that paces pays at the least."""
    begun = time.process_time()
    for _ in range(grants):
        await asyncio.sleep(CROWD_WINDOW / CROWD_LIMIT)
    return (time.process_time() - begun) / grants * 1e6


def _answer(
    answered: Callable[[float, int, dict[str, str]], None], backend: AsyncBackend, headers: dict[str, str]
) -> None:
    answered(backend.now(), 200, headers)


@dataclass(frozen=True)
class WaiterMemory:
    """Bytes that one waiting task holds."""

    bare: float
    """Task and coroutine alone, waiting for an event of asyncio."""
    limiter: float
    """Waiting for a token."""
    call: float
    """Waiting for a token inside `client.payments.status`."""


def waiter_memory(waiters: int) -> WaiterMemory:
    """Return the memory of waiting tasks."""

    async def bare() -> float:
        event = asyncio.Event()

        async def wait() -> None:
            await event.wait()

        return await _traced(wait, waiters)

    async def limiter() -> float:
        limiter = LocalLimiter(RateLimits(status_checks=1))
        backend = AsyncBackend()
        await limiter.acquire_async(CLASS, backend)

        async def wait() -> None:
            await limiter.acquire_async(CLASS, backend)

        return await _traced(wait, waiters)

    async def call() -> float:
        limiter = LocalLimiter(RateLimits(status_checks=1))
        await limiter.acquire_async(CLASS, AsyncBackend())
        # No token is granted, so nothing is sent.
        async with AsyncInventPay("pk_waiting", base_url="http://127.0.0.1:9", limiter=limiter) as client:

            async def wait() -> None:
                await client.payments.status("payment-1")

            return await _traced(wait, waiters)

    return WaiterMemory(asyncio.run(bare()), asyncio.run(limiter()), asyncio.run(call()))


async def _traced(wait: Callable[[], Coroutine[Any, Any, None]], waiters: int) -> float:
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tasks = [asyncio.create_task(wait()) for _ in range(waiters)]
        await asyncio.sleep(0.1)  # until each of them waits
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    if any(task.done() for task in tasks):
        raise RuntimeError("a task that should wait for a token did not")
    await _cancel(tasks)
    return (after - before) / waiters


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait(tasks)
