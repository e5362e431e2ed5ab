"""The sandbox's time: seconds since 1970, on a clock that can be frozen, stepped and sped up."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, TypeAlias

import attrs

Clock: TypeAlias = Callable[[], float]
"""A function that returns the current time in Unix seconds, such as ``time.time``."""

MAX_SPEED: Final = 100_000.0
"""Sandbox seconds per real second; a day passes in under a second."""

LATEST: Final = datetime(9000, 1, 1, tzinfo=UTC).timestamp()
"""The clock stops at this time: later ones, with a payment's lifetime added, could not be written as ISO 8601."""


def system_time() -> float:
    """Return the system's time in Unix seconds, also where a test replaced ``time.time`` after the import."""
    return time.time()


@attrs.frozen
class _Course:
    """The clock showed ``shown`` when its source showed ``source``, and has run at ``speed`` since then."""

    source: float
    shown: float
    speed: float


class SandboxClock:
    """A clock over another one, real time by default. May be read and set from any thread.

    Example:
        clock = SandboxClock()
        clock.freeze(datetime(2024, 1, 31, 23, 59, tzinfo=UTC))
        clock.advance(90)       # a minute and a half later, in the next day and the next month
        clock.run(speed=60)     # a minute every second
        clock.reset()           # real time again
    """

    def __init__(self, source: Clock = system_time) -> None:
        """Show the time of ``source`` until it is set."""
        self._source = source
        self._course: _Course | None = None
        self._lock = threading.Lock()
        self._listeners: list[Callable[[], None]] = []
        self._changes = 0

    def __call__(self) -> float:
        """Return the time in Unix seconds."""
        course = self._course
        if course is None:
            return self._source()
        return min(LATEST, course.shown + (self._source() - course.source) * course.speed)

    @property
    def speed(self) -> float:
        """Sandbox seconds per second of its source: 0 when frozen, 1 in real time."""
        return 1.0 if self._course is None else self._course.speed

    @property
    def changes(self) -> int:
        """Number of times the clock was set."""
        return self._changes

    @property
    def is_frozen(self) -> bool:
        """Whether the clock stands still."""
        return self.speed == 0

    @property
    def is_real(self) -> bool:
        """Whether the clock shows its source's time, as it does from the start."""
        return self._course is None

    def freeze(self, at: float | datetime | None = None) -> None:
        """Stop the clock: now, or at another time, in Unix seconds or as an aware ``datetime``.

        Raises ``ValueError`` for a time before 1970 or after the year 8999, or a ``datetime`` without time zone.
        """
        self._set(None if at is None else _seconds(at), 0.0)

    def advance(self, seconds: float) -> None:
        """Move on by ``seconds``. Raises ``ValueError`` if they are negative, or lead beyond the year 8999."""
        if not seconds >= 0:
            raise ValueError(f"A clock can only move forward, not by {seconds} seconds.")
        with self._lock:
            self._change(_in_range(self() + seconds), self.speed)
        self._notify()

    def run(self, speed: float = 1.0) -> None:
        """Go on from the time it shows, ``speed`` times as fast as real time.

        Raises ``ValueError`` unless the speed is above 0 and at most ``MAX_SPEED``.
        """
        if not 0 < speed <= MAX_SPEED:
            raise ValueError(f"The speed must be above 0 and at most {MAX_SPEED:.0f}, not {speed}.")
        self._set(None, float(speed))

    def reset(self) -> None:
        """Show the source's time again."""
        with self._lock:
            self._course = None
        self._notify()

    def listen(self, listener: Callable[[], None]) -> None:
        """Call ``listener`` after each time the clock was set, in the thread that set it."""
        self._listeners.append(listener)

    def __repr__(self) -> str:
        way = "real" if self.is_real else "frozen" if self.is_frozen else f"speed {self.speed:g}"
        return f"{type(self).__name__}({iso(self())}, {way})"

    def _set(self, shown: float | None, speed: float) -> None:
        with self._lock:
            self._change(self() if shown is None else shown, speed)
        self._notify()

    def _change(self, shown: float, speed: float) -> None:
        self._course = _Course(self._source(), shown, speed)

    def _notify(self) -> None:
        self._changes += 1
        for listener in self._listeners:
            listener()


class ManualClock(SandboxClock):
    """A clock that stands still from the start, for tests that let payments expire without waiting.

    Example:
        clock = ManualClock()
        sandbox = Sandbox(clock=clock)
        clock.advance(31 * 60)      # every payment with the default 30 minutes is expired now
    """

    def __init__(self, start: float | datetime = 1_704_110_400.0) -> None:
        """Start at ``start``, in Unix seconds or as an aware ``datetime``.

        The default is 2024-01-01T12:00:00Z, as in the documented samples.
        """
        super().__init__()
        self._start = _seconds(start)
        self.reset()

    def reset(self) -> None:
        """Stop at the start again."""
        self.freeze(self._start)


def iso(at: float) -> str:
    """Return a time in the API's form: ISO 8601 in UTC with milliseconds, as in ``2024-01-01T12:00:00.000Z``."""
    return datetime.fromtimestamp(at, UTC).isoformat(timespec="milliseconds")[:-6] + "Z"


def _seconds(at: float | datetime) -> float:
    if not isinstance(at, datetime):
        return _in_range(float(at))
    if at.tzinfo is None:
        raise ValueError(f"{at.isoformat()} has no time zone; write datetime(..., tzinfo=UTC).")
    return _in_range(at.timestamp())


def _in_range(at: float) -> float:
    if not (math.isfinite(at) and 0 <= at <= LATEST):
        raise ValueError(f"The clock goes from 1970 to the end of 8999, not to {at:g} seconds after 1970.")
    return at
