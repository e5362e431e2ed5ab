"""What is remembered for forked children is told of them, and nothing else is."""

from __future__ import annotations

import gc
import os
import runpy
import weakref
from typing import Any

import pytest

from inventpay import forking


class Thing:
    """Something that has a parent to forget."""

    def __init__(self, told: list[str], name: str) -> None:
        self._told = told
        self._name = name

    def forget_parent(self) -> None:
        """Notes that it was told."""
        self._told.append(self._name)


def test_the_living_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that was remembered and still lives forgets its parent; remembering keeps nothing alive."""
    monkeypatch.setattr(forking, "_forgetful", weakref.WeakSet[Any]())
    told: list[str] = []
    kept, dropped = Thing(told, "kept"), Thing(told, "dropped")
    forking.remember(kept)
    forking.remember(dropped)
    del dropped
    gc.collect()
    forking._in_child()
    assert told == ["kept"]


def test_a_system_without_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where processes do not fork there is nothing to register, and importing works."""
    monkeypatch.delattr(os, "register_at_fork")
    assert "remember" in runpy.run_path(str(forking.__file__))
