# Generated from tests/_async/test_unread.py by tools/generate_sync.py. Do not edit.
"""Members that cannot be read are reported, and results know the exchange that they came from."""

from __future__ import annotations

import json
import logging
from typing import Any

import pytest

from inventpay import AnswerUnread, DecodeError, Event
from inventpay._json import unread
from tests.support.api import ScriptedAPI, answers
from tests.support.clients import scripted_client
from tests.support.documented import body, document


@pytest.fixture(autouse=True)
def nothing_reported(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each test is a process of its own, as far as reports are concerned."""
    monkeypatch.setattr(unread, "_reported", set())


def odd(name: str, **members: Any) -> bytes:
    held = document(name)
    held["data"] |= members
    return json.dumps(held, default=str).encode()


PAYMENT: dict[str, Any] = {"amount": "29.99", "amount_currency": "USD", "currency": "USDT_BEP20"}


def test_an_unread_member_is_reported_once(caplog: pytest.LogCaptureFixture) -> None:
    """A WARNING per place and process, a hook event per answer; the result is complete but for it."""
    events: list[Event] = []
    api = ScriptedAPI(*[answers(200, odd("create_payment", paymentId=name, qrCode=[])) for name in ("cmh1", "cmh2")])
    with scripted_client(api, hooks=[events.append]) as client:
        for _ in range(2):
            payment = client.payments.create(**PAYMENT)
            assert (payment.qr_code, payment.unread) == (None, ("$.data.qrCode",))
    reported = [event for event in events if isinstance(event, AnswerUnread)]
    assert [event.paths for event in reported] == [("$.data.qrCode",)] * 2
    assert reported[0].call_id != reported[1].call_id
    warnings = [record.getMessage() for record in caplog.records if record.levelno == logging.WARNING]
    assert warnings == [
        "inventpay: $.data.qrCode of POST /v1/create_payment could not be read and is None; see .unread and .raw"
    ]


def test_a_complete_answer_reports_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """Documented answers are read whole."""
    events: list[Event] = []
    api = ScriptedAPI(answers(200, body("create_payment")))
    with scripted_client(api, hooks=[events.append]) as client:
        client.payments.create(**PAYMENT)
    assert not any(isinstance(event, AnswerUnread) for event in events)
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]


def test_a_malformed_balance_is_raised_when_it_is_asked_for() -> None:
    """The balances of other coins are readable."""
    held = document("balances.map-with-locked")["data"]["balances"]
    api = ScriptedAPI(answers(200, odd("balances.map-with-locked", balances={**held, "ETH": {}})))
    with scripted_client(api) as client:
        balances = client.balances.all()
    assert balances["BTC"].available_balance > 0
    assert "ETH" in balances
    assert len(balances) == len(held) + 1
    for ask in (lambda: balances["ETH"], lambda: balances.get("ETH"), lambda: list(balances.values())):
        with pytest.raises(DecodeError) as caught:
            ask()
        assert caught.value.json_path == "$.data.balances.ETH.availableBalance"
    with pytest.raises(DecodeError):
        sum(balance.available_balance for balance in balances.values())
    assert "ETH" in repr(balances)


def test_a_result_knows_its_exchange() -> None:
    """Status, headers, request id, attempts, seconds and key of the call that returned it."""
    api = ScriptedAPI(answers(503), answers(200, body("create_payment"), {"X-Request-Id": "req_1"}))
    with scripted_client(api) as client:
        payment = client.payments.create(**PAYMENT, idempotency_key="order-1")
    meta = payment.meta
    assert meta is not None
    assert (meta.status, meta.attempts, meta.idempotency_key, meta.request_id) == (200, 2, "order-1", "req_1")
    assert meta.seconds > 0
    assert meta.headers["x-request-id"] == "req_1"
    assert "meta" not in repr(payment)
    assert "req_1" not in repr(meta)


def test_parts_of_a_result_have_no_exchange() -> None:
    """It belongs to the outermost model, and to pages."""
    api = ScriptedAPI(answers(200, body("balances.map-with-limits")), answers(200, body("products.page")))
    with scripted_client(api) as client:
        balances = client.balances.all()
        page = client.store.products.list()
    assert balances.meta is not None
    assert balances.meta.request_id is None
    assert all(balance.meta is None for balance in balances.values())
    assert page.meta is not None
    assert page.meta.status == 200
    assert all(product.meta is None for product in page.items)
