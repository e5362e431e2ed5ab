"""Count the living objects of certain kinds."""

from __future__ import annotations

import weakref
from collections.abc import Callable
from typing import ParamSpec, TypeVar

T = TypeVar("T")
P = ParamSpec("P")


class LiveObjects:
    """Counts what a function makes, for as long as it is held."""

    def __init__(self) -> None:
        self.made = 0
        self.alive = 0
        self.most = 0
        """The most that were alive at once."""
        self._watched: set[weakref.ref[object]] = set()

    def counts(self, make: Callable[P, T]) -> Callable[P, T]:
        """The function, with every result counted."""

        def made(*args: P.args, **kwargs: P.kwargs) -> T:
            result = make(*args, **kwargs)
            self._watched.add(weakref.ref(result, self._gone))
            self.made += 1
            self.alive += 1
            self.most = max(self.most, self.alive)
            return result

        return made

    def _gone(self, reference: weakref.ref[object]) -> None:
        self._watched.discard(reference)
        self.alive -= 1
