"""The control routes under /sandbox/: every step of payments and withdrawals, and the state."""

from __future__ import annotations

from decimal import Decimal

import httpx
import pytest

from inventpay.sandbox import Sandbox
from tests.sandbox.conftest import Api


def control(api: Api, path: str, body: object = None) -> httpx.Response:
    """A control call as a bare curl makes it: no key, and no body where none is needed."""
    return api.http.post(f"/sandbox/{path}") if body is None else api.http.post(f"/sandbox/{path}", json=body)


def test_a_bare_post_pays_a_payment(api: Api) -> None:
    """No key, no body, no content type: the payment is COMPLETED and the answer is its status."""
    payment_id = api.create_payment()["paymentId"]
    answer = control(api, f"payments/{payment_id}/pay")
    assert (answer.status_code, answer.json()["message"]) == (200, "Payment is COMPLETED")
    assert answer.json()["data"] == api.status(payment_id)
    assert "x-ratelimit-limit" not in answer.headers


def test_curl_without_a_content_type_may_send_json(api: Api) -> None:
    """A body with the default content type of `curl -d` is read as JSON."""
    payment_id = api.create_invoice()["paymentId"]
    form = "application/x-www-form-urlencoded"
    answer = api.post_bytes(f"/sandbox/payments/{payment_id}/pay", b'{"currency": "LTC"}', form)
    assert answer.json()["data"]["currency"] == "LTC"
    assert answer.json()["data"]["status"] == "COMPLETED"


def test_every_step_of_a_payment_can_be_played(api: Api) -> None:
    """select, pay in parts, underpay, confirm, expire and fail lead to the statuses they are named after."""
    payment_id = api.create_invoice(amount=30)["paymentId"]
    path = f"payments/{payment_id}"
    assert control(api, f"{path}/select", {"currency": "USDT_BEP20"}).json()["data"]["requiredAmount"] == "30"
    seen = control(api, f"{path}/pay", {"amount": 10.5, "confirmations": 0}).json()["data"]
    assert (seen["status"], seen["currentBalance"], seen["confirmations"]) == ("PENDING", "10.5", 0)
    assert control(api, f"{path}/confirm", {"confirmations": 3}).json()["data"]["confirmations"] == 3
    assert control(api, f"{path}/confirm").json()["data"]["status"] == "UNDERPAID"
    part = control(api, f"{path}/underpay", {"amount": 1, "currency": "USDT_BEP20"}).json()["data"]
    assert (part["status"], part["currentBalance"]) == ("UNDERPAID", "11.5")
    assert control(api, f"{path}/pay").json()["data"]["status"] == "COMPLETED"
    payment_id = api.create_payment(amount=30)["paymentId"]
    too_little = control(api, f"payments/{payment_id}/overpay", {"amount": 30})
    assert (too_little.status_code, set(too_little.json()["details"])) == (400, {"amount"})
    over = control(api, f"payments/{payment_id}/overpay").json()["data"]
    assert (over["status"], over["requiredAmount"], over["currentBalance"]) == ("COMPLETED", "30", "45")
    for step, status in (("expire", "EXPIRED"), ("fail", "FAILED")):
        payment_id = api.create_payment()["paymentId"]
        assert control(api, f"payments/{payment_id}/{step}").json()["data"]["status"] == status
        assert api.status(payment_id)["status"] == status


def test_every_step_of_a_withdrawal_can_be_played(api: Api) -> None:
    """A deposit raises the balance; process, complete and fail move the withdrawal."""
    answer = control(api, "deposit", {"currency": "USDT_BEP20", "amount": 100.5}).json()["data"]
    assert answer["balance"]["availableBalance"] == 100.5
    first, second = (api.withdraw().json()["data"]["withdrawalId"] for _ in range(2))
    assert control(api, f"withdrawals/{first}/process").json()["data"]["status"] == "PROCESSING"
    assert control(api, f"withdrawals/{first}/complete").json()["message"] == "Withdrawal is COMPLETED"
    failed = control(api, f"withdrawals/{second}/fail", {"reason": "no gas"}).json()["data"]
    assert (failed["status"], failed["failureReason"]) == ("FAILED", "no gas")


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("payments/{id}/pay", {"amount": 0}, "amount"),
        ("payments/{id}/pay", {"currency": "DOGE"}, "currency"),
        ("payments/{id}/pay", {"confirmations": -1}, "confirmations"),
        ("payments/{id}/pay", {"confirmations": 1.5}, "confirmations"),
        ("payments/{id}/pay", [], "body"),
        ("payments/{id}/underpay", {"amount": "1 "}, "amount"),
        ("payments/{id}/pay", {"amount": "1_0"}, "amount"),
        ("payments/{id}/pay", {"amount": "NaN"}, "amount"),
        ("deposit", {"currency": "BTC", "amount": "١"}, "amount"),
        ("payments/{id}/confirm", {"confirmations": True}, "confirmations"),
        ("payments/{id}/select", {}, "currency"),
        ("withdrawals/x/fail", {"reason": 5}, "reason"),
        ("deposit", {"amount": 1}, "currency"),
        ("deposit", {"currency": "BTC"}, "amount"),
    ],
)
def test_bad_control_calls_name_the_bad_member(api: Api, path: str, body: object, field: str) -> None:
    """400 with the member's name, and the payment is as before."""
    payment_id = api.create_payment()["paymentId"]
    answer = control(api, path.replace("{id}", payment_id), body)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])
    assert api.status(payment_id)["status"] == "PENDING"


