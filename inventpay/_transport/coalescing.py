"""Merge identical concurrent reads: decide which are sent, and which callers an answer serves. Pure: no clock, no wait.

No answer is older than its call: an answer serves only the callers that asked before its request was sent. So a caller
that finds the same read in flight waits for the next one, and a thousand concurrent callers send two requests.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable
from typing import Final, TypeAlias

from .._concurrency.wait_queue import Waker
from ..responses import APIResponse

PATIENCE: Final = 1.0
"""Seconds after which callers stop waiting for a read in flight and send the next one: it may hang."""

REMEMBERED: Final = 128
"""Number of answers kept for callers that accept a recent one: more than there are coins."""

SHARED_REFUSALS: Final = frozenset({400, 401, 403, 404, 405, 410, 422})
"""Statuses of refusals that every caller of the same read would get. Other failures concern only the sender."""


AsyncFetch: TypeAlias = Callable[[Callable[[], None], float | None], Awaitable[APIResponse]]
"""A function that sends a read.

It calls its first argument just before sending; the second is the time from which ``timeout`` counts, if earlier.
"""

Fetch: TypeAlias = Callable[[Callable[[], None], float | None], APIResponse]
"""The blocking twin of ``AsyncFetch``."""


def is_shared(response: APIResponse) -> bool:
    """Return whether the answer is valid for all callers."""
    return 200 <= response.status < 300 or response.status in SHARED_REFUSALS


class ReadWaiter:
    """A caller that waits for a read: the order of its call, and the result."""

    __slots__ = ("alone", "asked", "response", "serving_since", "waker")

    def __init__(self, asked: int, waker: Waker) -> None:
        self.asked: int = asked
        self.waker: Waker = waker
        self.response: APIResponse | None = None
        self.alone: bool = False
        """Whether the shared request failed, and the caller has to send its own."""
        self.serving_since: float | None = None
        """Time at which the first request that could serve it was sent."""


class InFlightRead:
    """One read and the callers that share it. Use it with the lock held; a caller that sends is not a waiting one."""

    __slots__ = ("_in_flight", "_leading", "_order", "_waiting")

    def __init__(self) -> None:
        self._order = 0
        self._waiting: OrderedDict[ReadWaiter, None] = OrderedDict()
        # A caller is about to send, and waits for a token of the rate limit.
        self._leading = False
        # Order and time of sending of every request in flight.
        self._in_flight: dict[int, float] = {}

    @property
    def is_idle(self) -> bool:
        """Whether no caller is left."""
        return not (self._waiting or self._leading or self._in_flight)

    def take_lead(self) -> None:
        """Make the first caller the sender."""
        self._leading = True

    def ask(self, waker: Waker) -> ReadWaiter:
        """Add a caller to the waiting ones."""
        self._order += 1
        caller = ReadWaiter(self._order, waker)
        self._waiting[caller] = None
        return caller

    def leads(self, caller: ReadWaiter, now: float) -> bool | float | None:
        """Return ``True`` if the caller must send now, the seconds to wait, or ``None`` to wait until woken."""
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
        """Record that the sender's request is about to be written; return its order for ``answered`` and ``failed``."""
        self._leading = False
        self._order += 1
        self._in_flight[self._order] = now
        for caller in self._waiting:
            if caller.serving_since is None:
                caller.serving_since = now
        self._wake_head()
        return self._order

    def answered(self, order: int, response: APIResponse) -> None:
        """Give the answer to all callers that asked before its request was sent."""
        del self._in_flight[order]
        for caller in [caller for caller in self._waiting if caller.asked < order]:
            del self._waiting[caller]
            caller.response = response
            caller.waker.wake()
        self._wake_head()

    def failed(self, order: int | None, *, cancelled: bool) -> None:
        """Record that the sender failed: before sending (``None``), or with its request in flight.

        After a cancellation the next caller becomes the sender. After a failure, all callers that the request would
        have served send their own requests.
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

    def leave(self, caller: ReadWaiter) -> None:
        """Remove a caller that no longer waits."""
        if caller in self._waiting:
            was_head = next(iter(self._waiting)) is caller
            del self._waiting[caller]
            if was_head:
                self._wake_head()

    def _wake_head(self) -> None:
        if self._waiting:
            next(iter(self._waiting)).waker.wake()
