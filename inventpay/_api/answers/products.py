"""Products."""

from __future__ import annotations

from ..._json.converter import structure
from ...models.products import Product
from ..envelope import Json, enveloped, same
from ..page_walk import PageFacts
from .paging import page


def read(data: Json, path: str) -> Product:
    """One product, found at ``path``."""
    return structure(Product, data, path=path)


def products(document: object, *, number: int, limit: int) -> PageFacts[Product]:
    """One page of products."""
    return page(document, "products", read, number=number, limit=limit)


def product(document: object, *, product_id: str | None = None) -> Product:
    """The product that was created, or changed."""
    answer = read(enveloped(document), "$.data")
    if product_id is not None:
        same(answer.id, product_id, "$.data.id")
    return answer
