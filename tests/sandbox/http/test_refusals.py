"""Invalid requests are refused in the API's own form."""

from __future__ import annotations

import socket

import httpx
import pytest

from inventpay.sandbox import ManualClock, Sandbox
from tests.sandbox.conftest import EVM_ADDRESS, Api

JSON_HEADERS = b"Content-Type: application/json\r\nX-API-Key: pk_test_sandbox\r\n"


def refusal(error: str, status: int) -> dict[str, object]:
    return {"success": False, "error": error, "statusCode": status}


def exchange(api: Api, request: bytes) -> bytes:
    """Return everything that the server sends for these bytes."""
    with socket.create_connection((api.server.host, api.server.port), timeout=5) as connection:
        connection.sendall(request)
        connection.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: connection.recv(65536), b""))


@pytest.mark.parametrize("key", [None, "", "pk_test_other", "pk_test_sandbox ."])
@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/v1/create_payment"),
        ("POST", "/v1/create_invoice"),
        ("GET", "/v1/merchant/balance"),
        ("GET", "/v1/merchant/balance/BTC"),
        ("POST", "/v1/merchant/withdrawal/create"),
        ("GET", "/v1/withdrawal/x"),
    ],
)
def test_a_missing_or_wrong_key_is_refused_as_documented(api: Api, method: str, path: str, key: str | None) -> None:
    """Every endpoint but the status answers 401 "Invalid API key" without details, and counts nothing."""
    headers = {} if key is None else {"X-API-Key": key}
    answer = api.http.request(method, path, headers=headers)
    assert (answer.status_code, answer.json()) == (401, refusal("Invalid API key", 401))
    assert "x-ratelimit-limit" not in answer.headers


@pytest.mark.parametrize("key", [None, "", "wk_test_other", "pk_test_sandbox"])
def test_a_withdrawal_needs_its_own_key(api: Api, key: str | None) -> None:
    """Without the withdrawal key the main key cannot withdraw, and nothing is locked."""
    api.sandbox.deposit("USDT_BEP20", 100)
    headers = api.key if key is None else {**api.key, "X-Withdrawal-Key": key}
    body = {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": EVM_ADDRESS}
    answer = api.http.post("/v1/merchant/withdrawal/create", json=body, headers=headers)
    assert (answer.status_code, answer.json()) == (403, refusal("Invalid withdrawal key", 403))
    assert api.sandbox.balance("USDT_BEP20").locked == 0


def test_a_bad_request_names_every_bad_field(api: Api) -> None:
    """400 with a message per field."""
    answer = api.post("/v1/create_payment", {"amount": 0, "currency": "DOGE"})
    assert answer.status_code == 400
    assert answer.json() == {
        "success": False,
        "error": "Validation failed",
        "details": {
            "amount": "Must be greater than 0",
            "currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20, SOL, USDC_SOL, USDC_BEP20, MULTI",
        },
        "statusCode": 400,
    }


def test_an_unknown_currency_is_refused_as_documented(api: Api) -> None:
    """The balance of a currency that does not exist is the documented 400."""
    answer = api.get("/v1/merchant/balance/DOGE")
    assert answer.status_code == 400
    assert answer.json() == {
        "success": False,
        "error": "Invalid currency",
        "details": {"currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20, SOL, USDC_SOL, USDC_BEP20"},
        "statusCode": 400,
    }


@pytest.mark.parametrize(
    ("change", "error", "field"),
    [
        ({"amount": 101}, "Insufficient balance", "amount"),
        ({"currency": "EUR"}, "Invalid currency", "currency"),
        ({"destinationAddress": "nowhere"}, "Validation failed", "destinationAddress"),
        ({"amount": 0.001}, "Validation failed", "amount"),
    ],
)
def test_impossible_withdrawals_are_refused(api: Api, change: dict[str, object], error: str, field: str) -> None:
    """Too much, an unknown coin, a bad address or an amount below the fee: 400 naming the field."""
    api.sandbox.deposit("USDT_BEP20", 100)
    answer = api.withdraw(**change)
    assert (answer.status_code, answer.json()["error"]) == (400, error)
    assert list(answer.json()["details"]) == [field]


def test_a_withdrawal_above_the_daily_limit_is_refused(api: Api) -> None:
    """The limit counts even when the money is there."""
    api.sandbox.deposit("USDT_BEP20", 50_000)
    answer = api.withdraw(amount=10_001)
    assert (answer.status_code, answer.json()["error"]) == (400, "Withdrawal limit exceeded")


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("/v1/invoice/cmh0/status", "Payment not found"),
        ("/v1/withdrawal/cmh0", "Withdrawal not found"),
        ("/v1/balance", "Not found"),
        ("/v1/merchant/balance/", "Not found"),
        ("/v1/invoice//status", "Not found"),
        ("/v2/merchant/balance", "Not found"),
        ("/%ff%00", "Not found"),
    ],
)
def test_unknown_ids_and_paths_are_not_found(api: Api, path: str, error: str) -> None:
    """404 in the API's own form, without redirects for slashes too many."""
    answer = api.get(path)
    assert (answer.status_code, answer.json()) == (404, refusal(error, 404))


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE", "OPTIONS", "BREW"])
def test_a_wrong_method_is_refused(api: Api, method: str) -> None:
    """405 in the API's own form, naming the method that is allowed."""
    answer = api.http.request(method, "/v1/create_payment", headers=api.key)
    assert (answer.status_code, answer.json()) == (405, refusal("Method not allowed", 405))
    assert answer.headers["allow"] == "POST"


