"""What a server's refusals and named limits take away from a configured limit, and how that comes back."""

from __future__ import annotations

import math

# Pauses that the server names are believed up to this many windows; beyond that they describe something else (a daily
# quota, an epoch that was taken for a duration), and believing them would stop the caller for hours.
CREDIBLE_WINDOWS = 2.0

# Additive increase, multiplicative decrease. In balance a bucket is refused as often as increases make up for
# decreases, and at any limit that must be a small share of its requests: where there are few, increases are smaller.
# Measured with another client that takes 30 % of the same budget at random: at limits of 60 and above under 3 % of the
# requests are refused while 90 % of what was left is used. At a limit of 10 it is 3 to 5 % and 80 to 94 %, as with the
# best of all constant shares: what the other does between two answers comes as a surprise, and one request is 10 %.
_DECREASE = 0.04  # of the limit, for a 429
_FIRST_DECREASE = 0.12  # of the limit, for the first in a long time: somebody has come, and will hardly take so little
_DECREASE_INTERVAL = 1.0  # seconds; the 429s of one burst are one piece of news
_INCREASE = 0.02  # of the limit, for every clean interval
_INCREASE_PER_REQUEST = 0.008 * _DECREASE  # of the limit and for each request of it, if that is less
_INCREASE_INTERVAL = 0.5  # of the window
_CALM = 40.0  # clean intervals after which increases are twice as large: the other client has gone

# A 429 that names no time stops the bucket for a share of the window, doubled up to one window while 429s go on. A
# policy that slides has room again after window / limit, one with fixed windows after at most a window: starting low
# costs little with the former, doubling reaches the latter in seven refusals.
_FIRST_PAUSE = 0.01  # of the window
_CAUTION = 1.0  # windows after a pause in which requests go one by one: what came free meanwhile is not ours alone
_PAUSE_AFTERMATH = 0.05  # of the window: a 429 so soon after a pause means that the pause was too short


class Backoff:
    """The effective limit, and the pause after a 429.

    Attributes:
        reduced: whether the limit is lower than configured at present, or may be.
        blocked_until: when the pause ends.
        cautious_until: until when requests go one by one after it.
    """

    __slots__ = (
        "_last_decrease",
        "_limit",
        "_named",
        "_pause",
        "_refusals",
        "_window",
        "blocked_until",
        "cautious_until",
        "reduced",
    )

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._refusals = _Ceiling(limit, window)
        self._named = _Ceiling(limit, window)
        self._last_decrease = -math.inf
        self._pause = 0.0
        self.reduced: bool = False
        self.blocked_until: float = -math.inf
        self.cautious_until: float = -math.inf

    def limit_at(self, now: float) -> int:
        """The effective limit, at least 1."""
        if not self.reduced:
            return self._limit
        # Rounded, not cut off: of a limit of two, one refusal must not take half.
        return max(1, math.floor(min(self._refusals.at(now), self._named.at(now)) + 0.5))

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
        self.cautious_until = self.blocked_until + _CAUTION * self._window
        ceiling = self._refusals.at(now)
        if now - self._last_decrease >= _DECREASE_INTERVAL:
            self._last_decrease = now
            ceiling -= (_DECREASE if ceiling < self._limit else _FIRST_DECREASE) * self._limit
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
        self._step = min(_INCREASE, _INCREASE_PER_REQUEST * limit) * limit
        self._interval = _INCREASE_INTERVAL * window
        self._value = float(limit)
        self._since = 0.0

    def lower(self, value: float, now: float) -> None:
        self._value = max(1.0, value)
        self._since = now

    def at(self, now: float) -> float:
        steps = self._steps(now)
        return min(self._limit, self._value + self._step * steps * (1.0 + (steps / _CALM) ** 2))

    def next_raise(self, now: float) -> float:
        """First time after `now` at which the ceiling is higher; infinity once it is back at the limit."""
        return self._since + (self._steps(now) + 1) * self._interval if self.at(now) < self._limit else math.inf

    def _steps(self, now: float) -> int:
        steps = max(0, math.floor((now - self._since) / self._interval))
        # The division rounds; `next_raise` must lie after `now`, or a caller that goes from raise to raise never ends.
        return steps + 1 if self._since + (steps + 1) * self._interval <= now else steps
