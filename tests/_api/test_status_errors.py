"""From an answer that says no to the error that says why."""

from __future__ import annotations

import pickle
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api.outcomes import outcome_of_status
from inventpay._api.status_errors import checked_document, from_response
from inventpay.errors import (
    BODY_KEPT,
    APIStatusError,
    AuthenticationError,
    BadRequestError,
    ConflictError,
    DecodeError,
    NotFoundError,
    Outcome,
    PermissionDeniedError,
    RateLimitedError,
    ServerError,
    class_for,
)
from inventpay.headers import Headers
from inventpay.responses import APIResponse
from tests.support.documented import body, encoded


def refused(status: int, content: bytes = b"", headers: dict[str, str] | None = None) -> APIStatusError:
    return from_response(APIResponse(status, Headers((headers or {}).items()), content))


TABLE: list[tuple[int, type[APIStatusError], Outcome]] = [
    (300, APIStatusError, "unknown"),
    (301, APIStatusError, "unknown"),
    (304, APIStatusError, "unknown"),
    (307, APIStatusError, "unknown"),
    (400, BadRequestError, "refused"),
    (401, AuthenticationError, "refused"),
    (402, APIStatusError, "unknown"),
    (403, PermissionDeniedError, "refused"),
    (404, NotFoundError, "refused"),
    (405, APIStatusError, "refused"),
    (413, APIStatusError, "refused"),
    (415, APIStatusError, "refused"),
    (408, APIStatusError, "unknown"),
    (409, ConflictError, "unknown"),
    (410, APIStatusError, "unknown"),
    (422, BadRequestError, "refused"),
    (499, APIStatusError, "unknown"),
    (429, RateLimitedError, "refused"),
    (500, ServerError, "unknown"),
    (501, ServerError, "unknown"),
    (502, ServerError, "unknown"),
    (503, ServerError, "unknown"),
    (504, ServerError, "unknown"),
    (520, ServerError, "unknown"),
    (599, ServerError, "unknown"),
    (600, APIStatusError, "unknown"),
    (999, APIStatusError, "unknown"),
]


@pytest.mark.parametrize(("status", "kind", "outcome"), TABLE)
def test_every_status_has_its_class_and_outcome(status: int, kind: type[APIStatusError], outcome: Outcome) -> None:
    """The class says what to fix, the outcome what an answer in the API's own form proves of its request."""
    assert class_for(status) is kind
    assert outcome_of_status(status, own_form=True) == outcome
    error = refused(status, b'{"success": false, "error": "no"}')
    assert type(error) is kind
    assert (error.status, error.outcome) == (status, outcome)


def test_an_error_carries_everything_the_answer_said() -> None:
    """Status, message, details, headers, body and the asked pause, for logs and for handlers."""
    headers = Headers([("Retry-After", "3"), ("X-Request-Id", "r1")])
    error = from_response(APIResponse(400, headers, body("balance.error-400")), retry_after=3.0)
    assert type(error) is BadRequestError
    assert error.status == 400
    assert error.message == "400 Bad Request: Invalid currency"
    assert error.details == {"currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20"}
    assert error.retry_after == 3.0
    assert error.headers["x-request-id"] == "r1"
    assert error.body == body("balance.error-400")
    assert str(error) == (
        "400 Bad Request: Invalid currency\n  currency: Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20"
    )


