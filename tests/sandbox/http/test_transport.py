"""The sandbox inside the process: both clients reach it without a socket, and see what they would see over one."""

from __future__ import annotations

import asyncio
import os
import socket
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
import trio

from inventpay import APIConnectionError, APITimeoutError, BadRequestError, DecodeError, InventPay, InventPayError
from inventpay.sandbox import Fault, ManualClock, Sandbox
from tests.support.systems import needs_fork

CREATE = {"amount": "29.99", "amount_currency": "USD", "currency": "USDT_BEP20"}
STATUS = "GET /v1/invoice/{paymentId}/status"


@pytest.fixture
def no_sockets(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*arguments: Any) -> None:
        raise AssertionError("a connection was made")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket.socket, "bind", refuse)


@pytest.fixture
def sandbox(no_sockets: None) -> Iterator[Sandbox]:
    sandbox = Sandbox(clock=ManualClock())
    yield sandbox
    sandbox.transport().close()


def test_the_blocking_client_needs_no_socket(sandbox: Sandbox) -> None:
    """A payment from its creation to the end, and a refusal with its details."""
    with sandbox.client() as client:
        payment = client.payments.create(**CREATE)  # type: ignore[arg-type]
        sandbox.pay(payment.payment_id)
        assert client.payments.wait(payment.payment_id).is_paid
        with pytest.raises(BadRequestError) as caught:
            client.withdrawals.create(amount=1000, currency="USDT_BEP20", destination_address="0x" + "a" * 40)
    assert caught.value.details == {"amount": "Only 29.99 USDT_BEP20 is available"}
    assert sandbox.request_counts[STATUS, 200] == 1


async def async_story(sandbox: Sandbox) -> None:
    async with sandbox.async_client() as client:
        payment = await client.payments.create(**CREATE)  # type: ignore[arg-type]
        sandbox.pay(payment.payment_id)
        assert (await client.payments.wait(payment.payment_id)).is_paid


def test_the_async_client_needs_no_socket_under_asyncio_and_trio(sandbox: Sandbox) -> None:
    """One transport serves several event loops of both kinds, one after another."""
    for _ in range(2):
        asyncio.run(async_story(sandbox))
        trio.run(async_story, sandbox)


async def test_the_blocking_client_may_be_used_where_an_event_loop_runs(sandbox: Sandbox) -> None:
    """A blocking call in an async test blocks, and works."""
    with sandbox.client() as client:
        assert client.balances.get("BTC").available_balance == 0


