"""Webhooks delivered into an application of the test's own process."""

from __future__ import annotations

import threading
from typing import Any

import httpx
import pytest

from inventpay.sandbox import AppDeliveries, Sandbox, Unlimited, WebhookSettings
from inventpay.sandbox.in_process_delivery import is_asgi
from inventpay.webhooks import MemorySeenStore, WebhookReceiver

PATH = "/webhooks/inventpay"


def shop(sandbox: Sandbox) -> tuple[WebhookReceiver, list[str]]:
    """A receiver of the sandbox's events, and the names of those that it handled."""
    receiver = WebhookReceiver(sandbox.webhooks.secret, seen=MemorySeenStore())
    handled: list[str] = []
    receiver.on_other(lambda event: handled.append(event.event))
    return receiver, handled


@pytest.mark.parametrize("kind", ["asgi", "wsgi"])
async def test_events_reach_an_application_without_a_socket(kind: str) -> None:
    """Each event is handled once before `deliver` returns, in either world, also while the sandbox is served."""
    sandbox = Sandbox()
    receiver, handled = shop(sandbox)
    with sandbox.run(), sandbox.client() as client:
        deliveries = AppDeliveries(sandbox, getattr(receiver, kind), path=PATH)
        payment = client.payments.create(amount=5, amount_currency="USD", currency="LTC")
        sandbox.pay(payment.payment_id)
        assert handled == []
        attempts = await deliveries.deliver_async()
    expected = ["payment.created", "payment.pending", "payment.confirmed", "payment.completed"]
    assert handled == [attempt.event for attempt in attempts] == expected
    assert {attempt.http_status for attempt in attempts} == {200}
    assert {attempt.url for attempt in attempts} == {f"http://shop.localhost{PATH}"}


def test_a_broken_application_is_a_failed_delivery() -> None:
    """An exception of the application is its status 500, as from a server, and a retry is planned."""

    async def broken(scope: Any, receive: Any, send: Any) -> None:
        raise RuntimeError("no database")

    sandbox = Sandbox()
    deliveries = AppDeliveries(sandbox, broken, path=PATH)
    with sandbox.client() as client:
        client.payments.create(amount=5, amount_currency="USD", currency="LTC")
    (attempt,) = deliveries.deliver()
    assert (attempt.http_status, attempt.next_attempt_at is not None) == (500, True)


def test_asgi_and_wsgi_applications_are_distinguished() -> None:
    """ASGI takes three arguments, WSGI two; classes and callable objects are no exception."""

    class Asgi:
        async def __call__(self, scope: Any, receive: Any, send: Any) -> None: ...

    class PlainAsgi:
        def __call__(self, scope: Any, receive: Any, send: Any) -> Any: ...

    class Wsgi:
        def __call__(self, environ: Any, start_response: Any) -> Any: ...

    assert [is_asgi(app) for app in (Asgi(), PlainAsgi(), Wsgi(), lambda environ, start: [])] == [
        True,
        True,
        False,
        False,
    ]
    with pytest.raises(TypeError, match="ASGI or WSGI application, not str"):
        AppDeliveries(Sandbox(), "app", path=PATH)
    with pytest.raises(ValueError, match="path must begin with a slash, not 'hooks'"):
        AppDeliveries(Sandbox(), Wsgi(), path="hooks")


def test_the_transport_of_a_served_sandbox_can_be_changed() -> None:
    """From then on the background delivers through the new one, and after a reset through the first one again."""
    arrived: dict[str, threading.Event] = {"first": threading.Event(), "second": threading.Event()}

    def recorder(name: str) -> httpx.MockTransport:
        def answer(request: httpx.Request) -> httpx.Response:
            arrived[name].set()
            return httpx.Response(200)

        return httpx.MockTransport(answer)

    url = "https://shop.example/hooks"
    sandbox = Sandbox(webhooks=WebhookSettings(url=url, transport=recorder("first")))
    with sandbox.run(), sandbox.client() as client:
        for change, name in (
            (lambda: None, "first"),
            (lambda: sandbox.webhooks.configure(transport=recorder("second")), "second"),
            (sandbox.reset, "first"),
        ):
            change()
            client.payments.create(amount=5, amount_currency="USD", currency="LTC")
            assert arrived[name].wait(10)
            arrived[name].clear()


def test_clients_of_a_sandbox_without_limits_have_none() -> None:
    """A test makes more calls at once than the documented limits allow, and waits for nothing."""
    sandbox = Sandbox(rate_limits=Unlimited())
    with sandbox.client(max_wait=0) as client:
        for _ in range(70):
            client.balances.get("BTC")
