# Generated from inventpay/_async/orders.py by tools/generate_sync.py. Do not edit.
"""``client.store.orders``: what buyers ordered."""

from __future__ import annotations

from functools import partial

from .._api import orders as calls
from .._api.listing import listing
from .._api.page_walk import OnUnread
from .._api.page_walk import on_unread as unread_rule
from .._core.annotations import readable
from ..models.orders import Order
from ..options import CallOptions
from .paging import Page, Turn
from .transport import Transport


@readable
class OrderCalls:
    """Orders of the store."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    @listing
    def list(
        self, *, status: str | None = None, page: int = 1, limit: int | None = None, on_unread: OnUnread = "raise"
    ) -> Page[Order]:
        """Return the orders, or those with one ``status`` (vendor's SDKs; bounds: its MCP server).

        ``limit`` is 1 to 50; the API chooses it if it is absent.

        >>> with InventPay() as client:
        ...     for order in client.store.orders.list(status="PAID"):
        ...         print(order.order_number, order.total_amount, order.currency)

        Raises InvalidArgumentError for a page or limit out of bounds, and the errors of every call.
        """
        build = partial(calls.page, status=status, limit=limit)
        return Turn(self._transport, self._options, build, page, unread_rule(on_unread)).take()

    def get(self, order_id: str) -> Order:
        """Return one order (vendor's SDKs).

        >>> with InventPay() as client:
        ...     order = client.store.orders.get("order1")
        ...     print(order.status, [(item.product_name, item.quantity) for item in order.items])

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return self._transport.send(calls.get(order_id), self._options)

    def update_status(self, order_id: str, status: str, *, notes: str | None = None) -> Order:
        """Set the status of an order: PROCESSING, SHIPPED, COMPLETED, CANCELLED or REFUNDED (vendor's MCP server).

        Orders of digital products complete by themselves. ``notes`` has at most 500 characters. Which step may follow
        which, sources disagree on; the API decides.

        >>> with InventPay() as client:
        ...     order = client.store.orders.update_status("order1", "SHIPPED", notes="with the morning post")
        ...     print(order.status)

        Raises NotFoundError for an unknown id, and the errors of every call; for a step that is not allowed the sandbox
        raises BadRequestError, and no source says what the API does.
        """
        return self._transport.send(calls.update_status(order_id, status, notes=notes), self._options)
