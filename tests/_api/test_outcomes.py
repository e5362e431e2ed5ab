"""The rules of what an answer, or the lack of one, proves, for every status and every error class."""

from __future__ import annotations

from typing import Any, get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import errors
from inventpay._api import outcomes
from inventpay._api.endpoints import CHECKOUT, CREATE_PAYMENT, CREATE_WITHDRAWAL, Safety
from inventpay._api.repeats import endpoint_for
from inventpay.errors import (
    AnswerMismatchError,
    APIConnectionError,
    ConfigurationError,
    IdempotencyConflictError,
    InvalidArgumentError,
    InventPayError,
    Outcome,
    RateLimitedError,
    RateLimitTimeoutError,
    ServerError,
)

SAFETIES: tuple[Safety, ...] = get_args(Safety)
KINDS = [
    kind
    for kind in vars(errors).values()
    if isinstance(kind, type) and issubclass(kind, InventPayError) and not kind.__name__.startswith("_")
]
statuses = st.integers(100, 999)
documents = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.dictionaries(st.sampled_from(["success", "statusCode", "error", "x"]), inner, max_size=4),
    max_leaves=6,
)


@given(statuses, documents)
def test_refused_needs_proof(status: int, document: Any) -> None:
    """Only the listed statuses are refusals, five of them in the API's own form only, and no 2xx without a status."""
    judged = outcomes.judge_refusal(status, document)
    if judged.outcome == "refused":
        own = isinstance(document, dict) and document.get("success") is False
        assert judged.status in {405, 413, 415, 429} or (own and judged.status in {400, 401, 403, 404, 422})
        assert judged.status == status or 200 <= status < 300
    else:
        assert judged.outcome == "unknown"


@given(statuses, statuses)
def test_where_two_statuses_disagree_the_more_doubtful_counts(status: int, stated: int) -> None:
    """A status in the body makes an outcome more doubtful, never less."""
    plain = outcomes.judge_refusal(status, {"success": False})
    judged = outcomes.judge_refusal(status, {"success": False, "statusCode": stated})
    alone = outcomes.judge_refusal(stated, {"success": False})
    if 200 <= status < 300:
        expected = "unknown" if 200 <= stated < 300 else alone.outcome
    else:
        expected = "refused" if plain.outcome == alone.outcome == "refused" else "unknown"
    assert judged.outcome == expected


@given(statuses, st.none() | statuses)
def test_a_success_in_the_body_makes_every_refusal_doubtful(status: int, stated: int | None) -> None:
    """A status that refuses and ``"success": true`` contradict each other, so neither is proof."""
    document = {"success": True, "data": {"withdrawalId": "w1"}, "statusCode": stated}
    assert outcomes.judge_refusal(status, document) == (status, "unknown")


@pytest.mark.parametrize(
    ("status", "stated", "expected"),
    [
        (200, None, (200, "unknown")),
        (201, 200, (201, "unknown")),
        (200, 299, (200, "unknown")),
        (200, 300, (300, "unknown")),
        (200, 100, (100, "unknown")),
        (200, 999, (999, "unknown")),
        (299, 400, (400, "refused")),
        (300, 400, (300, "unknown")),
        (400, None, (400, "refused")),
        (400, 404, (400, "refused")),
        (400, 500, (400, "unknown")),
        (429, 200, (429, "unknown")),
        (500, 400, (500, "unknown")),
    ],
)
def test_the_bounds_of_statuses(status: int, stated: int | None, expected: tuple[int, str]) -> None:
    """200 to 299 are judged by their own ``statusCode`` of 100 to 999; of two that disagree the doubtful one counts."""
    document = {"success": False} if stated is None else {"success": False, "statusCode": stated}
    assert outcomes.judge_refusal(status, document) == expected


@pytest.mark.parametrize(("status", "looked_at"), [(199, True), (200, False), (299, False), (300, True)])
def test_only_a_success_is_left_alone(status: int, looked_at: bool) -> None:
    """A status from 200 to 299 whose text does not deny its success needs no closer look."""
    assert outcomes.may_be_refusal(status, b"{}") is looked_at


