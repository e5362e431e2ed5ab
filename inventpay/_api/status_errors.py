"""Make errors from answers that are no success."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any, Final

from .._core.json_values import is_array, is_object, printable
from .._json.converter import read_json
from ..errors import BODY_KEPT, APIStatusError, DecodeError, IdempotencyConflictError, class_for
from ..responses import APIResponse
from .outcomes import Refusal, is_key_conflict, judge_refusal, may_be_refusal, says_yes


def from_response(response: APIResponse, *, retry_after: float | None = None) -> APIStatusError:
    """Return the error for an answer that is no success, with any body: JSON of the API, a proxy's HTML, nothing."""
    return _error(response, _members(response), judge_refusal(response.status, _judged(response)), retry_after)


def refusal_in(response: APIResponse) -> Refusal | None:
    """Return how an answer is to be judged that is no success, ``None`` for a success."""
    if not may_be_refusal(response.status, response.body):
        return None
    document = _judged(response)
    if 200 <= response.status < 300 and document.get("success") is not False:
        return None
    return judge_refusal(response.status, document)


def checked_document(response: APIResponse) -> Any:
    """Return the parsed body of a 2xx answer.

    Raises the APIStatusError of its ``statusCode`` when it holds ``success: false`` all the same (one source checks for
    such answers), and DecodeError when it is no JSON or its ``success`` is no boolean.
    """
    document = response.json()
    if is_object(document):
        success = document.get("success", True)
        if success is False:
            raise _error(response, _members(response), judge_refusal(response.status, document), None)
        if success is not True:
            raise DecodeError("$.success is neither true nor false", json_path="$.success")
    return document


def _judged(response: APIResponse) -> Mapping[str, Any]:
    """Return the members by which a refusal is judged.

    A body that has none, because it is no JSON object or larger than an error keeps, is no proof of a refusal; but its
    text may call it a success.
    """
    return _members(response) or ({"success": True} if says_yes(response.body) else {})


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
    response: APIResponse, members: Mapping[str, Any], refusal: Refusal, retry_after: float | None
) -> APIStatusError:
    details = members.get("details")
    is_conflict = is_key_conflict(refusal.status, members)
    kind = IdempotencyConflictError if is_conflict else class_for(refusal.status)
    return kind(
        _message(response, members, refusal.status),
        status=refusal.status,
        details=details if is_object(details) else None,
        retry_after=retry_after,
        headers=response.headers,
        body=response.body,
        outcome="unknown" if is_conflict else refusal.outcome,
    )


def _message(response: APIResponse, members: Mapping[str, Any], status: int) -> str:
    try:
        phrase = f"{response.status} {HTTPStatus(response.status).phrase}"
    except ValueError:
        phrase = str(response.status)
    if 200 <= response.status < 300:
        phrase += ' with "success": false' + ("" if status == response.status else f' and "statusCode": {status}')
    reason = reason_in(members, is_success=200 <= response.status < 300)
    if reason is not None:
        return f"{phrase}: {reason}"
    if 300 <= response.status < 400:
        target = response.headers.get("location", "nowhere")
        return f"{phrase}: redirects are not followed, because they would carry your keys to {printable(target)!r}"
    if not response.body:
        return f"{phrase} (no reason given; the body is empty)"
    return f"{phrase} (no reason given; the body starts with {response.body[:60].decode('utf-8', 'replace')!r})"


def reason_in(members: Mapping[str, Any], *, is_success: bool = False) -> str | None:
    """Return the words of a refusal, fit for an exception or a log record; ``None`` where there are none.

    ``error`` is documented, and the vendor's SDKs also read ``message``. Frameworks put the reason into either, or into
    ``details``, as text or as a list of texts or of objects with a ``message``; a mapping is ``error.details``. An
    answer that calls itself a success may have a ``message`` that contradicts its ``error``.
    """
    said = [text for text in _texts(members.get("error"), True) if text not in _PHRASES]
    if not said or not is_success:
        said += _texts(members.get("message"), True) + _texts(members.get("details"), False)
    distinct = list(dict.fromkeys(said or _texts(members.get("error"), True)))
    if not distinct:
        return None
    return printable(distinct[0] if len(distinct) == 1 else f"{distinct[0]}: {'; '.join(distinct[1:])}")


_PHRASES: Final = frozenset(status.phrase for status in HTTPStatus)
"""Words that say no more than the status."""


def _texts(value: object, with_objects: bool) -> list[str]:
    if isinstance(value, str):
        return [value] if value.strip() else []
    if is_array(value):
        return [text for item in value[:_REASONS] for text in _texts(item, True)]
    if is_object(value) and with_objects:
        field = next((value[name] for name in ("field", "path", "param") if isinstance(value.get(name), str)), None)
        found = (_texts(value.get(name), False) for name in ("message", "msg", "error"))
        texts = next((each for each in found if each), list[str]())
        return [f"{field}: {text}" if field else text for text in texts]
    return []


_REASONS: Final = 20
"""Elements of a list of reasons that are shown."""
