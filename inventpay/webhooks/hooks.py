"""Events of a receiver, for metrics and tracing: pass ``hooks=`` to ``WebhookReceiver``.

>>> receiver = WebhookReceiver("whsec_1", hooks=[print])

Hooks are plain callables that run in the task or thread of the delivery; an exception of one is logged and changes no
answer. :mod:`inventpay.telemetry` feeds them to OpenTelemetry.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from typing import Final, TypeAlias

from attrs import frozen

from .._core.signal_handlers import raised_by_handler
from .answers import DeliveryOutcome

logger: Final = logging.getLogger("inventpay.webhooks")

__all__ = [
    "DeliveryAnswered",
    "DeliveryInterrupted",
    "DeliveryReceived",
    "DeliveryRefused",
    "HandlerFailed",
    "HandlerFinished",
    "HandlerStarted",
    "WebhookHook",
    "WebhookHookEvent",
]


@frozen(kw_only=True)
class DeliveryReceived:
    """A request arrived whose body was read; nothing of it is verified yet.

    One of :class:`DeliveryAnswered`, :class:`DeliveryRefused` and :class:`DeliveryInterrupted` follows.
    """

    size: int
    """Bytes of the body."""


@frozen(kw_only=True)
class DeliveryAnswered:
    """A genuine delivery was answered."""

    event: str | None
    """Name of the event; ``None`` where the body cannot be read."""
    status: int
    """HTTP status of the answer."""
    outcome: DeliveryOutcome
    seconds: float
    """Time from the delivery to its answer, in seconds."""
    is_duplicate: bool
    """Whether the event was handled before."""
    age: float | None
    """Time from the event's timestamp to the delivery, in seconds; ``None`` where the body has no timestamp."""


@frozen(kw_only=True)
class DeliveryRefused:
    """A delivery was refused: it is not genuine, stale, too large, or no proper HTTP.

    Where its headers were enough to refuse it, no :class:`DeliveryReceived` came before.
    """

    status: int
    """HTTP status of the answer."""
    reason: str
    """The reason, in the words of the answer."""


@frozen(kw_only=True)
class DeliveryInterrupted:
    """The processing of a delivery was cut off, so there is no answer: the task was cancelled, or the process exits."""

    error: str
    """Class name of the exception."""


@frozen(kw_only=True)
class HandlerStarted:
    """A handler is about to run; :class:`HandlerFinished` or :class:`HandlerFailed` follows."""

    event: str
    """Name of the event."""


@frozen(kw_only=True)
class HandlerFinished:
    """A handler returned."""

    event: str
    """Name of the event."""
    seconds: float
    """Duration of the handler, in seconds."""


@frozen(kw_only=True)
class HandlerFailed:
    """A handler raised an exception, or was cut off, so the event will be handled again."""

    event: str
    """Name of the event."""
    seconds: float
    """Duration of the handler, in seconds."""
    error: str
    """Class name of the exception."""


WebhookHookEvent: TypeAlias = (
    DeliveryReceived
    | DeliveryAnswered
    | DeliveryRefused
    | DeliveryInterrupted
    | HandlerStarted
    | HandlerFinished
    | HandlerFailed
)
"""An event of a receiver."""

WebhookHook: TypeAlias = Callable[[WebhookHookEvent], object]
"""A function that is called with each event of a receiver; its result is ignored."""


def emit(hooks: Iterable[WebhookHook], event: WebhookHookEvent) -> None:
    """Call every hook, and log exceptions."""
    for hook in hooks:
        try:
            hook(event)
        except Exception as error:
            if raised_by_handler(error) is not None:
                raise  # a signal came while it ran, such as the time limit of a job
            logger.exception("a hook failed on %s; the delivery is not affected", type(event).__name__)
