"""A queue of waiters in two classes: direct calls before background polling, and polling never starved."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Iterator
from typing import Final, Protocol

TURNS: Final = 4
"""Direct calls that may pass a waiting poll before it has its turn: polling keeps a fifth of the tokens at least, and a
direct call waits for one poll at most."""


class Waker(Protocol):
    """A waiter in a queue."""

    def wake(self) -> bool:
        """Wake the waiter; return ``False`` if it is gone."""
        ...


class WaitQueue:
    """First come, first served within each class. Pure bookkeeping; callers hold the lock."""

    __slots__ = ("_background", "_direct", "_passed")

    def __init__(self) -> None:
        # Waiters with their times of arrival, which ascend.
        self._direct: OrderedDict[Waker, float] = OrderedDict()
        self._background: OrderedDict[Waker, float] = OrderedDict()
        self._passed = 0

    def __len__(self) -> int:
        return len(self._direct) + len(self._background)

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._direct or waiter in self._background

    @property
    def direct(self) -> int:
        """Direct calls that wait."""
        return len(self._direct)

    def in_order(self, *, background: bool) -> Iterator[Waker]:
        """Yield the waiters of one class, first come first."""
        yield from (self._background if background else self._direct)

    def join(self, waiter: Waker, *, background: bool, arrived: float = math.inf) -> None:
        """Put a waiter behind all of its class that arrived no later; at the end by default."""
        waiters = self._background if background else self._direct
        last = waiters[next(reversed(waiters))] if waiters else -math.inf
        waiters[waiter] = arrived
        if arrived < last:
            for later in [other for other, moment in waiters.items() if moment > arrived]:
                waiters.move_to_end(later)

    def ahead_of(self, arrived: float, *, background: bool) -> int:
        """Return how many go before a waiter of this arrival."""
        waiters = self._background if background else self._direct
        before = sum(moment <= arrived for moment in waiters.values())
        return before + self.direct if background else before

    def head(self) -> Waker:
        """Whose turn it is. The queue must not be empty."""
        if self._direct and (not self._background or self._passed < TURNS):
            return next(iter(self._direct))
        return next(iter(self._background))

    def served(self, waiter: Waker) -> None:
        """Remove the head, which was served."""
        if waiter in self._background:
            self._passed = 0
        elif self._background:
            self._passed += 1

    def leave(self, waiter: Waker) -> None:
        """Remove a waiter."""
        if waiter in self._direct:
            del self._direct[waiter]
        else:
            del self._background[waiter]
