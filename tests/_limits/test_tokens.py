"""Waiting for tokens: first come, first served, with known waits, and no token lost by cancellation."""

from __future__ import annotations

import asyncio
import gc
import itertools
import math
import threading
import time
from collections.abc import Callable
from typing import Any

import anyio
import pytest
import trio
from hypothesis import given
from hypothesis import strategies as st

from inventpay import RateClass, RateLimits, RateLimitTimeoutError
from inventpay._async.tokens import acquire as acquire_async
from inventpay._concurrency.tasks import AsyncBackend, AsyncioWaiter, AsyncWaiter
from inventpay._concurrency.threads import Backend, Waiter
from inventpay._limits.class_limiter import ClassLease, ClassLimiter
from inventpay._limits.limiter import LocalLimiter
from inventpay._limits.token_bucket import GRACE
from inventpay._sync.tokens import acquire
from tests.support.servers import wait_until


class Clock:
    """A clock that the test sets, and the sleeps that waiters asked for."""

    def __init__(self) -> None:
        self.now = 1_000.0
        self.sleeps: list[float | None] = []


class ManualWaiter(AsyncioWaiter):
    """A waiter that only `wake` wakes, not time."""

    __slots__ = ("_clock",)

    def __init__(self, loop: Any, clock: Clock) -> None:
        super().__init__(loop)
        self._clock = clock

    async def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        """Wait until woken; time passes only on the test's clock."""
        self._clock.sleeps.append(
            at_most if seconds is None else min(seconds, math.inf if at_most is None else at_most)
        )
        await super().wait(None)


class ManualWaiting(AsyncBackend):
    """A backend that waits on the test's clock."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    def now(self) -> float:
        """Return the test's time."""
        return self._clock.now

    def waiter(self) -> AsyncioWaiter:
        """Return a waiter that time does not wake."""
        return ManualWaiter(asyncio.get_running_loop(), self._clock)


def new_class_limiter(limit: int = 1, window: float = 60.0) -> ClassLimiter:
    """Return a limiter whose tokens come back one window after their answer."""
    return ClassLimiter(RateClass.OTHER, RateLimits(other=limit, window=window, counting="window"))


def tick(limiter: ClassLimiter) -> None:
    """Wake the heads of the queues, as a timer would."""
    with limiter.lock:
        limiter._wake_heads()


async def settle() -> None:
    """Let every task run until it waits."""
    for _ in range(20):
        await asyncio.sleep(0)


async def test_first_come_first_served() -> None:
    """Tokens go out in the order in which tasks asked, and only the head sleeps for a time."""
    clock, limiter = Clock(), new_class_limiter()
    backend = ManualWaiting(clock)
    served: list[int] = []

    async def one(number: int) -> None:
        lease = await acquire_async(limiter, backend, max_wait=None)
        served.append(number)
        lease.answered(clock.now, 200, {})

    tasks = [asyncio.create_task(one(number)) for number in range(5)]
    await settle()
    assert served == [0]
    assert limiter.waiting == 4
    assert repr(limiter).endswith("4 waiting>")
    assert clock.sleeps[1:] == [None, None, None]
    assert clock.sleeps[0] == pytest.approx(60.06)
    for expected in range(2, 6):
        clock.now += 60.1
        tick(limiter)
        await settle()
        assert served == list(range(expected))
    await asyncio.gather(*tasks)
    assert limiter.waiting == 0


async def test_every_end_of_a_call_lets_the_head_sleep_for_the_right_time() -> None:
    """An answer, a 429, a lease and a cancelled head wake only the next head, which sleeps until its own time."""
    clock, limiter = Clock(), new_class_limiter(limit=2)
    backend = ManualWaiting(clock)
    first, second = [await acquire_async(limiter, backend, max_wait=None) for _ in range(2)]
    tasks = [asyncio.create_task(acquire_async(limiter, backend, max_wait=None)) for _ in range(3)]
    await settle()
    assert clock.sleeps == [None, None, None]
    first.answered(clock.now, 200, {})
    await settle()
    assert clock.sleeps[3:] == [pytest.approx(60.06)]
    clock.now += 2.5
    second.answered(clock.now, 429, {"retry-after": "100"})
    await settle()
    assert clock.sleeps[4:] == [pytest.approx(100.0)]
    clock.now += 100.0
    tick(limiter)
    await settle()
    # After a refusal requests go one by one.
    assert [task.done() for task in tasks] == [True, False, False]
    assert clock.sleeps[5:] == [pytest.approx(30.03)]
    (await tasks[0]).answered(clock.now, 200, {})
    await settle()
    assert clock.sleeps[6:] == [pytest.approx(30.03)]
    tasks[1].cancel()
    await settle()
    assert clock.sleeps[7:] == [pytest.approx(30.03)]
    tasks[2].cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_waiting_calls_are_not_overtaken() -> None:
    """A new caller waits behind the queue, even while a token is free."""
    clock, limiter = Clock(), new_class_limiter()
    backend = ManualWaiting(clock)
    (await acquire_async(limiter, backend, max_wait=None)).answered(clock.now, 200, {})
    first = asyncio.create_task(acquire_async(limiter, backend, max_wait=None))
    await settle()
    clock.now += 60.1
    with pytest.raises(RateLimitTimeoutError):
        await acquire_async(limiter, backend, max_wait=0.0)
    tick(limiter)
    (await first).refund(clock.now)


