"""Checks of arguments that only the store's calls have.

Bounds are those of the vendor's MCP server and skill document, unless assumed.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, cast

from attrs import evolve

from .._json.converter import structure
from ..models.base import Model
from ..models.products import DigitalContent
from ..models.stores import StoreSettings
from . import arguments, bounds
from .amounts import read_amount
from .call import json_bytes

_ID: Final = re.compile(r"[A-Za-z0-9._~-]+", re.ASCII)
_WORD: Final = re.compile(r"[A-Z0-9_]{2,32}", re.ASCII)

Check = Callable[[object, str], Any]


def text(at_most: int, *, at_least: int = 0) -> Check:
    """Text with bounds in characters."""

    def check(value: object, argument: str) -> str:
        checked = arguments.text(value, argument, at_most=at_most)
        if len(checked.strip()) < at_least:
            raise arguments.refused_value(argument, checked, f"must have {at_least} to {at_most} characters")
        return checked

    return check


def whole(low: int, high: int) -> Check:
    """Return a whole number between bounds."""
    return lambda value, argument: arguments.whole(value, argument, low, high)


def identifier(value: object, argument: str) -> str:
    """Return an id of the store; raise InvalidArgumentError for any other value.

    The check is stricter than elsewhere: a path below a product can delete its whole key pool, and not every server
    treats an encoded slash as a part of a name.
    """
    checked = arguments.identifier(value, argument)
    if not _ID.fullmatch(checked):
        raise arguments.refused_value(argument, checked, 'is no id: those have letters, digits, "-", "_", "." and "~"')
    return checked


def word(example: str) -> Check:
    """Return a word of the API, such as a status. Unknown ones are sent too: the server may support more."""

    def check(value: object, argument: str) -> str:
        checked = arguments.text(value, argument, at_most=bounds.ID_LENGTH)
        if not _WORD.fullmatch(checked):
            hint = f"; did you mean {checked.upper()!r}?" if _WORD.fullmatch(checked.upper()) else ""
            raise arguments.refused_value(argument, checked, f'must be a word such as "{example}"{hint}')
        return checked

    return check


def flag(value: object, argument: str) -> bool:
    """True or false."""
    if not isinstance(value, bool):
        raise arguments.refused(argument, f"must be True or False, not {type(value).__name__}")
    return value


def price(value: object, argument: str) -> Decimal:
    """Return a product's price, exact."""
    amount = read_amount(value, argument)
    low, high = bounds.PRICE
    if not low <= amount <= high:
        raise arguments.refused_value(argument, value, f"must be between {low} and {high}")
    return amount


def https_url(value: object, argument: str) -> str:
    """Return a web address, encrypted."""
    return arguments.url(value, argument)


def images(value: object, argument: str) -> list[str]:
    """Web addresses of images."""
    urls = _several(value, argument, "https URLs")
    if len(urls) > bounds.IMAGES:
        raise arguments.refused(argument, f"holds {len(urls)} URLs; at most {bounds.IMAGES} are allowed")
    return [https_url(url, f"{argument}[{index}]") for index, url in enumerate(urls)]


def json_object(value: object, argument: str) -> dict[str, Any]:
    """Free members, by name."""
    if not isinstance(value, Mapping):
        raise arguments.refused(argument, f"must be a dict, not {type(value).__name__}")
    members = dict(cast("Mapping[str, Any]", value))
    json_bytes(members, argument)
    return members


def json_objects(value: object, argument: str) -> list[dict[str, Any]]:
    """Several of them."""
    return [json_object(item, f"{argument}[{index}]") for index, item in enumerate(_several(value, argument, "dicts"))]


def digital_content(value: object, argument: str) -> dict[str, Any]:
    """Check the content that a buyer gets, and return it with the members that this version does not model."""
    if not isinstance(value, DigitalContent):
        raise arguments.refused(argument, f"must be a DigitalContent, not {type(value).__name__}")
    if value.file_url is not None:
        https_url(value.file_url, f"{argument}.file_url")
    if value.file_size is not None:
        arguments.whole(value.file_size, f"{argument}.file_size", 0, bounds.FILE_SIZE, unit=" of bytes")
    for name in ("file_name", "license_key", "instructions", "text_content"):
        if getattr(value, name) is not None:
            arguments.text(getattr(value, name), f"{argument}.{name}", at_most=bounds.CONTENT_LENGTH)
    return open_record(value, argument)


def settings(value: object, argument: str) -> dict[str, Any]:
    """Check the settings of a store: a StoreSettings, or a mapping with the API's own names, which is sent as it is."""
    if isinstance(value, Mapping):
        return json_object(cast("Mapping[str, Any]", value), argument)
    if not isinstance(value, StoreSettings):
        raise arguments.refused(argument, f"must be a StoreSettings or a dict, not {type(value).__name__}")
    checked: dict[str, Any] = {}
    if value.accepted_currencies is not None:
        coins = _several(value.accepted_currencies, f"{argument}.accepted_currencies", "currency codes")
        checked["accepted_currencies"] = tuple(
            arguments.currency(coin, f"{argument}.accepted_currencies[{index}]") for index, coin in enumerate(coins)
        )
    for name in ("min_order_amount", "max_order_amount"):
        if getattr(value, name) is not None:
            checked[name] = read_amount(getattr(value, name), f"{argument}.{name}")
    low, high = checked.get("min_order_amount"), checked.get("max_order_amount")
    if low is not None and high is not None and low > high:
        raise arguments.refused(f"{argument}.min_order_amount", f"is {low}, more than max_order_amount, {high}")
    return open_record(evolve(value, **checked), argument)


def open_record(value: Model, argument: str) -> dict[str, Any]:
    """Return the members to send for a model that came from the API, or was made by hand.

    Members that were not changed since they came go back as they came, those that this version does not model or could
    not read among them. A member that was cleared is sent as null.
    """
    came = dict(value.raw)
    members = value.to_dict(wire=True)
    before = structure(type(value), came, path="$").to_dict(wire=True) if came else {}
    changed = {name: item for name, item in members.items() if item != before.get(name)}
    return json_object({**came, **changed}, argument)


def _several(value: object, argument: str, what: str) -> Sequence[object]:
    kind = type(value).__name__
    # Texts and dicts are collections too: of characters, and of names.
    if not isinstance(value, Collection) or isinstance(value, (str, bytes, Mapping)):
        raise arguments.refused(argument, f"must be a list of {what}, not {kind}")
    return list(cast("Collection[object]", value))
