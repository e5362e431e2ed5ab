"""The store's bodies from sources other than the official JS client (see ``variants.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Final

from .bodies import Body

# The members of the official JS client's product; the others are those of its skill and MCP server.
_FEW_OF_PRODUCT: Final = (
    "id",
    "storeId",
    "name",
    "slug",
    "description",
    "price",
    "currency",
    "images",
    "stock",
    "isActive",
    "digitalContent",
    "createdAt",
    "updatedAt",
)


def as_it_is(body: Body) -> Body:
    """Return the body unchanged."""
    return body


def store_active(body: Body) -> Body:
    """Return a store with the flag of the official skill."""
    return _renamed(body, "isPublished", "isActive")


def store_counted(body: Body) -> Body:
    """Return a store with the flag and counts of the official MCP server."""
    counts = {"products": body["productCount"], "orders": body["orderCount"]}
    kept = {name: value for name, value in body.items() if name not in ("productCount", "orderCount")}
    return {**store_active(kept), "_count": counts}


def product_short(body: Body) -> Body:
    """Return a product with only the members of the JS client's type."""
    return {name: body[name] for name in _FEW_OF_PRODUCT}


def order_total(body: Body) -> Body:
    """Return an order with the total of the official MCP server."""
    return _renamed(body, "totalAmount", "total")


def _renamed(body: Body, old: str, new: str) -> Body:
    return {new if name == old else name: value for name, value in body.items()}


STORE_SHAPES: Final[Mapping[str, Callable[[Body], Body]]] = {
    "is-published": as_it_is,
    "is-active": store_active,
    "counted": store_counted,
}
PRODUCT_SHAPES: Final[Mapping[str, Callable[[Body], Body]]] = {"all-members": as_it_is, "short": product_short}
ORDER_SHAPES: Final[Mapping[str, Callable[[Body], Body]]] = {"total-amount": as_it_is, "total": order_total}
