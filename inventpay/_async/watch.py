# The source of inventpay/_sync/watch.py; after a change run: python tools/generate_sync.py
"""The iterator over the changes of what is watched: what ``watch`` returns, and ``wait`` reads to its end."""

from __future__ import annotations

import math
from collections.abc import AsyncIterator
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, Generic, Self, TypeVar

from .._api.call import Call
from .._core.annotations import readable
from .._watching.schedule import AFTER_FAILURE, FED_PATIENCE, FED_STRETCH, OUTAGE
from .._watching.subjects import Subject, Watched
from ..errors import (
    ConfigurationError,
    InvalidArgumentError,
    InventPayError,
    NotFoundError,
    RateLimitedError,
    UnknownStateError,
)
from ..options import CallOptions
from .polling import AsyncPolling, DeadlinePassed

if TYPE_CHECKING:
    from .._concurrency.wait_queue import Waker
    from ..webhooks.events import WebhookEvent

T = TypeVar("T")

NOT_FOUND_PATIENCE: Final = 30.0
"""Seconds for which the API may not know a payment, as right after its creation, before watching it ends."""

_FINAL_ERRORS: Final = (ConfigurationError, InvalidArgumentError)
"""Errors that polling again cannot fix."""


@readable
class AsyncWatch(AsyncIterator[T], Generic[T]):
    """Every change of something, as it happens. Ends when nothing can follow; may be dropped at any time."""

    __slots__ = (
        "__weakref__",
        "_began",
        "_booked",
        "_failing_since",
        "_good_at",
        "_options",
        "_polling",
        "call",
        "deadline",
        "events",
        "last",
        "number",
        "shared",
        "subject",
        "waker",
    )

    def __init__(
        self,
        polling: AsyncPolling,
        call: Call[T],
        options: CallOptions,
        subject: Subject[T],
        *,
        known: T | None = None,
        deadline: float | None = None,
    ) -> None:
        self._polling = polling
        self.call: Call[T] = call
        self._options = options
        self.subject: Subject[T] = subject
        self.deadline = deadline
        self.shared: Watched[T] | None = None
        self._began: float | None = None
        self._good_at: float | None = None
        self._failing_since: float | None = None
        self._booked: tuple[datetime | None, float] | None = None
        # The state of its turn, which polling keeps.
        self.events: tuple[WebhookEvent, ...] = ()
        self.waker: Waker | None = None
        self.number: int = 0
        self.last: T | None = known
        """The latest update, or what was known before."""
        polling.enlist(self)

    def __aiter__(self) -> Self:
        return self

    @property
    def watched(self) -> Watched[T]:
        """The state that it shares with all iterators of the same subject."""
        if self.shared is None:
            self.shared = self._polling.share(self)
        return self.shared

    def is_like(self, other: AsyncWatch[Any]) -> bool:
        """Return whether both may share polls."""
        return self._options == other._options and self.subject.pace == other.subject.pace

    @property
    def failure(self) -> InventPayError | None:
        """The latest failure of a poll, ``None`` where the latest one was answered."""
        return self.watched.failure

    async def __anext__(self) -> T:
        """Return the next update. Raises DeadlinePassed, and errors that waiting would not cure."""
        while self.last is None or not self.subject.is_over(self.last):
            turn = await self._polling.turn(self, *self._plan())
            events = self._polling.take_events(self)
            claimed = self.subject.merge_events(self.last, events)
            is_claim = claimed is not None and self._is_update(claimed)
            seen = None
            if turn == "answered":
                self.number, seen = self.watched.number, self.watched.answer
            elif turn == "poll":
                seen = await self._poll(FED_PATIENCE if is_claim else None)
            # The API's answer says more; events may be sooner.
            new = claimed if seen is None else self.subject.merge_events(seen, events)
            is_update = new is not None and self._is_update(new)
            if new is not None and self.subject.is_in_unknown_state(new, self._polling.backend.wall()):
                raise self._unknown_state(new)
            if new is not None and is_update:
                self.last = new
                return new
        raise StopAsyncIteration

    async def look(self) -> T:
        """Return how it stands, by one poll of its own at the next turn. Raises the errors of every call."""
        # Others that watch it may have seen it half an hour ago.
        self.shared = Watched(self._polling.backend.queue())
        while await self._polling.turn(self, 0.0, math.inf) != "poll":
            self._polling.take_events(self)
        failure: InventPayError | None = None
        try:
            seen = await self._polling.poll(self.call, self._options, None)
            self._polling.publish(self, seen)
            return seen
        except InventPayError as error:
            failure = error
            raise
        finally:
            self._polling.release(self, failure)

    def _is_update(self, new: T) -> bool:
        return self.last is None or self.subject.is_update(self.last, new)

    async def _poll(self, patience: float | None) -> T | None:
        """Return the API's answer; ``None`` where there was none, or none within ``patience`` seconds."""
        deadline = self.deadline
        if patience is not None:
            soon = self._polling.backend.now() + patience
            deadline = soon if deadline is None else min(soon, deadline)
        failure: InventPayError | None = None
        try:
            seen = await self._polling.poll(self.call, self._options, deadline)
        except InventPayError as error:
            failure = error
            if patience is None:
                self._raise_if_final(error)
            return None
        except DeadlinePassed:
            if patience is None:
                raise
            return None
        else:
            self._failing_since = None
            self._good_at = self._polling.backend.now()
            self._polling.publish(self, seen)
            return seen
        finally:
            self._polling.release(self, failure)

    def _plan(self) -> tuple[float, float]:
        """Return the seconds until the next poll is wished for, and the time of an appointment."""
        now = self._polling.backend.now()
        if self._began is None:
            self._began = now
        wall = self._polling.backend.wall()
        funded_at = self.watched.funded_at
        wanted = self.subject.wanted(self.last, wall, now - self._began, None if funded_at is None else now - funded_at)
        if self.subject.pace == 0 and self._polling.is_fed():
            wanted *= FED_STRETCH
        if self._failing_since is not None:
            wanted = max(wanted, AFTER_FAILURE)
        appointment = self.subject.appointment(self.last)
        if appointment is None:
            self._booked = None
        elif self._booked is None or appointment != self._booked[0]:
            self._booked = (appointment, now + (appointment - wall).total_seconds())
        # An appointment that is over was kept by the poll before this one.
        at = self._booked[1] if self._booked is not None and self._booked[1] > now else math.inf
        return wanted, at

    def _raise_if_final(self, error: InventPayError) -> None:
        """Raise the error of a poll where the API refused, or where an outage without a deadline lasts long.

        Everything but a refusal of the API counts as an outage: pages of proxies, cut bodies, lost connections.
        """
        now = self._polling.backend.now()
        if isinstance(error, NotFoundError) and error.outcome == "refused":
            # Right after its creation a payment may be unknown to a replica.
            good_at = self._good_at if self._good_at is not None else self._began
            if good_at is not None and now - good_at >= NOT_FOUND_PATIENCE:
                raise error
        elif isinstance(error, _FINAL_ERRORS) or (
            error.outcome == "refused" and not isinstance(error, RateLimitedError)
        ):
            raise error
        if self._failing_since is None:
            self._failing_since = now
        if self.deadline is None and now - self._failing_since >= OUTAGE:
            raise error

    def _unknown_state(self, last: Any) -> UnknownStateError:
        return UnknownStateError(
            f"the payment is {last.status}, a state that this version does not know, more than an hour after its "
            "expiry; look at it in the dashboard, and update the package",
            last=last,
            method=self.call.endpoint.method,
            path=self.call.path,
        )
