"""A call says everything about one request: method, path, body bytes, key, safety, rate class."""

from __future__ import annotations

import enum
import re
import uuid
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api import balances, endpoints, payments, raw_request, withdrawals
from inventpay._api.call import READERS, Call
from inventpay._api.endpoints import Endpoint
from inventpay._api.repeats import call_again, check_result
from inventpay._json.converter import read_json
from inventpay.errors import APIStatusError, InvalidArgumentError, SentRequest, UnsettledError
from inventpay.headers import Headers
from inventpay.models import Balance, Balances, Invoice, Payment, PaymentStatus, Withdrawal
from inventpay.options import RateClass
from inventpay.responses import APIResponse
from tests.support.documented import body


class OwnCoin(str, enum.Enum):  # noqa: UP042 - the older way to write it, whose str() is "OwnCoin.BTC"
    """An enum of a caller's own."""

    BTC = "BTC"


class OwnNumber(int, enum.Enum):
    """An enum of a caller's own, whose str() is no number."""

    SEVEN = 7


def create_payment(**changes: Any) -> Call[Payment]:
    facts: dict[str, Any] = {
        "amount": "29.99",
        "amount_currency": "USD",
        "currency": "USDT_BEP20",
        "order_id": None,
        "description": None,
        "callback_url": None,
        "expiration_minutes": None,
        "idempotency_key": "key-1",
    }
    return payments.create_payment(**{**facts, **changes})


def create_invoice(**changes: Any) -> Call[Invoice]:
    facts: dict[str, Any] = {
        "amount": "49.99",
        "amount_currency": "USD",
        "order_id": None,
        "description": None,
        "callback_url": None,
        "expiration_minutes": None,
        "idempotency_key": "key-1",
    }
    return payments.create_invoice(**{**facts, **changes})


def create_withdrawal(**changes: Any) -> Call[Withdrawal]:
    facts: dict[str, Any] = {
        "amount": "10",
        "currency": "USDT_BEP20",
        "destination_address": "0x1E3D",
        "description": None,
        "idempotency_key": "key-1",
    }
    return withdrawals.create_withdrawal(**{**facts, **changes})


def request(method: str = "GET", path: str = "/v1/anything", **changes: Any) -> Call[APIResponse]:
    return raw_request.request(method, path, **{"params": None, "json": None, "idempotency_key": None, **changes})


def answered(name: str) -> APIResponse:
    return APIResponse(200, Headers(), body(name))


def refusal(build: Callable[..., object], *args: Any, **kwargs: Any) -> InvalidArgumentError:
    with pytest.raises(InvalidArgumentError) as caught:
        build(*args, **kwargs)
    assert caught.value.outcome == "not_sent"
    assert caught.value.attempts == 0
    return caught.value


# Tables


def sent(method: str, path: str) -> SentRequest:
    """Return a request without a body."""
    account = {"base_url": "https://api.example.com", "account": "a"}
    return SentRequest(method=method, path=path, body=None, idempotency_key=None, sent_at=None, **account)


@pytest.mark.parametrize("endpoint", endpoints.ENDPOINTS.values(), ids=str)
def test_the_result_of_every_endpoint_is_known_before_it_is_repeated(endpoint: endpoints.Endpoint) -> None:
    """Each has a class, found without an answer; one endpoint may return nothing, so no class can be promised."""
    error = UnsettledError("in doubt", outcome="unknown")
    request = sent(endpoint.method, re.sub(r"\{\w+\}", "x", endpoint.template))
    if endpoint.name == "POST /v1/merchant/webhook-delivery/{deliveryId}/retry":
        with pytest.raises(InvalidArgumentError, match=r"returns .*None"):
            check_result(error, request, object)
        return
    check_result(error, request, object)
    with pytest.raises(
        InvalidArgumentError, match=r"the call of this error returns [A-Z]\w+, not int; nothing was sent"
    ):
        check_result(error, request, int)


