"""Spans and metrics of webhook deliveries, from the hook events of a receiver."""

from __future__ import annotations

import time
from typing import Final

from opentelemetry.trace import SpanKind, TracerProvider
from opentelemetry.util.types import AttributeValue

from ..version import VERSION
from ..webhooks.events import KNOWN_EVENTS
from ..webhooks.hooks import (
    DeliveryAnswered,
    DeliveryInterrupted,
    DeliveryReceived,
    DeliveryRefused,
    HandlerFailed,
    HandlerFinished,
    HandlerStarted,
    WebhookHookEvent,
)
from .meters import SCOPE, Meters
from .spans import Spans

OTHER: Final = "other"
"""Value of the attribute ``event`` for names that are not known, and where there is no name."""


class DeliveryTelemetry:
    """A hook that reports the deliveries of one receiver."""

    def __init__(self, meters: Meters, tracers: TracerProvider) -> None:
        tracer = tracers.get_tracer(SCOPE, VERSION)
        self._meters: Final = meters
        self._tracers: Final = tracers
        self._deliveries: Final = Spans(tracer, SpanKind.CONSUMER)
        self._handlers: Final = Spans(tracer, SpanKind.INTERNAL)

    def __eq__(self, other: object) -> bool:
        return (
            isinstance(other, DeliveryTelemetry) and other._meters is self._meters and other._tracers is self._tracers
        )

    def __hash__(self) -> int:
        # Sets keep each of them, equal ones too.
        return object.__hash__(self)

    def __call__(self, event: WebhookHookEvent) -> None:
        """Report one event."""
        match event:
            case DeliveryReceived():
                self._deliveries.open("inventpay webhook", 0, {"http.request.body.size": event.size})
            case HandlerStarted():
                name = known(event.event)
                self._handlers.open(f"inventpay handle {name}", 0, {"inventpay.webhook.event": name})
            case HandlerFinished():
                self._handled(event.event, event.seconds, None)
            case HandlerFailed():
                self._handled(event.event, event.seconds, event.error)
            case DeliveryAnswered():
                self._answered(event)
            case DeliveryRefused():
                self._count(OTHER, "refused", event.status)
                self._close("refused", event.status, None)
            case DeliveryInterrupted():
                self._count(OTHER, "interrupted", None)
                self._close("interrupted", None, event.error)

    def _handled(self, name: str, seconds: float, error: str | None) -> None:
        attributes = {"event": known(name)}
        if error is not None:
            attributes["error.type"] = error
        self._meters.handler_duration.record(seconds, attributes)
        handler = self._handlers.find(0)
        if handler is not None:
            handler.close(error)

    def _answered(self, event: DeliveryAnswered) -> None:
        name = known(event.event)
        self._count(name, event.outcome, event.status)
        self._meters.last_delivery.set(time.time())
        if event.age is not None:
            self._meters.event_age.record(event.age, {"event": name})
        self._close(event.outcome, event.status, None, name)

    def _count(self, name: str, result: str, status: int | None) -> None:
        attributes: dict[str, AttributeValue] = {"event": name, "result": result}
        if status is not None:
            attributes["http.response.status_code"] = status
        self._meters.deliveries.add(1, attributes)

    def _close(self, result: str, status: int | None, error: str | None, name: str = OTHER) -> None:
        delivery = self._deliveries.find(0)
        if delivery is not None:
            attributes: dict[str, AttributeValue] = {
                "inventpay.webhook.result": result,
                "inventpay.webhook.event": name,
            }
            if status is not None:
                attributes["http.response.status_code"] = status
                if status >= 400:
                    error = str(status)
            delivery.close(error, attributes)


def known(name: str | None) -> str:
    """Return the name of an event, ``"other"`` for one that is not known.

    >>> known("payment.completed"), known("payment.frobnicated"), known(None)
    ('payment.completed', 'other', 'other')
    """
    return name if name is not None and name in KNOWN_EVENTS else OTHER
