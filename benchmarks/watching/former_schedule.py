"""The schedule of watchers before the square-root law, kept to compare with: see detection_delay.py."""

from __future__ import annotations

import heapq
import math
from datetime import datetime
from typing import Any, Final

from inventpay import PaymentState, PaymentStatus

SHARE: Final = 0.8
_BURST: Final = 0.05
USEFUL: Final = 300.0
_GOLDEN: Final = (5**0.5 - 1) / 2
_ROUNDING: Final = 1e-4
FRESH_POLL_INTERVAL: Final = (120.0, 3.0)
CLOSING_POLL_INTERVAL: Final = (120.0, 5.0)
SEEN_POLL_INTERVAL: Final = 5.0
CALM_POLL_INTERVAL: Final = (10.0, 30.0)
OVERDUE_POLL_INTERVAL: Final = (5.0, 60.0)


def former_interval(status: PaymentStatus | None, *, now: datetime, watched: float) -> float:
    """Seconds until the next poll of a payment would be welcome. ``watched``: seconds since watching began."""
    if status is None:
        return 0.0
    age = watched if status.created_at is None else max(watched, (now - status.created_at).total_seconds())
    left = math.inf if status.expires_at is None else (status.expires_at - now).total_seconds()
    if status.current_balance > 0 or status.status in (PaymentState.PROCESSING, PaymentState.CONFIRMING):
        return SEEN_POLL_INTERVAL
    if left <= 0:
        return _within(OVERDUE_POLL_INTERVAL, -left / 10)
    if age < FRESH_POLL_INTERVAL[0]:
        return FRESH_POLL_INTERVAL[1]
    if left < CLOSING_POLL_INTERVAL[0]:
        return CLOSING_POLL_INTERVAL[1]
    return _within(CALM_POLL_INTERVAL, age / 10)


def _within(bounds: tuple[float, float], value: float) -> float:
    return min(max(bounds[0], value), bounds[1])


class FormerWatcher:
    """One watched thing. Lives as long as it is watched; takes part in the schedule only while it waits."""

    __slots__ = ("__weakref__", "at", "booking", "events", "tag", "ticket", "waker", "wanted")

    def __init__(self) -> None:
        self.waker: Any = None
        self.wanted: float = 0.0
        # Where it stands on the virtual clock, and the appointment it has in real time.
        self.tag: float = 0.0
        self.at: float = math.inf
        # Numbers of the heap entries that stand for it; older ones are void.
        self.ticket: int = 0
        self.booking: int = 0
        # The events that it got and has not read.
        self.events: tuple[Any, ...] = ()

    @property
    def is_waiting(self) -> bool:
        """Whether it takes part."""
        return self.waker is not None


