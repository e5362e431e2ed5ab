"""Key pools: their counts come in an envelope or, in some sources, bare."""

from __future__ import annotations

from typing import TypeVar

from ..._json.converter import structure
from ...models.key_pools import AddedKeys, KeyStats, ProductKey, RemovedKeys
from ..envelope import Json, enveloped, object_at
from ..page_walk import PageFacts
from .paging import page

M = TypeVar("M")


def added(document: object) -> AddedKeys:
    """How many keys were added."""
    return _counts(AddedKeys, document, "added")


def stats(document: object) -> KeyStats:
    """How many keys there are."""
    return _counts(KeyStats, document, "total")


def removed(document: object) -> RemovedKeys:
    """How many keys were removed."""
    return _counts(RemovedKeys, document, "removed")


def keys(document: object, *, number: int, limit: int) -> PageFacts[ProductKey]:
    """One page of keys."""
    return page(document, "keys", read, number=number, limit=limit)


def read(data: Json, path: str) -> ProductKey:
    """One key, found at ``path``."""
    return structure(ProductKey, data, path=path)


def _counts(model: type[M], document: object, name: str) -> M:
    body = object_at(document, "$")
    if name in body and "data" not in body:
        return structure(model, body, path="$")
    return structure(model, enveloped(body), path="$.data")
