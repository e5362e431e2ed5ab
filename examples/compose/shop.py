"""A shop with several processes: they share one rate limit, the orders and the handled events, in Valkey.

See ../compose.yaml.
"""

import os
import uuid
from contextlib import asynccontextmanager

import redis.asyncio
from fastapi import FastAPI, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse

from inventpay import AsyncInventPay, InventPayError
from inventpay.redis import RedisLimiter, RedisSeenStore
from inventpay.webhooks import PaidEvent, WebhookReceiver

PRICE = "29.99"


def make_app() -> FastAPI:
    address = os.environ["VALKEY_URL"]
    orders = redis.asyncio.from_url(address, decode_responses=True)
    receiver = WebhookReceiver(seen=RedisSeenStore(address, persistent=True))
    # allow_insecure: the sandbox is reached over plain http. With other keys than a sandbox's this is refused.
    client = AsyncInventPay(limiter=RedisLimiter(address), allow_insecure=True)

    @asynccontextmanager
    async def lifespan(app: FastAPI):
        async with client, orders:
            yield

    app = FastAPI(lifespan=lifespan)

    @app.get("/", response_class=HTMLResponse)
    async def start():
        return f'<h1>Mugs</h1><form method="post" action="/orders"><button>Buy one for {PRICE} USD</button></form>'

    @app.post("/orders")
    async def order():
        order_id = uuid.uuid4().hex
        await orders.hset(f"order:{order_id}", mapping={"state": "open", "shipments": 0})
        try:
            payment = await client.payments.create(
                amount=PRICE,
                amount_currency="USD",
                currency="USDT_BEP20",
                order_id=order_id,
                idempotency_key=f"order-{order_id}",
            )
        except InventPayError as error:
            raise HTTPException(503, "Payments are not available at the moment; please try again.") from error
        await orders.hset(f"order:{order_id}", "payment_id", payment.payment_id)
        return RedirectResponse(payment.invoice_url, status_code=303, headers={"X-Order": order_id})

    @app.get("/orders/{order_id}")
    async def show(order_id: str):
        found = await orders.hgetall(f"order:{order_id}")
        if not found:
            raise HTTPException(404)
        return found

    @receiver.on_paid
    async def ship(event: PaidEvent):
        if event.order_id is not None:
            # One step of the server: a process that dies leaves all of it or nothing.
            async with orders.pipeline(transaction=True) as step:
                step.hset(f"order:{event.order_id}", "state", "paid")
                step.hincrby(f"order:{event.order_id}", "shipments", 1)
                await step.execute()

    app.add_route("/webhooks/inventpay", receiver.asgi, methods=["POST"])
    return app
