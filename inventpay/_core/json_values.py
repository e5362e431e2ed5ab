"""What values are: type guards for parsed JSON, and words for error messages."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

_SHOWN: Final = 60
"""Characters of a value that an error message shows."""


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


def shown(value: object) -> str:
    """A value as an error message shows it: its repr, cut to a readable length.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    # Cut before the repr is made: that of a huge int is refused by Python, that of a huge text fills the memory.
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return f"<{type(value).__name__} of more than {_SHOWN} digits>"
    text = repr(value[: _SHOWN + 1] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."
