"""A FastAPI shop that fulfils each payment once.

INVENTPAY_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples fastapi_shop.shop:app
"""

from contextlib import asynccontextmanager

from fastapi import FastAPI

from inventpay.webhooks import PaidEvent, WebhookReceiver

from .database import Base, Order, Shipment, engine, seen

WAREHOUSE = 1


@asynccontextmanager
async def lifespan(app: FastAPI):
    Base.metadata.create_all(engine)
    yield


app = FastAPI(lifespan=lifespan)
receiver = WebhookReceiver(seen=seen)  # the secret from INVENTPAY_WEBHOOK_SECRET


@receiver.on_paid
def ship(event: PaidEvent):
    # In the transaction of the event's note: both commit, or neither. Do not commit here.
    order = seen.session.get_one(Order, event.order_id, with_for_update=True)
    order.is_paid = True
    seen.session.add(Shipment(order_number=order.number, warehouse_id=WAREHOUSE))


# A route, and no mount: a mounted application answers a POST without a trailing slash with a redirect.
app.add_route("/webhooks/inventpay", receiver.asgi, methods=["POST"])