def test_every_answer_but_lists_has_a_reader_for_repeated_calls() -> None:
    """The call of a repeated request reads its answer as the first call did; lists come back as they are."""
    call_again(sent("GET", "/v1/merchant/balance"))
    assert {name for name in endpoints.ENDPOINTS if name not in READERS} == {
        "GET /v1/store/manage/products",
        "GET /v1/store/manage/products/{productId}/keys",
        "GET /v1/store/manage/orders",
        "GET /v1/merchant/webhook-deliveries",
    }


def test_only_withdrawals_move_money() -> None:
    """No endpoint that is retried after an unknown outcome moves money out, sells, or doubles what is sold."""
    assert [row.name for row in endpoints.ENDPOINTS.values() if row.safety == "once"] == [
        "POST /v1/merchant/withdrawal/create",
        "POST /v1/store/{slug}/checkout",
        "POST /v1/store/manage/products",
    ]


# Builders


def test_create_payment_with_everything() -> None:
    """Every argument becomes its documented member, the amount an exact number."""
    call = create_payment(
        order_id="order-1",
        description="Premium “Plan” ü",
        callback_url="https://shop.example/hook",
        expiration_minutes=30,
    )
    assert call.endpoint is endpoints.CREATE_PAYMENT
    assert call.path == "/v1/create_payment"
    assert (
        call.body
        == (
            '{"amount":29.99,"amountCurrency":"USD","currency":"USDT_BEP20","orderId":"order-1",'
            '"description":"Premium “Plan” ü","callbackUrl":"https://shop.example/hook","expirationMinutes":30}'
        ).encode()
    )
    assert call.idempotency_key == "key-1"
    payment = call.read(answered("create_payment"))
    assert isinstance(payment, Payment)
    assert payment.payment_id == "cmh123abc456def"


def test_create_invoice_with_everything() -> None:
    """An invoice names no coin: the payer picks it."""
    call = create_invoice(
        order_id="order-1", description="Plan", callback_url="http://127.0.0.2:9/hook", expiration_minutes=1440
    )
    assert call.endpoint is endpoints.CREATE_INVOICE
    assert call.path == "/v1/create_invoice"
    assert call.body == (
        b'{"amount":49.99,"amountCurrency":"USD","orderId":"order-1","description":"Plan",'
        b'"callbackUrl":"http://127.0.0.2:9/hook","expirationMinutes":1440}'
    )
    assert call.idempotency_key == "key-1"
    assert isinstance(call.read(answered("create_invoice")), Invoice)


def test_create_withdrawal_with_everything() -> None:
    """A withdrawal goes to one address in one coin."""
    call = create_withdrawal(amount=Decimal("1E-8"), description="Monthly payout")
    assert call.endpoint is endpoints.CREATE_WITHDRAWAL
    assert call.path == "/v1/merchant/withdrawal/create"
    assert call.body == (
        b'{"amount":0.00000001,"currency":"USDT_BEP20","destinationAddress":"0x1E3D","description":"Monthly payout"}'
    )
    assert call.idempotency_key == "key-1"
    assert isinstance(call.read(answered("withdrawal.created")), Withdrawal)


@pytest.mark.parametrize(
    ("call", "path", "answer", "model"),
    [
        (
            payments.payment_status("cmh123abc456def"),
            "/v1/invoice/cmh123abc456def/status",
            "payment_status.pending",
            PaymentStatus,
        ),
        (balances.balances(), "/v1/merchant/balance", "balances.map-with-limits", Balances),
        (balances.balance("USDT_BEP20"), "/v1/merchant/balance/USDT_BEP20", "balance.limits-inside", Balance),
        (
            withdrawals.withdrawal("cmh789ghi012jkl"),
            "/v1/withdrawal/cmh789ghi012jkl",
            "withdrawal.docs-pending",
            Withdrawal,
        ),
    ],
)
def test_reads_have_a_path_and_nothing_else(call: Call[Any], path: str, answer: str, model: type) -> None:
    """A GET carries no body and no idempotency key, and reads its answer into its model."""
    assert (call.endpoint.method, call.endpoint.safety, call.path) == ("GET", "read", path)
    assert call.body is None
    assert call.idempotency_key is None
    assert isinstance(call.read(answered(answer)), model)


