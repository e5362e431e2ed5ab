"""Models of orders."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .._json.fields import strict
from .base import Model
from .enums import Currency, State

__all__ = ["Checkout", "Order", "OrderItem", "OrderState"]


class OrderState(State):
    """Values of ``Order.status`` (vendor's MCP server and skill document).

    Orders of digital products become COMPLETED by themselves when they are paid.
    """

    PENDING = "PENDING"
    """Not paid yet."""
    PAID = "PAID"
    """Paid, and not handled yet."""
    PROCESSING = "PROCESSING"
    """The merchant prepares it."""
    SHIPPED = "SHIPPED"
    """On its way to the buyer."""
    COMPLETED = "COMPLETED"
    """The buyer has it."""
    CANCELLED = "CANCELLED"
    """It was called off."""
    REFUNDED = "REFUNDED"
    """The buyer got the money back."""


@frozen(kw_only=True, repr=False)
class OrderItem(Model):
    """One line of an order."""

    product_id: str
    """Id of the product."""
    quantity: int
    """Number of pieces."""
    price: Decimal
    """Price of one piece, in the order's currency."""
    product_name: str | None = None
    """Name of the product."""


@frozen(kw_only=True, repr=False)
class Order(Model):
    """An order (vendor's JavaScript SDK)."""

    id: str
    """Id of the order."""
    status: OrderState | str
    """State of the order; a state that this version does not know is plain text."""
    total_amount: Decimal
    """Price of all items, in ``currency``; from ``totalAmount`` or ``total``."""
    currency: str | None = strict()
    """Currency of the amounts, USDT where the API names none."""
    order_number: str | None = None
    """Number of the order, for people."""
    items: tuple[OrderItem, ...] = strict(())
    """Lines of the order."""
    payment: Mapping[str, Any] | None = field(default=None, hash=False)
    """The payment, as the API sent it; no source shows its members."""
    customer: Mapping[str, Any] | None = field(default=None, hash=False)
    """The buyer, as the API sent it; no source shows its members."""
    notes: str | None = None
    """Your own words on the order."""
    store_id: str | None = None
    """Id of the store."""
    created_at: datetime | None = None
    """Time of creation."""
    updated_at: datetime | None = None
    """Time of the last change."""


@frozen(kw_only=True, repr=False)
class Checkout(Model):
    """The order that a buyer made, and how to pay it (vendor's skill document).

    No source shows this answer. Members are read under the names that the API gives them elsewhere, at the top, in
    ``order`` or in ``payment``; the others are ``None``, and ``raw`` has everything.
    """

    order_id: str | None = strict()
    """Id of the order."""
    order_number: str | None = None
    """Number of the order, for people."""
    payment_id: str | None = strict()
    """Id of the payment, for ``client.payments.status`` and ``wait``."""
    invoice_url: str | None = None
    """URL of the hosted page to send the buyer to."""
    amount: Decimal | None = strict()
    """Amount to pay, in ``currency``."""
    currency: Currency | str | None = strict()
    """Currency of ``amount``."""
    address: str | None = strict()
    """Address to pay to."""
    expires_at: datetime | None = None
    """Time until which the order can be paid."""
