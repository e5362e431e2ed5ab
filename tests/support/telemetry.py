"""An OpenTelemetry SDK that keeps spans and metrics in memory."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import ReadableSpan, TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from inventpay.telemetry import instrument

Points = dict[tuple[tuple[str, Any], ...], Any]
"""The points of a metric, by their sorted attributes."""


class Telemetry:
    """The reported spans and metrics."""

    def __init__(self) -> None:
        self._spans = InMemorySpanExporter()
        self._reader = InMemoryMetricReader()
        self._units: dict[str, str] = {}
        self.tracers = TracerProvider()
        self.tracers.add_span_processor(SimpleSpanProcessor(self._spans))
        self.meters = MeterProvider([self._reader])

    def watch(self, target: Any) -> Any:
        """Instrument a target, and return it."""
        return instrument(target, tracer_provider=self.tracers, meter_provider=self.meters)

    def spans(self) -> list[ReadableSpan]:
        """Return the spans that ended, in the order in which they began."""
        return sorted(self._spans.get_finished_spans(), key=lambda span: (span.start_time or 0, -(span.end_time or 0)))

    def tree(self) -> list[tuple[int, str]]:
        """Return depth and name of every span."""
        spans = self.spans()
        depths: dict[int, int] = {}
        for span in spans:
            depths[span.context.span_id] = 0 if span.parent is None else depths.get(span.parent.span_id, -1) + 1
        return [(depths[span.context.span_id], span.name) for span in spans]

    def metrics(self) -> dict[str, Points]:
        """Collect the points of all metrics: numbers, and histograms with ``count``, ``sum`` and boundaries."""
        data = self._reader.get_metrics_data()
        found: dict[str, Points] = {}
        for resource in [] if data is None else data.resource_metrics:
            for scope in resource.scope_metrics:
                for metric in scope.metrics:
                    self._units[metric.name] = metric.unit
                    points = found.setdefault(metric.name, {})
                    for point in metric.data.data_points:
                        points[attributes(point.attributes)] = getattr(point, "value", point)
        return found

    def units(self) -> dict[str, str]:
        """Return the unit of every metric that has had points, now or earlier.

        Before 1.45, the SDK of OpenTelemetry collects the value of a gauge only once.
        """
        self.metrics()
        return self._units


def attributes(given: Mapping[str, Any] | None = None, **more: Any) -> tuple[tuple[str, Any], ...]:
    """Return attributes as a key of ``Points``."""
    return tuple(sorted({**(given or {}), **more}.items()))


def counts(points: Points, *names: str) -> dict[Any, int]:
    """Return the number of recordings of a histogram, or the value of a counter, by the values of these attributes."""
    found: dict[Any, int] = {}
    for key, point in points.items():
        values = dict(key)
        name = tuple(values.get(one) for one in names) if len(names) > 1 else values.get(names[0])
        found[name] = found.get(name, 0) + getattr(point, "count", point)
    return found
