"""InventPay webhooks in Flask.

INVENTPAY_WEBHOOK_SECRET=whsec_... flask --app examples/webhooks/flask_app.py run
"""

from flask import Flask

from inventpay.webhooks import PaidEvent, WebhookReceiver

app = Flask(__name__)
receiver = WebhookReceiver()
paid_orders = []


@receiver.on_paid
def fulfil(event: PaidEvent):
    paid_orders.append(event.order_id)  # ship it


@app.post("/webhooks/inventpay")
def webhooks():
    return receiver.wsgi  # Flask runs what a view returns; the body must not be touched before
