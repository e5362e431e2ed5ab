"""What a server's refusals and named limits take away from a configured limit, and how that comes back."""

from __future__ import annotations

import math

# Pauses that the server names are believed up to this many windows; beyond that they describe something else (a daily
# quota, an epoch that was taken for a duration), and believing them would stop the caller for hours.
CREDIBLE_WINDOWS = 2.0

# Additive increase, multiplicative decrease. Measured with another client that takes 30 % of the same budget at random
# (limit 100): under 2 % of the requests refused while over 90 % of what was left is used.
_DECREASE = 0.05  # of the limit, for a 429
_DECREASE_INTERVAL = 1.0  # seconds; the 429s of one burst are one piece of news
_INCREASE = 0.02  # of the limit, for every clean interval
_INCREASE_INTERVAL = 0.5  # of the window

# A 429 that names no time stops the bucket for a share of the window, doubled up to one window while 429s go on. A
# policy that slides has room again after window / limit, one with fixed windows after at most a window: starting low
# costs little with the former, doubling reaches the latter in six refusals.
_FIRST_PAUSE = 0.02  # of the window
_PAUSE_AFTERMATH = 0.05  # of the window: a 429 so soon after a pause means that the pause was too short

# Sums of floats are off by far less than this many tokens.
_ROUNDING = 1e-9


class Backoff:
    """The effective limit, and the pause after a 429.

    Attributes:
        reduced: whether the limit is lower than configured at present, or may be.
        blocked_until: when the pause ends.
    """

    __slots__ = ("_last_decrease", "_limit", "_named", "_pause", "_refusals", "_window", "blocked_until", "reduced")

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._refusals = _Ceiling(limit, window)
        self._named = _Ceiling(limit, window)
        self._last_decrease = -math.inf
        self._pause = 0.0
        self.reduced: bool = False
        self.blocked_until: float = -math.inf

    def limit_at(self, now: float) -> int:
        """The effective limit, at least 1."""
        if not self.reduced:
            return self._limit
        return max(1, math.floor(min(self._refusals.at(now), self._named.at(now)) + _ROUNDING))

    def next_raise(self, now: float) -> float:
        """First time after `now` at which the effective limit may be higher; infinity once it is as configured."""
        return min(self._refusals.next_raise(now), self._named.next_raise(now)) if self.reduced else math.inf

    def recover(self, now: float) -> None:
        """Notice that everything has come back."""
        self.reduced = self.reduced and self.next_raise(now) < math.inf

    def refused(self, now: float, retry_after: float | None) -> None:
        """A 429 arrived."""
        if retry_after is not None and 0.0 < retry_after <= CREDIBLE_WINDOWS * self._window:
            self.blocked_until = max(self.blocked_until, now + retry_after)
        elif now >= self.blocked_until:  # else it was sent before the pause and is no news
            too_short = now - self.blocked_until <= self._pause + _PAUSE_AFTERMATH * self._window
            first = _FIRST_PAUSE * self._window
            self._pause = min(max(first, 2.0 * self._pause), self._window) if too_short else first
            self.blocked_until = now + self._pause
        ceiling = self._refusals.at(now)
        if now - self._last_decrease >= _DECREASE_INTERVAL:
            self._last_decrease = now
            ceiling -= _DECREASE * self._limit
        self._refusals.lower(ceiling, now)
        self.reduced = True

    def named(self, now: float, limit: float) -> bool:
        """The server named its limit; whether that says anything."""
        if not (1.0 <= limit < math.inf and (self.reduced or limit < self._limit)):
            return False
        self._named.lower(min(limit, self._limit), now)
        self.reduced = True
        return True


class _Ceiling:
    """An effective limit that was lowered and grows back to the configured one, a step for every clean interval."""

    __slots__ = ("_interval", "_limit", "_since", "_step", "_value")

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._step = _INCREASE * limit
        self._interval = _INCREASE_INTERVAL * window
        self._value = float(limit)
        self._since = 0.0

    def lower(self, value: float, now: float) -> None:
        self._value = max(1.0, value)
        self._since = now

    def at(self, now: float) -> float:
        return min(self._limit, self._value + self._step * self._steps(now))

    def next_raise(self, now: float) -> float:
        """First time after `now` at which the ceiling is higher; infinity once it is back at the limit."""
        return self._since + (self._steps(now) + 1) * self._interval if self.at(now) < self._limit else math.inf

    def _steps(self, now: float) -> int:
        steps = max(0, math.floor((now - self._since) / self._interval))
        # The division rounds; `next_raise` must lie after `now`, or a caller that goes from raise to raise never ends.
        return steps + 1 if self._since + (steps + 1) * self._interval <= now else steps
