"""A shop with one product: order, pay, and get a mug.

uvicorn --factory shop:make_app
"""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse
from orders import Orders

from inventpay import AsyncInventPay, InventPayError
from inventpay.webhooks import PaidEvent, PaymentExpiredEvent, SQLiteSeenStore, WebhookReceiver

PRICE = "29.99"


def make_app(folder: Path = Path()) -> FastAPI:
    orders = Orders(folder / "orders.sqlite3")
    receiver = WebhookReceiver(seen=SQLiteSeenStore(folder / "webhooks.sqlite3"))
    client = AsyncInventPay()  # keys from the environment

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        async with client:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/", response_class=HTMLResponse)
    async def start() -> str:
        return f'<h1>Mugs</h1><form method="post" action="/orders"><button>Buy one for {PRICE} USD</button></form>'

    @app.post("/orders")
    async def order() -> RedirectResponse:
        order_id = uuid.uuid4().hex
        orders.add(order_id, PRICE)  # written first: a payment never belongs to an order that is not there
        return RedirectResponse(f"/orders/{order_id}/pay", status_code=303)

    @app.get("/orders/{order_id}/pay")
    async def pay(order_id: str) -> RedirectResponse:
        found = orders.get(order_id)
        if found is None:
            raise HTTPException(404)
        try:
            # The order's id is the idempotency key: two clicks, or a click after a failure, get one payment.
            payment = await client.payments.create(
                amount=found["price"],
                amount_currency="USD",
                currency="USDT_BEP20",
                order_id=order_id,
                idempotency_key=f"order-{order_id}",
            )
        except InventPayError as error:
            raise HTTPException(503, "Payments are not available at the moment; please try again.") from error
        orders.set_payment(order_id, payment.payment_id)
        return RedirectResponse(payment.invoice_url, status_code=303)

    @app.get("/orders/{order_id}", response_class=HTMLResponse)
    async def show(order_id: str) -> str:
        found = orders.get(order_id)
        if found is None:
            raise HTTPException(404)
        return f"<h1>Your order is {found['state']}</h1>"

    @receiver.on_paid
    def paid(event: PaidEvent) -> None:
        if event.test:  # sent by the dashboard's test button: no coin was moved
            return
        if event.order_id is not None and orders.mark_paid(event.order_id):
            print("pack a mug for", event.order_id)

    @receiver.on("payment.expired")
    def expired(event: PaymentExpiredEvent) -> None:
        if event.order_id is not None:
            orders.mark_expired(event.order_id)

    app.add_route("/webhooks/inventpay", receiver.asgi, methods=["POST"])
    return app
