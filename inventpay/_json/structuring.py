"""Read parsed JSON into models: one function for each model, in straight-line code, for pages of thousands of values.

It takes only what is exactly as documented. ``tolerant.py`` looks at everything else again, reads what can be read, and
says what is wrong and where.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from types import NoneType, UnionType
from typing import Any, Final, Literal, TypeAlias, Union, cast, get_args, get_origin, get_type_hints

from attrs import NOTHING, Attribute, Factory, fields, has

from .._core.decimals import decode_money
from .._core.json_values import is_array, is_object, kind
from .bounds import check_length
from .fields import BESIDE, is_member

Reader: TypeAlias = Callable[[Any], Any]

EXACT: Final[Mapping[type[Any], str]] = {str: "text", int: "a whole number", bool: "a boolean"}
"""Types of JSON values that are taken as they are, and their names."""


def kinds_of(model: Any) -> dict[str, Any]:
    """Return the types of a model's attributes, without those that are kept beside."""
    return {name: each for name, each in get_type_hints(model).items() if name not in BESIDE}


@functools.cache
def reader(model: Any) -> Reader:
    """Return the function that makes this model out of a JSON object. It raises an exception for an odd one."""
    kinds = kinds_of(model)
    known: dict[str, Any] = {"new": object.__new__, "model": model}
    code = ["def read(raw):", " if type(raw) is not dict: raise ValueError", " self = new(model)"]
    for field in fields(model):
        name, member = field.name, camel(field.name)
        known[f"set_{name}"] = getattr(model, name).__set__
        if not is_member(field):
            if name != "raw":
                known[f"value_{name}"] = field.default
                code.append(f" set_{name}(self, value_{name})")
            continue
        wanted, nullable = without_none(kinds[name])
        required = field.default is NOTHING
        code.append(f" {name} = raw[{member!r}]" if required else f" {name} = raw.get({member!r})")
        code.append(f" if {name} is not None:" if nullable or not required else " if True:")
        code += _checked(name, wanted, known)
        if not required and field.default is not None:
            # Null says no more than absence does.
            known[f"default_{name}"] = default_of(field)
            code.append(f" else: {name} = default_{name}(self)")
        # Half the cost of a frozen model is its own __init__, which asks object.__setattr__ for each attribute.
        code.append(f" set_{name}(self, {name})")
    code += [" set_raw(self, raw)", " return self"]
    exec("\n".join(code), known)
    return cast(Reader, known["read"])


def default_of(field: Attribute[Any]) -> Reader:
    """Return the function that makes the default of an attribute out of the model so far."""
    default: Any = field.default
    if not isinstance(default, Factory):  # type: ignore[arg-type]
        return lambda _: default
    return default.factory if default.takes_self else lambda _: default.factory()


def _checked(name: str, wanted: Any, known: dict[str, Any]) -> list[str]:
    """Return code that reads the value of a variable, which is not null."""
    enum = enum_of(wanted)
    exact = wanted if enum is None else str
    if exact in EXACT:
        code = [f"  if type({name}) is not {exact.__name__}: raise ValueError"]
        if enum is not None:
            known[f"enum_{name}"], known[f"members_{name}"] = enum, {member.value: member for member in enum}
            known["known_value"] = known_value
            code.append(f"  {name} = members_{name}.get({name}) or known_value(enum_{name}, {name})")
        return code
    known[f"read_{name}"] = _reader_of(wanted)
    return [f"  {name} = read_{name}({name})"]


def _reader_of(wanted: Any) -> Reader:
    """Return the function that reads a value of any type."""
    if wanted is Any:
        return lambda value: value
    if wanted is Decimal:
        return decode_money
    if wanted is float:
        return read_float
    if wanted is datetime:
        return read_time
    if has(wanted):
        return reader(wanted)
    if enum_of(wanted) is not None or wanted in EXACT:
        known: dict[str, Any] = {}
        exec("\n".join(["def read(value):", *_checked("value", wanted, known), "  return value"]), known)
        return cast(Reader, known["read"])
    if get_origin(wanted) is Literal:
        return functools.partial(read_literal, get_args(wanted))
    read = _reader_of(get_args(wanted)[-1 if get_origin(wanted) is Mapping else 0])
    return functools.partial(read_mapping if get_origin(wanted) is Mapping else read_tuple, read)


def read_tuple(read: Reader, value: object) -> tuple[Any, ...]:
    """Return a list of such values. Raises ValueError for anything else."""
    if not is_array(value):
        raise instead("a list", value)
    check_length(value)
    return tuple([read(item) for item in value])


def read_mapping(read: Reader, value: object) -> dict[str, Any]:
    """Return an object with such values. Raises ValueError for anything else."""
    if not is_object(value):
        raise instead("an object", value)
    check_length(value)
    return {name: read(item) for name, item in value.items()}


def read_float(value: object) -> float:
    """Return a number that is no money. Raises ValueError for anything else."""
    return float(decode_money(value))


def read_literal(allowed: tuple[str, ...], value: object) -> object:
    """Return one of some values. Raises ValueError for any other."""
    if value not in allowed:
        raise ValueError
    return value


def read_time(value: object) -> datetime:
    """Return an aware time. Raises ValueError for text that is no time, or a time without a zone."""
    if type(value) is not str:
        raise instead("an ISO 8601 time", value)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is no ISO 8601 time: {value[:40]!r}") from None
    if time.tzinfo is None:
        raise ValueError(f"is a time without a zone: {value[:40]!r}")
    return time


def enum_of(wanted: Any) -> type[StrEnum] | None:
    """Return the enum of an open one, such as ``Currency | str``; ``None`` for any other type."""
    return next((each for each in get_args(wanted) if isinstance(each, type) and issubclass(each, StrEnum)), None)


def known_value(enum: type[StrEnum], text: str) -> str:
    """Return the member that a text names, or the text itself: a new coin must not break a deployed merchant.

    States are known in any case of letters. Currencies count as they are written: ``btc`` is not known to be ``BTC``.
    """
    try:
        return enum(text)
    except ValueError:
        return text


def without_none(wanted: Any) -> tuple[Any, bool]:
    """Return a type without ``None``, and whether ``None`` was part of it."""
    if get_origin(wanted) not in (Union, UnionType) or NoneType not in get_args(wanted):
        return wanted, False
    return cast(Any, Union)[tuple(each for each in get_args(wanted) if each is not NoneType)], True


def instead(wanted: str, value: object) -> ValueError:
    """Return the error for a value of another kind."""
    return ValueError(f"is {kind(value)}, not {wanted}")


def camel(name: str) -> str:
    """Return the JSON name of an attribute: ``available_balance`` is ``availableBalance``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
