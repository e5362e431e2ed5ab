"""The store itself."""

from __future__ import annotations

from typing import Final

from .._core.json_values import is_object
from .._json.converter import structure, write_json
from ..models.stores import Confirmation, Store, StoreAnalytics
from . import bounds
from . import store_arguments as checks
from .body_fields import Member, creation_body, patch_body
from .call import Call, builder_of, read_key, reader_of
from .endpoints import CREATE_STORE, DELETE_PRODUCT, STORE, STORE_ANALYTICS, UPDATE_STORE
from .envelope import Json, enveloped, object_at
from .status_errors import checked_document

_MEMBERS: Final = {
    "name": Member("name", checks.text(bounds.STORE_NAME[1], at_least=bounds.STORE_NAME[0])),
    "description": Member("description", checks.text(bounds.STORE_DESCRIPTION), None),
    "logo": Member("logo", checks.https_url, None),
    "banner": Member("banner", checks.https_url, None),
    "is_published": Member("isPublished", checks.flag),
    "settings": Member("settings", checks.settings, None),
}


@builder_of(CREATE_STORE)
def create(*, idempotency_key: str | None, **values: object) -> Call[Store]:
    """``POST /v1/store/manage``."""
    return Call(
        endpoint=CREATE_STORE,
        path=CREATE_STORE.template,
        read=lambda response: read_store(checked_document(response)),
        body=write_json(creation_body(_MEMBERS, values)),
        idempotency_key=read_key(idempotency_key),
        key_is_new=idempotency_key is None,
    )


@builder_of(STORE)
def get() -> Call[Store]:
    """``GET /v1/store/manage``."""
    return Call(endpoint=STORE, path=STORE.template, read=lambda response: read_store(checked_document(response)))


@builder_of(UPDATE_STORE)
def update(**values: object) -> Call[Store]:
    """``PUT /v1/store/manage``."""
    return Call(
        endpoint=UPDATE_STORE,
        path=UPDATE_STORE.template,
        read=lambda response: read_store(checked_document(response)),
        body=write_json(patch_body(_MEMBERS, values)),
    )


@builder_of(STORE_ANALYTICS)
def analytics() -> Call[StoreAnalytics]:
    """``GET /v1/store/manage/analytics``."""
    return Call(
        endpoint=STORE_ANALYTICS,
        path=STORE_ANALYTICS.template,
        read=lambda response: read_analytics(checked_document(response)),
    )


@reader_of(CREATE_STORE, STORE, UPDATE_STORE)
def read_store(document: object) -> Store:
    """Read the answer about the store."""
    return read_one(enveloped(document), "$.data")


def read_one(data: Json, path: str) -> Store:
    """Read a store found at ``path``, with its flag and its counts under either of their names."""
    shaped, moved, unread = dict(data), dict[str, str](), list[str]()
    if shaped.get("isPublished") is None and "isActive" in data:
        shaped["isPublished"] = data["isActive"]
        moved["isPublished"] = f"{path}.isActive"
    counts = data.get("_count")
    if is_object(counts):
        for name, other in (("productCount", "products"), ("orderCount", "orders")):
            if shaped.get(name) is None and other in counts:
                shaped[name] = counts[other]
                moved[name] = f"{path}._count.{other}"
    elif counts is not None:
        unread.append(f"{path}._count")
    return structure(Store, shaped, path=path, raw=data, moved=moved, unread=unread)


@reader_of(STORE_ANALYTICS)
def read_analytics(document: object) -> StoreAnalytics:
    """Read the figures, whatever their names."""
    return read_figures(enveloped(document))


def read_figures(data: Json) -> StoreAnalytics:
    """Return the figures of an object."""
    return StoreAnalytics(figures=data, raw=data)


@reader_of(DELETE_PRODUCT)
def read_confirmation(document: object) -> Confirmation:
    """Read the words of an answer whose ``data``, where there is any, adds nothing to its success."""
    body = object_at(document, "$")
    data = body.get("data")
    said = body if body.get("message") is not None or not is_object(data) else data
    return structure(Confirmation, {"message": said.get("message")}, path="$", raw=body)
