"""Exact decimals: read from JSON text, compared and printed without ever being a float."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from typing import Final

from .json_values import kind

MAX_DIGITS: Final = 30
"""Digits before and after the point of an amount that is sent: more than any coin has (Ether has 18)."""

MAX_EXPONENT: Final = 400
"""Powers of ten that an amount read from an answer may span, up and down. The largest double is ``1.8e308`` and the
smallest ``5e-324``; beyond them lie numbers such as ``1e999999999``, which would fill the memory when printed."""

_MAX_LENGTH: Final = 2_000
"""Characters of a number. A double that is written out in full has at most 1,077."""

NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?", re.ASCII)
"""The text of a number, as JSON and callers write it."""

EXACT: Final = Context(prec=2 * _MAX_LENGTH, traps=[InvalidOperation])
"""Enough digits for any sum or difference of amounts; independent of the caller's own decimal context."""


UNREADABLE: Final = Decimal("NaN")
"""Stands for a JSON number that is too long or too large to be of any use. It is no money, and no whole number."""


def read_number(text: str) -> Decimal:
    """Return the number of a JSON text, exact; :data:`UNREADABLE` for one beyond all use, which harms nothing else."""
    if len(text) > _MAX_LENGTH:
        return UNREADABLE
    try:
        return Decimal(text, EXACT)
    except InvalidOperation:
        # An exponent of nineteen digits and more.
        return UNREADABLE


def subtract(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """Return the exact difference, whatever the precision of the caller's decimal context."""
    return EXACT.subtract(minuend, subtrahend)


def plain(value: Decimal) -> str:
    """Plain notation: one satoshi is ``0.00000001``, where ``str`` says ``1E-8``.

    >>> plain(Decimal("1E-8"))
    '0.00000001'
    """
    return format(value, "f")


def fits(number: Decimal) -> bool:
    """Return whether it is finite, with at most :data:`MAX_DIGITS` digits before and after the point."""
    exponent = number.as_tuple().exponent
    # The exponent of a finite Decimal is an int; "n", "N" and "F" are those of NaN and infinity.
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and number.adjusted() < MAX_DIGITS


def decode_money(value: object) -> Decimal:
    """Return money out of parsed JSON: a number or the text of one, exact.

    Every double that a JSON server can print is read, residues of binary arithmetic such as ``2.8e-17`` included.
    Raises ValueError, which names the kind of value that stands there instead.
    """
    if isinstance(value, Decimal):
        number = value
    elif isinstance(value, str):
        shape = NUMBER.fullmatch(value) if len(value) <= _MAX_LENGTH else None
        if shape is None:
            raise ValueError("is text that is not a number")
        number = Decimal(value)
        if len(value) <= MAX_DIGITS and shape[2] is None:
            return number
    elif isinstance(value, int) and not isinstance(value, bool):
        if -_TOO_LARGE < value < _TOO_LARGE:
            return Decimal(value)
        number = UNREADABLE
    else:
        raise ValueError(f"is {kind(value)}, not money")
    if not number.is_finite() or not -MAX_EXPONENT <= number.adjusted() <= MAX_EXPONENT:
        raise ValueError(f"is a number with an exponent beyond {MAX_EXPONENT}")
    return number


_TOO_LARGE: Final = 10 ** (MAX_EXPONENT + 1)
