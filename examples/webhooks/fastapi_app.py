"""InventPay webhooks in FastAPI.

INVENTPAY_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples/webhooks fastapi_app:app
"""

from fastapi import FastAPI

from inventpay.webhooks import PaidEvent, WebhookReceiver

app = FastAPI()
receiver = WebhookReceiver()
paid_orders = []


@receiver.on_paid
async def fulfil(event: PaidEvent):
    paid_orders.append(event.order_id)  # ship it


# A route, and no mount: a mounted application answers a POST without a trailing slash with a redirect.
app.add_route("/webhooks/inventpay", receiver.asgi, methods=["POST"])
