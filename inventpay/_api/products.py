"""Products of the store."""

from __future__ import annotations

from typing import Final

from .._json.converter import structure, write_json
from ..models.products import Product
from ..models.stores import Confirmation
from . import arguments, bounds
from . import store_arguments as checks
from .body_fields import Member, creation_body, patch_body
from .call import Call, builder_of, read_key, reader_of
from .endpoints import CREATE_PRODUCT, DELETE_PRODUCT, PRODUCTS, UPDATE_PRODUCT
from .envelope import Json, enveloped
from .page_walk import PageFacts
from .pagination import page_query, read_page
from .status_errors import checked_document
from .stores import read_confirmation

PAGE_LIMIT: Final = bounds.PRODUCTS_PAGE
"""Products on one page, at most (vendor's MCP server and skill document)."""

_MEMBERS: Final = {
    "name": Member("name", checks.text(bounds.PRODUCT_NAME[1], at_least=bounds.PRODUCT_NAME[0])),
    "price": Member("price", checks.price),
    "currency": Member("currency", arguments.currency),
    "description": Member("description", checks.text(bounds.PRODUCT_DESCRIPTION), None),
    "images": Member("images", checks.images, []),
    "stock": Member("stock", checks.whole(*bounds.STOCK), None),
    "is_active": Member("isActive", checks.flag),
    "digital_content": Member("digitalContent", checks.digital_content, None),
    "content_type": Member("contentType", checks.word("SKILL")),
    "skill_content": Member("skillContent", checks.text(bounds.SKILL_CONTENT), None),
    "variants": Member("variants", checks.json_objects, []),
    "metadata": Member("metadata", checks.json_object, None),
    "sort_order": Member("sortOrder", checks.whole(*bounds.SORT_ORDER)),
}


@builder_of(CREATE_PRODUCT)
def create(*, idempotency_key: str | None, **values: object) -> Call[Product]:
    """``POST /v1/store/manage/products``."""
    return Call(
        endpoint=CREATE_PRODUCT,
        path=CREATE_PRODUCT.template,
        read=lambda response: read_product(checked_document(response)),
        body=write_json(creation_body(_MEMBERS, values)),
        idempotency_key=read_key(idempotency_key),
        key_is_new=idempotency_key is None,
    )


@builder_of(PRODUCTS)
def page(number: int, *, search: str | None, limit: int | None) -> Call[PageFacts[Product]]:
    """``GET /v1/store/manage/products``."""
    wanted = None if search is None else arguments.text(search, "search", at_most=bounds.SEARCH_LENGTH)
    return Call(
        endpoint=PRODUCTS,
        path=PRODUCTS.template + page_query(number, limit, most=PAGE_LIMIT, search=wanted),
        read=lambda response: read_products(checked_document(response), number=number, limit=limit),
    )


@builder_of(UPDATE_PRODUCT)
def update(product_id: str, **values: object) -> Call[Product]:
    """``PUT /v1/store/manage/products/{productId}``."""
    product_id = checks.identifier(product_id, "product_id")
    return Call(
        endpoint=UPDATE_PRODUCT,
        path=UPDATE_PRODUCT.path(productId=product_id),
        read=lambda response: read_product(checked_document(response)),
        body=write_json(patch_body(_MEMBERS, values)),
    )


@builder_of(DELETE_PRODUCT)
def delete(product_id: str) -> Call[Confirmation]:
    """``DELETE /v1/store/manage/products/{productId}``."""
    product_id = checks.identifier(product_id, "product_id")
    return Call(
        endpoint=DELETE_PRODUCT,
        path=DELETE_PRODUCT.path(productId=product_id),
        read=lambda response: read_confirmation(checked_document(response)),
    )


def read_one(data: Json, path: str) -> Product:
    """Return one product, found at ``path``."""
    return structure(Product, data, path=path)


def read_products(document: object, *, number: int, limit: int | None) -> PageFacts[Product]:
    """Return one page of products."""
    return read_page(document, "products", read_one, number=number, limit=limit)


@reader_of(CREATE_PRODUCT, UPDATE_PRODUCT)
def read_product(document: object) -> Product:
    """Return the product that was created, or changed."""
    return read_one(enveloped(document), "$.data")
