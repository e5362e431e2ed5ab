"""Check the options that the limiter and the store have in common."""

from __future__ import annotations

from typing import Any

from .._core.json_values import shown
from ..errors import ConfigurationError
from ..options import seconds


def above_zero(value: Any, name: str) -> float:
    """Return a duration in seconds; raise ConfigurationError unless it is above 0."""
    found = seconds(value, name)
    if not found:
        raise ConfigurationError(f"{name}={shown(value)} must be a finite number of seconds above 0")
    return found


def checked_prefix(value: Any) -> str:
    """Return the prefix of keys; raise ConfigurationError if it is not valid."""
    if not isinstance(value, str) or not value or not value.isprintable() or set(value) & set("{} "):
        raise ConfigurationError(f"prefix={shown(value)} must be text without spaces and braces")
    return value
