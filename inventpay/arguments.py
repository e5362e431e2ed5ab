"""Checks of arguments, made before anything is sent. Each refusal names the argument, its bound and what to do."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

from .errors import InvalidArgumentError
from .options import is_loopback

ORDER_ID_LENGTH: Final = 100
DESCRIPTION_LENGTH: Final = 500
"""Characters (vendor's skill document, create_payment)."""

EXPIRATION_MINUTES: Final = (5, 1440)
"""Docs: create-payment, create-invoice."""

ID_LENGTH: Final = 255
"""assumed: ids are cuid-like, about 25 characters; no source states a bound, and one must keep URLs sane."""

URL_LENGTH: Final = 2048
"""assumed: what browsers and proxies accept; no source states a bound."""

IDEMPOTENCY_KEY_LENGTH: Final = 255
"""assumed: Stripe's bound; no source states one."""

_CURRENCY: Final = re.compile(r"[A-Z0-9_]{2,32}", re.ASCII)


def refused(argument: str, problem: str) -> InvalidArgumentError:
    """The error for an argument that was refused."""
    return InvalidArgumentError(f"{argument} {problem}", argument=argument)


def shown(value: object) -> str:
    """A value as an error message shows it: its repr, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else f"{text[:57]}..."


def currency(value: object, argument: str) -> str:
    """A currency code. Unknown ones go to the server, which knows better than this release."""
    if not isinstance(value, str):
        raise refused(argument, f'must be a currency code such as "USDT_BEP20", not {type(value).__name__}')
    if not _CURRENCY.fullmatch(value):
        hint = f"; did you mean {value.upper()!r}?" if _CURRENCY.fullmatch(value.upper()) else ""
        raise refused(argument, f"={shown(value)} must be 2 to 32 characters of A-Z, 0-9 and _{hint}")
    return str(value)


def text(value: object, argument: str, *, at_most: int) -> str:
    """Free text with an upper bound in characters."""
    if not isinstance(value, str):
        raise refused(argument, f"must be a str, not {type(value).__name__}")
    if len(value) > at_most:
        raise refused(argument, f"has {len(value)} characters; at most {at_most} are allowed")
    try:
        value.encode()
    except UnicodeEncodeError:
        raise refused(argument, "holds half of a surrogate pair, which no JSON text can carry") from None
    return str(value)


def expiration_minutes(value: object) -> int:
    """How long a payment stays open."""
    low, high = EXPIRATION_MINUTES
    if isinstance(value, bool) or not isinstance(value, int):
        raise refused("expiration_minutes", f"must be a whole number of minutes, not {type(value).__name__}")
    if not low <= value <= high:
        raise refused("expiration_minutes", f"={shown(value)} must be between {low} and {high}")
    return int(value)


def callback_url(value: object) -> str:
    """A webhook address: https, or http to this machine for the sandbox (docs: webhooks/setup)."""
    checked = text(value, "callback_url", at_most=URL_LENGTH)
    if not checked.isascii() or not checked.isprintable() or " " in checked:
        raise refused(
            "callback_url", f"={shown(checked)} must be printable ASCII without spaces; percent-encode the rest"
        )
    try:
        parts = urlsplit(checked)
        host, _port = parts.hostname, parts.port
    except ValueError as error:
        raise refused("callback_url", f"={shown(checked)} is not a URL: {error}") from None
    if not host or not (parts.scheme == "https" or (parts.scheme == "http" and is_loopback(host))):
        raise refused("callback_url", f'={shown(checked)} must start with "https://" (http is for loopback hosts only)')
    return checked


def address(value: object) -> str:
    """A destination address. Only that it is one word is checked: each chain has rules of its own."""
    checked = text(value, "destination_address", at_most=ID_LENGTH)
    if not checked or not checked.isprintable() or any(character.isspace() for character in checked):
        raise refused("destination_address", f"={shown(checked)} must be non-empty text without spaces")
    return checked


def identifier(value: object, argument: str) -> str:
    """An id that becomes one segment of a path."""
    checked = text(value, argument, at_most=ID_LENGTH)
    if not checked or not checked.isprintable() or any(character.isspace() for character in checked):
        raise refused(argument, f"={shown(checked)} must be non-empty text without spaces")
    # Encoding cannot protect these two: clients and servers resolve them as directory steps.
    if checked in (".", ".."):
        raise refused(argument, f"={shown(checked)} is no id")
    return checked


def idempotency_key(value: object) -> str:
    """A key the caller chose."""
    checked = text(value, "idempotency_key", at_most=IDEMPOTENCY_KEY_LENGTH)
    if not checked or not checked.isascii() or not checked.isprintable() or checked != checked.strip():
        raise refused("idempotency_key", "must be non-empty printable ASCII that neither starts nor ends with a space")
    return checked


def segment(value: str) -> str:
    """A percent-encoded path segment: ``../merchant/balance`` and ``a?b=c`` stay what they are, one odd id."""
    return quote(value, safe="")
