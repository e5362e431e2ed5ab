"""One tree of errors: as drawn, readable, and safe to send through a pickle."""

from __future__ import annotations

import copy
import pickle
import traceback
from decimal import Decimal
from typing import Any, Final

import pytest

from inventpay import errors
from inventpay.errors import (
    BODY_KEPT,
    APIConnectionError,
    APIStatusError,
    APITimeoutError,
    BadRequestError,
    ConfigurationError,
    DecodeError,
    EventDecodeError,
    InvalidArgumentError,
    InventPayError,
    KeyUploadError,
    NotFoundError,
    RateLimitTimeoutError,
    ServerError,
    SignatureError,
    UnsettledError,
    WaitTimeoutError,
    WebhookError,
)
from inventpay.headers import Headers
from inventpay.models import AddedKeys, PaymentState, PaymentStatus

CLASSES: Final = sorted(
    (kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, InventPayError)),
    key=lambda kind: kind.__name__,
)
PUBLIC: Final = [kind for kind in CLASSES if not kind.__name__.startswith("_")]

# Classes of errors behind which a request may stand.
BEHIND_A_REQUEST: Final = (APIConnectionError, errors._AnswerError, KeyUploadError, UnsettledError)

LAST: Final = PaymentStatus(
    payment_id="cmh1", status=PaymentState.PENDING, current_balance=Decimal("0.10"), confirmations=0, raw={"a": 1}
)

COMMON: Final[dict[str, Any]] = {
    "method": "POST",
    "path": "/v1/create_payment",
    "attempts": 3,
    "idempotency_key": "key-1",
    "outcome": "unknown",
}
ANSWERED: Final[dict[str, Any]] = {
    "status": 503,
    "details": {"amount": "too small", "deep": {"a": [Decimal("0.10")]}},
    "retry_after": 1.5,
    "headers": Headers([("Retry-After", "1.5")]),
    "body": b'{"error":"busy"}',
}


def facts_of(kind: type[InventPayError]) -> dict[str, Any]:
    """Every fact an error of this class can carry."""
    facts = dict(COMMON)
    if issubclass(kind, (APIStatusError, DecodeError)):
        facts |= ANSWERED
    if issubclass(kind, DecodeError):
        facts["json_path"] = "$.data.amount"
    if issubclass(kind, InvalidArgumentError):
        facts["argument"] = "amount"
    if issubclass(kind, RateLimitTimeoutError):
        facts["wait"] = 12.5
    if issubclass(kind, WaitTimeoutError):
        facts["last"] = LAST
    if issubclass(kind, KeyUploadError):
        facts["progress"] = AddedKeys(added=2, duplicates=1)
    if issubclass(kind, APIConnectionError):
        facts["reason"] = "dns"
    return facts


# The tree


def drawn() -> dict[str, str | None]:
    """Class to parent, as the module's docstring draws them."""
    assert errors.__doc__ is not None
    parents: dict[str, str | None] = {}
    stack: list[str] = []
    for line in errors.__doc__.splitlines():
        bare = line.lstrip("│├└─ ")
        name = bare.split(" ", 1)[0]
        if not name.endswith("Error"):
            continue
        depth = (len(line) - len(bare)) // 4
        del stack[depth:]
        parents[name] = stack[-1] if stack else None
        stack.append(name)
    return parents


def test_the_tree_is_as_drawn() -> None:
    """The drawing names every public class under its parent; private classes in between do not count."""
    real: dict[str, str | None] = {}
    for kind in PUBLIC:
        public = [base for base in kind.__mro__[1:] if base in PUBLIC]
        real[kind.__name__] = public[0].__name__ if public else None
    assert drawn() == real


def test_what_is_two_things_says_so() -> None:
    """A refused argument is a ValueError too, and an unreadable event is both kinds of error."""
    assert issubclass(InvalidArgumentError, ValueError)
    assert issubclass(EventDecodeError, WebhookError)
    assert issubclass(EventDecodeError, DecodeError)
    assert "(also a ValueError)" in (errors.__doc__ or "")
    assert "(also a DecodeError)" in (errors.__doc__ or "")


def test_every_public_class_is_exported() -> None:
    """The module exports the whole tree and the types of its attributes, sorted."""
    assert sorted(errors.__all__) == sorted(
        [*(kind.__name__ for kind in PUBLIC), "ConnectionFailure", "Outcome", "SentRequest", "UnreadRow"]
    )


@pytest.mark.parametrize("kind", PUBLIC)
def test_every_class_says_when_it_is_raised(kind: type[InventPayError]) -> None:
    """Each class has a sentence of its own."""
    assert kind.__doc__
    assert kind.__doc__ not in {base.__doc__ for base in kind.__mro__[1:]}


# Facts


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_carries_its_facts(kind: type[InventPayError]) -> None:
    """Every fact given is an attribute of the error."""
    facts = facts_of(kind)
    error = kind("it broke", **facts)
    assert {name: getattr(error, name) for name in facts} == facts
    assert error.message == "it broke"
    assert error.args == ("it broke",)


