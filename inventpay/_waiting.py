"""The only pairs written twice by hand: how asyncio and trio wait, and how threads do.

Everything that waits gets one of these, so that a test can hand in a clock of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
import threading
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal, TypeAlias

import anyio

Bound: TypeAlias = contextlib.AbstractContextManager[object, bool]
"""Something to run code inside of that may cut it off."""

Home: TypeAlias = tuple[int, Any]
"""Where a connection belongs: process id and event loop (``None`` for threads)."""


_LONGEST_WAIT: Final = 86_400.0 * 365
"""Seconds a thread waits at most in one go: the operating system's own bounds differ, and end in an OverflowError."""


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
        event = self._event
        if seconds is None:
            await event.wait()
        elif isinstance(self._loop, asyncio.AbstractEventLoop):
            # A timer that wakes costs a third of a scope that cancels, and a head sleeps for every token.
            timer = self._loop.call_later(seconds, event.set)
            try:
                await event.wait()
            finally:
                timer.cancel()
        else:
            with anyio.move_on_after(seconds):
                await event.wait()
        if event.is_set():
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

    def wall(self) -> datetime:
        """What the calendar says, for comparison with times the API names."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Pauses this task."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Cuts off what runs inside after so many seconds, and goes on behind it."""
        return anyio.move_on_after(seconds)

    async def finish(self, seconds: float, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Runs a short clean-up to its end although its task is being cancelled."""
        with anyio.move_on_after(seconds, shield=True):
            if isinstance(current_loop(), asyncio.AbstractEventLoop):
                # No scope keeps off Task.cancel(): only a task that nobody knows is safe from it.
                task = asyncio.create_task(action())
                _finishing.add(task)
                task.add_done_callback(_finishing.discard)
                await asyncio.shield(task)
            else:
                await action()

    def waiter(self) -> AsyncWaiter:
        """A place in a line for the current task."""
        return AsyncWaiter(current_loop())

    def slots(self, count: int) -> AsyncSlots:
        """So many places."""
        return AsyncSlots(count)

    async def call_at_end(self, action: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
        """Has the event loop run ``action`` when it ends, or when what this returns is closed or dropped before.

        Both libraries finish generators that are still open when a run ends; no task or thread is needed for it.
        """
        guard = _at_end(action)
        await anext(guard)
        return guard

    def let_go(self, loop: Any, clients: Iterable[Any]) -> None:
        """Closes what nobody will use again, as far as that goes without an event loop.

        A loop that lives does it itself when the guard is dropped. Of a dead one only aiohttp's sessions can be told
        that they are closed, or they would log errors; the sockets close when their memory is freed.
        """
        if not is_dead(loop):
            return
        for client in clients:
            closing = client.aclose()
            with contextlib.suppress(Exception):  # StopIteration, when it came to its end
                closing.send(None)
            closing.close()

    def aiohttp_problem(self) -> str | None:
        """Why aiohttp cannot be used here."""
        loop = current_loop()
        if loop is None or isinstance(loop, asyncio.AbstractEventLoop):
            return None
        return "needs asyncio, and this is trio"

    def home(self) -> Home:
        """What a connection belongs to: this process and event loop."""
        return (os.getpid(), current_loop())

    def line(self) -> Hashable:
        """Who waits in one line with the caller: the tasks of one event loop."""
        loop: Hashable = current_loop()
        return loop


_finishing: Final[set[asyncio.Task[None]]] = set()
"""asyncio itself does not keep tasks alive."""


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
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        return trio.lowlevel.current_trio_token()
    except (RuntimeError, AttributeError):  # the second while another thread is importing it
        return None


def is_dead(loop: Any) -> bool:
    """Whether nothing can ever run in this event loop again."""
    # Threads have none, and trio's token no such method; but trio lets nobody close a loop under its tasks.
    return bool(getattr(loop, "is_closed", bool)())


def _bounded(seconds: float | None) -> float | None:
    return None if seconds is None else min(seconds, _LONGEST_WAIT)


class _NoGuard:
    def close(self) -> None:
        pass


_NO_GUARD = _NoGuard()


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
        self._event.wait(_bounded(seconds))
        self._event.clear()


class Slots:
    """A counted number of places."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = threading.Semaphore(count)

    def take(self, seconds: float | None) -> bool:
        """Takes a place; ``False`` when none came free in so many seconds."""
        return self._semaphore.acquire(timeout=_bounded(seconds))

    def give_back(self) -> None:
        """Frees the place."""
        self._semaphore.release()


class Waiting:
    """How threads wait."""

    __slots__ = ()

    def now(self) -> float:
        """Seconds on a clock that never goes backwards."""
        return time.monotonic()

    def wall(self) -> datetime:
        """What the calendar says, for comparison with times the API names."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Pauses this thread."""
        time.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Nothing: a thread cannot be cut off. The socket's own timeouts bound it, and a check between chunks."""
        del seconds
        return _UNBOUND

    def finish(self, seconds: float, action: Callable[[], object]) -> None:
        """Runs a clean-up: a thread is not cancelled."""
        del seconds
        action()

    def waiter(self) -> Waiter:
        """A place in a line for the current thread."""
        return Waiter()

    def slots(self, count: int) -> Slots:
        """So many places."""
        return Slots(count)

    def call_at_end(self, action: Callable[[], object]) -> _NoGuard:
        """Nothing: threads have no loop that ends under them."""
        del action
        return _NO_GUARD

    def let_go(self, loop: Any, clients: Iterable[Any]) -> None:
        """Closes what nobody will use again."""
        del loop
        for client in clients:
            client.close()

    def aiohttp_problem(self) -> str | None:
        """Why aiohttp cannot be used here."""
        return "needs asyncio, and InventPay blocks; use AsyncInventPay"

    def home(self) -> Home:
        """What a connection belongs to: this process."""
        return (os.getpid(), None)

    def line(self) -> Hashable:
        """Who waits in one line with the caller: all threads."""
        return None
