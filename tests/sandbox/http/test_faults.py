"""Faults on request: each kind as a client sees it, when it happens, and how it is planned over HTTP."""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from typing import Any

import httpx
import pytest

from inventpay.sandbox import Fault, FaultKind, Faults, Sandbox
from tests.sandbox.conftest import EVM_ADDRESS, Api

BALANCE = "GET /v1/merchant/balance/{currency}"
CREATE = "POST /v1/create_payment"
WITHDRAW = "POST /v1/merchant/withdrawal/create"


def balance(api: Api) -> httpx.Response:
    return api.get("/v1/merchant/balance/BTC")


@pytest.mark.parametrize("status", [429, 500, 501, 502, 503, 504, 418])
def test_an_error_has_its_status_and_the_api_s_form(api: Api, status: int) -> None:
    """With and without Retry-After, once, and nothing is counted or done."""
    api.sandbox.faults.add(Fault.error(status), on=BALANCE)
    api.sandbox.faults.add(Fault.error(status, retry_after=2), on=BALANCE)
    first, second, third = balance(api), balance(api), balance(api)
    assert (first.status_code, second.status_code, third.status_code) == (status, status, 200)
    body = first.json()
    assert (body["success"], body["statusCode"], type(body["error"])) == (False, status, str)
    assert "retry-after" not in first.headers
    assert second.headers["retry-after"] == "2"
    assert third.headers["x-ratelimit-remaining"] == "59"


def test_an_error_before_the_effect_leaves_no_payment_and_one_after_it_does(api: Api) -> None:
    """The answer is the same in both cases; only the records differ."""
    for after_effect in (False, True):
        api.sandbox.faults.add(Fault.error(500, after_effect=after_effect), on=CREATE)
        assert api.post("/v1/create_payment", {"amount": 5, "currency": "LTC"}).status_code == 500
        assert api.sandbox.state.counts()["payments"] == int(after_effect)


@pytest.mark.parametrize("after_effect", [False, True])
def test_a_reset_has_no_answer(api: Api, after_effect: bool) -> None:
    """The connection is gone without a byte; before the effect nothing happened, after it the money is locked."""
    api.sandbox.deposit("USDT_BEP20", 100)
    api.sandbox.faults.add(Fault.reset(after_effect=after_effect), on=WITHDRAW)
    with pytest.raises(httpx.ReadError):
        api.withdraw()
    assert api.sandbox.balance("USDT_BEP20").locked == (10 if after_effect else 0)
    assert api.sandbox.request_counts[WITHDRAW, 0] == 1
    assert api.withdraw().status_code == 200


