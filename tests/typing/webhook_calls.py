"""Managing webhooks and feeding events, with the types that checkers must see. Never run."""

from __future__ import annotations

from typing import Any, assert_type

from inventpay import (
    AsyncInventPay,
    AsyncListing,
    InventPay,
    Page,
    WebhookConfig,
    WebhookDelivery,
    WebhookStats,
    WebhookTest,
)
from inventpay.webhooks import EventName, PaymentCompletedEvent, WebhookEvent, WebhookReceiver
from inventpay.webhooks.receiver import Registers


async def awaited(event: WebhookEvent) -> None:
    async with AsyncInventPay() as client:
        assert_type(await client.webhooks.configure("https://shop.example/hooks"), WebhookConfig)
        assert_type(await client.webhooks.config(), WebhookConfig)
        assert_type(await client.webhooks.test("https://shop.example/hooks"), WebhookTest)
        assert_type(client.webhooks.deliveries(success="all"), AsyncListing[WebhookDelivery])
        async for delivery in client.webhooks.deliveries(success=False, payment_id="cmh1", limit=10):
            assert_type(delivery, WebhookDelivery)
        assert_type(await client.webhooks.delivery("whd1"), WebhookDelivery)
        assert_type(await client.webhooks.retry("whd1"), WebhookDelivery | None)
        assert_type(await client.webhooks.stats(days=30), WebhookStats)
        await client.webhooks.delete()
        assert_type(client.feed(event), int)


def blocking() -> None:
    with InventPay() as client:
        assert_type(client.webhooks.deliveries(), Page[WebhookDelivery])
        assert_type(client.webhooks.stats(), WebhookStats)
        assert_type(client.feed(PaymentCompletedEvent(payment_id="cmh1")), int)


def completed(receiver: WebhookReceiver, name: EventName, other: str) -> None:
    """The names of events are offered by editors, and others are allowed."""
    assert_type(receiver.on("payment.completed"), Registers[PaymentCompletedEvent])
    assert_type(receiver.on("payment.completed", "payment.expired"), Registers[Any])
    assert_type(receiver.on(other, name), Registers[Any])
