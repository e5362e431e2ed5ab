"""Products of the store."""

from __future__ import annotations

from typing import Final

from .. import arguments
from ..answers import products as answers
from ..failures import checked_document
from ..models.products import Product
from ..paging import PageFacts
from .call import Call, builder_of
from .endpoints import PRODUCTS
from .paging import page_query

PAGE_LIMIT: Final = 50
"""Products on one page, at most (vendor's MCP server and skill document)."""

SEARCH_LENGTH: Final = 200
"""assumed: the longest product name; no source states a bound."""


@builder_of(PRODUCTS)
def page(number: int, *, search: str | None, limit: int) -> Call[PageFacts[Product]]:
    """``GET /v1/store/manage/products``."""
    wanted = None if search is None else arguments.text(search, "search", at_most=SEARCH_LENGTH)
    return Call(
        endpoint=PRODUCTS,
        path=PRODUCTS.template + page_query(number, limit, most=PAGE_LIMIT, search=wanted),
        read=lambda response: answers.products(checked_document(response), number=number, limit=limit),
    )
