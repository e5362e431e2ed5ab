"""Waiting in tasks of asyncio and trio: one half of the only pair written twice by hand; ``threads.py`` is the other.

Everything that waits gets one of these, so that a test can hand in a clock of its own.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections import deque
from collections.abc import AsyncGenerator, Awaitable, Callable, Coroutine, Hashable, Iterable
from datetime import UTC, datetime
from typing import Any, Final

import anyio

from .event_loops import Bound, ConnectionKey, current_loop, is_dead, least
from .steady_time import monotonic


class AsyncWaiter:
    """A task that waits. Any thread may wake it."""

    __slots__ = ("_event", "_loop")

    def __init__(self, loop: Any) -> None:
        self._loop = loop
        self._event = anyio.Event()

    def wake(self) -> bool:
        """Make ``wait`` return; return ``False`` if its event loop has ended."""
        try:
            if current_loop() is self._loop:
                self._event.set()
            else:
                self._loop.run_sync_soon(self._event.set)
        except RuntimeError:
            return False
        return True

    async def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        """Wait until woken, or for these seconds, and never longer than ``at_most``."""
        event = self._event
        with anyio.move_on_after(least(seconds, at_most)):
            await event.wait()
        if event.is_set():
            self._event = anyio.Event()


class AsyncioWaiter:
    """The waiter of asyncio, with timers and futures, which cost a third of scopes and events of anyio.

    The cost matters, because the head of a queue sleeps for every token.
    """

    __slots__ = ("_is_woken", "_loop", "_turn")

    def __init__(self, loop: asyncio.AbstractEventLoop) -> None:
        self._loop = loop
        self._is_woken = False
        self._turn: asyncio.Future[None] | None = None

    def wake(self) -> bool:
        """Make ``wait`` return; return ``False`` if its event loop has ended."""
        if current_loop() is self._loop:
            self._wake()
            return True
        try:
            self._loop.call_soon_threadsafe(self._wake)
        except RuntimeError:
            return False
        return True

    async def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        """Wait until woken, or for these seconds, and never longer than ``at_most``."""
        if not self._is_woken:
            turn = self._turn = self._loop.create_future()
            bound = least(seconds, at_most)
            timer = None if bound is None else self._loop.call_later(bound, self._wake)
            try:
                await turn
            finally:
                self._turn = None
                if timer is not None:
                    timer.cancel()
        self._is_woken = False

    def _wake(self) -> None:
        self._is_woken = True
        if self._turn is not None and not self._turn.done():
            self._turn.set_result(None)


class AsyncSemaphore:
    """A number of slots, first come, first served."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = anyio.Semaphore(count, fast_acquire=True)

    async def acquire(self, seconds: float | None) -> bool:
        """Acquire a slot; return ``False`` if none was free in time. Tasks are bounded by the attempt's own timeout."""
        del seconds
        await self._semaphore.acquire()
        return True

    def release(self) -> None:
        """Release the slot."""
        self._semaphore.release()


class AsyncioSemaphore(AsyncSemaphore):
    """The slots of asyncio, whose futures cost a fifth of events."""

    __slots__ = ("_free", "_loop", "_queue")

    def __init__(self, count: int, loop: asyncio.AbstractEventLoop) -> None:
        self._free = count
        self._queue: deque[asyncio.Future[None]] = deque()
        self._loop = loop

    async def acquire(self, seconds: float | None) -> bool:
        """Acquire a slot."""
        del seconds
        if self._free:
            self._free -= 1
            return True
        turn: asyncio.Future[None] = self._loop.create_future()
        self._queue.append(turn)
        try:
            await turn
        except BaseException:
            # Cancelled in the moment in which it was given the slot: the next waiter gets it.
            if turn.done() and not turn.cancelled():
                self.release()
            raise
        return True

    def release(self) -> None:
        """Release the slot to the first waiter."""
        while self._queue:
            turn = self._queue.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        self._free += 1


