"""Add the hooks of telemetry to clients, receivers and payouts."""

from __future__ import annotations

from opentelemetry.trace import TracerProvider

from .._async.client import AsyncInventPay
from .._core.json_values import shown
from .._sync.client import InventPay
from ..errors import ConfigurationError
from ..webhooks.receiver import WebhookReceiver
from .calls import CallTelemetry
from .deliveries import DeliveryTelemetry
from .meters import Meters
from .payouts import Payouts, PayoutTelemetry


def attach(target: object, meters: Meters, tracers: TracerProvider) -> None:
    """Have a target report. Raises ConfigurationError for one that cannot."""
    if isinstance(target, AsyncInventPay | InventPay):
        hook = CallTelemetry(
            meters,
            tracers,
            target._base_url,  # pyright: ignore[reportPrivateUsage]
            target._limiter,  # pyright: ignore[reportPrivateUsage]
            target._backend.now,  # pyright: ignore[reportPrivateUsage]
            target._polling.stretch,  # pyright: ignore[reportPrivateUsage]
        )
        target.add_hook(hook)
        meters.gauges.add(hook)
    elif isinstance(target, WebhookReceiver):
        target.add_hook(DeliveryTelemetry(meters, tracers))
    elif isinstance(target, Payouts) and not isinstance(target, type):
        rows = PayoutTelemetry(meters.gauges, target.row_counts())
        target.add_hook(rows)
        meters.gauges.add_payouts(rows)
    else:
        raise ConfigurationError(
            f"instrument() takes a client, a WebhookReceiver or Payouts, not {shown(target)}; pass the object itself"
        )
