"""Count the values and the depth of JSON text before it is parsed: few bytes can become many objects."""

from __future__ import annotations

from collections.abc import Sized
from typing import Any, Final

from .._core.json_values import is_object

MAX_VALUES: Final = 50_000
"""assumed: the longest documented page has 100 records of some 20 values. More would stop an event loop."""

MAX_DEPTH: Final = 64
"""assumed: documented answers nest six levels, and what nests thousands can be neither printed nor pickled."""

MAX_ITEMS: Final = 1_000
"""assumed: the longest documented page has 100 records. To read an odd record takes up to 20 microseconds."""

_FEW_BYTES: Final = 64 * 1024
"""Bytes of a body whose brackets are counted before its values are walked through."""

_WHITESPACE: Final = b" \t\r\n"


def has_too_many_values(body: bytes, most: int = MAX_VALUES) -> bool:
    """Return whether JSON text holds more values than ``most``, containers counted, names of members not.

    It takes a few passes in C over the bytes, whatever stands there; text that is no JSON gives any answer.
    """
    # A value has a byte at least, and a comma or a bracket beside it.
    if len(body) < 2 * most or _upper_bound(body) <= most:
        return False
    if b"\\" in body:
        # Quotes inside text are escaped, and so are backslashes before a quote that ends it.
        body = body.replace(b"\\\\", b"").replace(b'\\"', b"")
    if body.count(b'"') >= 4 * most:
        # Each text is a value, or the name of one.
        return True
    parts = body.split(b'"')
    # A mark is left of each text: a list that holds one is not empty.
    structure = b'"'.join(parts[::2])
    if structure.count(b",") >= most:
        return True
    structure = structure.translate(None, _WHITESPACE)
    return _upper_bound(structure) - structure.count(b"[]") - structure.count(b"{}") > most


def _upper_bound(structure: bytes) -> int:
    # A container that is not empty has one value more than commas.
    return 1 + structure.count(b",") + structure.count(b"[") + structure.count(b"{")


def check_length(items: Sized) -> None:
    """Raise ValueError for a list or an object with more than :data:`MAX_ITEMS` elements."""
    if len(items) > MAX_ITEMS:
        raise ValueError(f"has {len(items):,} elements; at most {MAX_ITEMS:,} are read")


def is_too_deep(body: bytes, document: Any) -> bool:
    """Return whether a parsed document nests deeper than :data:`MAX_DEPTH`."""
    # Nearly every answer has too few brackets to be looked through. In a long one, counting takes longer than looking.
    if len(body) <= _FEW_BYTES and body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    level: list[Any] = [[document]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if is_object(outer) else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True
