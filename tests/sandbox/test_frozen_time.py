"""The sandbox under freezegun and time-machine: it shows the time that the test shows."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from typing import Any

import pytest

from inventpay import AsyncInventPay, InventPay
from inventpay.sandbox import AppDeliveries, Sandbox, WebhookInbox
from inventpay.webhooks import MemorySeenStore, WebhookReceiver

freezegun = pytest.importorskip("freezegun")
time_machine = pytest.importorskip("time_machine")

START = dt.datetime(2024, 1, 31, 12, 0, tzinfo=dt.UTC)
Freeze = Callable[[dt.datetime], AbstractContextManager[Any]]

EVERY_WAY = [
    pytest.param(freezegun.freeze_time, id="freezegun"),
    pytest.param(lambda at: freezegun.freeze_time(at, tick=True), id="freezegun-ticking"),
    pytest.param(lambda at: time_machine.travel(at, tick=False), id="time-machine"),
    pytest.param(lambda at: time_machine.travel(at, tick=True), id="time-machine-ticking"),
]


@pytest.fixture(params=EVERY_WAY)
def frozen(request: pytest.FixtureRequest) -> Iterator[None]:
    """Time frozen before the fixtures of the plugin are made, as by pytest-freezer."""
    with request.param(START):
        yield


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


def test_the_plugin_in_frozen_time(
    frozen: None, inventpay_sandbox: Sandbox, inventpay_client: InventPay, inventpay_webhooks: WebhookInbox
) -> None:
    """A payment is created, paid, waited for and reported while time is frozen or ticks somewhere else."""
    payment = inventpay_client.payments.create(amount=5, amount_currency="USD", currency="LTC")
    inventpay_sandbox.pay(payment.payment_id)
    assert inventpay_client.payments.wait(payment.payment_id, timeout=10).is_paid
    assert inventpay_webhooks.wait_for("payment.completed").payment_id == payment.payment_id
    with pytest.raises(AssertionError, match="did not arrive within"):
        inventpay_webhooks.wait_for("payment.expired", timeout=0.1)


@pytest.mark.parametrize("freeze", EVERY_WAY)
def test_a_freeze_inside_of_a_test(freeze: Freeze, inventpay_sandbox: Sandbox, inventpay_client: InventPay) -> None:
    """Fixtures that were made in real time go on in the freeze, and after it."""
    for at in (START, START + dt.timedelta(days=1)):
        with freeze(at):
            payment = inventpay_client.payments.create(amount=5, amount_currency="USD", currency="LTC")
            assert payment.expires_at is not None
            assert abs(payment.expires_at - at - dt.timedelta(minutes=30)) < dt.timedelta(seconds=10)
            inventpay_sandbox.pay(payment.payment_id)
            assert inventpay_client.payments.wait(payment.payment_id, timeout=10).is_paid
    assert inventpay_client.payments.status(payment.payment_id).is_paid


async def test_the_async_client_of_the_plugin(
    frozen: None, inventpay_sandbox: Sandbox, async_inventpay_client: AsyncInventPay
) -> None:
    """An event loop that begins in the freeze serves the async client, as far as its timers do not stand still."""
    payment = await async_inventpay_client.payments.create(amount=5, amount_currency="USD", currency="LTC")
    inventpay_sandbox.pay(payment.payment_id)
    assert (await async_inventpay_client.payments.status(payment.payment_id)).is_paid
