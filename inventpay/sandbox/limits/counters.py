"""Count the calls of one caller and class by four rules; the time is always an argument."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque

# Tolerance for rounding errors of floats, so that a call at the named time passes.
_HAIR = 1e-9


class CallCounter(ABC):
    """A rule that accepts at most ``limit`` calls in a window of ``window`` seconds."""

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window

    @abstractmethod
    def left(self, now: float) -> tuple[int, float]:
        """Return the number of calls that would pass at ``now``, and the time of one more, in the clock's seconds."""

    @abstractmethod
    def add(self, now: float) -> None:
        """Count a call at ``now``."""

    @abstractmethod
    def is_idle(self, now: float) -> bool:
        """Return whether no counted call has an effect any more."""


class SlidingLogCounter(CallCounter):
    """The exact rule: every call counts for one window from its arrival."""

    def __init__(self, limit: int, window: float) -> None:
        super().__init__(limit, window)
        self._calls: deque[float] = deque()

    def left(self, now: float) -> tuple[int, float]:
        """Return the calls left, and the time of one more."""
        calls = self._calls
        # The sandbox's clock may have been set back: calls in the future do not count.
        while calls and calls[-1] > now:
            calls.pop()
        while calls and calls[0] <= now - self._window:
            calls.popleft()
        return self._limit - len(calls), calls[0] + self._window if calls else now

    def add(self, now: float) -> None:
        """Count a call at ``now``."""
        self._calls.append(now)

    def is_idle(self, now: float) -> bool:
        """Return whether no counted call has an effect any more."""
        return not self._calls or self._calls[-1] <= now - self._window


class FixedWindowCounter(CallCounter):
    """Calls are counted from one full window to the next (with 60 s: by the minute of the clock)."""

    def __init__(self, limit: int, window: float) -> None:
        super().__init__(limit, window)
        self._number = 0
        self._count = 0

    def left(self, now: float) -> tuple[int, float]:
        """Return the calls left, and the time of one more."""
        number = math.floor(now / self._window)
        if number != self._number:
            self._number, self._count = number, 0
        return self._limit - self._count, (number + 1) * self._window

    def add(self, now: float) -> None:
        """Count a call at ``now``."""
        self._count += 1

    def is_idle(self, now: float) -> bool:
        """Return whether no counted call has an effect any more."""
        return math.floor(now / self._window) != self._number or not self._count


class SlidingWindowCallCounter(CallCounter):
    """This window's calls, and of those in the one before, in whole numbers, the share that a sliding window covers."""

    def __init__(self, limit: int, window: float) -> None:
        super().__init__(limit, window)
        self._number = 0
        self._count = 0
        self._before = 0

    def left(self, now: float) -> tuple[int, float]:
        """Return the calls left, and the time of one more."""
        number = math.floor(now / self._window)
        if number != self._number:
            self._before = self._count if number == self._number + 1 else 0
            self._number, self._count = number, 0
        start = number * self._window
        covered = 1 - (now - start) / self._window
        left = self._limit - self._count - max(0, math.floor(self._before * covered - _HAIR))
        return max(0, left), now if left >= self._limit else self._free_at(start, max(0, left) + 1)

    def add(self, now: float) -> None:
        """Count a call at ``now``."""
        self._count += 1

    def is_idle(self, now: float) -> bool:
        """Return whether no counted call has an effect any more."""
        return math.floor(now / self._window) - self._number > 1 or not (self._count or self._before)

    def _free_at(self, start: float, wanted: int) -> float:
        """Return the time at which ``wanted`` calls are left, if there are no calls until then."""
        room = self._limit - wanted
        if room >= self._count and self._before:
            return start + self._window * (1 - (room - self._count + 1) / self._before)
        # In the next window this one's calls are those of the one before.
        return start + self._window * (2 - min(1.0, (room + 1) / self._count))


class TokenBucketCounter(CallCounter):
    """A bucket of ``limit`` tokens, one per call, refilled evenly within a window."""

    def __init__(self, limit: int, window: float) -> None:
        super().__init__(limit, window)
        self._rate = limit / window
        self._tokens = float(limit)
        self._at = -math.inf

    def left(self, now: float) -> tuple[int, float]:
        """Return the calls left, and the time of one more."""
        if now < self._at:
            self._tokens = float(self._limit)  # the clock was set back: nothing has been taken yet
        elif now > self._at:
            self._tokens = min(float(self._limit), self._tokens + (now - self._at) * self._rate)
        self._at = now
        whole = math.floor(self._tokens + _HAIR)
        if whole >= self._limit:
            return self._limit, now
        return whole, now + (whole + 1 - self._tokens) / self._rate

    def add(self, now: float) -> None:
        """Count a call at ``now``."""
        self._tokens -= 1

    def is_idle(self, now: float) -> bool:
        """Return whether no counted call has an effect any more."""
        return self._tokens + (now - self._at) * self._rate >= self._limit
