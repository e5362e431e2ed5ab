"""Webhooks: verified over the bytes that arrived, parsed into typed events, handled once.

>>> receiver = WebhookReceiver("whsec_1")
>>> @receiver.on_paid
... async def fulfil(event): ...

``receiver.asgi`` and ``receiver.wsgi`` are applications for any web framework. Needs no client, and no HTTP library.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core import lazy_exports

if TYPE_CHECKING:
    from .answers import DeliveryOutcome, WebhookAnswer
    from .events import (
        KNOWN_EVENTS,
        PaidEvent,
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
    from .memory_store import MemorySeenStore
    from .parsing import parse_event
    from .receiver import WebhookReceiver
    from .request_headers import DELIVERY_ID_HEADER, EVENT_HEADER, SIGNATURE_HEADER
    from .seen import Claim, SeenStore, Standing
    from .signature import sign, verify_signature
    from .sqlite_store import SQLiteSeenStore
else:
    # Who checks a signature pays neither for the events nor for SQLite, which some builds of Python lack.
    __getattr__, __dir__ = lazy_exports.exports(
        __name__,
        {
            "answers": ["DeliveryOutcome", "WebhookAnswer"],
            "events": [
                "KNOWN_EVENTS",
                "PaidEvent",
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
            ],
            "memory_store": ["MemorySeenStore"],
            "parsing": ["parse_event"],
            "receiver": ["WebhookReceiver"],
            "request_headers": ["DELIVERY_ID_HEADER", "EVENT_HEADER", "SIGNATURE_HEADER"],
            "seen": ["Claim", "SeenStore", "Standing"],
            "signature": ["sign", "verify_signature"],
            "sqlite_store": ["SQLiteSeenStore"],
        },
    )

__all__ = [
    "DELIVERY_ID_HEADER",
    "EVENT_HEADER",
    "KNOWN_EVENTS",
    "SIGNATURE_HEADER",
    "Claim",
    "DeliveryOutcome",
    "MemorySeenStore",
    "PaidEvent",
    "PaymentCompletedEvent",
    "PaymentConfirmedEvent",
    "PaymentCreatedEvent",
    "PaymentEvent",
    "PaymentExpiredEvent",
    "PaymentFailedEvent",
    "PaymentPendingEvent",
    "PaymentTestEvent",
    "PaymentUnderpaidEvent",
    "SQLiteSeenStore",
    "SeenStore",
    "Standing",
    "UnknownEvent",
    "WebhookAnswer",
    "WebhookEvent",
    "WebhookReceiver",
    "WithdrawalCompletedEvent",
    "WithdrawalCreatedEvent",
    "WithdrawalEvent",
    "WithdrawalFailedEvent",
    "WithdrawalProcessingEvent",
    "parse_event",
    "sign",
    "verify_signature",
]
