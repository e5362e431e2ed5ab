"""Token buckets for rate limits: arithmetic only. No clock, no sleeping, no locks: `now` is always an argument.

A token is *leased* when a request is sent and stamped when the request *ends*, because the server counts a request at
some unknown moment between the two. Stamping the end is therefore safe whatever the network does; stamping the start,
as most limiters do, is refused as soon as latency varies. A lease ends in one of three ways:

    refund      nothing was written: the token returns at once
    answered    response headers arrived: stamped now
    lost        written but never answered: the bytes may still arrive, so stamped now + grace

Two rules decide when a stamped token may be spent again:

    "window"    one window after its stamp. Right for fixed windows, sliding logs and token buckets.
    "any"       when the charge of every sliding-window counter, whatever its phase, leaves room for one more. A counter
                charges `previous * (1 - elapsed / window) + current`, so a full burst comes back after one window
                like above, but then one token at a time over the next. Right for counters and the three policies above.

All four policies charge a request less and less as it ages, and an end is never earlier than the arrival, so a bucket
that charges from the end never charges less than the server does.
"""

from __future__ import annotations

import math
from bisect import bisect_right, insort
from collections import deque
from typing import Literal, NamedTuple, get_args

import attrs

__all__ = ["GRACE", "MARGIN", "BucketSnapshot", "Rule", "TokenBucket"]

Rule = Literal["any", "window"]

# The window is stretched by this fraction. Measured: against a server whose clock runs 100 ppm slow, an unstretched
# window earned 416 refusals in 1,000 calls; stretched by 0.1 % it earned none at 500 ppm.
MARGIN = 0.001

# assumed: seconds for which a request that was written but never answered may still be on its way to the server. Every
# second costs throughput when callers give up: with 5 a flood of which 30 % is cancelled still uses 94 % of the limit.
GRACE = 5.0

# Limits and pauses that the server names are believed up to this many windows; beyond that they describe something
# else (a daily quota, an epoch that was taken for a duration), and believing them would stop the caller for hours.
_CREDIBLE_WINDOWS = 2.0

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

# How stale the state behind `wait` may be, as a share of the window. A queue of thousands asks many times a second.
_OUTLOOK_AGE = 0.001

# Sums of floats are off by far less than this many tokens.
_ROUNDING = 1e-9


@attrs.frozen
class BucketSnapshot:
    """What a bucket looked like at one moment.

    Attributes:
        limit: requests per window that were configured.
        effective_limit: requests per window at present; lower after 429s or when the server names a lower limit.
        available: tokens that may be leased at once.
        leased: requests in flight.
        next_token: seconds until the next token, 0.0 for at once; a lower bound while requests are in flight.
        paused: seconds for which a 429 still stops the bucket.
    """

    limit: int
    effective_limit: int
    available: int
    leased: int
    next_token: float
    paused: float