class FormerSchedule:
    """Whose turn it is. Callers hold a lock round every call."""

    __slots__ = (
        "_appointments",
        "_count",
        "_demand",
        "_due",
        "_last",
        "_pace",
        "_sentry",
        "_slack",
        "_slot",
        "_tickets",
        "_virtual",
        "_warned_at",
    )

    def __init__(self, limit: int, window: float) -> None:
        # Polls a second, and how far they may bunch up: together never more than SHARE of the limit in any window.
        self._pace = max(1.0, (SHARE - _BURST) * limit) / window
        self._slack = max(0.0, _BURST * limit - 1.0) / self._pace
        self._slot = -math.inf
        self._virtual = 0.0
        self._last = -math.inf
        self._demand = 0.0
        self._count = 0
        self._tickets = 0
        self._due: list[tuple[float, int, FormerWatcher]] = []
        self._appointments: list[tuple[float, int, FormerWatcher]] = []
        self._warned_at = -math.inf
        # Only one watcher sleeps for a time; the others sleep until woken.
        self._sentry: FormerWatcher | None = None

    def __repr__(self) -> str:
        return f"<Schedule of {self._count} watchers, intervals stretched {self.stretch:.1f} times>"

    @property
    def waiting(self) -> int:
        """Watchers that wait for their turn."""
        return self._count

    @property
    def is_idle(self) -> bool:
        """Whether no watcher waits for a turn."""
        return self._count == 0

    @property
    def stretch(self) -> float:
        """The factor by which all intervals are longer than wanted; 1.0 if all watchers get what they want."""
        return max(1.0, self._demand / self._pace)

    @property
    def _is_overloaded(self) -> bool:
        return self._demand > self._pace

    def join(self, watcher: FormerWatcher, waker: Any, wanted: float, now: float, at: float = math.inf) -> None:
        """The watcher waits for its next turn: ``wanted`` seconds from now, and in any case soon after ``at``."""
        self._advance(now)
        watcher.waker = waker
        self._tickets += 1
        watcher.ticket = self._tickets
        self._count += 1
        # A first look counts like one at a fresh payment: thousands of newcomers must not starve the others.
        before, watcher.wanted = watcher.wanted, wanted or FRESH_POLL_INTERVAL[1]
        self._demand += 1 / watcher.wanted
        if self._is_overloaded and (wanted == 0 or watcher.wanted != before):
            # Those who change their interval together would stay in step, and make each other wait.
            wanted = watcher.wanted * (self._tickets * _GOLDEN % 1.0)
        watcher.tag = self._virtual + wanted
        heapq.heappush(self._due, (watcher.tag, watcher.ticket, watcher))
        if at != watcher.at or (at < math.inf and not watcher.booking):
            watcher.at = at
            watcher.booking = 0
            if at < math.inf:
                watcher.booking = self._tickets
                heapq.heappush(self._appointments, (at, watcher.booking, watcher))

    def leave(self, watcher: FormerWatcher, now: float) -> None:
        """The watcher waits no longer, because its turn came or because it gave up."""
        if not watcher.is_waiting:
            return
        self._advance(now)
        watcher.waker = None
        self._count -= 1
        # Rounding must not leave a demand without waiting watchers.
        self._demand = max(0.0, self._demand - 1 / watcher.wanted) if self._count else 0.0
        self._sentry = head = self.head(now)
        if head is not None and head.waker is not None:
            head.waker.wake()

    def turn(self, watcher: FormerWatcher, now: float) -> float | None:
        """Return the seconds until the watcher's turn (0: now), or ``None`` if another one comes first."""
        self._advance(now)
        head = self.head(now)
        if head is not watcher:
            if head is not None and head.waker is not None and self._sentry in (None, watcher):
                # The former sentry is not first any more, so the new head takes over the watch.
                self._sentry = head
                head.waker.wake()
            return None
        # Under overload watchers wait for a slot, not for a time.
        wished = 0.0 if self._is_overloaded else min(watcher.at - now, watcher.tag - self._virtual)
        wait = max(wished, self._slot - self._slack - now)
        if wait > _ROUNDING:
            self._sentry = watcher
            return wait
        self._slot = max(self._slot, now) + 1 / self._pace
        if watcher.at > now:
            self._virtual = max(self._virtual, watcher.tag)
        return 0.0

    def squeeze_in(self, now: float) -> bool:
        """Whether one poll out of turn fits into the share now; if so, it is counted."""
        if self._slot - self._slack - now > _ROUNDING:
            return False
        self._slot = max(self._slot, now) + 1 / self._pace
        return True

    def overload(self, now: float) -> float | None:
        """Mean seconds between two polls of one watcher, once a minute while that is rarer than useful."""
        gap = self._count / self._pace
        if self.stretch == 1.0 or gap <= USEFUL or now - self._warned_at < 60.0:
            return None
        self._warned_at = now
        return gap

    def _advance(self, now: float) -> None:
        """Moves the virtual clock on: with time, or under overload with every poll (see ``turn``)."""
        if now > self._last:
            if self._last > -math.inf and not self._is_overloaded:
                self._virtual += now - self._last
            self._last = now

    def head(self, now: float) -> FormerWatcher | None:
        """Return the next watcher: a due appointment, else the first tag, unless an appointment is sooner."""
        first = self._first_due()
        booked = self._first_appointment()
        if first is None or booked is None:
            return first
        sooner = not self._is_overloaded and booked.at - now < first.tag - self._virtual
        if booked.at <= now or sooner:
            return booked
        return first

    def _first_due(self) -> FormerWatcher | None:
        while self._due:
            _, ticket, watcher = self._due[0]
            if watcher.is_waiting and watcher.ticket == ticket:
                return watcher
            heapq.heappop(self._due)
        return None

    def _first_appointment(self) -> FormerWatcher | None:
        while self._appointments:
            _, booking, watcher = self._appointments[0]
            if watcher.booking == booking:
                if watcher.is_waiting:
                    return watcher
                # It is being polled; its appointment is made again after that.
                watcher.booking = 0
            heapq.heappop(self._appointments)
        return None
