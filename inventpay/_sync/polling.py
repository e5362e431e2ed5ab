# Generated from inventpay/_async/polling.py by tools/generate_sync.py. Do not edit.
"""Poll watched things in the background of direct calls: an iterator waits for its turn, sends a read, and compares."""

from __future__ import annotations

import math
import threading
import weakref
from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING, Any, Final, Literal, TypeVar

from attrs import evolve

from .._api.call import Call
from .._api.endpoints import PAYMENT_STATUS
from .._concurrency.forking import Lock, notice_fork, register_fork_handler
from .._limits.capabilities import capabilities_of
from .._transport.settings import TransportSettings
from .._watching.payers import Payers
from .._watching.schedule import (
    EVENTS_KEPT,
    FED_LATELY,
    IDLE_SHARE,
    SHARE,
    Schedule,
)
from .._watching.subjects import PaymentSubject, Watched
from ..errors import (
    InventPayError,
    RateLimitTimeoutError,
)
from ..options import CallOptions, RateClass
from .transport import Transport

if TYPE_CHECKING:
    from .._concurrency.threads import Backend
    from .._limits.limiter import Limiter
    from ..webhooks.events import WebhookEvent
    from .watch import Watch

T = TypeVar("T")

_SWEEP_FROM: Final = 64
"""Number of watched payments from which on those that ended are removed."""

_LIMITS_READ_EVERY: Final = 5.0
"""Seconds between two reads of the rate limit, which may show another user of the key."""

_CAUTION: Final = 600.0
"""Seconds without using idle budget after a sign of another user of the key: a 429, or a header that names a lower
limit."""

Turn = Literal["poll", "answered", "fed"]
"""The end of a turn: time to poll, another iterator's poll was answered, or an event arrived and no poll fits."""


class DeadlinePassed(Exception):
    """The time of an iterator is over."""


