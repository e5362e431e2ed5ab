"""The key pool of a product."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Final, TypeVar

from .._json.converter import structure, write_json
from ..models.key_pools import AddedKeys, KeyStats, ProductKey, RemovedKeys
from . import bounds
from . import store_arguments as checks
from .call import Call, builder_of, read_key, reader_of
from .endpoints import ADD_KEYS, KEY_STATS, KEYS, REMOVE_KEYS
from .envelope import Json, enveloped, object_at
from .key_batches import KeyBatches
from .page_walk import PageFacts
from .pagination import page_query, read_page
from .status_errors import checked_document

PAGE_LIMIT: Final = bounds.KEYS_PAGE
"""Keys on one page, at most (vendor's Python SDK, MCP server and skill document)."""


@builder_of(ADD_KEYS)
def batches(keys: Iterable[str], size: int) -> KeyBatches:
    """Any number of keys, for as many calls as they take."""
    return KeyBatches(keys, size)


@builder_of(ADD_KEYS)
def add_next(product_id: str, batches: KeyBatches, *, label: str | None) -> Call[AddedKeys] | None:
    """``POST /v1/store/manage/products/{productId}/keys`` with the next batch, ``None`` where there is none left."""
    product_id = checks.identifier(product_id, "product_id")
    body: dict[str, Any] = {} if label is None else {"label": checks.text(bounds.KEY_LABEL)(label, "label")}
    keys = batches.next()
    if not keys:
        return None
    return Call(
        endpoint=ADD_KEYS,
        path=ADD_KEYS.path(productId=product_id),
        read=lambda response: read_added(checked_document(response)),
        body=write_json({"keys": keys, **body}),
        idempotency_key=read_key(None),
        key_is_new=True,
    )


@builder_of(KEYS)
def page(number: int, *, product_id: str, status: str | None, limit: int | None) -> Call[PageFacts[ProductKey]]:
    """``GET /v1/store/manage/products/{productId}/keys``."""
    product_id = checks.identifier(product_id, "product_id")
    wanted = None if status is None else checks.word("AVAILABLE")(status, "status")
    query = page_query(number, limit, most=PAGE_LIMIT, status=wanted)
    return Call(
        endpoint=KEYS,
        path=KEYS.path(productId=product_id) + query,
        read=lambda response: read_keys(checked_document(response), number=number, limit=limit),
    )


@builder_of(KEY_STATS)
def stats(product_id: str) -> Call[KeyStats]:
    """``GET /v1/store/manage/products/{productId}/keys/stats``."""
    product_id = checks.identifier(product_id, "product_id")
    return Call(
        endpoint=KEY_STATS,
        path=KEY_STATS.path(productId=product_id),
        read=lambda response: read_stats(checked_document(response)),
    )


@builder_of(REMOVE_KEYS)
def remove_available(product_id: str) -> Call[RemovedKeys]:
    """``DELETE /v1/store/manage/products/{productId}/keys``."""
    product_id = checks.identifier(product_id, "product_id")
    return Call(
        endpoint=REMOVE_KEYS,
        path=REMOVE_KEYS.path(productId=product_id),
        read=lambda response: read_removed(checked_document(response)),
    )


M = TypeVar("M")


@reader_of(ADD_KEYS)
def read_added(document: object) -> AddedKeys:
    """Read the number of keys that were added."""
    return _counts(AddedKeys, document, "added")


@reader_of(KEY_STATS)
def read_stats(document: object) -> KeyStats:
    """Read the number of keys in the pool."""
    return _counts(KeyStats, document, "total")


@reader_of(REMOVE_KEYS)
def read_removed(document: object) -> RemovedKeys:
    """Read the number of keys that were removed."""
    return _counts(RemovedKeys, document, "removed")


def read_keys(document: object, *, number: int, limit: int | None) -> PageFacts[ProductKey]:
    """Return one page of keys."""
    return read_page(document, "keys", read_one, number=number, limit=limit)


def read_one(data: Json, path: str) -> ProductKey:
    """Return one key, found at ``path``."""
    return structure(ProductKey, data, path=path)


def _counts(model: type[M], document: object, name: str) -> M:
    body = object_at(document, "$")
    if name in body and "data" not in body:
        return structure(model, body, path="$")
    return structure(model, enveloped(body), path="$.data")
