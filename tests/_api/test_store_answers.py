"""The store's answers, in every shape that some source shows or implies."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from inventpay._api import key_pools, orders, products, stores
from inventpay.errors import DecodeError
from inventpay.models import (
    AddedKeys,
    Checkout,
    ContentType,
    Currency,
    DigitalContent,
    KeyState,
    KeyStats,
    OrderItem,
    OrderState,
    RemovedKeys,
)
from tests.support.documented import document
from tests.support.store_bodies import KEY, ORDER, PRODUCT, STORE

NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)


def enveloped(data: object) -> dict[str, Any]:
    return {"success": True, "data": data, "message": "Done"}


def fault(read: Callable[..., object], *args: Any, **kwargs: Any) -> str:
    with pytest.raises(DecodeError) as caught:
        read(*args, **kwargs)
    return caught.value.message


# The store


def test_a_store_of_the_javascript_sdk() -> None:
    """All members that the JavaScript SDK types are read."""
    store = stores.read_store(enveloped(STORE))
    assert (store.id, store.merchant_id, store.name, store.slug) == (
        "store1",
        "cmf123abc456def",
        "My Digital Shop",
        "my-digital-shop",
    )
    assert (store.description, store.logo, store.banner, store.is_published) == (None, None, None, True)
    assert store.settings is not None
    assert store.settings.accepted_currencies == (Currency.BTC,)
    assert (store.settings.min_order_amount, store.settings.max_order_amount) == (Decimal(5), None)
    assert (store.product_count, store.order_count, store.created_at, store.updated_at) == (1, 0, NOON, NOON)
    assert store.raw == STORE


def test_a_store_of_the_skill_document_and_the_mcp_server() -> None:
    """Another name of the flag, counts in a member of their own, a URL."""
    data = {
        "id": "s",
        "name": "S",
        "slug": "s",
        "url": "https://inventpay.io/store/s",
        "isActive": False,
        "_count": {"products": 3, "orders": 4},
    }
    store = stores.read_store(enveloped(data))
    assert (store.is_published, store.product_count, store.order_count) == (False, 3, 4)
    assert store.url == "https://inventpay.io/store/s"
    assert store.raw == data
    assert stores.read_store(enveloped({**data, "_count": None})).product_count is None


def test_what_is_said_twice_counts_under_its_first_name() -> None:
    """``isPublished`` and ``productCount`` are the names of the typed SDK."""
    store = stores.read_store(enveloped({**STORE, "isActive": False, "_count": {"products": 9}}))
    assert (store.is_published, store.product_count) == (True, 1)


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"slug": None}, "$.data.slug is null, not text"),
        ({"settings": {"minOrderAmount": "x"}}, "$.data.settings.minOrderAmount is text that is not a number"),
    ],
)
def test_an_undocumented_store(changes: dict[str, object], problem: str) -> None:
    """Named with its path, under the name it came by."""
    assert fault(stores.read_store, enveloped({**STORE, **changes})) == problem


def test_figures_are_a_mapping() -> None:
    """Figures are a mapping by the API's own names."""
    figures = stores.read_analytics(enveloped({"totalRevenue": Decimal("0.10"), "orders": {"PAID": 1}}))
    assert dict(figures) == {"totalRevenue": Decimal("0.10"), "orders": {"PAID": 1}}
    assert (len(figures), figures["totalRevenue"], figures.raw) == (2, Decimal("0.10"), dict(figures))


@pytest.mark.parametrize(
    ("body", "message"),
    [
        ({"success": True, "message": "Gone"}, "Gone"),
        ({"success": True, "data": {"message": "Gone"}}, "Gone"),
        ({"success": True, "data": None}, None),
        ({}, None),
    ],
)
def test_a_confirmation(body: dict[str, object], message: str | None) -> None:
    """The answer may say anything besides that it worked."""
    assert stores.read_confirmation(body).message == message


# Products


def test_a_product_of_the_javascript_sdk() -> None:
    """Every member it types, as the documented page of products shows it."""
    (product,) = products.read_products(document("products.page"), number=1, limit=20).items
    assert (product.id, product.store_id, product.name, product.slug) == (
        "prod1",
        "store1",
        "Premium Template Pack",
        "premium-template-pack",
    )
    assert (product.price, product.currency, product.images, product.stock) == (Decimal("29.99"), "USD", (), 100)
    assert (product.description, product.digital_content, product.is_active) == (None, None, True)
    assert (product.created_at, product.updated_at) == (NOON, NOON)


