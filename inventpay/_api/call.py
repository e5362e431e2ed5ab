"""A call as data: one request, and how to read its answer."""

from __future__ import annotations

import functools
from collections.abc import Callable, Mapping
from typing import Any, Final, Generic, Literal, ParamSpec, TypeAlias, TypeVar

from attrs import field, frozen

from ..errors import InvalidArgumentError
from ..responses import APIResponse
from . import arguments
from .endpoints import Endpoint

T = TypeVar("T")
P = ParamSpec("P")
Given: TypeAlias = tuple[Literal["path", "body"], str]
"""The part of a request, and the name of a value in it."""


@frozen(kw_only=True)
class Call(Generic[T]):
    """One request, and how to read its answer. ``send(Call[T])`` returns ``T``."""

    endpoint: Endpoint
    path: str
    """Percent-encoded path and query."""
    read: Callable[[APIResponse], T] = field(repr=False)
    """Reads a 2xx answer; raises DecodeError, or APIStatusError for ``success: false``."""
    body: bytes | None = field(default=None, repr=False)
    idempotency_key: str | None = None
    key_is_new: bool = False
    """Whether the key was made for this call, so that no other process can know it yet."""


def new_idempotency_key() -> str:
    """Return a new key (docs: "Use a unique key for each unique request"; the API keeps them for 24 hours)."""
    import uuid

    return str(uuid.uuid4())


def read_key(chosen: str | None) -> str:
    """Return the idempotency key the caller chose, or a new one."""
    return new_idempotency_key() if chosen is None else arguments.idempotency_key(chosen)


def builder_of(endpoint: Endpoint) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Name the endpoint on every refusal of its builder."""

    def decorate(build: Callable[P, T]) -> Callable[P, T]:
        @functools.wraps(build)
        def checked(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return build(*args, **kwargs)
            except InvalidArgumentError as error:
                error.method, error.path = endpoint.method, endpoint.template
                raise

        return checked

    return decorate


READERS: Final[dict[str, tuple[Callable[..., Any], Mapping[str, Given]]]] = {}
"""The reader of each endpoint's answer, by the endpoint's name, and the values that it needs of the request."""


def reader_of(*endpoints: Endpoint, **given: Given) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Register the function that reads the JSON document of these endpoints' answers, for repeated calls.

    ``given`` names the keyword arguments that it takes from the request: ``payment_id=("path", "paymentId")``.
    """

    def decorate(read: Callable[P, T]) -> Callable[P, T]:
        for endpoint in endpoints:
            READERS[endpoint.name] = read, given
        return read

    return decorate


def json_bytes(value: Any, argument: str) -> bytes:
    """Free JSON that a caller chose. Raises InvalidArgumentError for what JSON cannot say."""
    from .._json.converter import write_json

    try:
        return write_json(value)
    except RecursionError:
        raise arguments.refused(argument, "cannot be written: it is nested too deeply, or holds itself") from None
    except (TypeError, ValueError) as error:
        raise arguments.refused(argument, f"cannot be written: {error}") from None
