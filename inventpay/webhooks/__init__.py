"""Webhooks: verified over the bytes that arrived, parsed into typed events, handled once.

>>> receiver = WebhookReceiver("whsec_1")
>>> @receiver.on_paid
... async def fulfil(event): ...

``receiver.asgi`` and ``receiver.wsgi`` are applications for any web framework. Needs no client, and no HTTP library.
"""

from __future__ import annotations

from .events import (
    KNOWN_EVENTS,
    PaymentCompletedEvent,
    PaymentConfirmedEvent,
    PaymentCreatedEvent,
    PaymentEvent,
    PaymentExpiredEvent,
    PaymentFailedEvent,
    PaymentPendingEvent,
    PaymentTestEvent,
    PaymentUnderpaidEvent,
    UnknownEvent,
    WebhookEvent,
    WithdrawalCompletedEvent,
    WithdrawalCreatedEvent,
    WithdrawalEvent,
    WithdrawalFailedEvent,
    WithdrawalProcessingEvent,
)
from .parsing import parse_event
from .request_headers import DELIVERY_ID_HEADER, EVENT_HEADER, SIGNATURE_HEADER
from .signature import sign, verify_signature

__all__ = [
    "DELIVERY_ID_HEADER",
    "EVENT_HEADER",
    "KNOWN_EVENTS",
    "SIGNATURE_HEADER",
    "PaymentCompletedEvent",
    "PaymentConfirmedEvent",
    "PaymentCreatedEvent",
    "PaymentEvent",
    "PaymentExpiredEvent",
    "PaymentFailedEvent",
    "PaymentPendingEvent",
    "PaymentTestEvent",
    "PaymentUnderpaidEvent",
    "UnknownEvent",
    "WebhookEvent",
    "WithdrawalCompletedEvent",
    "WithdrawalCreatedEvent",
    "WithdrawalEvent",
    "WithdrawalFailedEvent",
    "WithdrawalProcessingEvent",
    "parse_event",
    "sign",
    "verify_signature",
]
