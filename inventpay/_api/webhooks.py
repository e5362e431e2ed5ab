"""Webhook management."""

from __future__ import annotations

import contextlib
from collections.abc import Mapping
from typing import Any, Final, Literal

from .._core.decimals import decode_money
from .._core.json_values import is_array, is_object, kind
from .._json.converter import structure, write_json
from ..errors import DecodeError
from ..models.webhooks import MILLISECONDS, WebhookConfig, WebhookDelivery, WebhookStatistics, WebhookStats, WebhookTest
from . import arguments, bounds
from .call import Call, builder_of, read_key, reader_of
from .endpoints import (
    CONFIGURE_WEBHOOK,
    DELETE_WEBHOOK,
    RETRY_WEBHOOK,
    TEST_WEBHOOK,
    WEBHOOK_CONFIG,
    WEBHOOK_DELIVERIES,
    WEBHOOK_DELIVERY,
    WEBHOOK_STATS,
)
from .envelope import Json, enveloped, member, object_at
from .page_walk import PageFacts
from .pagination import page_query, read_page
from .status_errors import checked_document

PAGE_LIMIT: Final = bounds.DELIVERIES_PAGE
"""Deliveries on one page, at most (docs: introduction, for lists in general)."""

DAYS: Final = 7
"""Days that statistics cover by default (vendor's SDKs)."""

Filter = Literal["all"]
"""The API's name of a filter that lets everything through."""


@builder_of(CONFIGURE_WEBHOOK)
def configure(webhook_url: str) -> Call[WebhookConfig]:
    """``PUT /v1/merchant/webhook-url``."""
    url = arguments.url(webhook_url, "webhook_url", webhook=True)
    return Call(
        endpoint=CONFIGURE_WEBHOOK,
        path=CONFIGURE_WEBHOOK.template,
        read=lambda response: read_configured(checked_document(response), url=url),
        body=write_json({"webhookUrl": url}),
    )


def delete() -> Call[None]:
    """``DELETE /v1/merchant/webhook-url``."""
    return Call(
        endpoint=DELETE_WEBHOOK,
        path=DELETE_WEBHOOK.template,
        read=lambda response: read_deleted(checked_document(response)),
    )


def config() -> Call[WebhookConfig]:
    """``GET /v1/merchant/webhook-config``."""
    return Call(
        endpoint=WEBHOOK_CONFIG,
        path=WEBHOOK_CONFIG.template,
        read=lambda response: read_config(checked_document(response)),
    )


@builder_of(TEST_WEBHOOK)
def test(webhook_url: str | None) -> Call[WebhookTest]:
    """``POST /v1/merchant/test-webhook``: without a URL, without any body."""
    url = None if webhook_url is None else arguments.url(webhook_url, "webhook_url", webhook=True)
    return Call(
        endpoint=TEST_WEBHOOK,
        path=TEST_WEBHOOK.template,
        read=lambda response: read_tested(checked_document(response), url=url),
        body=None if url is None else write_json({"webhookUrl": url}),
        idempotency_key=read_key(None),
        key_is_new=True,
    )


@builder_of(WEBHOOK_DELIVERIES)
def page(
    number: int, *, success: bool | Filter | None, payment_id: str | None, limit: int | None
) -> Call[PageFacts[WebhookDelivery]]:
    """``GET /v1/merchant/webhook-deliveries``."""
    wanted = _filter(success)
    payment = None if payment_id is None else arguments.identifier(payment_id, "payment_id")
    return Call(
        endpoint=WEBHOOK_DELIVERIES,
        path=WEBHOOK_DELIVERIES.template
        + page_query(number, limit, most=PAGE_LIMIT, success=wanted, paymentId=payment),
        read=lambda response: read_deliveries(checked_document(response), number=number, limit=limit),
    )


