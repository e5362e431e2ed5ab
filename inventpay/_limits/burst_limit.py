"""Small bursts: a token bucket inside the token bucket, for servers that allow only a few requests at once."""

from __future__ import annotations

import math
from bisect import insort


class BurstLimit:
    """A token bucket of ``burst`` tokens, filled at ``rate`` a second, that charges from the end of a lease."""

    __slots__ = ("_at", "_burst", "_coming", "_level", "_rate")

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._level = 0.0  # tokens still missing at `_at`
        self._at = -math.inf
        self._coming: list[float] = []  # stamps after `_at`, ascending

    def add(self, stamp: float) -> None:
        insort(self._coming, stamp)

    def shift(self, seconds: float) -> None:
        """Move all times by ``seconds``, after the clock was set."""
        self._at += seconds
        self._coming = [stamp + seconds for stamp in self._coming]

    def room(self, now: float, leased: int) -> tuple[float | None, int]:
        """Return the first time with room for one more if all leases end now, and the free tokens if none ends."""
        if leased >= self._burst:
            return None, 0
        missing, coming = self._missing(now), len(self._coming)
        free = math.floor(self._burst - missing - coming - leased)
        level, at = (self._level, self._at) if missing > 0.0 else (0.0, now)
        level += leased
        for stamp in (*self._coming, math.inf):
            if coming < self._burst:
                time = max(now, at + (level + coming + 1 - self._burst) / self._rate)
                if time <= stamp:
                    return time, max(0, free)
            level, at = self._drained(level, stamp - at) + 1.0, stamp
            coming -= 1
        raise AssertionError("a bucket with nothing in flight always has room later")

    def turn(self, now: float, before: int) -> float:
        """Return a lower bound of the time with room after ``before`` more requests, all answered at once."""
        excess = self._missing(now) + len(self._coming) + before + 1 - self._burst
        return now + max(0.0, excess) / self._rate

    def _missing(self, now: float) -> float:
        while self._coming and self._coming[0] <= now:
            stamp = self._coming.pop(0)
            self._level, self._at = self._drained(self._level, stamp - self._at) + 1.0, stamp
        return self._drained(self._level, now - self._at)

    def _drained(self, level: float, seconds: float) -> float:
        return max(0.0, level - seconds * self._rate)
