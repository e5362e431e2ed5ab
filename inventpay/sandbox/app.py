"""The ASGI application, which routes paths to endpoints."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from . import assumptions
from .control.actions import Control
from .control.routes import control_endpoints
from .errors import SandboxError
from .http.answers import Answer, bare, refusal
from .http.endpoint import Call, Endpoint
from .http.origin_check import OriginGuard
from .http.request_log import RequestLog
from .openapi.document import document
from .pages.routes import page_routes
from .routes import api_endpoints
from .store.api import StoreApi
from .world import World


def create_app(world: World) -> Starlette:
    """Return the application over ``world``; every answer of it is JSON, except the pages for people."""
    pipeline = world.pipeline
    store = StoreApi(world.shop, world.variants)
    described = [
        *api_endpoints(world),
        Endpoint(pipeline, "GET /store/{slug}", store.storefront),
        Endpoint(pipeline, "GET /store/{slug}/product/{productSlug}", store.product_page),
        *control_endpoints(world),
    ]

    def about(call: Call) -> Answer:
        return bare(
            {
                "name": "InventPay sandbox",
                "about": "A local stand-in of the InventPay API with made-up money. Not the live service.",
                "endpoints": [endpoint.label for endpoint in described],
            }
        )

    def openapi(call: Call) -> Answer:
        return bare(document(described))

    control = Control(world.state, world.request_log, world.reset)
    plain_invoice = Endpoint(pipeline, "GET /invoice/{paymentId}", control.invoice_page)
    routes = [_route(endpoint) for endpoint in (*described, Endpoint(pipeline, "GET /openapi.json", openapi))]
    routes += page_routes(world, Endpoint(pipeline, "GET /", about), plain_invoice)
    guard = Middleware(OriginGuard, world.origin_check, world.request_log)
    app = Starlette(routes=routes, middleware=[guard], exception_handlers={HTTPException: _unrouted(world.request_log)})
    # A redirect would answer a POST to a path with an extra slash in a form that the API does not have.
    app.router.redirect_slashes = False
    return app


def _route(endpoint: Endpoint) -> Route:
    method, _, path = endpoint.label.partition(" ")
    return Route(path, endpoint, methods=[method])


def _unrouted(log: RequestLog) -> Callable[[Request, Exception], Awaitable[Response]]:
    """Return the handler that answers 404 and 405 in the API's own form."""

    async def respond(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        if path.startswith("/v1/"):
            log.add(time.time(), request.method, path, None, error.status_code, 0.0, "no such endpoint")
        text = assumptions.NOT_FOUND_ERROR if error.status_code == 404 else assumptions.METHOD_NOT_ALLOWED_ERROR
        answer = refusal(SandboxError(error.status_code, text))
        headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
        return Response(answer.body, answer.status, headers, answer.content_type.decode())

    return respond


def _allowed(request: Request) -> list[str]:
    """Return the methods of all routes that have the path; Starlette names only those of the first one."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})
