"""Read JSON bytes into values, and write values as JSON bytes. msgspec does both; the standard library reads the rest.

Fractions become :class:`~decimal.Decimal` straight from their text; no float is ever made.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, TypeVar, cast

import msgspec

from .._core.decimals import MAX_DIGITS, UNREADABLE, fits, plain, read_number
from .._core.json_values import is_array, is_object, shown
from ..errors import DecodeError
from .bounds import MAX_DEPTH, MAX_VALUES, has_too_many_values, is_too_deep
from .structuring import camel, reader

__all__ = ["MAX_DEPTH", "MAX_VALUES", "HalfText", "camel", "read_json", "structure", "write_json"]

MAX_DIGITS_IN_LARGE: Final = 60
"""Characters of a number in a body larger than :data:`MAX_ODD`: 8 MiB of longer ones would stop an event loop."""


def _read_short_number(text: str) -> Decimal:
    return read_number(text) if len(text) <= MAX_DIGITS_IN_LARGE else UNREADABLE


_decode: Final = msgspec.json.Decoder(float_hook=read_number).decode
_decode_large: Final = msgspec.json.Decoder(float_hook=_read_short_number).decode
_encode: Final = msgspec.json.Encoder().encode


MAX_ODD: Final = 1024 * 1024
"""Bytes of a body above which less is read: nothing that only the standard library can read, and no long numbers.
Documented answers have at most 100 records of 1 KB."""

_HALVES: Final = re.compile("[\ud800-\udfff]")


class HalfText(str):
    """Text that held half of a surrogate pair, which stands here as U+FFFD. Not good enough for an id."""

    __slots__ = ()


def read_json(body: bytes, *, what: str = "the answer", most_values: int = MAX_VALUES) -> Any:
    """Return parsed JSON. Whatever ``json.loads`` accepts is accepted, within the bounds of ``bounds.py``.

    Raises DecodeError for bytes that are no JSON, or hold more values or nest deeper than any answer of this API.
    """
    decode = _decode if len(body) <= MAX_ODD else _decode_large
    if has_too_many_values(body, most_values):
        raise DecodeError(f"{what} has more than {most_values:,} values", json_path="$", body=body)
    try:
        document = decode(body)
    except RecursionError:
        raise _nested_too_deeply(body, what) from None
    except (msgspec.MsgspecError, UnicodeDecodeError) as error:
        document = _read_thoroughly(body, what, error)
    if is_too_deep(body, document):
        raise _nested_too_deeply(body, what)
    return document


def _read_thoroughly(body: bytes, what: str, problem: Exception) -> Any:
    """Read what msgspec refuses and other readers do not: a byte order mark, half a surrogate pair, ``NaN``."""
    import json

    try:
        if len(body) > MAX_ODD:
            # To read it a second time, and much slower, would stop an event loop.
            raise ValueError
        document = json.loads(body, parse_float=read_number, parse_constant=lambda _: UNREADABLE)
    except RecursionError:
        raise _nested_too_deeply(body, what) from None
    except ValueError:
        raise DecodeError(
            f"{what} cannot be read as JSON: {_excerpt(body)} ({problem})", json_path="$", body=body
        ) from None
    if is_too_deep(body, document):
        raise _nested_too_deeply(body, what)
    return _whole(document)


def _whole(value: Any) -> Any:
    """Return a value without halves of surrogate pairs, which can be neither encoded nor printed."""
    if is_object(value):
        return {_whole(name): _whole(inner) for name, inner in value.items()}
    if is_array(value):
        return [_whole(inner) for inner in value]
    if isinstance(value, str):
        text = _HALVES.sub("\ufffd", value)
        return value if text == value else HalfText(text)
    return value


def _nested_too_deeply(body: bytes, what: str) -> DecodeError:
    return DecodeError(f"{what} is nested too deeply to be one of this API", json_path="$", body=body)


def _excerpt(body: bytes) -> str:
    text = body[:60].decode("utf-8", "replace").strip()
    return f"it starts with {text!r}" if text else "it is empty"


def write_json(value: Any) -> bytes:
    """Return JSON bytes with every Decimal as an exact number in plain notation.

    Raises TypeError or ValueError for a value that JSON cannot express.
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


M = TypeVar("M")


def structure(
    model: type[M],
    data: Mapping[str, Any],
    *,
    path: str,
    raw: Mapping[str, Any] | None = None,
    moved: Mapping[str, str] | None = None,
    unread: Sequence[str] = (),
) -> M:
    """Return the model of a JSON object found at ``path``; ``moved`` says where members stood that were put into it.

    ``raw`` is the object that the model keeps as ``.raw``, ``data`` itself by default. ``unread`` are the paths of odd
    members that were left out of ``data``. Raises DecodeError.
    """
    # mypy takes a class of any kind for one that cannot be hashed.
    read = reader(model)  # type: ignore[arg-type]
    try:
        instance: M = read(data)
    except Exception:
        instance = _read_odd(model, data, path, moved)
    if raw is not None:
        object.__setattr__(instance, "raw", raw)
    if unread:
        object.__setattr__(instance, "unread", (*unread, *instance.unread))  # type: ignore[attr-defined]
    return instance


def _read_odd(model: type[M], data: Mapping[str, Any], path: str, moved: Mapping[str, str] | None) -> M:
    from .tolerant import OddValueError, read_model

    try:
        instance: M = read_model(model, data, path, [], moved=moved)
    except OddValueError as error:
        raise DecodeError(str(error), json_path=error.path) from None
    return instance