class Polling:
    """All watchers of one client: a schedule for each endpoint class, and the state that iterators share."""

    def __init__(
        self,
        settings: TransportSettings,
        transport: Transport,
        limiter: Limiter,
        backend: Backend,
        *,
        share: bool = True,
    ) -> None:
        self._settings = settings
        self._share = share
        self._transport = transport
        self._limiter = limiter
        self._is_shared = capabilities_of(limiter).is_shared
        self._backend = backend
        self._lock = threading.Lock()
        self._schedules: dict[tuple[Hashable, RateClass], Schedule] = {}
        # All iterators, by the path of their call. Ten thousand may be watched: a tuple of references is a tenth of a
        # WeakSet.
        self._iterators: dict[str, tuple[weakref.ref[Watch[Any]], ...]] = {}
        self._sweep_at = _SWEEP_FROM
        self._read_limits_at = -math.inf
        self._careful_until = -math.inf
        self._fed_at = -math.inf
        self._payers = Payers(settings.watch)
        self.payment: Final = PaymentSubject(self._payers)
        """The watching of payments."""
        register_fork_handler(self)

    @property
    def backend(self) -> Backend:
        """The clock of deadlines."""
        return self._backend

    def enlist(self, iterator: Watch[Any]) -> None:
        """Let ``feed`` and other iterators of the same thing find this one, for as long as it lives."""
        notice_fork()
        path = iterator.call.path
        with self._lock:
            known = _living(self._iterators.get(path, ()))
            self._iterators[path] = (*known, weakref.ref(iterator))
            if len(self._iterators) > self._sweep_at:
                # Subjects that are not watched any more.
                self._iterators = {path: living for path, some in self._iterators.items() if (living := _living(some))}
                self._sweep_at = max(_SWEEP_FROM, 2 * len(self._iterators))

    def stretch(self) -> dict[RateClass, float]:
        """Return by class the factor by which intervals are longer than wished: the greatest of all event loops."""
        notice_fork()
        with self._lock:
            found: dict[RateClass, float] = {}
            for (_, rate_class), schedule in self._schedules.items():
                found[rate_class] = max(schedule.stretch, found.get(rate_class, 0.0))
            return found

    def feed(self, payment_id: str, event: WebhookEvent) -> int:
        """Give an event to all iterators of its payment, wherever they run; return their number."""
        notice_fork()
        self._fed_at = self._backend.now()
        with self._lock:
            some = self._watching(PAYMENT_STATUS.path(paymentId=payment_id))
            for iterator in some:
                iterator.events = (*iterator.events, event)[-EVENTS_KEPT:]
                if iterator.waker is not None:
                    iterator.waker.wake()
        return len(some)

    def is_fed(self) -> bool:
        """Return whether webhook events arrived lately, for whatever payment."""
        return self._backend.now() - self._fed_at < FED_LATELY

    def take_events(self, iterator: Watch[Any]) -> Sequence[WebhookEvent]:
        """Return the events that the iterator was fed since the last time."""
        with self._lock:
            events, iterator.events = iterator.events, ()
        return events

    def share(self, iterator: Watch[T]) -> Watched[T]:
        """Return what the iterator shares with others that watch the same, with equal options, in the same place."""
        place = self._backend.queue()
        with self._lock:
            for other in self._watching(iterator.call.path) if self._share else ():
                shared = other.shared
                if shared is not None and shared.place == place and other.is_like(iterator):
                    return shared
            return Watched(place)

    def _watching(self, path: str) -> list[Watch[Any]]:
        return [iterator for one in self._iterators.get(path, ()) if (iterator := one()) is not None]

    def turn(self, iterator: Watch[T], wanted: float, at: float) -> Turn:
        """Return when it is the iterator's turn to poll, when another one's poll was answered, or when it was fed.

        Raises DeadlinePassed when that would be too late. After "poll" the iterator drives what it watches, until it
        calls ``publish`` or ``release``.
        """
        notice_fork()
        watched, deadline = iterator.watched, iterator.deadline
        rate_class = self._settings.rate_class(iterator.call.endpoint)
        schedule = self._schedule((self._backend.queue(), rate_class))
        waiter = self._backend.waiter()
        result: Turn | None = None
        with self._lock:
            iterator.waker = waiter
            watched.waiters = (*watched.waiters, waiter)
        try:
            while True:
                now = self._backend.now()
                with self._lock:
                    self._adjust_idle_share(schedule, rate_class, now)
                    is_driven = watched.driver is not None and watched.driver is not iterator
                    # A newcomer takes the latest answer only where it is as recent as polls make it.
                    if watched.number != iterator.number and (iterator.number or is_driven):
                        result = "answered"
                        return result
                    if watched.driver is None:
                        watched.driver = iterator
                        schedule.join(watched, waiter, wanted, now, at)
                    wait = schedule.turn(watched, now) if watched.driver is iterator else None
                    if iterator.events:
                        result = "poll" if schedule.squeeze_in(now) else "fed"
                        return result
                    gap = schedule.overload(now)
                    watchers = schedule.waiting
                if gap is not None:
                    self._report_stretch(rate_class, watchers, gap)
                if wait == 0:
                    result = "poll"
                    return result
                if deadline is not None:
                    if deadline <= now:
                        raise DeadlinePassed
                    wait = deadline - now if wait is None else min(wait, deadline - now)
                waiter.wait(wait)
        finally:
            with self._lock:
                iterator.waker = None
                watched.waiters = tuple(other for other in watched.waiters if other is not waiter)
                if watched.driver is iterator:
                    schedule.leave(watched, self._backend.now())
                    if result != "poll":
                        self._end_driving(watched)

    def _report_stretch(self, rate_class: RateClass, watchers: int, gap: float) -> None:
        from ..hooks import PollingStretched, emit

        emit(self._settings.hooks, PollingStretched(rate_class=rate_class, watchers=watchers, seconds=gap))

    def publish(self, iterator: Watch[T], answer: T) -> None:
        """Give the answer of a poll to all iterators that share it."""
        watched = iterator.watched
        with self._lock:
            watched.number += 1
            iterator.number = watched.number
            watched.answer, watched.failure = answer, None
            if watched.funded_at is None and iterator.subject.is_funded(answer):
                watched.funded_at = self._backend.now()
                if iterator.last is not None:
                    # Without an earlier look the age at which it was paid is not known.
                    iterator.subject.learn(answer, self._backend.wall())
            if watched.driver is iterator:
                watched.driver = None
            for waiter in watched.waiters:
                waiter.wake()

    def release(self, iterator: Watch[T], failure: InventPayError | None = None) -> None:
        """End the driving of an iterator whose poll failed, or was cancelled: another one takes over."""
        watched = iterator.watched
        with self._lock:
            if failure is not None:
                watched.failure = failure
            if watched.driver is iterator:
                self._end_driving(watched)

    def poll(self, call: Call[T], options: CallOptions, deadline: float | None) -> T:
        """Send the read behind all direct calls; raises DeadlinePassed when no token comes in time."""
        if deadline is None:
            if options.max_wait is not None:
                options = evolve(options, max_wait=None)
            return self._transport.send(call, options, background=True)
        left = max(0.0, deadline - self._backend.now())
        timeout = left if options.timeout is None else min(left, options.timeout)
        try:
            return self._transport.send(call, evolve(options, max_wait=left, timeout=timeout), background=True)
        except RateLimitTimeoutError:
            raise DeadlinePassed from None

    @staticmethod
    def _end_driving(watched: Watched[Any]) -> None:
        watched.driver = None
        for waiter in watched.waiters:
            waiter.wake()
            break

    def _adjust_idle_share(self, schedule: Schedule, rate_class: RateClass, now: float) -> None:
        """Let polling use idle budget only if no other client uses the key.

        Idle budget is half of the limit, or the whole share where all processes share one limit.
        """
        if now < self._read_limits_at:
            return
        self._read_limits_at = now + _LIMITS_READ_EVERY
        configured = self._settings.rate_limits.limit(rate_class)
        effective = self._limiter.snapshot(now)[rate_class].effective_limit
        if effective is not None and effective < configured:
            self._careful_until = now + _CAUTION
        share = 0.0 if now < self._careful_until or self.is_fed() else self._idle_share(rate_class)
        schedule.use_idle(share, configured, self._settings.rate_limits.window, now)

    def _idle_share(self, rate_class: RateClass) -> float:
        # Balances are polled at the interval that was asked for, and no faster.
        if rate_class is not self._settings.rate_class(PAYMENT_STATUS):
            return 0.0
        return SHARE if self._is_shared else IDLE_SHARE

    def _schedule(self, place: tuple[Hashable, RateClass]) -> Schedule:
        with self._lock:
            schedule = self._schedules.get(place)
            if schedule is None:
                # Schedules of event loops that ended would hold these for ever.
                self._schedules = {name: other for name, other in self._schedules.items() if not other.is_idle}
                limits = self._settings.rate_limits
                schedule = self._schedules[place] = Schedule(
                    limits.limit(place[1]), limits.window, idle_share=self._idle_share(place[1])
                )
            return schedule

    def fork_lock(self) -> Lock:
        """Return the lock that a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Reset the state in a forked child: the parent's iterators poll in the parent."""
        self._lock = threading.Lock()
        self._schedules.clear()
        for path in self._iterators:
            for iterator in self._watching(path):
                if iterator.shared is not None:
                    iterator.shared.driver = None
                    iterator.shared.waiters = ()
                    iterator.shared.waker = None


def _living(some: Sequence[weakref.ref[Watch[Any]]]) -> tuple[weakref.ref[Watch[Any]], ...]:
    return tuple(one for one in some if one() is not None)
