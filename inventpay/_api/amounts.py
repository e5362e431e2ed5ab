"""Amounts that callers pass: Decimal, int, str or float, checked and made exact before anything is sent."""

from __future__ import annotations

import math
from decimal import Decimal
from typing import Final, TypeAlias

from .._core.decimals import EXACT, MAX_DIGITS, NUMBER, fits
from .arguments import refused, refused_value

Amount: TypeAlias = Decimal | int | str | float
"""The types of an amount. A float counts by its shortest ``repr`` and is refused above 15 digits."""

# A float carries 15 significant decimal digits for certain; more are the residue of binary arithmetic.
_FLOAT_DIGITS: Final = 15


def read_amount(value: object, argument: str = "amount") -> Decimal:
    """Return an amount to ask for or pay out, exact and without trailing zeros.

    Equal amounts become equal bytes, so that ``10`` and ``10.00000000`` are one request under one idempotency key.

    >>> read_amount("0.10")
    Decimal('0.1')

    Raises InvalidArgumentError for what is no positive number, or one that could not be meant exactly.
    """
    number = _exact_number(value, argument)
    if not number.is_finite():
        raise refused_value(argument, value, "must be a finite number")
    if not fits(number):
        raise refused_value(argument, value, f"has more than {MAX_DIGITS} digits before or after the point")
    if number <= 0:
        raise refused_value(argument, value, "must be greater than 0")
    return number.normalize(EXACT)


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
        if len(value) > 100 or not NUMBER.fullmatch(value):
            raise refused_value(argument, value, 'must be a plain number such as "29.99"')
        return Decimal(value)
    if isinstance(value, float):
        if not math.isfinite(value):
            raise refused_value(argument, value, "must be a finite number")
        # float.__repr__ and not repr: subclasses such as numpy.float64 print their type.
        number = Decimal(float.__repr__(value))
        if len(number.normalize(EXACT).as_tuple().digits) > _FLOAT_DIGITS:
            meant = float.__format__(value, f".{_FLOAT_DIGITS}g")
            raise refused_value(
                argument, value, f'is a float with a residue of binary arithmetic; use Decimal("{meant}") or a str'
            )
        return number
    raise refused(argument, f"must be a Decimal, int, str or float, not {type(value).__name__}")