def test_a_reset_is_one_for_the_kernel_too(api: Api) -> None:
    """The client's socket gets ECONNRESET, not the end of a stream."""
    api.sandbox.faults.add(Fault.reset())
    with socket.create_connection((api.server.host, api.server.port), timeout=5) as connection:
        connection.sendall(b"GET /v1/invoice/x/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_repeated_key_after_a_lost_answer_pays_once(api: Api) -> None:
    """If the answer to the first request was lost, the second one with its idempotency key gets it."""
    api.sandbox.deposit("USDT_BEP20", 100)
    api.sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
    body = {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": EVM_ADDRESS}
    with pytest.raises(httpx.ReadError):
        api.post("/v1/merchant/withdrawal/create", body, Idempotency_Key="once")
    answer = api.post("/v1/merchant/withdrawal/create", body, Idempotency_Key="once")
    assert answer.headers["idempotent-replayed"] == "true"
    assert api.sandbox.state.counts()["withdrawals"] == 1
    assert [entry.note for entry in api.sandbox.request_log.newest()] == ["replayed", "fault: reset"]


def test_a_maintenance_page_is_html_with_200(api: Api) -> None:
    """As a proxy would send it, and the payment was not created."""
    api.sandbox.faults.add(Fault.html(), on=CREATE)
    answer = api.post("/v1/create_payment", {"amount": 5, "currency": "LTC"})
    assert (answer.status_code, answer.headers["content-type"]) == (200, "text/html; charset=utf-8")
    assert answer.text.startswith("<!doctype html>")
    assert api.sandbox.state.counts()["payments"] == 0


def test_a_truncated_body_ends_in_the_middle(api: Api) -> None:
    """Content-Length promises more than comes before the end."""
    api.sandbox.faults.add(Fault.truncated(), on=BALANCE)
    with pytest.raises(httpx.RemoteProtocolError, match="complete message body"):
        balance(api)
    assert balance(api).status_code == 200


def test_a_wrong_content_type_is_the_right_body_as_text(api: Api) -> None:
    """text/plain, with the JSON of the endpoint and its headers."""
    api.sandbox.faults.add(Fault.wrong_content_type(), on=BALANCE)
    answer = balance(api)
    assert answer.headers["content-type"] == "text/plain; charset=utf-8"
    assert answer.json()["data"]["currency"] == "BTC"
    assert answer.headers["x-ratelimit-limit"] == "60"


def test_a_slow_start_and_a_slow_drip_take_their_time(api: Api) -> None:
    """The head waits, or only the body: a read timeout shorter than the first pause strikes, a longer one does not."""
    api.sandbox.faults.add(Fault.slow_start(30), on=BALANCE)
    with pytest.raises(httpx.ReadTimeout):
        api.get("/v1/merchant/balance/BTC", timeout=0.1)
    api.sandbox.faults.add(Fault.slow_drip(0.2), on=BALANCE)
    began = time.perf_counter()
    with api.http.stream("GET", "/v1/merchant/balance/BTC", headers=api.key, timeout=0.15) as answer:
        headed = time.perf_counter() - began
        pieces = list(answer.iter_raw())
    assert headed < 0.2 <= time.perf_counter() - began
    assert len(pieces) > 5
    assert b'"currency":"BTC"' in b"".join(pieces)


def test_a_server_in_the_middle_of_a_pause_stops_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """Leaving the block does not wait for a slow answer, and logs no error."""
    sandbox = Sandbox()
    sandbox.faults.add(Fault.slow_start(60))
    with sandbox.run() as server:
        waiting = socket.create_connection((server.host, server.port), timeout=5)
        waiting.sendall(b"GET /v1/invoice/x/status HTTP/1.1\r\nHost: localhost\r\n\r\n")
        while sandbox.faults.planned:
            time.sleep(0.005)
        began = time.perf_counter()
    assert time.perf_counter() - began < 5
    waiting.close()
    # Records of the server's start come where an earlier test set up logging.
    assert [record for record in caplog.records if record.levelno >= logging.WARNING] == []


def test_counts_and_chances(api: Api) -> None:
    """`times` happens so often and no more; a seeded probability is the same each time, and bounded by `times`."""
    faults = Faults(seed=7)
    faults.add(Fault.html(), on=BALANCE, times=2)
    assert [faults.draw(BALANCE) is not None for _ in range(3)] == [True, True, False]

    def draws() -> list[bool]:
        faults.clear()
        faults.add(Fault.html(), probability=0.3)
        return [faults.draw(BALANCE) is not None for _ in range(1_000)]

    first = draws()
    assert first == draws()
    assert 250 < sum(first) < 350
    faults.clear()
    faults.add(Fault.html(), probability=0.5, times=3)
    assert sum(faults.draw(BALANCE) is not None for _ in range(100)) == 3
    assert faults.planned == []


def test_the_fault_planned_first_happens_first(api: Api) -> None:
    """Several for one endpoint queue up; one for every endpoint waits its turn; others are not met."""
    api.sandbox.faults.add(Fault.error(500), on=BALANCE)
    api.sandbox.faults.add(Fault.error(502))
    api.sandbox.faults.add(Fault.error(503), on=WITHDRAW)
    assert [balance(api).status_code for _ in range(3)] == [500, 502, 200]
    assert [planned.on for planned in api.sandbox.faults.planned] == [WITHDRAW]
    assert api.http.get("/sandbox/state").status_code == 200


def test_faults_that_make_no_sense_are_refused() -> None:
    """Invalid faults raise ValueError, which names the valid values."""
    faults = Faults()
    with pytest.raises(
        ValueError, match=r"no endpoint 'POST /v1/create-payment'; did you mean POST /v1/create_payment"
    ):
        faults.add(Fault.html(), on="POST /v1/create-payment")
    for numbers, complaint in (
        ({"times": 0}, "at least 1"),
        ({"probability": 0.0}, "above 0"),
        ({"probability": 2.0}, "1"),
    ):
        with pytest.raises(ValueError, match=complaint):
            faults.add(Fault.html(), **numbers)  # type: ignore[arg-type]
    for make, complaint in (
        (lambda: Fault.error(200), "400 to 599"),
        (lambda: Fault.error(429, retry_after=-1), "Seconds are 0"),
        (lambda: Fault.slow_start(float("nan")), "Seconds are 0"),
        (lambda: Fault.slow_drip(1e9), "Seconds are 0"),
    ):
        with pytest.raises(ValueError, match=complaint):
            make()
    assert faults.planned == []


def test_without_our_server_a_fault_that_needs_the_connection_leaves_no_answer() -> None:
    """Under another ASGI server a reset is an application that says nothing."""

    async def story() -> list[Any]:
        sandbox, sent = Sandbox(), []
        sandbox.faults.add(Fault.reset())
        sandbox.faults.add(Fault.truncated())

        async def receive() -> Any:
            return {"type": "http.request", "body": b""}

        async def send(message: Any) -> None:
            sent.append(message)

        scope = {"type": "http", "method": "GET", "path": "/v1/invoice/x/status", "headers": [], "scheme": "http"}
        await sandbox.app({**scope, "query_string": b""}, receive, send)
        assert sent == []
        await sandbox.app({**scope, "query_string": b""}, receive, send)
        return sent

    sent = asyncio.run(story())
    assert [message["type"] for message in sent] == ["http.response.start", "http.response.body"]


@pytest.fixture
def planned(api: Api) -> Any:
    def plan(**body: object) -> httpx.Response:
        return api.http.post("/sandbox/faults", json=body)

    return plan


def test_faults_are_planned_over_http(api: Api, planned: Any) -> None:
    """Faults are planned, listed with their remaining counts, and removed one by one or all at once."""
    first = planned(kind="error", status=503, retryAfter=1.5, on=BALANCE, times=2).json()["data"]
    assert first == {
        "number": 1,
        "kind": "error",
        "status": 503,
        "retryAfter": 1.5,
        "seconds": 0.0,
        "afterEffect": False,
        "on": BALANCE,
        "times": 2,
        "probability": 1.0,
        "hits": 0,
    }
    answer = balance(api)
    assert (answer.status_code, answer.headers["retry-after"]) == (503, "1.5")
    second = planned(kind="slow_start", seconds=0.01, probability=0.5).json()["data"]
    assert (second["afterEffect"], second["times"], second["on"]) == (True, None, None)
    listed = api.http.get("/sandbox/faults").json()["data"]["faults"]
    assert [(fault["number"], fault["hits"]) for fault in listed] == [(1, 1), (2, 0)]
    left = api.http.delete("/sandbox/faults/1").json()["data"]["faults"]
    assert [fault["number"] for fault in left] == [2]
    for number in ("1", "x", "²", "-1"):
        assert api.http.delete(f"/sandbox/faults/{number}").status_code == 404
    assert api.http.delete("/sandbox/faults").json()["data"]["faults"] == []
    assert balance(api).status_code == 200


@pytest.mark.parametrize("kind", list(FaultKind))
def test_every_kind_can_be_planned_over_http(api: Api, planned: Any, kind: FaultKind) -> None:
    """Every kind can be planned by its name alone."""
    assert planned(kind=kind).status_code == 200
    assert api.sandbox.faults.planned[0].fault.kind is kind


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({}, "kind"),
        ({"kind": "explosion"}, "kind"),
        ({"kind": "error", "status": 200}, "status"),
        ({"kind": "error", "retryAfter": -1}, "retryAfter"),
        ({"kind": "slow_start", "seconds": "1"}, "seconds"),
        ({"kind": "reset", "afterEffect": "yes"}, "afterEffect"),
        ({"kind": "html", "on": "GET /nowhere"}, "on"),
        ({"kind": "html", "times": 0}, "times"),
        ({"kind": "html", "probability": 0}, "probability"),
        ({"kind": "html", "probability": 1.5}, "probability"),
    ],
)
def test_unusable_faults_are_refused_over_http(api: Api, planned: Any, body: dict[str, object], field: str) -> None:
    """400 with the member's name, and nothing is planned."""
    answer = planned(**body)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])
    assert api.sandbox.faults.planned == []


