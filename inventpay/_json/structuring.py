"""One function for each model that makes it out of parsed JSON, in straight-line code: a page has thousands of values.

What no source documents is refused here without a word; ``converter.py`` then has cattrs look again, which says what is
wrong and where.
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

Reader: TypeAlias = Callable[[Any], Any]

EXACT: Final[Mapping[type[Any], str]] = {str: "text", int: "a whole number", bool: "a boolean"}
"""What is taken as it is, and never made out of anything else."""


@functools.cache
def reader(model: Any) -> Reader:
    """The function that makes this model out of a JSON object. Whatever it raises, the object is an odd one."""
    kinds = get_type_hints(model)
    known: dict[str, Any] = {"new": object.__new__, "model": model}
    code = ["def read(raw):", " if type(raw) is not dict: raise ValueError", " self = new(model)"]
    for field in fields(model):
        name, member = field.name, camel(field.name)
        if name != "raw":
            wanted, nullable = without_none(kinds[name])
            required = field.default is NOTHING
            code.append(f" {name} = raw[{member!r}]" if required else f" {name} = raw.get({member!r})")
            code.append(f" if {name} is not None:" if nullable or not required else " if True:")
            code += _checked(name, wanted, known)
            if not required and field.default is not None:
                # Null says no more than absence does.
                known[f"default_{name}"] = _default(field)
                code.append(f" else: {name} = default_{name}(self)")
        # Half the cost of a frozen model is its own __init__, which asks object.__setattr__ for each attribute.
        known[f"set_{name}"] = getattr(model, name).__set__
        code.append(f" set_{name}(self, {name})")
    exec("\n".join([*code, " return self"]), known)
    return cast(Reader, known["read"])


def _default(field: Attribute[Any]) -> Reader:
    default: Any = field.default
    if not isinstance(default, Factory):  # type: ignore[arg-type]
        return lambda _: default
    return default.factory if default.takes_self else lambda _: default.factory()


def _checked(name: str, wanted: Any, known: dict[str, Any]) -> list[str]:
    """The code that makes what is wanted out of the value of a variable, which is not null."""
    members = members_of(wanted)
    exact = wanted if members is None else str
    if exact in EXACT:
        code = [f"  if type({name}) is not {exact.__name__}: raise ValueError"]
        if members is not None:
            known[f"members_{name}"] = members
            code.append(f"  {name} = members_{name}.get({name}, {name})")
        return code
    known[f"read_{name}"] = _reader_of(wanted)
    return [f"  {name} = read_{name}({name})"]


def _reader_of(wanted: Any) -> Reader:
    """What reads a value of any kind."""
    if wanted is Any:
        return lambda value: value
    if wanted is Decimal:
        return decode_money
    if wanted is float:
        return float
    if wanted is datetime:
        return read_time
    if has(wanted):
        return reader(wanted)
    if members_of(wanted) is not None or wanted in EXACT:
        known: dict[str, Any] = {}
        exec("\n".join(["def read(value):", *_checked("value", wanted, known), "  return value"]), known)
        return cast(Reader, known["read"])
    if get_origin(wanted) is Literal:
        return functools.partial(read_literal, get_args(wanted))
    read = _reader_of(get_args(wanted)[-1 if get_origin(wanted) is Mapping else 0])
    return functools.partial(read_mapping if get_origin(wanted) is Mapping else read_tuple, read)


def read_tuple(read: Reader, value: object) -> tuple[Any, ...]:
    """A list of such values. Raises ValueError for what is none."""
    if not is_array(value):
        raise instead("a list", value)
    return tuple([read(item) for item in value])


def read_mapping(read: Reader, value: object) -> dict[str, Any]:
    """An object with such values. Raises ValueError for what is none."""
    if not is_object(value):
        raise instead("an object", value)
    return {name: read(item) for name, item in value.items()}


def read_literal(allowed: tuple[str, ...], value: object) -> object:
    """One of some values. Raises ValueError for any other."""
    if value not in allowed:
        raise ValueError
    return value


def read_time(value: object) -> datetime:
    """A moment. Raises ValueError for what is none, and for one that leaves open which."""
    if type(value) is not str:
        raise instead("an ISO 8601 time", value)
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is no ISO 8601 time: {value[:40]!r}") from None
    if time.tzinfo is None:
        raise ValueError(f"is a time without a zone: {value[:40]!r}")
    return time


def members_of(wanted: Any) -> Mapping[str, StrEnum] | None:
    """The values of an open enum, such as ``Currency | str``: known ones become members, unknown ones stay text, since
    a new coin must not break a deployed merchant. ``None`` for any other kind."""
    kinds = [each for each in get_args(wanted) if isinstance(each, type) and issubclass(each, StrEnum)]
    return {member.value: member for each in kinds for member in each} if kinds else None


def without_none(wanted: Any) -> tuple[Any, bool]:
    """A kind without ``None``, and whether it had one."""
    if get_origin(wanted) not in (Union, UnionType) or NoneType not in get_args(wanted):
        return wanted, False
    return cast(Any, Union)[tuple(each for each in get_args(wanted) if each is not NoneType)], True


def instead(wanted: str, value: object) -> ValueError:
    """What is wrong with a value that is something else."""
    return ValueError(f"is {kind(value)}, not {wanted}")


def camel(name: str) -> str:
    """The JSON name of an attribute: ``available_balance`` is ``availableBalance``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)
