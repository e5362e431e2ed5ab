"""The bodies and queries of all endpoints, with the bounds that are enforced."""

from __future__ import annotations

from typing import Final

from ..._api import bounds
from ..._api import endpoints as api
from ...options import RateClass
from .. import assumptions
from ..clock import MAX_SPEED
from ..control import settings
from ..http import urls
from ..http.faults import FaultKind
from ..limits.rate_limit_headers import RateLimitHeaders
from ..limits.rate_limits import policy_names
from ..merchant.coins import ANY_COIN, COINS
from ..shapes.variants import MIXED, VARIANTS
from ..store import api as store_api
from ..store import fields as store_fields
from ..store.key_pools import KeyStatus
from ..store.orders import SETTABLE, OrderStatus
from ..store.products import ContentType
from ..webhooks import api as webhooks_api
from ..webhooks.events import EVENTS
from ..webhooks.faults import FAULT_KINDS
from .answers import BARE, DATA
from .schemas import (
    AMOUNT,
    AMOUNT_CURRENCY,
    ANY_OBJECT,
    BOOL,
    COIN,
    PLAYED_AMOUNT,
    TEXT,
    TIME,
    Schema,
    array,
    choice,
    nullable,
    request,
    text,
    whole,
)

_HTTPS: Final[Schema] = {**text(bounds.URL_LENGTH), "pattern": urls.HTTPS}
_CALLBACK: Final[Schema] = {**text(bounds.URL_LENGTH), "pattern": urls.CALLBACK}
_EVM: Final = [code for code, coin in COINS.items() if coin.is_evm]
_OTHERS: Final = [code for code, coin in COINS.items() if not coin.is_evm]

_PAYMENT: Final[dict[str, Schema]] = {
    "orderId": text(bounds.ORDER_ID_LENGTH),
    "description": text(bounds.DESCRIPTION_LENGTH),
    "callbackUrl": _CALLBACK,
    "expirationMinutes": whole(*bounds.EXPIRATION_MINUTES),
}


def _withdrawal(codes: list[str], pattern: str) -> Schema:
    return request(
        {"amount": AMOUNT, "currency": choice(codes), "destinationAddress": {"type": "string", "pattern": pattern}},
        {"description": text(bounds.DESCRIPTION_LENGTH)},
    )


_STORE: Final[dict[str, Schema]] = {
    "description": text(bounds.STORE_DESCRIPTION),
    "logo": _HTTPS,
    "banner": _HTTPS,
    "settings": request({}, {"acceptedCurrencies": array(COIN), "minOrderAmount": AMOUNT, "maxOrderAmount": AMOUNT}),
}
_VISIBLE: Final[dict[str, Schema]] = {"isPublished": BOOL, "isActive": BOOL}
_STORE_NAME: Final[Schema] = {
    **text(bounds.STORE_NAME[1], bounds.STORE_NAME[0]),
    "pattern": store_fields.name_pattern(bounds.STORE_NAME[0]),
}
_PRODUCT_NAME: Final[Schema] = {
    **text(bounds.PRODUCT_NAME[1], bounds.PRODUCT_NAME[0]),
    "pattern": store_fields.name_pattern(bounds.PRODUCT_NAME[0]),
}
_PRICE: Final[Schema] = {"type": "number", "minimum": float(bounds.PRICE[0]), "maximum": int(bounds.PRICE[1])}
_CONTENT: Final[Schema] = text(bounds.CONTENT_LENGTH)
_PRODUCT: Final[dict[str, Schema]] = {
    "description": text(bounds.PRODUCT_DESCRIPTION),
    "images": array(_HTTPS, bounds.IMAGES),
    "stock": whole(*bounds.STOCK),
    "digitalContent": request(
        {},
        {
            "fileUrl": _HTTPS,
            "fileSize": whole(0, bounds.FILE_SIZE),
            **dict.fromkeys(store_fields.CONTENT_TEXTS, _CONTENT),
        },
    ),
    "variants": array({}),
    "metadata": ANY_OBJECT,
}
_NEW_PRODUCT: Final[dict[str, Schema]] = {"name": _PRODUCT_NAME, "price": _PRICE}
_PRICE_CURRENCY: Final[Schema] = choice(assumptions.PRICE_CURRENCIES)
_LATE: Final = "late"
_WEBHOOK_FAULT: Final[dict[str, Schema]] = {"count": whole(1, 1_000_000), "event": choice(EVENTS)}
_LATENESS: Final[Schema] = {"type": "number", "exclusiveMinimum": 0, "maximum": assumptions.WEBHOOK_RETRY_FOR}
_DAY: Final = (
    "(20[0-9]{2}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)"
    "|02-(0[1-9]|1[0-9]|2[0-8]))|20([02468][048]|[13579][26])-02-29)"
)
# A time of this century; others are taken as well.
_MOMENT: Final[Schema] = {
    **TIME,
    "pattern": rf"^{_DAY}T([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\.[0-9]{{1,6}})?(Z|[+-](0[0-9]|1[0-4]):[0-5][0-9])$",
}
_PAY: Final[dict[str, Schema]] = {"amount": PLAYED_AMOUNT, "currency": COIN, "confirmations": whole(0, 1_000_000)}

