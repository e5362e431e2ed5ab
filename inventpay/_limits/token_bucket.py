"""Token buckets for rate limits: arithmetic only. No clock, no sleeping, no locks: ``now`` is always an argument.

A token is *leased* when a request is sent and stamped when the request *ends*, because the server counts a request at
some unknown moment between the two. Stamping the end is therefore safe whatever the network does; stamping the start,
as most limiters do, is refused as soon as latency varies. A lease ends in one of three ways:

    refund      nothing was written: the token returns at once
    answered    response headers arrived: stamped now
    abandoned   written but never answered: the bytes may still arrive, so stamped now + grace

The server's way of counting decides when a stamped token may be spent again:

    "window"    one window after its stamp. Right for fixed windows, sliding logs and token buckets.
    "unknown"   when the charge of every sliding-window counter, whatever its phase, leaves room for one more. A counter
                charges ``previous * (1 - elapsed / window) + current``, so a full burst comes back after one window
                like above, but then one token at a time over the next. Right for counters and the three policies above.

All four policies charge a request less and less as it ages, and an end is never earlier than the arrival, so a bucket
that charges from the end never charges less than the server does.
"""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple, get_args

from ..options import Counting
from .backoff import CREDIBLE_WINDOWS, Backoff
from .burst_limit import BurstLimit
from .request_history import RequestHistory

__all__ = ["GRACE", "MARGIN", "BucketSnapshot", "Counting", "TokenBucket"]

# Fraction by which the window is stretched. Measured against a server whose clock is 100 ppm slow: 416 of 1,000 calls
# were refused without it. Stretched by 0.1 %, no call was refused at 500 ppm.
MARGIN = 0.001

# assumed: seconds for which a request that was written but not answered may still arrive at the server. Every second
# costs throughput when callers cancel: with 5 s, a load of which 30 % is cancelled still uses 94 % of the limit.
GRACE = 5.0

# Greatest age of the state behind `wait`, as a share of the window. A queue of thousands calls it many times a second.
_OUTLOOK_AGE = 0.001


