"""Orders of the store, and the checkout that makes them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final

from .._core.json_values import is_object
from .._json.converter import structure, write_json
from ..models.checkout import CheckoutItem
from ..models.orders import Checkout, Order
from . import arguments, bounds
from . import store_arguments as checks
from .call import Call, builder_of, read_key, reader_of
from .endpoints import CHECKOUT, ORDER, ORDERS, UPDATE_ORDER_STATUS
from .envelope import Json, enveloped
from .page_walk import PageFacts
from .pagination import page_query, read_page
from .status_errors import checked_document

PAGE_LIMIT: Final = bounds.ORDERS_PAGE
"""Orders on one page, at most (vendor's MCP server and skill document)."""

_status: Final = checks.word("PAID")


@builder_of(ORDERS)
def page(number: int, *, status: str | None, limit: int | None) -> Call[PageFacts[Order]]:
    """``GET /v1/store/manage/orders``."""
    wanted = None if status is None else _status(status, "status")
    return Call(
        endpoint=ORDERS,
        path=ORDERS.template + page_query(number, limit, most=PAGE_LIMIT, status=wanted),
        read=lambda response: read_orders(checked_document(response), number=number, limit=limit),
    )


@builder_of(ORDER)
def get(order_id: str) -> Call[Order]:
    """``GET /v1/store/manage/orders/{orderId}``."""
    order_id = checks.identifier(order_id, "order_id")
    return Call(
        endpoint=ORDER,
        path=ORDER.path(orderId=order_id),
        read=lambda response: read_order(checked_document(response)),
    )


@builder_of(UPDATE_ORDER_STATUS)
def update_status(order_id: str, status: str, *, notes: str | None) -> Call[Order]:
    """``PUT /v1/store/manage/orders/{orderId}/status``."""
    order_id = checks.identifier(order_id, "order_id")
    body: dict[str, Any] = {"status": _status(status, "status")}
    if notes is not None:
        body["notes"] = checks.text(bounds.ORDER_NOTES)(notes, "notes")
    return Call(
        endpoint=UPDATE_ORDER_STATUS,
        path=UPDATE_ORDER_STATUS.path(orderId=order_id),
        read=lambda response: read_order(checked_document(response)),
        body=write_json(body),
    )


@builder_of(CHECKOUT)
def checkout(
    slug: str,
    *,
    items: Iterable[CheckoutItem],
    customer_email: str | None,
    customer_name: str | None,
    currency: str | None,
    idempotency_key: str | None,
) -> Call[Checkout]:
    """``POST /v1/store/{slug}/checkout``."""
    slug = checks.identifier(slug, "slug")
    body: dict[str, Any] = {"items": _items(items)}
    for name, member, value in (
        ("customer_email", "customerEmail", customer_email),
        ("customer_name", "customerName", customer_name),
    ):
        if value is not None:
            body[member] = checks.text(bounds.CUSTOMER_LENGTH, at_least=1)(value, name)
    if currency is not None:
        body["currency"] = arguments.currency(currency, "currency")
    return Call(
        endpoint=CHECKOUT,
        path=CHECKOUT.path(slug=slug),
        read=lambda response: read_checkout(checked_document(response)),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
        key_is_new=idempotency_key is None,
    )


def _items(items: object) -> list[dict[str, Any]]:
    if not isinstance(items, Iterable):
        raise arguments.refused("items", f"must be a list of CheckoutItem, not {type(items).__name__}")
    lines: list[dict[str, Any]] = []
    for index, item in enumerate(items):  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        where = f"items[{index}]"
        if not isinstance(item, CheckoutItem):
            raise arguments.refused(where, f"must be a CheckoutItem, not {type(item).__name__}")  # pyright: ignore[reportUnknownArgumentType]
        line: dict[str, Any] = {
            "productId": checks.identifier(item.product_id, f"{where}.product_id"),
            "quantity": arguments.whole(item.quantity, f"{where}.quantity", *bounds.QUANTITY),
        }
        if item.variant is not None:
            line["variant"] = checks.json_object(item.variant, f"{where}.variant")
        lines.append(line)
    if not lines:
        raise arguments.refused("items", "is empty; a checkout needs at least 1 item")
    return lines


@reader_of(ORDER, UPDATE_ORDER_STATUS)
def read_order(document: object) -> Order:
    """Return the order that was asked for."""
    return read_one(enveloped(document), "$.data")


def read_orders(document: object, *, number: int, limit: int | None) -> PageFacts[Order]:
    """Return one page of orders."""
    return read_page(document, "orders", read_one, number=number, limit=limit)


def read_one(data: Json, path: str) -> Order:
    """Return one order, found at ``path``, with its total under either name."""
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


@reader_of(CHECKOUT)
def read_checkout(document: object) -> Checkout:
    """Read the order that a buyer made, and how to pay it."""
    return read_one_checkout(enveloped(document), "$.data")


def read_one_checkout(data: Json, path: str) -> Checkout:
    """Read a checkout found at ``path``, wherever its members stand."""
    shaped, moved = Json(), dict[str, str]()
    for name, places in _CHECKOUT.items():
        for place in places:
            value: object = data
            for step in place.split("."):
                value = value.get(step) if is_object(value) else None
            if value is not None:
                shaped[name], moved[name] = value, f"{path}.{place}"
                break
    return structure(Checkout, shaped, path=path, raw=data, moved=moved)
