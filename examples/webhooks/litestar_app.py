"""InventPay webhooks in Litestar.

INVENTPAY_WEBHOOK_SECRET=whsec_... uvicorn --app-dir examples/webhooks litestar_app:app
"""

from litestar import Litestar, asgi
from litestar.types import Receive, Scope, Send

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()
paid_orders = []


@receiver.on_paid
async def fulfil(event: PaidEvent):
    paid_orders.append(event.order_id)  # ship it


@asgi("/webhooks/inventpay", copy_scope=True)
async def webhooks(scope: Scope, receive: Receive, send: Send) -> None:
    await receiver.asgi(scope, receive, send)


app = Litestar(route_handlers=[webhooks])
