"""The ASGI application: which path leads to which endpoint."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Match, Route

from . import assumptions
from .api import Api
from .control.actions import Control
from .control.settings import Settings
from .errors import SandboxError
from .http.answers import Answer, bare, refusal
from .http.endpoint import Access, Call, Endpoint, Handler, Reads
from .limits.rate_limits import RateClass
from .openapi.document import document
from .pages.routes import page_routes
from .store.api import StoreApi
from .webhooks.routes import rows as webhook_rows

if TYPE_CHECKING:
    from .sandbox import Sandbox


# Pages for people, and the description itself.
_UNDESCRIBED = ("GET /", "GET /invoice/{paymentId}", "GET /openapi.json")


def create_app(sandbox: Sandbox) -> Starlette:
    """The application over `sandbox`; every answer of it is JSON but the pages for people."""
    routes = [
        *_api_routes(sandbox),
        *_store_routes(sandbox),
        *_control_routes(sandbox),
        *_webhook_routes(sandbox),
    ]

    def about(call: Call) -> Answer:
        return bare(
            {
                "name": "InventPay sandbox",
                "about": "A local stand-in of the InventPay API with made-up money. Not the live service.",
                "endpoints": [f"{method} {route.path}" for route in routes for method in _methods(route)],
            }
        )

    def openapi(call: Call) -> Answer:
        return bare(document([endpoint for endpoint in sandbox.endpoints if endpoint.label not in _UNDESCRIBED]))

    routes.append(_route(sandbox, "GET", "/openapi.json", openapi))
    plain_invoice = Endpoint(sandbox, "GET /invoice/{paymentId}", Control(sandbox).invoice_page)
    routes += page_routes(sandbox, Endpoint(sandbox, "GET /", about), plain_invoice)
    app = Starlette(routes=routes, exception_handlers={HTTPException: _unrouted(sandbox)})
    # A redirect would answer a POST to a path with a slash too many with something that is not the API's.
    app.router.redirect_slashes = False
    return app


def _api_routes(sandbox: Sandbox) -> list[Route]:
    """Paths, keys and rate classes as documented (page api-reference/introduction and one page per endpoint)."""
    api = Api(sandbox.state, sandbox.variants, sandbox.clock)
    key, both, json = Access.API_KEY, Access.BOTH_KEYS, Reads.JSON
    creation, other = RateClass.PAYMENT_CREATION, RateClass.OTHER
    withdrawal_read = RateClass(assumptions.WITHDRAWAL_READ_RATE_CLASS)
    status_path = "/v1/invoice/{paymentId}/status"
    withdraw_path = "/v1/merchant/withdrawal/create"

    # The status comes first: it is asked for most often, and routes are tried in order.
    return [
        _route(sandbox, "GET", status_path, api.payment_status, rate_class=RateClass.STATUS_CHECKS),
        _route(sandbox, "POST", "/v1/create_payment", api.create_payment, key, json, creation),
        _route(sandbox, "POST", "/v1/create_invoice", api.create_invoice, key, json, creation),
        _route(sandbox, "GET", "/v1/merchant/balance", api.balances, key, rate_class=other),
        _route(sandbox, "GET", "/v1/merchant/balance/{currency}", api.balance, key, rate_class=other),
        _route(sandbox, "POST", withdraw_path, api.create_withdrawal, both, json, RateClass.WITHDRAWALS),
        _route(sandbox, "GET", "/v1/withdrawal/{withdrawalId}", api.withdrawal, key, rate_class=withdrawal_read),
    ]


def _store_routes(sandbox: Sandbox) -> list[Route]:
    """The store's endpoints (official clients, MCP server and skill); all of them count as "other"."""
    api = StoreApi(sandbox.shop, sandbox.variants)
    products, orders = "/v1/store/manage/products", "/v1/store/manage/orders"
    keys, checkout = f"{products}/{{productId}}/keys", "/v1/store/{slug}/checkout"

    def reading(method: str, path: str, handler: Handler) -> Route:
        return _route(sandbox, method, path, handler, Access.API_KEY, rate_class=RateClass.OTHER)

    def writing(method: str, path: str, handler: Handler, reads: Reads = Reads.JSON) -> Route:
        return _route(sandbox, method, path, handler, Access.API_KEY, reads, RateClass.OTHER)

    return [
        writing("POST", "/v1/store/manage", api.create),
        reading("GET", "/v1/store/manage", api.store),
        writing("PUT", "/v1/store/manage", api.update),
        writing("POST", products, api.create_product),
        reading("GET", products, api.products),
        writing("PUT", f"{products}/{{productId}}", api.update_product),
        reading("DELETE", f"{products}/{{productId}}", api.delete_product),
        writing("POST", keys, api.add_keys, Reads.LONG_JSON),
        reading("GET", keys, api.keys),
        reading("GET", f"{keys}/stats", api.key_stats),
        reading("DELETE", keys, api.remove_keys),
        reading("GET", orders, api.orders),
        reading("GET", f"{orders}/{{orderId}}", api.order),
        writing("PUT", f"{orders}/{{orderId}}/status", api.move_order),
        reading("GET", "/v1/store/manage/analytics", api.analytics),
        # The buyer's own call: without a key.
        _route(sandbox, "POST", checkout, api.check_out, reads=Reads.JSON, rate_class=RateClass.OTHER),
        _route(sandbox, "GET", "/store/{slug}", api.storefront),
        _route(sandbox, "GET", "/store/{slug}/product/{productSlug}", api.product_page),
    ]


