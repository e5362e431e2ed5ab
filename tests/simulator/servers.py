"""The four policies that rate-limited servers use. Each is asked once for every arriving request, in order of time."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections import deque

# Sums of floats are off by far less than this many tokens.
_ROUNDING = 1e-9


class Server(ABC):
    """Counts at most `limit` requests per `window` seconds of its own clock, which runs `skew_ppm` fast (or slow)."""

    def __init__(self, limit: int, window: float, *, skew_ppm: float = 0.0) -> None:
        self.limit = limit
        self.window = window
        self._rate = 1.0 + skew_ppm * 1e-6

    def accept(self, at: float) -> bool:
        """Whether a request that arrives at `at` is let in; it is counted only then."""
        return self._accept(at * self._rate)

    def remaining(self, at: float) -> int:
        """Requests that would still be let in, as in `X-RateLimit-Remaining`."""
        return max(0, self.limit - math.ceil(self._charge(at * self._rate) - _ROUNDING))

    def retry_after(self, at: float) -> float:
        """Seconds until the next request is let in if none comes before, as in `Retry-After`."""
        return max(0.0, self._room_at(at * self._rate) / self._rate - at)

    @abstractmethod
    def _accept(self, at: float) -> bool: ...

    @abstractmethod
    def _charge(self, at: float) -> float: ...

    @abstractmethod
    def _room_at(self, at: float) -> float: ...


class FixedWindow(Server):
    """Counts from zero in every window; windows begin at `phase` and every `window` seconds from there."""

    def __init__(self, limit: int, window: float, *, phase: float = 0.0, skew_ppm: float = 0.0) -> None:
        super().__init__(limit, window, skew_ppm=skew_ppm)
        self._phase = phase
        self._index = -math.inf
        self._count = 0

    def _turn_to(self, at: float) -> None:
        index = (at - self._phase) // self.window
        if index != self._index:
            self._index = index
            self._count = 0

    def _accept(self, at: float) -> bool:
        self._turn_to(at)
        if self._count >= self.limit:
            return False
        self._count += 1
        return True

    def _charge(self, at: float) -> float:
        self._turn_to(at)
        return self._count

    def _room_at(self, at: float) -> float:
        return at if self._charge(at) < self.limit else self._phase + (self._index + 1) * self.window


class SlidingLog(Server):
    """Remembers when each request of the last window came."""

    def __init__(self, limit: int, window: float, *, skew_ppm: float = 0.0) -> None:
        super().__init__(limit, window, skew_ppm=skew_ppm)
        self._log: deque[float] = deque()

    def _accept(self, at: float) -> bool:
        if self._charge(at) >= self.limit:
            return False
        self._log.append(at)
        return True

    def _charge(self, at: float) -> float:
        while self._log and self._log[0] <= at - self.window:
            self._log.popleft()
        return len(self._log)

    def _room_at(self, at: float) -> float:
        return at if self._charge(at) < self.limit else self._log[0] + self.window


class SlidingCounter(Server):
    """Counts this window and a falling share of the one before: `floor(previous * (1 - elapsed)) + current`."""

    def __init__(self, limit: int, window: float, *, phase: float = 0.0, skew_ppm: float = 0.0) -> None:
        super().__init__(limit, window, skew_ppm=skew_ppm)
        self._phase = phase
        self._index = -math.inf
        self._current = 0
        self._previous = 0

    def _accept(self, at: float) -> bool:
        if self._charge(at) >= self.limit:
            return False
        self._current += 1
        return True

    def _charge(self, at: float) -> float:
        windows = (at - self._phase) / self.window
        index = math.floor(windows)
        if index != self._index:
            self._previous = self._current if index == self._index + 1 else 0
            self._current = 0
            self._index = index
        return math.floor(self._previous * (1.0 - (windows - index))) + self._current

    def _room_at(self, at: float) -> float:
        if self._charge(at) < self.limit:
            return at
        begin = self._phase + self._index * self.window
        if self._current < self.limit:
            return begin + self.window * (1.0 - (self.limit - self._current) / self._previous)
        return begin + self.window * (2.0 - self.limit / self._current)


class RefillingBucket(Server):
    """A token bucket that holds `burst` tokens (the limit if not given) and is refilled at `limit / window`."""

    def __init__(self, limit: int, window: float, *, burst: int | None = None, skew_ppm: float = 0.0) -> None:
        super().__init__(limit, window, skew_ppm=skew_ppm)
        self._burst = limit if burst is None else burst
        self._missing = 0.0
        self._at = 0.0

    def _accept(self, at: float) -> bool:
        if self._lacking(at):
            return False
        self._missing += 1.0
        return True

    def _drain(self, at: float) -> float:
        self._missing = max(0.0, self._missing - (at - self._at) * self.limit / self.window)
        self._at = at
        return self._missing

    def _charge(self, at: float) -> float:
        return self.limit - self._burst + self._drain(at)

    def _room_at(self, at: float) -> float:
        return at + self._lacking(at) * self.window / self.limit

    def _lacking(self, at: float) -> float:
        """Return what is missing of the next token."""
        lacking = self._drain(at) - (self._burst - 1.0)
        return lacking if lacking > _ROUNDING else 0.0
