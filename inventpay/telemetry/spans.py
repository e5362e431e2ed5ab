"""Spans that are current while something runs, and that are found again in the context when it ends.

Nothing is kept elsewhere: a call that is dropped without an end leaves nothing behind.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from opentelemetry import context as contexts
from opentelemetry.context import Context
from opentelemetry.trace import Span, SpanKind, Status, StatusCode, Tracer, set_span_in_context
from opentelemetry.util.types import AttributeValue


class OpenSpan:
    """A span that runs, and the context that is current again after it."""

    __slots__ = ("before", "number", "span")

    def __init__(self, span: Span, before: Context, number: int) -> None:
        self.span: Final = span
        self.before: Final = before
        self.number: Final = number

    def close(self, error: str | None = None, attributes: Mapping[str, AttributeValue] | None = None) -> None:
        """End the span, failed where an error is named, and make the earlier context current."""
        if attributes:
            self.span.set_attributes(dict(attributes))
        if error is not None:
            self.span.set_attribute("error.type", error)
            self.span.set_status(Status(StatusCode.ERROR))
        self.span.end()
        contexts.attach(self.before)


class Spans:
    """Opens spans of one kind, and finds the one that is open in the current task or thread."""

    def __init__(self, tracer: Tracer, kind: SpanKind, **marks: bool) -> None:
        self._tracer: Final = tracer
        self._kind: Final = kind
        self._marks: Final = marks
        self._key: Final = contexts.create_key("inventpay-span")

    def open(self, name: str, number: int, attributes: Mapping[str, AttributeValue]) -> None:
        """Start a span, a child of the current one, and make it current."""
        before = contexts.get_current()
        span = self._tracer.start_span(name, before, kind=self._kind, attributes=attributes)
        current = {**set_span_in_context(span, before), **self._marks, self._key: OpenSpan(span, before, number)}
        contexts.attach(Context(current))

    def find(self, number: int) -> OpenSpan | None:
        """Return the open span of this number; ``None`` where it was not started, or in another task."""
        found = cast("OpenSpan | None", contexts.get_value(self._key))
        return found if found is not None and found.number == number else None
