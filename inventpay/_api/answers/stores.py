"""The store itself."""

from __future__ import annotations

from ..._core.json_values import is_object
from ..._json.converter import structure
from ...models.stores import Confirmation, Store, StoreAnalytics
from ..envelope import enveloped, object_at


def store(document: object) -> Store:
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


def analytics(document: object) -> StoreAnalytics:
    """Whatever figures there are."""
    data = enveloped(document)
    answer = StoreAnalytics(figures=data)
    object.__setattr__(answer, "raw", data)
    return answer


def confirmation(document: object) -> Confirmation:
    """An answer whose ``data``, where there is any, says nothing that its success does not."""
    body = object_at(document, "$")
    data = body.get("data")
    said = body if body.get("message") is not None or not is_object(data) else data
    return structure(Confirmation, {"message": said.get("message")}, path="$", raw=body)
