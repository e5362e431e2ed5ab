"""Which of several identical reads is sent, and whom its answer serves. Pure: no waiting, no clock of its own.

No answer is older than its question: an answer serves those who asked before its request was sent, and nobody else. So
a caller that finds the same read in flight waits for the next one, and a thousand callers at once send two requests.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from .._concurrency.wait_queue import Waker
from ..responses import APIResponse

PATIENCE: Final = 1.0
"""Seconds a read may be in flight before the next one no longer waits for it: one that hangs holds nobody longer."""

REMEMBERED: Final = 128
"""Answers kept for callers that accept a recent one: more than there are coins."""

SHARED_REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 410, 422})
"""Refusals that everybody who asked the same would get. Other failures are the sender's own."""


AsyncFetch: TypeAlias = Callable[[Callable[[], None], float | None], Awaitable[APIResponse]]
"""Sends a read. Calls its first argument when that is about to happen; the second is the moment from which ``timeout``
counts, when that began before."""

Fetch: TypeAlias = Callable[[Callable[[], None], float | None], APIResponse]
"""The same, blocking."""


def is_shared(response: APIResponse) -> bool:
    """Whether the answer holds for everybody who asked."""
    return 200 <= response.status < 300 or response.status in SHARED_REFUSALS


class Caller:
    """One question: when it was asked, and what became of it."""

    __slots__ = ("alone", "asked", "response", "serving_since", "waker")

    def __init__(self, asked: int, waker: Waker) -> None:
        self.asked: int = asked
        self.waker: Waker = waker
        self.response: APIResponse | None = None
        self.alone: bool = False
        """Whether the shared request failed, and the caller has to send its own."""
        self.serving_since: float | None = None
        """When the first request that could serve it was sent."""


class Resource:
    """The callers of one read. Callers hold the lock; whoever leads or flies is not among the waiting."""

    __slots__ = ("_in_flight", "_leading", "_order", "_waiting")

    def __init__(self) -> None:
        self._order = 0
        self._waiting: OrderedDict[Caller, None] = OrderedDict()
        # Somebody is about to send: it waits for a token of the rate limit.
        self._leading = False
        # Order and time of sending of every request under way.
        self._in_flight: dict[int, float] = {}

    @property
    def is_idle(self) -> bool:
        """Whether nobody asks any more."""
        return not (self._waiting or self._leading or self._in_flight)

    def take_lead(self) -> None:
        """The first caller of all sends at once."""
        self._leading = True

    def ask(self, waker: Waker) -> Caller:
        """One more question."""
        self._order += 1
        caller = Caller(self._order, waker)
        self._waiting[caller] = None
        return caller

    def leads(self, caller: Caller, now: float) -> bool | float | None:
        """Whether the caller shall send now: ``True``, in so many seconds unless woken, or (``None``) when woken."""
        if self._leading or next(iter(self._waiting)) is not caller:
            return None
        if self._in_flight:
            patience = max(self._in_flight.values()) + PATIENCE - now
            if patience > 0:
                return patience
        del self._waiting[caller]
        self._leading = True
        # The next head has to watch the clock from now on.
        self._wake_head()
        return True

    def sent(self, now: float) -> int:
        """The leader's request is about to be written. Returns its order, which ``answered`` and ``failed`` take."""
        self._leading = False
        self._order += 1
        self._in_flight[self._order] = now
        for caller in self._waiting:
            if caller.serving_since is None:
                caller.serving_since = now
        self._wake_head()
        return self._order

    def answered(self, order: int, response: APIResponse) -> None:
        """The request brought an answer, which serves all who asked before it was sent."""
        del self._in_flight[order]
        for caller in [caller for caller in self._waiting if caller.asked < order]:
            del self._waiting[caller]
            caller.response = response
            caller.waker.wake()
        self._wake_head()

    def failed(self, order: int | None, *, cancelled: bool) -> None:
        """The leader gave up: before sending (``None``), or with its request under way.

        A cancelled one says nothing about the API: the next caller takes over. After a failure everybody it would have
        served asks alone, as if nothing had been shared.
        """
        if order is None:
            self._leading = False
        else:
            del self._in_flight[order]
            if not cancelled:
                for caller in [caller for caller in self._waiting if caller.asked < order]:
                    del self._waiting[caller]
                    caller.alone = True
                    caller.waker.wake()
        self._wake_head()

    def leave(self, caller: Caller) -> None:
        """The caller no longer waits, whatever the reason."""
        if caller in self._waiting:
            was_head = next(iter(self._waiting)) is caller
            del self._waiting[caller]
            if was_head:
                self._wake_head()

    def _wake_head(self) -> None:
        if self._waiting:
            next(iter(self._waiting)).waker.wake()
