"""A receiver in Starlette, as type checkers must accept it. Never run."""

from __future__ import annotations

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Mount, Route
from starlette.types import ASGIApp

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()


@receiver.on_paid
async def fulfil(event: PaidEvent) -> None:
    print(event.order_id)


async def view(request: Request) -> Response:
    answer = await receiver.handle_async(await request.body(), request.headers)
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


app = Starlette(
    routes=[
        Route("/route", receiver.asgi, methods=["POST"]),
        Mount("/mount", receiver.asgi),
        Route("/view", view, methods=["POST"]),
    ]
)
app.add_route("/added", receiver.asgi, methods=["POST"])
app.mount("/mounted", receiver.asgi)
alone: ASGIApp = receiver.asgi
