"""A shop whose workers report what they do: ``uvicorn shop:app --workers 4``, or gunicorn with its uvicorn workers."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from observed import configure
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from inventpay import AsyncInventPay
from inventpay.telemetry import instrument
from inventpay.webhooks import PaidEvent, SQLiteSeenStore, WebhookReceiver

receiver = instrument(WebhookReceiver(seen=SQLiteSeenStore("webhooks.sqlite3")))


@receiver.on_paid
async def fulfil(event: PaidEvent) -> None:
    """Ship the order."""
    print("ship", event.order_id)


@asynccontextmanager
async def lifespan(app: Starlette) -> AsyncIterator[None]:
    """Run once in each worker."""
    configure()
    async with instrument(AsyncInventPay()) as app.state.client:
        yield


async def pay(request: Request) -> JSONResponse:
    """Create a payment for an order."""
    order = request.path_params["order"]
    payment = await request.app.state.client.payments.create(
        amount="29.99", amount_currency="USD", currency="USDT_BEP20", order_id=order, idempotency_key=f"order-{order}"
    )
    return JSONResponse({"pay_at": payment.invoice_url})


async def alive(request: Request) -> JSONResponse:
    """Answer a liveness probe without a call to the API, which would cost a token and fail when the API fails."""
    return JSONResponse({"alive": True})


app = Starlette(
    lifespan=lifespan,
    routes=[
        Route("/orders/{order}/pay", pay, methods=["POST"]),
        Route("/webhooks/inventpay", receiver.asgi, methods=["POST"]),
        Route("/alive", alive),
    ],
)
