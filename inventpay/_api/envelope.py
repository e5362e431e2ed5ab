"""The common parts of all answers: their envelope, and how to say where one is odd."""

from __future__ import annotations

from collections.abc import Mapping, Sized
from typing import Any, TypeAlias

from .._core.json_values import is_object, kind, shown
from .._json.bounds import check_length
from ..errors import DecodeError

Json: TypeAlias = dict[str, Any]


def enveloped(document: object) -> Json:
    """Return the ``data`` of an answer."""
    body = object_at(document, "$")
    return object_at(member(body, "data", "$"), "$.data")


def object_at(value: object, path: str) -> Json:
    """Return a JSON object; raise DecodeError with the value at ``path`` for anything else."""
    if not is_object(value):
        raise DecodeError(f"{path} is {kind(value)}, not an object", json_path=path)
    return value


def check_length_at(items: Sized, path: str) -> None:
    """Raise DecodeError for a list or an object at ``path`` with more elements than are read."""
    try:
        check_length(items)
    except ValueError as error:
        raise DecodeError(f"{path} {error}", json_path=path) from None


def member(holder: Mapping[str, Any], name: str, path: str) -> object:
    """Return a member that must be there."""
    if name not in holder:
        raise DecodeError(f"{path}.{name} is missing", json_path=f"{path}.{name}")
    return holder[name]


def same(answered: str, asked: str, path: str) -> None:
    """Raise AnswerMismatchError for an answer about another coin or id."""
    if answered != asked:
        raise DecodeError(f"{path} is {as_text(answered)}, but {as_text(asked)} was asked for", json_path=path)


def as_text(value: str) -> str:
    """Return a value of the API as a message shows it."""
    # The repr of an enum's member would show its class.
    return shown(str(value))