def test_a_product_of_the_skill_document() -> None:
    """Number for a price, no currency, and what a skill has."""
    data = {
        "id": "p",
        "name": "P",
        "price": Decimal("9.90"),
        "stock": None,
        "contentType": "SKILL",
        "skillMeta": {"name": "x"},
        "productUrl": "https://inventpay.io/store/s/product/p",
        "images": None,
        "variants": [{"size": "L"}],
        "metadata": {"sku": 1},
        "sortOrder": 3,
        "digitalContent": {"textContent": "Thank you", "licenseKey": "L-1", "fileSize": 12},
    }
    product = products.read_product(enveloped(data))
    assert (product.price, product.currency, product.stock, product.images) == (Decimal("9.90"), None, None, ())
    assert (product.content_type, product.skill_meta) == (ContentType.SKILL, {"name": "x"})
    assert (product.variants, product.metadata, product.sort_order) == (({"size": "L"},), {"sku": 1}, 3)
    assert product.digital_content == DigitalContent(text_content="Thank you", license_key="L-1", file_size=12)
    assert "L-1" not in repr(product)


def test_unknown_words_survive() -> None:
    """A content type or status of a later release is text."""
    assert products.read_product(enveloped({**PRODUCT, "contentType": "BOOK"})).content_type == "BOOK"
    assert orders.read_order(enveloped({**ORDER, "status": "PACKED"})).status == "PACKED"
    assert key_pools.read_one({**KEY, "status": "LOST"}, "$").status == "LOST"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"price": None}, "$.data.price is null, not money"),
        ({"stock": "few"}, "$.data.stock is text, not a whole number"),
        ({"currency": 5}, "$.data.currency is a number, not text"),
    ],
)
def test_an_undocumented_product(changes: dict[str, object], problem: str) -> None:
    """A product of an unknown form is an error with its path."""
    assert fault(products.read_product, enveloped({**PRODUCT, **changes})) == problem


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"images": [[]]}, "$.data.images[0]"),
        ({"createdAt": "yesterday"}, "$.data.createdAt"),
        ({"isActive": 1}, "$.data.isActive"),
        ({"metadata": []}, "$.data.metadata"),
        ({"digitalContent": {"fileSize": "big"}}, "$.data.digitalContent.fileSize"),
    ],
)
def test_malformed_decoration_of_a_product(changes: dict[str, object], path: str) -> None:
    """The product is read without it, and ``unread`` has its path."""
    assert products.read_product(enveloped({**PRODUCT, **changes})).unread == (path,)


@pytest.mark.parametrize(
    ("changes", "path"),
    [
        ({"isPublished": None, "isActive": 1}, "$.data.isActive"),
        ({"productCount": None, "_count": {"products": "some"}}, "$.data._count.products"),
        ({"_count": []}, "$.data._count"),
    ],
)
def test_malformed_decoration_of_a_store(changes: dict[str, object], path: str) -> None:
    """The store is read without it, and ``unread`` has its path under the name it came by."""
    assert stores.read_store(enveloped({**STORE, **changes})).unread == (path,)


def test_stock_as_text() -> None:
    """A whole number may be text, where ``None`` means something too."""
    assert products.read_product(enveloped({**PRODUCT, "stock": "5"})).stock == 5


def test_order_numbers_may_be_numbers() -> None:
    """The number of an order is text, whatever its digits; an odd item refuses the order."""
    assert orders.read_order(enveloped({**ORDER, "orderNumber": 1001})).order_number == "1001"
    items = [{"productId": "p", "quantity": 1, "price": None}]
    assert fault(orders.read_order, enveloped({**ORDER, "items": items})) == "$.data.items[0].price is null, not money"


# Keys


@pytest.mark.parametrize("wrap", [enveloped, lambda data: data], ids=["enveloped", "bare"])
def test_counts_come_in_an_envelope_or_bare(wrap: Callable[[object], dict[str, Any]]) -> None:
    """Counts are read with and without an envelope."""
    assert key_pools.read_added(wrap({"added": 3, "duplicates": 1})) == AddedKeys(added=3, duplicates=1)
    assert key_pools.read_removed(wrap({"removed": 3})) == RemovedKeys(removed=3)
    stats = key_pools.read_stats(wrap({"available": 1, "assigned": 2, "revoked": 3, "total": 6, "useKeyPool": True}))
    assert stats == KeyStats(available=1, assigned=2, revoked=3, total=6, use_key_pool=True)


