"""Random requests get JSON answers below 500, and the server survives them."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from urllib.parse import quote

import httpx
import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from inventpay.sandbox import RunningServer, Sandbox, Unlimited

PATHS = [
    "/v1/create_payment",
    "/v1/create_invoice",
    "/v1/merchant/withdrawal/create",
    "/v1/merchant/balance",
    "/v1/merchant/balance/BTC",
    "/v1/invoice/x/status",
    "/v1/withdrawal/x",
]
CONTROL_PATHS = ["/sandbox/deposit", "/sandbox/payments/x/pay", "/sandbox/withdrawals/x/fail"]
MEMBERS = ["amount", "amountCurrency", "currency", "orderId", "description", "callbackUrl", "expirationMinutes"]

numbers = st.one_of(
    st.integers(),
    st.floats(allow_nan=False, allow_infinity=False),
    st.from_regex(r"-?(0|[1-9][0-9]{0,40})(\.[0-9]{1,40})?([eE][+-]?[0-9]{1,20})?", fullmatch=True).map(
        lambda text: msgspec.Raw(text.encode())
    ),
)
words = st.one_of(
    st.text(max_size=30), st.sampled_from(["BTC", "USD", "MULTI", "https://x", "http://[::1", "0x" + "a" * 40])
)
values = st.recursive(
    st.one_of(st.none(), st.booleans(), numbers, words),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
objects = st.dictionaries(st.sampled_from([*MEMBERS, "destinationAddress"]), values)
bodies = st.one_of(
    st.binary(max_size=200), objects.map(msgspec.json.encode), values.map(msgspec.json.encode), st.just(b"[" * 5000)
)
segments = st.one_of(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=20).map(lambda text: quote(text, safe="")),
    st.sampled_from(["%ff", "%zz", "%", "..", "%2e%2e", ";", "?", "a?b=c", "%2F", "!$&'()*+,=:@"]),
)
paths = st.one_of(
    st.sampled_from(PATHS),
    st.lists(segments, max_size=4).map(lambda parts: "/v1/" + "/".join(parts)),
    st.tuples(st.sampled_from(PATHS), segments).map("/".join),
)
header_values = st.text(st.characters(min_codepoint=32, max_codepoint=255, exclude_characters="\x7f"), max_size=40).map(
    lambda text: text.strip().encode("latin-1")
)
headers = st.fixed_dictionaries(
    {},
    optional={
        "X-API-Key": st.one_of(st.just(b"pk_test_sandbox"), header_values),
        "X-Withdrawal-Key": st.one_of(st.just(b"wk_test_sandbox"), header_values),
        "Content-Type": st.one_of(st.just(b"application/json"), header_values),
        "Idempotency-Key": header_values,
        "X-Forwarded-For": header_values,
        "Accept": header_values,
    },
)
methods = st.sampled_from(["GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "LONGMETHOD"])

relaxed = settings(suppress_health_check=[HealthCheck.too_slow])


@pytest.fixture(scope="module")
def served() -> Iterator[tuple[RunningServer, httpx.Client]]:
    sandbox = Sandbox(rate_limits=Unlimited())
    sandbox.deposit("BTC", 1)
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False, trust_env=False) as http:
        yield server, http


def check(status: int, content_type: str, body: bytes) -> None:
    assert status < 500
    assert content_type == "application/json; charset=utf-8"
    answer = msgspec.json.decode(body)
    if status >= 400:
        assert answer["success"] is False
        assert answer["statusCode"] == status
        assert isinstance(answer["error"], str)


@relaxed
@given(method=methods, path=paths, headers=headers, body=bodies)
def test_any_request_gets_a_json_answer_below_500(
    served: tuple[RunningServer, httpx.Client], method: str, path: str, headers: dict[str, bytes], body: bytes
) -> None:
    """Any request under /v1 is answered in JSON, below 500, and in the documented error form from 400 on."""
    _, http = served
    answer = http.request(method, http.base_url.copy_with(raw_path=path.encode()), headers=headers, content=body)
    check(answer.status_code, answer.headers["content-type"], answer.content)


@relaxed
@given(path=st.sampled_from([*PATHS[:3], *CONTROL_PATHS]), body=bodies)
def test_any_body_of_a_known_merchant_gets_a_json_answer_below_500(
    served: tuple[RunningServer, httpx.Client], path: str, body: bytes
) -> None:
    """With valid keys every body reaches the validation, and none of them breaks it."""
    _, http = served
    keys = {"X-API-Key": "pk_test_sandbox", "X-Withdrawal-Key": "wk_test_sandbox"}
    answer = http.post(path, headers={**keys, "Content-Type": "application/json"}, content=body)
    check(answer.status_code, answer.headers["content-type"], answer.content)


@relaxed
@given(junk=st.binary(min_size=1, max_size=100), head=st.sampled_from([b"", b"POST /v1/create_payment HTTP/1.1\r\n"]))
def test_any_bytes_on_the_wire_leave_the_server_alive(
    served: tuple[RunningServer, httpx.Client], junk: bytes, head: bytes
) -> None:
    """Bytes that are no HTTP get at most a JSON answer below 500, and the next request is served."""
    server, http = served
    with socket.create_connection((server.host, server.port), timeout=5) as connection:
        connection.sendall(head + junk + b"\r\n\r\n")
        connection.shutdown(socket.SHUT_WR)
        received = b"".join(iter(lambda: connection.recv(65536), b""))
    if received:
        first, _, rest = received.partition(b"\r\n\r\n")
        status = int(first.split()[1])
        assert status < 500
        assert b"application/json" in first
        assert rest.startswith(b"{")
    assert http.get("/v1/invoice/x/status").status_code == 404
