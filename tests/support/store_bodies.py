"""Answers of the store's endpoints, as the vendor's JavaScript SDK types it; the sources show no whole body."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

STORE: Mapping[str, Any] = {
    "id": "store1",
    "merchantId": "cmf123abc456def",
    "name": "My Digital Shop",
    "slug": "my-digital-shop",
    "description": None,
    "logo": None,
    "banner": None,
    "isPublished": True,
    "settings": {"acceptedCurrencies": ["BTC"], "minOrderAmount": 5},
    "productCount": 1,
    "orderCount": 0,
    "createdAt": "2024-01-01T12:00:00.000Z",
    "updatedAt": "2024-01-01T12:00:00.000Z",
}
PRODUCT: Mapping[str, Any] = {
    "id": "prod1",
    "storeId": "store1",
    "name": "Premium Template Pack",
    "slug": "premium-template-pack",
    "description": None,
    "price": "29.99",
    "currency": "USD",
    "images": [],
    "stock": 100,
    "isActive": True,
    "digitalContent": None,
    "createdAt": "2024-01-01T12:00:00.000Z",
    "updatedAt": "2024-01-01T12:00:00.000Z",
}
KEY: Mapping[str, Any] = {
    "id": "key1",
    "keyValue": "LICENSE-AAAA-0001",
    "label": "January Batch",
    "status": "AVAILABLE",
    "orderId": None,
    "assignedAt": None,
    "createdAt": "2024-01-01T12:00:00.000Z",
}
ORDER: Mapping[str, Any] = {
    "id": "order1",
    "orderNumber": "ORD-1",
    "storeId": "store1",
    "status": "PAID",
    "totalAmount": "59.98",
    "currency": "USD",
    "items": [{"productId": "prod1", "productName": "Premium Template Pack", "quantity": 2, "price": "29.99"}],
    "payment": None,
    "customer": {"email": "ada@example.com"},
    "createdAt": "2024-01-01T12:00:00.000Z",
    "updatedAt": "2024-01-01T12:00:00.000Z",
}
PAGE = {"page": 1, "limit": 20, "total": 1, "pages": 1}

ANSWERS: Mapping[tuple[str, str], object] = {
    ("POST", "/v1/store/manage"): STORE,
    ("GET", "/v1/store/manage"): STORE,
    ("PUT", "/v1/store/manage"): STORE,
    ("GET", "/v1/store/manage/analytics"): {"totalRevenue": 59.98},
    ("POST", "/v1/store/my-digital-shop/checkout"): {
        "order": ORDER,
        "payment": {"paymentId": "cmh123abc456def", "invoiceUrl": "https://inventpay.io/invoice/cmh123abc456def"},
    },
    ("POST", "/v1/store/manage/products"): PRODUCT,
    ("PUT", "/v1/store/manage/products/prod1"): PRODUCT,
    ("DELETE", "/v1/store/manage/products/prod1"): {},
    ("POST", "/v1/store/manage/products/prod1/keys"): {"added": 2, "duplicates": 0},
    ("GET", "/v1/store/manage/products/prod1/keys"): {"keys": [KEY], "pagination": PAGE},
    ("GET", "/v1/store/manage/products/prod1/keys/stats"): {
        "available": 1,
        "assigned": 0,
        "revoked": 0,
        "total": 1,
        "useKeyPool": True,
    },
    ("DELETE", "/v1/store/manage/products/prod1/keys"): {"removed": 1},
    ("GET", "/v1/store/manage/orders"): {"orders": [ORDER], "pagination": PAGE},
    ("GET", "/v1/store/manage/orders/order1"): ORDER,
    ("PUT", "/v1/store/manage/orders/order1/status"): ORDER,
}
"""The ``data`` of each answer."""


def store_answer(method: str, path: str) -> bytes | None:
    """The answer to a request of the store, ``None`` for any other."""
    for (known_method, known_path), data in ANSWERS.items():
        if method == known_method and path.endswith(known_path):
            return json.dumps({"success": True, "data": data, "message": "Done"}).encode()
    return None
