"""JSON bytes to models and back: msgspec reads and writes the bytes, and cattrs says what is wrong with odd ones.

Fractions become :class:`~decimal.Decimal` straight from their text; no float is ever made. What has a shape nobody
documented is a :class:`~inventpay.errors.DecodeError` that names the JSON path.
"""

from __future__ import annotations

import functools
import math
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from types import GenericAlias
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast, get_args, get_origin

import attrs
import msgspec

from .._core.decimals import MAX_DIGITS, decode_money, fits, plain, read_number
from .._core.json_values import is_object, shown
from ..errors import DecodeError
from .structuring import EXACT, camel, instead, members_of, read_time, reader, without_none

if TYPE_CHECKING:
    from cattrs import Converter, IterableValidationNote

M = TypeVar("M")

MAX_DEPTH: Final = 64
"""assumed: documented answers nest six levels, and what nests thousands can be neither printed nor pickled."""

_decode: Final = msgspec.json.Decoder(float_hook=read_number).decode
_encode: Final = msgspec.json.Encoder().encode


def read_json(body: bytes, *, what: str = "the answer") -> Any:
    """Parsed JSON. Raises DecodeError for what is none, or is nested deeper than anything of this API."""
    try:
        document = _decode(body)
    except RecursionError:
        raise _nested_too_deeply(body, what) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        raise DecodeError(
            f"{what} cannot be read as JSON: {_excerpt(body)} ({error})", json_path="$", body=body
        ) from None
    if _is_too_deep(body, document):
        raise _nested_too_deeply(body, what)
    return document


def _nested_too_deeply(body: bytes, what: str) -> DecodeError:
    return DecodeError(f"{what} is nested too deeply to be one of this API", json_path="$", body=body)


def _is_too_deep(body: bytes, document: Any) -> bool:
    # Nearly every answer has too few brackets to be looked through.
    if body.count(b"{") + body.count(b"[") <= MAX_DEPTH:
        return False
    level: list[Any] = [[document]]
    for _ in range(MAX_DEPTH + 1):
        level = [
            inner
            for outer in level
            for inner in (outer.values() if is_object(outer) else outer)
            if type(inner) is dict or type(inner) is list
        ]
        if not level:
            return False
    return True


def _excerpt(body: bytes) -> str:
    text = body[:60].decode("utf-8", "replace").strip()
    return f"it starts with {text!r}" if text else "it is empty"


def write_json(value: Any) -> bytes:
    """JSON bytes with every Decimal as an exact number in plain notation.

    Raises TypeError or ValueError for what JSON cannot say.
    """
    return _encode(_writable(value))


def _writable(value: Any) -> Any:
    if value is None or isinstance(value, bool):
        return value
    # Members of a caller's own enums and other subclasses count as the text or number they are.
    if isinstance(value, str):
        return str.__str__(value)
    if isinstance(value, int):
        return int(value)
    if isinstance(value, Decimal):
        if not fits(value):
            raise ValueError(f"{shown(value)} is not finite, or has more than {MAX_DIGITS} digits on one side")
        return msgspec.Raw(plain(value).encode())
    if isinstance(value, Mapping):
        members: Mapping[Any, Any] = value  # pyright: ignore[reportUnknownVariableType]
        return {_member_name(name): _writable(item) for name, item in members.items()}
    if isinstance(value, (list, tuple)):
        return [_writable(item) for item in cast("Sequence[Any]", value)]
    if isinstance(value, float):
        if not math.isfinite(value):
            raise ValueError(f"{value} is no JSON number")
        return float(value)
    if isinstance(value, datetime):
        if value.utcoffset() is None:
            raise ValueError(f"{value.isoformat()} is a time without a zone; give it one, such as datetime.UTC")
        return value
    raise TypeError(f"{type(value).__name__} has no place in JSON; use dict, list, str, Decimal, int, bool or None")


def _member_name(name: Any) -> str:
    if not isinstance(name, str):
        raise TypeError(f"member names of JSON objects are str, not {type(name).__name__}")
    return str.__str__(name)


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
    # mypy takes a class of any kind for one that cannot be hashed.
    read = reader(model)  # type: ignore[arg-type]
    try:
        instance: M = read(data)
    except Exception:
        # The quick way does not say where; the thorough one does, and is slower.
        raise _undocumented(model, data, path, moved or {}) from None
    if raw is not None:
        object.__setattr__(instance, "raw", raw)
    return instance


