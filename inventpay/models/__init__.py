"""Frozen, typed models of what the API answers. Nothing here does I/O."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .._core import lazy_exports

if TYPE_CHECKING:
    from .balances import Balance, Balances, BalanceSummary, Limit, MerchantInfo, WithdrawalLimits
    from .enums import AmountCurrency, Currency, PaymentState, WithdrawalState
    from .key_pools import AddedKeys, KeyState, KeyStats, ProductKey, RemovedKeys
    from .orders import Checkout, Order, OrderItem, OrderState
    from .payments import ConversionRate, Invoice, Payment, PaymentStatus
    from .products import ContentType, DigitalContent, Product
    from .stores import Confirmation, Store, StoreAnalytics, StoreSettings
    from .webhooks import WebhookConfig, WebhookDelivery, WebhookStatistics, WebhookStats, WebhookTest
    from .withdrawals import BalanceAfterLock, FeeBreakdown, Withdrawal
else:
    # Making a model costs a millisecond; who asks for a balance does not pay for what a shop sells.
    __getattr__, __dir__ = lazy_exports.exports(
        __name__,
        {
            "balances": ["Balance", "Balances", "BalanceSummary", "Limit", "MerchantInfo", "WithdrawalLimits"],
            "enums": ["AmountCurrency", "Currency", "PaymentState", "WithdrawalState"],
            "key_pools": ["AddedKeys", "KeyState", "KeyStats", "ProductKey", "RemovedKeys"],
            "orders": ["Checkout", "Order", "OrderItem", "OrderState"],
            "payments": ["ConversionRate", "Invoice", "Payment", "PaymentStatus"],
            "products": ["ContentType", "DigitalContent", "Product"],
            "stores": ["Confirmation", "Store", "StoreAnalytics", "StoreSettings"],
            "webhooks": ["WebhookConfig", "WebhookDelivery", "WebhookStatistics", "WebhookStats", "WebhookTest"],
            "withdrawals": ["BalanceAfterLock", "FeeBreakdown", "Withdrawal"],
        },
    )

__all__ = [
    "AddedKeys",
    "AmountCurrency",
    "Balance",
    "BalanceAfterLock",
    "BalanceSummary",
    "Balances",
    "Checkout",
    "Confirmation",
    "ContentType",
    "ConversionRate",
    "Currency",
    "DigitalContent",
    "FeeBreakdown",
    "Invoice",
    "KeyState",
    "KeyStats",
    "Limit",
    "MerchantInfo",
    "Order",
    "OrderItem",
    "OrderState",
    "Payment",
    "PaymentState",
    "PaymentStatus",
    "Product",
    "ProductKey",
    "RemovedKeys",
    "Store",
    "StoreAnalytics",
    "StoreSettings",
    "WebhookConfig",
    "WebhookDelivery",
    "WebhookStatistics",
    "WebhookStats",
    "WebhookTest",
    "Withdrawal",
    "WithdrawalLimits",
    "WithdrawalState",
]