async def test_a_wait_that_would_be_too_long_fails_at_once() -> None:
    """The wait is known in advance: the call fails without joining the queue, and the error names the wait."""
    clock, limiter = Clock(), new_class_limiter()
    backend = ManualWaiting(clock)
    (await acquire_async(limiter, backend, max_wait=0.0)).answered(clock.now, 200, {})
    clock.now += 20
    with pytest.raises(RateLimitTimeoutError, match=r"class other has no token for another 40\.06 s") as caught:
        await acquire_async(limiter, backend, max_wait=40.0)
    assert caught.value.wait == pytest.approx(40.06)
    assert caught.value.outcome == "not_sent"
    assert limiter.waiting == 0
    assert clock.sleeps == []
    patient = asyncio.create_task(acquire_async(limiter, backend, max_wait=40.1))
    await settle()
    with pytest.raises(RateLimitTimeoutError, match=r"another 100\.12 s"):
        await acquire_async(limiter, backend, max_wait=100.0)
    clock.now += 40.07
    tick(limiter)
    assert isinstance(await patient, ClassLease)


async def test_a_wait_that_becomes_too_long_fails_in_time() -> None:
    """A slow call in flight makes others wait longer than estimated; they fail at the end of their `max_wait`."""
    clock, limiter = Clock(), new_class_limiter()
    backend = ManualWaiting(clock)
    slow = await acquire_async(limiter, backend, max_wait=None)
    task = asyncio.create_task(acquire_async(limiter, backend, max_wait=61.0))
    await settle()
    assert clock.sleeps == [61.0]
    clock.now += 61.0
    tick(limiter)
    with pytest.raises(RateLimitTimeoutError, match=r"may wait for 61\.00 s"):
        await task
    assert limiter.waiting == 0
    slow.abandoned(clock.now)


def test_the_same_in_a_thread() -> None:
    """The blocking twin fails at once, fails in time, and gets a free token."""
    limiter = new_class_limiter(window=0.2)
    backend = Backend()
    slow = acquire(limiter, backend, max_wait=0.0)
    with pytest.raises(RateLimitTimeoutError):
        acquire(limiter, backend, max_wait=0.1)
    with pytest.raises(RateLimitTimeoutError, match=r"may wait for 0\.21 s"):
        acquire(limiter, backend, max_wait=0.21)
    slow.answered(backend.now(), 200, {})
    acquire(limiter, backend, max_wait=None).refund(backend.now())
    assert limiter.waiting == 0


@pytest.mark.parametrize("first", ["cancel", "wake"])
async def test_a_waiter_cancelled_in_the_tick_in_which_it_is_woken(first: str) -> None:
    """In either order, the token is not lost: the next waiter gets it in the same tick."""
    clock, limiter = Clock(), new_class_limiter()
    backend = ManualWaiting(clock)
    lease = await acquire_async(limiter, backend, max_wait=None)
    tasks = [asyncio.create_task(acquire_async(limiter, backend, max_wait=None)) for _ in range(3)]
    await settle()
    if first == "cancel":
        tasks[0].cancel()
        lease.refund(clock.now)
    else:
        lease.refund(clock.now)
        tasks[0].cancel()
    await settle()
    assert tasks[0].cancelled()
    assert tasks[1].done()
    assert limiter.snapshot(clock.now).leased == 1
    (await tasks[1]).refund(clock.now)
    (await tasks[2]).refund(clock.now)
    assert limiter.snapshot(clock.now).available == 1