@pytest.mark.parametrize("kind", CLASSES)
def test_an_error_without_facts_has_defaults(kind: type[InventPayError]) -> None:
    """A bare message suffices; no attribute is ever missing."""
    error = kind("it broke")
    for name in facts_of(kind):
        getattr(error, name)
    assert (error.method, error.path, error.attempts, error.idempotency_key) == (None, None, 0, None)
    assert (error.status, error.retry_after) == (None, None)
    assert error.outcome == ("unknown" if issubclass(kind, BEHIND_A_REQUEST) else "not_sent")
    assert not error.safe_to_repeat
    assert str(error) == "it broke"


def test_an_error_of_a_json_result_backend_does_not_claim_that_nothing_was_sent() -> None:
    """Celery's JSON results keep class and args: a withdrawal in doubt must not come back as one that was not sent."""
    for kind in (APITimeoutError, ServerError, DecodeError, NotFoundError):
        error = kind("it broke", method="POST", path="/v1/merchant/withdrawal/create", outcome="unknown")
        again = type(error)(*error.args)
        assert (again.outcome, again.safe_to_repeat, again.request) == ("unknown", False, None)


def test_a_body_is_cut() -> None:
    """An error keeps at most 65,536 bytes of a body, so that it fits into a task queue."""
    assert BODY_KEPT == 65_536
    assert DecodeError("x", body=b"a" * BODY_KEPT).body == b"a" * BODY_KEPT
    assert ServerError("x", body=b"a" * (BODY_KEPT + 1)).body == b"a" * BODY_KEPT


# Copies


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_every_error_survives_pickle(kind: type[InventPayError], protocol: int) -> None:
    """Class, message, every attribute and notes arrive on the other side of a process boundary."""
    error = kind("it broke", **facts_of(kind))
    error.add_note("a note")
    copied = pickle.loads(pickle.dumps(error, protocol))
    assert type(copied) is kind
    assert copied.__dict__ == error.__dict__
    assert copied.args == error.args
    assert str(copied) == str(error)
    assert traceback.format_exception_only(copied) == traceback.format_exception_only(error)


@pytest.mark.parametrize("kind", CLASSES)
@pytest.mark.parametrize("copier", [copy.copy, copy.deepcopy])
def test_every_error_can_be_copied(kind: type[InventPayError], copier: Any) -> None:
    """Error trackers copy what they report."""
    error = kind("it broke", **facts_of(kind))
    copied = copier(error)
    assert type(copied) is kind
    assert copied.__dict__ == error.__dict__
    assert str(copied) == str(error)


def test_facts_that_were_set_later_survive_too() -> None:
    """The transport completes errors after they were made; copies have the completed facts."""
    error = DecodeError("$ is a list, not an object", json_path="$")
    error.method, error.path, error.attempts, error.status = "GET", "/v1/merchant/balance", 2, 200
    copied = pickle.loads(pickle.dumps(error))
    assert (copied.method, copied.path, copied.attempts, copied.status) == ("GET", "/v1/merchant/balance", 2, 200)


def test_the_last_status_survives_with_its_raw_object() -> None:
    """The last status of ``wait`` is a whole model on the other side."""
    copied = pickle.loads(pickle.dumps(WaitTimeoutError("no final status within 5 s", last=LAST)))
    assert copied.last == LAST
    assert copied.last.raw == {"a": 1}


# Words


@pytest.mark.parametrize(
    ("error", "text"),
    [
        (ConfigurationError("no API key"), "no API key"),
        (
            InvalidArgumentError("amount=0 must be greater than 0", method="POST", path="/v1/create_payment"),
            "POST /v1/create_payment: amount=0 must be greater than 0 (outcome: not_sent)",
        ),
        (
            APIConnectionError(
                "the connection was lost",
                method="POST",
                path="/v1/merchant/withdrawal/create",
                attempts=1,
                idempotency_key="key-1",
                outcome="unknown",
            ),
            "POST /v1/merchant/withdrawal/create: the connection was lost (outcome: unknown, idempotency key: key-1)",
        ),
        (
            APITimeoutError("no answer within 30.00 s", method="GET", path="/v1/x", attempts=3, outcome="unknown"),
            "GET /v1/x: no answer within 30.00 s (outcome: unknown, attempts: 3)",
        ),
        (
            BadRequestError(
                "400 Bad Request: Invalid currency",
                method="GET",
                path="/v1/merchant/balance/DOGE",
                attempts=1,
                idempotency_key="key-1",
                outcome="refused",
                status=400,
                details={"currency": "Must be one of: BTC, ETH", "amount": None},
            ),
            "GET /v1/merchant/balance/DOGE: 400 Bad Request: Invalid currency (outcome: refused)\n"
            "  currency: Must be one of: BTC, ETH\n"
            "  amount: None",
        ),
        (SignatureError("the body was not signed with this secret"), "the body was not signed with this secret"),
    ],
)
def test_errors_read_well(error: InventPayError, text: str) -> None:
    """One line says which call it was, what went wrong, and what became of it; details follow, one a line."""
    assert str(error) == text
    assert traceback.format_exception_only(error)[-1].endswith(f"{text}\n")


def test_a_key_is_shown_only_where_it_helps() -> None:
    """The idempotency key is printed when the call may have to be repeated with it."""
    assert "key-1" in str(ServerError("503", **{**COMMON, "outcome": "unknown"}))
    assert "key-1" not in str(ServerError("503", **{**COMMON, "outcome": "refused"}))
