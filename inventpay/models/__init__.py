"""Frozen, typed models of what the API answers. Nothing here does I/O."""

from __future__ import annotations

from .._core.lazy_exports import exports

# Making a model costs a millisecond, so each module is imported when one of its names is first used.
# Written from __init__.pyi by tools/generate_exports.py. Edit the stub, then run: nox -s sync
# pyright: reportUnsupportedDunderAll=false
_EXPORTS = {
    "balances": ["Balance", "BalanceSummary", "Balances", "Limit", "MerchantInfo", "WithdrawalLimits"],
    "base": ["Model"],
    "call_meta": ["CallMeta"],
    "enums": ["AmountCurrency", "Currency", "PaymentState", "WithdrawalState"],
    "key_pools": ["AddedKeys", "KeyState", "KeyStats", "ProductKey", "RemovedKeys"],
    "orders": ["Checkout", "Order", "OrderItem", "OrderState"],
    "payments": ["ConversionRate", "Invoice", "Payment", "PaymentStatus"],
    "products": ["ContentType", "DigitalContent", "Product"],
    "stores": ["Confirmation", "Store", "StoreAnalytics", "StoreSettings"],
    "webhooks": ["WebhookConfig", "WebhookDelivery", "WebhookStatistics", "WebhookStats", "WebhookTest"],
    "withdrawals": ["BalanceAfterLock", "FeeBreakdown", "Withdrawal"],
}
__all__ = [
    "AddedKeys",
    "AmountCurrency",
    "Balance",
    "BalanceAfterLock",
    "BalanceSummary",
    "Balances",
    "CallMeta",
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
    "Model",
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
# End of the written part.

__getattr__, __dir__ = exports(__name__, _EXPORTS)
