"""JSON bytes to models and back: msgspec reads and writes the bytes, cattrs makes the models.

Fractions become :class:`~decimal.Decimal` straight from their text; no float is ever made. What has a shape nobody
documented is a :class:`~inventpay.errors.DecodeError` that names the JSON path.
"""

from __future__ import annotations

import functools
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum, StrEnum
from types import UnionType
from typing import TYPE_CHECKING, Any, Final, TypeVar, Union, cast, get_args, get_origin

import attrs
import msgspec

from .errors import DecodeError
from .json_values import is_object
from .json_values import kind as json_kind
from .money import decode_money, plain

if TYPE_CHECKING:
    from cattrs import Converter

M = TypeVar("M")

_decode: Final = msgspec.json.Decoder(float_hook=Decimal).decode
_encode: Final = msgspec.json.Encoder().encode


def read_json(body: bytes) -> Any:
    """Parsed JSON. Raises DecodeError for what is none, or is nested deeper than any answer."""
    try:
        return _decode(body)
    except RecursionError:
        raise DecodeError("the answer is nested too deeply to be one of this API", json_path="$", body=body) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(f"the answer is not JSON: {_excerpt(body)} ({error})", json_path="$", body=body) from None


def _excerpt(body: bytes) -> str:
    text = body[:60].decode("utf-8", "replace").strip()
    return f"it starts with {text!r}" if text else "it is empty"


def write_json(value: Any) -> bytes:
    """JSON bytes with every Decimal as an exact number in plain notation.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    return _encode(_writable(value))


def _writable(value: Any) -> Any:
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise ValueError(f"{value} is no JSON number")
        return msgspec.Raw(plain(value).encode())
    if isinstance(value, Mapping):
        members: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {_member_name(name): _writable(item) for name, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        if value != value or value in (float("inf"), float("-inf")):
            raise ValueError(f"{value} is no JSON number")
        return value
    if isinstance(value, datetime):
        return value
    raise TypeError(f"{type(value).__name__} has no place in JSON; use dict, list, str, Decimal, int, bool or None")


def _member_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"member names of JSON objects are str, not {type(name).__name__}")
    return str(name)


def structure(
    model: type[M],
    data: Mapping[str, Any],
    *,
    path: str,
    raw: Mapping[str, Any] | None = None,
    moved: Mapping[str, str] | None = None,
) -> M:
    """A model out of a JSON object found at ``path``; ``moved`` says where members stood that were put into it.

    ``raw`` is what the model keeps as ``.raw``, ``data`` itself by default.
    """
    try:
        instance = _converter(False).structure(data, model)
    except Exception:
        # The quick converter does not say where; the thorough one does, and is slower.
        raise _undocumented(model, data, path, moved or {}) from None
    if raw is not None:
        object.__setattr__(instance, "raw", raw)
    return instance


def _undocumented(model: type[Any], data: Any, path: str, moved: Mapping[str, str]) -> DecodeError:
    try:
        _converter(True).structure(data, model)
    except Exception as error:
        steps, problem = next(_problems(error, ()))
        if steps and steps[0].removeprefix(".") in moved:
            path, steps = moved[steps[0].removeprefix(".")], steps[1:]
        where = path + "".join(steps)
        return DecodeError(f"{where} {problem}", json_path=where)
    raise AssertionError("both converters follow the same rules")


def _problems(error: BaseException, steps: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], str]]:
    """Every leaf of a cattrs error group as (path steps, what is wrong)."""
    from cattrs import AttributeValidationNote, IterableValidationNote

    if not isinstance(error, BaseExceptionGroup):
        yield steps, "is missing" if isinstance(error, KeyError) else str(error)
        return
    for inner in cast("BaseExceptionGroup[BaseException]", error).exceptions:
        step: tuple[str, ...] = ()
        name = ""
        for note in getattr(inner, "__notes__", ()):
            if isinstance(note, AttributeValidationNote):
                name = camel(note.name)
                step = (f".{name}",)
            elif isinstance(note, IterableValidationNote):
                step = (f"[{note.index}]" if isinstance(note.index, int) else f".{note.index}",)
        yield from _problems(inner, steps + step)


def camel(name: str) -> str:
    """The JSON name of an attribute: ``available_balance`` is ``availableBalance``."""
    first, *rest = name.split("_")
    return first + "".join(word.capitalize() for word in rest)


@functools.cache
def _converter(detailed: bool) -> Converter:
    """The cattrs converter; ``detailed`` collects where things went wrong. Made when the first answer arrives."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, override

    converter = Converter(detailed_validation=detailed)

    def model_hook(model: type[Any]) -> Callable[[Any, Any], Any]:
        renamed = {
            attribute.name: override(rename=camel(attribute.name)) if attribute.name != "raw" else override(omit=True)
            for attribute in attrs.fields(model)
        }
        # The names of attributes and of the function's own options share one keyword space, which no checker can see.
        build = make_dict_structure_fn(model, converter, _cattrs_detailed_validation=detailed, **renamed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

        def structure_model(value: Any, target: Any) -> Any:
            if not is_object(value):
                raise ValueError(_instead("an object", value))
            instance = build(value, target)
            object.__setattr__(instance, "raw", value)
            return instance

        return structure_model

    converter.register_structure_hook_factory(attrs.has, model_hook)
    converter.register_structure_hook(Decimal, lambda value, _: decode_money(value))
    converter.register_structure_hook(datetime, lambda value, _: _read_time(value))
    for kind, name in ((str, "text"), (int, "a whole number"), (bool, "a boolean")):
        converter.register_structure_hook(kind, _exactly(kind, name))
    converter.register_structure_hook_factory(_is_open_enum, _open_enum_hook)
    return converter


def _exactly(kind: type[Any], name: str) -> Callable[[Any, Any], Any]:
    def check(value: Any, _target: Any) -> Any:
        if type(value) is not kind:
            raise ValueError(_instead(name, value))
        return value

    return check


def _instead(wanted: str, value: object) -> str:
    return f"is {json_kind(value)}, not {wanted}"


def _is_open_enum(kind: Any) -> bool:
    if get_origin(kind) not in (Union, UnionType):
        return False
    return any(isinstance(arg, type) and issubclass(arg, Enum) for arg in get_args(kind))


def _open_enum_hook(kind: Any) -> Callable[[Any, Any], Any]:
    """Known values become members, unknown ones stay text: a new coin must not break a deployed merchant."""
    members: dict[str, StrEnum] = {}
    optional = type(None) in get_args(kind)
    for arg in get_args(kind):
        if isinstance(arg, type) and issubclass(arg, StrEnum):
            members |= {member.value: member for member in arg}

    def read(value: Any, _target: Any) -> Any:
        if value is None and optional:
            return None
        if type(value) is not str:
            raise ValueError(_instead("text", value))
        return members.get(value, value)

    return read


def _read_time(value: object) -> datetime:
    if type(value) is not str:
        raise ValueError(_instead("an ISO 8601 time", value))
    try:
        time = datetime.fromisoformat(value)
    except ValueError:
        raise ValueError(f"is no ISO 8601 time: {value[:40]!r}") from None
    if time.utcoffset() is None:
        raise ValueError(f"is a time without a zone: {value[:40]!r}")
    return time