class TokenBucket:
    """Tokens for one class of endpoints: at most `limit` requests are counted in any `window`, by the server's clock.

    Times are seconds on any monotonic clock. A `now` that is earlier than one seen before counts as the latest seen.

    Args:
        limit: requests per window, at least 1.
        window: length of the window in seconds.
        rule: `"any"` suits every common server policy; `"window"` sends a burst every window, which a server with a
            sliding-window counter refuses.
        max_burst: most requests that may be sent at once after a quiet time, for servers that allow only small bursts;
            after that requests are paced at `limit / window`. `None`: the whole limit.
        margin: fraction by which the window is stretched to outlast differences between clocks.
        grace: seconds for which a lost request may still arrive.

    Raises:
        ValueError: an argument is out of bounds; the message names it.

    Example:
        >>> bucket = TokenBucket(2, window=60.0, rule="window", margin=0.0)
        >>> bucket.lease(0.0), bucket.lease(0.0), bucket.lease(0.0)
        (True, True, False)
        >>> bucket.answered(0.25)
        >>> bucket.ready_at(1.0)
        60.25
        >>> bucket.refund(2.0)
        >>> bucket.lease(2.0)
        True
    """

    __slots__ = (
        "_blocked_until",
        "_credit",
        "_held_back",
        "_last_decrease",
        "_leases",
        "_named",
        "_now",
        "_outlook",
        "_pace",
        "_pause",
        "_ready",
        "_ready_asked",
        "_ready_free",
        "_ready_known",
        "_reduced",
        "_refusals",
        "_sent",
        "_span",
        "_stamps",
        "grace",
        "limit",
        "max_burst",
        "rule",
        "window",
    )

    def __init__(
        self,
        limit: int,
        window: float = 60.0,
        *,
        rule: Rule = "any",
        max_burst: int | None = None,
        margin: float = MARGIN,
        grace: float = GRACE,
    ) -> None:
        _check_count("limit", limit)
        if max_burst is not None:
            _check_count("max_burst", max_burst)
        if not 0.0 < window < math.inf:
            raise ValueError(f"window must be a finite number of seconds above 0, not {window!r}")
        if rule not in get_args(Rule):
            raise ValueError(f"rule must be 'any' or 'window', not {rule!r}")
        if not 0.0 <= margin < math.inf:
            raise ValueError(f"margin must be a finite fraction of the window, 0 or more, not {margin!r}")
        if not 0.0 <= grace < math.inf:
            raise ValueError(f"grace must be a finite number of seconds, 0 or more, not {grace!r}")
        self.limit: int = int(limit)
        self.window: float = float(window)
        self.rule: Rule = rule
        self.max_burst: int | None = max_burst
        self.grace: float = float(grace)
        self._span = self.window * (1.0 + margin)
        self._now = -math.inf
        self._leases: deque[float] = deque()  # when each outstanding one began
        self._sent = math.inf  # when the one that ended last began, or earlier
        self._stamps: list[float] = []  # ascending; a lost request's lies in the future
        self._pace = None if max_burst is None else _Pace(int(max_burst), self.limit / self._span)
        # Leases that may be granted without looking at the stamps: charges only shrink with age, so what there was
        # room for at the last look there is room for now.
        self._credit = self.limit if max_burst is None else min(self.limit, int(max_burst))
        # What `ready_at` found holds until the state changes, or until that time comes with requests still in flight.
        self._ready_known = False
        self._ready: float | None = None
        self._ready_asked = 0.0  # when it was worked out
        self._ready_free = 0  # tokens found free then
        self._outlook: _Outlook | None = None
        self._reduced = False  # one of the two ceilings below is under the limit
        self._refusals = _Ceiling(self.limit, self.window)
        self._named = _Ceiling(self.limit, self.window)
        self._held_back = 0
        self._blocked_until = -math.inf
        self._last_decrease = -math.inf
        self._pause = 0.0

    def __repr__(self) -> str:
        seen = self.snapshot(self._now)
        return (
            f"<TokenBucket {self.rule!r} {seen.effective_limit}/{self.limit} per {self.window:g} s: "
            f"{seen.available} available, {seen.leased} leased, next in {seen.next_token:.3f} s>"
        )

    # --- a lease and its three ends ---

    def lease(self, now: float) -> bool:
        """Take a token if one may be spent at `now`; every `True` must be followed by exactly one end."""
        if now > self._now:
            self._now = now
        if not self._credit and not self._find_credit():
            return False
        self._credit -= 1
        self._leases.append(self._now)
        self._ready_known = False
        self._outlook = None
        return True

    def answered(self, now: float) -> None:
        """End a lease: the response headers (of whatever status) arrived at `now`.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        if now > self._now:
            self._now = now
        self._end_lease("answered")
        self._charge(self._now)

    def refund(self, now: float) -> None:
        """End a lease: nothing was written, so the token returns at once.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        self._advance(now)
        self._end_lease("refund")

    def lost(self, now: float) -> None:
        """End a lease: written but never answered (timeout, reset, cancellation); comes back `grace + window` later.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        self._advance(now)
        self._end_lease("lost")
        self._charge(self._now + self.grace)

    # --- when the next token is there ---

    def ready_at(self, now: float) -> float | None:
        """Earliest time at which a token may be leased; `now` itself for at once.

        Requests in flight count as answered right now. So while some are, the token may turn out to come later: ask
        again then. Nothing but a refund brings the time forward. `None` means that only the end of an outstanding
        lease, whichever it is, can bring a token.
        """
        now = self._advance(now)
        ready = self._ready
        if not self._ready_known or (ready is not None and self._leases and self._ready_asked < ready <= now):
            self._find_ready(now)
            ready = self._ready
        return None if ready is None else max(ready, now)

    def wait(self, now: float, ahead: int = 0) -> float:
        """Seconds until a caller with `ahead` callers before it can have a token; 0.0 for at once.

        A lower bound: requests in flight count as answered right now, and so do those of the callers ahead as soon as
        they have their token. Exact for the first caller when nothing is in flight. The cost does not grow with
        `ahead`.

        Raises:
            ValueError: `ahead` is negative.
        """
        if ahead < 0:
            raise ValueError(f"ahead must be 0 or more, not {ahead!r}")
        now = self._advance(now)
        if ahead < self._credit:
            return 0.0
        if ahead == 0 and (ready := self.ready_at(now)) is not None:
            return _seconds_until(ready, now)
        bound = self._bound(now, ahead, self._limit_at(now))
        if self._reduced:
            # The limit may have grown by then, and the caller's turn comes earlier; not earlier than under that limit.
            bound = self._bound(now, ahead, self._limit_at(bound))
        return _seconds_until(bound, now)

    def snapshot(self, now: float) -> BucketSnapshot:
        """The bucket's state at `now`, for people and tests."""
        now = self._advance(now)
        self._ready_known = False  # what was free when it was last worked out may be less than what is free now
        available = max(1, self._ready_free) if self.ready_at(now) == now else 0
        return BucketSnapshot(
            limit=self.limit,
            effective_limit=self._limit_at(now),
            available=available,
            leased=len(self._leases),
            next_token=self.wait(now),
            paused=max(0.0, self._blocked_until - now),
        )

    # --- what the server says; it may only lower our own view ---

    def refused(self, now: float, retry_after: float | None = None) -> None:
        """A 429 arrived. Stops the whole bucket for `retry_after` seconds and lowers the effective limit for a while.

        The refused request's own lease is ended separately with `answered`: some servers count what they refuse. A
        `retry_after` that is not above 0 (as from servers that round down) or beyond two windows counts as absent: the
        pause then begins at a fiftieth of the window and doubles up to one window while refusals go on.
        """
        now = self._advance(now)
        if retry_after is not None and 0.0 < retry_after <= _CREDIBLE_WINDOWS * self.window:
            self._blocked_until = max(self._blocked_until, now + retry_after)
        elif now >= self._blocked_until:  # else it was sent before the pause and is no news
            too_short = now - self._blocked_until <= self._pause + _PAUSE_AFTERMATH * self.window
            first = _FIRST_PAUSE * self.window
            self._pause = min(max(first, 2.0 * self._pause), self.window) if too_short else first
            self._blocked_until = now + self._pause
        ceiling = self._refusals.at(now)
        if now - self._last_decrease >= _DECREASE_INTERVAL:
            self._last_decrease = now
            ceiling -= _DECREASE * self.limit
        self._refusals.lower(ceiling, now)
        self._reduced = True
        self._changed()

    def observe(
        self, now: float, *, limit: float | None = None, remaining: float | None = None, reset_in: float | None = None
    ) -> None:
        """Take in the server's view from response headers. It lowers our own, never raises it above the configured one.

        Args:
            now: when the headers arrived.
            limit: requests per window that the server allows. A lower one than ours holds until a higher one is named
                or, when none is named any more, fades.
            remaining: requests that the server would still accept. At most `remaining` less those in flight stay
                available; the server may have counted those in flight or not, so what is held back for them alone is
                free again as they end. What is taken away beyond that comes back after a window.
            reset_in: seconds until the server's budget is whole again; what was taken away stays away at least so
                long. Ignored beyond two windows.
        """
        now = self._advance(now)
        if limit is not None and 1.0 <= limit < math.inf and (self._reduced or limit < self.limit):
            self._named.lower(min(limit, self.limit), now)
            self._reduced = True
            self._changed()
        if remaining is not None and 0.0 <= remaining < math.inf:
            self._clip(now, math.floor(remaining), reset_in)

    # --- inside ---

    def _advance(self, now: float) -> float:
        if now > self._now:
            self._now = now
        return self._now

    def _changed(self) -> None:
        self._credit = 0
        self._ready_known = False
        self._outlook = None

    def _end_lease(self, how: str) -> None:
        if not self._leases:
            raise RuntimeError(f"{how}() without an outstanding lease: end every lease once, and only after lease()")
        # Leases have no names, so which one ends is not known; the oldest is the safe guess.
        self._sent = self._leases.popleft()
        if self._held_back > len(self._leases):
            self._held_back = len(self._leases)
        self._ready_known = False
        self._outlook = None

    def _charge(self, stamp: float) -> None:
        stamps = self._stamps
        if not stamps or stamps[-1] <= stamp:
            stamps.append(stamp)
        else:
            insort(stamps, stamp)
        if self._pace is not None:
            self._pace.add(stamp)

    def _find_credit(self) -> bool:
        ready = self.ready_at(self._now)
        if ready is None or ready > self._now:
            return False
        self._credit = max(1, self._ready_free)
        return True

    def _find_ready(self, now: float) -> None:
        lifetime = self._span if self.rule == "window" else 2.0 * self._span
        earliest = self._leases[0] if self._leases else now  # `_clip` looks back so far, within reason
        del self._stamps[: bisect_right(self._stamps, max(earliest, now - lifetime) - lifetime)]
        self._reduced = self._reduced and self._next_raise(now) < math.inf
        start = max(now, self._blocked_until)
        leased = len(self._leases)
        while True:
            limit = self._limit_at(start)
            ready, free = None, 0
            if leased < limit:
                ready, free = self._room_if_answered(now, leased, limit, start=start)
            raised = self._next_raise(start)
            if ready is None or ready < raised:
                break
            start = raised
        if self._held_back and ready == start:
            ready, free = self._room(start, self._stamps, leased + self._held_back, limit)
            ready = ready if ready == start else None
        if self._pace is not None and ready is not None:
            paced, in_pace = self._pace.room(now, leased)
            ready = None if paced is None else max(ready, paced)
            free = min(free, in_pace)
        self._ready, self._ready_free, self._ready_asked, self._ready_known = ready, free, now, True

    def _room(self, now: float, stamps: list[float], held: int, limit: int) -> tuple[float | None, int]:
        """First time from `now` on with room for one more, and room for how many; `None` if only an end brings room."""
        room = _log_room(stamps, now, self._span, held, limit)
        if self.rule == "window" or room[0] is None:
            return room
        return _counter_room(stamps, room[0], self._span, held, limit)

    def _room_if_answered(
        self, now: float, answered: int, limit: int, *, start: float | None = None
    ) -> tuple[float, int]:
        """The same from `start` on with nothing in flight, and so many more requests answered at `now`."""
        at = bisect_right(self._stamps, now)
        stamps = [*self._stamps[:at], *[now] * answered, *self._stamps[at:]] if answered else self._stamps
        time, free = self._room(now if start is None else start, stamps, 0, limit)
        assert time is not None, "nothing is in flight, so a token always comes back"
        return time, free

    def _limit_at(self, now: float) -> int:
        if not self._reduced:
            return self.limit
        return max(1, math.floor(min(self._refusals.at(now), self._named.at(now)) + _ROUNDING))

    def _next_raise(self, now: float) -> float:
        return min(self._refusals.next_raise(now), self._named.next_raise(now)) if self._reduced else math.inf

    def _clip(self, now: float, remaining: int, reset_in: float | None) -> None:
        limit, leased = self._limit_at(now), len(self._leases)
        # `remaining` was true at some time since the request was sent. Tokens that came back to us since then may have
        # come back at the server later than it counted, so they are no sign that somebody else took some.
        asked = min(self._sent, now)
        if not self._held_back and limit - _recent(self._stamps, asked, self._span) <= remaining:
            return  # the usual case: nobody else uses the key
        room_at, free = self._room(asked, self._stamps, leased, limit)
        free = free if room_at == asked else 0
        taken = max(0, free - remaining)
        if taken:
            away = reset_in if reset_in is not None and 0.0 <= reset_in <= _CREDIBLE_WINDOWS * self.window else 0.0
            stamp = now + max(0.0, away - self._span)
            at = bisect_right(self._stamps, stamp)
            self._stamps[at:at] = [stamp] * taken
        # Tokens that are short only if the server has not yet counted what is in flight.
        held_back = max(0, min(free - taken - (remaining - leased), leased))
        if taken or held_back != self._held_back:
            self._held_back = held_back
            self._changed()

    def _bound(self, now: float, ahead: int, limit: int) -> float:
        bound = max(now, self._blocked_until, self._log_turn(now, ahead, limit))
        if self.rule == "any":
            at_once, after = self._look_ahead(now, limit)
            if ahead >= at_once:
                # From there on every counter is full, and none drains faster than `limit` a window.
                bound = max(bound, after + (ahead - at_once) * self._span / self.limit)
        if self._pace is not None:
            bound = max(bound, self._pace.turn(now, len(self._leases) + ahead))
        return bound

    def _log_turn(self, now: float, ahead: int, limit: int) -> float:
        """When the sliding log alone lets the caller through: each token serves once a window."""
        rounds, ahead = divmod(ahead, limit)
        first = bisect_right(self._stamps, now - self._span)
        known = len(self._stamps) - first
        blocker = known + len(self._leases) + ahead - limit
        if blocker < 0:
            return now + rounds * self._span
        stamp = min(self._stamps[first + blocker], now) if blocker < known else now
        return stamp + (rounds + 1) * self._span

    def _look_ahead(self, now: float, limit: int) -> tuple[int, float]:
        """How many can go at once and when the next one can, if requests are answered as soon as they are sent."""
        seen = self._outlook
        if seen is None or seen.limit != limit or now - seen.now > _OUTLOOK_AGE * self.window:
            at_once, leased = 0, len(self._leases)
            after, free = self._room_if_answered(now, leased, limit)
            if after == now:
                at_once = max(1, free)
                after, _ = self._room_if_answered(now, leased + at_once, limit)
            seen = self._outlook = _Outlook(limit, now, at_once, after)
        return seen.at_once, seen.after