BODIES: Final[dict[str, Schema]] = {
    api.CREATE_PAYMENT.name: request(
        {"amount": AMOUNT, "currency": choice([*COINS, ANY_COIN])}, {"amountCurrency": AMOUNT_CURRENCY, **_PAYMENT}
    ),
    api.CREATE_INVOICE.name: request({"amount": AMOUNT}, {"amountCurrency": AMOUNT_CURRENCY, **_PAYMENT}),
    api.CREATE_WITHDRAWAL.name: {
        "oneOf": [
            _withdrawal(_EVM, r"^0x[0-9a-fA-F]{18,98}$"),
            _withdrawal(_OTHERS, r"^[1-9A-Za-z][0-9A-Za-z]{19,99}$"),
        ]
    },
    api.CREATE_STORE.name: request({"name": _STORE_NAME}, _STORE, _VISIBLE),
    api.UPDATE_STORE.name: request({}, _STORE, {"name": _STORE_NAME, **_VISIBLE}),
    api.CREATE_PRODUCT.name: {
        "oneOf": [
            request(
                _NEW_PRODUCT,
                {
                    **_PRODUCT,
                    "currency": _PRICE_CURRENCY,
                    "contentType": choice([ContentType.GENERAL]),
                    "skillContent": text(bounds.SKILL_CONTENT),
                },
            ),
            request(
                {
                    **_NEW_PRODUCT,
                    "contentType": choice([ContentType.SKILL]),
                    "skillContent": text(bounds.SKILL_CONTENT, 1),
                },
                {**_PRODUCT, "currency": _PRICE_CURRENCY},
            ),
        ]
    },
    api.UPDATE_PRODUCT.name: request(
        {},
        {**_PRODUCT, "skillContent": text(bounds.SKILL_CONTENT)},
        {
            **_NEW_PRODUCT,
            "currency": _PRICE_CURRENCY,
            "contentType": choice(tuple(ContentType)),
            "sortOrder": whole(*bounds.SORT_ORDER),
            "isActive": BOOL,
        },
    ),
    api.ADD_KEYS.name: request(
        {"keys": array(text(bounds.KEY_LENGTH, 1), bounds.KEY_BATCH, 1)},
        {"label": text(bounds.KEY_LABEL)},
    ),
    api.UPDATE_ORDER_STATUS.name: request({"status": choice(SETTABLE)}, {"notes": text(bounds.ORDER_NOTES)}),
    api.CHECKOUT.name: request(
        {
            "items": array(
                request(
                    {"productId": {**text(bounds.ID_LENGTH, 1), "pattern": store_fields.name_pattern(1)}},
                    {"quantity": whole(*bounds.QUANTITY), "variant": ANY_OBJECT},
                ),
                assumptions.MAX_CHECKOUT_ITEMS,
                1,
            )
        },
        {
            "customerEmail": text(bounds.CUSTOMER_LENGTH),
            "customerName": text(bounds.CUSTOMER_LENGTH),
            "currency": COIN,
        },
    ),
    api.CONFIGURE_WEBHOOK.name: request({"webhookUrl": _CALLBACK}),
    api.TEST_WEBHOOK.name: request({}, {"webhookUrl": _CALLBACK}),
    "POST /sandbox/payments/{paymentId}/pay": request({}, _PAY),
    "POST /sandbox/payments/{paymentId}/underpay": request({}, {"amount": PLAYED_AMOUNT, "currency": COIN}),
    "POST /sandbox/payments/{paymentId}/overpay": request({}, {"amount": PLAYED_AMOUNT, "currency": COIN}),
    "POST /sandbox/payments/{paymentId}/confirm": request({}, {"confirmations": whole(0, 1_000_000)}),
    "POST /sandbox/payments/{paymentId}/select": request({"currency": COIN}),
    "POST /sandbox/withdrawals/{withdrawalId}/fail": request({}, {"reason": text(500)}),
    "POST /sandbox/deposit": request({"currency": COIN, "amount": PLAYED_AMOUNT}),
    "POST /sandbox/clock/freeze": request({}, {"at": _MOMENT}),
    "POST /sandbox/clock/advance": request({"seconds": {"type": "number", "minimum": 0, "maximum": settings.MAX_STEP}}),
    "POST /sandbox/clock/run": request({}, {"speed": {"type": "number", "exclusiveMinimum": 0, "maximum": MAX_SPEED}}),
    "POST /sandbox/rate-limits": request(
        {},
        {
            "policy": choice(policy_names()),
            "limits": {
                "type": "object",
                "properties": {str(name): nullable(whole(1, 1_000_000_000)) for name in RateClass},
                "additionalProperties": False,
            },
            "window": {"type": "number", "exclusiveMinimum": 0, "maximum": 86_400},
            "headers": choice(tuple(RateLimitHeaders)),
        },
    ),
    "POST /sandbox/faults": request(
        {"kind": choice(tuple(FaultKind))},
        {
            "status": whole(400, 599),
            "retryAfter": {"type": "number", "minimum": 0, "maximum": settings.MAX_STEP},
            "seconds": {"type": "number", "minimum": 0, "maximum": assumptions.MAX_FAULT_SECONDS},
            "afterEffect": BOOL,
            "on": choice((*DATA, *BARE)),
            "times": whole(1, 1_000_000_000),
            "probability": {"type": "number", "exclusiveMinimum": 0, "maximum": 1},
        },
    ),
    "POST /sandbox/idempotency": request({"honoured": BOOL}),
    "POST /sandbox/variants": {
        "oneOf": [
            request({"variant": {"const": MIXED}}),
            *(request({"endpoint": {"const": name}, "variant": choice(of)}) for name, of in VARIANTS.items()),
        ]
    },
    "POST /sandbox/webhooks": request(
        {},
        {
            "url": _CALLBACK,
            "secret": text(255, 1),
            "shape": choice(("nested", "flat")),
        },
    ),
    "POST /sandbox/webhooks/faults": {
        "oneOf": [
            request({"fault": {"const": _LATE}}, {**_WEBHOOK_FAULT, "seconds": _LATENESS}),
            request(
                {"fault": choice([kind for kind in FAULT_KINDS if kind != _LATE])},
                {**_WEBHOOK_FAULT, "seconds": {"type": "null"}},
            ),
        ]
    },
}
"""Bodies by endpoint."""


def _page(limit: int, last: int = assumptions.LAST_PAGE) -> dict[str, Schema]:
    return {"page": whole(1, last), "limit": whole(1, limit)}


QUERIES: Final[dict[str, dict[str, Schema]]] = {
    api.PRODUCTS.name: {**_page(store_api.PRODUCTS_PAGE["most"]), "search": TEXT},
    api.KEYS.name: {
        **_page(store_api.KEYS_PAGE["most"]),
        "status": choice(("", *KeyStatus)),
    },
    api.ORDERS.name: {**_page(store_api.ORDERS_PAGE["most"]), "status": choice(("", *OrderStatus))},
    api.WEBHOOK_DELIVERIES.name: {
        **_page(bounds.DELIVERIES_PAGE, webhooks_api.LAST_PAGE),
        "success": choice(("true", "false", "all")),
        "paymentId": text(bounds.ID_LENGTH, 1),
    },
    api.WEBHOOK_STATS.name: {"days": whole(1, bounds.STATISTICS_DAYS)},
}
"""Parameters of queries by endpoint."""