def test_what_is_none_is_left_out() -> None:
    """``None`` means not said: the member is not sent, and the API's own default applies."""
    assert create_payment().body == b'{"amount":29.99,"amountCurrency":"USD","currency":"USDT_BEP20"}'
    assert create_invoice().body == b'{"amount":49.99,"amountCurrency":"USD"}'
    assert create_withdrawal().body == b'{"amount":10,"currency":"USDT_BEP20","destinationAddress":"0x1E3D"}'


def test_what_is_empty_is_sent_or_refused_and_never_dropped() -> None:
    """An empty text is sent as given; a zero or an empty URL, which cannot be meant, is an error."""
    assert create_payment(order_id="", description="").body == (
        b'{"amount":29.99,"amountCurrency":"USD","currency":"USDT_BEP20","orderId":"","description":""}'
    )
    assert create_withdrawal(description="").body == (
        b'{"amount":10,"currency":"USDT_BEP20","destinationAddress":"0x1E3D","description":""}'
    )
    assert refusal(create_payment, expiration_minutes=0).argument == "expiration_minutes"
    assert refusal(create_payment, callback_url="").argument == "callback_url"
    assert refusal(create_withdrawal, destination_address="").argument == "destination_address"
    assert refusal(create_payment, idempotency_key="").argument == "idempotency_key"


def test_a_callers_own_enum_is_sent_as_its_value() -> None:
    """Members of ``class Coin(str, Enum)`` reach path and body as their value."""
    assert balances.balance(OwnCoin.BTC).path == "/v1/merchant/balance/BTC"
    assert b'"currency":"BTC"' in (create_payment(currency=OwnCoin.BTC).body or b"")


def test_keys_are_fresh_for_every_call_unless_given() -> None:
    """Two logical calls never share a key by accident."""
    keys = {create_payment(idempotency_key=None).idempotency_key for _ in range(100)}
    assert len(keys) == 100
    assert all(uuid.UUID(key).version == 4 for key in keys if key is not None)
    assert create_withdrawal(idempotency_key=None).idempotency_key is not None
    assert create_invoice(idempotency_key=None).idempotency_key is not None


def test_a_refusal_names_its_endpoint() -> None:
    """The message says which call refused which argument, and that nothing was sent."""
    error = refusal(create_payment, currency="btc")
    assert (error.method, error.path, error.argument) == ("POST", "/v1/create_payment", "currency")
    assert str(error) == (
        "POST /v1/create_payment: currency='btc' must be 2 to 32 characters of A-Z, 0-9 and _; "
        "did you mean 'BTC'? (outcome: not_sent)"
    )
    error = refusal(payments.payment_status, "..")
    assert (error.method, error.path) == ("GET", "/v1/invoice/{paymentId}/status")


@pytest.mark.parametrize(
    ("build", "changes", "argument"),
    [
        (create_payment, {"amount": 0}, "amount"),
        (create_payment, {"amount_currency": "usd"}, "amount_currency"),
        (create_payment, {"currency": None}, "currency"),
        (create_payment, {"order_id": "x" * 101}, "order_id"),
        (create_payment, {"description": "x" * 501}, "description"),
        (create_payment, {"callback_url": "http://evil.example"}, "callback_url"),
        (create_payment, {"expiration_minutes": 1441}, "expiration_minutes"),
        (create_payment, {"idempotency_key": "a\nb"}, "idempotency_key"),
        (create_invoice, {"amount": True}, "amount"),
        (create_invoice, {"amount_currency": ""}, "amount_currency"),
        (create_invoice, {"description": 5}, "description"),
        (create_withdrawal, {"amount": -1}, "amount"),
        (create_withdrawal, {"currency": "Btc"}, "currency"),
        (create_withdrawal, {"destination_address": "a b"}, "destination_address"),
        (create_withdrawal, {"description": "x" * 501}, "description"),
    ],
)
def test_every_argument_is_checked(build: Callable[..., object], changes: dict[str, Any], argument: str) -> None:
    """Each builder refuses each bad argument by its own name."""
    assert refusal(build, **changes).argument == argument