@pytest.mark.parametrize(
    ("status", "content", "headers", "message"),
    [
        (401, b'{"success":false,"error":"Invalid API key","statusCode":401}', {}, "401 Unauthorized: Invalid API key"),
        (404, b'{"message":"No such payment"}', {}, "404 Not Found: No such payment"),
        (404, b'{"error":"","message":"No such payment"}', {}, "404 Not Found: No such payment"),
        (409, b'{"error":{"code":7},"message":"Busy"}', {}, "409 Conflict: Busy"),
        (
            503,
            b'{"error":null}',
            {},
            "503 Service Unavailable (no reason given; the body starts with '{\"error\":null}')",
        ),
        (502, b"", {}, "502 Bad Gateway (no reason given; the body is empty)"),
        (520, b"", {}, "520 (no reason given; the body is empty)"),
        (
            502,
            b"<html><body>Bad gateway</body></html>" + b" " * 100,
            {},
            "502 Bad Gateway (no reason given; the body starts with '<html><body>Bad gateway</body></html>"
            + " " * 23
            + "')",
        ),
        (500, b'["a"]', {}, "500 Internal Server Error (no reason given; the body starts with '[\"a\"]')"),
        (500, b"\xff", {}, "500 Internal Server Error (no reason given; the body starts with '\ufffd')"),
        (
            302,
            b"",
            {"Location": "https://evil.example/"},
            "302 Found: redirects are not followed, because they would carry your keys to 'https://evil.example/'",
        ),
        (
            308,
            b"<a>",
            {},
            "308 Permanent Redirect: redirects are not followed, because they would carry your keys to 'nowhere'",
        ),
    ],
)
def test_messages_say_status_and_reason(status: int, content: bytes, headers: dict[str, str], message: str) -> None:
    """The API's own words where there are some, else what kind of answer it was."""
    assert refused(status, content, headers).message == message


@pytest.mark.parametrize("details", [None, [], "text", 5, True])
def test_details_that_are_no_object_are_left_out(details: object) -> None:
    """``details`` maps fields to what is wrong with them, or is ``None``; the body keeps the rest."""
    content = encoded({"error": "x", "details": details})
    error = refused(400, content)
    assert error.details is None
    assert error.body == content


def test_details_of_other_shapes_are_shown_short() -> None:
    """Nested details stay available as parsed, and print in one line each."""
    error = refused(400, encoded({"error": "x", "details": {"items": [{"price": "too low"}] * 50, "n": None}}))
    assert error.details is not None
    assert len(error.details["items"]) == 50
    lines = str(error).splitlines()
    assert lines[0] == "400 Bad Request: x"
    assert lines[1].startswith("  items: [{'price': 'too low'}, ")
    assert lines[1].endswith("...")
    assert lines[2] == "  n: None"


@pytest.mark.parametrize(
    ("members", "reason"),
    [
        ({"error": "Invalid currency"}, "Invalid currency"),
        ({"message": "amount must be positive"}, "amount must be positive"),
        (
            {"message": ["amount must be positive", "currency is unknown"]},
            "amount must be positive: currency is unknown",
        ),
        (
            {"statusCode": 400, "error": "Bad Request", "message": ["amount must be positive"]},
            "amount must be positive",
        ),
        ({"error": "Bad Request", "message": "amount must be positive"}, "amount must be positive"),
        ({"error": "Bad Request"}, "Bad Request"),
        (
            {"error": "Validation failed", "details": "amount must be positive"},
            "Validation failed: amount must be positive",
        ),
        (
            {"error": "Validation failed", "details": ["amount must be positive", "currency is unknown"]},
            "Validation failed: amount must be positive; currency is unknown",
        ),
        (
            {"message": "Validation failed", "details": [{"path": "amount", "msg": "must be positive"}]},
            "Validation failed: amount: must be positive",
        ),
        ({"error": {"message": "No such coin"}}, "No such coin"),
        ({"error": "Invalid currency", "details": {"currency": "Must be BTC"}}, "Invalid currency"),
        ({"error": "same", "message": "same"}, "same"),
        ({"details": ["only here"]}, "only here"),
    ],
)
def test_the_reason_is_found_wherever_it_stands(members: dict[str, Any], reason: str) -> None:
    """Frameworks put it into ``error``, ``message`` or ``details``, as text or as a list."""
    assert refused(400, encoded(members)).message == f"400 Bad Request: {reason}"


HOSTILE = "\x1b[2J\x1b[31mYOUR KEY IS FINE\r\nINFO all is well\u202egnp.exe\x00"


@pytest.mark.parametrize("name", ["error", "message", "details"])
@pytest.mark.parametrize("shape", [lambda text: text, lambda text: [text], lambda text: {"amount": text}])
def test_no_text_of_a_server_commands_a_terminal(name: str, shape: Any) -> None:
    """Escape sequences, line breaks and reversed text stay out of exceptions, and nothing is longer than 500."""
    for text in (HOSTILE, HOSTILE * 1000, "x" * 100_000):
        error = refused(400, encoded({"error": "Invalid", name: shape(text)}), {"location": text[:50]})
        for line in str(error).splitlines():
            assert line.isprintable()
            assert len(line) <= 600
        assert error.message.isprintable()


