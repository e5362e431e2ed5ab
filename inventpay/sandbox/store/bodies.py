"""The store's response bodies, member by member in the order of the official JS client."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from ..._core.json_values import is_array, is_object
from ..assumptions import MERCHANT_ID
from ..clock import iso
from ..merchant.money import number, plain
from ..merchant.payments import Payment
from .key_pools import Key
from .orders import Order
from .products import Product
from .stores import Store

Body = dict[str, object]


def store(store: Store, counts: Mapping[str, int], origin: str) -> Body:
    """Return a store; ``url`` is that of the official skill."""
    return {
        "id": store.store_id,
        "merchantId": MERCHANT_ID,
        "name": store.name,
        "slug": store.slug,
        "url": store_url(store, origin),
        "description": store.description,
        "logo": store.logo,
        "banner": store.banner,
        "isPublished": store.is_published,
        "settings": written(store.settings),
        "productCount": counts["products"],
        "orderCount": counts["orders"],
        "createdAt": iso(store.created_at),
        "updatedAt": iso(store.updated_at),
    }


def store_url(store: Store, origin: str) -> str:
    """Return the URL of the buyer's page: on the sandbox, not on ``https://inventpay.io`` as in the live service."""
    return f"{origin}/store/{store.slug}"


def product(product: Product, store: Store, origin: str) -> Body:
    """Return a product; the members from ``productUrl`` on are those of the official skill and MCP server."""
    return {
        "id": product.product_id,
        "storeId": store.store_id,
        "name": product.name,
        "slug": product.slug,
        "description": product.description,
        "price": plain(product.price),
        "currency": product.currency,
        "images": product.images,
        "stock": product.stock,
        "isActive": product.is_active,
        "digitalContent": written(product.digital_content),
        "productUrl": f"{store_url(store, origin)}/product/{product.slug}",
        "contentType": product.content_type,
        "skillMeta": product.skill_meta,
        "variants": written(product.variants),
        "metadata": written(product.metadata),
        "sortOrder": product.sort_order,
        "createdAt": iso(product.created_at),
        "updatedAt": iso(product.updated_at),
    }


def key(key: Key) -> Body:
    """Return one key of a pool."""
    return {
        "id": key.key_id,
        "keyValue": key.value,
        "label": key.label,
        "status": key.status,
        "orderId": key.order_id,
        "assignedAt": None if key.assigned_at is None else iso(key.assigned_at),
        "createdAt": iso(key.created_at),
    }


def order(order: Order, store: Store, payment: Payment) -> Body:
    """Return an order; ``notes`` are those of the official MCP server."""
    return {
        "id": order.order_id,
        "orderNumber": order.number,
        "storeId": store.store_id,
        "status": order.status,
        "totalAmount": plain(order.amount),
        "currency": order.currency,
        "items": [
            {
                "productId": item.product_id,
                "productName": item.product_name,
                "quantity": item.quantity,
                "price": plain(item.price),
                **({} if item.variant is None else {"variant": written(item.variant)}),
            }
            for item in order.items
        ],
        "payment": {"paymentId": payment.payment_id, "status": payment.status},
        "customer": {"email": order.customer_email, "name": order.customer_name},
        "notes": order.notes,
        "createdAt": iso(order.created_at),
        "updatedAt": iso(order.updated_at),
    }


def written(value: Any) -> Any:
    """Return free JSON unchanged, with fractions as exact numbers."""
    if isinstance(value, Decimal):
        return number(value)
    if is_object(value):
        return {name: written(item) for name, item in value.items()}
    return [written(item) for item in value] if is_array(value) else value
