"""What parsed JSON can be: type guards, and words for error messages."""

from __future__ import annotations

from typing import Any, TypeGuard


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Whether it is a JSON object."""
    return type(value) is dict


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Whether it is a JSON array."""
    return type(value) is list


def kind(value: object) -> str:
    """What it is, in words: ``"a list"``, ``"null"``."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "a boolean"
    if isinstance(value, str):
        return "text"
    if is_object(value):
        return "an object"
    return "a list" if is_array(value) else "a number"