class _Outlook(NamedTuple):
    limit: int
    now: float
    at_once: int
    after: float


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


class _Pace:
    """A token bucket of `burst` tokens, filled at `rate` a second, that charges from the end of a lease."""

    __slots__ = ("_at", "_burst", "_coming", "_level", "_rate")

    def __init__(self, burst: int, rate: float) -> None:
        self._burst = burst
        self._rate = rate
        self._level = 0.0  # tokens still missing at `_at`
        self._at = -math.inf
        self._coming: list[float] = []  # stamps after `_at`, ascending

    def add(self, stamp: float) -> None:
        insort(self._coming, stamp)

    def room(self, now: float, leased: int) -> tuple[float | None, int]:
        """First time from `now` on with room for one more if all leases end now; room for how many if none does."""
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
        raise AssertionError("with nothing in flight and nothing coming there is always room one day")

    def turn(self, now: float, before: int) -> float:
        """Lower bound of the time when there is room after `before` more, all answered as soon as possible."""
        excess = self._missing(now) + len(self._coming) + before + 1 - self._burst
        return now + max(0.0, excess) / self._rate

    def _missing(self, now: float) -> float:
        while self._coming and self._coming[0] <= now:
            stamp = self._coming.pop(0)
            self._level, self._at = self._drained(self._level, stamp - self._at) + 1.0, stamp
        return self._drained(self._level, now - self._at)

    def _drained(self, level: float, seconds: float) -> float:
        return max(0.0, level - seconds * self._rate)