@pytest.mark.parametrize("stated", [True, 99, 1000, "4oo", "", None, 4.5, [], "²³¹"])
def test_a_status_that_is_none_says_nothing(stated: object) -> None:
    """Only a whole number of three digits, or its text, counts as a status."""
    assert outcomes.judge_refusal(200, {"success": False, "statusCode": stated}).outcome == "unknown"
    assert outcomes.judge_refusal(400, {"success": False, "statusCode": stated}).outcome == "refused"


def test_a_status_may_be_text() -> None:
    """``"statusCode": "400"`` is the same word."""
    assert outcomes.judge_refusal(200, {"success": False, "statusCode": "400"}) == (400, "refused")


@pytest.mark.parametrize(
    ("status", "text", "is_conflict"),
    [
        (409, "Idempotency key was already used with a different request", True),
        (422, "Idempotency-Key is reused with another payload", True),
        (
            400,
            "Keys for idempotent requests can only be used with the same parameters they were first used with",
            True,
        ),
        (400, "This idempotency key belongs to a request with different parameters", True),
        (409, "IDEMPOTENCY_KEY_MISMATCH", True),
        (409, "A request with this idempotency key is still being processed", False),
        (409, "Another request with this idempotency key is in progress", False),
        (409, "Concurrent request with the same idempotency key", False),
        (409, "Order already shipped", False),
        (401, "Idempotency key was already used with a different request", False),
        (500, "Idempotency key was already used with a different request", False),
    ],
)
def test_a_key_used_for_other_data_is_recognised(status: int, text: str, is_conflict: bool) -> None:
    """Wherever the text stands; a request that is still running is another matter."""
    for body in ({"error": text}, {"message": text}, {"message": [text]}, {"details": {"key": text}}):
        assert outcomes.is_key_conflict(status, body) == is_conflict


@given(st.sampled_from(KINDS), st.sampled_from(get_args(Outcome)), st.sampled_from(SAFETIES), st.booleans())
def test_what_is_safe_to_repeat(kind: type[InventPayError], outcome: Outcome, safety: Safety, proven: bool) -> None:
    """Never what was done or contradicts; of refusals a 429 only; of doubts about money only those with proof."""
    error = kind("it broke")
    error.outcome = outcome
    safe = outcomes.safe_to_repeat(safety, error, proven=proven)
    never = (ConfigurationError, InvalidArgumentError, AnswerMismatchError, IdempotencyConflictError)
    if isinstance(error, never) or outcome == "done":
        assert safe is False
    elif outcome == "not_sent":
        assert safe
    elif outcome == "refused":
        assert safe == isinstance(error, RateLimitedError)
    else:
        assert safe == (safety != "once" or proven)


def test_repeating_takes_its_time() -> None:
    """The server's word and the limiter's count, a 429 without one waits a window, and nothing repeats at once."""
    assert outcomes.repeat_after(RateLimitedError("x", retry_after=7.5)) == 7.5
    assert outcomes.repeat_after(RateLimitedError("x")) == 60
    assert outcomes.repeat_after(RateLimitedError("x", retry_after=0)) == 1
    assert outcomes.repeat_after(RateLimitTimeoutError("x", wait=30.5)) == 30.5
    assert outcomes.repeat_after(RateLimitTimeoutError("x", wait=0)) == 1
    assert outcomes.repeat_after(ServerError("x", retry_after=3)) == 3
    assert outcomes.repeat_after(APIConnectionError("x")) == 2


def test_a_hint_names_what_to_compare() -> None:
    """A withdrawal in doubt is looked up by balance, limits, webhooks and dashboard; a payment needs no hint."""
    hint = outcomes.evidence_hint(CREATE_WITHDRAWAL, "key-1")
    assert hint is not None
    for word in ("locked balance", "limits", "withdrawal.*", "dashboard", "'key-1'"):
        assert word in hint
    assert "orders.list" in (outcomes.evidence_hint(CHECKOUT, "key-1") or "")
    assert "dashboard" in (outcomes.evidence_hint(endpoint_for("POST", "/v1/new"), "key-1") or "")
    assert outcomes.evidence_hint(CREATE_PAYMENT, "key-1") is None


@given(statuses, st.binary(max_size=50))
def test_a_closer_look_is_rare(status: int, body: bytes) -> None:
    """A success is parsed a second time only where its text shows that it may be none."""
    assert outcomes.may_be_refusal(status, body + b'"success" : false')
    assert outcomes.may_be_refusal(status, b'{"success": true}') == (not 200 <= status < 300)