@pytest.mark.parametrize(
    "call",
    [
        create_payment(),
        create_invoice(),
        create_withdrawal(),
        payments.payment_status("a"),
        balances.balances(),
        balances.balance("BTC"),
        withdrawals.withdrawal("a"),
        request(),
    ],
)
def test_success_false_is_an_error_of_every_call(call: Call[Any]) -> None:
    """A 200 that says ``success: false`` is an error of every call, the raw one included."""
    with pytest.raises(APIStatusError) as caught:
        call.read(APIResponse(200, Headers(), b'{"success":false,"error":"Invalid currency","statusCode":400}'))
    assert caught.value.outcome == "refused"
    assert caught.value.status == 400


def test_a_call_shows_no_body() -> None:
    """The repr of a call is for logs: it holds no amounts, addresses or descriptions."""
    assert "0x1E3D" not in repr(create_withdrawal())


# The escape hatch


@pytest.mark.parametrize(
    ("method", "path", "endpoint"),
    [
        ("POST", "/v1/create_payment", endpoints.CREATE_PAYMENT),
        ("post", "/v1/create_invoice", endpoints.CREATE_INVOICE),
        ("GET", "/v1/invoice/cmh%2F1/status", endpoints.PAYMENT_STATUS),
        ("GET", "/v1/merchant/balance", endpoints.BALANCES),
        ("get", "/v1/merchant/balance/BTC", endpoints.BALANCE),
        ("POST", "/v1/merchant/withdrawal/create", endpoints.CREATE_WITHDRAWAL),
        ("GET", "/v1/withdrawal/cmh1", endpoints.WITHDRAWAL),
    ],
)
def test_known_paths_keep_class_keys_and_retry_rule(method: str, path: str, endpoint: Endpoint) -> None:
    """A raw request to a known path is treated as the method of that path would be."""
    call = request(method, path)
    assert call.endpoint is endpoint
    assert call.path == path


@pytest.mark.parametrize(
    ("method", "path", "safety"),
    [
        ("GET", "/v1/merchant/webhook-stats", "read"),
        ("HEAD", "/v1/merchant/balance", "read"),
        ("PUT", "/v1/store/unknown", "repeatable"),
        ("DELETE", "/v1/store/manage/orders/1", "repeatable"),
        ("POST", "/v1/store/unknown", "once"),
        ("PATCH", "/v1/anything", "once"),
        ("POST", "/v1/create_payment/", "once"),
        ("GET", "/v1/invoice/a/b/status", "read"),
        ("POST", "/v1/merchant/balance", "once"),
        ("GET", "/v1/invoice//status".replace("//", "/"), "read"),
    ],
)
def test_unknown_paths_count_as_other_and_are_repeated_only_when_safe(method: str, path: str, safety: str) -> None:
    """A path that this release does not know counts as "other"; an unknown POST is sent once."""
    call = request(method, path)
    assert (call.endpoint.method, call.endpoint.template, call.path) == (method, path, path)
    assert call.endpoint.rate_class is RateClass.OTHER
    assert call.endpoint.safety == safety
    assert not call.endpoint.public
    assert not call.endpoint.withdrawal_key


def test_posts_carry_a_key_and_other_methods_the_one_they_are_given() -> None:
    """Every POST has an idempotency key; a PUT has one when asked."""
    assert request("POST").idempotency_key is not None
    assert request("POST", idempotency_key="k").idempotency_key == "k"
    assert request("PUT").idempotency_key is None
    assert request("PUT", idempotency_key="k").idempotency_key == "k"
    assert request("GET").idempotency_key is None


