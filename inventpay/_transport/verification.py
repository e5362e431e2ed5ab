"""Decide whether an answer belongs to its call, and what an unreadable answer still proves."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .._api import echoes
from .._api.call import Call
from .._api.endpoints import PAYMENT_STATUS
from .._core.json_values import is_object
from .._core.logger import logger
from ..errors import AnswerMismatchError, DecodeError
from ..models.base import Model
from ..responses import APIResponse
from .issued_ids import MEMORY, Owner


def verify(call: Call[Any], response: APIResponse, result: Any, account: tuple[str, str] | None, checks: str) -> None:
    """Raise AnswerMismatchError where a success belongs to another request, DecodeError where it names nothing.

    With ``checks="warn"`` a contradicting amount, currency or order id is a WARNING. Without an ``account`` an id may
    be given to several creations.
    """
    if not echoes.echoes_of(call.endpoint) and call.endpoint.name not in echoes.CREATIONS:
        return
    answer = _data(result, response)
    if answer is None:
        return
    if not isinstance(result, APIResponse):
        echoes.check_creation(call, answer)
    _compare(call, answer, result, account, checks)


def judge_unreadable(
    call: Call[Any], response: APIResponse, error: DecodeError, account: tuple[str, str] | None
) -> None:
    """Complete the error of a 2xx that cannot be read: ``"done"`` where the API said yes and named what it made.

    Raises AnswerMismatchError where even the unreadable answer contradicts the request.
    """
    if call.endpoint.safety == "read" or not 200 <= response.status < 300:
        return
    try:
        document = response.json()
    except DecodeError:
        return
    if not is_object(document) or document.get("success") is not True:
        return
    data = document.get("data")
    answer: Mapping[str, Any] = data if is_object(data) else {}
    _compare(call, answer, None, account, "raise")
    if call.endpoint.name in echoes.CREATIONS:
        error.resource_id = echoes.created_id(call, answer)
        if error.resource_id is None:
            # Nothing shows that this is the answer to this call.
            return
    error.outcome = "done"


def _data(result: Any, response: APIResponse) -> Mapping[str, Any] | None:
    if not isinstance(result, APIResponse):
        raw = getattr(result, "raw", None)
        return raw if is_object(raw) else None
    try:
        document = response.json()
    except DecodeError:
        return None
    if not is_object(document):
        return None
    data = document.get("data")
    return data if is_object(data) else document


def _compare(
    call: Call[Any], answer: Mapping[str, Any], result: Any, account: tuple[str, str] | None, checks: str
) -> None:
    # The status of a payment comes without an envelope.
    root = "$" if call.endpoint.name == PAYMENT_STATUS.name else "$.data"
    found = echoes.contradictions(call, answer)
    resource_id = echoes.created_id(call, answer)
    if checks == "warn" and found and not any(each.is_identity for each in found):
        for each in found:
            logger.warning("%s: the answer contradicts the request: %s", call.endpoint.name, each)
        if isinstance(result, Model):
            object.__setattr__(result, "contradictions", tuple(f"{root}.{each}" for each in found))
        found = []
    texts = [f"{root}.{each}" for each in found]
    if resource_id is not None and account is not None and not texts:
        owner = Owner(call.idempotency_key, echoes.asked_order_id(call))
        member = echoes.CREATIONS[call.endpoint.name].id_member
        other = MEMORY.claim(account, member, resource_id, owner)
        if other is not None:
            texts.append(
                f"$.data.{member} is {resource_id!r}, which the call with idempotency key {other.idempotency_key!r} "
                "was given before"
            )
    if not texts:
        return
    mismatch = AnswerMismatchError(
        f"the answer belongs to another request: {'; '.join(texts)}",
        json_path=texts[0].partition(" ")[0],
        contradictions=tuple(texts),
        answer=result,
    )
    mismatch.resource_id = resource_id
    raise mismatch
