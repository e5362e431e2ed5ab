"""A receiver in Flask, as type checkers must accept it. Never run."""

from __future__ import annotations

from flask import Flask, Response, request
from flask.typing import ResponseReturnValue
from werkzeug.middleware.dispatcher import DispatcherMiddleware

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()


@receiver.on_paid
def fulfil(event: PaidEvent) -> None:
    print(event.order_id)


app = Flask(__name__)


@app.post("/application")
def application() -> ResponseReturnValue:
    return receiver.wsgi


@app.post("/view")
def view() -> Response:
    answer = receiver.handle(request.get_data(), request.headers)
    return Response(answer.body, status=answer.status, headers=dict(answer.headers))


app.add_url_rule("/added", view_func=application, methods=["POST"])
mounted = DispatcherMiddleware(app, {"/mounted": receiver.wsgi})
