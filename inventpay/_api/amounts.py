"""Exact money: amounts come in as Decimal, int, str or float and travel as plain JSON numbers."""

from __future__ import annotations

import math
import re
from decimal import Context, Decimal, InvalidOperation
from typing import Final, TypeAlias

from .._core.json_values import kind
from .arguments import refused, refused_value

Amount: TypeAlias = Decimal | int | str | float
"""What an amount may be given as. A float counts by its shortest ``repr`` and is refused above 15 digits."""

MAX_DIGITS: Final = 30
"""Digits before and after the point, in and out: more than any coin has (Ether has 18), few enough to refuse
``1e999999999`` instead of expanding it."""

# A float carries 15 significant decimal digits for certain; more are the residue of binary arithmetic.
_FLOAT_DIGITS: Final = 15

_NUMBER: Final = re.compile(r"-?[0-9]+(\.[0-9]+)?([eE][+-]?[0-9]{1,9})?", re.ASCII)

# Enough digits for any sum or difference of amounts, whatever the caller's own decimal context says.
_EXACT: Final = Context(prec=4 * MAX_DIGITS, traps=[InvalidOperation])


def read_number(text: str) -> Decimal:
    """The number a JSON text shows, exact. Raises ValueError for exponents of nineteen digits and more."""
    try:
        return Decimal(text, _EXACT)
    except InvalidOperation:
        raise ValueError("a number has an exponent beyond all use") from None


def subtract(minuend: Decimal, subtrahend: Decimal) -> Decimal:
    """The exact difference, whatever the precision of the caller's decimal context."""
    return _EXACT.subtract(minuend, subtrahend)


def plain(value: Decimal) -> str:
    """Plain notation: one satoshi is ``0.00000001``, where ``str`` says ``1E-8``.

    >>> plain(Decimal("1E-8"))
    '0.00000001'
    """
    return format(value, "f")


def read_amount(value: object, argument: str = "amount") -> Decimal:
    """An amount to ask for or pay out, exact.

    >>> read_amount("0.10")
    Decimal('0.10')

    Raises InvalidArgumentError for what is no positive number, or one that could not be meant exactly.
    """
    number = _exact_number(value, argument)
    if not number.is_finite():
        raise refused_value(argument, value, "must be a finite number")
    if not fits(number):
        raise refused_value(argument, value, f"has more than {MAX_DIGITS} digits before or after the point")
    if number <= 0:
        raise refused_value(argument, value, "must be greater than 0")
    return number


def _exact_number(value: object, argument: str) -> Decimal:
    if isinstance(value, Decimal):
        return value
    # bool is an int: True is a mistake, not one unit.
    if isinstance(value, int) and not isinstance(value, bool):
        # Compared before it is converted: the decimal text of a huge int takes quadratic time.
        if abs(value) >= 10**MAX_DIGITS:
            raise refused(argument, f"has more than {MAX_DIGITS} digits before the point")
        return Decimal(value)
    if isinstance(value, str):
        if len(value) > 100 or not _NUMBER.fullmatch(value):
            raise refused_value(argument, value, 'must be a plain number such as "29.99"')
        return Decimal(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise refused_value(argument, value, "must be a finite number")
        # float.__repr__ and not repr: subclasses such as numpy.float64 print their type.
        number = Decimal(float.__repr__(value))
        if len(number.normalize(_EXACT).as_tuple().digits) > _FLOAT_DIGITS:
            meant = float.__format__(value, f".{_FLOAT_DIGITS}g")
            raise refused_value(
                argument, value, f'is a float with a residue of binary arithmetic; use Decimal("{meant}") or a str'
            )
        return number
    raise refused(argument, f"must be a Decimal, int, str or float, not {type(value).__name__}")


def fits(number: Decimal) -> bool:
    """Whether it is finite, with at most :data:`MAX_DIGITS` digits before and after the point."""
    exponent = number.as_tuple().exponent
    # The exponent of a finite Decimal is an int; "n", "N" and "F" are those of NaN and infinity.
    return isinstance(exponent, int) and exponent >= -MAX_DIGITS and number.adjusted() < MAX_DIGITS


def decode_money(value: object) -> Decimal:
    """Money out of parsed JSON: a number or the text of one, exact. Raises ValueError saying what it is instead."""
    if isinstance(value, str):
        shape = None if len(value) > 100 else _NUMBER.fullmatch(value)
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
