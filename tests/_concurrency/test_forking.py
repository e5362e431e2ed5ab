"""Objects that registered are called in forked children, and no others are."""

from __future__ import annotations

import gc
import os
import runpy
import threading
import weakref
from typing import Any

import pytest

from inventpay._concurrency import forking


class Thing:
    """Something that has a parent to forget."""

    def __init__(self, called: list[str], name: str) -> None:
        self._called = called
        self._name = name

        self.lock = threading.Lock()

    def fork_lock(self) -> threading.Lock:
        """Return the locks that a fork waits for."""
        return self.lock

    def after_fork_in_child(self) -> None:
        """Note that it was called."""
        self._called.append(self._name)


def test_live_objects_get_the_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was remembered and still lives forgets its parent; remembering keeps nothing alive."""
    monkeypatch.setattr(forking, "_fork_aware", weakref.WeakSet[Any]())
    called: list[str] = []
    kept, dropped = Thing(called, "kept"), Thing(called, "dropped")
    forking.register_fork_handler(kept)
    forking.register_fork_handler(dropped)
    del dropped
    gc.collect()
    forking._in_child()
    assert called == ["kept"]


def test_a_fork_waits_for_threads_that_hold_the_lock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every lock is held across the fork and free again in the parent; one that is never freed stops no fork."""
    monkeypatch.setattr(forking, "_fork_aware", weakref.WeakSet[Any]())
    monkeypatch.setattr(forking, "_PATIENCE", 0.01)
    free, taken = Thing([], "free"), Thing([], "taken")
    for thing in (free, taken):
        forking.register_fork_handler(thing)
    taken.lock.acquire()
    forking._before_fork()
    assert free.lock.locked()
    forking._in_parent()
    assert not free.lock.locked()
    assert taken.lock.locked()


def test_a_system_without_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes do not fork there is nothing to register, and importing works."""
    monkeypatch.delattr(os, "register_at_fork")
    assert "register_fork_handler" in runpy.run_path(str(forking.__file__))
