"""Frozen, typed models of what the API answers. Nothing here does I/O."""

from __future__ import annotations

from .balances import Balance, Balances, BalanceSummary, Limit, MerchantInfo, WithdrawalLimits
from .enums import AmountCurrency, Currency, PaymentState, WithdrawalState
from .payments import ConversionRate, Invoice, Payment, PaymentStatus
from .withdrawals import BalanceAfterLock, FeeBreakdown, Withdrawal

__all__ = [
    "AmountCurrency",
    "Balance",
    "BalanceAfterLock",
    "BalanceSummary",
    "Balances",
    "ConversionRate",
    "Currency",
    "FeeBreakdown",
    "Invoice",
    "Limit",
    "MerchantInfo",
    "Payment",
    "PaymentState",
    "PaymentStatus",
    "Withdrawal",
    "WithdrawalLimits",
    "WithdrawalState",
]
