"""Decide whose turn it is to be polled. Pure arithmetic: no clock, no waiting.

Each watched thing names the interval it would like. Its place is a tag on a virtual clock: the tag of its last turn
plus the interval, so that gaps stay regular. The clock runs faster than real time where the budget is idle, as fast
where the wished intervals fit into the share of the rate limit that polling may use, and beyond that only as fast as
turns can be taken: all intervals stretch by one factor (weighted fair queueing).
"""

from __future__ import annotations

import heapq
import math
from typing import Final

from .._concurrency.wait_queue import Waker

SHARE: Final = 0.8
"""Part of a class' limit that all watchers of one client use together; the rest is for direct calls."""

IDLE_SHARE: Final = 0.5
"""Part of the limit up to which intervals shrink below what was wished for, where few are watched. The other half stays
free for direct calls, and for a second process with the same key."""

_BURST: Final = 0.05
"""Part of the limit that may be polled at once, out of ``SHARE``, so that a single watcher never waits for the pace."""

FASTEST: Final = 5.0
"""Intervals shrink to a fifth at most: more would only cost traffic."""

USEFUL: Final = 300.0
"""Seconds between two polls beyond which watching says little to a merchant; a hook event reports it."""

OUTAGE: Final = 600.0
"""Seconds for which polls may fail in a row before a watcher without a deadline ends: failovers are shorter."""

AFTER_FAILURE: Final = 5.0
"""Seconds to the next poll after one that failed, retries included."""

FED_PATIENCE: Final = 2.0
"""Seconds a watcher that was fed an event waits for the API's own answer, which says more than events do."""

FED_LATELY: Final = 600.0
"""Seconds after an event was fed for which webhooks count as arriving, so that polling is only the safety net."""

FED_STRETCH: Final = 10.0
"""Where webhooks arrive, payments are polled at this multiple of the interval."""

_FIRST_LOOK: Final = 10.0
"""Seconds: a first look counts as much as this interval, so that thousands of newcomers do not starve the others."""

_GOLDEN: Final = (5**0.5 - 1) / 2
"""The fractional parts of its multiples are spread as evenly as can be."""

_ROUNDING: Final = 1e-4
"""Seconds that count as now: the virtual clock is a sum of many small steps."""

EVENTS_KEPT: Final = 16
"""Events kept for a watcher that does not ask for news; the newest say the most."""


class Watcher:
    """One watched thing. Lives as long as it is watched; takes part in the schedule only while it waits."""

    __slots__ = ("at", "booking", "tag", "ticket", "waker", "wanted")

    def __init__(self) -> None:
        self.waker: Waker | None = None
        self.wanted: float = 0.0
        # Its place on the virtual clock, and the appointment it has in real time.
        self.tag: float = -math.inf
        self.at: float = math.inf
        # Numbers of the heap entries that stand for it; older ones are void.
        self.ticket: int = 0
        self.booking: int = 0

    @property
    def is_waiting(self) -> bool:
        """Whether it takes part."""
        return self.waker is not None