@builder_of(WEBHOOK_DELIVERY)
def delivery(delivery_id: str) -> Call[WebhookDelivery]:
    """``GET /v1/merchant/webhook-delivery/{deliveryId}``."""
    delivery_id = arguments.identifier(delivery_id, "delivery_id")
    return Call(
        endpoint=WEBHOOK_DELIVERY,
        path=WEBHOOK_DELIVERY.path(deliveryId=delivery_id),
        read=lambda response: read_one_delivery(checked_document(response)),
    )


@builder_of(RETRY_WEBHOOK)
def retry(delivery_id: str) -> Call[WebhookDelivery | None]:
    """``POST /v1/merchant/webhook-delivery/{deliveryId}/retry``."""
    delivery_id = arguments.identifier(delivery_id, "delivery_id")
    return Call(
        endpoint=RETRY_WEBHOOK,
        path=RETRY_WEBHOOK.path(deliveryId=delivery_id),
        read=lambda response: read_retried(checked_document(response)),
        idempotency_key=read_key(None),
        key_is_new=True,
    )


@builder_of(WEBHOOK_STATS)
def stats(days: int) -> Call[WebhookStats]:
    """``GET /v1/merchant/webhook-stats``."""
    days = arguments.whole(days, "days", 1, bounds.STATISTICS_DAYS)
    return Call(
        endpoint=WEBHOOK_STATS,
        path=f"{WEBHOOK_STATS.template}?days={days}",
        read=lambda response: read_stats(checked_document(response)),
    )


@reader_of(DELETE_WEBHOOK)
def read_deleted(document: object) -> None:
    """Read nothing: only the success counts, and ``data`` may hold anything."""


def _filter(success: object) -> str | None:
    if success is None:
        return None
    if not isinstance(success, bool) and success != "all":
        raise arguments.refused_value("success", success, 'must be True, False or "all"')
    return str(success).lower()


@reader_of(WEBHOOK_CONFIG)
def read_config(document: object) -> WebhookConfig:
    """Return the answer to the call for the configuration."""
    return read_one_config(enveloped(document), "$.data")


@reader_of(CONFIGURE_WEBHOOK, url=("body", "webhookUrl"))
def read_configured(document: object, *, url: str) -> WebhookConfig:
    """Return the answer to setting the URL. Its ``data`` is undocumented: the configuration, a part, or nothing."""
    held = object_at(document, "$").get("data")
    return read_one_config({} if held is None else object_at(held, "$.data"), "$.data", set_url=url)


_NAMES: Final = {
    "url": ("url", "webhookUrl"),
    "isConfigured": ("isConfigured", "active", "isActive"),
    "secret": ("secret", "webhookSecret"),
    "lastUpdated": ("lastUpdated",),
    "supportedEvents": ("supportedEvents", "events"),
}
"""The names of each member of a configuration in the sources. It may stand in ``data`` or in ``data.webhook``."""


def read_one_config(data: Json, path: str, *, set_url: str | None = None) -> WebhookConfig:
    """Read a configuration found at ``path``, whose members may stand there or in ``webhook``."""
    places = [(path, data)]
    unread = list[str]()
    inner = data.get("webhook")
    if is_object(inner):
        places.insert(0, (f"{path}.webhook", inner))
    elif inner is not None:
        raise DecodeError(f"{path}.webhook is {kind(inner)}, not an object", json_path=f"{path}.webhook")
    shaped, moved = dict[str, Any](), dict[str, str]()
    for name, others in _NAMES.items():
        for place, holder in places:
            for other in others:
                if other in holder and shaped.get(name) is None:
                    shaped[name], moved[name] = holder[other], f"{place}.{other}"
    if shaped.get("url") is None and set_url is not None:
        shaped["url"] = set_url
    if "url" not in shaped and "isConfigured" not in shaped:
        raise DecodeError(f"{path} has neither webhook.url nor webhookUrl, so it is no configuration", json_path=path)
    # Some servers write what is not set as empty text.
    if shaped.get("url") == "":
        shaped["url"] = None
    statistics = data.get("statistics")
    if is_object(statistics):
        shaped["statistics"] = _statistics(statistics)
    elif statistics is not None:
        unread.append(f"{path}.statistics")
    recent, shown = data.get("recentDeliveries"), list[Any]()
    if is_array(recent):
        shown = recent
        shaped["recentDeliveries"] = [_with_text(item, "response") if is_object(item) else item for item in shown]
    elif recent is not None:
        unread.append(f"{path}.recentDeliveries")
    answer = structure(WebhookConfig, shaped, path=path, raw=data, moved=moved, unread=unread)
    # Parts keep the objects that the API sent, not those with their members in place.
    if answer.statistics is not None:
        object.__setattr__(answer.statistics, "raw", statistics)
    sent = {item["id"]: item for item in shown if is_object(item) and type(item.get("id")) is str}
    for delivery in answer.recent_deliveries:
        object.__setattr__(delivery, "raw", sent[delivery.id])
    return answer


