"""Options that a limiter and a store have in common, checked once."""

from __future__ import annotations

from typing import Any

from .._core.json_values import shown
from ..errors import ConfigurationError
from ..options import seconds


def above_zero(value: Any, name: str) -> float:
    """A duration in seconds that is longer than none."""
    found = seconds(value, name)
    if not found:
        raise ConfigurationError(f"{name}={shown(value)} must be a finite number of seconds above 0")
    return found


def checked_prefix(value: Any) -> str:
    """What the names of keys may begin with."""
    if not isinstance(value, str) or not value or not value.isprintable() or set(value) & set("{} "):
        raise ConfigurationError(f"prefix={shown(value)} must be text without spaces and braces")
    return value
