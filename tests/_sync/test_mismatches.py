# Generated from tests/_async/test_mismatches.py by tools/generate_sync.py. Do not edit.
"""An answer is believed for what it says: one that belongs to another call never becomes this call's result."""

from __future__ import annotations

import copy
import json
import logging
import pickle
from decimal import Decimal
from typing import Any

import pytest
from attrs import evolve

from inventpay import (
    AnswerMismatchError,
    InventPay,
    ConfigurationError,
    DecodeError,
    InvalidArgumentError,
    RateLimits,
    UnsettledError,
)
from tests.support.api import ScriptedAPI, answers, example, ok
from tests.support.clients import AnyClient, new_key, once, repeatable, scripted_client, transports_of
from tests.support.raw_server import Exchange, RawServer

PAID_ADDRESS = "0x" + "a" * 40
ASKED_ADDRESS = "0x" + "b" * 40
PAYOUT = {
    "withdrawalId": "w1",
    "amount": "10",
    "currency": "USDT_BEP20",
    "destinationAddress": PAID_ADDRESS,
    "status": "X",
}
PLENTY = RateLimits(payment_creation=10**6, withdrawals=10**6, status_checks=10**6, other=10**6)


def success(data: dict[str, Any]) -> Any:
    return answers(200, {"success": True, "data": data})


def test_the_answer_to_another_payout_is_no_success() -> None:
    """A reused key replays another payout: an error with both addresses, and no retry."""
    api = ScriptedAPI(success(PAYOUT), ok)
    with scripted_client(api) as client:
        with pytest.raises(AnswerMismatchError) as caught:
            client.withdrawals.create(
                amount=5, currency="USDT_BEP20", destination_address=ASKED_ADDRESS, idempotency_key="k"
            )
        for error in (caught.value, pickle.loads(pickle.dumps(caught.value))):
            assert (error.outcome, error.safe_to_repeat, error.attempts) == ("unknown", False, 1)
            assert error.contradictions == (
                f"$.data.destinationAddress is {PAID_ADDRESS!r}, but {ASKED_ADDRESS!r} was asked for",
                "$.data.amount is '10', but '5' was asked for",
            )
            assert error.resource_id == "w1"
            assert error.answer.amount == Decimal(10)
            assert (error.status, error.json_path) == (200, "$.data.destinationAddress")
            assert PAID_ADDRESS in str(error)
        with pytest.raises(InvalidArgumentError):
            client.repeat(caught.value)
        # The key stays in doubt.
        with pytest.raises(UnsettledError):
            client.withdrawals.create(
                amount=5, currency="USDT_BEP20", destination_address=ASKED_ADDRESS, idempotency_key="k"
            )
    assert len(api.requests) == 1


def test_an_unreadable_answer_to_another_call_is_not_done() -> None:
    """An answer that cannot be read in full is compared all the same, before it may count as done."""
    with scripted_client(ScriptedAPI(success({**PAYOUT, "amount": [], "status": None}))) as client:
        with pytest.raises(AnswerMismatchError) as caught:
            once(client)
    assert caught.value.answer is None
    assert caught.value.resource_id == "w1"


@pytest.mark.parametrize(
    ("data", "outcome", "resource_id"),
    [
        ({"withdrawalId": "w1", "amount": "10", "status": None}, "done", "w1"),
        ({"withdrawalId": "w1", "amount": []}, "done", "w1"),
        ({"withdrawalId": "", "amount": "10"}, "unknown", None),
        ({"paymentId": "p1", "amount": "10"}, "unknown", None),
        ({}, "unknown", None),
    ],
)
def test_a_yes_that_cannot_be_read_is_done(data: dict[str, Any], outcome: str, resource_id: str | None) -> None:
    """The API said yes and named what it made: the id is there, and nothing advises to repeat."""
    body = json.loads(example("withdrawal.created"))["data"]
    api = ScriptedAPI(success({**body, "withdrawalId": None, **data}), ok)
    with scripted_client(api) as client:
        with pytest.raises(DecodeError) as caught:
            once(client, idempotency_key="k")
        error = caught.value
        assert (error.outcome, error.resource_id, error.safe_to_repeat) == (outcome, resource_id, False)
        assert (resource_id or "evidence") in str(error) or error.evidence_hint
        with pytest.raises((UnsettledError, InvalidArgumentError)):
            client.repeat(error)
        with pytest.raises(UnsettledError):
            once(client, idempotency_key="k")
    assert len(api.requests) == 1


@pytest.mark.parametrize("body", [b"<html>", b'{"data": {"withdrawalId": "w1"}}', b'{"success": 1, "data": {}}', b""])
def test_no_yes_is_not_done(body: bytes) -> None:
    """Without ``success: true`` an answer that cannot be read proves nothing."""
    with scripted_client(ScriptedAPI(answers(200, body))) as client:
        with pytest.raises(DecodeError) as caught:
            once(client)
    assert (caught.value.outcome, caught.value.resource_id) == ("unknown", None)


