"""The public names: the one place where they stand. See tools/generate_exports.py."""

from ._api.amounts import Amount as Amount
from ._api.endpoints import ENDPOINTS as ENDPOINTS
from ._api.endpoints import Endpoint as Endpoint
from ._api.health_check import CheckResult as CheckResult
from ._api.health_check import CheckState as CheckState
from ._api.health_check import KeyHandling as KeyHandling
from ._api.listing import AsyncListing as AsyncListing
from ._async.client import AsyncInventPay as AsyncInventPay
from ._async.paging import AsyncPage as AsyncPage
from ._limits.class_limiter import ClassSnapshot as ClassSnapshot
from ._limits.class_limiter import Lease as Lease
from ._limits.limiter import Limiter as Limiter
from ._limits.limiter import LocalLimiter as LocalLimiter
from ._limits.unlimited import Unlimited as Unlimited
from ._sync.client import InventPay as InventPay
from ._sync.paging import Page as Page
from .errors import (
    AnswerMismatchError as AnswerMismatchError,
)
from .errors import (
    APIConnectionError as APIConnectionError,
)
from .errors import (
    APIStatusError as APIStatusError,
)
from .errors import (
    APITimeoutError as APITimeoutError,
)
from .errors import (
    AuthenticationError as AuthenticationError,
)
from .errors import (
    BadRequestError as BadRequestError,
)
from .errors import (
    ConfigurationError as ConfigurationError,
)
from .errors import (
    ConflictError as ConflictError,
)
from .errors import (
    ConnectionFailure as ConnectionFailure,
)
from .errors import (
    DecodeError as DecodeError,
)
from .errors import (
    EventDecodeError as EventDecodeError,
)
from .errors import (
    IdempotencyConflictError as IdempotencyConflictError,
)
from .errors import (
    InvalidArgumentError as InvalidArgumentError,
)
from .errors import (
    InventPayError as InventPayError,
)
from .errors import (
    KeyUploadError as KeyUploadError,
)
from .errors import (
    LimiterUnavailableError as LimiterUnavailableError,
)
from .errors import (
    NotFoundError as NotFoundError,
)
from .errors import (
    Outcome as Outcome,
)
from .errors import (
    PermissionDeniedError as PermissionDeniedError,
)
from .errors import (
    RateLimitedError as RateLimitedError,
)
from .errors import (
    RateLimitTimeoutError as RateLimitTimeoutError,
)
from .errors import (
    SentRequest as SentRequest,
)
from .errors import (
    ServerError as ServerError,
)
from .errors import (
    SignatureError as SignatureError,
)
from .errors import (
    StaleEventError as StaleEventError,
)
from .errors import (
    UnknownStateError as UnknownStateError,
)
from .errors import (
    UnreadRow as UnreadRow,
)
from .errors import (
    UnreadRowsError as UnreadRowsError,
)
from .errors import (
    UnsettledError as UnsettledError,
)
from .errors import (
    WaitTimeoutError as WaitTimeoutError,
)
from .errors import (
    WebhookError as WebhookError,
)
from .headers import Headers as Headers
from .hooks import (
    AnswerUnread as AnswerUnread,
)
from .hooks import (
    AttemptAnswered as AttemptAnswered,
)
from .hooks import (
    AttemptSent as AttemptSent,
)
from .hooks import (
    CallFinished as CallFinished,
)
from .hooks import (
    CallStarted as CallStarted,
)
from .hooks import (
    Event as Event,
)
from .hooks import (
    Hook as Hook,
)
from .hooks import (
    PollingStretched as PollingStretched,
)
from .hooks import (
    RetryPlanned as RetryPlanned,
)
from .hooks import (
    TokenAwaited as TokenAwaited,
)
from .hooks import (
    TokenWaited as TokenWaited,
)
from .models import (
    AddedKeys as AddedKeys,
)
from .models import (
    AmountCurrency as AmountCurrency,
)
from .models import (
    Balance as Balance,
)
from .models import (
    BalanceAfterLock as BalanceAfterLock,
)
from .models import (
    Balances as Balances,
)
from .models import (
    BalanceSummary as BalanceSummary,
)
from .models import (
    CallMeta as CallMeta,
)
from .models import (
    Checkout as Checkout,
)
from .models import (
    Confirmation as Confirmation,
)
from .models import (
    ContentType as ContentType,
)
from .models import (
    ConversionRate as ConversionRate,
)
from .models import (
    Currency as Currency,
)
from .models import (
    DigitalContent as DigitalContent,
)
from .models import (
    FeeBreakdown as FeeBreakdown,
)
from .models import (
    Invoice as Invoice,
)
from .models import (
    KeyState as KeyState,
)
from .models import (
    KeyStats as KeyStats,
)
from .models import (
    Limit as Limit,
)
from .models import (
    MerchantInfo as MerchantInfo,
)
from .models import (
    Model as Model,
)
from .models import (
    Order as Order,
)
from .models import (
    OrderItem as OrderItem,
)
from .models import (
    OrderState as OrderState,
)
from .models import (
    Payment as Payment,
)
from .models import (
    PaymentState as PaymentState,
)
from .models import (
    PaymentStatus as PaymentStatus,
)
from .models import (
    Product as Product,
)
from .models import (
    ProductKey as ProductKey,
)
from .models import (
    RemovedKeys as RemovedKeys,
)
from .models import (
    Store as Store,
)
from .models import (
    StoreAnalytics as StoreAnalytics,
)
from .models import (
    StoreSettings as StoreSettings,
)
from .models import (
    WebhookConfig as WebhookConfig,
)
from .models import (
    WebhookDelivery as WebhookDelivery,
)
from .models import (
    WebhookStatistics as WebhookStatistics,
)
from .models import (
    WebhookStats as WebhookStats,
)
from .models import (
    WebhookTest as WebhookTest,
)
from .models import (
    Withdrawal as Withdrawal,
)
from .models import (
    WithdrawalLimits as WithdrawalLimits,
)
from .models import (
    WithdrawalState as WithdrawalState,
)
from .models.checkout import CheckoutItem as CheckoutItem
from .models.enums import AmountCurrencyName as AmountCurrencyName
from .models.enums import CurrencyName as CurrencyName
from .models.enums import PaymentStateName as PaymentStateName
from .options import (
    UNSET as UNSET,
)
from .options import (
    Counting as Counting,
)
from .options import (
    RateClass as RateClass,
)
from .options import (
    RateLimits as RateLimits,
)
from .options import (
    RetryPolicy as RetryPolicy,
)
from .options import (
    Unset as Unset,
)
from .options import (
    WatchSettings as WatchSettings,
)
from .responses import APIResponse as APIResponse
