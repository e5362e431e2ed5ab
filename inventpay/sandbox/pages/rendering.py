"""Templates: loaded from the package, escaped by default, strict about names."""

from __future__ import annotations

import functools
from datetime import UTC, datetime
from decimal import Decimal
from importlib.resources import files
from typing import TYPE_CHECKING

from ..http.answers import HTML, Answer
from ..merchant.money import decimal_places, plain

if TYPE_CHECKING:
    from jinja2 import Environment

# Allow only this server's files: no external asset, no inline script, no frame around a page with buttons.
_POLICY = b"default-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; frame-ancestors 'none'"

_HEADERS = (
    (b"content-security-policy", _POLICY),
    (b"cache-control", b"no-store"),
    (b"referrer-policy", b"no-referrer"),
    (b"x-content-type-options", b"nosniff"),
)


def fragment(template: str, **values: object) -> str:
    """Return a rendered template as text."""
    return _environment().get_template(template).render(values)


def page(template: str, *, status: int = 200, **values: object) -> Answer:
    """Return a rendered page as an answer."""
    return Answer(status, fragment(template, **values).encode(), HTML, _HEADERS)


@functools.cache
def _environment() -> Environment:
    # Imported late: only the pages need it.
    from jinja2 import Environment, FunctionLoader, StrictUndefined

    environment = Environment(
        loader=FunctionLoader(_template),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters.update(amount=amount, time_of_day=time_of_day, date_time=date_time, short=short, price=price)
    return environment


def _template(name: str) -> str:
    """Return the text of a template, from a folder, a zip or a bundle alike."""
    return files("inventpay.sandbox.pages").joinpath("templates", name).read_text(encoding="utf-8")


def amount(value: Decimal, currency: str = "") -> str:
    """Return an exact amount for display, with at least two decimals for a fiat currency."""
    exact = plain(value)
    return format(value, ".2f") if currency == "USD" and decimal_places(Decimal(exact)) < 2 else exact


def price(value: Decimal) -> str:
    """Return a price in USD, with separators for thousands."""
    return format(value, ",f")


def time_of_day(at: float) -> str:
    """Return a time of day in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S}"


def date_time(at: float) -> str:
    """Return a date and time in UTC."""
    return f"{datetime.fromtimestamp(at, UTC):%Y-%m-%d %H:%M:%S}"


def short(text: str, length: int = 14) -> str:
    """Return the beginning and the end of a long identifier."""
    return text if len(text) <= length else f"{text[: length - 7]}…{text[-6:]}"
