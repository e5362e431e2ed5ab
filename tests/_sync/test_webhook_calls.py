# Generated from tests/_async/test_webhook_calls.py by tools/generate_sync.py. Do not edit.
"""Managing webhooks: what is sent, what is refused before, and the whole of it against the sandbox."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import pytest

from inventpay import (
    APIStatusError,
    InventPay,
    AuthenticationError,
    BadRequestError,
    InvalidArgumentError,
    NotFoundError,
)
from inventpay.sandbox import Sandbox, Unlimited, WebhookSettings, assumptions
from inventpay.webhooks import PaymentTestEvent, parse_event
from tests.support.api import ScriptedAPI, answers, ok
from tests.support.clients import new_key, scripted_client
from tests.support.receiver import Receiver
from tests.support.receiver import answers as receiver_answers

URL = "https://shop.example/webhooks/inventpay"


def test_what_each_call_sends() -> None:
    """Method, path, query and body as the vendor's SDKs send them; a test without a URL has no body at all."""
    api = ScriptedAPI(ok)
    with scripted_client(api) as client:
        webhooks = client.webhooks
        webhooks.configure(URL)
        webhooks.config()
        webhooks.test()
        webhooks.test(URL)
        webhooks.deliveries()
        webhooks.deliveries(success=True, payment_id="cmh1&2", page=1, limit=10)
        webhooks.deliveries(success="all")
        webhooks.delivery("whd1")
        webhooks.retry("a/b?c")
        webhooks.stats()
        webhooks.stats(days=90)
        webhooks.delete()
    sent = [(request.method, request.url.raw_path.decode(), request.content.decode()) for request in api.requests]
    merchant = "/v1/merchant"
    assert sent == [
        ("PUT", f"{merchant}/webhook-url", f'{{"webhookUrl":"{URL}"}}'),
        ("GET", f"{merchant}/webhook-config", ""),
        ("POST", f"{merchant}/test-webhook", ""),
        ("POST", f"{merchant}/test-webhook", f'{{"webhookUrl":"{URL}"}}'),
        ("GET", f"{merchant}/webhook-deliveries?page=1", ""),
        ("GET", f"{merchant}/webhook-deliveries?page=1&limit=10&success=true&paymentId=cmh1%262", ""),
        ("GET", f"{merchant}/webhook-deliveries?page=1&success=all", ""),
        ("GET", f"{merchant}/webhook-delivery/whd1", ""),
        ("POST", f"{merchant}/webhook-delivery/a%2Fb%3Fc/retry", ""),
        ("GET", f"{merchant}/webhook-stats?days=7", ""),
        ("GET", f"{merchant}/webhook-stats?days=90", ""),
        ("DELETE", f"{merchant}/webhook-url", ""),
    ]
    keys = [request.headers.get("idempotency-key") for request in api.requests if request.method == "POST"]
    assert len(set(keys)) == 3
    assert None not in keys


def call(client: Any, name: str, *arguments: Any, **options: Any) -> Any:
    """One call by its name."""
    return getattr(client.webhooks, name)(*arguments, **options)


@pytest.mark.parametrize(
    ("name", "options", "argument"),
    [
        ("configure", {"webhook_url": "http://shop.example"}, "webhook_url"),
        ("configure", {"webhook_url": ""}, "webhook_url"),
        ("configure", {"webhook_url": None}, "webhook_url"),
        ("test", {"webhook_url": "https://user:pass@shop.example"}, "webhook_url"),
        ("deliveries", {"limit": 101}, "limit"),
        ("deliveries", {"page": 0}, "page"),
        ("deliveries", {"success": 1}, "success"),
        ("deliveries", {"success": "yes"}, "success"),
        ("deliveries", {"payment_id": ""}, "payment_id"),
        ("delivery", {"delivery_id": ".."}, "delivery_id"),
        ("retry", {"delivery_id": ""}, "delivery_id"),
        ("stats", {"days": 0}, "days"),
        ("stats", {"days": 91}, "days"),
        ("stats", {"days": True}, "days"),
    ],
)
def test_bad_arguments_are_refused_before_anything_is_sent(
    name: str, options: dict[str, Any], argument: str
) -> None:
    """The error names the argument and the endpoint."""
    api = ScriptedAPI(ok)
    with scripted_client(api) as client:
        with pytest.raises(InvalidArgumentError) as caught:
            call(client, name, **options)
    assert caught.value.argument == argument
    assert str(caught.value.path).startswith("/v1/merchant/")
    assert api.requests == []


