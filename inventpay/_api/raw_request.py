"""The escape hatch: any path of the API."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import quote, unquote, urlencode

from .._core.decimals import MAX_DIGITS
from .._core.json_values import shown
from ..responses import APIResponse
from . import arguments, bounds
from .call import Call, builder_of, json_bytes, read_key
from .repeats import METHODS, endpoint_for, read_raw


def request(
    method: str,
    path: str,
    *,
    params: Mapping[str, Any] | None,
    json: Any,
    idempotency_key: str | None,
) -> Call[APIResponse]:
    """Any path of the API. A known one keeps its rate class, keys and retry rule; an unknown POST is sent once."""
    endpoint = endpoint_for(_method(method), _path(path))

    @builder_of(endpoint)
    def build() -> Call[APIResponse]:
        query = urlencode(_query(params), quote_via=quote)
        wants_key = endpoint.method == "POST" or idempotency_key is not None
        return Call(
            endpoint=endpoint,
            path=f"{path}?{query}" if query else path,
            read=read_raw,
            body=None if json is None else json_bytes(json, "json"),
            idempotency_key=read_key(idempotency_key) if wants_key else None,
            key_is_new=idempotency_key is None,
        )

    return build()


def _method(value: object) -> str:
    if not isinstance(value, str) or value.upper() not in METHODS:
        raise arguments.refused_value("method", value, f"must be one of {', '.join(METHODS)}")
    return value.upper()


_PATH: Final = re.compile(r"(/([A-Za-z0-9\-._~!$&'()*+,;=:@]|%[0-9A-Fa-f]{2})+)+/?", re.ASCII)


def _path(value: object) -> str:
    if not isinstance(value, str) or len(value) > bounds.URL_LENGTH or not _PATH.fullmatch(value):
        raise arguments.refused_value(
            "path",
            value,
            'must be a percent-encoded path such as "/v1/merchant/balance"; '
            "the query goes into params=, the host into base_url=",
        )
    # Servers disagree on whether %2F and a backslash separate segments; here they do.
    if any(segment in (".", "..") for segment in re.split(r"[/\\]", unquote(value))):
        raise arguments.refused_value("path", value, 'must not hold "." or ".." segments, encoded or not')
    return value


def _query(params: object) -> list[tuple[str, str]]:
    if params is None:
        return []
    if not isinstance(params, Mapping):
        raise arguments.refused("params", f"must be a dict, not {type(params).__name__}")
    members: Mapping[Any, Any] = params  # pyright: ignore[reportUnknownVariableType]
    pairs: list[tuple[str, str]] = []
    for name, value in members.items():
        argument = f"params[{shown(name)}]"
        checked = arguments.text(name, f"the name in {argument}", at_most=bounds.URL_LENGTH)
        if value is not None:
            pairs.append((checked, arguments.text(_as_text(value, argument), argument, at_most=bounds.URL_LENGTH)))
    return pairs


def _as_text(value: object, argument: str) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int):
        if abs(value) >= 10**MAX_DIGITS:
            raise arguments.refused(argument, f"has more than {MAX_DIGITS} digits")
        return int.__repr__(value)
    if isinstance(value, str):
        return value
    raise arguments.refused(argument, f"must be a str, int, bool or None, not {type(value).__name__}")
