"""Judge what an answer, or the lack of one, proves about an operation. Pure: no clock, no I/O.

The rules are explained in ``docs/outcomes.md``. "Refused" needs proof, since a merchant pays again after it; everything
that is not proven is "unknown".
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple

from .._core.json_values import is_array, is_object
from ..errors import (
    AnswerMismatchError,
    ConfigurationError,
    IdempotencyConflictError,
    InvalidArgumentError,
    InventPayError,
    Outcome,
    RateLimitedError,
    RateLimitTimeoutError,
)
from .endpoints import CHECKOUT, CREATE_PRODUCT, CREATE_WITHDRAWAL, Endpoint, Safety

REFUSED_IN_OWN_FORM: Final = frozenset({400, 401, 403, 404, 422})
"""Statuses that the API sends before any effect. A proxy may send them after one, so they prove nothing in its form."""

REFUSED_BY_ANYONE: Final = frozenset({405, 413, 415, 429})
"""Statuses that no HTTP server and no proxy sends for a request that it passed on and that had an effect."""

_OTHER_DATA: Final = (
    r"(different|another|mismatch|already[ _](been[ _])?used|re-?used|same (param|payload|body|request|data))"
)
_KEY_CONFLICT: Final = re.compile(
    rf"idempoten.*{_OTHER_DATA}|{_OTHER_DATA}.*idempoten",
    re.IGNORECASE | re.DOTALL,
)
_STILL_RUNNING: Final = re.compile(
    r"\b(in progress|processing|processed|concurrent\w*|running|pending)\b", re.IGNORECASE
)

_SAYS_NO: Final = re.compile(rb'"success"\s*:\s*false')
_SAYS_YES: Final = re.compile(rb'"success"\s*:\s*(?!\s|false|null)')

REPEAT_AFTER: Final = 2.0
"""Seconds to wait before a failed call is repeated, where the API names no time."""

REPEAT_AFTER_LIMIT: Final = 60.0
"""Seconds to wait after a 429 that names no time: the documented window of the rate limits."""

SHORTEST_REPEAT: Final = 1.0
"""Seconds that ``repeat_after`` is at least, so that no loop spins."""


class Refusal(NamedTuple):
    """The status that an answer without success counts as, and the outcome it proves for its own request."""

    status: int
    outcome: Outcome


def may_be_refusal(status: int, body: bytes) -> bool:
    """Return whether an answer deserves a closer look: it is not 2xx, or its text shows ``"success": false``.

    Hardly any success does, so successes are not parsed twice.
    """
    return not 200 <= status < 300 or _SAYS_NO.search(body) is not None


def says_yes(body: bytes) -> bool:
    """Return whether the text of a body that is not parsed, or is no JSON object, calls it anything but no success."""
    return _SAYS_YES.search(body) is not None


def is_own_form(document: object) -> bool:
    """Return whether a parsed body is a refusal in the API's own form: a JSON object with ``"success": false``."""
    return is_object(document) and document.get("success") is False


def outcome_of_status(status: int, *, own_form: bool) -> Outcome:
    """Return the outcome that a status other than 2xx proves for the request it answers."""
    if status in REFUSED_BY_ANYONE or (own_form and status in REFUSED_IN_OWN_FORM):
        return "refused"
    return "unknown"


def judge_refusal(status: int, document: object) -> Refusal:
    """Return the status and outcome of an answer that is no success: not 2xx, or 2xx with ``"success": false``.

    A 2xx is judged by its own ``statusCode``. Where two statuses disagree, the more doubtful one counts; a body with
    ``"success": true`` disagrees with every refusal.
    """
    own_form = is_own_form(document)
    stated = _stated_status(document)
    if is_object(document) and document.get("success") not in (None, False):
        # Also "true" and 1: whatever this means, it is no clear no.
        return Refusal(status, "unknown")
    if 200 <= status < 300:
        if stated is None or 200 <= stated < 300:
            return Refusal(status, "unknown")
        return Refusal(stated, outcome_of_status(stated, own_form=own_form))
    outcome = outcome_of_status(status, own_form=own_form)
    if stated is not None and outcome_of_status(stated, own_form=own_form) == "unknown":
        outcome = "unknown"
    return Refusal(status, outcome)


def _stated_status(document: object) -> int | None:
    stated = document.get("statusCode") if is_object(document) else None
    if isinstance(stated, str) and stated.isascii() and stated.isdigit() and len(stated) == 3:
        stated = int(stated)
    return stated if type(stated) is int and 100 <= stated <= 999 else None


def is_key_conflict(status: int, document: Mapping[str, Any]) -> bool:
    """Return whether a refusal says that its idempotency key was used before with other data.

    assumed: no source documents the text. Stripe answers 400, the IETF draft on the header 422, others 409; all of them
    name idempotency. "In progress" and its like mean another request of the same operation.
    """
    if status not in (400, 409, 422):
        return False
    text = " ".join(_texts([document.get(name) for name in ("error", "message", "details")]))
    return _KEY_CONFLICT.search(text) is not None and _STILL_RUNNING.search(text) is None


def _texts(value: object) -> list[str]:
    if isinstance(value, str):
        return [value]
    if is_object(value):
        return [text for name, item in value.items() for text in (name, *_texts(item))]
    if is_array(value):
        return [text for item in value for text in _texts(item)]
    return []


def safe_to_repeat(safety: Safety, error: InventPayError, *, proven: bool) -> bool:
    """Return whether repeating the operation cannot do more than one success.

    ``proven`` is whether the API is known to honour idempotency keys for this kind of call.
    """
    if isinstance(error, (ConfigurationError, InvalidArgumentError, AnswerMismatchError, IdempotencyConflictError)):
        return False
    match error.outcome:
        case "not_sent":
            return True
        case "refused":
            return isinstance(error, RateLimitedError)
        case "done":
            return False
        case "unknown":
            return safety != "once" or proven


def repeat_after(error: InventPayError) -> float:
    """Return the seconds to wait before repeating: the server's or the limiter's own word, where there is one."""
    if isinstance(error, RateLimitTimeoutError):
        return max(error.wait, SHORTEST_REPEAT)
    asked: float | None = getattr(error, "retry_after", None)
    if asked is not None:
        return max(asked, SHORTEST_REPEAT)
    return REPEAT_AFTER_LIMIT if isinstance(error, RateLimitedError) else REPEAT_AFTER


def evidence_hint(endpoint: Endpoint, idempotency_key: str | None) -> str | None:
    """Return where a person, or a program, looks up what became of a call that must not be repeated."""
    if endpoint.name == CREATE_WITHDRAWAL.name:
        return (
            "Look up whether it was paid before you pay again: compare the locked balance and the used part of the "
            "withdrawal limits (client.balances.get), the withdrawal.* webhooks, and the dashboard, where a withdrawal "
            f"without a description of its own is described as {idempotency_key!r}. See docs/outcomes.md."
        )
    if endpoint.name == CHECKOUT.name:
        return (
            "Look up whether the order exists before you repeat it: client.store.orders.list(). See docs/outcomes.md."
        )
    if endpoint.name == CREATE_PRODUCT.name:
        return "Look up whether the product exists before you repeat it: client.store.products.list()."
    if endpoint.safety == "once":
        return (
            "Look up whether it took effect before you repeat it: read what it should change, or see the dashboard. "
            "See docs/outcomes.md."
        )
    return None