@pytest.mark.parametrize("content_type", ["", "text/plain", "application/x-www-form-urlencoded", "application/jsonx"])
def test_a_body_must_be_called_json(api: Api, content_type: str) -> None:
    """Another content type is a 415."""
    answer = api.post_bytes("/v1/create_payment", b'{"amount": 1, "currency": "BTC"}', content_type)
    assert (answer.status_code, answer.json()["details"]) == (415, {"Content-Type": "Must be application/json"})


def test_the_content_type_may_have_parameters(api: Api) -> None:
    """Case and charset do not matter."""
    body = b'{"amount": 1, "currency": "BTC"}'
    assert api.post_bytes("/v1/create_payment", body, "Application/JSON; charset=utf-8").status_code == 200


@pytest.mark.parametrize("size", [1024 * 1024 + 1, 20 * 1024 * 1024])
def test_a_body_above_1_mib_is_refused(api: Api, size: int) -> None:
    """413 instead of a broken connection, whatever the size, and the connection still works afterwards."""
    answer = api.post_bytes("/v1/create_payment", b" " * size)
    assert (answer.status_code, answer.json()["error"]) == (413, "Request body too large")
    assert api.get("/v1/merchant/balance").status_code == 200


def test_a_body_of_exactly_1_mib_is_read(api: Api) -> None:
    """The limit of a body is inclusive."""
    body = b'{"amount": 1, "currency": "BTC"}'
    assert api.post_bytes("/v1/create_payment", body.ljust(1024 * 1024)).status_code == 200


def test_keys_of_a_product_may_be_4_mib(api: Api) -> None:
    """The documented ten thousand keys fit, and one byte above the limit is 413."""
    path = "/v1/store/manage/products/x/keys"
    assert api.post_bytes(path, b"{}".ljust(4 * 1024 * 1024)).status_code in (400, 404)
    assert api.post_bytes(path, b"{}".ljust(4 * 1024 * 1024 + 1)).status_code == 413


@pytest.mark.parametrize(
    "request_bytes",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"GET /v1/merchant/balance HTTP/1.1 and more\r\n\r\n",
        b"GET /\xc3\xa9 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"POST /v1/create_payment HTTP/1.1\r\nHost: localhost\r\nContent-Length: -1\r\n\r\n",
        b"POST /v1/create_payment HTTP/1.1\r\nHost: localhost\r\n"
        + JSON_HEADERS
        + b"Transfer-Encoding: chunked\r\n\r\nzz\r\n",
    ],
)
def test_what_is_not_http_is_refused_in_the_apis_form(api: Api, request_bytes: bytes) -> None:
    """Malformed HTTP is a JSON 400 on a connection that is then closed."""
    head, _, body = exchange(api, request_bytes).partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 400 ")
    assert b"connection: close" in head
    assert body == b'{"success":false,"error":"Invalid HTTP request received.","statusCode":400}'


def test_garbage_after_a_started_answer_just_ends_the_connection(api: Api) -> None:
    """A body that turns into garbage after its request was refused gets no second answer."""
    start = b"POST /v1/create_payment HTTP/1.1\r\nHost: localhost\r\nTransfer-Encoding: chunked\r\n\r\n"
    with socket.create_connection((api.server.host, api.server.port), timeout=5) as connection:
        connection.sendall(start)
        received = b""
        while b"}" not in received:
            received += connection.recv(65536)
        connection.sendall(b"zz\r\n")
        received += b"".join(iter(lambda: connection.recv(65536), b""))
    assert received.startswith(b"HTTP/1.1 401 ")
    assert received.count(b"HTTP/1.1") == 1


def test_a_client_that_goes_away_changes_nothing(api: Api) -> None:
    """Half a request has no effect and no answer."""
    head = b"POST /v1/create_payment HTTP/1.1\r\nHost: localhost\r\n" + JSON_HEADERS + b"Content-Length: 33\r\n\r\n"
    assert exchange(api, head + b'{"amount": 1, "currency": "BTC"') == b""
    assert api.sandbox.state.counts() == {"payments": 0, "withdrawals": 0}


class BrokenClock(ManualClock):
    broken = False

    def __call__(self) -> float:
        if self.broken:
            raise RuntimeError("no time")
        return super().__call__()


@pytest.fixture
def broken() -> tuple[Sandbox, BrokenClock]:
    clock = BrokenClock()
    return Sandbox(clock=clock), clock


async def test_a_defect_of_the_sandbox_is_a_plain_500(
    broken: tuple[Sandbox, BrokenClock], caplog: pytest.LogCaptureFixture
) -> None:
    """The answer reveals no internals; the log has the traceback."""
    sandbox, clock = broken
    transport = httpx.ASGITransport(sandbox.app)
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        clock.broken = True
        answer = await http.get("/v1/invoice/x/status")
    assert (answer.status_code, answer.json()) == (500, refusal("Internal server error", 500))
    assert "no time" in caplog.text
