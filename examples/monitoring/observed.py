"""Sends the spans and metrics of one process to an OpenTelemetry collector.

Needs the packages ``opentelemetry-sdk`` and ``opentelemetry-exporter-otlp-proto-http``. The environment variables
``OTEL_EXPORTER_OTLP_ENDPOINT`` and ``OTEL_SERVICE_NAME`` say where to and as what.
"""

import os
import socket

from opentelemetry import metrics, trace
from opentelemetry.exporter.otlp.proto.http.metric_exporter import OTLPMetricExporter
from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import PeriodicExportingMetricReader
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor


def configure() -> None:
    """Set the global providers. Call it in each worker after the fork: the exporters run in threads."""
    # Each worker needs its own series: two that wrote to one would look like a counter that jumps back and forth.
    resource = Resource.create({"service.instance.id": f"{socket.gethostname()}-{os.getpid()}"})
    metrics.set_meter_provider(MeterProvider([PeriodicExportingMetricReader(OTLPMetricExporter())], resource=resource))
    tracers = TracerProvider(resource=resource)
    tracers.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    trace.set_tracer_provider(tracers)