def read_deliveries(document: object, *, number: int, limit: int | None) -> PageFacts[WebhookDelivery]:
    """Return one page of deliveries."""
    return read_page(document, "deliveries", read_delivery, number=number, limit=limit)


@reader_of(WEBHOOK_DELIVERY)
def read_one_delivery(document: object) -> WebhookDelivery:
    """Return the answer to the call for one delivery."""
    return read_delivery(enveloped(document), "$.data")


@reader_of(RETRY_WEBHOOK)
def read_retried(document: object) -> WebhookDelivery | None:
    """Return the answer to a retry. Its ``data`` is not documented: the delivery, or anything else."""
    data = object_at(document, "$").get("data")
    if not is_object(data) or "id" not in data or "attempts" not in data:
        return None
    return read_one_delivery({"data": data})


def read_delivery(data: Json, path: str) -> WebhookDelivery:
    """Return one delivery, found at ``path``."""
    return structure(WebhookDelivery, _with_text(data, "response"), path=path, raw=data)


@reader_of(WEBHOOK_STATS)
def read_stats(document: object) -> WebhookStats:
    """Read the answer to the call for statistics."""
    return read_one_stats(enveloped(document), "$.data")


def read_one_stats(data: Json, path: str) -> WebhookStats:
    """Read statistics found at ``path``."""
    summary = member(data, "summary", path)
    if not is_object(summary):
        return structure(WebhookStats, data, path=path)
    answer = structure(WebhookStats, {**data, "summary": _statistics(summary)}, path=path, raw=data)
    object.__setattr__(answer.summary, "raw", summary)
    return answer


def read_statistics(data: Json, path: str) -> WebhookStatistics:
    """Read numbers of deliveries found at ``path``."""
    return structure(WebhookStatistics, _statistics(data), path=path, raw=data)


def _statistics(data: Json) -> Json:
    rate = data.get("successRate")
    return {**data, "successRate": rate.strip().removesuffix("%").rstrip()} if isinstance(rate, str) else data


@reader_of(TEST_WEBHOOK, url=("body", "webhookUrl"))
def read_tested(document: object, *, url: str | None) -> WebhookTest:
    """Read the answer to a test."""
    return read_one_test(enveloped(document), "$.data", url=url)


def read_one_test(data: Json, path: str, *, url: str | None = None) -> WebhookTest:
    """Read the outcome of a test found at ``path``."""
    shaped = _with_text(data, "response")
    if shaped.get("url") is None and url is not None:
        shaped["url"] = url
    with contextlib.suppress(ValueError):
        if shaped.get("responseTime") is not None:
            shaped["responseTime"] = decode_money(shaped["responseTime"]) / MILLISECONDS
    return structure(WebhookTest, shaped, path=path, raw=data)


def _with_text(data: Mapping[str, Any], name: str) -> Json:
    """Return the object with a member as text: a receiver's answer may be shown as the JSON that it was."""
    value = data.get(name)
    if value is None or isinstance(value, str):
        return dict(data)
    with contextlib.suppress(TypeError, ValueError):
        return {**data, name: write_json(value).decode()}
    return dict(data)
