"""What a forked child must forget: locks that a thread of the parent held, waiters and calls that live on there."""

from __future__ import annotations

import os
import weakref
from typing import Protocol


class Forgetful(Protocol):
    """Something with a state that is wrong in a forked child."""

    def forget_parent(self) -> None:
        """Called in the child, before anything else runs there."""
        ...


_forgetful: weakref.WeakSet[Forgetful] = weakref.WeakSet()


def remember(thing: Forgetful) -> None:
    """Has ``forget_parent`` called in every forked child for as long as the thing lives."""
    _forgetful.add(thing)


def _in_child() -> None:
    for thing in list(_forgetful):
        thing.forget_parent()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_in_child)
