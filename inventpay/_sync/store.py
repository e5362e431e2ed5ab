# Generated from inventpay/_async/store.py by tools/generate_sync.py. Do not edit.
"""``client.store``: the store, its products and orders."""

from __future__ import annotations

from ..options import CallOptions
from .products import ProductCalls
from .transport import Transport


class StoreCalls:
    """The store, its products and orders."""

    products: ProductCalls
    """What the store sells."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options
        self.products = ProductCalls(transport, options)
