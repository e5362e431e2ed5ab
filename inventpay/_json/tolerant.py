"""Read a JSON object that the straight-line readers refuse, and say what is odd about it.

Identity, money and state must be what a source documents, or the object is refused with the path of the odd value.
Decoration is read where that needs no guess, such as ``"12"`` for a count; otherwise it is ``None`` (or the model's own
default), and its path is listed in ``unread``. Loaded for the first odd object.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sized
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from functools import cache, partial
from typing import Any, Final, Literal, TypeAlias, get_args, get_origin

from attrs import NOTHING, fields, frozen, has

from .._core.decimals import decode_money
from .._core.json_values import is_array, is_object
from .bounds import check_length
from .fields import is_member, is_strict
from .structuring import camel, default_of, enum_of, instead, kinds_of, known_value, read_float, read_time, without_none

Path: TypeAlias = str
Unread: TypeAlias = list[Path]
TolerantReader: TypeAlias = Callable[[object, Path, Unread], Any]

_MOST_ODD: Final = 50
"""Odd elements of one list after which the list as a whole is given up: a hostile one has thousands."""

_DIGITS: Final = re.compile(r"-?[0-9]{1,19}", re.ASCII)
_SECONDS: Final = (10**9, 10**11)
"""Numbers that can only be seconds since 1970: the years 2001 to 5138."""
_MILLISECONDS: Final = (10**12, 10**14)
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


class OddValueError(Exception):
    """A value that must be readable is not."""

    def __init__(self, path: Path, problem: str) -> None:
        super().__init__(f"{path} {problem}")
        self.path: Final = path


@frozen
class _Member:
    """The reader of one attribute."""

    name: str
    json_name: str
    read: TolerantReader
    required: bool
    """Whether absence is odd."""
    nullable: bool
    strict: bool
    default: Callable[[Any], Any]


def read_model(
    model: type[Any], value: object, path: Path, unread: Unread, *, moved: Mapping[str, Path] | None = None
) -> Any:
    """Return the model of an object found at ``path``; paths of what was not read are added to ``unread``.

    ``moved`` says where members stood that were put into the object. Raises OddValueError.
    """
    if not is_object(value):
        raise OddValueError(path, str(instead("an object", value)))
    before = len(unread)
    instance = object.__new__(model)
    for member in _members(model):  # type: ignore[arg-type]
        place = (moved or {}).get(member.json_name, f"{path}.{member.json_name}")
        held = value.get(member.json_name)
        if held is None and not member.required:
            result = member.default(instance)
        elif held is None and member.json_name not in value:
            raise OddValueError(place, "is missing")
        elif held is None and member.nullable:
            result = None
        else:
            try:
                result = member.read(held, place, unread)
            except OddValueError as error:
                if member.strict:
                    raise
                unread.append(error.path)
                result = member.default(instance)
        object.__setattr__(instance, member.name, result)
    for field in fields(model):
        if not is_member(field):
            object.__setattr__(instance, field.name, None)
    object.__setattr__(instance, "raw", value)
    object.__setattr__(instance, "unread", tuple(unread[before:]))
    return instance


@cache
def _members(model: Any) -> tuple[_Member, ...]:
    kinds = kinds_of(model)
    members: list[_Member] = []
    for field in fields(model):
        if not is_member(field):
            continue
        wanted, nullable = without_none(kinds[field.name])
        strict = is_strict(field)
        members.append(
            _Member(
                field.name,
                camel(field.name),
                _reader_of(wanted, strict),
                field.default is NOTHING,
                nullable,
                strict,
                default_of(field),
            )
        )
    return tuple(members)


def _reader_of(wanted: Any, strict: bool) -> TolerantReader:
    if wanted is Any:
        return lambda value, path, unread: value
    if has(wanted):
        return partial(read_model, wanted)
    origin = get_origin(wanted)
    if origin in (tuple, Mapping):
        read = _reader_of(get_args(wanted)[0 if origin is tuple else 1], strict)
        return partial(_read_list if origin is tuple else _read_mapping, read, strict)
    return partial(_read_leaf, _leaf_of(wanted, strict))


def _leaf_of(wanted: Any, strict: bool) -> Callable[[Any], Any]:
    enum = enum_of(wanted)
    if enum is not None:
        return lambda value: known_value(enum, _text(value))
    if get_origin(wanted) is Literal:
        return partial(_one_of, get_args(wanted))
    if wanted is str:
        return _text if strict else _any_text
    return _LEAVES[wanted]


def _read_leaf(read: Callable[[Any], Any], value: object, path: Path, unread: Unread) -> Any:
    del unread
    try:
        return read(value)
    except ValueError as error:
        raise OddValueError(path, str(error)) from None
    except ArithmeticError:
        raise OddValueError(path, "is a number beyond all use") from None


def _read_list(read: TolerantReader, strict: bool, value: object, path: Path, unread: Unread) -> tuple[Any, ...]:
    if not is_array(value):
        raise OddValueError(path, str(instead("a list", value)))
    _check_length(value, path)
    places = ((index, f"{path}[{index}]", item) for index, item in enumerate(value))
    return tuple(_elements(read, strict, places, path, unread).values())


def _read_mapping(read: TolerantReader, strict: bool, value: object, path: Path, unread: Unread) -> dict[str, Any]:
    if not is_object(value):
        raise OddValueError(path, str(instead("an object", value)))
    _check_length(value, path)
    places = ((name, f"{path}.{name}", item) for name, item in value.items())
    return _elements(read, strict, places, path, unread)


def _check_length(items: Sized, path: Path) -> None:
    try:
        check_length(items)
    except ValueError as error:
        raise OddValueError(path, str(error)) from None


def _elements(
    read: TolerantReader, strict: bool, places: Iterable[tuple[Any, Path, object]], path: Path, unread: Unread
) -> dict[Any, Any]:
    """Return the elements by index or name. Those of decoration that are odd are left out."""
    found: dict[Any, Any] = {}
    before = len(unread)
    for key, place, item in places:
        try:
            found[key] = read(item, place, unread)
        except OddValueError as error:
            if strict:
                raise
            unread.append(error.path)
            if len(unread) - before > _MOST_ODD:
                del unread[before:]
                raise OddValueError(path, "is odd throughout") from None
    return found


def _text(value: object) -> str:
    """Return text as it is: ids, currencies and states are never made out of anything else."""
    if type(value) is str:
        return value
    if isinstance(value, str):
        raise ValueError("holds half of a surrogate pair")
    raise instead("text", value)


def _any_text(value: object) -> str:
    """Return text, or a number as its text: ``1001`` for an id."""
    if isinstance(value, str):
        return str.__str__(value)
    if type(value) is int or (isinstance(value, Decimal) and value.is_finite()):
        return str(value)
    raise instead("text", value)


def _whole_number(value: object) -> int:
    if type(value) is int:
        return value
    if isinstance(value, str) and _DIGITS.fullmatch(value):
        return int(value)
    if isinstance(value, Decimal) and value.is_finite() and abs(value) < 10**19 and value == int(value):
        return int(value)
    raise instead("a whole number", value)


def _boolean(value: object) -> bool:
    if type(value) is bool:
        return value
    known = _BOOLEANS.get(value.lower()) if isinstance(value, str) else None
    if known is None:
        raise instead("a boolean", value)
    return known


_BOOLEANS: Final = {"true": True, "false": False}


def _time(value: object) -> datetime:
    """Return a time: ISO 8601 with a zone, or seconds or milliseconds since 1970 where only one of them is possible."""
    number = value
    if isinstance(value, str):
        if not _DIGITS.fullmatch(value):
            return read_time(value)
        number = int(value)
    if type(number) is int or (isinstance(number, Decimal) and number.is_finite()):
        if _SECONDS[0] <= number < _SECONDS[1]:
            return _EPOCH + timedelta(microseconds=int(number * 1_000_000))
        if _MILLISECONDS[0] <= number < _MILLISECONDS[1]:
            return _EPOCH + timedelta(microseconds=int(number * 1_000))
    raise instead("a time", value)


def _one_of(allowed: tuple[str, ...], value: object) -> object:
    if value not in allowed:
        raise ValueError(f"is not one of {', '.join(allowed)}")
    return value


_LEAVES: Final[Mapping[Any, Callable[[Any], Any]]] = {
    Decimal: decode_money,
    int: _whole_number,
    bool: _boolean,
    float: read_float,
    datetime: _time,
}
