"""The metrics: names, units and bucket boundaries, once for each meter provider."""

from __future__ import annotations

import threading
import weakref
from collections.abc import Sequence
from typing import Final

from opentelemetry import metrics
from opentelemetry.metrics import Counter, Histogram, MeterProvider
from opentelemetry.metrics import _Gauge as Gauge

from ..version import VERSION
from .gauges import Gauges

SCOPE: Final = "inventpay"
"""Name of the instrumentation scope."""

REQUEST_BOUNDARIES: Final = (0.005, 0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1.0, 2.5, 5.0, 7.5, 10.0, 30.0)
"""Seconds: those of the semantic conventions for HTTP, and the default timeout of one attempt."""

CALL_BOUNDARIES: Final = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds. A call may wait for the rate limit for minutes."""

WAIT_BOUNDARIES: Final = (0.001, 0.01, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0, 120.0, 300.0, 600.0)
"""Seconds. The window of a rate limit has 60."""

HANDLER_BOUNDARIES: Final = (0.001, 0.005, 0.01, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Seconds. The sender of webhooks waits for 5 (docs: webhooks/setup)."""

AGE_BOUNDARIES: Final = (
    1.0,
    2.5,
    5.0,
    10.0,
    30.0,
    60.0,
    300.0,
    900.0,
    3600.0,
    21_600.0,
    86_400.0,
    259_200.0,
    604_800.0,
)
"""Seconds, up to the seven days after which a delivery is refused."""


class Meters:
    """All metrics of this package, made by one provider."""

    def __init__(self, provider: MeterProvider) -> None:
        meter = provider.get_meter(SCOPE, VERSION)

        def histogram(name: str, boundaries: Sequence[float], description: str) -> Histogram:
            return meter.create_histogram(
                name, unit="s", description=description, explicit_bucket_boundaries_advisory=boundaries
            )

        self.request_duration: Final[Histogram] = histogram(
            "http.client.request.duration", REQUEST_BOUNDARIES, "Duration of one attempt of a call."
        )
        self.call_duration: Final[Histogram] = histogram(
            "inventpay.call.duration", CALL_BOUNDARIES, "Duration of a call, with its waits and all of its attempts."
        )
        self.limit_wait: Final[Histogram] = histogram(
            "inventpay.limit.wait.duration", WAIT_BOUNDARIES, "Time for which an attempt waited for the rate limit."
        )
        self.retries: Final[Counter] = meter.create_counter(
            "inventpay.retries", unit="{retry}", description="Attempts that failed and were followed by another."
        )
        self.deliveries: Final[Counter] = meter.create_counter(
            "inventpay.webhook.deliveries", unit="{delivery}", description="Webhook deliveries, by their result."
        )
        self.handler_duration: Final[Histogram] = histogram(
            "inventpay.webhook.handler.duration", HANDLER_BOUNDARIES, "Duration of a handler of webhook events."
        )
        self.event_age: Final[Histogram] = histogram(
            "inventpay.webhook.event.age", AGE_BOUNDARIES, "Time from an event to the answer of its delivery."
        )
        self.last_delivery: Final[Gauge] = meter.create_gauge(
            "inventpay.webhook.last_delivery", unit="s", description="Unix time of the latest genuine delivery."
        )
        self.gauges: Final[Gauges] = Gauges()
        self.gauges.register(meter)


_lock: Final = threading.Lock()
_meters: Final[weakref.WeakKeyDictionary[MeterProvider, Meters]] = weakref.WeakKeyDictionary()
_default: Final[list[Meters]] = []
"""The metrics of the global provider, which may be set after they were made."""


def meters_of(provider: MeterProvider | None) -> Meters:
    """Return the metrics of a provider, ``None`` for the global one: an SDK takes each metric once."""
    current = metrics.get_meter_provider()
    with _lock:
        if provider is None or provider is current:
            if not _default:
                _default.append(Meters(current))
            return _default[0]
        if provider not in _meters:
            _meters[provider] = Meters(provider)
        return _meters[provider]
