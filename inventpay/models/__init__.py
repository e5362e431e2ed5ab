"""Frozen, typed models of what the API answers. Nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .. import lazy

if TYPE_CHECKING:
    from .balances import Balance, Balances, BalanceSummary, Limit, MerchantInfo, WithdrawalLimits
    from .enums import AmountCurrency, Currency, PaymentState, WithdrawalState
    from .payments import ConversionRate, Invoice, Payment, PaymentStatus
    from .products import ContentType, DigitalContent, Product
    from .withdrawals import BalanceAfterLock, FeeBreakdown, Withdrawal
else:
    # Making a model costs a millisecond; who asks for a balance does not pay for what a shop sells.
    __getattr__, __dir__ = lazy.exports(
        __name__,
        {
            "balances": ["Balance", "Balances", "BalanceSummary", "Limit", "MerchantInfo", "WithdrawalLimits"],
            "enums": ["AmountCurrency", "Currency", "PaymentState", "WithdrawalState"],
            "payments": ["ConversionRate", "Invoice", "Payment", "PaymentStatus"],
            "products": ["ContentType", "DigitalContent", "Product"],
            "withdrawals": ["BalanceAfterLock", "FeeBreakdown", "Withdrawal"],
        },
    )

__all__ = [
    "AmountCurrency",
    "Balance",
    "BalanceAfterLock",
    "BalanceSummary",
    "Balances",
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
]
