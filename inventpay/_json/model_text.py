"""Write a model as JSON text, parse such text, and name members as the API does."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any, cast, get_args, get_origin

import msgspec
from attrs import fields, has

from .._core.decimals import fits, plain
from ..errors import InvalidArgumentError
from .converter import read_json
from .fields import is_member
from .structuring import camel, kinds_of, without_none


def parse_model(text: object) -> Any:
    """Return the document of JSON text. Raises DecodeError, and InvalidArgumentError for anything but text or bytes."""
    if isinstance(text, str):
        return read_json(text.encode("utf-8", "surrogatepass"), what="the text")
    if isinstance(text, bytes):
        return read_json(text, what="the text")
    raise InvalidArgumentError(f"text must be str or bytes, not {type(text).__name__}", argument="text")


def write_model(members: Mapping[str, Any]) -> str:
    """Return the JSON text of a model's members, numbers exact."""
    return msgspec.json.encode(_writable(members)).decode()


def _writable(value: Any) -> Any:
    if isinstance(value, Decimal):
        return msgspec.Raw(decimal_text(value).encode()) if value.is_finite() else None
    if isinstance(value, Mapping):
        members = cast("Mapping[str, Any]", value)
        return {str(name): _writable(item) for name, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in cast("Sequence[Any]", value)]
    # Enums and other subclasses of str are written as the text they are.
    return str.__str__(value) if isinstance(value, str) else value


def decimal_text(value: Decimal) -> str:
    """Return the text of an amount, exact: plain notation, and an exponent for the few that are too long for it."""
    return plain(value) if fits(value) else str(value)


def wire_names(model: Any, members: Mapping[str, Any]) -> dict[str, Any]:
    """Return the members of a mapping of either naming under the names of the API, parts of the model included."""
    kinds = kinds_of(model)
    renamed = dict(members)
    for attribute in fields(model):
        name, json_name = attribute.name, camel(attribute.name)
        if not is_member(attribute):
            continue
        if name in renamed and name != json_name:
            value = renamed.pop(name)
            renamed.setdefault(json_name, value)
        if json_name in renamed:
            renamed[json_name] = _wire_value(without_none(kinds[name])[0], renamed[json_name])
    return renamed


def _wire_value(wanted: Any, value: Any) -> Any:
    if has(wanted):
        if isinstance(value, wanted):
            value = cast(Any, value).to_dict(wire=True)
        return cast(Any, wanted)._wire_names(value) if isinstance(value, Mapping) else value
    origin = get_origin(wanted)
    if origin is tuple and isinstance(value, (list, tuple)):
        return [_wire_value(get_args(wanted)[0], item) for item in cast("Sequence[Any]", value)]
    if origin is Mapping and isinstance(value, Mapping):
        held = cast("Mapping[str, Any]", value)
        return {name: _wire_value(get_args(wanted)[1], item) for name, item in held.items()}
    return value
