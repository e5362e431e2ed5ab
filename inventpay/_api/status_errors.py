"""From an answer that says no to the error that says why."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

from .._core.json_values import is_object
from .._json.converter import read_json
from ..errors import BODY_KEPT, APIStatusError, DecodeError, Outcome, class_for, outcome_of
from ..responses import APIResponse


def from_response(response: APIResponse, *, retry_after: float | None = None) -> APIStatusError:
    """The error for an answer whose status is not 2xx. Any body will do: JSON of the API, a proxy's HTML, nothing."""
    return _error(class_for(response.status), response, _members(response), outcome_of(response.status), retry_after)


def checked_document(response: APIResponse) -> Any:
    """The parsed body of a 2xx answer.

    Raises APIStatusError when it says ``success: false`` all the same (one source shows such answers are possible by
    checking for them), and DecodeError when it is no JSON or its ``success`` is no boolean.
    """
    document = response.json()
    if is_object(document):
        success = document.get("success", True)
        if success is False:
            raise _error(APIStatusError, response, _members(response), "refused", None)
        if success is not True:
            raise DecodeError("$.success is neither true nor false", json_path="$.success")
    return document


def _members(response: APIResponse) -> Mapping[str, Any]:
    # An error is kept and passed on; what its body says must not be larger than the body it keeps.
    if len(response.body) > BODY_KEPT:
        return {}
    try:
        document = read_json(response.body)
    except DecodeError:
        return {}
    return document if is_object(document) else {}


def _error(
    kind: type[APIStatusError],
    response: APIResponse,
    members: Mapping[str, Any],
    outcome: Outcome,
    retry_after: float | None,
) -> APIStatusError:
    details = members.get("details")
    return kind(
        _message(response, members),
        status=response.status,
        details=details if is_object(details) else None,
        retry_after=retry_after,
        headers=response.headers,
        body=response.body,
        outcome=outcome,
    )


def _message(response: APIResponse, members: Mapping[str, Any]) -> str:
    try:
        phrase = f"{response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = str(response.status)
    if 200 <= response.status < 300:
        phrase += ' with "success": false'
    # "error" is documented; the vendor's SDKs also read "message".
    for name in ("error", "message"):
        said = members.get(name)
        if isinstance(said, str) and said:
            return f"{phrase}: {said}"
    if 300 <= response.status < 400:
        target = response.headers.get("location", "nowhere")
        return f"{phrase}: redirects are not followed, because they would carry your keys to {target!r}"
    if not response.body:
        return f"{phrase} (no reason given; the body is empty)"
    return f"{phrase} (no reason given; the body starts with {response.body[:60].decode('utf-8', 'replace')!r})"
