"""An async-first SDK for the InventPay crypto-payments API, with a generated blocking twin.

>>> async with AsyncInventPay() as client:
...     payment = await client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20")

``InventPay`` has the same names without ``await``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import lazy
from .version import VERSION as __version__

if TYPE_CHECKING:
    from ._async.client import AsyncInventPay
    from ._async.paging import AsyncPage
    from ._listing import AsyncListing
    from ._sync.client import InventPay
    from ._sync.paging import Page
    from .errors import (
        APIConnectionError,
        APIStatusError,
        APITimeoutError,
        AuthenticationError,
        BadRequestError,
        ConfigurationError,
        ConflictError,
        DecodeError,
        EventDecodeError,
        InvalidArgumentError,
        InventPayError,
        NotFoundError,
        Outcome,
        PermissionDeniedError,
        RateLimitedError,
        RateLimitTimeoutError,
        ServerError,
        SignatureError,
        StaleEventError,
        WaitTimeoutError,
        WebhookError,
    )
    from .gate import ClassSnapshot, Lease
    from .headers import Headers
    from .hooks import (
        AttemptAnswered,
        AttemptSent,
        CallFinished,
        Event,
        Hook,
        PollingStretched,
        RetryPlanned,
        TokenWaited,
    )
    from .limiter import Limiter, LocalLimiter
    from .models import (
        AmountCurrency,
        Balance,
        BalanceAfterLock,
        Balances,
        BalanceSummary,
        ContentType,
        ConversionRate,
        Currency,
        DigitalContent,
        FeeBreakdown,
        Invoice,
        Limit,
        MerchantInfo,
        Payment,
        PaymentState,
        PaymentStatus,
        Product,
        Withdrawal,
        WithdrawalLimits,
        WithdrawalState,
    )
    from .money import Amount
    from .options import RateClass, RateLimits, RetryPolicy, Rule
    from .responses import APIResponse
else:
    # Importing the package costs next to nothing; each name is imported when it is first used.
    __getattr__, __dir__ = lazy.exports(
        __name__,
        {
            "_async.client": ["AsyncInventPay"],
            "_async.paging": ["AsyncPage"],
            "_listing": ["AsyncListing"],
            "_sync.client": ["InventPay"],
            "_sync.paging": ["Page"],
            "errors": [
                "APIConnectionError",
                "APIStatusError",
                "APITimeoutError",
                "AuthenticationError",
                "BadRequestError",
                "ConfigurationError",
                "ConflictError",
                "DecodeError",
                "EventDecodeError",
                "InvalidArgumentError",
                "InventPayError",
                "NotFoundError",
                "Outcome",
                "PermissionDeniedError",
                "RateLimitedError",
                "RateLimitTimeoutError",
                "ServerError",
                "SignatureError",
                "StaleEventError",
                "WaitTimeoutError",
                "WebhookError",
            ],
            "gate": ["ClassSnapshot", "Lease"],
            "headers": ["Headers"],
            "hooks": [
                "AttemptAnswered",
                "AttemptSent",
                "CallFinished",
                "Event",
                "Hook",
                "PollingStretched",
                "RetryPlanned",
                "TokenWaited",
            ],
            "limiter": ["Limiter", "LocalLimiter"],
            "models": [
                "AmountCurrency",
                "Balance",
                "BalanceAfterLock",
                "Balances",
                "BalanceSummary",
                "ContentType",
                "ConversionRate",
                "Currency",
                "DigitalContent",
                "FeeBreakdown",
                "Invoice",
                "Limit",
                "MerchantInfo",
                "Payment",
                "PaymentState",
                "PaymentStatus",
                "Product",
                "Withdrawal",
                "WithdrawalLimits",
                "WithdrawalState",
            ],
            "money": ["Amount"],
            "options": ["RateClass", "RateLimits", "RetryPolicy", "Rule"],
            "responses": ["APIResponse"],
        },
    )

__all__ = [
    "APIConnectionError",
    "APIResponse",
    "APIStatusError",
    "APITimeoutError",
    "Amount",
    "AmountCurrency",
    "AsyncInventPay",
    "AsyncListing",
    "AsyncPage",
    "AttemptAnswered",
    "AttemptSent",
    "AuthenticationError",
    "BadRequestError",
    "Balance",
    "BalanceAfterLock",
    "BalanceSummary",
    "Balances",
    "CallFinished",
    "ClassSnapshot",
    "ConfigurationError",
    "ConflictError",
    "ContentType",
    "ConversionRate",
    "Currency",
    "DecodeError",
    "DigitalContent",
    "Event",
    "EventDecodeError",
    "FeeBreakdown",
    "Headers",
    "Hook",
    "InvalidArgumentError",
    "InventPay",
    "InventPayError",
    "Invoice",
    "Lease",
    "Limit",
    "Limiter",
    "LocalLimiter",
    "MerchantInfo",
    "NotFoundError",
    "Outcome",
    "Page",
    "Payment",
    "PaymentState",
    "PaymentStatus",
    "PermissionDeniedError",
    "PollingStretched",
    "Product",
    "RateClass",
    "RateLimitTimeoutError",
    "RateLimitedError",
    "RateLimits",
    "RetryPlanned",
    "RetryPolicy",
    "Rule",
    "ServerError",
    "SignatureError",
    "StaleEventError",
    "TokenWaited",
    "WaitTimeoutError",
    "WebhookError",
    "Withdrawal",
    "WithdrawalLimits",
    "WithdrawalState",
    "__version__",
]
