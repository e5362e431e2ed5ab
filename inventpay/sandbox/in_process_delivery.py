"""Deliver webhooks to an application in this process, without a socket."""

from __future__ import annotations

import inspect
from typing import Any, cast

import httpx

from .sandbox import Sandbox
from .webhooks.deliveries import Delivery

HOST = "shop.localhost"


class AppDeliveries:
    """Deliveries of a sandbox's events to an ASGI or WSGI application, made on request.

    Example:
        deliveries = AppDeliveries(sandbox, app, path="/webhooks/inventpay")
        sandbox.pay(payment_id)
        assert [delivery.http_status for delivery in deliveries.deliver()] == [200, 200, 200]
    """

    def __init__(self, sandbox: Sandbox, app: Any, *, path: str) -> None:
        """Take an ASGI or WSGI application, and the ``path`` of its webhook receiver, which begins with a slash.

        Raises ``ValueError`` for another path, and ``TypeError`` for an application that cannot be called.
        """
        if not path.startswith("/"):
            raise ValueError(f"path must begin with a slash, not {path!r}.")
        if not callable(app):
            raise TypeError(f"app must be an ASGI or WSGI application, not {type(app).__name__}.")
        self.url: str = f"http://{HOST}{path}"
        self._sandbox = sandbox
        transport = (
            httpx.ASGITransport(cast("Any", app), raise_app_exceptions=False) if is_asgi(app) else _WSGITransport(app)
        )
        sandbox.webhooks.configure(self.url, transport=transport, automatic=False)

    def deliver(self) -> list[Delivery]:
        """Deliver all that is due, in order, and return the attempts. In async code await ``deliver_async()``."""
        return self._sandbox.webhooks.deliver_due()

    async def deliver_async(self) -> list[Delivery]:
        """Deliver all that is due, from asyncio or trio; see ``deliver()``."""
        return await self._sandbox.webhooks.deliver_due_async()


def is_asgi(app: Any) -> bool:
    """Return whether an application takes the three arguments of ASGI."""
    called = app if inspect.isroutine(app) else type(app).__call__
    if inspect.iscoroutinefunction(called):
        return True
    try:
        parameters = inspect.signature(app).parameters.values()
    except (TypeError, ValueError):
        return False
    required = [one for one in parameters if one.default is one.empty and one.kind is one.POSITIONAL_OR_KEYWORD]
    return len(required) == 3


class _WSGITransport(httpx.AsyncBaseTransport):
    def __init__(self, app: Any) -> None:
        self._transport = httpx.WSGITransport(app, raise_app_exceptions=False)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        import anyio.to_thread

        content = await request.aread()
        plain = httpx.Request(request.method, request.url, headers=request.headers, content=content)

        def exchange() -> httpx.Response:
            response = self._transport.handle_request(plain)
            response.read()
            return response

        response = await anyio.to_thread.run_sync(exchange)
        return httpx.Response(response.status_code, headers=response.headers, content=response.content)
