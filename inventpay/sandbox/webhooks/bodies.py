"""The answers of the management endpoints, in the shapes of the official JS client and of the page webhooks/setup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

import msgspec

from ..assumptions import WEBHOOK_RECENT_DELIVERIES
from ..clock import iso
from ..shapes.bodies import Body
from .deliveries import Delivery, Outcome
from .events import EVENTS
from .webhooks import Webhooks

ALL: Final = "all"
"""The value of a filter that selects everything."""


def config(webhooks: Webhooks, layout: str) -> Body:
    """Return ``data`` of GET /v1/merchant/webhook-config, in one of its variants."""
    match layout:
        case "flat":
            return {"webhookUrl": webhooks.url, "active": webhooks.url is not None}
        case "events":
            return {"url": webhooks.url, "events": EVENTS, "secret": webhooks.secret}
        case _:
            return _whole_config(webhooks)


def _whole_config(webhooks: Webhooks) -> Body:
    changed_at = webhooks.url_changed_at
    return {
        "webhook": {
            "url": webhooks.url,
            "secret": webhooks.secret,
            "isConfigured": webhooks.url is not None,
            "lastUpdated": None if changed_at is None else iso(changed_at),
        },
        "statistics": counts(webhooks.deliveries),
        "recentDeliveries": [delivery(one) for one in webhooks.outbox.latest(WEBHOOK_RECENT_DELIVERIES)],
        "supportedEvents": EVENTS,
    }


def counts(deliveries: Sequence[Delivery]) -> Body:
    """Return the counts of attempted and successful deliveries. The rate is text, as in the JS client's README."""
    attempted = [one for one in deliveries if one.attempts]
    successful = sum(one.success for one in attempted)
    rate = 100 * successful / len(attempted) if attempted else 0.0
    return {
        "total": len(attempted),
        "successful": successful,
        "failed": len(attempted) - successful,
        "successRate": f"{rate:.2f}%",
    }


def stats(webhooks: Webhooks, days: int, now: float) -> Body:
    """Return ``data`` of GET /v1/merchant/webhook-stats: deliveries of the last ``days`` days."""
    recent = [one for one in webhooks.deliveries if one.attempts and one.created_at > now - days * 86_400]
    attempts = sum(one.attempts for one in recent) / len(recent) if recent else 0.0
    return {
        "period": f"{days} day{'' if days == 1 else 's'}",
        "summary": {**counts(recent), "avgAttempts": f"{attempts:.2f}"},
        "webhookUrl": webhooks.url,
        "isConfigured": webhooks.url is not None,
    }


def delivery(one: Delivery) -> Body:
    """Return a delivery as lists show it, without values not known yet."""
    return {
        "id": one.delivery_id,
        "paymentId": one.payment_id,
        "url": one.url,
        **({} if one.http_status is None else {"httpStatus": one.http_status}),
        **({} if one.response is None else {"response": one.response}),
        "attempts": one.attempts,
        "success": one.success,
        "lastAttemptAt": None if one.last_attempt_at is None else iso(one.last_attempt_at),
        **({} if one.next_attempt_at is None else {"nextAttemptAt": iso(one.next_attempt_at)}),
        **({} if one.error_message is None else {"errorMessage": one.error_message}),
        "createdAt": iso(one.created_at),
    }


def delivery_with_payload(one: Delivery) -> Body:
    """Return a delivery with its payload."""
    return {**delivery(one), "payload": msgspec.Raw(one.body)}


def page(deliveries: Sequence[Delivery], number: int, limit: int, success: bool | None, payment_id: str | None) -> Body:
    """Return ``data`` of GET /v1/merchant/webhook-deliveries: one page of these deliveries, and their filters."""
    total = len(deliveries)
    pages = -(-total // limit)
    start = (number - 1) * limit
    return {
        "deliveries": [delivery(one) for one in deliveries[start : start + limit]],
        "pagination": {
            "page": number,
            "limit": limit,
            "totalCount": total,
            "totalPages": pages,
            "hasNext": number < pages,
            "hasPrev": number > 1,
        },
        "filters": {
            "success": ALL if success is None else success,
            "paymentId": ALL if payment_id is None else payment_id,
        },
    }


def tested(url: str, outcome: Outcome, seconds: float, signature: str, now: float) -> Body:
    """Return ``data`` of POST /v1/merchant/test-webhook."""
    return {
        "url": url,
        "statusCode": outcome.status,
        "responseTime": round(seconds * 1000),
        "response": outcome.response,
        "signature": signature,
        "testedAt": iso(now),
    }
