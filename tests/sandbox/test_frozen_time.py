"""The sandbox under freezegun and time-machine: it shows the time that the test shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable
from contextlib import AbstractContextManager
from typing import Any

import pytest

from inventpay.sandbox import AppDeliveries, Sandbox
from inventpay.webhooks import MemorySeenStore, WebhookReceiver

freezegun = pytest.importorskip("freezegun")
time_machine = pytest.importorskip("time_machine")

START = dt.datetime(2024, 1, 31, 12, 0, tzinfo=dt.UTC)
Freeze = Callable[[dt.datetime], AbstractContextManager[Any]]


@pytest.mark.parametrize(
    "freeze",
    [
        pytest.param(freezegun.freeze_time, id="freezegun"),
        pytest.param(lambda at: time_machine.travel(at, tick=False), id="time-machine"),
    ],
)
def test_a_payment_lives_in_the_time_of_the_test(freeze: Freeze) -> None:
    """A payment that was made in frozen time expires when that time moves on, and the receiver accepts the events."""
    sandbox = Sandbox()
    receiver = WebhookReceiver(sandbox.webhooks.secret, seen=MemorySeenStore())
    handled: list[str] = []
    receiver.on_other(lambda event: handled.append(event.event))
    deliveries = AppDeliveries(sandbox, receiver.asgi, path="/hooks")
    with sandbox.run(), sandbox.client() as client:
        with freeze(START):
            payment = client.payments.create(amount=5, amount_currency="USD", currency="LTC")
            assert payment.expires_at == START + dt.timedelta(minutes=30)
            assert client.payments.status(payment.payment_id).status == "PENDING"
        with freeze(START + dt.timedelta(minutes=31)):
            assert client.payments.status(payment.payment_id).status == "EXPIRED"
            assert [delivery.http_status for delivery in deliveries.deliver()] == [200, 200]
    assert handled == ["payment.created", "payment.expired"]
