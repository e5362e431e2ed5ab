# The source of inventpay/_sync/store.py; after a change run: python tools/generate_sync.py
"""``client.store``: the store, its products and orders."""

from __future__ import annotations

from ..options import CallOptions
from .products import AsyncProductCalls
from .transport import AsyncTransport


class AsyncStoreCalls:
    """The store, its products and orders."""

    products: AsyncProductCalls
    """What the store sells."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options
        self.products = AsyncProductCalls(transport, options)
