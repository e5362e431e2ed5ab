"""The only pairs written twice by hand: how asyncio and trio wait, and how threads do.

Everything that waits gets one of these, so that a test can hand in a clock of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Hashable
from typing import Any, Literal, TypeAlias

import anyio
import anyio.lowlevel

Bound: TypeAlias = contextlib.AbstractContextManager[object, bool]
"""Something to run code inside of that may cut it off."""

Home: TypeAlias = tuple[int, Any]
"""Where a connection belongs: process id and event loop (``None`` for threads)."""


class AsyncWaiter:
    """One task in a line. Any thread may wake it."""

    __slots__ = ("_event", "_loop")

    def __init__(self, loop: Any) -> None:
        self._event = anyio.Event()
        self._loop = loop

    def wake(self) -> bool:
        """Lets ``wait`` return; ``False`` when the loop it waits in is gone."""
        event = self._event
        try:
            if current_loop() is self._loop:
                event.set()
            else:
                # asyncio's and trio's names for the same thing.
                schedule = getattr(self._loop, "call_soon_threadsafe", None) or self._loop.run_sync_soon
                schedule(event.set)
        except RuntimeError:
            return False
        return True

    async def wait(self, seconds: float | None) -> None:
        """Until woken, or for so many seconds."""
        with anyio.move_on_after(seconds):
            await self._event.wait()
        if self._event.is_set():
            self._event = anyio.Event()


class AsyncSlots:
    """A counted number of places, first come, first served."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = anyio.Semaphore(count, fast_acquire=True)

    async def take(self, seconds: float | None) -> bool:
        """Takes a place; ``False`` when none came free in time. The bound is the attempt's own in this world."""
        del seconds
        await self._semaphore.acquire()
        return True

    def give_back(self) -> None:
        """Frees the place."""
        self._semaphore.release()


class AsyncWaiting:
    """How tasks of asyncio and trio wait."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds on a clock that never goes backwards."""
        return time.monotonic()

    async def sleep(self, seconds: float) -> None:
        """Pauses this task."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Cuts off what runs inside after so many seconds, and goes on behind it."""
        return anyio.move_on_after(seconds)

    def shield(self, seconds: float) -> Bound:
        """Lets a short clean-up finish although its task is being cancelled."""
        return anyio.move_on_after(seconds, shield=True)

    def waiter(self) -> AsyncWaiter:
        """A place in a line for the current task."""
        return AsyncWaiter(current_loop())

    def slots(self, count: int) -> AsyncSlots:
        """So many places."""
        return AsyncSlots(count)

    async def call_at_end(self, action: Callable[[], Awaitable[None]]) -> object:
        """Has the event loop run ``action`` when it ends; dropping what this returns calls it off, early and at once.

        Both libraries finish generators that are still open when a run ends; no task or thread is needed for it.
        """
        guard = _at_end(action)
        await anext(guard)
        return guard

    def abandon(self, close_all: Callable[[], object]) -> None:
        """Nothing: only the event loop can close what it opened, and does so when the guard is dropped."""
        del close_all

    def home(self) -> Home:
        """What a connection belongs to: this process and event loop."""
        return (os.getpid(), current_loop())

    def line(self) -> Hashable:
        """Who waits in one line with the caller: the tasks of one event loop."""
        loop: Hashable = current_loop()
        return loop


async def _at_end(action: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await action()


def current_loop() -> Any:
    """The running event loop of asyncio, the token of trio's, or ``None`` outside both."""
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        pass
    try:
        return anyio.lowlevel.current_token().native_token
    except RuntimeError:
        return None


def is_dead(home: Home) -> bool:
    """Whether a connection of this home can never be used or closed properly again."""
    _pid, loop = home
    # trio's token has no such method; what trio opened is closed at the end of its run.
    return loop is not None and getattr(loop, "is_closed", bool)()


class _Unbound:
    def __enter__(self) -> None:
        return None

    def __exit__(self, *exc_info: object) -> Literal[False]:
        return False


_UNBOUND = _Unbound()


class Waiter:
    """One thread in a line."""

    __slots__ = ("_event",)

    def __init__(self) -> None:
        self._event = threading.Event()

    def wake(self) -> bool:
        """Lets ``wait`` return."""
        self._event.set()
        return True

    def wait(self, seconds: float | None) -> None:
        """Until woken, or for so many seconds."""
        self._event.wait(seconds)
        self._event.clear()


class Slots:
    """A counted number of places."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = threading.Semaphore(count)

    def take(self, seconds: float | None) -> bool:
        """Takes a place; ``False`` when none came free in so many seconds."""
        return self._semaphore.acquire(timeout=seconds)

    def give_back(self) -> None:
        """Frees the place."""
        self._semaphore.release()


class Waiting:
    """How threads wait."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds on a clock that never goes backwards."""
        return time.monotonic()

    def sleep(self, seconds: float) -> None:
        """Pauses this thread."""
        time.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Nothing: a thread cannot be cut off. The socket's own timeouts bound it, and a check between chunks."""
        del seconds
        return _UNBOUND

    def shield(self, seconds: float) -> Bound:
        """Nothing: a thread is not cancelled."""
        del seconds
        return _UNBOUND

    def waiter(self) -> Waiter:
        """A place in a line for the current thread."""
        return Waiter()

    def slots(self, count: int) -> Slots:
        """So many places."""
        return Slots(count)

    def call_at_end(self, action: Callable[[], object]) -> object:
        """Nothing: threads have no loop that ends under them."""
        del action
        return None

    def abandon(self, close_all: Callable[[], object]) -> None:
        """Closes what a dropped client left open."""
        close_all()

    def home(self) -> Home:
        """What a connection belongs to: this process."""
        return (os.getpid(), None)

    def line(self) -> Hashable:
        """Who waits in one line with the caller: all threads."""
        return None
