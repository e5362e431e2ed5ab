"""A receiver in FastAPI, as type checkers must accept it. Never run."""

from __future__ import annotations

from fastapi import APIRouter, FastAPI, Request, Response

from inventpay import AsyncInventPay, Payment
from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()


@receiver.on_paid
async def fulfil(event: PaidEvent) -> None:
    print(event.order_id)


app = FastAPI()
app.add_route("/added", receiver.asgi, methods=["POST"])
app.mount("/mounted", receiver.asgi)
router = APIRouter()
router.add_route("/added", receiver.asgi, methods=["POST"])
app.include_router(router)


@app.post("/view")
async def view(request: Request) -> Response:
    answer = await receiver.handle_async(await request.body(), request.headers)
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


@app.post("/orders/{order}/pay")
async def pay(order: str) -> Payment:
    async with AsyncInventPay() as client:
        return await client.payments.create(amount="5", amount_currency="USD", currency="BTC", order_id=order)