def test_undocumented_counts() -> None:
    """A count is a whole number, and it is there."""
    assert key_pools.read_added(enveloped({"added": "3", "duplicates": 0})).added == 3
    assert fault(key_pools.read_added, enveloped({"added": "x", "duplicates": 0})) == (
        "$.data.added is text, not a whole number"
    )
    assert fault(key_pools.read_removed, enveloped({})) == "$.data.removed is missing"
    assert fault(key_pools.read_added, {"added": 1}) == "$.duplicates is missing"
    assert fault(key_pools.read_added, {}) == "$.data is missing"


def test_a_page_of_keys() -> None:
    """Every member the JavaScript SDK types; the key itself stays out of the repr."""
    body = enveloped({"keys": [KEY], "pagination": {"page": 1, "limit": 50, "total": 1, "pages": 1}})
    (key,) = key_pools.read_keys(body, number=1, limit=50).items
    assert (key.id, key.key_value, key.label, key.status) == (
        "key1",
        "LICENSE-AAAA-0001",
        "January Batch",
        KeyState.AVAILABLE,
    )
    assert (key.order_id, key.assigned_at, key.created_at) == (None, None, NOON)
    assert "LICENSE" not in repr(key)


# Orders


def test_an_order_of_the_javascript_sdk() -> None:
    """All members that the JavaScript SDK types are read."""
    order = orders.read_order(enveloped(ORDER))
    assert (order.id, order.order_number, order.store_id, order.status) == (
        "order1",
        "ORD-1",
        "store1",
        OrderState.PAID,
    )
    assert (order.total_amount, order.currency, order.payment) == (Decimal("59.98"), "USD", None)
    assert order.customer == {"email": "ada@example.com"}
    assert order.items == (
        OrderItem(product_id="prod1", product_name="Premium Template Pack", quantity=2, price=Decimal("29.99")),
    )
    assert (order.created_at, order.updated_at, order.notes) == (NOON, NOON, None)


def test_the_total_has_two_names() -> None:
    """``total`` is the MCP server's; ``totalAmount`` wins."""
    other = {name: value for name, value in ORDER.items() if name != "totalAmount"}
    assert orders.read_order(enveloped({**other, "total": "1.50"})).total_amount == Decimal("1.50")
    assert orders.read_order(enveloped({**ORDER, "total": "1.50"})).total_amount == Decimal("59.98")
    assert fault(orders.read_order, enveloped({**other, "total": []})) == ("$.data.total is a list, not money")
    assert fault(orders.read_order, enveloped(other)) == "$.data.totalAmount is missing"


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        ({}, Checkout()),
        (
            {"orderId": "o1", "paymentId": "cmh1", "invoiceUrl": "https://x", "amount": "5", "currency": "BTC"},
            Checkout(
                order_id="o1", payment_id="cmh1", invoice_url="https://x", amount=Decimal(5), currency=Currency.BTC
            ),
        ),
        (
            {
                "order": {"id": "o1", "orderNumber": "1"},
                "payment": {
                    "paymentId": "cmh1",
                    "amount": 5,
                    "currency": "BTC",
                    "address": "bc1q",
                    "expiresAt": "2024-01-01T12:00:00Z",
                },
                "currency": "USD",
            },
            Checkout(
                order_id="o1",
                order_number="1",
                payment_id="cmh1",
                amount=Decimal(5),
                currency=Currency.BTC,
                address="bc1q",
                expires_at=NOON,
            ),
        ),
        ({"payment": "none", "paymentUrl": "https://y"}, Checkout(invoice_url="https://y")),
    ],
)
def test_a_checkout_is_read_wherever_its_members_are(data: dict[str, object], expected: Checkout) -> None:
    """A checkout's members are read from every possible place, because no source shows the answer."""
    checkout = orders.read_checkout(enveloped(data))
    assert checkout == expected
    assert checkout.raw == data


def test_a_checkout_that_cannot_be_read() -> None:
    """A member with a known name must have the type that it says."""
    assert (
        fault(orders.read_checkout, enveloped({"payment": {"amount": []}}))
        == "$.data.payment.amount is a list, not money"
    )
