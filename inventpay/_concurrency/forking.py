"""State that a fork must not cut in half, and state that the child must drop.

A child is born with a copy of everything, in the very state some other thread of the parent left it in. So a fork waits
until no thread is in the middle of arithmetic or of making a TLS context, and the child then drops what lives on there.

Servers such as uWSGI fork in C and run no hooks of Python. So every entry to such state calls `notice_fork`, which
compares the process id and makes up for the hooks.
"""

from __future__ import annotations

import os
import threading
import weakref
from typing import Final, Protocol

_PATIENCE: Final = 1.0
"""Seconds a fork waits for one lock at most. Locks are held round arithmetic, never over a wait, so this is never
reached, unless the garbage collector interlocks two threads; then the fork goes ahead, as it would without us."""


class Lock(Protocol):
    """A lock of :mod:`threading`, of either kind."""

    def acquire(self, blocking: bool = True, timeout: float = -1) -> bool:
        """Acquire the lock."""
        ...

    def release(self) -> None:
        """Release the lock."""
        ...


class ForkAware(Protocol):
    """Something with a state that is wrong in a forked child."""

    def fork_lock(self) -> Lock:
        """Return the lock that is held while the state changes."""
        ...

    def after_fork_in_child(self) -> None:
        """Reset the state in the child; called there before anything else runs."""
        ...


_fork_aware: weakref.WeakSet[ForkAware] = weakref.WeakSet()
_held: list[Lock] = []
_process = os.getpid()
_catching_up = threading.Lock()


def register_fork_handler(thing: ForkAware) -> None:
    """Make forks wait for a thing's lock, and call its ``after_fork_in_child`` in forked children while it lives."""
    _fork_aware.add(thing)


def notice_fork() -> None:
    """Run the handlers in a child whose fork ran no hooks; otherwise costs one system call."""
    if os.getpid() != _process:
        _catch_up()


def _catch_up() -> None:
    # Threads of the child wait for the first of them. A lock that a thread of the parent held is never released.
    is_mine = _catching_up.acquire(timeout=_PATIENCE)
    try:
        if os.getpid() != _process:
            _in_child()
    finally:
        if is_mine:
            _catching_up.release()


def _before_fork() -> None:
    for thing in list(_fork_aware):
        lock = thing.fork_lock()
        if lock.acquire(timeout=_PATIENCE):
            _held.append(lock)


def _in_parent() -> None:
    while _held:
        _held.pop().release()


def _in_child() -> None:
    # The locks are replaced, not released: they belong to a thread that may not exist here.
    _held.clear()
    for thing in list(_fork_aware):
        thing.after_fork_in_child()
    global _process
    _process = os.getpid()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(before=_before_fork, after_in_parent=_in_parent, after_in_child=_in_child)
