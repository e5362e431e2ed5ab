"""Waiting in threads: one half of the only pair written twice by hand; ``tasks.py`` is the other.

Everything that waits gets one of these, so that a test can hand in a clock of its own.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Callable, Hashable, Iterable
from datetime import UTC, datetime
from typing import Any, Final, Literal

from .event_loops import Bound, ConnectionKey, least
from .steady_time import monotonic

_LONGEST_WAIT: Final = 86_400.0 * 365
"""Seconds a thread waits at most in one go: the operating system's own bounds differ, and end in an OverflowError."""


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
    """A thread that waits, on a lock that another thread releases; an event costs five times as much."""

    __slots__ = ("_turn",)

    def __init__(self) -> None:
        self._turn = threading.Lock()
        self._turn.acquire()

    def wake(self) -> bool:
        """Make ``wait`` return."""
        with contextlib.suppress(RuntimeError):  # it was woken before, and has not waited since
            self._turn.release()
        return True

    def wait(self, seconds: float | None, *, at_most: float | None = None) -> None:
        """Wait until woken, or for these seconds."""
        bound = _bounded(least(seconds, at_most))
        self._turn.acquire(timeout=-1 if bound is None else max(0.0, bound))


class Semaphore:
    """A number of slots."""

    __slots__ = ("_semaphore",)

    def __init__(self, count: int) -> None:
        self._semaphore = threading.Semaphore(count)

    def acquire(self, seconds: float | None) -> bool:
        """Acquire a slot; return ``False`` if none was free in time."""
        return self._semaphore.acquire(timeout=_bounded(seconds))

    def release(self) -> None:
        """Release the slot."""
        self._semaphore.release()


class Backend:
    """The waiting of threads."""

    __slots__ = ()

    may_block: Final = True
    """Whether the caller may wait for a socket: a thread keeps no other one waiting."""

    def now(self) -> float:
        """Return the seconds on a clock that never goes backwards."""
        return monotonic()

    def wall(self) -> datetime:
        """Return the time of the calendar, for comparison with times the API names."""
        return datetime.now(UTC)

    def sleep(self, seconds: float) -> None:
        """Pause this thread."""
        time.sleep(seconds)

    def limit(self, seconds: float | None) -> Bound:
        """Do nothing: a thread cannot be interrupted. Timeouts of its socket bound it, and a check between chunks."""
        del seconds
        return _UNBOUND

    def finish(self, seconds: float, action: Callable[[], object]) -> None:
        """Run a clean-up: a thread is not cancelled."""
        del seconds
        action()

    def waiter(self) -> Waiter:
        """Return a waiter for the current thread."""
        return Waiter()

    def semaphore(self, count: int) -> Semaphore:
        """Return a semaphore with this number of slots."""
        return Semaphore(count)

    def call_at_end(self, action: Callable[[], object]) -> _NoGuard:
        """Do nothing: threads have no loop that ends under them."""
        del action
        return _NO_GUARD

    def close_stale(self, loop: Any, clients: Iterable[Any]) -> None:
        """Close clients that are not used again."""
        del loop
        for client in clients:
            client.close()

    def aiohttp_problem(self) -> str | None:
        """Return the reason for which aiohttp cannot be used here."""
        return "needs asyncio, and InventPay blocks; use AsyncInventPay"

    def connection_key(self) -> ConnectionKey:
        """Return the key of the connections that the caller may use: those of this process."""
        return (os.getpid(), None)

    def queue(self) -> Hashable:
        """Return the group that shares a queue with the caller: all threads."""
        return None
