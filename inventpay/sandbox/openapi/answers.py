"""The 200 answers of the API's endpoints in their documented shape, which is the default variant."""

from __future__ import annotations

from typing import Final

from ..._api import endpoints as api
from ..merchant.coins import CURRENCIES
from ..merchant.payments import PaymentStatus
from ..merchant.withdrawals import WithdrawalStatus
from ..store.key_pools import KeyStatus
from ..store.orders import OrderStatus
from ..store.products import ContentType
from .schemas import (
    ANY_OBJECT,
    BOOL,
    COIN,
    COUNT,
    ID,
    MONEY_TEXT,
    NUMBER,
    TEXT,
    TIME,
    Schema,
    array,
    choice,
    members,
    nullable,
    pagination,
)

PAYMENT: Final[Schema] = members(
    {
        "paymentId": ID,
        "amount": NUMBER,
        "currency": COIN,
        "address": TEXT,
        "invoiceUrl": TEXT,
        "qrCode": TEXT,
        "expiresAt": TIME,
    },
    {"orderId": TEXT, "description": TEXT},
)
RATE: Final[Schema] = members({"cryptoAmount": NUMBER, "price": NUMBER})
INVOICE: Final[Schema] = members(
    {
        "paymentId": ID,
        "baseAmount": NUMBER,
        "baseCurrency": TEXT,
        "conversionRates": members(dict.fromkeys(CURRENCIES, RATE)),
        "invoiceUrl": TEXT,
        "allowCurrencySelection": BOOL,
        "expiresAt": TIME,
    },
    {"orderId": TEXT},
)
STATUS: Final[Schema] = members(
    {
        "paymentId": ID,
        "status": choice(tuple(PaymentStatus)),
        "currentBalance": MONEY_TEXT,
        "confirmations": COUNT,
        "requiredAmount": MONEY_TEXT,
        "currency": TEXT,
        "expiresAt": TIME,
        "createdAt": TIME,
    },
    {"address": TEXT, "completedAt": TIME},
)
_LIMIT: Final[Schema] = members({"limit": NUMBER, "used": NUMBER, "remaining": NUMBER})
_RESET_LIMIT: Final[Schema] = members({"limit": NUMBER, "used": NUMBER, "remaining": NUMBER, "resetAt": TIME})


def _balance(limit: Schema) -> Schema:
    amounts = ("availableBalance", "totalEarned", "totalWithdrawn", "pendingBalance")
    return members({**dict.fromkeys(amounts, NUMBER), "limits": members({"daily": limit, "monthly": limit})})


ALL_BALANCES: Final[dict[str, Schema]] = {
    "merchantId": ID,
    "businessName": TEXT,
    "balances": members(dict.fromkeys(CURRENCIES, _balance(_LIMIT))),
}
BALANCES: Final[Schema] = members(ALL_BALANCES)
BALANCE: Final[Schema] = members({"currency": COIN, "balance": _balance(_RESET_LIMIT)})
_FEES: Final[dict[str, Schema]] = {"networkFee": NUMBER, "serviceFee": NUMBER}
NEW_WITHDRAWAL: Final[Schema] = members(
    {
        "withdrawalId": ID,
        "amount": MONEY_TEXT,
        "currency": COIN,
        "destinationAddress": TEXT,
        "status": choice(tuple(WithdrawalStatus)),
        "feeAmount": MONEY_TEXT,
        "netAmount": MONEY_TEXT,
        "transactionHash": nullable(TEXT),
        "requiresApproval": BOOL,
        "createdAt": TIME,
        "processedAt": nullable(TIME),
        "errorMessage": nullable(TEXT),
        "balanceAfterLock": members({"available": MONEY_TEXT, "locked": MONEY_TEXT}),
        "feeBreakdown": members(_FEES),
        "estimatedCompletion": TIME,
    }
)
WITHDRAWAL: Final[Schema] = members(
    {
        "withdrawalId": ID,
        "amount": MONEY_TEXT,
        "currency": COIN,
        "destinationAddress": TEXT,
        "status": choice(tuple(WithdrawalStatus)),
        "feeAmount": MONEY_TEXT,
        "metadata": members({"netAmount": NUMBER, **_FEES}, {"confirmations": COUNT}),
        "createdAt": TIME,
    },
    {"transactionHash": TEXT, "processedAt": TIME, "completedAt": TIME, "description": TEXT, "failureReason": TEXT},
)
STORE: Final[Schema] = members(
    {
        "id": ID,
        "merchantId": ID,
        "name": TEXT,
        "slug": TEXT,
        "url": TEXT,
        "description": nullable(TEXT),
        "logo": nullable(TEXT),
        "banner": nullable(TEXT),
        "isPublished": BOOL,
        "settings": ANY_OBJECT,
        "productCount": COUNT,
        "orderCount": COUNT,
        "createdAt": TIME,
        "updatedAt": TIME,
    }
)
PRODUCT: Final[Schema] = members(
    {
        "id": ID,
        "storeId": ID,
        "name": TEXT,
        "slug": TEXT,
        "description": nullable(TEXT),
        "price": MONEY_TEXT,
        "currency": TEXT,
        "images": array(TEXT),
        "stock": nullable(COUNT),
        "isActive": BOOL,
        "digitalContent": nullable(ANY_OBJECT),
        "productUrl": TEXT,
        "contentType": choice(tuple(ContentType)),
        "skillMeta": nullable(ANY_OBJECT),
        "variants": {"type": ["array", "null"]},
        "metadata": nullable(ANY_OBJECT),
        "sortOrder": COUNT,
        "createdAt": TIME,
        "updatedAt": TIME,
    }
)
KEY: Final[Schema] = members(
    {
        "id": ID,
        "keyValue": TEXT,
        "label": nullable(TEXT),
        "status": choice(tuple(KeyStatus)),
        "orderId": nullable(TEXT),
        "assignedAt": nullable(TIME),
        "createdAt": TIME,
    }
)
_ITEM: Final[Schema] = members(
    {"productId": ID, "productName": TEXT, "quantity": COUNT, "price": MONEY_TEXT}, {"variant": ANY_OBJECT}
)
ORDER: Final[Schema] = members(
    {
        "id": ID,
        "orderNumber": TEXT,
        "storeId": ID,
        "status": choice(tuple(OrderStatus)),
        "totalAmount": MONEY_TEXT,
        "currency": TEXT,
        "items": array(_ITEM),
        "payment": members({"paymentId": ID, "status": choice(tuple(PaymentStatus))}),
        "customer": members({"email": nullable(TEXT), "name": nullable(TEXT)}),
        "notes": nullable(TEXT),
        "createdAt": TIME,
        "updatedAt": TIME,
    }
)
DELIVERY_MEMBERS: Final[dict[str, Schema]] = {
    "id": ID,
    "paymentId": nullable(TEXT),
    "url": TEXT,
    "attempts": COUNT,
    "success": BOOL,
    "lastAttemptAt": nullable(TIME),
    "createdAt": TIME,
}
DELIVERY_OUTCOME: Final[dict[str, Schema]] = {
    "httpStatus": COUNT,
    "response": TEXT,
    "nextAttemptAt": TIME,
    "errorMessage": TEXT,
}
DELIVERY: Final[Schema] = members(DELIVERY_MEMBERS, DELIVERY_OUTCOME)
_COUNTS: Final[dict[str, Schema]] = {"total": COUNT, "successful": COUNT, "failed": COUNT, "successRate": TEXT}
_WEBHOOK: Final[Schema] = members(
    {"url": nullable(TEXT), "secret": TEXT, "isConfigured": BOOL, "lastUpdated": nullable(TIME)}
)
CONFIG: Final[Schema] = members(
    {
        "webhook": _WEBHOOK,
        "statistics": members(_COUNTS),
        "recentDeliveries": array(DELIVERY),
        "supportedEvents": array(TEXT),
    }
)
_KEY_COUNTS: Final[dict[str, Schema]] = dict.fromkeys(("available", "assigned", "revoked", "total"), COUNT)

