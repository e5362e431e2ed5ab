"""A queue of waiters in two classes: direct calls before background polling, and polling never starved."""

from __future__ import annotations

from collections import OrderedDict
from typing import Final, Protocol

TURNS: Final = 4
"""Direct calls that may pass a waiting poll before it has its turn: polling keeps a fifth of the tokens at least, and a
direct call waits for one poll at most."""


class Waker(Protocol):
    """A waiter in a queue."""

    def wake(self) -> bool:
        """Lets it look again; ``False`` when it never will."""
        ...


class WaitQueue:
    """First come, first served within each class. Pure bookkeeping; callers hold the lock."""

    __slots__ = ("_background", "_direct", "_passed", "alarm")

    def __init__(self) -> None:
        self.alarm: float | None = None
        """The moment for which its head sleeps, if that is known."""
        self._direct: OrderedDict[Waker, None] = OrderedDict()
        self._background: OrderedDict[Waker, None] = OrderedDict()
        self._passed = 0

    def __len__(self) -> int:
        return len(self._direct) + len(self._background)

    def __contains__(self, waiter: object) -> bool:
        return waiter in self._direct or waiter in self._background

    @property
    def direct(self) -> int:
        """Direct calls that wait."""
        return len(self._direct)

    def join(self, waiter: Waker, *, background: bool) -> None:
        """Puts a waiter at the end of its class."""
        (self._background if background else self._direct)[waiter] = None

    def head(self) -> Waker:
        """Whose turn it is. The queue must not be empty."""
        if self._direct and (not self._background or self._passed < TURNS):
            return next(iter(self._direct))
        return next(iter(self._background))

    def served(self, waiter: Waker) -> None:
        """The head got what it waited for."""
        if waiter in self._background:
            self._passed = 0
        elif self._background:
            self._passed += 1

    def leave(self, waiter: Waker) -> None:
        """Takes a waiter out."""
        if waiter in self._direct:
            del self._direct[waiter]
        else:
            del self._background[waiter]
