"""Webhooks: verified over the bytes that arrived, parsed into typed events, handled once.

>>> receiver = WebhookReceiver("whsec_1")
>>> @receiver.on_paid
... async def fulfil(event): ...

``receiver.asgi`` and ``receiver.wsgi`` are applications for any web framework. Needs no client, and no HTTP library.
"""

from __future__ import annotations

from .._core.lazy_exports import exports

# Checking a signature loads neither the events nor SQLite, which some builds of Python lack.
# Written from __init__.pyi by tools/generate_exports.py. Edit the stub, then run: nox -s sync
# pyright: reportUnsupportedDunderAll=false
_EXPORTS = {
    "answers": ["DeliveryOutcome", "WebhookAnswer"],
    "contradictions": ["Contradiction"],
    "events": [
        "BaseEvent",
        "EventName",
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
    "hooks": [
        "DeliveryAnswered",
        "DeliveryInterrupted",
        "DeliveryReceived",
        "DeliveryRefused",
        "HandlerFailed",
        "HandlerFinished",
        "HandlerStarted",
        "WebhookHook",
        "WebhookHookEvent",
    ],
    "memory_store": ["MemorySeenStore"],
    "parsing": ["parse_event"],
    "receiver": ["WebhookReceiver"],
    "reconciling": ["ReconcileReport"],
    "request_headers": ["DELIVERY_ID_HEADER", "EVENT_HEADER", "SIGNATURE_HEADER"],
    "seen": ["Claim", "ClaimStatus", "DeadLetter", "SeenStore"],
    "signature": ["sign", "verify_signature"],
    "sqlalchemy_store": ["SQLAlchemySeenStore"],
    "sqlite_store": ["SQLiteSeenStore"],
    "transactional_store": ["TransactionalSeenStore"],
}
__all__ = [
    "DELIVERY_ID_HEADER",
    "EVENT_HEADER",
    "KNOWN_EVENTS",
    "SIGNATURE_HEADER",
    "BaseEvent",
    "Claim",
    "ClaimStatus",
    "Contradiction",
    "DeadLetter",
    "DeliveryAnswered",
    "DeliveryInterrupted",
    "DeliveryOutcome",
    "DeliveryReceived",
    "DeliveryRefused",
    "EventName",
    "HandlerFailed",
    "HandlerFinished",
    "HandlerStarted",
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
    "ReconcileReport",
    "SQLAlchemySeenStore",
    "SQLiteSeenStore",
    "SeenStore",
    "TransactionalSeenStore",
    "UnknownEvent",
    "WebhookAnswer",
    "WebhookEvent",
    "WebhookHook",
    "WebhookHookEvent",
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
# End of the written part.

__getattr__, __dir__ = exports(__name__, _EXPORTS)
