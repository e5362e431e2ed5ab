"""What calls about orders answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from .enums import Currency
from .raw import raw_field

__all__ = ["Checkout", "Order", "OrderItem", "OrderState"]


class OrderState(StrEnum):
    """What ``Order.status`` can be (vendor's MCP server and skill document).

    Orders of digital products become COMPLETED by themselves when they are paid.
    """

    PENDING = "PENDING"
    """Not paid yet."""
    PAID = "PAID"
    PROCESSING = "PROCESSING"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


@frozen(kw_only=True)
class OrderItem:
    """One line of an order."""

    product_id: str
    quantity: int
    price: Decimal
    """Of one piece."""
    product_name: str | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Order:
    """An order (vendor's JavaScript SDK)."""

    id: str
    status: OrderState | str
    total_amount: Decimal
    """From ``totalAmount`` or ``total``."""
    currency: str | None = None
    order_number: str | None = None
    items: tuple[OrderItem, ...] = ()
    payment: Mapping[str, Any] | None = field(default=None, hash=False)
    """What paid for it; no source shows its members."""
    customer: Mapping[str, Any] | None = field(default=None, hash=False)
    """Who bought it; no source shows its members."""
    notes: str | None = None
    store_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Checkout:
    """What a buyer has to pay, and where (vendor's skill document).

    No source shows this answer. Members are read under the names the API gives them elsewhere, be they at the top, in
    ``order`` or in ``payment``; what is not there is ``None``, and ``raw`` has everything.
    """

    order_id: str | None = None
    order_number: str | None = None
    payment_id: str | None = None
    """For ``client.payments.status`` and ``wait``."""
    invoice_url: str | None = None
    """Hosted page to send the buyer to."""
    amount: Decimal | None = None
    currency: Currency | str | None = None
    address: str | None = None
    expires_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()
