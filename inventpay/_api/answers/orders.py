"""Orders and checkouts."""

from __future__ import annotations

from ..._core.json_values import is_object
from ..._json.converter import structure
from ...models.orders import Checkout, Order
from ..envelope import Json, enveloped, same
from ..page_walk import PageFacts
from .paging import page


def order(document: object, *, order_id: str) -> Order:
    """The order that was asked for."""
    answer = read(enveloped(document), "$.data")
    same(answer.id, order_id, "$.data.id")
    return answer


def orders(document: object, *, number: int, limit: int) -> PageFacts[Order]:
    """One page of orders."""
    return page(document, "orders", read, number=number, limit=limit)


def read(data: Json, path: str) -> Order:
    """One order, found at ``path``, with its total under either name."""
    if data.get("totalAmount") is None and "total" in data:
        shaped = {**data, "totalAmount": data["total"]}
        return structure(Order, shaped, path=path, raw=data, moved={"totalAmount": f"{path}.total"})
    return structure(Order, data, path=path)


# assumed: where the members of a checkout are looked for, under which names; the first that is there counts.
_CHECKOUT = {
    "orderId": ("orderId", "order.id", "order.orderId"),
    "orderNumber": ("orderNumber", "order.orderNumber"),
    "paymentId": ("paymentId", "payment.paymentId", "payment.id", "order.payment.paymentId"),
    "invoiceUrl": ("invoiceUrl", "payment.invoiceUrl", "paymentUrl", "checkoutUrl"),
    "amount": ("amount", "payment.amount"),
    "currency": ("payment.currency", "currency"),
    "address": ("address", "payment.address"),
    "expiresAt": ("expiresAt", "payment.expiresAt"),
}


def checkout(document: object) -> Checkout:
    """The order a buyer made, and how to pay it."""
    data = enveloped(document)
    shaped, moved = Json(), dict[str, str]()
    for name, places in _CHECKOUT.items():
        for place in places:
            value: object = data
            for step in place.split("."):
                value = value.get(step) if is_object(value) else None
            if value is not None:
                shaped[name], moved[name] = value, f"$.data.{place}"
                break
    return structure(Checkout, shaped, path="$.data", raw=data, moved=moved)
