"""Where code runs: in an event loop of asyncio or trio, or in a plain thread. Loads neither library."""

from __future__ import annotations

import sys
from contextlib import AbstractContextManager
from typing import Any, TypeAlias

Bound: TypeAlias = AbstractContextManager[object, bool]
"""A ``with`` block that may end its code early."""

ConnectionKey: TypeAlias = tuple[int, Any]
"""Where a connection belongs: process id and event loop (``None`` for threads)."""


def current_loop() -> Any:
    """Return the running event loop of asyncio, the token of trio's, or ``None`` outside both."""
    # A library that was never imported runs no loop.
    asyncio = sys.modules.get("asyncio")
    try:
        loop = None if asyncio is None else asyncio.get_running_loop()
    except (RuntimeError, AttributeError):  # the second while another thread is importing it
        loop = None
    if loop is not None:
        return loop
    trio = sys.modules.get("trio")
    if trio is None:
        return None
    try:
        return trio.lowlevel.current_trio_token()
    except (RuntimeError, AttributeError):
        return None


def is_dead(loop: Any) -> bool:
    """Return whether nothing can ever run in this event loop again."""
    # Threads have none, and trio's token no such method; but trio never closes a loop under its tasks.
    return bool(getattr(loop, "is_closed", bool)())


def least(*seconds: float | None) -> float | None:
    """Return the shortest of some waits, of which ``None`` is the longest."""
    return min((each for each in seconds if each is not None), default=None)
