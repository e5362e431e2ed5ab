"""Time as the sandbox sees it: seconds since 1970, from a clock that is handed in."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime
from typing import TypeAlias

Clock: TypeAlias = Callable[[], float]
"""Returns the current time in Unix seconds; `time.time` is one."""


class ManualClock:
    """A clock that stands still until it is told to move, for tests that let payments expire without waiting.

    Example:
        clock = ManualClock()
        sandbox = Sandbox(clock=clock)
        clock.advance(31 * 60)      # every payment with the default 30 minutes is expired now
    """

    def __init__(self, start: float = 1_704_110_400.0) -> None:
        """Start at `start`, in Unix seconds; by default at 2024-01-01T12:00:00Z, as in the documented samples."""
        self._now = start
        self._lock = threading.Lock()

    def __call__(self) -> float:
        return self._now

    def advance(self, seconds: float) -> None:
        """Move on by `seconds`. Raises `ValueError` when they are negative."""
        if not seconds >= 0:
            raise ValueError(f"A clock can only move forward, not by {seconds} seconds.")
        with self._lock:
            self._now += seconds

    def __repr__(self) -> str:
        return f"ManualClock({iso(self._now)})"


def iso(at: float) -> str:
    """The API's form of a time: ISO 8601 in UTC with milliseconds, as in `2024-01-01T12:00:00.000Z`."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"
