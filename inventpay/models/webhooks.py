"""What the calls that manage webhooks answer. What a webhook itself says is in :mod:`inventpay.webhooks`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .raw import raw_field

__all__ = ["WebhookConfig", "WebhookDelivery", "WebhookStatistics", "WebhookStats", "WebhookTest"]


@frozen(kw_only=True)
class WebhookDelivery:
    """One event on its way to one URL (vendor's JavaScript SDK)."""

    id: str
    """What ``client.webhooks.delivery`` and ``retry`` take."""
    url: str
    success: bool
    """Whether the receiver accepted it."""
    attempts: int
    payment_id: str | None = None
    http_status: int | None = None
    """What the receiver answered to the last attempt; ``None`` where it did not."""
    response: str | None = None
    """The body of that answer."""
    error_message: str | None = None
    payload: Any = field(default=None, hash=False, repr=False)
    """What was sent, as parsed JSON or as text; not in lists. It is unsigned: ``parse_event`` is for what arrives."""
    created_at: datetime | None = None
    last_attempt_at: datetime | None = None
    next_attempt_at: datetime | None = None
    """``None`` where no further attempt is planned."""
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class WebhookStatistics:
    """How many deliveries arrived (vendor's JavaScript SDK)."""

    total: int
    successful: int
    failed: int
    success_rate: Decimal | None = None
    """In percent: ``Decimal("98.50")`` where the API writes ``"98.50%"``."""
    avg_attempts: Decimal | None = None
    """Attempts a delivery took on average."""
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class WebhookStats:
    """Statistics of the last days (vendor's JavaScript SDK)."""

    period: str | None = None
    """The days they cover, in words."""
    summary: WebhookStatistics
    webhook_url: str | None = None
    is_configured: bool | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class WebhookConfig:
    """Where events go (docs: webhooks/setup; the other members: vendor's JavaScript SDK)."""

    url: str | None = None
    """From ``webhook.url`` or ``webhookUrl``; ``None`` where none is set."""
    is_configured: bool
    """From ``webhook.isConfigured`` or ``active``."""
    secret: str | None = field(default=None, repr=False)
    """What to verify events with, where the API shows it; the documentation says it does so once."""
    last_updated: datetime | None = None
    statistics: WebhookStatistics | None = None
    recent_deliveries: tuple[WebhookDelivery, ...] = ()
    supported_events: tuple[str, ...] = ()
    """From ``supportedEvents`` or ``events``."""
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class WebhookTest:
    """What a receiver made of a test event (vendor's JavaScript SDK)."""

    url: str
    status_code: int | None = None
    """What the receiver answered."""
    response: str | None = None
    """The body of that answer."""
    response_time: float | None = None
    """Seconds until then. assumed: the API counts milliseconds; no source names the unit."""
    signature: str | None = None
    """What the test was signed with, in hex."""
    tested_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()
