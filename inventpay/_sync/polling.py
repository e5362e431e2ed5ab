# Generated from inventpay/_async/polling.py by tools/generate_sync.py. Do not edit.
"""Polling in the background of direct calls: a watcher waits for its turn, sends one read, and looks for news."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Iterator, Hashable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Final, Generic, Self, TypeVar

from attrs import evolve

from .._api.call import Call
from .._concurrency.forking import Lock, register_fork_handler
from .._transport.settings import TransportSettings
from .._watching.schedule import AFTER_FAILURE, EVENTS_KEPT, FED_PATIENCE, OUTAGE, Schedule, Watcher
from .._watching.subjects import Subject
from ..errors import APIConnectionError, InventPayError, RateLimitedError, RateLimitTimeoutError, ServerError
from ..options import CallOptions, RateClass
from .transport import Transport

if TYPE_CHECKING:
    from .._concurrency.threads import Backend
    from ..webhooks.events import WebhookEvent

T = TypeVar("T")

_TRANSIENT: Final = (APIConnectionError, RateLimitedError, ServerError)

_FEW: Final = 64
"""So many watched payments are not worth sweeping."""


class DeadlinePassed(Exception):
    """The time of a watcher is over."""


class Polling:
    """All watchers of one client: a schedule for each endpoint class."""

    def __init__(self, settings: TransportSettings, transport: Transport, backend: Backend) -> None:
        self._settings = settings
        self._transport = transport
        self._backend = backend
        self._lock = threading.Lock()
        self._schedules: dict[tuple[Hashable, RateClass], Schedule] = {}
        # Ten thousand may be watched: a tuple of references is a tenth of a WeakSet.
        self._watched: dict[str, tuple[weakref.ref[Watcher], ...]] = {}
        self._sweep_at = _FEW
        register_fork_handler(self)

    @property
    def backend(self) -> Backend:
        """The clock of deadlines."""
        return self._backend

    def enlist(self, payment_id: str, watcher: Watcher) -> None:
        """Lets ``feed`` find the watcher, for as long as it lives."""
        with self._lock:
            self._watched[payment_id] = (*_living(self._watched.get(payment_id, ())), weakref.ref(watcher))
            if len(self._watched) > self._sweep_at:
                # Payments nobody watches any more.
                self._watched = {name: living for name, some in self._watched.items() if (living := _living(some))}
                self._sweep_at = max(_FEW, 2 * len(self._watched))

    def feed(self, payment_id: str, event: WebhookEvent) -> int:
        """Hands an event to all who watch its payment, wherever they run; how many these are."""
        with self._lock:
            watchers = [watcher for one in self._watched.get(payment_id, ()) if (watcher := one()) is not None]
            for watcher in watchers:
                watcher.events = (*watcher.events, event)[-EVENTS_KEPT:]
                if watcher.waker is not None:
                    watcher.waker.wake()
        return len(watchers)

    def take_events(self, watcher: Watcher) -> Sequence[WebhookEvent]:
        """What the watcher was fed since the last time."""
        with self._lock:
            events, watcher.events = watcher.events, ()
        return events

    def turn(self, call: Call[T], watcher: Watcher, wanted: float, at: float, deadline: float | None) -> bool:
        """Returns when it is the watcher's turn, or when it was fed; raises DeadlinePassed when that would be too late.

        ``False`` where it was fed and there is no room for a poll out of turn.
        """
        rate_class = self._settings.rate_class(call.endpoint)
        schedule = self._schedule((self._backend.queue(), rate_class))
        waiter = self._backend.waiter()
        with self._lock:
            schedule.join(watcher, waiter, wanted, self._backend.now(), at)
        try:
            while True:
                now = self._backend.now()
                with self._lock:
                    if watcher.events:
                        return schedule.squeeze_in(now)
                    wait = schedule.turn(watcher, now)
                    gap = schedule.overload(now)
                    watchers = schedule.waiting
                if gap is not None:
                    from ..hooks import PollingStretched, emit

                    emit(
                        self._settings.hooks,
                        PollingStretched(rate_class=rate_class, watchers=watchers, seconds=gap),
                    )
                if wait == 0:
                    return True
                if deadline is not None:
                    if deadline <= now:
                        raise DeadlinePassed
                    wait = deadline - now if wait is None else min(wait, deadline - now)
                waiter.wait(wait)
        finally:
            with self._lock:
                schedule.leave(watcher, self._backend.now())

    def poll(self, call: Call[T], options: CallOptions, deadline: float | None) -> T:
        """Sends the read behind all direct calls; raises DeadlinePassed when no token comes in time."""
        if deadline is None:
            return self._transport.send(call, evolve(options, max_wait=None), background=True)
        left = max(0.0, deadline - self._backend.now())
        timeout = left if options.timeout is None else min(left, options.timeout)
        try:
            return self._transport.send(call, evolve(options, max_wait=left, timeout=timeout), background=True)
        except RateLimitTimeoutError:
            raise DeadlinePassed from None

    def _schedule(self, place: tuple[Hashable, RateClass]) -> Schedule:
        with self._lock:
            schedule = self._schedules.get(place)
            if schedule is None:
                # Schedules of event loops that ended would hold these for ever.
                self._schedules = {name: other for name, other in self._schedules.items() if not other.is_idle}
                limits = self._settings.rate_limits
                schedule = self._schedules[place] = Schedule(limits.limit(place[1]), limits.window)
            return schedule

    def fork_lock(self) -> Lock:
        """What a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """In a forked child: the parent's watchers poll over there."""
        self._lock = threading.Lock()
        self._schedules.clear()
        for some in self._watched.values():
            for one in some:
                watcher = one()
                if watcher is not None:
                    watcher.waker = None


