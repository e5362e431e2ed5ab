"""The buyer's pages of the store, in plain text."""

from __future__ import annotations

import json
from collections.abc import Sequence

from ..merchant.money import plain
from .products import Product
from .stores import Store


def storefront(store: Store, products: Sequence[Product], origin: str) -> str:
    """Return the store with some of its products, and for each the command that buys it."""
    lines = ["InventPay sandbox: no real money moves here.", "", store.name]
    lines += [store.description] if store.description else []
    for product in products:
        basket = json.dumps({"items": [{"productId": product.product_id}], "currency": "USDT_BEP20"})
        address = f"{origin}/v1/store/{store.slug}/checkout"
        left = "" if product.stock is None else f", {product.stock} left"
        lines += ["", f"{product.name}: {plain(product.price)} {product.currency}{left}"]
        lines += [product.description] if product.description else []
        lines += [f"Buy it:  curl -X POST -H 'Content-Type: application/json' -d '{basket}' {address}"]
    return "\n".join(lines) + "\n"
