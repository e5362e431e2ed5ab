"""Describe values: type guards for parsed JSON, and words for error messages."""

from __future__ import annotations

from typing import Any, Final, TypeGuard

_SHOWN: Final = 60
"""Characters of a value that an error message shows."""


def is_object(value: object) -> TypeGuard[dict[str, Any]]:
    """Return true for a JSON object."""
    return type(value) is dict


def is_array(value: object) -> TypeGuard[list[Any]]:
    """Return true for a JSON array."""
    return type(value) is list


def kind(value: object) -> str:
    """Return the kind of a value in words: ``"a list"``, ``"null"``."""
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
    """Return a value as an error message shows it: its repr, cut to a readable length.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    # Cut before the repr is made: that of a huge int is refused by Python, that of a huge text fills the memory.
    if isinstance(value, int) and abs(value) >= 10**_SHOWN:
        return f"<{type(value).__name__} of more than {_SHOWN} digits>"
    text = repr(value[: _SHOWN + 1] if isinstance(value, (str, bytes)) else value)
    return text if len(text) <= _SHOWN else f"{text[: _SHOWN - 3]}..."


TEXT_SHOWN: Final = 500
"""Characters of a server's text that an exception or a log record shows."""


def printable(text: str) -> str:
    """Return a server's text as an exception or a log record shows it: cut, and without control characters.

    A terminal obeys escape sequences, a log takes a line break for the end of a record, and overrides of the writing
    direction make a text read as another one.

    >>> printable("\\x1b[2Jall is well\\r\\nnot")
    '\\ufffd[2Jall is well not'
    """
    cut = text[:TEXT_SHOWN]
    if not cut.isprintable():
        cut = " ".join("".join(c if c.isprintable() or c.isspace() else "\ufffd" for c in cut).split())
    return cut if len(text) <= TEXT_SHOWN else f"{cut}..."