@pytest.mark.parametrize(
    ("json", "written"),
    [
        ({}, b"{}"),
        ([], b"[]"),
        (0, b"0"),
        (False, b"false"),
        ("", b'""'),
        ({"price": Decimal("0.10"), "stock": None}, b'{"price":0.10,"stock":null}'),
        (
            {"coins": ("BTC", OwnCoin.BTC), "n": OwnNumber.SEVEN, OwnCoin.BTC: 1},
            b'{"coins":["BTC","BTC"],"n":7,"BTC":1}',
        ),
        ({"big": 2**80, "rate": 0.5}, b'{"big":1208925819614629174706176,"rate":0.5}'),
        ({"at": datetime(2024, 1, 1, 12, tzinfo=UTC)}, b'{"at":"2024-01-01T12:00:00Z"}'),
    ],
)
def test_any_json_is_written_exactly(json: object, written: bytes) -> None:
    """Decimals stay exact, empty values are sent, enums count as their value."""
    assert request("POST", json=json).body == written


def test_no_json_is_no_body() -> None:
    """``json=None`` sends no body at all."""
    assert request("POST").body is None


LOOP: list[Any] = []
LOOP.append(LOOP)


@pytest.mark.parametrize(
    ("json", "problem"),
    [
        (
            object(),
            "json cannot be written: object has no place in JSON; use dict, list, str, Decimal, int, bool or None",
        ),
        ({1: 2}, "json cannot be written: member names of JSON objects are str, not int"),
        (
            {"x": {1, 2}},
            "json cannot be written: set has no place in JSON; use dict, list, str, Decimal, int, bool or None",
        ),
        (b"x", "json cannot be written: bytes has no place in JSON; use dict, list, str, Decimal, int, bool or None"),
        (float("nan"), "json cannot be written: nan is no JSON number"),
        (float("-inf"), "json cannot be written: -inf is no JSON number"),
        (
            Decimal("NaN"),
            "json cannot be written: Decimal('NaN') is not finite, or has more than 30 digits on one side",
        ),
        (
            Decimal("1E+999999999"),
            "json cannot be written: Decimal('1E+999999999') is not finite, or has more than 30 digits on one side",
        ),
        (
            datetime(2024, 1, 1),
            "json cannot be written: 2024-01-01T00:00:00 is a time without a zone; give it one, such as datetime.UTC",
        ),
        (LOOP, "json cannot be written: it is nested too deeply, or holds itself"),
    ],
)
def test_json_that_cannot_be_said_is_refused(json: object, problem: str) -> None:
    """A value that JSON cannot say exactly is an error of this package that names what it was."""
    assert refusal(request, "POST", json=json).message == problem


@pytest.mark.parametrize("json", [pytest.param(10**5000, id="huge"), "\ud800", {"\ud800": 1}])
def test_json_that_python_cannot_write_is_refused(json: object) -> None:
    """Python's own refusals reach the caller as an InvalidArgumentError."""
    assert refusal(request, "POST", json=json).argument == "json"


@pytest.mark.parametrize(
    ("params", "query"),
    [
        (None, ""),
        ({}, ""),
        ({"a": None}, ""),
        ({"page": 2, "limit": 0, "search": ""}, "?page=2&limit=0&search="),
        ({"success": True, "test": False}, "?success=true&test=false"),
        ({"a": 10**30 - 1, "b": -5}, f"?a={'9' * 30}&b=-5"),
        ({"search": "a&limit=1000#x y"}, "?search=a%26limit%3D1000%23x%20y"),
        ({"q[]": "ü+1"}, "?q%5B%5D=%C3%BC%2B1"),
        ({"status": OwnCoin.BTC, "n": OwnNumber.SEVEN}, "?status=BTC&n=7"),
    ],
)
def test_queries_are_percent_encoded(params: dict[str, Any] | None, query: str) -> None:
    """Nothing in a value can add a parameter or end the query; ``None`` leaves one out, zero and empty are sent."""
    assert request(params=params).path == f"/v1/anything{query}"


@given(st.dictionaries(st.text(max_size=8), st.one_of(st.text(max_size=8), st.integers(-(10**20), 10**20)), max_size=3))
def test_any_query_arrives_as_it_was_given(params: dict[str, str | int]) -> None:
    """The HTTP library and a server's parser see the same pairs that were given, and the same path."""
    try:
        call = request(params=params)
    except InvalidArgumentError:
        return
    url = httpx.URL(f"https://api.inventpay.io{call.path}")
    assert url.raw_path == call.path.encode()
    assert url.path == "/v1/anything"
    assert parse_qsl(url.query.decode(), keep_blank_values=True) == [
        (name, str(value)) for name, value in params.items()
    ]


