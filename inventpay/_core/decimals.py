"""Exact decimals: read from JSON text, compared and printed without ever being a float."""

from __future__ import annotations

import re
from decimal import Context, Decimal, InvalidOperation
from typing import Final

from .json_values import kind

MAX_DIGITS: Final = 30
"""Digits before and after the point, in and out: more than any coin has (Ether has 18), few enough to refuse
``1e999999999`` instead of expanding it."""

NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?", re.ASCII)
"""The text of a number, as JSON and callers write it."""

EXACT: Final = Context(prec=4 * MAX_DIGITS, traps=[InvalidOperation])
"""Enough digits for any sum or difference of amounts; independent of the caller's own decimal context."""


def read_number(text: str) -> Decimal:
    """The number a JSON text shows, exact. Raises ValueError for exponents of nineteen digits and more."""
    try:
        return Decimal(text, EXACT)
    except InvalidOperation:
        raise ValueError("a number has an exponent beyond all use") from None


def subtract(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """The exact difference, whatever the precision of the caller's decimal context."""
    return EXACT.subtract(minuend, subtrahend)


def plain(value: Decimal) -> str:
    """Plain notation: one satoshi is ``0.00000001``, where ``str`` says ``1E-8``.

    >>> plain(Decimal("1E-8"))
    '0.00000001'
    """
    return format(value, "f")


def fits(number: Decimal) -> bool:
    """Whether it is finite, with at most :data:`MAX_DIGITS` digits before and after the point."""
    exponent = number.as_tuple().exponent
    # The exponent of a finite Decimal is an int; "n", "N" and "F" are those of NaN and infinity.
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and number.adjusted() < MAX_DIGITS


def decode_money(value: object) -> Decimal:
    """Money out of parsed JSON: a number or the text of one, exact. Raises ValueError saying what it is instead."""
    if isinstance(value, str):
        shape = None if len(value) > 100 else NUMBER.fullmatch(value)
        if shape is None:
            raise ValueError("is text that is not a number")
        number = Decimal(value)
        if len(value) <= MAX_DIGITS and shape[2] is None:
            return number
    elif isinstance(value, int) and not isinstance(value, bool):
        if abs(value) >= 10**MAX_DIGITS:
            raise ValueError(f"is a number with more than {MAX_DIGITS} digits")
        return Decimal(value)
    elif isinstance(value, Decimal):
        number = value
    else:
        raise ValueError(f"is {kind(value)}, not money")
    if not fits(number):
        raise ValueError(f"is a number with more than {MAX_DIGITS} digits before or after the point")
    return number