def test_control_calls_take_amounts_as_text(api: Api) -> None:
    """Text is exact, as in the methods of Sandbox; the API's own calls take numbers only."""
    payment_id = api.create_payment()["paymentId"]
    control(api, f"payments/{payment_id}/underpay", {"amount": "12.500000000000000001"})
    assert api.status(payment_id)["currentBalance"] == "12.500000000000000001"
    control(api, f"payments/{payment_id}/pay", {"amount": "17.489999999999999999"})
    assert api.status(payment_id)["status"] == "COMPLETED"
    assert control(api, "deposit", {"currency": "BTC", "amount": "1e-8"}).status_code == 200
    assert api.sandbox.balance("BTC").available == Decimal("1e-8")
    refused = api.post("/v1/create_payment", {"amount": "5", "currency": "BTC"})
    assert refused.json()["details"] == {"amount": "Must be a number"}


def test_impossible_steps_are_conflicts_and_unknown_ids_not_found(api: Api) -> None:
    """409 and 404, as from Python."""
    payment_id = api.create_payment()["paymentId"]
    control(api, f"payments/{payment_id}/fail")
    assert control(api, f"payments/{payment_id}/pay").status_code == 409
    assert control(api, "payments/x/pay").status_code == 404
    assert control(api, "withdrawals/x/complete").status_code == 404


def test_the_state_shows_everything_newest_first(api: Api) -> None:
    """Balances, counts, the newest hundred payments and withdrawals, and how requests were answered."""
    api.sandbox.deposit("USDT_BEP20", 100)
    ids = [api.create_payment()["paymentId"] for _ in range(3)]
    withdrawal_id = api.withdraw().json()["data"]["withdrawalId"]
    api.get("/v1/withdrawal/x")
    data = api.http.get("/sandbox/state").json()["data"]
    assert data["counts"] == {"payments": 3, "withdrawals": 1}
    assert [payment["paymentId"] for payment in data["payments"]] == ids[::-1]
    assert [withdrawal["withdrawalId"] for withdrawal in data["withdrawals"]] == [withdrawal_id]
    assert data["balances"]["USDT_BEP20"]["availableBalance"] == 90
    assert data["requests"] == {
        "GET /v1/withdrawal/{withdrawalId}": {"404": 1},
        "POST /v1/create_payment": {"200": 3},
        "POST /v1/merchant/withdrawal/create": {"200": 1},
    }


def test_reset_forgets_everything(api: Api) -> None:
    """Payments, withdrawals, balances, counted calls and idempotency keys are gone."""
    api.sandbox.deposit("BTC", 1)
    payment_id = api.post("/v1/create_invoice", {"amount": 5}, Idempotency_Key="k").json()["data"]["paymentId"]
    assert control(api, "reset").json()["message"] == "Sandbox reset"
    assert api.http.get(f"/v1/invoice/{payment_id}/status").status_code == 404
    assert api.sandbox.balance("BTC").available == 0
    again = api.post("/v1/create_invoice", {"amount": 6}, Idempotency_Key="k")
    assert again.headers["x-ratelimit-remaining"] == "99"
    assert "idempotent-replayed" not in again.headers


def test_the_root_says_what_this_is(api: Api) -> None:
    """The base URL answers that it is a sandbox, and lists the endpoints."""
    body = api.http.get("/").json()
    assert body["name"] == "InventPay sandbox"
    assert "POST /v1/create_payment" in body["endpoints"]
    assert "POST /sandbox/payments/{paymentId}/pay" in body["endpoints"]


def test_the_invoice_link_leads_to_a_page_with_instructions(api: Api) -> None:
    """The payer's page shows the payment in words, and the command on it works until the payment is complete."""
    payment = api.create_payment()
    page = api.http.get(payment["invoiceUrl"])
    assert page.headers["content-type"].startswith("text/plain")
    assert f"29.99 USDT_BEP20 to {payment['address']}" in page.text
    command = next(line for line in page.text.splitlines() if line.startswith("Pay it:"))
    assert api.http.post(command.split()[-1]).status_code == 200
    page = api.http.get(payment["invoiceUrl"])
    assert "is COMPLETED" in page.text
    assert "curl" not in page.text
    assert "49.99 USD, in a coin of the payer's choice" in api.http.get(api.create_invoice()["invoiceUrl"]).text
    assert api.http.get("/invoice/x").status_code == 404


@pytest.mark.parametrize("key", ["", "two words", "schlüssel", "line\n"])
def test_keys_that_no_header_can_carry_are_refused(key: str) -> None:
    """A key must be visible ASCII; the message names the option and not the key."""
    with pytest.raises(ValueError, match=r"^withdrawal_key must be visible ASCII"):
        Sandbox(withdrawal_key=key)


def test_idempotency_keys_can_be_ignored(api: Api) -> None:
    """The setting is shown and changed; without it the same key creates a second payment."""
    assert control(api, "idempotency", {}).json()["details"] == {"honoured": "Is required"}
    assert control(api, "idempotency", {"honoured": 1}).json()["details"] == {"honoured": "Must be true or false"}
    assert _ids_under_one_key(api, "first") == 1
    shown = control(api, "idempotency", {"honoured": False}).json()
    assert shown["data"] == {"honoured": False, "kept": 1}
    assert shown["message"] == "Idempotency keys are ignored from now on"
    assert _ids_under_one_key(api, "second") == 2
    assert control(api, "idempotency", {"honoured": True}).json()["data"]["honoured"] is True
    assert _ids_under_one_key(api, "third") == 1


def _ids_under_one_key(api: Api, key: str) -> int:
    body = {"amount": 5, "amountCurrency": "USD", "currency": "USDT_BEP20"}
    headers = {**api.both, "Idempotency-Key": key}
    answers = [api.http.post("/v1/create_payment", json=body, headers=headers) for _ in range(2)]
    return len({answer.json()["data"]["paymentId"] for answer in answers})