def test_a_target_of_a_redirect_commands_no_terminal() -> None:
    """It comes from a header, and is shown cut."""
    message = refused(302, b"", {"location": f"https://elsewhere.example/{HOSTILE}{'x' * 5_000}"}).message
    assert message.isprintable()
    assert len(message) < 700


def test_an_error_stays_small_whatever_arrives() -> None:
    """A megabyte of error body is cut, and its words are not kept elsewhere."""
    error = refused(400, encoded({"error": "x" * 10**6, "details": {"a": "y" * 10**6}}))
    assert len(error.body) == BODY_KEPT
    assert error.details is None
    assert len(error.message) < 200
    assert len(pickle.dumps(error)) < 2 * BODY_KEPT


def test_a_body_of_the_kept_size_is_read() -> None:
    """The bound is that of the kept body, exactly."""
    content = encoded({"error": "said"})
    padded = content + b" " * (BODY_KEPT - len(content))
    assert refused(400, padded).message == "400 Bad Request: said"
    assert refused(400, padded + b" ").message.startswith("400 Bad Request (no reason given")


@pytest.mark.parametrize("status", [200, 201, 202])
def test_success_false_is_no_success(status: int) -> None:
    """``success: false`` in a 2xx answer is an error; without a status of its own it proves nothing."""
    with pytest.raises(APIStatusError) as caught:
        checked_document(APIResponse(status, Headers([("X-A", "b")]), b'{"success":false,"message":"Not today"}'))
    assert type(caught.value) is APIStatusError
    assert (caught.value.status, caught.value.outcome, caught.value.retry_after) == (status, "unknown", None)
    assert caught.value.message.endswith('with "success": false: Not today')
    assert caught.value.headers == {"x-a": "b"}


def test_success_false_without_a_word_is_readable() -> None:
    """Even a bare no names itself."""
    with pytest.raises(APIStatusError) as caught:
        checked_document(APIResponse(200, Headers(), b'{"success":false}'))
    assert caught.value.message == (
        '200 OK with "success": false (no reason given; the body starts with \'{"success":false}\')'
    )


@pytest.mark.parametrize(
    ("content", "document"),
    [
        (b'{"success":true,"data":{}}', {"success": True, "data": {}}),
        (b'{"status":"PENDING"}', {"status": "PENDING"}),
        (b"[false]", [False]),
        (b"null", None),
    ],
)
def test_other_documents_pass(content: bytes, document: object) -> None:
    """An answer that is no refusal goes to the reader of its shape."""
    assert checked_document(APIResponse(200, Headers(), content)) == document


json_objects = st.dictionaries(
    st.one_of(st.text(max_size=5), st.sampled_from(["error", "message", "details", "success"])),
    st.recursive(
        st.one_of(st.none(), st.booleans(), st.integers(-(10**6), 10**6), st.text(max_size=10)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=5), inner, max_size=3)),
    ),
    max_size=4,
).map(encoded)


@given(st.integers(300, 999), st.one_of(st.binary(max_size=80), json_objects))
def test_any_refusal_becomes_a_printable_picklable_error(status: int, content: bytes) -> None:
    """For any answer of a server or a proxy, the error is of the status's class, prints and survives pickle."""
    error = refused(status, content)
    assert type(error) is class_for(status)
    copied: Any = pickle.loads(pickle.dumps(error))
    assert copied.__dict__ == error.__dict__
    assert str(copied) == str(error)


def test_json_of_an_answer_says_which_answer_it_was() -> None:
    """``APIResponse.json`` fails with the status, headers and body it could not read."""
    response = APIResponse(200, Headers([("Content-Type", "text/html")]), b"<html>")
    with pytest.raises(DecodeError) as caught:
        response.json()
    assert (caught.value.status, caught.value.outcome, caught.value.body) == (200, "unknown", b"<html>")
    assert caught.value.headers["content-type"] == "text/html"
