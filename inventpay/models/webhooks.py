"""Models of webhook management. The events themselves are in :mod:`inventpay.webhooks`."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final

from attrs import Factory, field, frozen

from .._json.fields import strict
from .base import Model

__all__ = ["WebhookConfig", "WebhookDelivery", "WebhookStatistics", "WebhookStats", "WebhookTest"]


@frozen(kw_only=True, repr=False)
class WebhookDelivery(Model):
    """The delivery of one event to one URL (vendor's JavaScript SDK)."""

    id: str
    """Id of the delivery, for ``client.webhooks.delivery`` and ``retry``."""
    success: bool
    """Whether the receiver accepted it."""
    url: str | None = None
    """URL of the receiver."""
    attempts: int | None = None
    """Number of attempts so far."""
    payment_id: str | None = None
    """Id of the payment that the event is about."""
    http_status: int | None = None
    """HTTP status of the receiver's answer to the last attempt; ``None`` where there was none."""
    response: str | None = None
    """Body of that answer."""
    error_message: str | None = None
    """Reason of the failure, in words."""
    payload: Any = field(default=None, hash=False, repr=False)
    """Body of the event, as parsed JSON or as text; not in lists. It is unsigned: ``parse_event`` is for deliveries."""
    created_at: datetime | None = None
    """Time at which the event was made."""
    last_attempt_at: datetime | None = None
    """Time of the last attempt."""
    next_attempt_at: datetime | None = None
    """Time of the next attempt; ``None`` where none is planned."""


@frozen(kw_only=True, repr=False)
class WebhookStatistics(Model):
    """Numbers of deliveries (vendor's JavaScript SDK)."""

    total: int | None = None
    """Number of deliveries."""
    successful: int | None = None
    """Number of deliveries that a receiver accepted."""
    failed: int | None = None
    """Number of deliveries that no receiver accepted."""
    success_rate: Decimal | None = None
    """Share of successful deliveries in percent: ``Decimal("98.50")`` where the API writes ``"98.50%"``."""
    avg_attempts: Decimal | None = None
    """Mean number of attempts of a delivery."""


@frozen(kw_only=True, repr=False)
class WebhookStats(Model):
    """Statistics of the last days (vendor's JavaScript SDK)."""

    period: str | None = None
    """Days that they cover, in words."""
    summary: WebhookStatistics = field(factory=WebhookStatistics)
    """The numbers."""
    webhook_url: str | None = None
    """URL that events go to."""
    is_configured: bool | None = None
    """Whether events go anywhere."""


def _has_url(config: WebhookConfig) -> bool:
    return config.url is not None


@frozen(kw_only=True, repr=False)
class WebhookConfig(Model):
    """The configuration of webhooks (docs: webhooks/setup; the other members: vendor's JavaScript SDK)."""

    url: str | None = strict()
    """URL that events go to, from ``webhook.url`` or ``webhookUrl``; ``None`` where none is set."""
    is_configured: bool = field(default=Factory(_has_url, takes_self=True))
    """Whether events go anywhere; from ``webhook.isConfigured`` or ``active``, else whether there is a ``url``."""
    secret: str | None = field(default=None, repr=False)
    """Secret to verify events with, where the API shows it; the documentation says that it does so once."""
    last_updated: datetime | None = None
    """Time of the last change."""
    statistics: WebhookStatistics | None = None
    """Numbers of deliveries."""
    recent_deliveries: tuple[WebhookDelivery, ...] = ()
    """The latest deliveries."""
    supported_events: tuple[str, ...] = ()
    """Names of events; from ``supportedEvents`` or ``events``."""


@frozen(kw_only=True, repr=False)
class WebhookTest(Model):
    """The answer of a receiver to a test event (vendor's JavaScript SDK)."""

    url: str | None = None
    """URL of the receiver."""
    status_code: int | None = None
    """HTTP status of the receiver's answer."""
    response: str | None = None
    """Body of that answer."""
    response_time: float | None = None
    """Seconds until the answer. assumed: the API counts milliseconds; no source names the unit."""
    signature: str | None = None
    """Signature of the test event, in hex."""
    tested_at: datetime | None = None
    """Time of the test."""

    @classmethod
    def _wire_names(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        from .._json.model_text import wire_names

        renamed = wire_names(cls, members)
        seconds = members.get("response_time")
        if isinstance(seconds, (int, float)):
            renamed["responseTime"] = Decimal(repr(seconds)) * MILLISECONDS
        return renamed

    def _members(self, *, wire: bool, with_none: bool) -> dict[str, Any]:
        members = Model._members(self, wire=wire, with_none=with_none)
        if wire and self.response_time is not None:
            members["responseTime"] = Decimal(repr(self.response_time)) * MILLISECONDS
        return members


MILLISECONDS: Final = 1000
"""assumed: the unit of ``responseTime``, as a part of a second; no source names it."""
