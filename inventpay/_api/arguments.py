"""Checks of arguments, made before anything is sent. Each refusal names the argument, its bound and what to do."""

from __future__ import annotations

import re
import sys
import warnings
from collections.abc import Collection
from datetime import timedelta
from typing import TYPE_CHECKING, Final, cast
from urllib.parse import urlsplit

from .._core.hosts import is_loopback
from .._core.json_values import shown
from ..errors import InvalidArgumentError
from . import bounds

if TYPE_CHECKING:
    from ..models import Model

PAYMENT_STATES: Final = (
    "PENDING",
    "PROCESSING",
    "CONFIRMING",
    "UNDERPAID",
    "COMPLETED",
    "SETTLED",
    "EXPIRED",
    "FAILED",
    "CANCELLED",
)
"""The members of ``PaymentState``, without the enum, which callers without payments do not load."""

_CURRENCY: Final = re.compile(r"[A-Z0-9_]{2,32}", re.ASCII)


def refused(argument: str, problem: str) -> InvalidArgumentError:
    """Return the error for an argument that was refused."""
    return InvalidArgumentError(f"{argument} {problem}", argument=argument)


def refused_value(argument: str, value: object, problem: str) -> InvalidArgumentError:
    """Return the error for an argument whose value may be shown."""
    return InvalidArgumentError(f"{argument}={shown(value)} {problem}", argument=argument)


def currency(value: object, argument: str) -> str:
    """Return a currency code. Unknown codes are sent too: the server may support more than this release."""
    if not isinstance(value, str):
        raise refused(argument, f'must be a currency code such as "USDT_BEP20", not {type(value).__name__}')
    if not _CURRENCY.fullmatch(value):
        meant = " or ".join(map(repr, _meant_codes(_plain(value), argument)))
        hint = f"; did you mean {meant}?" if meant else ""
        raise refused_value(argument, value, f"must be 2 to 32 characters of A-Z, 0-9 and _{hint}")
    return _plain(value)


def _meant_codes(value: str, argument: str) -> list[str]:
    """Return the codes that a malformed one may stand for: ``"usdt-bep20"``, or ``"usdt"`` without its chain."""
    from ..models.enums import AmountCurrency, Currency

    code = re.sub(r"[\s./-]+", "_", value.strip()).upper()
    known = AmountCurrency if argument == "amount_currency" else Currency
    meant = [coin.value for coin in known if coin == code or coin.startswith(f"{code}_")]
    return meant or ([value.upper()] if _CURRENCY.fullmatch(value.upper()) else [])


