"""InventPay webhooks in Starlette.

INVENTPAY_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples/webhooks starlette_app:app
"""

from starlette.applications import Starlette
from starlette.routing import Route

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()
paid_orders = []


@receiver.on_paid
async def fulfil(event: PaidEvent):
    paid_orders.append(event.order_id)  # ship it


app = Starlette(routes=[Route("/webhooks/inventpay", receiver.asgi, methods=["POST"])])
