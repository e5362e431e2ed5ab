"""The length that a request says its body has."""

from __future__ import annotations

_MOST_DIGITS = 18


def read_content_length(value: str | bytes | None) -> int | str | None:
    """Return the number of bytes, ``None`` if there is no header, or a text with the problem."""
    if value is None or value in ("", b""):
        return None
    digits = value.decode("latin-1") if isinstance(value, bytes) else value
    # int() would accept signs, underscores, spaces and the digits of other scripts.
    if not (digits.isascii() and digits.isdigit()):
        return "the header Content-Length is no number"
    return int(digits) if len(digits) <= _MOST_DIGITS else 10**_MOST_DIGITS