def test_the_log_knows_the_newest_requests(api: Api) -> None:
    """Method, path, endpoint, status, time taken and what was special; control calls are left out."""
    balance(api)
    api.sandbox.faults.add(Fault.slow_start(0.03))
    api.http.get("/v1/invoice/x/status")
    data = api.http.get("/sandbox/requests").json()["data"]
    assert data["total"] == 2
    newest, older = data["requests"]
    assert (older["method"], older["path"], older["endpoint"]) == ("GET", "/v1/merchant/balance/BTC", BALANCE)
    assert (older["number"], older["status"], older["note"]) == (1, 200, None)
    assert 0 < older["milliseconds"] < 30 <= newest["milliseconds"]
    assert (newest["status"], newest["note"]) == (404, "fault: slow_start")
    api.sandbox.reset()
    assert api.sandbox.request_log.newest() == []
    api.post("/v1/create-payment", {})
    (mistyped,) = api.http.get("/sandbox/requests").json()["data"]["requests"]
    assert (mistyped["endpoint"], mistyped["status"], mistyped["note"]) == (None, 404, "no such endpoint")


def test_the_log_keeps_five_hundred() -> None:
    """Older requests are forgotten, and counted all the same."""
    log = Sandbox().request_log
    for number in range(600):
        log.add(0.0, "GET", f"/v1/{number}", None, 200, 0.0, None)
    assert (log.total, len(log.newest()), log.newest(2)[0].path) == (600, 500, "/v1/599")
