"""Exact amounts: never a binary float, never silently rounded, at most 30 digits on either side of the point."""

from __future__ import annotations

from collections.abc import Iterable
from decimal import ROUND_DOWN, ROUND_UP, Context, Decimal, Inexact, InvalidOperation, Overflow

import msgspec

from ..._core.decimals import NUMBER
from ..assumptions import MAX_DIGITS

# The precision is enough for sums and products of permitted amounts. A result that does not fit raises an error.
EXACT = Context(prec=200, traps=[Inexact, InvalidOperation, Overflow])
_ROUNDING = Context(prec=200, traps=[InvalidOperation, Overflow])

ZERO = Decimal(0)


def add(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact sum."""
    return EXACT.add(left, right)


def subtract(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact difference."""
    return EXACT.subtract(left, right)


def multiply(left: Decimal, right: Decimal) -> Decimal:
    """Return the exact product."""
    return EXACT.multiply(left, right)


def total(amounts: Iterable[Decimal]) -> Decimal:
    """Return the exact sum of all amounts."""
    result = ZERO
    for amount in amounts:
        result = EXACT.add(result, amount)
    return result


def round_up(value: Decimal, places: int) -> Decimal:
    """Return ``value`` with at most ``places`` decimals, rounded away from zero."""
    return value.quantize(Decimal((0, (1,), -places)), ROUND_UP, _ROUNDING)


def half(value: Decimal, places: int) -> Decimal:
    """Return half of ``value`` with at most ``places`` decimals, rounded towards zero."""
    return multiply(value, Decimal("0.5")).quantize(Decimal((0, (1,), -places)), ROUND_DOWN, _ROUNDING)


def positive(value: object) -> Decimal:
    """Return ``value`` as an amount above zero; raise ``ValueError`` with the reason for any other value."""
    # bool is an int in Python; `true` is no amount in JSON.
    if isinstance(value, bool) or not isinstance(value, (int, Decimal)):
        raise ValueError("Must be a number")
    amount = Decimal(value)
    if not amount.is_finite():
        raise ValueError("Must be a finite number")
    if amount <= 0:
        raise ValueError("Must be greater than 0")
    if amount.adjusted() >= MAX_DIGITS or decimal_places(amount) > MAX_DIGITS:
        raise ValueError(f"Must have at most {MAX_DIGITS} digits before and {MAX_DIGITS} after the decimal point")
    return amount


def from_python(value: object) -> Decimal:
    """Return an amount from Python code: text is accepted too; floats are refused because they are not exact."""
    if isinstance(value, str):
        # `Decimal` takes blanks, underscores and the digits of every script too.
        if not NUMBER.fullmatch(value):
            raise ValueError(f"Must be a number, not {value[:40]!r}")
        value = Decimal(value)
    if isinstance(value, float):
        raise ValueError("Must be a Decimal, an int or a str: a float is not exact")
    return positive(value)


def decimal_places(value: Decimal) -> int:
    """Return the number of digits after the point, as written: 2 for ``29.90``, 0 for ``3E+2``."""
    exponent = value.as_tuple().exponent
    return max(0, -exponent) if isinstance(exponent, int) else 0  # an infinity has no exponent


def plain(value: Decimal) -> str:
    """Return ``value`` without exponent and without trailing zeros: ``0.00000001``, never ``1E-8``."""
    text = format(value, "f")
    return text.rstrip("0").rstrip(".") if "." in text else text


def number(value: Decimal) -> msgspec.Raw:
    """Return ``value`` as an exact JSON number."""
    return msgspec.Raw(plain(value).encode())
