"""Kinds of callables whose call runs nothing by itself."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable
from typing import Any


def is_async(function: Callable[..., Any]) -> bool:
    """Return whether a call makes a coroutine: that of a function, of a ``partial`` or of an object."""
    return any(inspect.iscoroutinefunction(part) for part in _parts(function))


def has_yield(function: Callable[..., Any]) -> bool:
    """Return whether a call makes a generator, plain or async, and runs nothing of its body."""
    return any(inspect.isgeneratorfunction(part) or inspect.isasyncgenfunction(part) for part in _parts(function))


def flaw_of_plain(function: Callable[..., Any]) -> str | None:
    """Return the reason why a plain call of the function would run nothing of it, or ``None``."""
    if is_async(function):
        return "is async and would never be awaited"
    return "has a yield, so a call would run nothing of it" if has_yield(function) else None


def _parts(function: Callable[..., Any]) -> tuple[Any, ...]:
    while isinstance(function, functools.partial):
        function = function.func
    return function, type(function).__call__
