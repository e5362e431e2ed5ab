"""The whole way over real sockets: a payment in the sandbox, its delivery, a receiver, and the wait that it ends."""

from __future__ import annotations

import asyncio
import threading
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from inventpay import AsyncInventPay, InventPay, PaymentStatus
from inventpay._watching import payment_status
from inventpay.sandbox import Delivery, Sandbox, Unlimited, WebhookSettings
from inventpay.sandbox.http.server import run_in_thread
from inventpay.webhooks import PaidEvent, SQLiteSeenStore, WebhookEvent, WebhookReceiver

STATUS_CALL = ("GET /v1/invoice/{paymentId}/status", 200)
SECRET = "whsec_of_the_story"


@contextmanager
def served(receiver: WebhookReceiver, **settings: Any) -> Iterator[tuple[Sandbox, str]]:
    """A sandbox that delivers to the receiver, each on a server of its own, and the sandbox's URL."""
    with run_in_thread(receiver.asgi, "127.0.0.1", 0) as hooks:
        url = f"{hooks.url}/webhooks/inventpay"
        settings = {"secret": SECRET, **settings}
        sandbox = Sandbox(rate_limits=Unlimited(), webhooks=WebhookSettings(url=url, **settings))
        with sandbox.run() as server:
            yield sandbox, server.url


@pytest.fixture(autouse=True)
def no_polling(monkeypatch: pytest.MonkeyPatch) -> None:
    """After the first look the next regular one would come when the tests have long given up."""
    monkeypatch.setattr(payment_status, "YOUNG_POLL_INTERVAL", 86_400.0)


def pay_once_watched(sandbox: Sandbox, payment_id: str) -> threading.Thread:
    """The payer pays as soon as the payment's status was read."""

    def run() -> None:
        while not sandbox.request_counts[STATUS_CALL]:
            threading.Event().wait(0.005)
        sandbox.pay(payment_id)

    thread = threading.Thread(target=run)
    thread.start()
    return thread


@pytest.mark.parametrize("shape", ["nested", "flat"])
def test_a_delivery_ends_a_wait_of_the_async_client(shape: str) -> None:
    """The handler runs in the receiver's event loop, the wait in another; two status calls are all it takes."""
    receiver = WebhookReceiver(SECRET)

    async def main(sandbox: Sandbox, url: str) -> PaymentStatus:
        async with AsyncInventPay(sandbox.api_key, base_url=url) as client:

            @receiver.on_paid
            async def fed(event: PaidEvent) -> None:
                client.feed(event)

            payment = await client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20")
            payer = pay_once_watched(sandbox, payment.payment_id)
            final = await client.payments.wait(payment.payment_id, timeout=20)
            await asyncio.to_thread(payer.join)
            return final

    with served(receiver, shape=shape) as (sandbox, url):
        final = asyncio.run(main(sandbox, url))
        assert (final.is_paid, final.confirmations) == (True, 12)
        assert sandbox.request_counts[STATUS_CALL] == 2


def test_a_delivery_ends_a_wait_of_the_blocking_client() -> None:
    """A wait in a thread, with a plain function as handler, also needs two status calls."""
    receiver = WebhookReceiver(SECRET)
    with (
        served(receiver) as (sandbox, url),
        InventPay(sandbox.api_key, base_url=url) as client,
    ):
        receiver.on_other(client.feed)
        payment = client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20")
        payer = pay_once_watched(sandbox, payment.payment_id)
        assert client.payments.wait(payment.payment_id, timeout=20).is_paid
        payer.join()
        assert sandbox.request_counts[STATUS_CALL] <= 4


def wait_for(condition: Callable[[], bool]) -> None:
    """Wait until a condition holds, with a bound, so that a test fails and does not hang."""
    patience = threading.Event()
    for _ in range(2_000):
        if condition():
            return
        patience.wait(0.005)
    raise AssertionError("it did not happen")


def test_every_payment_is_fulfilled_once_whatever_goes_wrong(tmp_path: Any) -> None:
    """Twice at the same moment, late, out of order, forged, and a handler that fails now and then: all arrive."""
    shipped: Counter[str] = Counter()
    reported: Counter[tuple[str, str]] = Counter()
    failing = {"left": 5}
    receiver = WebhookReceiver(SECRET, seen=SQLiteSeenStore(tmp_path / "seen.sqlite3"))

    @receiver.on_paid
    def ship(event: PaidEvent) -> None:
        if failing["left"]:
            failing["left"] -= 1
            raise RuntimeError("the warehouse is closed")
        shipped[event.payment_id] += 1

    @receiver.on_other
    async def note(event: WebhookEvent) -> None:
        reported[event.event, str(event.raw)] += 1

    with served(receiver) as (sandbox, url), InventPay(sandbox.api_key, base_url=url) as client:
        webhooks = sandbox.webhooks
        webhooks.misdeliver("twice", count=40)
        webhooks.misdeliver("late", count=5, seconds=45, event="payment.confirmed")
        webhooks.misdeliver("out_of_order", count=7, event="payment.pending")
        webhooks.misdeliver("wrong_signature", count=9)
        payments = [
            client.payments.create(amount=5 + number, amount_currency="USD", currency="LTC") for number in range(20)
        ]
        for payment in payments:
            sandbox.pay(payment.payment_id)

        def rests(delivery: Delivery) -> bool:
            """Return whether it has arrived, or waits for a later attempt: nothing is due or in flight."""
            return delivery.success or (delivery.next_attempt_at or 0.0) > sandbox.clock()

        while not all(delivery.success for delivery in webhooks.deliveries):
            wait_for(lambda: all(map(rests, webhooks.deliveries)))
            sandbox.clock.advance(10)
        assert len(webhooks.deliveries) == 4 * len(payments)
    assert shipped == {payment.payment_id: 1 for payment in payments}
    assert set(reported.values()) == {1}
    assert len(reported) == 2 * len(payments)


def test_a_receiver_with_another_secret_gets_nothing_done() -> None:
    """Each delivery is refused, and the sandbox's log says why; with the right one among several all arrive."""
    handled: list[WebhookEvent] = []
    wrong, rotating = WebhookReceiver("whsec_other"), WebhookReceiver(["whsec_new", SECRET])
    for receiver in (wrong, rotating):
        receiver.on_other(handled.append)
        with served(receiver, automatic=False) as (sandbox, url), InventPay(sandbox.api_key, base_url=url) as client:
            client.payments.create(amount=5, amount_currency="USD", currency="LTC")
            [delivery] = sandbox.webhooks.deliver_due()
            if receiver is wrong:
                assert (delivery.http_status, delivery.error_message) == (401, "The receiver answered 401")
                assert "signature" in (delivery.response or "")
                assert not handled
    assert [event.event for event in handled] == ["payment.created"]