@given(
    st.lists(
        st.one_of(
            st.tuples(st.just("join"), st.booleans()),
            st.tuples(st.just("cancel"), st.integers(0, 20)),
            st.tuples(st.sampled_from(["answered", "refund", "abandoned", "forget"]), st.integers(0, 20)),
            st.tuples(st.just("pass"), st.floats(0, 100)),
            st.tuples(st.just("run"), st.integers(0, 3)),
        ),
        max_size=60,
    ),
    st.integers(1, 4),
)
def test_whatever_happens_no_token_is_lost(actions: list[tuple[str, Any]], limit: int) -> None:
    """Tasks that join, cancel, are answered or forgotten in any order lose no token, and all are served in turn."""
    asyncio.run(_play(actions, limit))


async def _play(actions: list[tuple[str, Any]], limit: int) -> None:
    clock, limiter = Clock(), new_class_limiter(limit)
    backend = ManualWaiting(clock)
    tasks: dict[int, tuple[bool, asyncio.Task[None]]] = {}
    served: list[int] = []
    leases: list[ClassLease] = []
    numbers = itertools.count()

    async def one(number: int, background: bool) -> None:
        leases.append(await acquire_async(limiter, backend, max_wait=None, background=background))
        served.append(number)

    async def run(ticks: int) -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)

    for action, value in actions:
        if action == "join":
            number = next(numbers)
            tasks[number] = (value, asyncio.create_task(one(number, value)))
        elif action == "cancel" and tasks:
            list(tasks.values())[value % len(tasks)][1].cancel()
        elif action == "pass":
            clock.now += value
            tick(limiter)
        elif action == "run":
            await run(value)
        elif leases:
            lease = leases.pop(value % len(leases))
            if action == "answered":
                lease.answered(clock.now, 200, {})
            elif action == "refund":
                lease.refund(clock.now)
            elif action == "abandoned":
                lease.abandoned(clock.now)
            del lease
    await settle()
    # Answer everything in flight, and let time pass until all tasks were served.
    for _ in range(200):
        while leases:
            leases.pop().answered(clock.now, 200, {})
        if all(task.done() for _, task in tasks.values()):
            break
        clock.now += 75.0
        tick(limiter)
        await settle()
    results = await asyncio.gather(*(task for _, task in tasks.values()), return_exceptions=True)
    assert all(result is None or isinstance(result, asyncio.CancelledError) for result in results)
    for wants_background in (True, False):
        of_class = [number for number in served if tasks[number][0] is wants_background]
        assert of_class == sorted(of_class)
    limiter.snapshot(clock.now)  # ends forgotten leases
    clock.now += 200.0
    standing = limiter.snapshot(clock.now)
    assert (standing.waiting, standing.leased, standing.available) == (0, 0, limit)
    assert limiter._queues == {}


def test_a_lease_that_was_never_ended() -> None:
    """A garbage-collected lease counts as lost, as its request may still arrive, and wakes the waiters."""
    limiter = new_class_limiter()
    woken: list[bool] = []

    class Head:
        def wake(self) -> bool:
            woken.append(True)
            return True

    with limiter.lock:
        lease = limiter.try_lease(0.0)
        head = Head()
        limiter.join("queue", head)
        assert limiter.turn("queue", head, 0.0) is None
    del lease
    gc.collect()
    assert woken == [True]
    standing = limiter.snapshot(1.0)
    assert (standing.leased, standing.available) == (0, 0)
    with limiter.lock:
        turn = limiter.turn("queue", head, 1.0)
        assert turn == pytest.approx(GRACE + 60.06)
        assert isinstance(limiter.turn("queue", head, 80.0), ClassLease)


def test_a_lease_ends_once() -> None:
    """Only the first end of a lease counts."""
    limiter = new_class_limiter(limit=3)
    with limiter.lock:
        lease = limiter.try_lease(0.0)
    assert lease is not None
    lease.answered(1.0, 200, {})
    lease.refund(2.0)
    lease.abandoned(3.0)
    lease.answered(4.0, 200, {})
    standing = limiter.snapshot(5.0)
    assert (standing.leased, standing.available) == (0, 2)