def text(value: object, argument: str, *, at_most: int) -> str:
    """Free text with an upper bound in characters."""
    if not isinstance(value, str):
        raise refused(argument, f"must be a str, not {type(value).__name__}")
    if len(value) > at_most:
        raise refused(argument, f"has {len(value)} characters; at most {at_most} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(argument, "holds half of a surrogate pair, which UTF-8 cannot carry; remove it") from None
    return _plain(value)


def _plain(value: str) -> str:
    # Not str(value): for members of a caller's own `class Coin(str, Enum)` that is "Coin.BTC", not "BTC".
    return str.__str__(value)


def expiration_minutes(value: object) -> int:
    """Return the minutes for which a payment stays open."""
    low, high = bounds.EXPIRATION_MINUTES
    return whole(value, "expiration_minutes", low, high, unit=" of minutes")


def whole(value: object, argument: str, low: int, high: int, *, unit: str = "") -> int:
    """Return a whole number between two bounds, ``unit`` being " of minutes" or the like."""
    # bool is an int: page=True is a mistake, not page 1.
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused(argument, f"must be a whole number{unit}, not {type(value).__name__}")
    if not low <= value <= high:
        raise refused_value(argument, value, f"must be between {low} and {high}")
    return int(value)


def callback_url(value: object) -> str:
    """Return a webhook address: https, or http to this machine for the sandbox (docs: webhooks/setup)."""
    return url(value, "callback_url", webhook=True)


def url(value: object, argument: str, *, webhook: bool = False) -> str:
    """Return a web address that starts with https; that of a webhook may start with http and name this machine."""
    checked = text(value, argument, at_most=bounds.URL_LENGTH)
    if not checked.isascii() or not checked.isprintable() or " " in checked:
        raise refused(argument, "must be printable ASCII without spaces; percent-encode everything else")
    try:
        parts = urlsplit(checked)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise refused(argument, f"is not a URL: {error}") from None
    # assumed: no source shows such an address, and Node's fetch refuses it, so that nothing would arrive.
    if parts.username is not None:
        raise refused(
            argument, f"must not hold a user name or password{'; deliveries are signed instead' if webhook else ''}"
        )
    if not host or not (parts.scheme == "https" or (webhook and parts.scheme == "http" and is_loopback(host))):
        otherwise = ' ("http://" is for loopback hosts only)' if webhook else ""
        raise refused_value(argument, checked, f'must start with "https://" and name a host{otherwise}')
    return checked


def states(value: object) -> frozenset[str]:
    """Return the payment states to wait for: one, several, or none in particular."""
    if value is None:
        return frozenset()
    names: list[object] = []
    if isinstance(value, str):
        names = [value]
    elif isinstance(value, Collection):
        names = list(cast("Collection[object]", value))
    checked = [_plain(name) for name in names if isinstance(name, str) and name]
    if not checked or len(checked) < len(names):
        raise refused("until", 'must be a payment state such as "COMPLETED", or several')
    return frozenset(map(_state, checked))


def _state(name: str) -> str:
    """Return a payment state in capital letters. An unknown one may be newer than this version, unless it is a typo."""
    known = _plain(name).upper()
    if known in PAYMENT_STATES:
        return known
    from difflib import get_close_matches

    meant = get_close_matches(known, PAYMENT_STATES, n=1, cutoff=0.75)
    if meant:
        raise refused_value("until", name, f"is no payment state; did you mean {meant[0]!r}?")
    warnings.warn(
        f"until={name!r} is none of the payment states that this version knows: {', '.join(PAYMENT_STATES)}; "
        "without until= the wait ends when the payment is paid, or has ended otherwise",
        stacklevel=4,
    )
    return name


def duration(value: object, argument: str, *, above_zero: bool = False) -> float:
    """Return the seconds as a number or a timedelta."""
    number = value.total_seconds() if isinstance(value, timedelta) else value
    if isinstance(number, bool) or not isinstance(number, (int, float)):
        raise refused(argument, f"must be seconds as a number or a timedelta, not {type(value).__name__}")
    if not 0 <= number <= sys.float_info.max or (above_zero and number == 0):
        raise refused_value(
            argument, value, f"must be {'more than 0' if above_zero else '0 or more'} seconds, and finite"
        )
    return float(number)


def address(value: object) -> str:
    """Return a destination address. It must be one word; each chain has further rules."""
    return _word(value, "destination_address")


def identifier(value: object, argument: str) -> str:
    """Return an id that becomes one segment of a path."""
    if not isinstance(value, str):
        raise refused(argument, f"must be a str, not {type(value).__name__}{_its_id(value, argument)}")
    checked = _word(value, argument)
    # Encoding cannot protect these two: clients and servers resolve them as directory steps.
    if checked in (".", ".."):
        raise refused_value(argument, checked, "is a directory step, not an id")
    return checked


def identifier_of(value: object, argument: str, kinds: tuple[type[Model], ...]) -> str:
    """Return an id that was passed by itself, or with a model of one of these kinds that has it.

    ``argument`` is the name of the id, and of the attribute.
    """
    return identifier(getattr(value, argument) if isinstance(value, kinds) else value, argument)


def _its_id(value: object, argument: str) -> str:
    """Return advice for a model that was passed instead of its id."""
    for name in (argument, "id"):
        if isinstance(getattr(value, name, None), str):
            return f"; pass its {name}"
    return ""


def _word(value: object, argument: str) -> str:
    checked = text(value, argument, at_most=bounds.ID_LENGTH)
    # Of all white space only the plain space is printable.
    if not checked or not checked.isprintable() or " " in checked:
        raise refused_value(argument, checked, "must be non-empty text without spaces")
    return checked


def idempotency_key(value: object) -> str:
    """Return the caller's idempotency key."""
    checked = text(value, "idempotency_key", at_most=bounds.IDEMPOTENCY_KEY_LENGTH)
    if not checked or not checked.isascii() or not checked.isprintable() or checked != checked.strip():
        raise refused("idempotency_key", "must be non-empty printable ASCII that neither starts nor ends with a space")
    return checked
