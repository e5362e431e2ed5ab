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
    PENDING = "PENDING"
    PAID = "PAID"
    PROCESSING = "PROCESSING"
    SHIPPED = "SHIPPED"
    COMPLETED = "COMPLETED"
    CANCELLED = "CANCELLED"
    REFUNDED = "REFUNDED"


# Documented: what a merchant can set, and the union of what the official MCP server and skill allow.
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
class Wish:
    """One line of a basket."""

    product_id: str
    quantity: int
    variant: Mapping[str, object] | None = None


@attrs.frozen(kw_only=True)
class NewOrder:
    """What a buyer asks for. Without a `currency` the buyer chooses the coin on the payment's page."""

    wishes: Sequence[Wish]
    customer_email: str | None
    customer_name: str | None
    currency: str | None


@attrs.frozen(kw_only=True)
class Item:
    """One line of an order, with the product as it was."""

    product_id: str
    product_name: str
    quantity: int
    price: Decimal
    variant: Mapping[str, object] | None


@attrs.frozen(kw_only=True)
class Order:
    """An order as it stands. Times are Unix seconds."""

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


def items(wishes: Sequence[Wish], products: Sequence[Product]) -> list[Item]:
    """The lines of a basket at today's prices."""
    return [
        Item(
            product_id=product.product_id,
            product_name=product.name,
            quantity=wish.quantity,
            price=product.price,
            variant=wish.variant,
        )
        for wish, product in zip(wishes, products, strict=True)
    ]


def amount(lines: Sequence[Item]) -> Decimal:
    return total(multiply(line.price, Decimal(line.quantity)) for line in lines)


def pay(order: Order, now: float) -> Order:
    """What is digital is delivered with its payment (official MCP server and skill)."""
    status = OrderStatus.COMPLETED if order.is_digital else OrderStatus.PAID
    return attrs.evolve(order, status=status, updated_at=now)


def cancel(order: Order, now: float) -> Order:
    return attrs.evolve(order, status=OrderStatus.CANCELLED, updated_at=now)


def move(order: Order, status: OrderStatus, notes: str | None, now: float) -> Order:
    """A step by the merchant; saying the same once more changes nothing."""
    if status is not order.status and status not in TRANSITIONS.get(order.status, ()):
        raise SandboxError(400, f"Order is {order.status} and cannot become {status}")
    return attrs.evolve(order, status=status, notes=order.notes if notes is None else notes, updated_at=now)
