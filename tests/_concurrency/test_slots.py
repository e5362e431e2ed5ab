"""Counted places for the tasks of one event loop: first come, first served, and a cut-off task takes none with it."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import anyio
import anyio.lowlevel
import pytest
import trio

from inventpay._concurrency.tasks import AsyncBackend, AsyncioSemaphore, AsyncSemaphore


def test_each_library_has_its_own() -> None:
    """The slots of asyncio use futures, those of trio the semaphore of anyio."""

    async def kind() -> type[AsyncSemaphore]:
        return type(AsyncBackend().semaphore(1))

    assert asyncio.run(kind()) is AsyncioSemaphore
    assert trio.run(kind) is AsyncSemaphore


async def crowd(count: int) -> list[int]:
    """Return the order in which ten tasks got one of the places, which each keeps for a moment."""
    slots = AsyncBackend().semaphore(count)
    served: list[int] = []

    async def task(number: int) -> None:
        assert await slots.acquire(None)
        served.append(number)
        await anyio.lowlevel.checkpoint()
        slots.release()

    async with anyio.create_task_group() as group:
        for number in range(10):
            group.start_soon(task, number)
            await anyio.lowlevel.checkpoint()
    return served


@pytest.mark.parametrize("count", [1, 3, 20])
@pytest.mark.parametrize("run", [lambda main, count: asyncio.run(main(count)), trio.run], ids=["asyncio", "trio"])
def test_first_come_first_served(run: Callable[..., list[int]], count: int) -> None:
    """Slots are given first come, first served, in asyncio and trio."""
    assert run(crowd, count) == list(range(10))


async def test_a_cancelled_waiter_is_passed_over() -> None:
    """Its place goes to the next one who still waits."""
    slots = AsyncBackend().semaphore(1)
    assert await slots.acquire(None)
    gone, next_one = (asyncio.create_task(slots.acquire(None)) for _ in range(2))
    await asyncio.sleep(0)
    gone.cancel()
    await asyncio.sleep(0)
    slots.release()
    assert await next_one
    slots.release()
    assert await asyncio.wait_for(slots.acquire(None), 1.0)


async def test_a_waiter_cancelled_at_its_turn_passes_it_on() -> None:
    """A place given in the very moment of the cancellation is not lost."""
    slots = AsyncBackend().semaphore(1)
    assert await slots.acquire(None)
    gone, next_one = (asyncio.create_task(slots.acquire(None)) for _ in range(2))
    await asyncio.sleep(0)
    slots.release()
    gone.cancel()
    assert await asyncio.wait_for(next_one, 1.0)
    assert gone.cancelled()