def _undocumented(model: type[Any], data: Any, path: str, moved: Mapping[str, str]) -> DecodeError:
    try:
        _thorough().structure(data, model)
    except Exception as error:
        steps, problem = _first_problem(error)
        if steps and steps[0].removeprefix(".") in moved:
            path, steps = moved[steps[0].removeprefix(".")], steps[1:]
        where = path + "".join(steps)
        return DecodeError(f"{where} {problem}", json_path=where)
    raise AssertionError("both ways follow the same rules")


def _first_problem(error: BaseException) -> tuple[list[str], str]:
    """The steps that lead to the first leaf of a cattrs error group, and what is wrong there."""
    from cattrs import AttributeValidationNote

    steps: list[str] = []
    while isinstance(error, BaseExceptionGroup):
        error = cast("BaseExceptionGroup[BaseException]", error).exceptions[0]
        # cattrs leaves one note at each level: the name of an attribute, the index of a list or the key of a mapping.
        for note in error.__notes__:
            if isinstance(note, AttributeValidationNote):
                steps.append(f".{camel(note.name)}")
            else:
                index = cast("IterableValidationNote", note).index
                steps.append(f"[{index}]" if isinstance(index, int) else f".{index}")
    return steps, "is missing" if isinstance(error, KeyError) else str(error)


@functools.cache
def _thorough() -> Converter:
    """The cattrs converter that tells where things went wrong, by the rules of ``model_readers.py``. Made for the first
    odd answer."""
    from cattrs import Converter
    from cattrs.gen import make_dict_structure_fn, override

    converter = Converter()

    def model_hook(model: type[Any]) -> Callable[[Any, Any], Any]:
        fields = [field for field in attrs.fields(model) if field.name != "raw"]
        renamed = {field.name: override(rename=camel(field.name)) for field in fields}
        own_default = {camel(field.name) for field in fields if field.default not in (None, attrs.NOTHING)}
        # The names of attributes and of the function's own options share one keyword space, which no checker can see.
        build = make_dict_structure_fn(model, converter, raw=override(omit=True), **renamed)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]

        def read(value: Any, target: Any) -> Any:
            if not is_object(value):
                raise instead("an object", value)
            return build(
                {name: item for name, item in value.items() if item is not None or name not in own_default}, target
            )

        return read

    def optional_hook(kind: Any) -> Callable[[Any, Any], Any]:
        inner, _ = without_none(kind)
        return lambda value, _: None if value is None else converter.structure(value, inner)

    def collection_hook(kind: Any) -> Callable[[Any, Any], Any]:
        # cattrs takes whatever can be iterated over, the characters of a text among it.
        plain, wanted, inner = (
            (list, "a list", get_args(kind)[:1]) if get_origin(kind) is tuple else (dict, "an object", get_args(kind))
        )
        target = cast(Any, GenericAlias(plain, inner))
        read = converter.get_structure_hook(target)

        def check(value: Any, _: Any) -> Any:
            if type(value) is not plain:
                raise instead(wanted, value)
            found = read(value, target)
            return tuple(found) if plain is list else found

        return check

    converter.register_structure_hook_factory(attrs.has, model_hook)
    converter.register_structure_hook_factory(lambda kind: get_origin(kind) in _COLLECTIONS, collection_hook)
    converter.register_structure_hook_func(lambda kind: members_of(kind) is not None, _exactly(str))
    converter.register_structure_hook_factory(lambda kind: without_none(kind)[1], optional_hook)
    for exact in EXACT:
        converter.register_structure_hook(exact, _exactly(exact))
    converter.register_structure_hook(Decimal, lambda value, _: decode_money(value))
    converter.register_structure_hook(datetime, lambda value, _: read_time(value))
    return converter


_COLLECTIONS: Final[frozenset[Any]] = frozenset({tuple, Mapping})


def _exactly(kind: type[Any]) -> Callable[[Any, Any], Any]:
    def check(value: Any, _: Any) -> Any:
        if type(value) is not kind:
            raise instead(EXACT[kind], value)
        return value

    return check
