"""The store itself."""

from __future__ import annotations

from typing import Final

from .._core.json_values import is_object
from .._json.converter import structure, write_json
from ..models.stores import Confirmation, Store, StoreAnalytics
from . import store_arguments as checks
from .body_fields import Member, changed, given
from .call import Call, builder_of, read_key
from .endpoints import CREATE_STORE, STORE, STORE_ANALYTICS, UPDATE_STORE
from .envelope import enveloped, object_at
from .status_errors import checked_document

_MEMBERS: Final = {
    "name": Member("name", checks.text(100, at_least=2)),
    "description": Member("description", checks.text(1_000), None),
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
        body=write_json(given(_MEMBERS, values)),
        idempotency_key=read_key(idempotency_key),
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
        body=write_json(changed(_MEMBERS, values)),
    )


@builder_of(STORE_ANALYTICS)
def analytics() -> Call[StoreAnalytics]:
    """``GET /v1/store/manage/analytics``."""
    return Call(
        endpoint=STORE_ANALYTICS,
        path=STORE_ANALYTICS.template,
        read=lambda response: read_analytics(checked_document(response)),
    )


def read_store(document: object) -> Store:
    """The store, with its flag and its counts under either of their names."""
    data = enveloped(document)
    shaped, moved = dict(data), dict[str, str]()
    if shaped.get("isPublished") is None and "isActive" in data:
        shaped["isPublished"] = data["isActive"]
        moved["isPublished"] = "$.data.isActive"
    counts = object_at(data["_count"], "$.data._count") if data.get("_count") is not None else {}
    for name, other in (("productCount", "products"), ("orderCount", "orders")):
        if shaped.get(name) is None and other in counts:
            shaped[name] = counts[other]
            moved[name] = f"$.data._count.{other}"
    return structure(Store, shaped, path="$.data", raw=data, moved=moved)


def read_analytics(document: object) -> StoreAnalytics:
    """Whatever figures there are."""
    data = enveloped(document)
    answer = StoreAnalytics(figures=data)
    object.__setattr__(answer, "raw", data)
    return answer


def read_confirmation(document: object) -> Confirmation:
    """An answer whose ``data``, where there is any, says nothing that its success does not."""
    body = object_at(document, "$")
    data = body.get("data")
    said = body if body.get("message") is not None or not is_object(data) else data
    return structure(Confirmation, {"message": said.get("message")}, path="$", raw=body)