class AsyncioBound:
    """Cancel the current task after some seconds, and catch that where the block ends.

    ``asyncio.timeout`` without the coroutines; a cancel scope of anyio costs eight times as much.
    """

    __slots__ = ("_before", "_is_over", "_loop", "_seconds", "_task", "_timer")

    def __init__(self, seconds: float, loop: asyncio.AbstractEventLoop) -> None:
        self._seconds = seconds
        self._loop = loop
        self._is_over = False
        self._before = 0
        self._task: asyncio.Task[Any] | None = None
        self._timer: asyncio.TimerHandle | None = None

    def __enter__(self) -> None:
        self._task = asyncio.current_task(self._loop)
        if self._task is not None:
            self._before = self._task.cancelling()
            self._timer = self._loop.call_later(self._seconds, self._cut_off)

    def _cut_off(self) -> None:
        self._is_over = True
        if self._task is not None:
            self._task.cancel()

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, frames: object) -> bool:
        if self._timer is not None:
            self._timer.cancel()
        task, self._task, self._timer = self._task, None, None
        if not self._is_over or task is None:
            return False
        # A task that was cancelled from elsewhere as well is cancelled.
        return task.uncancel() <= self._before and kind is not None and issubclass(kind, asyncio.CancelledError)


class AsyncBackend:
    """The waiting of tasks of asyncio and trio."""

    __slots__ = ()

    may_block: Final = False
    """Whether the caller may wait for a socket: a task may not, because all others wait with it."""

    def now(self) -> float:
        """Return the seconds on a clock that never goes backwards."""
        return monotonic()

    def wall(self) -> datetime:
        """Return the time of the calendar, for comparison with times the API names."""
        return datetime.now(UTC)

    async def sleep(self, seconds: float) -> None:
        """Pause this task."""
        await anyio.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Return a ``with`` block that ends early after some seconds; the code behind it runs on."""
        loop = current_loop()
        if seconds is not None and isinstance(loop, asyncio.AbstractEventLoop):
            return AsyncioBound(seconds, loop)
        return anyio.move_on_after(seconds)

    async def finish(self, seconds: float, action: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Run a short clean-up to its end, even while its task is being cancelled."""
        with anyio.move_on_after(seconds, shield=True):
            if isinstance(current_loop(), asyncio.AbstractEventLoop):
                # No scope keeps off Task.cancel(): only a task of our own, which no other code holds, is safe from it.
                task = asyncio.create_task(action())
                _finishing.add(task)
                task.add_done_callback(_finishing.discard)
                await asyncio.shield(task)
            else:
                await action()

    def waiter(self) -> AsyncWaiter | AsyncioWaiter:
        """Return a waiter for the current task."""
        loop = current_loop()
        return AsyncioWaiter(loop) if isinstance(loop, asyncio.AbstractEventLoop) else AsyncWaiter(loop)

    def semaphore(self, count: int) -> AsyncSemaphore:
        """Return a semaphore with this number of slots, for the tasks of this event loop."""
        loop = current_loop()
        return AsyncioSemaphore(count, loop) if isinstance(loop, asyncio.AbstractEventLoop) else AsyncSemaphore(count)

    async def call_at_end(self, action: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
        """Have the event loop run ``action`` when it ends, or when the result is closed or dropped before.

        Both libraries finish generators that are still open when a run ends; no task or thread is needed for it.
        """
        guard = _at_end(action)
        await anext(guard)
        return guard

    def close_stale(self, loop: Any, clients: Iterable[Any]) -> None:
        """Close clients that are not used again, as far as that goes without an event loop.

        A loop that lives does it itself when the guard is dropped. Of a dead one only aiohttp's sessions can be closed
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
        """Return the reason for which aiohttp cannot be used here, ``None`` if it can."""
        loop = current_loop()
        if loop is None or isinstance(loop, asyncio.AbstractEventLoop):
            return None
        return "needs asyncio, and this is trio"

    def connection_key(self) -> ConnectionKey:
        """Return the key of the connections that the caller may use: those of this process and event loop."""
        return (os.getpid(), current_loop())

    def queue(self) -> Hashable:
        """Return the group that shares a queue with the caller: the tasks of one event loop."""
        loop: Hashable = current_loop()
        return loop


_finishing: Final[set[asyncio.Task[None]]] = set()
"""asyncio itself does not keep tasks alive."""


async def _at_end(action: Callable[[], Awaitable[None]]) -> AsyncGenerator[None, None]:
    try:
        yield
    finally:
        await action()
