"""A receiver in Litestar, as type checkers must accept it. Never run."""

from __future__ import annotations

from typing import Any

from litestar import Litestar, Request, Response, asgi, post
from litestar.types import Receive, Scope, Send

from inventpay.webhooks import PaidEvent, WebhookReceiver

receiver = WebhookReceiver()


@receiver.on_paid
async def fulfil(event: PaidEvent) -> None:
    print(event.order_id)


@asgi("/application", copy_scope=True)
async def application(scope: Scope, receive: Receive, send: Send) -> None:
    await receiver.asgi(scope, receive, send)


@post("/view")
async def view(request: Request[Any, Any, Any]) -> Response[bytes]:
    answer = await receiver.handle_async(await request.body(), request.headers)
    return Response(answer.body, status_code=answer.status, headers=dict(answer.headers))


app = Litestar(route_handlers=[application, asgi("/object", copy_scope=True)(receiver.asgi), view])