class BucketSnapshot(NamedTuple):
    """The state of a bucket at one moment.

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
    """Tokens of one class of endpoints: at most ``limit`` requests count in any ``window``, by the server's clock.

    Times are seconds on any monotonic clock. A ``now`` that is earlier than one seen before counts as the latest seen.
    If it is earlier by more than a window, the clock was set: all moments are moved along with it.

    Args:
        limit: requests per window, at least 1.
        window: length of the window in seconds.
        counting: ``"unknown"`` suits every common server policy; ``"window"`` sends a burst every window, which a
            server with a sliding-window counter refuses.
        max_burst: most requests that may be sent at once after a quiet time, for servers that allow only small bursts;
            after that requests are paced at ``limit / window``. ``None``: the whole limit.
        margin: fraction by which the window is stretched to outlast differences between clocks.
        grace: seconds for which an abandoned request may still arrive.

    Raises:
        ValueError: an argument is out of bounds; the message names it.

    Example:
        >>> bucket = TokenBucket(2, window=60.0, counting="window", margin=0.0)
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
        "_backoff",
        "_burst_limit",
        "_credit",
        "_held_back",
        "_history",
        "_last_lease",
        "_leases",
        "_now",
        "_outlook",
        "_plenty",
        "_ready",
        "_ready_asked",
        "_ready_free",
        "_ready_known",
        "_sent",
        "_span",
        "counting",
        "grace",
        "limit",
        "max_burst",
        "window",
    )

    def __init__(
        self,
        limit: int,
        window: float = 60.0,
        *,
        counting: Counting = "unknown",
        max_burst: int | None = None,
        margin: float = MARGIN,
        grace: float = GRACE,
    ) -> None:
        _check_count("limit", limit)
        if max_burst is not None:
            _check_count("max_burst", max_burst)
        if not 0.0 < window < math.inf:
            raise ValueError(f"window must be a finite number of seconds above 0, not {window!r}")
        if counting not in get_args(Counting):
            raise ValueError(f"counting must be 'unknown' or 'window', not {counting!r}")
        if not 0.0 <= margin < math.inf:
            raise ValueError(f"margin must be a finite fraction of the window, 0 or more, not {margin!r}")
        if not 0.0 <= grace < math.inf:
            raise ValueError(f"grace must be a finite number of seconds, 0 or more, not {grace!r}")
        self.limit: int = int(limit)
        self.window: float = float(window)
        self.counting: Counting = counting
        self.max_burst: int | None = max_burst
        self.grace: float = float(grace)
        self._span = self.window * (1.0 + margin)
        self._now = -math.inf
        self._leases: deque[float] = deque()  # when each outstanding one began
        self._sent = math.inf  # when the one that ended last began, or earlier
        self._history = RequestHistory(self._span, every_phase=counting == "unknown")
        self._backoff = Backoff(self.limit, self.window)
        self._burst_limit = None if max_burst is None else BurstLimit(int(max_burst), self.limit / self._span)
        # Leases that may be granted without checking the stamps: charges only shrink with age, so room that was found
        # at the last check is still there.
        self._credit = self.limit if max_burst is None else min(self.limit, int(max_burst))
        self._plenty = max(1, self.limit // 8)  # room is not counted beyond this
        # The result of `ready_at` is valid until the state changes, or until that time comes with requests in flight.
        self._ready_known = False
        self._ready: float | None = None
        self._ready_asked = 0.0  # when it was computed
        self._ready_free = 0  # free tokens at that time
        self._outlook: _Outlook | None = None
        self._last_lease = -math.inf
        self._held_back = 0

    def __repr__(self) -> str:
        seen = self.snapshot(self._now)
        return (
            f"<TokenBucket {self.counting!r} {seen.effective_limit}/{self.limit} per {self.window:g} s: "
            f"{seen.available} available, {seen.leased} leased, next in {seen.next_token:.3f} s>"
        )

    # --- a lease and its three ends ---

    def lease(self, now: float) -> bool:
        """Take a token if one may be spent at ``now``; every ``True`` must be followed by exactly one end."""
        self._advance(now)
        if not self._credit and not self._find_credit():
            return False
        self._credit -= 1
        if self._now >= self._backoff.promised:
            self._backoff.promised = math.inf  # this is the call that the server promised to accept
            self._credit = 0
        self._last_lease = self._now
        self._leases.append(self._now)
        self._ready_known = False
        self._outlook = None
        return True

    def answered(self, now: float) -> None:
        """End a lease: the response headers (of whatever status) arrived at ``now``.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        self._advance(now)
        self._end_lease("answered")
        self._charge(self._now)

    def refund(self, now: float) -> None:
        """End a lease: nothing was written, so the token returns at once.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        self._advance(now)
        self._end_lease("refund")

    def abandoned(self, now: float) -> None:
        """End a lease: written but never answered (timeout, reset, cancellation); comes back ``grace + window`` later.

        Raises:
            RuntimeError: no lease is outstanding.
        """
        self._advance(now)
        self._end_lease("abandoned")
        self._charge(self._now + self.grace)

    # --- when the next token is there ---

    def ready_at(self, now: float) -> float | None:
        """Return the earliest time at which a token may be leased; ``now`` itself for at once.

        Requests in flight count as answered right now. While some are in flight, the token may come later: call again
        at the returned time. Only a refund can make the time earlier. ``None`` means that a token is available only
        after an outstanding lease has ended.
        """
        now = self._advance(now)
        ready = self._ready
        if not self._ready_known or (ready is not None and self._leases and self._ready_asked < ready <= now):
            self._find_ready(now, self._plenty)
            ready = self._ready
        return None if ready is None else max(ready, now)

    def wait(self, now: float, ahead: int = 0) -> float:
        """Return the seconds until a caller with ``ahead`` callers before it gets a token; 0.0 for at once.

        A lower bound: requests in flight count as answered right now, and so do those of the callers ahead as soon as
        they have their token. Exact for the first caller when nothing is in flight. The cost does not grow with
        ``ahead``.

        Raises:
            ValueError: ``ahead`` is negative.
        """
        if ahead < 0:
            raise ValueError(f"ahead must be 0 or more, not {ahead!r}")
        now = self._advance(now)
        if ahead < self._credit:
            return 0.0
        ready = self.ready_at(now)
        if ahead == 0 and ready is not None:
            return _seconds_until(ready, now)
        promised = self._backoff.promised
        if promised < math.inf:
            if ahead == 0:
                # All tokens are in flight; the first end makes room for the call that the server promised to accept.
                return _seconds_until(max(now, promised), now)
            ahead -= 1  # one call goes at the promised time, independent of the stamps
        bound = self._bound(now, ahead, self._backoff.limit_at(now))
        if self._backoff.reduced:
            # The limit may have grown by then, so that the turn comes earlier, but not earlier than under that limit.
            bound = self._bound(now, ahead, self._backoff.limit_at(bound))
        # While requests go one by one, the first caller waits longer than the limit requires, and so do the others.
        return _seconds_until(bound if ready is None else max(bound, ready), now)

    def snapshot(self, now: float) -> BucketSnapshot:
        """Return the bucket's state at ``now``, for people and tests."""
        now = self._advance(now)
        self._find_ready(now, self.limit)  # the last result may be less than what is free now
        available = max(1, self._ready_free) if self._ready == now else 0
        return BucketSnapshot(
            limit=self.limit,
            effective_limit=self._backoff.limit_at(now),
            available=available,
            leased=len(self._leases),
            next_token=self.wait(now),
            paused=max(0.0, self._backoff.blocked_until - now),
        )

    # --- the server's view, which may only lower our own ---

    def refused(self, now: float, retry_after: float | None = None) -> None:
        """Stop the bucket for ``retry_after`` seconds after a 429, and lower the effective limit for a while.

        The refused request's own lease is ended separately with ``answered``: some servers count refused requests. A
        ``retry_after`` that is not above 0 (as from servers that round down) or beyond two windows counts as absent:
        the pause then begins at a hundredth of the window and doubles up to one window while refusals continue. For a
        window after the pause, requests go one by one at the pace of the limit.
        """
        now = self._advance(now)
        self._backoff.refused(now, retry_after)
        self._changed()

    def observe(
        self, now: float, *, limit: float | None = None, remaining: float | None = None, reset_in: float | None = None
    ) -> None:
        """Apply rate-limit headers. They can lower the limit and the free tokens, never raise them above the setting.

        Args:
            now: when the headers arrived.
            limit: requests per window that the server allows. A lower one than ours holds until the reset, or for one
                window if no reset is named.
            remaining: requests that the server would still accept. At most ``remaining`` less those in flight stay
                available. The server may have counted those in flight or not, so tokens that are held back only for
                them are free again as they end. Tokens that are removed beyond that come back from the reset on, at
                the pace of the limit, or after a window if no reset is named.
            reset_in: seconds until the server's budget is full again. Beyond two windows it belongs to another limit,
                such as a daily one, and all three are ignored.
        """
        now = self._advance(now)
        longest = CREDIBLE_WINDOWS * self.window
        if limit is not None and self._backoff.named(now, limit, reset_in):
            self._changed()
        if remaining is not None and 0.0 <= remaining < math.inf and (reset_in is None or reset_in <= longest):
            self._clip(now, math.floor(remaining), reset_in)

    # --- inside ---

    def _advance(self, now: float) -> float:
        if now > self._now:
            self._now = now
        elif now < self._now - self.window and self._now < math.inf:
            self._set_clock(now)
        return self._now

    def _set_clock(self, now: float) -> None:
        seconds = now - self._now
        self._now = now
        self._leases = deque(began + seconds for began in self._leases)
        self._sent += seconds
        self._last_lease += seconds
        self._history.shift(seconds)
        self._backoff.shift(seconds)
        if self._burst_limit is not None:
            self._burst_limit.shift(seconds)
        self._changed()

    def _changed(self) -> None:
        self._credit = 0
        self._ready_known = False
        self._outlook = None

    def _end_lease(self, how: str) -> None:
        if not self._leases:
            raise RuntimeError(f"{how}() without an outstanding lease: end every lease once, and only after lease()")
        # Leases have no identity, so assume that the oldest one ended: it is the safe choice.
        self._sent = self._leases.popleft()
        if self._held_back > len(self._leases):
            self._held_back = len(self._leases)
        self._ready_known = False
        self._outlook = None

    def _charge(self, stamp: float) -> None:
        self._history.add(stamp)
        if self._burst_limit is not None:
            self._burst_limit.add(stamp)

    def _find_credit(self) -> bool:
        ready = self.ready_at(self._now)
        if ready is None or ready > self._now:
            return False
        self._credit = max(1, self._ready_free)
        return True

    def _find_ready(self, now: float, most: int) -> None:
        lifetime = self._span if self.counting == "window" else 2.0 * self._span
        earliest = self._leases[0] if self._leases else now  # the furthest that `_clip` looks back, within reason
        self._history.forget(max(earliest, now - lifetime) - lifetime)
        backoff = self._backoff
        if backoff.reduced:
            backoff.recover(now)
        start = max(now, backoff.blocked_until)
        leased, limit, raised = len(self._leases), self.limit, math.inf
        while True:
            if backoff.reduced:
                limit, raised = backoff.limit_at(start), backoff.next_raise(start)
            ready, free = None, 0
            if leased < limit:
                ready, free = self._history.room(now, start, limit, answered=leased, most=most)
            if ready is None or ready < raised:
                break
            start = raised
        if self._held_back and ready == start:
            held = leased + self._held_back
            ready, free = self._history.room(now, start, limit - held, most=most) if held < limit else (None, 0)
            ready = ready if ready == start else None
        if ready is not None and ready < backoff.cautious_until:
            free = 1
            ready = max(ready, min(self._last_lease + self._span / self.limit, backoff.cautious_until))
        promised = backoff.promised
        if promised < math.inf and leased < limit:
            # The server accepts one call from this time on. The tokens that it reported as used come back later.
            promised = max(now, promised)
            if ready is None or promised < ready:
                ready, free = promised, 1
        if self._burst_limit is not None and ready is not None:
            paced, in_pace = self._burst_limit.room(now, leased)
            ready = None if paced is None else max(ready, paced)
            free = min(free, in_pace)
        self._ready, self._ready_free, self._ready_asked, self._ready_known = ready, free, now, True

    def _clip(self, now: float, remaining: int, reset_in: float | None) -> None:
        limit, leased = self._backoff.limit_at(now), len(self._leases)
        # `remaining` was correct at some time since the request was sent. Tokens that came back here since then may
        # have come back at the server after it counted, so they do not prove that another client took some.
        asked = min(self._sent, now)
        if not self._held_back and limit - self._history.recent(asked) <= remaining:
            return  # the usual case: no other client uses the key
        free = 0
        # If nothing is free now, nothing was free then; checking the past is expensive.
        if leased < limit and self._history.room(now, now, limit, answered=leased, most=1)[0] == now:
            free = self._history.room_then(asked, limit - leased)
        taken = max(0, free - remaining)
        if taken:
            if reset_in is not None and self._backoff.is_credible(reset_in):
                first, pace = now + reset_in - self._span, self._span / self.limit
                self._history.add_past(first + number * pace for number in range(taken))
            else:
                self._history.add(now, taken)
        # Tokens that are missing only if the server has not counted the requests in flight yet.
        held_back = max(0, min(free - taken - (remaining - leased), leased))
        if taken or held_back != self._held_back:
            self._held_back = held_back
            self._changed()

    def _bound(self, now: float, ahead: int, limit: int) -> float:
        bound = max(now, self._backoff.blocked_until, self._log_turn(now, ahead, limit))
        if self.counting == "unknown":
            at_once, after = self._look_ahead(now, limit)
            if ahead >= at_once:
                # From then on every counter is full, and none drains faster than `limit` per window.
                bound = max(bound, after + (ahead - at_once) * self._span / self.limit)
        if self._burst_limit is not None:
            bound = max(bound, self._burst_limit.turn(now, len(self._leases) + ahead))
        return bound

    def _log_turn(self, now: float, ahead: int, limit: int) -> float:
        """Return the time at which the sliding log alone has room: each token is used once in a window."""
        rounds, ahead = divmod(ahead, limit)
        known = self._history.recent(now)
        blocker = known + len(self._leases) + ahead - limit
        if blocker < 0:
            return now + rounds * self._span
        stamp = min(self._history.nth_recent(now, blocker), now) if blocker < known else now
        return stamp + (rounds + 1) * self._span

    def _look_ahead(self, now: float, limit: int) -> tuple[int, float]:
        """Return the requests possible now, and the time of the next one, if each is answered as soon as it is sent."""
        seen = self._outlook
        if seen is None or seen.limit != limit or now - seen.now > _OUTLOOK_AGE * self.window:
            at_once, leased = 0, len(self._leases)
            after, free = self._history.room(now, now, limit, answered=leased, most=limit)
            if after == now:
                at_once = free
                after, _ = self._history.room(now, now, limit, answered=leased + at_once, most=1)
            seen = self._outlook = _Outlook(limit, now, at_once, after)
        return seen.at_once, seen.after


class _Outlook(NamedTuple):
    limit: int
    now: float
    at_once: int
    after: float


def _seconds_until(time: float, now: float) -> float:
    """Return the difference, rounded up so that the token is available after a sleep of this length."""
    seconds = max(0.0, time - now)
    while now + seconds < time:
        seconds = math.nextafter(seconds, math.inf)
    return seconds


def _check_count(name: str, value: float) -> None:
    if not (value >= 1 and value % 1 == 0):
        raise ValueError(f"{name} must be a whole number, 1 or more, not {value!r}")