def test_many_threads_share_it(sandbox: Sandbox) -> None:
    """Every call of eight threads is answered with its own answer."""
    problems: list[BaseException] = []

    def work(client: InventPay) -> None:
        try:
            for _ in range(10):
                payment = client.payments.create(**CREATE)  # type: ignore[arg-type]
                assert client.payments.status(payment.payment_id).payment_id == payment.payment_id
        except BaseException as error:
            problems.append(error)

    with sandbox.client() as client:
        threads = [threading.Thread(target=work, args=(client,)) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert problems == []
    assert sandbox.state.counts()["payments"] == 80


@needs_fork
@pytest.mark.filterwarnings("ignore:This process .* is multi-threaded:DeprecationWarning")
def test_a_forked_child_goes_on_with_it(sandbox: Sandbox) -> None:
    """The thread that answers did not come along with the fork; the child starts another."""
    with sandbox.client() as client:
        client.balances.get("BTC")
        child = os.fork()
        if not child:
            os._exit(0 if client.balances.get("LTC").available_balance == 0 else 1)
        assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 0


FAULTS = [
    (Fault.reset(), APIConnectionError, "unknown"),
    (Fault.reset(after_effect=True), APIConnectionError, "unknown"),
    (Fault.truncated(), APIConnectionError, "unknown"),
    (Fault.slow_start(30), APITimeoutError, "unknown"),
    (Fault.slow_drip(300), APITimeoutError, "unknown"),
    (Fault.html(), DecodeError, "unknown"),
    (Fault.error(503), InventPayError, "unknown"),
    (Fault.error(429), InventPayError, "refused"),
]


@pytest.mark.parametrize(("fault", "error", "outcome"), FAULTS, ids=[fault.kind for fault, _, _ in FAULTS])
def test_faults_are_what_they_are_over_a_socket(fault: Fault, error: type[InventPayError], outcome: str) -> None:
    """Each fault gives the same error and outcome in the process with both clients, and over HTTP."""
    sandbox = Sandbox()
    options: Any = {"max_retries": 0, "attempt_timeout": 0.3}
    seen: list[tuple[type, str]] = []

    async def ask_async() -> None:
        async with sandbox.async_client(**options) as client:
            await client.balances.all()

    def ask() -> None:
        with sandbox.client(**options) as client:
            client.balances.all()

    def note(call: Any) -> None:
        sandbox.faults.add(fault, on="GET /v1/merchant/balance")
        with pytest.raises(error) as caught:
            call()
        seen.append((type(caught.value), str(caught.value.outcome)))

    note(ask)
    note(lambda: asyncio.run(ask_async()))
    with sandbox.run():
        note(ask)
    assert set(seen) == {(seen[0][0], outcome)}


def test_a_withdrawal_whose_answer_was_lost_is_paid_once(sandbox: Sandbox) -> None:
    """The story that idempotency keys are for, in a few lines of a test."""
    sandbox.deposit("USDT_BEP20", 100)
    pay_out: Any = {"amount": 10, "currency": "USDT_BEP20", "destination_address": "0x" + "a" * 40}
    sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/merchant/withdrawal/create")
    with sandbox.client() as client:
        with pytest.raises(APIConnectionError) as caught:
            client.withdrawals.create(**pay_out)
        assert (caught.value.outcome, caught.value.safe_to_repeat) == ("unknown", False)
        assert client.check(idempotency="withdrawal", **{**pay_out, "amount": 1}).idempotency == "honoured"
        client.repeat(caught.value)
    assert sandbox.balance("USDT_BEP20").locked == 10 + 1


def test_plain_http_clients_can_use_it_too(sandbox: Sandbox) -> None:
    """Paths, queries, headers, HEAD, pages and streams come through; links lead to where the client thinks it is."""
    with httpx.Client(transport=sandbox.transport(), base_url="https://sandbox.example") as http:
        answer = http.post("/v1/create_invoice", json={"amount": 1}, headers={"x-api-key": sandbox.api_key})
        link = answer.json()["data"]["invoiceUrl"]
        assert link.startswith("https://sandbox.example/invoice/")
        assert "<h1>" in http.get(link, headers={"Accept": "text/html"}).text
        assert http.head("/").content == b""
        assert http.get("/v1/store/manage/products?page=0", headers={"x-api-key": sandbox.api_key}).status_code == 400
        assert http.get("/v1/%E2%82%AC%2Fx").status_code == 404
        assert "event: sections" in http.get("/sandbox/live").text


def test_clients_follow_the_sandbox_to_its_server() -> None:
    """While it is served they use HTTP, and the environment leads there; otherwise there is none."""
    sandbox = Sandbox()
    assert sandbox.url is None
    with pytest.raises(RuntimeError, match="not served"):
        _ = sandbox.environment
    with sandbox.run() as server:
        assert sandbox.url == server.url
        assert sandbox.environment == {
            "INVENTPAY_BASE_URL": server.url,
            "INVENTPAY_API_KEY": "pk_test_sandbox",
            "INVENTPAY_WITHDRAWAL_KEY": "wk_test_sandbox",
            "INVENTPAY_WEBHOOK_SECRET": sandbox.webhooks.secret,
        }
        with sandbox.client() as client:
            payment = client.payments.create(**CREATE)  # type: ignore[arg-type]
        assert payment.invoice_url is not None
        assert payment.invoice_url.startswith(server.url)
    assert sandbox.url is None