class Schedule:
    """The turns of all watchers of one endpoint class. Callers hold a lock round every call."""

    __slots__ = (
        "_appointments",
        "_count",
        "_demand",
        "_due",
        "_idle_pace",
        "_last",
        "_pace",
        "_reported",
        "_sentry",
        "_slack",
        "_slot",
        "_tickets",
        "_virtual",
    )

    def __init__(self, limit: int, window: float, *, idle_share: float = IDLE_SHARE) -> None:
        # Polls a second, and how far they may bunch up: together never more than SHARE of the limit in any window.
        self._pace = max(1.0, (SHARE - _BURST) * limit) / window
        self._slack = max(0.0, _BURST * limit - 1.0) / self._pace
        self._idle_pace = min(self._pace, idle_share * limit / window)
        self._slot = -math.inf
        self._virtual = 0.0
        self._last = -math.inf
        self._demand = 0.0
        self._count = 0
        self._tickets = 0
        self._due: list[tuple[float, int, Watcher]] = []
        self._appointments: list[tuple[float, int, Watcher]] = []
        self._reported = -math.inf
        # Only one watcher sleeps for a time; the others sleep until woken.
        self._sentry: Watcher | None = None

    def __repr__(self) -> str:
        return f"<Schedule of {self._count} watchers, intervals stretched {self.stretch:.1f} times>"

    @property
    def waiting(self) -> int:
        """The number of watchers that wait for their turn."""
        return self._count

    @property
    def is_idle(self) -> bool:
        """Whether no watcher waits for a turn."""
        return self._count == 0

    @property
    def stretch(self) -> float:
        """The factor by which all intervals differ from the wished ones: above 1.0 under overload."""
        return 1 / self._speed if not self._is_overloaded else self._demand / self._pace

    @property
    def _is_overloaded(self) -> bool:
        return self._demand > self._pace

    @property
    def _speed(self) -> float:
        """Virtual seconds per real second, while there is no overload."""
        if self._demand >= self._idle_pace:
            return 1.0
        return min(FASTEST, self._idle_pace / self._demand) if self._demand > 0 else 1.0

    def use_idle(self, idle_share: float, limit: int, window: float, now: float) -> None:
        """Set the part of the limit up to which intervals shrink; 0 for none."""
        self._advance(now)
        self._idle_pace = min(self._pace, idle_share * limit / window)

    def join(self, watcher: Watcher, waker: Waker, wanted: float, now: float, at: float = math.inf) -> None:
        """Let the watcher wait for its next turn: ``wanted`` seconds from now, and in any case soon after ``at``."""
        self._advance(now)
        watcher.waker = waker
        self._tickets += 1
        watcher.ticket = self._tickets
        self._count += 1
        watcher.wanted = wanted or _FIRST_LOOK
        self._demand += 1 / watcher.wanted
        if wanted == 0:
            # Under overload newcomers wait for a part of a round: else a crowd of them would come before all others.
            spread = watcher.wanted * (self._tickets * _GOLDEN % 1.0) if self._is_overloaded else 0.0
            watcher.tag = self._virtual + spread
        else:
            # From the last turn on, and not from now, so that gaps stay regular; but no turn is made up for.
            since = self._virtual if watcher.tag == -math.inf else min(watcher.tag, self._virtual)
            watcher.tag = max(since + wanted, self._virtual)
        heapq.heappush(self._due, (watcher.tag, watcher.ticket, watcher))
        if at != watcher.at or (at < math.inf and not watcher.booking):
            watcher.at = at
            watcher.booking = 0
            if at < math.inf:
                watcher.booking = self._tickets
                heapq.heappush(self._appointments, (at, watcher.booking, watcher))

    def leave(self, watcher: Watcher, now: float) -> None:
        """End the waiting of a watcher, because its turn came or because it gave up."""
        if not watcher.is_waiting:
            return
        self._advance(now)
        watcher.waker = None
        self._count -= 1
        # Rounding must not leave a demand behind when no watcher waits.
        self._demand = max(0.0, self._demand - 1 / watcher.wanted) if self._count else 0.0
        self._sentry = head = self.head(now)
        if head is not None and head.waker is not None:
            head.waker.wake()

    def turn(self, watcher: Watcher, now: float) -> float | None:
        """Return the seconds until it is the watcher's turn (0: now), or ``None`` when another one comes first."""
        head = self.head(now)
        if head is not watcher:
            if head is not None and head.waker is not None and self._sentry in (None, watcher):
                # The watcher that kept track of the time is not first any more: the first one takes over.
                self._sentry = head
                head.waker.wake()
            return None
        # Under overload turns are bound by slots alone.
        wished = 0.0 if self._is_overloaded else min(watcher.at - now, (watcher.tag - self._virtual) / self._speed)
        wait = max(wished, self._slot - self._slack - now)
        if wait > _ROUNDING:
            self._sentry = watcher
            return wait
        self._slot = max(self._slot, now) + 1 / self._pace
        if watcher.at > now:
            # An appointment that is kept out of order never moves the clock.
            self._virtual = max(self._virtual, watcher.tag)
        else:
            watcher.tag = self._virtual
        return 0.0

    def squeeze_in(self, now: float) -> bool:
        """Count one poll out of turn, if it fits into the share now; return whether it does."""
        if self._slot - self._slack - now > _ROUNDING:
            return False
        self._slot = max(self._slot, now) + 1 / self._pace
        return True

    def overload(self, now: float) -> float | None:
        """Return the mean seconds between two polls of one watcher, once a minute while that is rarer than useful."""
        gap = self._count / self._pace
        if not self._is_overloaded or gap <= USEFUL or now - self._reported < 60.0:
            return None
        self._reported = now
        return gap

    def head(self, now: float) -> Watcher | None:
        """Return the watcher whose turn is next: an appointment that has come, else the first tag or appointment."""
        self._advance(now)
        first = self._first_due()
        booked = self._first_appointment()
        if first is None or booked is None:
            return first
        sooner = not self._is_overloaded and booked.at - now < (first.tag - self._virtual) / self._speed
        if booked.at <= now or sooner:
            return booked
        return first

    def _advance(self, now: float) -> None:
        """Move the virtual clock on: with time, or under overload with every turn (see ``turn``)."""
        if now > self._last:
            if self._last > -math.inf and not self._is_overloaded:
                self._virtual += (now - self._last) * self._speed
            self._last = now

    def _first_due(self) -> Watcher | None:
        while self._due:
            _, ticket, watcher = self._due[0]
            if watcher.is_waiting and watcher.ticket == ticket:
                return watcher
            heapq.heappop(self._due)
        return None

    def _first_appointment(self) -> Watcher | None:
        while self._appointments:
            _, booking, watcher = self._appointments[0]
            if watcher.booking == booking:
                if watcher.is_waiting:
                    return watcher
                # It is being polled; the appointment is made again when it comes back.
                watcher.booking = 0
            heapq.heappop(self._appointments)
        return None
