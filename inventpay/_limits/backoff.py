"""Reduce a limit after 429s and after lower limits in response headers, and restore it step by step.

The constants are defined only here: ``constants`` returns them for the Lua script of the shared limit.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Final

# Pauses in response headers are used up to this many windows. Longer ones describe something else (a daily quota, an
# epoch read as a duration), and following them would stop the caller for hours.
CREDIBLE_WINDOWS = 2.0

# Additive increase, multiplicative decrease. In the steady state, increases and decreases balance, so the size of an
# increase sets the rate of refusals. That rate must be a small share of the requests at any limit: increases are
# smaller where the limit is small. Measured with another client that takes 30 % of the same budget at random: at limits
# of 60 and above, under 3 % of the requests are refused and 90 % of the remaining budget is used. At a limit of 10 the
# figures are 3 to 5 % and 80 to 94 %, as with the best constant share: one request of the other client is 10 % there.
_DECREASE = 0.04  # of the limit, for a 429
_FIRST_DECREASE = 0.12  # of the limit, for the first 429 in a long time: another client has started to use the budget
_DECREASE_INTERVAL = 1.0  # seconds; the 429s of one burst count once
_INCREASE = 0.02  # of the limit, for every clean interval
_INCREASE_PER_REQUEST = 0.008 * _DECREASE  # of the limit, times the limit; the smaller of the two increases applies
_INCREASE_INTERVAL = 0.5  # of the window
_CALM = 40.0  # clean intervals after which increases are twice as large: the other client has stopped

# A 429 without a time stops the bucket for a share of the window, doubled up to one window while 429s continue. A
# sliding policy has room again after window / limit, a fixed window after one window at most. Starting low wastes
# little time with the former; doubling reaches the latter in seven refusals.
_FIRST_PAUSE = 0.01  # of the window
_CAUTION = 1.0  # windows after a pause in which requests go one by one: other clients use the tokens that came free too
_PAUSE_AFTERMATH = 0.05  # of the window: a 429 so soon after a pause means that the pause was too short


def constants() -> Mapping[str, float]:
    """Return every constant by the name that ``exchange.lua`` uses."""
    return _CONSTANTS


_CONSTANTS: Final[Mapping[str, float]] = {
    "credible_windows": CREDIBLE_WINDOWS,
    "decrease": _DECREASE,
    "first_decrease": _FIRST_DECREASE,
    "decrease_interval": _DECREASE_INTERVAL,
    "increase": _INCREASE,
    "increase_per_request": _INCREASE_PER_REQUEST,
    "increase_interval": _INCREASE_INTERVAL,
    "calm": _CALM,
    "first_pause": _FIRST_PAUSE,
    "aftermath": _PAUSE_AFTERMATH,
    "caution": _CAUTION,
}


class Backoff:
    """The effective limit, and the pause after a 429.

    Attributes:
        reduced: whether the limit is, or may be, lower than configured at present.
        blocked_until: time at which the pause ends.
        cautious_until: time until which requests go one by one after the pause.
        promised: time from which the server accepts one call, as named in a 429; infinity for none.
    """

    __slots__ = (
        "_last_decrease",
        "_limit",
        "_named",
        "_named_until",
        "_pause",
        "_refusals",
        "_window",
        "blocked_until",
        "cautious_until",
        "promised",
        "reduced",
    )

    def __init__(self, limit: int, window: float) -> None:
        self._limit = limit
        self._window = window
        self._refusals = _Ceiling(limit, window)
        self._named = float(limit)
        self._named_until = -math.inf
        self._last_decrease = -math.inf
        self._pause = 0.0
        self.reduced: bool = False
        self.blocked_until: float = -math.inf
        self.cautious_until: float = -math.inf
        self.promised: float = math.inf

    def limit_at(self, now: float) -> int:
        """Return the effective limit, at least 1."""
        if not self.reduced:
            return self._limit
        # Round to the nearest integer: rounding down would halve a limit of two after one refusal.
        ceiling = self._refusals.at(now)
        return max(1, math.floor((min(ceiling, self._named) if now < self._named_until else ceiling) + 0.5))

    def next_raise(self, now: float) -> float:
        """Return the first time after ``now`` at which the limit may rise; infinity if it is as configured."""
        if not self.reduced:
            return math.inf
        raised = self._refusals.next_raise(now)
        return min(raised, self._named_until) if now < self._named_until else raised

    def recover(self, now: float) -> None:
        """Clear ``reduced`` once the limit is as configured."""
        self.reduced = self.reduced and self.next_raise(now) < math.inf

    def refused(self, now: float, retry_after: float | None) -> None:
        """Lower the limit and start a pause after a 429."""
        if retry_after is not None and self.is_credible(retry_after):
            self.promised = self.blocked_until = max(self.blocked_until, now + retry_after)
        elif now >= self.blocked_until:  # else the request was sent before the pause
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

    def is_credible(self, seconds: float) -> bool:
        """Return whether a time from a response header can refer to the configured window."""
        return 0.0 < seconds <= CREDIBLE_WINDOWS * self._window

    def named(self, now: float, limit: float, reset_in: float | None) -> bool:
        """Apply a limit from a response header until its reset or for one window; return whether ours changes."""
        if not 1.0 <= limit < math.inf or (reset_in is not None and reset_in > CREDIBLE_WINDOWS * self._window):
            return False  # the reset belongs to another window, such as a day, and so does the limit
        if limit >= self._limit and now >= self._named_until:
            return False
        self._named = min(limit, self._limit)
        self._named_until = now + (reset_in if reset_in is not None and self.is_credible(reset_in) else self._window)
        self.reduced = True
        return True

    def shift(self, seconds: float) -> None:
        """Move all times by ``seconds``, after the clock was set."""
        self._refusals.shift(seconds)
        self._last_decrease += seconds
        self._named_until += seconds
        self.blocked_until += seconds
        self.cautious_until += seconds
        self.promised += seconds


class _Ceiling:
    """A lowered limit that grows back to the configured one, by one step for every clean interval."""

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

    def shift(self, seconds: float) -> None:
        self._since += seconds

    def at(self, now: float) -> float:
        steps = self._steps(now)
        return min(self._limit, self._value + self._step * steps * (1.0 + (steps / _CALM) ** 2))

    def next_raise(self, now: float) -> float:
        """Return the first time after ``now`` at which the ceiling rises; infinity once it equals the limit."""
        return self._since + (self._steps(now) + 1) * self._interval if self.at(now) < self._limit else math.inf

    def _steps(self, now: float) -> int:
        steps = max(0, math.floor((now - self._since) / self._interval))
        # The division rounds. `next_raise` must lie after `now`: a caller that steps from raise to raise would loop.
        return steps + 1 if self._since + (steps + 1) * self._interval <= now else steps
