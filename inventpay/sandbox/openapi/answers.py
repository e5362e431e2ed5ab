"""What each endpoint answers with 200: the documented shape, which is the default of those that can be chosen."""

from __future__ import annotations

from typing import Final

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
    "POST /v1/create_payment": {"anyOf": [PAYMENT, INVOICE]},
    "POST /v1/create_invoice": INVOICE,
    "GET /v1/merchant/balance": BALANCES,
    "GET /v1/merchant/balance/{currency}": BALANCE,
    "POST /v1/merchant/withdrawal/create": NEW_WITHDRAWAL,
    "GET /v1/withdrawal/{withdrawalId}": WITHDRAWAL,
    "POST /v1/store/manage": STORE,
    "GET /v1/store/manage": STORE,
    "PUT /v1/store/manage": STORE,
    "POST /v1/store/manage/products": PRODUCT,
    "GET /v1/store/manage/products": members({"products": array(PRODUCT), "pagination": pagination()}),
    "PUT /v1/store/manage/products/{productId}": PRODUCT,
    "DELETE /v1/store/manage/products/{productId}": members({}),
    "POST /v1/store/manage/products/{productId}/keys": members({"added": COUNT, "duplicates": COUNT}),
    "GET /v1/store/manage/products/{productId}/keys": members({"keys": array(KEY), "pagination": pagination()}),
    "GET /v1/store/manage/products/{productId}/keys/stats": members({**_KEY_COUNTS, "useKeyPool": BOOL}),
    "DELETE /v1/store/manage/products/{productId}/keys": members({"removed": COUNT}),
    "GET /v1/store/manage/orders": members({"orders": array(ORDER), "pagination": pagination()}),
    "GET /v1/store/manage/orders/{orderId}": ORDER,
    "PUT /v1/store/manage/orders/{orderId}/status": ORDER,
    "GET /v1/store/manage/analytics": members(
        {
            "totalProducts": COUNT,
            "totalOrders": COUNT,
            "totalRevenue": MONEY_TEXT,
            "ordersByStatus": members({str(status): COUNT for status in OrderStatus}),
        }
    ),
    "POST /v1/store/{slug}/checkout": members({"order": ORDER, "payment": {"anyOf": [PAYMENT, INVOICE]}}),
    "PUT /v1/merchant/webhook-url": CONFIG,
    "DELETE /v1/merchant/webhook-url": CONFIG,
    "GET /v1/merchant/webhook-config": CONFIG,
    "POST /v1/merchant/test-webhook": members(
        {
            "url": TEXT,
            "statusCode": COUNT,
            "responseTime": COUNT,
            "response": TEXT,
            "signature": TEXT,
            "testedAt": TIME,
        }
    ),
    "GET /v1/merchant/webhook-deliveries": members(
        {
            "deliveries": array(DELIVERY),
            "pagination": pagination(classic=False),
            "filters": members({"success": {"type": ["boolean", "string"]}, "paymentId": TEXT}),
        }
    ),
    "GET /v1/merchant/webhook-delivery/{deliveryId}": members(
        {**DELIVERY_MEMBERS, "payload": ANY_OBJECT}, DELIVERY_OUTCOME
    ),
    "POST /v1/merchant/webhook-delivery/{deliveryId}/retry": DELIVERY,
    "GET /v1/merchant/webhook-stats": members(
        {
            "period": TEXT,
            "summary": members({**_COUNTS, "avgAttempts": TEXT}),
            "webhookUrl": nullable(TEXT),
            "isConfigured": BOOL,
        }
    ),
}
"""`data` by endpoint of the API."""

BARE: Final[dict[str, Schema]] = {"GET /v1/invoice/{paymentId}/status": STATUS}
"""Bodies without an envelope."""