@pytest.mark.parametrize(
    ("params", "problem"),
    [
        ([("a", 1)], "params must be a dict, not list"),
        ({"a": 1.5}, "params['a'] must be a str, int, bool or None, not float"),
        ({"a": Decimal(1)}, "params['a'] must be a str, int, bool or None, not Decimal"),
        ({"a": ["b"]}, "params['a'] must be a str, int, bool or None, not list"),
        ({"a": "x" * 2049}, "params['a'] has 2049 characters; at most 2048 are allowed"),
        ({"a": "\ud800"}, "params['a'] holds half of a surrogate pair, which UTF-8 cannot carry; remove it"),
        (
            {"\ud800": 1},
            "the name in params['\\ud800'] holds half of a surrogate pair, which UTF-8 cannot carry; remove it",
        ),
        ({1: 1}, "the name in params[1] must be a str, not int"),
        ({"a": 10**30}, "params['a'] has more than 30 digits"),
        pytest.param({"a": 10**5000}, "params['a'] has more than 30 digits", id="huge"),
    ],
)
def test_queries_that_cannot_be_sent_are_refused(params: Any, problem: str) -> None:
    """The message names the parameter and the call it was meant for."""
    error = refusal(request, params=params)
    assert error.message == problem
    assert (error.method, error.path) == ("GET", "/v1/anything")


@pytest.mark.parametrize("method", ["", "G ET", "CONNECT", "GET\r\nX: y", None, 5, b"GET"])
def test_unknown_methods_are_refused(method: Any) -> None:
    """Only methods whose safety is known are sent."""
    error = refusal(request, method)
    assert error.argument == "method"
    assert error.message.endswith("must be one of GET, HEAD, PUT, DELETE, POST, PATCH")
    assert error.method is None


@pytest.mark.parametrize(
    "path",
    [
        "",
        "/",
        "v1/anything",
        "https://evil.example/v1/anything",
        "//evil.example/v1",
        "/v1//anything",
        "/v1/anything?limit=1000",
        "/v1/anything#x",
        "/v1/a b",
        "/v1/a\r\nX: y",
        "/v1/ü",
        "/v1/%",
        "/v1/%zz",
        "/v1/a\\b",
        "/v1/@evil" + "x" * 2048,
        None,
        5,
    ],
)
def test_paths_that_are_no_paths_are_refused(path: Any) -> None:
    """Hosts, queries and unencoded characters do not belong into a path; the message says where they go."""
    error = refusal(request, "GET", path)
    assert error.argument == "path"
    assert error.message.endswith(
        'must be a percent-encoded path such as "/v1/merchant/balance"; '
        "the query goes into params=, the host into base_url="
    )


@pytest.mark.parametrize(
    "path",
    ["/v1/..", "/v1/../x", "/./x", "/v1/%2e%2e/x", "/v1/%2E./x", "/v1/.%2e", "/v1/..%2fx", "/v1/x%2F..", "/v1/..%5cx"],
)
def test_paths_that_climb_are_refused_encoded_or_not(path: str) -> None:
    """No spelling of a directory step reaches the API, where it would name another endpoint."""
    error = refusal(request, "GET", path)
    assert error.argument == "path"
    assert error.message.endswith('must not hold "." or ".." segments, encoded or not')


@pytest.mark.parametrize("content", [b"", b"<html>", b"[1]", b'"text"', b'{"success":"maybe"}', b'{"success":true}'])
def test_a_raw_answer_need_not_be_json(content: bytes) -> None:
    """A raw answer is returned as it is, unread."""
    response = APIResponse(200, Headers(), content)
    assert request().read(response) is response


def test_bodies_read_back_as_they_were_meant() -> None:
    """A builder writes JSON with the amount as an exact number."""
    assert read_json(create_payment(amount="0.10").body or b"") == {
        "amount": Decimal("0.10"),
        "amountCurrency": "USD",
        "currency": "USDT_BEP20",
    }