def _living(some: Sequence[weakref.ref[Watcher]]) -> tuple[weakref.ref[Watcher], ...]:
    return tuple(one for one in some if one() is not None)


class Watch(Iterator[T], Generic[T]):
    """Every change of something, as it happens. Ends when nothing can follow; may be dropped at any time."""

    def __init__(
        self,
        polling: Polling,
        call: Call[T],
        options: CallOptions,
        subject: Subject[T],
        *,
        deadline: float | None = None,
    ) -> None:
        self._polling = polling
        self._call = call
        self._options = options
        self._subject = subject
        self._deadline = deadline
        self.watcher: Final = Watcher()
        """Its place in the schedule."""
        self._began: float | None = None
        self._failing_since: float | None = None
        self._booked: tuple[datetime | None, float] = (None, math.inf)
        self.last: T | None = None
        """The latest news."""

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> T:
        """The next change. Raises DeadlinePassed, and errors that waiting would not mend."""
        while self.last is None or not self._subject.is_over(self.last):
            may_look = self._wait()
            events = self._polling.take_events(self.watcher)
            claimed = self._subject.merge_events(self.last, events)
            is_claim = claimed is not None and self._is_update(claimed)
            seen = self._look(FED_PATIENCE if is_claim else None) if may_look else None
            # The API's answer knows more, the events may know it sooner.
            new = claimed if seen is None else self._subject.merge_events(seen, events)
            if new is not None and self._is_update(new):
                self.last = new
                return new
        raise StopIteration

    def _is_update(self, new: T) -> bool:
        return self.last is None or self._subject.is_update(self.last, new)

    def _look(self, patience: float | None) -> T | None:
        """The API's answer; ``None`` where it gave none. Whoever is impatient knows enough already."""
        deadline = self._deadline
        if patience is not None:
            soon = self._polling.backend.now() + patience
            deadline = soon if deadline is None else min(soon, deadline)
        try:
            seen = self._polling.poll(self._call, self._options, deadline)
        except _TRANSIENT as error:
            if patience is None:
                self._endure(error)
            return None
        except DeadlinePassed:
            if patience is None:
                raise
            return None
        self._failing_since = None
        return seen

    def _wait(self) -> bool:
        now = self._polling.backend.now()
        if self._began is None:
            self._began = now
        wall = self._polling.backend.wall()
        wanted = self._subject.wanted(self.last, wall, now - self._began)
        if self._failing_since is not None:
            wanted = max(wanted, AFTER_FAILURE)
        appointment = self._subject.appointment(self.last)
        if appointment != self._booked[0]:
            at = math.inf if appointment is None else now + (appointment - wall).total_seconds()
            self._booked = (appointment, at)
        # An appointment that is over was kept by the poll before this one.
        at = self._booked[1] if self._booked[1] > now else math.inf
        return self._polling.turn(self._call, self.watcher, wanted, at, self._deadline)

    def _endure(self, error: InventPayError) -> None:
        """Goes on through a short outage, which the hooks were told of, and reports a long one."""
        now = self._polling.backend.now()
        if self._failing_since is None:
            self._failing_since = now
        if now - self._failing_since >= OUTAGE:
            raise error
