"""Attach spans and metrics to what a program has made."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from ..errors import ConfigurationError

if TYPE_CHECKING:
    from opentelemetry.metrics import MeterProvider
    from opentelemetry.trace import TracerProvider

T = TypeVar("T")


def instrument(
    target: T, *, tracer_provider: TracerProvider | None = None, meter_provider: MeterProvider | None = None
) -> T:
    """Have a client, a ``WebhookReceiver`` or payouts report spans and metrics from now on, and return it.

    >>> from inventpay import InventPay
    >>> client = instrument(InventPay())

    Siblings of a client from ``with_options`` report, too. Instrumenting twice is the same as once. In servers that
    fork, call it in each worker, after the SDK was configured there.

    Args:
        target: ``AsyncInventPay``, ``InventPay``, ``WebhookReceiver``, ``AsyncPayouts`` or ``Payouts``.
        tracer_provider: Maker of spans; by default the global one of OpenTelemetry.
        meter_provider: Maker of metrics; by default the global one of OpenTelemetry.

    Raises ConfigurationError for anything else, and where ``opentelemetry-api`` is not installed.
    """
    try:
        from opentelemetry.trace import get_tracer_provider
    except ImportError:
        raise ConfigurationError(
            'telemetry needs opentelemetry-api: install this package with its extra "otel"'
        ) from None
    from .meters import meters_of
    from .observers import attach

    attach(target, meters_of(meter_provider), tracer_provider or get_tracer_provider())
    return target
