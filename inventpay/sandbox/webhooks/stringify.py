"""Write JSON like ``JSON.stringify`` of Node.js, which produces the API's webhooks.

Every number is a double there: ``0.00000001`` is written as ``1e-8``, and the 19th digit of an amount is lost. A
verifier that parses and re-encodes a body gets the same bytes only for bodies of this form.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import msgspec

# Exponents of ten between which JavaScript writes a number without exponent (ECMA-262, Number::toString).
_LOWEST, _HIGHEST = -6, 21


def stringify(value: object) -> bytes:
    """Return compact JSON in UTF-8. Raises ``TypeError`` for what JSON cannot hold."""
    return _text(value).encode()


def number(value: Decimal | float) -> str:
    """Return the shortest text that reads as the double next to ``value``.

    Example:
        number(Decimal("0.00000001"))      # "1e-8"
    """
    double = float(value)
    if double == 0:
        return "0"
    sign, digits, exponent = Decimal(repr(double)).normalize().as_tuple()
    assert isinstance(exponent, int)  # finite
    text, minus = "".join(map(str, digits)), "-" * sign
    # The value is 0.DIGITS times ten to this power.
    point = len(text) + exponent
    if 0 < point <= _HIGHEST:
        whole = text[:point].ljust(point, "0")
        return f"{minus}{whole}" + (f".{text[point:]}" if text[point:] else "")
    if _LOWEST < point <= 0:
        return f"{minus}0.{'0' * -point}{text}"
    fraction = f".{text[1:]}" if text[1:] else ""
    return f"{minus}{text[0]}{fraction}e{point - 1:+d}"


def _text(value: object) -> str:
    match value:
        case None:
            return "null"
        case bool():
            return "true" if value else "false"
        case str():
            # For text msgspec writes the same escapes.
            return msgspec.json.encode(str(value)).decode()
        case int() | float() | Decimal():
            return number(value)
        case msgspec.Raw():
            # Amounts are the exact text of a number.
            return number(Decimal(bytes(value).decode()))
        case Mapping():
            members: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
            return "{" + ",".join(f"{_text(name)}:{_text(member)}" for name, member in members.items()) + "}"
        case Sequence():
            items: Sequence[Any] = value  # pyright: ignore[reportUnknownVariableType]
            return "[" + ",".join(map(_text, items)) + "]"
        case _:
            raise TypeError(f"{type(value).__name__} has no form in JSON")
