# The source of inventpay/_sync/products.py; after a change run: python tools/generate_sync.py
"""``client.store.products``: what the store sells."""

from __future__ import annotations

from functools import partial

from .._listing import async_listing
from ..calls import products as calls
from ..models.products import Product
from ..options import CallOptions
from .paging import AsyncPage, AsyncTurn
from .transport import AsyncTransport


class AsyncProductCalls:
    """What the store sells."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    @async_listing
    async def list(
        self, *, search: str | None = None, page: int = 1, limit: int = calls.PAGE_LIMIT
    ) -> AsyncPage[Product]:
        """The products, or those that match ``search`` (vendor's SDKs; bounds: its MCP server).

        Iterating gives all products from page ``page`` on, ``limit`` of them, 1 to 50, with every request; the result
        of the call itself is the first page, with ``items`` and ``total``.

        >>> async with AsyncInventPay() as client:
        ...     async for product in client.store.products.list(search="mug"):
        ...         print(product.name, product.price)

        Raises InvalidArgumentError for a page or limit out of bounds, and the errors of every call.
        """
        build = partial(calls.page, search=search, limit=limit)
        return await AsyncTurn(self._transport, self._options, build, page).take()
