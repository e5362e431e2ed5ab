"""An order and its life: pure functions from one immutable record to the next.

PENDING -> PAID -> PROCESSING -> SHIPPED -> COMPLETED -> REFUNDED      and shorter ways, see TRANSITIONS
        -> COMPLETED     at once, when everything in it is digital
        -> CANCELLED     when its payment expires or fails
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import attrs

from ..errors import SandboxError
from ..merchant.money import multiply, total
from .products import Product


class OrderStatus(StrEnum):
    """The statuses of an order."""

    PENDING = "PENDING"
    PAID = "PAID"
    PROCESSING = "PROCESSING"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


# Documented: the statuses that a merchant can set, and the union of the steps in the official MCP server and skill.
SETTABLE = (
    OrderStatus.PROCESSING,
    OrderStatus.SHIPPED,
    OrderStatus.COMPLETED,
    OrderStatus.CANCELLED,
    OrderStatus.REFUNDED,
)
TRANSITIONS: Mapping[OrderStatus, Sequence[OrderStatus]] = {
    OrderStatus.PAID: SETTABLE,
    OrderStatus.PROCESSING: (OrderStatus.SHIPPED, OrderStatus.COMPLETED),
    OrderStatus.SHIPPED: (OrderStatus.COMPLETED,),
    OrderStatus.COMPLETED: (OrderStatus.REFUNDED,),
}


@attrs.frozen(kw_only=True)
class BasketLine:
    """One line of a basket."""

    product_id: str
    quantity: int
    variant: Mapping[str, object] | None = None


@attrs.frozen(kw_only=True)
class NewOrder:
    """A buyer's request. Without a ``currency`` the buyer chooses the coin on the payment's page."""

    lines: Sequence[BasketLine]
    customer_email: str | None
    customer_name: str | None
    currency: str | None


@attrs.frozen(kw_only=True)
class Item:
    """One line of an order, with the product's data at the time of the order."""

    product_id: str
    product_name: str
    quantity: int
    price: Decimal
    variant: Mapping[str, object] | None


@attrs.frozen(kw_only=True)
class Order:
    """The state of an order. Times are Unix seconds."""

    order_id: str
    number: str
    items: Sequence[Item]
    amount: Decimal
    currency: str
    is_digital: bool
    payment_id: str
    customer_email: str | None
    customer_name: str | None
    created_at: float
    updated_at: float
    status: OrderStatus = OrderStatus.PENDING
    notes: str | None = None


def items(lines: Sequence[BasketLine], products: Sequence[Product]) -> list[Item]:
    """Return the lines of a basket at current prices."""
    return [
        Item(
            product_id=product.product_id,
            product_name=product.name,
            quantity=line.quantity,
            price=product.price,
            variant=line.variant,
        )
        for line, product in zip(lines, products, strict=True)
    ]


def amount(lines: Sequence[Item]) -> Decimal:
    """Return the sum of the lines."""
    return total(multiply(line.price, Decimal(line.quantity)) for line in lines)


def pay(order: Order, now: float) -> Order:
    """Mark an order as paid; digital products are delivered with it (official MCP server and skill)."""
    status = OrderStatus.COMPLETED if order.is_digital else OrderStatus.PAID
    return attrs.evolve(order, status=status, updated_at=now)


def cancel(order: Order, now: float) -> Order:
    """Cancel a PENDING order."""
    return attrs.evolve(order, status=OrderStatus.CANCELLED, updated_at=now)


def move(order: Order, status: OrderStatus, notes: str | None, now: float) -> Order:
    """Move an order to a status chosen by the merchant; setting the current one changes nothing."""
    if status is not order.status and status not in TRANSITIONS.get(order.status, ()):
        raise SandboxError(400, f"Order is {order.status} and cannot become {status}")
    return attrs.evolve(order, status=status, notes=order.notes if notes is None else notes, updated_at=now)