def _recent(stamps: list[float], now: float, span: float) -> int:
    """Charge of a sliding log: the stamps of the last `span` seconds, those in the future included."""
    return len(stamps) - bisect_right(stamps, now - span)


def _log_room(stamps: list[float], now: float, span: float, held: int, limit: int) -> tuple[float | None, int]:
    """First time from `now` on when a sliding log has room for one more, with `held` requests in flight throughout."""
    if held >= limit:
        return None, 0
    blocker = len(stamps) + held - limit
    if blocker < 0 or stamps[blocker] + span <= now:
        return now, limit - held - _recent(stamps, now, span)
    return stamps[blocker] + span, 0


def _counter_room(stamps: list[float], time: float, span: float, held: int, limit: int) -> tuple[float, int]:
    """First time from `time` on when every sliding-window counter, whatever its phase, has room for one more.

    A counter whose window began at `x` charges 1 for stamps from `x` on and `(x + span - time) / span` for those of the
    window before. Between two stamps that grows with `x`, so its peaks lie where a stamp is the first of its window
    (`x` is the stamp) or the first of the window before (`x` is the stamp plus span). As `time` moves on, later windows
    come into view: one pass in ascending `x` is enough.

    `time` is when the sliding log has room, so no window is full by itself.
    """
    full = len(stamps) + held - limit
    # First stamp of the window that begins at x. The log has room, so `stamps[full]` is out of its window even where
    # the subtraction rounds the other way.
    i = max(full + 1, bisect_right(stamps, time - span))
    j = bisect_right(stamps, time - 2.0 * span)  # first stamp of the window before it
    spare = span * (i - full)
    ends = [*stamps, math.inf, math.inf]  # the second is read when the first has been passed
    entering, leaving = ends[i], ends[j] + span
    while True:
        room = i - full
        before = i - j
        if entering <= leaving:
            x = entering
            i += 1
            entering = ends[i]
        else:
            x = leaving
            j += 1
            leaving = ends[j] + span
        if x > time:
            return time, math.ceil(spare / span - _ROUNDING)
        left = span * room - before * (x + span - time)
        if left < spare:
            spare = max(left, 0.0)
            if left < 0.0:
                time = max(time, x + span - span * room / before)


def _seconds_until(time: float, now: float) -> float:
    """The difference, rounded up where floats need it: whoever sleeps so long must find the token."""
    seconds = max(0.0, time - now)
    while now + seconds < time:
        seconds = math.nextafter(seconds, math.inf)
    return seconds


def _check_count(name: str, value: float) -> None:
    if not (value >= 1 and value % 1 == 0):
        raise ValueError(f"{name} must be a whole number, 1 or more, not {value!r}")