def test_a_test_that_the_api_calls_a_failure_is_an_error() -> None:
    """`success: false` beside a 200, with what the API says."""
    body = {"success": False, "message": "Webhook test failed", "data": {"statusCode": 500}}
    with scripted_client(ScriptedAPI(answers(200, body))) as client:
        with pytest.raises(APIStatusError, match="Webhook test failed"):
            client.webhooks.test()


@pytest.mark.parametrize("layout", ["webhook", "flat"])
def test_the_whole_of_it_against_the_sandbox(layout: Any) -> None:
    """A URL is set and read, payments reach it, failures are found, retried and counted, and the URL is removed."""
    sandbox = Sandbox(rate_limits=Unlimited(), webhooks=WebhookSettings(automatic=False))
    sandbox.variants.use("GET /v1/merchant/webhook-config", layout)
    with sandbox.run() as server, Receiver(receiver_answers(500), receiver_answers(200, b"OK")) as receiver:
        with InventPay(sandbox.api_key, base_url=server.url) as client:
            assert (client.webhooks.config()).is_configured is False
            assert (client.webhooks.configure(receiver.url)).url == receiver.url
            config = client.webhooks.config()
            assert (config.url, config.is_configured) == (receiver.url, True)
            assert config.secret == (assumptions.WEBHOOK_SECRET if layout == "webhook" else None)
            for _ in range(3):
                payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
            sandbox.webhooks.deliver_due()
            failed = [one for one in client.webhooks.deliveries(success=False, limit=1)]
            assert [(one.http_status, one.attempts) for one in failed] == [(500, 1)]
            assert len([one for one in client.webhooks.deliveries(limit=2)]) == 3
            assert (client.webhooks.deliveries(payment_id=payment.payment_id)).total == 1
            planned = client.webhooks.retry(failed[0].id)
            assert planned is not None
            assert planned.next_attempt_at is not None
            sandbox.webhooks.deliver_due()
            delivery = client.webhooks.delivery(failed[0].id)
            assert (delivery.success, delivery.attempts, delivery.response) == (True, 2, "OK")
            assert delivery.payload["event"] == "payment.created"
            summary = (client.webhooks.stats(days=1)).summary
            assert (summary.total, summary.success_rate, summary.avg_attempts) == (3, Decimal(100), Decimal("1.33"))
            tested = client.webhooks.test()
            assert (tested.status_code, tested.url) == (200, receiver.url)
            received = receiver.received[-1]
            headers = {"X-Webhook-Signature": received.exchange.header("X-Webhook-Signature")}
            assert isinstance(parse_event(received.body, headers, assumptions.WEBHOOK_SECRET), PaymentTestEvent)
            client.webhooks.delete()
            assert (client.webhooks.config()).url is None


def test_what_the_sandbox_refuses() -> None:
    """A key that is not its own, a test without a receiver, and an unknown id."""
    sandbox = Sandbox(rate_limits=Unlimited())
    with sandbox.run() as server:
        with InventPay(new_key(), base_url=server.url) as client:
            with pytest.raises(AuthenticationError):
                client.webhooks.config()
        with InventPay(sandbox.api_key, base_url=server.url) as client:
            with pytest.raises(BadRequestError, match="Webhook URL is not configured"):
                client.webhooks.test()
            with pytest.raises(NotFoundError):
                client.webhooks.delivery("nobody")
            with pytest.raises(NotFoundError):
                client.webhooks.retry("nobody")
