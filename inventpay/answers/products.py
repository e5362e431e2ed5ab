"""Products."""

from __future__ import annotations

from ..converter import structure
from ..models.products import Product
from ..paging import PageFacts
from .envelope import Json
from .paging import page


def read(data: Json, path: str) -> Product:
    """One product, found at ``path``."""
    return structure(Product, data, path=path)


def products(document: object, *, number: int, limit: int) -> PageFacts[Product]:
    """One page of products."""
    return page(document, "products", read, number=number, limit=limit)