DATA: Final[dict[str, Schema]] = {
    api.CREATE_PAYMENT.name: {"anyOf": [PAYMENT, INVOICE]},
    api.CREATE_INVOICE.name: INVOICE,
    api.BALANCES.name: BALANCES,
    api.BALANCE.name: BALANCE,
    api.CREATE_WITHDRAWAL.name: NEW_WITHDRAWAL,
    api.WITHDRAWAL.name: WITHDRAWAL,
    api.CREATE_STORE.name: STORE,
    api.STORE.name: STORE,
    api.UPDATE_STORE.name: STORE,
    api.CREATE_PRODUCT.name: PRODUCT,
    api.PRODUCTS.name: members({"products": array(PRODUCT), "pagination": pagination()}),
    api.UPDATE_PRODUCT.name: PRODUCT,
    api.DELETE_PRODUCT.name: members({}),
    api.ADD_KEYS.name: members({"added": COUNT, "duplicates": COUNT}),
    api.KEYS.name: members({"keys": array(KEY), "pagination": pagination()}),
    api.KEY_STATS.name: members({**_KEY_COUNTS, "useKeyPool": BOOL}),
    api.REMOVE_KEYS.name: members({"removed": COUNT}),
    api.ORDERS.name: members({"orders": array(ORDER), "pagination": pagination()}),
    api.ORDER.name: ORDER,
    api.UPDATE_ORDER_STATUS.name: ORDER,
    api.STORE_ANALYTICS.name: members(
        {
            "totalProducts": COUNT,
            "totalOrders": COUNT,
            "totalRevenue": MONEY_TEXT,
            "ordersByStatus": members({str(status): COUNT for status in OrderStatus}),
        }
    ),
    api.CHECKOUT.name: members({"order": ORDER, "payment": {"anyOf": [PAYMENT, INVOICE]}}),
    api.CONFIGURE_WEBHOOK.name: CONFIG,
    api.DELETE_WEBHOOK.name: CONFIG,
    api.WEBHOOK_CONFIG.name: CONFIG,
    api.TEST_WEBHOOK.name: members(
        {
            "url": TEXT,
            "statusCode": COUNT,
            "responseTime": COUNT,
            "response": TEXT,
            "signature": TEXT,
            "testedAt": TIME,
        }
    ),
    api.WEBHOOK_DELIVERIES.name: members(
        {
            "deliveries": array(DELIVERY),
            "pagination": pagination(classic=False),
            "filters": members({"success": {"type": ["boolean", "string"]}, "paymentId": TEXT}),
        }
    ),
    api.WEBHOOK_DELIVERY.name: members({**DELIVERY_MEMBERS, "payload": ANY_OBJECT}, DELIVERY_OUTCOME),
    api.RETRY_WEBHOOK.name: DELIVERY,
    api.WEBHOOK_STATS.name: members(
        {
            "period": TEXT,
            "summary": members({**_COUNTS, "avgAttempts": TEXT}),
            "webhookUrl": nullable(TEXT),
            "isConfigured": BOOL,
        }
    ),
}
"""``data`` by endpoint of the API."""

BARE: Final[dict[str, Schema]] = {api.PAYMENT_STATUS.name: STATUS}
"""Bodies without an envelope."""