def test_an_id_is_issued_ids_once() -> None:
    """A second creation that is given the id of the first fails, unless both name the same order."""
    payment = json.loads(example("create_payment"))["data"]
    invoice = {**json.loads(example("create_invoice"))["data"], "paymentId": payment["paymentId"]}
    for data in (payment, invoice):
        data.pop("orderId")
    api = ScriptedAPI(success(payment), success(payment), success(invoice), success(payment), success(payment))
    with scripted_client(api) as client:
        first = repeatable(client, idempotency_key="k1")
        with pytest.raises(AnswerMismatchError, match="'k1' was given before") as caught:
            repeatable(client, idempotency_key="k2")
        assert caught.value.resource_id == first.payment_id
        with pytest.raises(AnswerMismatchError):
            client.invoices.create(amount="49.99", amount_currency="USD")
        assert repeatable(client, idempotency_key="k1") == first
        with pytest.raises(AnswerMismatchError):
            repeatable(client, order_id="order-1")
    with scripted_client(ScriptedAPI(success(payment))) as client:
        for _ in range(2):
            repeatable(client, order_id="order-1")


def test_a_raw_request_is_compared_too() -> None:
    """``client.request`` on a known path returns no answer to another call; an unknown path is not compared."""
    with scripted_client(ScriptedAPI(success({"paymentId": "p1", "orderId": "1"}))) as client:
        with pytest.raises(AnswerMismatchError):
            client.request("POST", "/v1/create_payment", json={"orderId": "2"})
        with pytest.raises(AnswerMismatchError):
            client.request("GET", "/v1/invoice/p2/status")
        answer = client.request("POST", "/v1/elsewhere", json={"orderId": "2"})
        assert answer.status == 200


def test_checks_can_warn(caplog: pytest.LogCaptureFixture) -> None:
    """With ``answer_checks="warn"`` an amount or order id is a warning; an address or an id stays an error."""
    api = ScriptedAPI(success({**PAYOUT, "amount": "9"}))
    with scripted_client(api, answer_checks="warn") as client:
        with caplog.at_level(logging.WARNING, "inventpay"):
            result = client.withdrawals.create(amount=10, currency="USDT_BEP20", destination_address=PAID_ADDRESS)
        assert result.amount == 9
        assert "amount is '9', but '10' was asked for" in caplog.text
        assert result.contradictions == ("$.data.amount is '9', but '10' was asked for",)
        assert "contradictions" not in result.to_dict()
        assert copy.copy(result) == result
        assert evolve(result).contradictions == ()
        with pytest.raises(AnswerMismatchError):
            client.withdrawals.create(amount=9, currency="USDT_BEP20", destination_address=ASKED_ADDRESS)
        with pytest.raises(AnswerMismatchError):
            client.withdrawals.get("w2")
    with pytest.raises(ConfigurationError, match="answer_checks"):
        scripted_client(api, answer_checks="ignore")


def invoice_of(exchange: Exchange) -> bytes:
    """The answer to an invoice, which repeats the question."""
    asked = json.loads(exchange.body)
    data = {**json.loads(example("create_invoice"))["data"], "paymentId": f"pay-of-{asked['orderId']}"}
    data |= {"orderId": asked["orderId"], "baseAmount": asked["amount"]}
    return json.dumps({"success": True, "data": data}).encode()


@pytest.mark.parametrize("transport", transports_of(InventPay))
@pytest.mark.parametrize("late", [False, True])
def test_one_duplicated_answer_shifts_no_result(transport: Any, late: bool) -> None:
    """An answer that arrives twice, at once or behind the next request, never becomes the invoice of another call."""
    first_answer = b""

    def answer(exchange: Exchange) -> None:
        nonlocal first_answer
        body = invoice_of(exchange)
        reply = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body)
        number = len(server.exchanges)
        if number == 1:
            first_answer = reply
        if late and number == 2:
            reply = first_answer + reply
        exchange.connection.sendall(reply * 2 if number == 1 and not late else reply)

    wrong = mismatches = 0
    with RawServer(answer) as server:
        with InventPay(
            new_key(), base_url=server.url, transport=transport, max_retries=0, rate_limits=PLENTY
        ) as client:
            for number in range(20):
                try:
                    invoice = create_invoice(client, number)
                except AnswerMismatchError:
                    mismatches += 1
                else:
                    wrong += invoice.order_id != f"order-{number}" or invoice.base_amount != number + 1
    assert wrong == 0
    # The connection that gave it is not used again.
    assert mismatches <= 1


def create_invoice(client: AnyClient, number: int) -> Any:
    return client.invoices.create(amount=number + 1, amount_currency="USD", order_id=f"order-{number}")


@pytest.mark.parametrize("transport", transports_of(InventPay))
def test_mismatches_leave_no_client_behind(transport: Any) -> None:
    """Each drops the HTTP client of its connection, which is closed and forgotten; the client goes on with another."""
    body = json.dumps(
        {"success": True, "data": {"paymentId": "cmh456", "baseAmount": "1", "baseCurrency": "USD"}}
    ).encode()
    with RawServer(lambda exchange: exchange.say(200, body)) as server:
        options: dict[str, Any] = {"base_url": server.url, "transport": transport, "rate_limits": PLENTY}
        with InventPay(new_key(), max_retries=0, **options) as client:
            for _ in range(20):
                with pytest.raises(AnswerMismatchError):
                    client.invoices.create(amount="7", amount_currency="USD")
            (pool,) = client._connection._pools.values()
            assert len(pool.opened) <= 1
            assert len(pool.users) <= 1
