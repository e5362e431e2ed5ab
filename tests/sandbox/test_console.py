"""The sandbox's own terminal: a line for each request and each delivery."""

from __future__ import annotations

import io

import httpx
import pytest

from inventpay.sandbox import Fault, Sandbox, WebhookSettings
from inventpay.sandbox.console import reported

URL = "http://127.0.0.1:9/hooks"


def printed(sandbox: Sandbox, play: object) -> list[str]:
    """Return the lines without their times."""
    out = io.StringIO()
    with reported(sandbox.world, out), httpx.Client(transport=sandbox.transport(), base_url="http://localhost") as http:
        play(http)  # type: ignore[operator]
    return [line[10:] for line in out.getvalue().splitlines()]


def test_requests_are_printed_with_status_and_reason() -> None:
    """Refusals name their reason, faults their kind; the sandbox's own routes and pages are not printed."""
    sandbox = Sandbox()
    sandbox.faults.add(Fault.reset(), on="GET /v1/merchant/balance")
    key = {"X-API-Key": sandbox.api_key}

    def play(http: httpx.Client) -> None:
        http.post("/v1/create_payment", json={"amount": 5, "currency": "BTC"}, headers=key)
        http.get("/v1/merchant/balance/DOGE", headers=key)
        http.get("/v1/merchant/balance/BTC")
        http.get("/v1/nothing")
        with pytest.raises(httpx.ReadError):
            http.get("/v1/merchant/balance", headers=key)
        http.get("/sandbox/state")

    lines = [line.split("  ") for line in printed(sandbox, play)]
    assert [line[:2] for line in lines] == [
        ["POST /v1/create_payment", "200"],
        ["GET /v1/merchant/balance/DOGE", "400"],
        ["GET /v1/merchant/balance/BTC", "401"],
        ["GET /v1/nothing", "404"],
        ["GET /v1/merchant/balance", "no answer"],
    ]
    notes = [line[3:] for line in lines]
    assert notes[0] == []
    assert notes[1][0].startswith("Invalid currency (currency: Must be one of: BTC")
    assert notes[2:] == [["Invalid API key"], ["no such endpoint"], ["fault: reset"]]


def test_deliveries_are_printed_with_their_result() -> None:
    """Delivered, failed with the reason, or not sent because the host is not allowed."""
    statuses = iter([200, 500])
    transport = httpx.MockTransport(lambda request: httpx.Response(next(statuses)))
    sandbox = Sandbox(webhooks=WebhookSettings(url=URL, automatic=False, transport=transport))

    def play(http: httpx.Client) -> None:
        body = {"amount": 5, "currency": "BTC", "callbackUrl": "https://shop.example/x"}
        payment = http.post("/v1/create_payment", json=body, headers={"X-API-Key": sandbox.api_key}).json()["data"]
        sandbox.webhooks.deliver_due()
        sandbox.expire(payment["paymentId"])
        sandbox.webhooks.deliver_due()

    lines = [line for line in printed(sandbox, play) if " -> " in line]
    assert f"payment.created -> {URL}  delivered (200)" in lines
    assert f"payment.expired -> {URL}  The receiver answered 500; it will be retried" in lines
    assert (
        sum("https://shop.example/x  Not sent: this sandbox delivers to this machine only" in line for line in lines)
        == 2
    )


def test_control_characters_do_not_reach_the_terminal() -> None:
    """A path with an escape sequence is printed with question marks."""
    (line,) = printed(Sandbox(), lambda http: http.get("/v1/x%1b[2Jy"))
    assert line.startswith("GET /v1/x?[2Jy  404")


def test_a_closed_terminal_does_not_stop_the_sandbox() -> None:
    """Requests are answered after the terminal has gone."""
    sandbox, out = Sandbox(), io.StringIO()
    out.close()
    with reported(sandbox.world, out), sandbox.client() as client:
        assert client.balances.get("BTC").available_balance == 0
        assert client.balances.get("LTC").available_balance == 0


def test_nothing_is_printed_after_the_end() -> None:
    """The listeners are gone with the block."""
    sandbox, out = Sandbox(), io.StringIO()
    with reported(sandbox.world, out):
        pass
    with sandbox.client() as client:
        client.balances.get("BTC")
    assert out.getvalue() == ""
