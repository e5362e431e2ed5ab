# Generated from inventpay/_async/products.py by tools/generate_sync.py. Do not edit.
"""``client.store.products``: what the store sells."""

from __future__ import annotations

from functools import partial

from .._listing import listing
from ..calls import products as calls
from ..models.products import Product
from ..options import CallOptions
from .paging import Page, Turn
from .transport import Transport


class ProductCalls:
    """What the store sells."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    @listing
    def list(
        self, *, search: str | None = None, page: int = 1, limit: int = calls.PAGE_LIMIT
    ) -> Page[Product]:
        """The products, or those that match ``search`` (vendor's SDKs; bounds: its MCP server).

        Iterating gives all products from page ``page`` on, ``limit`` of them, 1 to 50, with every request; the result
        of the call itself is the first page, with ``items`` and ``total``.

        >>> with InventPay() as client:
        ...     for product in client.store.products.list(search="mug"):
        ...         print(product.name, product.price)

        Raises InvalidArgumentError for a page or limit out of bounds, and the errors of every call.
        """
        build = partial(calls.page, search=search, limit=limit)
        return Turn(self._transport, self._options, build, page).take()
