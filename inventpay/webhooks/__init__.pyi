"""The public names: the one place where they stand. See tools/generate_exports.py."""

from .answers import DeliveryOutcome as DeliveryOutcome
from .answers import WebhookAnswer as WebhookAnswer
from .contradictions import Contradiction as Contradiction
from .events import (
    KNOWN_EVENTS as KNOWN_EVENTS,
)
from .events import (
    BaseEvent as BaseEvent,
)
from .events import (
    EventName as EventName,
)
from .events import (
    PaidEvent as PaidEvent,
)
from .events import (
    PaymentCompletedEvent as PaymentCompletedEvent,
)
from .events import (
    PaymentConfirmedEvent as PaymentConfirmedEvent,
)
from .events import (
    PaymentCreatedEvent as PaymentCreatedEvent,
)
from .events import (
    PaymentEvent as PaymentEvent,
)
from .events import (
    PaymentExpiredEvent as PaymentExpiredEvent,
)
from .events import (
    PaymentFailedEvent as PaymentFailedEvent,
)
from .events import (
    PaymentPendingEvent as PaymentPendingEvent,
)
from .events import (
    PaymentTestEvent as PaymentTestEvent,
)
from .events import (
    PaymentUnderpaidEvent as PaymentUnderpaidEvent,
)
from .events import (
    UnknownEvent as UnknownEvent,
)
from .events import (
    WebhookEvent as WebhookEvent,
)
from .events import (
    WithdrawalCompletedEvent as WithdrawalCompletedEvent,
)
from .events import (
    WithdrawalCreatedEvent as WithdrawalCreatedEvent,
)
from .events import (
    WithdrawalEvent as WithdrawalEvent,
)
from .events import (
    WithdrawalFailedEvent as WithdrawalFailedEvent,
)
from .events import (
    WithdrawalProcessingEvent as WithdrawalProcessingEvent,
)
from .hooks import DeliveryAnswered as DeliveryAnswered
from .hooks import DeliveryInterrupted as DeliveryInterrupted
from .hooks import DeliveryReceived as DeliveryReceived
from .hooks import DeliveryRefused as DeliveryRefused
from .hooks import HandlerFailed as HandlerFailed
from .hooks import HandlerFinished as HandlerFinished
from .hooks import HandlerStarted as HandlerStarted
from .hooks import WebhookHook as WebhookHook
from .hooks import WebhookHookEvent as WebhookHookEvent
from .memory_store import MemorySeenStore as MemorySeenStore
from .parsing import parse_event as parse_event
from .receiver import WebhookReceiver as WebhookReceiver
from .reconciling import ReconcileReport as ReconcileReport
from .request_headers import (
    DELIVERY_ID_HEADER as DELIVERY_ID_HEADER,
)
from .request_headers import (
    EVENT_HEADER as EVENT_HEADER,
)
from .request_headers import (
    SIGNATURE_HEADER as SIGNATURE_HEADER,
)
from .seen import Claim as Claim
from .seen import ClaimStatus as ClaimStatus
from .seen import DeadLetter as DeadLetter
from .seen import SeenStore as SeenStore
from .signature import sign as sign
from .signature import verify_signature as verify_signature
from .sqlalchemy_store import SQLAlchemySeenStore as SQLAlchemySeenStore
from .sqlite_store import SQLiteSeenStore as SQLiteSeenStore
from .transactional_store import TransactionalSeenStore as TransactionalSeenStore
