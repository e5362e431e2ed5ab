"""Which path leads to which handler of the sandbox's webhooks."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ..control.webhooks import WebhooksControl
from ..http.endpoint import Access, Handler, Reads
from ..limits.rate_limits import RateClass
from .api import WebhooksApi

if TYPE_CHECKING:
    from ..sandbox import Sandbox


@attrs.frozen
class Row:
    """One row of the table of routes."""

    method: str
    path: str
    handler: Handler
    access: Access = Access.PUBLIC
    reads: Reads = Reads.NOTHING
    rate_class: RateClass | None = None


def rows(sandbox: Sandbox) -> list[Row]:
    """Paths and keys as in the official JS client; all count as "other" calls."""
    api = WebhooksApi(sandbox.webhooks, sandbox.variants, sandbox.clock)
    control = WebhooksControl(sandbox.webhooks)
    merchant = "/v1/merchant"
    delivery = f"{merchant}/webhook-delivery/{{deliveryId}}"
    nothing, optional = Reads.NOTHING, Reads.OPTIONAL_JSON

    def row(method: str, path: str, handler: Handler, reads: Reads = nothing) -> Row:
        return Row(method, path, handler, Access.API_KEY, reads, RateClass.OTHER)

    return [
        row("PUT", f"{merchant}/webhook-url", api.set_url, Reads.JSON),
        row("DELETE", f"{merchant}/webhook-url", api.remove_url),
        row("GET", f"{merchant}/webhook-config", api.config),
        row("POST", f"{merchant}/test-webhook", api.test, optional),
        row("GET", f"{merchant}/webhook-deliveries", api.deliveries),
        row("GET", delivery, api.delivery),
        row("POST", f"{delivery}/retry", api.retry, optional),
        row("GET", f"{merchant}/webhook-stats", api.stats),
        Row("GET", "/sandbox/webhooks", control.show),
        Row("POST", "/sandbox/webhooks", control.configure, reads=optional),
        Row("POST", "/sandbox/webhooks/faults", control.add_fault, reads=optional),
        Row("DELETE", "/sandbox/webhooks/faults", control.clear_faults),
        Row("POST", "/sandbox/webhooks/deliveries/{deliveryId}/retry", api.retry, reads=optional),
        Row("POST", "/sandbox/webhooks/deliver", control.deliver, reads=optional),
    ]
