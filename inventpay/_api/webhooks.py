"""Webhook management."""

from __future__ import annotations

from typing import Final, Literal

from .._json.converter import write_json
from ..models.webhooks import WebhookConfig, WebhookDelivery, WebhookStats, WebhookTest
from ..responses import APIResponse
from . import arguments
from .answers import webhooks as answers
from .call import Call, builder_of, read_key
from .endpoints import (
    CONFIGURE_WEBHOOK,
    DELETE_WEBHOOK,
    RETRY_WEBHOOK,
    TEST_WEBHOOK,
    WEBHOOK_CONFIG,
    WEBHOOK_DELIVERIES,
    WEBHOOK_DELIVERY,
    WEBHOOK_STATS,
)
from .page_walk import PageFacts
from .pagination import page_query
from .status_errors import checked_document

PAGE_LIMIT: Final = 100
"""Deliveries on one page, at most (docs: introduction, for lists in general)."""

DAYS: Final = 7
"""What statistics cover unless asked otherwise (vendor's SDKs)."""

MAX_DAYS: Final = 90
"""Vendor's older JavaScript documents; no other source states a bound."""

Filter = Literal["all"]
"""What the API calls a filter that lets everything through."""


@builder_of(CONFIGURE_WEBHOOK)
def configure(webhook_url: str) -> Call[WebhookConfig]:
    """``PUT /v1/merchant/webhook-url``."""
    url = arguments.url(webhook_url, "webhook_url", webhook=True)
    return Call(
        endpoint=CONFIGURE_WEBHOOK,
        path=CONFIGURE_WEBHOOK.template,
        read=lambda response: answers.configured(checked_document(response), url=url),
        body=write_json({"webhookUrl": url}),
    )


def delete() -> Call[None]:
    """``DELETE /v1/merchant/webhook-url``."""
    return Call(
        endpoint=DELETE_WEBHOOK,
        path=DELETE_WEBHOOK.template,
        read=_read_nothing,
    )


def config() -> Call[WebhookConfig]:
    """``GET /v1/merchant/webhook-config``."""
    return Call(
        endpoint=WEBHOOK_CONFIG,
        path=WEBHOOK_CONFIG.template,
        read=lambda response: answers.config(checked_document(response)),
    )


@builder_of(TEST_WEBHOOK)
def test(webhook_url: str | None) -> Call[WebhookTest]:
    """``POST /v1/merchant/test-webhook``: without a URL, without any body."""
    url = None if webhook_url is None else arguments.url(webhook_url, "webhook_url", webhook=True)
    return Call(
        endpoint=TEST_WEBHOOK,
        path=TEST_WEBHOOK.template,
        read=lambda response: answers.tested(checked_document(response), url=url),
        body=None if url is None else write_json({"webhookUrl": url}),
        idempotency_key=read_key(None),
    )


@builder_of(WEBHOOK_DELIVERIES)
def page(
    number: int, *, success: bool | Filter | None, payment_id: str | None, limit: int
) -> Call[PageFacts[WebhookDelivery]]:
    """``GET /v1/merchant/webhook-deliveries``."""
    wanted = _filter(success)
    payment = None if payment_id is None else arguments.identifier(payment_id, "payment_id")
    return Call(
        endpoint=WEBHOOK_DELIVERIES,
        path=WEBHOOK_DELIVERIES.template
        + page_query(number, limit, most=PAGE_LIMIT, success=wanted, paymentId=payment),
        read=lambda response: answers.deliveries(checked_document(response), number=number, limit=limit),
    )


@builder_of(WEBHOOK_DELIVERY)
def delivery(delivery_id: str) -> Call[WebhookDelivery]:
    """``GET /v1/merchant/webhook-delivery/{deliveryId}``."""
    delivery_id = arguments.identifier(delivery_id, "delivery_id")
    return Call(
        endpoint=WEBHOOK_DELIVERY,
        path=f"/v1/merchant/webhook-delivery/{arguments.segment(delivery_id)}",
        read=lambda response: answers.delivery(checked_document(response), delivery_id=delivery_id),
    )


@builder_of(RETRY_WEBHOOK)
def retry(delivery_id: str) -> Call[WebhookDelivery | None]:
    """``POST /v1/merchant/webhook-delivery/{deliveryId}/retry``."""
    delivery_id = arguments.identifier(delivery_id, "delivery_id")
    return Call(
        endpoint=RETRY_WEBHOOK,
        path=f"/v1/merchant/webhook-delivery/{arguments.segment(delivery_id)}/retry",
        read=lambda response: answers.retried(checked_document(response), delivery_id=delivery_id),
        idempotency_key=read_key(None),
    )


@builder_of(WEBHOOK_STATS)
def stats(days: int) -> Call[WebhookStats]:
    """``GET /v1/merchant/webhook-stats``."""
    days = arguments.whole(days, "days", 1, MAX_DAYS)
    return Call(
        endpoint=WEBHOOK_STATS,
        path=f"{WEBHOOK_STATS.template}?days={days}",
        read=lambda response: answers.stats(checked_document(response)),
    )


def _read_nothing(response: APIResponse) -> None:
    # Whatever stands in `data`, success is all there is to know.
    checked_document(response)


def _filter(success: object) -> str | None:
    if success is None:
        return None
    if not isinstance(success, bool) and success != "all":
        raise arguments.refused_value("success", success, 'must be True, False or "all"')
    return str(success).lower()
