"""The routes of the pages and their assets."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.routing import Route

from .assets import Assets
from .dashboard import Dashboard
from .invoice import InvoicePage
from .live import LiveSections

if TYPE_CHECKING:
    from starlette.types import ASGIApp

    from ..world import World

# Seconds between two checks for changes: a payer waits for the first page, a developer watches the second.
_INVOICE_PAUSE = 0.2
_DASHBOARD_PAUSE = 0.25


def page_routes(world: World, about: ASGIApp, plain_invoice: ASGIApp) -> list[Route]:
    """Return the routes of the pages; ``about`` and ``plain_invoice`` answer requests that do not accept HTML."""
    invoice = InvoicePage(world.state, world.clock, plain_invoice)
    dashboard = Dashboard(world, about)
    return [
        _get("/", dashboard),
        _get("/sandbox/live", LiveSections(world.clock, dashboard.sections, _DASHBOARD_PAUSE)),
        _get("/invoice/{paymentId}", invoice),
        _get("/invoice/{paymentId}/live", LiveSections(world.clock, invoice.sections, _INVOICE_PAUSE)),
        _get("/sandbox/assets/{name}", Assets()),
    ]


def _get(path: str, app: ASGIApp) -> Route:
    return Route(path, app, methods=["GET"])
