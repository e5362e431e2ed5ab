"""Every endpoint of the API once: how it is called, what must arrive, and what must come back."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from typing import Any

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from inventpay import (
    AddedKeys,
    Balance,
    Balances,
    Checkout,
    CheckoutItem,
    Confirmation,
    DigitalContent,
    Invoice,
    KeyStats,
    Order,
    Payment,
    PaymentStatus,
    Product,
    ProductKey,
    RemovedKeys,
    Store,
    StoreAnalytics,
    StoreSettings,
    WebhookConfig,
    WebhookDelivery,
    WebhookStats,
    WebhookTest,
    Withdrawal,
)

from .clients import AnyClient

Ids = dict[str, Any]
"""Values that earlier rows left for later ones."""

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


@attrs.frozen
class Row:
    """One endpoint. ``path``, ``query`` and ``body`` may hold ids of earlier rows as ``{name}``."""

    method: str
    path: str
    call: Callable[[AnyClient, Ids], Any]
    result: type[Any]
    """The type of what comes back; of a list, that of its items."""
    body: Mapping[str, Any] | None = None
    query: str = ""
    keys: str = "api"
    """``"public"``, ``"api"`` or ``"both"``."""
    rate_class: str = "other"
    safety: str = attrs.Factory(lambda row: "read" if row.method == "GET" else "repeatable", takes_self=True)
    learn: Callable[[Any], Ids] = lambda result: {}
    """Values of the result that later rows need."""


PAYMENT = {"amount": 29.99, "amountCurrency": "USD", "currency": "USDT_BEP20", "orderId": "o1", "expirationMinutes": 30}
WITHDRAWAL = {"amount": 1, "currency": "USDT_BEP20", "destinationAddress": ADDRESS, "description": "October"}
STORE = {"name": "My Shop", "description": "d", "settings": {"acceptedCurrencies": ["BTC"], "minOrderAmount": 0.5}}
PRODUCT = {
    "name": "Mug",
    "price": 9.5,
    "currency": "USD",
    "images": ["https://cdn.example/1.png"],
    "stock": 5,
    "digitalContent": {"textContent": "Thank you"},
}
BASKET = {"items": [{"productId": "{product}", "quantity": 2}], "customerEmail": "a@b.example", "currency": "BTC"}

ROWS = [
    Row(
        "PUT",
        "/v1/merchant/webhook-url",
        lambda client, ids: client.webhooks.configure(ids["receiver"]),
        WebhookConfig,
        {"webhookUrl": "{receiver}"},
    ),
    Row(
        "POST",
        "/v1/create_payment",
        lambda client, ids: client.payments.create(
            amount="29.99", amount_currency="USD", currency="USDT_BEP20", order_id="o1"
        ),
        Payment,
        PAYMENT,
        rate_class="payment_creation",
        learn=lambda payment: {"payment": payment.payment_id},
    ),
    Row(
        "POST",
        "/v1/create_invoice",
        lambda client, ids: client.invoices.create(amount=5, amount_currency="USDT"),
        Invoice,
        {"amount": 5, "amountCurrency": "USDT", "expirationMinutes": 60},
        rate_class="payment_creation",
    ),
    Row(
        "GET",
        "/v1/invoice/{payment}/status",
        lambda client, ids: client.payments.status(ids["payment"]),
        PaymentStatus,
        keys="public",
        rate_class="status_checks",
    ),
    Row("GET", "/v1/merchant/balance", lambda client, ids: client.balances.all(), Balances),
    Row("GET", "/v1/merchant/balance/{coin}", lambda client, ids: client.balances.get(ids["coin"]), Balance),
    Row(
        "POST",
        "/v1/merchant/withdrawal/create",
        lambda client, ids: client.withdrawals.create(
            amount=1, currency="USDT_BEP20", destination_address=ADDRESS, description="October"
        ),
        Withdrawal,
        WITHDRAWAL,
        keys="both",
        rate_class="withdrawals",
        safety="once",
        learn=lambda withdrawal: {"withdrawal": withdrawal.withdrawal_id},
    ),
    Row(
        "GET",
        "/v1/withdrawal/{withdrawal}",
        lambda client, ids: client.withdrawals.get(ids["withdrawal"]),
        Withdrawal,
    ),
    Row(
        "POST",
        "/v1/store/manage",
        lambda client, ids: client.store.create(
            name="My Shop",
            description="d",
            settings=StoreSettings(accepted_currencies=("BTC",), min_order_amount="0.5"),  # type: ignore[arg-type]
        ),
        Store,
        STORE,
        learn=lambda store: {"slug": store.slug},
    ),
    Row("GET", "/v1/store/manage", lambda client, ids: client.store.get(), Store),
    Row(
        "PUT",
        "/v1/store/manage",
        lambda client, ids: client.store.update(description=None, is_published=True),
        Store,
        {"description": None, "isPublished": True},
    ),
    Row(
        "POST",
        "/v1/store/manage/products",
        lambda client, ids: client.store.products.create(
            name="Mug",
            price="9.50",
            images=["https://cdn.example/1.png"],
            stock=5,
            digital_content=DigitalContent(text_content="Thank you"),
        ),
        Product,
        PRODUCT,
        safety="once",
        learn=lambda product: {"product": product.id},
    ),
    Row(
        "GET",
        "/v1/store/manage/products",
        lambda client, ids: client.store.products.list(search="mug"),
        Product,
        query="page=1&search=mug",
    ),
    Row(
        "PUT",
        "/v1/store/manage/products/{product}",
        lambda client, ids: client.store.products.update(ids["product"], stock=None, sort_order=3),
        Product,
        {"stock": None, "sortOrder": 3},
    ),
    Row(
        "POST",
        "/v1/store/manage/products/{product}/keys",
        lambda client, ids: client.store.products.keys.add(ids["product"], ["K1", "K2"], label="May"),
        AddedKeys,
        {"keys": ["K1", "K2"], "label": "May"},
    ),
    Row(
        "GET",
        "/v1/store/manage/products/{product}/keys",
        lambda client, ids: client.store.products.keys.list(ids["product"], status="AVAILABLE", limit=10),
        ProductKey,
        query="page=1&limit=10&status=AVAILABLE",
    ),
    Row(
        "GET",
        "/v1/store/manage/products/{product}/keys/stats",
        lambda client, ids: client.store.products.keys.stats(ids["product"]),
        KeyStats,
    ),
    Row(
        "POST",
        "/v1/store/{slug}/checkout",
        lambda client, ids: client.store.checkout(
            ids["slug"], items=[CheckoutItem(ids["product"], 2)], customer_email="a@b.example", currency="BTC"
        ),
        Checkout,
        BASKET,
        keys="public",
        safety="once",
        learn=lambda checkout: {"order": checkout.order_id, "order_payment": checkout.payment_id},
    ),
    Row(
        "GET",
        "/v1/store/manage/orders",
        lambda client, ids: client.store.orders.list(status="PENDING"),
        Order,
        query="page=1&status=PENDING",
    ),
    Row("GET", "/v1/store/manage/orders/{order}", lambda client, ids: client.store.orders.get(ids["order"]), Order),
    Row(
        "PUT",
        "/v1/store/manage/orders/{order}/status",
        lambda client, ids: client.store.orders.update_status(ids["order"], "REFUNDED", notes="sorry"),
        Order,
        {"status": "REFUNDED", "notes": "sorry"},
    ),
    Row("GET", "/v1/store/manage/analytics", lambda client, ids: client.store.analytics(), StoreAnalytics),
    Row(
        "DELETE",
        "/v1/store/manage/products/{product}/keys",
        lambda client, ids: client.store.products.keys.remove_available(ids["product"]),
        RemovedKeys,
    ),
    Row(
        "DELETE",
        "/v1/store/manage/products/{product}",
        lambda client, ids: client.store.products.delete(ids["product"]),
        Confirmation,
    ),
    Row("GET", "/v1/merchant/webhook-config", lambda client, ids: client.webhooks.config(), WebhookConfig),
    Row("POST", "/v1/merchant/test-webhook", lambda client, ids: client.webhooks.test(), WebhookTest),
    Row(
        "GET",
        "/v1/merchant/webhook-deliveries",
        lambda client, ids: client.webhooks.deliveries(payment_id=ids["payment"], success=False, limit=10),
        WebhookDelivery,
        query="page=1&limit=10&success=false&paymentId={payment}",
        learn=lambda page: {"delivery": page.items[0].id},
    ),
    Row(
        "GET",
        "/v1/merchant/webhook-delivery/{delivery}",
        lambda client, ids: client.webhooks.delivery(ids["delivery"]),
        WebhookDelivery,
    ),
    Row(
        "POST",
        "/v1/merchant/webhook-delivery/{delivery}/retry",
        lambda client, ids: client.webhooks.retry(ids["delivery"]),
        WebhookDelivery,
    ),
    Row(
        "GET",
        "/v1/merchant/webhook-stats",
        lambda client, ids: client.webhooks.stats(days=30),
        WebhookStats,
        query="days=30",
    ),
    Row("DELETE", "/v1/merchant/webhook-url", lambda client, ids: client.webhooks.delete(), type(None)),
]


def filled(value: Any, ids: Ids) -> Any:
    """Return it with the ids of this run."""
    if isinstance(value, str):
        for name, known in ids.items():
            value = value.replace(f"{{{name}}}", str(known))
        return value
    if isinstance(value, Mapping):
        return {name: filled(item, ids) for name, item in value.items()}
    return [filled(item, ids) for item in value] if isinstance(value, list) else value


@attrs.frozen
class Arrived:
    """One request as the server got it."""

    method: str
    path: str
    query: str
    headers: Mapping[str, str]
    body: bytes


class Recorder:
    """An ASGI application that notes every request before another one answers it."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app
        self._lock = threading.Lock()
        self.requests: list[Arrived] = []

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        pieces: list[bytes] = []

        async def listen() -> Any:
            message = await receive()
            pieces.append(message.get("body", b""))
            return message

        async def answer(message: Any) -> None:
            # The request was read by now, or it never will be.
            if message["type"] == "http.response.start":
                headers = {name.decode(): value.decode() for name, value in scope["headers"]}
                query = scope["query_string"].decode()
                arrived = Arrived(scope["method"], scope["raw_path"].decode(), query, headers, b"".join(pieces))
                with self._lock:
                    self.requests.append(arrived)
            await send(message)

        await self._app(scope, listen, answer)
