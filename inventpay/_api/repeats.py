"""Rebuild the call of an error from the request that it carries."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Callable, Mapping
from importlib import import_module
from typing import Any, Final, get_type_hints
from urllib.parse import unquote

from .._core.json_values import is_object
from .._json.converter import read_json
from ..errors import DecodeError, InvalidArgumentError, InventPayError, SentRequest
from ..options import RateClass
from ..responses import APIResponse
from .call import READERS, Call
from .endpoints import ENDPOINTS, Endpoint, Safety
from .status_errors import checked_document

_RESOURCES: Final = (
    "balances",
    "key_pools",
    "orders",
    "payments",
    "products",
    "stores",
    "webhooks",
    "withdrawals",
)

METHODS: Final[Mapping[str, Safety]] = {
    "GET": "read",
    "HEAD": "read",
    # RFC 9110, section 9.2.2: sending these twice has the same effect as sending them once.
    "PUT": "repeatable",
    "DELETE": "repeatable",
    "POST": "once",
    "PATCH": "once",
}
"""HTTP methods, and what repeating a request to an unknown path could do."""


def endpoint_for(method: str, path: str) -> Endpoint:
    """Return the endpoint of a path without its query; for an unknown path, one whose template is the path."""
    for endpoint in ENDPOINTS.values():
        if endpoint.method == method and _pattern(endpoint.template).fullmatch(path):
            return endpoint
    return Endpoint(method=method, template=path, rate_class=RateClass.OTHER, safety=METHODS[method])


def path_values(endpoint: Endpoint, path: str) -> dict[str, str]:
    """Return the decoded segments of a path that its endpoint's template names; empty for another endpoint's path."""
    found = _pattern(endpoint.template).fullmatch(path.partition("?")[0])
    return {} if found is None else {name: unquote(value) for name, value in found.groupdict().items()}


@functools.cache
def _pattern(template: str) -> re.Pattern[str]:
    return re.compile(re.sub(r"\\\{(\w+)\\\}", r"(?P<\1>[^/]+)", re.escape(template)))


def call_again(request: SentRequest) -> Call[Any]:
    """Return the call that sends this request again and reads its answer as the first call did.

    The answers of lists, and of paths that this version has no method for, are not read: the call returns them as an
    :class:`~inventpay.APIResponse`.
    """
    endpoint = _endpoint_of(request)
    read: Callable[[APIResponse], Any] = read_raw
    if endpoint.name in READERS:
        read_document, given = READERS[endpoint.name]
        document: Any = None if request.body is None else read_json(request.body, what="the body of the request")
        held = {"path": path_values(endpoint, request.path), "body": document if is_object(document) else {}}
        values = {argument: held[part].get(name) for argument, (part, name) in given.items()}

        def read_answer(response: APIResponse) -> Any:
            return read_document(checked_document(response), **values)

        read = read_answer
    return Call(
        endpoint=endpoint, path=request.path, read=read, body=request.body, idempotency_key=request.idempotency_key
    )


def check_result(error: InventPayError, request: SentRequest, expected: type[Any]) -> None:
    """Raise InvalidArgumentError, with the outcome of ``error``, unless the call returns this class."""
    endpoint = _endpoint_of(request)
    returned = get_type_hints(READERS[endpoint.name][0])["return"] if endpoint.name in READERS else APIResponse
    if isinstance(returned, type) and issubclass(returned, expected):
        return
    name = returned.__name__ if isinstance(returned, type) else str(returned)
    raise InvalidArgumentError(
        f"the call of this error returns {name}, not {expected.__name__}; nothing was sent this time",
        argument="expected",
        method=error.method,
        path=error.path,
        idempotency_key=error.idempotency_key,
        outcome=error.outcome,
    )


def _endpoint_of(request: SentRequest) -> Endpoint:
    """Return the endpoint of a request; afterwards the readers of all answers are registered."""
    for resource in _RESOURCES:
        # Most processes repeat nothing, and have not imported all of them.
        import_module(f".{resource}", __package__)
    return endpoint_for(request.method, request.path.partition("?")[0])


def read_raw(response: APIResponse) -> APIResponse:
    """Return an answer as it is. Raises APIStatusError where it is JSON that says ``success: false``."""
    # Paths that this version has no method for need not answer JSON.
    with contextlib.suppress(DecodeError):
        checked_document(response)
    return response