def test_what_the_server_says_is_learned() -> None:
    """Rate-limit headers and a 429 stop the limiter for the time they name."""
    limiter = new_class_limiter(limit=10)
    with limiter.lock:
        first, second = limiter.try_lease(0.0), limiter.try_lease(0.0)
    assert first is not None
    assert second is not None
    first.answered(1.0, 200, {"x-ratelimit-limit": "10", "x-ratelimit-remaining": "3", "x-ratelimit-reset": "30"})
    assert limiter.snapshot(1.0).available <= 3
    second.answered(2.0, 429, {"retry-after": "20"})
    assert limiter.snapshot(2.0).available == 0
    assert limiter.snapshot(2.0).next_token == pytest.approx(20.0)


def test_what_the_server_says_about_another_window_is_not_about_ours() -> None:
    """An exhausted limit of ten per second does not lower a limit per minute."""
    limiter = new_class_limiter(limit=100)
    with limiter.lock:
        lease = limiter.try_lease(0.0)
    assert lease is not None
    lease.answered(1.0, 200, {"ratelimit-limit": "10;w=1", "ratelimit-remaining": "0", "ratelimit-reset": "1"})
    assert limiter.snapshot(1.0).available == 99


def test_a_429_that_says_nothing() -> None:
    """A 429 without headers stops the limiter for a moment."""
    limiter = new_class_limiter(limit=10)
    with limiter.lock:
        lease = limiter.try_lease(0.0)
    assert lease is not None
    lease.answered(1.0, 429, {})
    assert limiter.snapshot(1.0).next_token > 0


# --- event loops, threads and processes ---


def _waiter_of_a_dead_loop(limiter: ClassLimiter) -> Any:
    loop = asyncio.new_event_loop()
    backend = AsyncBackend()

    async def join() -> AsyncioWaiter | AsyncWaiter:
        waiter = backend.waiter()
        with limiter.lock:
            limiter.join(backend.queue(), waiter)
        return waiter

    waiter = loop.run_until_complete(join())
    loop.close()
    return loop, waiter


@pytest.mark.parametrize("prunes", ["estimate", "wake", "snapshot"])
def test_waiters_of_a_closed_loop_block_no_call(prunes: str) -> None:
    """The queue of a closed event loop is removed: its waiters delay no other caller."""
    limiter = new_class_limiter()
    loop, waiter = _waiter_of_a_dead_loop(limiter)
    assert limiter.waiting == 1
    if prunes == "estimate":
        acquire(limiter, Backend(), max_wait=0.0).refund(time.monotonic())
    elif prunes == "wake":
        assert not waiter.wake()
        with limiter.lock:
            limiter._wake_heads()
    else:
        assert limiter.snapshot(time.monotonic()).waiting == 0
    assert limiter.waiting == 0
    with limiter.lock:
        limiter.leave(loop, waiter)
    acquire(limiter, Backend(), max_wait=0.0).refund(time.monotonic())


def test_a_token_given_back_finds_out_that_a_loop_is_dead() -> None:
    """Waking the head of a dead event loop fails, its queue is removed, and the next caller gets the token."""
    limiter = new_class_limiter()
    lease = acquire(limiter, Backend(), max_wait=0.0)
    _waiter_of_a_dead_loop(limiter)
    lease.refund(time.monotonic())
    assert limiter.waiting == 0
    acquire(limiter, Backend(), max_wait=0.0).refund(time.monotonic())


def test_a_run_of_trio_that_is_over() -> None:
    """Waking a waiter of a finished trio run reports that the waiter is gone."""

    async def join() -> AsyncioWaiter | AsyncWaiter:
        waiter = AsyncBackend().waiter()
        waiter.wake()
        await waiter.wait(None)
        return waiter

    waiter = trio.run(join)
    assert not waiter.wake()


@pytest.mark.parametrize("run", [asyncio.run, lambda main: trio.run(lambda: main)], ids=["asyncio", "trio"])
def test_a_waiter_woken_from_a_thread(run: Callable[[Any], None]) -> None:
    """Any thread may wake a task of either library, before it waits, while it waits, and twice."""

    async def main() -> None:
        waiter = AsyncBackend().waiter()
        for delay in (0.0, 0.02):
            thread = threading.Timer(delay, waiter.wake)
            thread.start()
            with anyio.fail_after(20):
                await waiter.wait(None)
            thread.join()
        await waiter.wait(0.01)  # only the timeout wakes it

    run(main())


