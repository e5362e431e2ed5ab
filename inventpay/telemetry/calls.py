"""Spans and metrics of calls, from the hook events of a client: the same over every transport."""

from __future__ import annotations

import weakref
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from opentelemetry import context as contexts
from opentelemetry.trace import SpanKind, TracerProvider
from opentelemetry.util.types import AttributeValue

from .._api import endpoints
from ..hooks import (
    AnswerUnread,
    AttemptAnswered,
    AttemptSent,
    CallFinished,
    CallStarted,
    Event,
    RetryPlanned,
    TokenAwaited,
    TokenWaited,
)
from ..options import RateClass
from ..version import VERSION
from .meters import SCOPE, Meters
from .spans import Spans

if TYPE_CHECKING:
    from .._limits.limiter import Limiter

OTHER: Final = "other"
"""Value of an attribute for everything unknown, so that an attribute has few values."""

_SUPPRESS: Final = {
    # Keys that instrumentations of HTTP libraries look for: the attempt's own span is the span of the request. They are
    # the contract between instrumentations, although the API package gives them private names.
    contexts._SUPPRESS_HTTP_INSTRUMENTATION_KEY: True,  # pyright: ignore[reportPrivateUsage]
}


class CallTelemetry:
    """A hook that reports the calls of one client."""

    def __init__(
        self,
        meters: Meters,
        tracers: TracerProvider,
        base_url: str,
        limiter: Limiter,
        now: Callable[[], float],
        stretch: Callable[[], Mapping[RateClass, float]],
    ) -> None:
        tracer = tracers.get_tracer(SCOPE, VERSION)
        self._meters: Final = meters
        self._tracers: Final = tracers
        self._server: Final = _server(base_url)
        self._calls: Final = Spans(tracer, SpanKind.INTERNAL)
        self._attempts: Final = Spans(tracer, SpanKind.CLIENT, **_SUPPRESS)
        self.limiter: Final = limiter
        """The limiter of the client."""
        self.now: Final = now
        """The clock of the limiter, in seconds."""
        # The client holds its hooks.
        self._stretch: Final = weakref.WeakMethod(stretch)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, CallTelemetry) and other._meters is self._meters and other._tracers is self._tracers

    def __hash__(self) -> int:
        # Sets keep each of them, equal ones too.
        return object.__hash__(self)

    def stretch(self) -> Mapping[RateClass, float]:
        """Return the stretch of the client's polling, by class."""
        stretch = self._stretch()
        return {} if stretch is None else stretch()

    def __call__(self, event: Event) -> None:
        """Report one event."""
        match event:
            case CallStarted():
                self._started(event)
            case TokenAwaited():
                self._note(event, "token awaited", {"inventpay.limit.expected_wait": event.expected})
            case TokenWaited():
                self._meters.limit_wait.record(event.seconds, {"rate_class": str(event.rate_class)})
            case AttemptSent():
                self._sent(event)
            case AttemptAnswered():
                self._answered(event)
            case RetryPlanned():
                self._retried(event)
            case AnswerUnread():
                self._note(event, "answer partly unread", {"inventpay.unread": len(event.paths)})
            case CallFinished():
                self._finished(event)
            case _:
                # PollingStretched: the gauge says more.
                pass

    def _started(self, event: CallStarted) -> None:
        operation, template = names(event.method, event.path_template)
        self._calls.open(
            f"inventpay {operation}",
            event.call_id,
            {"inventpay.operation": operation, "inventpay.rate_class": str(event.rate_class), "url.template": template},
        )

    def _sent(self, event: AttemptSent) -> None:
        if self._calls.find(event.call_id) is None:
            return
        _, template = names(event.method, event.path_template)
        attributes = {"http.request.method": event.method, "url.template": template, **self._server}
        if event.attempt > 1:
            attributes["http.request.resend_count"] = event.attempt - 1
        self._attempts.open(f"{event.method} {template}", event.call_id, attributes)

    def _answered(self, event: AttemptAnswered) -> None:
        _, template = names(event.method, event.path_template)
        found: dict[str, AttributeValue] = {}
        error = event.error
        if event.status is not None:
            found["http.response.status_code"] = event.status
            if event.status >= 400:
                error = str(event.status)
        attributes = {"http.request.method": event.method, "url.template": template, **self._server, **found}
        if error is not None:
            attributes["error.type"] = error
        # While the span is current, so that examples of the histogram lead to it.
        self._meters.request_duration.record(event.seconds, attributes)
        attempt = self._attempts.find(event.call_id)
        if attempt is not None:
            attempt.close(error, found)

    def _retried(self, event: RetryPlanned) -> None:
        operation, _ = names(event.method, event.path_template)
        reason = event.reason.removeprefix("status ")
        self._meters.retries.add(1, {"operation": operation, "error.type": reason})
        self._note(event, "retry planned", {"inventpay.retry.delay": event.delay, "error.type": reason})

    def _finished(self, event: CallFinished) -> None:
        operation, _ = names(event.method, event.path_template)
        self._meters.call_duration.record(event.seconds, {"operation": operation, "outcome": event.outcome})
        attempt = self._attempts.find(event.call_id)
        if attempt is not None:
            # Ctrl-C in another hook kept the end of the attempt from this one.
            attempt.close(event.error)
        call = self._calls.find(event.call_id)
        if call is not None:
            call.close(event.error, {"inventpay.outcome": event.outcome, "inventpay.attempts": event.attempts})

    def _note(
        self, event: TokenAwaited | AnswerUnread | RetryPlanned, name: str, attributes: dict[str, AttributeValue]
    ) -> None:
        call = self._calls.find(event.call_id)
        if call is not None:
            call.span.add_event(name, attributes)


_OPERATIONS: Final = {
    row.name: name.lower() for name, row in vars(endpoints).items() if isinstance(row, endpoints.Endpoint)
}


def names(method: str, template: str) -> tuple[str, str]:
    """Return the names of an operation and of its path, ``"other"`` for paths that are in no table: they may hold ids.

    >>> names("GET", "/v1/merchant/balance/{currency}")
    ('balance', '/v1/merchant/balance/{currency}')
    >>> names("GET", "/v2/customers/1234")
    ('other', 'other')
    """
    operation = _OPERATIONS.get(f"{method} {template}")
    return (OTHER, OTHER) if operation is None else (operation, template)


def _server(base_url: str) -> dict[str, AttributeValue]:
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    return {"server.address": parts.hostname or "", "server.port": port}