def _control_routes(sandbox: Sandbox) -> list[Route]:
    control = Control(sandbox)

    def post(path: str, handler: Handler) -> Route:
        return _route(sandbox, "POST", path, handler, reads=Reads.OPTIONAL_JSON)

    payment = "/sandbox/payments/{paymentId}"
    withdrawal = "/sandbox/withdrawals/{withdrawalId}"
    return [
        post(f"{payment}/pay", control.pay),
        post(f"{payment}/underpay", control.underpay),
        post(f"{payment}/confirm", control.confirm),
        post(f"{payment}/select", control.select),
        post(f"{payment}/expire", control.expire),
        post(f"{payment}/fail", control.fail),
        post(f"{withdrawal}/process", control.process_withdrawal),
        post(f"{withdrawal}/complete", control.complete_withdrawal),
        post(f"{withdrawal}/fail", control.fail_withdrawal),
        post("/sandbox/deposit", control.deposit),
        post("/sandbox/reset", control.reset),
        _route(sandbox, "GET", "/sandbox/state", control.state),
        *_settings_routes(sandbox),
    ]


def _settings_routes(sandbox: Sandbox) -> list[Route]:
    settings = Settings(sandbox)

    def post(path: str, handler: Handler) -> Route:
        return _route(sandbox, "POST", path, handler, reads=Reads.OPTIONAL_JSON)

    return [
        _route(sandbox, "GET", "/sandbox/clock", settings.clock),
        post("/sandbox/clock/freeze", settings.freeze_clock),
        post("/sandbox/clock/advance", settings.advance_clock),
        post("/sandbox/clock/run", settings.run_clock),
        post("/sandbox/clock/reset", settings.reset_clock),
        _route(sandbox, "GET", "/sandbox/rate-limits", settings.rate_limits),
        post("/sandbox/rate-limits", settings.set_rate_limits),
        _route(sandbox, "GET", "/sandbox/faults", settings.faults),
        post("/sandbox/faults", settings.add_fault),
        _route(sandbox, "DELETE", "/sandbox/faults", settings.clear_faults),
        _route(sandbox, "DELETE", "/sandbox/faults/{number}", settings.remove_fault),
        _route(sandbox, "GET", "/sandbox/variants", settings.variants),
        post("/sandbox/variants", settings.set_variant),
        _route(sandbox, "DELETE", "/sandbox/variants", settings.clear_variants),
        _route(sandbox, "GET", "/sandbox/requests", settings.requests),
    ]


def _webhook_routes(sandbox: Sandbox) -> list[Route]:
    return [
        _route(sandbox, row.method, row.path, row.handler, row.access, row.reads, row.rate_class)
        for row in webhook_rows(sandbox)
    ]


def _route(
    sandbox: Sandbox,
    method: str,
    path: str,
    handler: Handler,
    access: Access = Access.PUBLIC,
    reads: Reads = Reads.NOTHING,
    rate_class: RateClass | None = None,
) -> Route:
    label = f"{method} {path}"
    endpoint = Endpoint(sandbox, label, handler, access=access, reads=reads, rate_class=rate_class)
    return Route(path, endpoint, methods=[method])


def _methods(route: Route) -> list[str]:
    return sorted((route.methods or set()) - {"HEAD"})


def _unrouted(sandbox: Sandbox) -> Callable[[Request, Exception], Awaitable[Response]]:
    """404 and 405 in the API's own form."""

    async def respond(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        path = request.url.path
        if path.startswith("/v1/"):
            sandbox.request_log.add(time.time(), request.method, path, None, error.status_code, 0.0, "no such endpoint")
        text = assumptions.NOT_FOUND_ERROR if error.status_code == 404 else assumptions.METHOD_NOT_ALLOWED_ERROR
        answer = refusal(SandboxError(error.status_code, text))
        headers = {"Allow": ", ".join(_allowed(request))} if error.status_code == 405 else error.headers
        return Response(answer.body, answer.status, headers, answer.content_type.decode())

    return respond


def _allowed(request: Request) -> list[str]:
    """The methods of every route that has the path; Starlette names those of the first alone."""
    routes = [route for route in request.app.routes if isinstance(route, Route)]
    matching = [route for route in routes if route.matches(request.scope)[0] is not Match.NONE]
    return sorted({method for route in matching for method in route.methods or ()})