def test_eight_threads() -> None:
    """Eight threads that lease, answer, refund and cancel leave the limiter in its first state."""
    limiter = new_class_limiter(limit=5, window=0.05)
    served: list[int] = []
    refused: list[int] = []

    def one(number: int) -> None:
        backend = Backend()
        for turn in range(30):
            try:
                lease = acquire(limiter, backend, max_wait=0.0 if turn % 5 == 4 else None)
            except RateLimitTimeoutError:
                refused.append(number)
                continue
            served.append(number)
            if turn % 3:
                lease.refund(backend.now())
            else:
                lease.answered(backend.now(), 200, {})

    threads = [threading.Thread(target=one, args=[number]) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(served) + len(refused) == 240
    standing = limiter.snapshot(time.monotonic() + 60)
    assert (standing.leased, standing.waiting, standing.available) == (0, 0, 5)


def test_threads_and_loops_on_one_limiter() -> None:
    """Threads, two event loops and a run of trio share one bucket; none starves, and the count is exact."""
    window = 0.1
    limiter = LocalLimiter(RateLimits(other=10, window=window, counting="window"))
    stamps: list[float] = []

    def note(lease: Any, backend: Any) -> None:
        stamps.append(backend.now())
        lease.answered(backend.now(), 200, {})

    def in_thread() -> None:
        backend = Backend()
        for _ in range(10):
            note(limiter.acquire(RateClass.OTHER, backend), backend)

    async def in_loop() -> None:
        backend = AsyncBackend()

        async def one() -> None:
            note(await limiter.acquire_async(RateClass.OTHER, backend), backend)

        async with anyio.create_task_group() as group:
            for _ in range(10):
                group.start_soon(one)

    threads = [threading.Thread(target=in_thread) for _ in range(2)]
    threads += [threading.Thread(target=lambda: asyncio.run(in_loop())) for _ in range(2)]
    threads += [threading.Thread(target=lambda: trio.run(in_loop))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    stamps.sort()
    assert len(stamps) == 50
    # At most ten calls fall into any window.
    assert all(later - earlier >= window for earlier, later in zip(stamps, stamps[10:], strict=False))
    standing = limiter.snapshot(time.monotonic())[RateClass.OTHER]
    assert (standing.leased, standing.waiting) == (0, 0)


def test_a_token_given_back_wakes_the_heads_of_all_lines() -> None:
    """A token that comes back early reaches a queue in another loop, or among threads."""
    limiter = LocalLimiter(RateLimits(other=1, window=3_600.0))
    backend = Backend()
    lease = limiter.acquire(RateClass.OTHER, backend)
    got: list[str] = []

    async def in_loop() -> None:
        (await limiter.acquire_async(RateClass.OTHER, AsyncBackend())).refund(backend.now())
        got.append("loop")

    def in_thread() -> None:
        limiter.acquire(RateClass.OTHER, backend).refund(backend.now())
        got.append("thread")

    threads = [threading.Thread(target=lambda: asyncio.run(in_loop())), threading.Thread(target=in_thread)]
    for thread in threads:
        thread.start()
    wait_until(lambda: limiter.snapshot(backend.now())[RateClass.OTHER].waiting == 2)
    lease.refund(backend.now())
    for thread in threads:
        thread.join(20)
    assert sorted(got) == ["loop", "thread"]


def test_a_child_forgets_what_lives_on_in_its_parent() -> None:
    """After a fork: no waiters, calls in flight counted as answered, their later ends ignored, and the lock free."""
    limiter = new_class_limiter(limit=5)
    waiter = Backend().waiter()
    with limiter.lock:
        leases = [limiter.try_lease(time.monotonic()) for _ in range(3)]
        limiter.join(None, waiter)
    threading.Thread(target=limiter.lock.acquire).start()
    wait_until(lambda: not limiter.lock.acquire(blocking=False) or limiter.lock.release() is not None)
    limiter.after_fork_in_child()
    standing = limiter.snapshot(time.monotonic())
    assert (standing.leased, standing.waiting, standing.available) == (0, 0, 2)
    first, second, third = leases
    assert first is not None
    assert second is not None
    first.refund(time.monotonic())
    second.answered(time.monotonic(), 429, {"retry-after": "60"})
    del first, second, third, leases
    gc.collect()
    with limiter.lock:
        limiter.leave(None, waiter)
    standing = limiter.snapshot(time.monotonic())
    assert (standing.leased, standing.available) == (0, 2)


def test_waiting_for_longer_than_threads_can() -> None:
    """A wait of centuries raises no OverflowError, and waking ends it."""
    waiter: Waiter = Backend().waiter()
    threading.Timer(0.05, waiter.wake).start()
    waiter.wait(1e12)
