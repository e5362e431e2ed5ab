"""The store itself."""

from __future__ import annotations

from typing import Final

from .._json.converter import write_json
from ..models.stores import Store, StoreAnalytics
from . import store_arguments as checks
from .answers import stores as answers
from .body_fields import Member, changed, given
from .call import Call, builder_of, read_key
from .endpoints import CREATE_STORE, STORE, STORE_ANALYTICS, UPDATE_STORE
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
        read=lambda response: answers.store(checked_document(response)),
        body=write_json(given(_MEMBERS, values)),
        idempotency_key=read_key(idempotency_key),
    )


@builder_of(STORE)
def get() -> Call[Store]:
    """``GET /v1/store/manage``."""
    return Call(endpoint=STORE, path=STORE.template, read=lambda response: answers.store(checked_document(response)))


@builder_of(UPDATE_STORE)
def update(**values: object) -> Call[Store]:
    """``PUT /v1/store/manage``."""
    return Call(
        endpoint=UPDATE_STORE,
        path=UPDATE_STORE.template,
        read=lambda response: answers.store(checked_document(response)),
        body=write_json(changed(_MEMBERS, values)),
    )


@builder_of(STORE_ANALYTICS)
def analytics() -> Call[StoreAnalytics]:
    """``GET /v1/store/manage/analytics``."""
    return Call(
        endpoint=STORE_ANALYTICS,
        path=STORE_ANALYTICS.template,
        read=lambda response: answers.analytics(checked_document(response)),
    )
