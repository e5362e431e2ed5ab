"""Webhook management: the two layouts of the configuration, and numbers that come as text."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from ..._core.json_values import is_array, is_object, kind
from ..._json.converter import structure, write_json
from ...errors import DecodeError
from ...models.webhooks import WebhookConfig, WebhookDelivery, WebhookStatistics, WebhookStats, WebhookTest
from ..amounts import decode_money
from ..envelope import Json, enveloped, member, object_at, same
from ..page_walk import PageFacts
from .paging import page

_MILLISECONDS: Final = 1000


def config(document: object) -> WebhookConfig:
    """The answer to the call for the configuration."""
    return _config(enveloped(document))


def configured(document: object, *, url: str) -> WebhookConfig:
    """The answer to setting the URL, whose ``data`` no source shows: the configuration, parts of it, or nothing."""
    held = object_at(document, "$").get("data")
    return _config({} if held is None else object_at(held, "$.data"), set_url=url)


_NAMES: Final = {
    "url": ("url", "webhookUrl"),
    "isConfigured": ("isConfigured", "active", "isActive"),
    "secret": ("secret", "webhookSecret"),
    "lastUpdated": ("lastUpdated",),
    "supportedEvents": ("supportedEvents", "events"),
}
"""What sources call each member of a configuration. It may stand in ``data`` or in ``data.webhook``."""


def _config(data: Json, *, set_url: str | None = None) -> WebhookConfig:
    places = [("$.data", data)]
    if data.get("webhook") is not None:
        places.insert(0, ("$.data.webhook", object_at(data["webhook"], "$.data.webhook")))
    shaped, moved = dict[str, Any](), dict[str, str]()
    for name, others in _NAMES.items():
        for path, holder in places:
            for other in others:
                if other in holder and shaped.get(name) is None:
                    shaped[name], moved[name] = holder[other], f"{path}.{other}"
    if shaped.get("url") is None and set_url is not None:
        shaped["url"] = set_url
    if "url" not in shaped:
        raise DecodeError(
            "$.data has neither webhook.url nor webhookUrl, so it is no configuration", json_path="$.data"
        )
    # Some servers write what is not set as empty text.
    shaped["url"] = None if shaped["url"] == "" else shaped["url"]
    if shaped.get("isConfigured") is None:
        shaped["isConfigured"] = shaped["url"] is not None
    shaped["supportedEvents"] = _list(shaped.get("supportedEvents"), moved.get("supportedEvents", ""))
    answer = structure(WebhookConfig, shaped, path="$.data", raw=data, moved=moved)
    if data.get("statistics") is not None:
        object.__setattr__(answer, "statistics", _statistics(data["statistics"], "$.data.statistics"))
    path = "$.data.recentDeliveries"
    recent = [
        read_delivery(object_at(item, f"{path}[{index}]"), f"{path}[{index}]")
        for index, item in enumerate(_list(data.get("recentDeliveries"), path))
    ]
    object.__setattr__(answer, "recent_deliveries", tuple(recent))
    return answer


def _list(value: object, path: str) -> list[Any]:
    if value is None:
        return []
    if not is_array(value):
        raise DecodeError(f"{path} is {kind(value)}, not a list", json_path=path)
    return value


def deliveries(document: object, *, number: int, limit: int) -> PageFacts[WebhookDelivery]:
    """One page of deliveries."""
    return page(document, "deliveries", read_delivery, number=number, limit=limit)


def delivery(document: object, *, delivery_id: str) -> WebhookDelivery:
    """The answer to the call for one delivery."""
    answer = read_delivery(enveloped(document), "$.data")
    same(answer.id, delivery_id, "$.data.id")
    return answer


def retried(document: object, *, delivery_id: str) -> WebhookDelivery | None:
    """The answer to a retry, whose ``data`` no source shows: the delivery, or anything else."""
    data = object_at(document, "$").get("data")
    if not is_object(data) or "id" not in data or "attempts" not in data:
        return None
    return delivery({"data": data}, delivery_id=delivery_id)


def read_delivery(data: Json, path: str) -> WebhookDelivery:
    """One delivery, found at ``path``."""
    return structure(WebhookDelivery, _with_text(data, "response"), path=path, raw=data)


def stats(document: object) -> WebhookStats:
    """The answer to the call for statistics."""
    data = enveloped(document)
    summary = _statistics(member(data, "summary", "$.data"), "$.data.summary")
    # Read already; what stays is a flat object.
    empty = {"total": 0, "successful": 0, "failed": 0}
    answer = structure(WebhookStats, {**data, "summary": empty}, path="$.data", raw=data)
    object.__setattr__(answer, "summary", summary)
    return answer


def _statistics(value: object, path: str) -> WebhookStatistics:
    data = object_at(value, path)
    rate = data.get("successRate")
    shaped = {**data, "successRate": rate.strip().removesuffix("%").rstrip()} if isinstance(rate, str) else data
    return structure(WebhookStatistics, shaped, path=path, raw=data)


def tested(document: object, *, url: str | None) -> WebhookTest:
    """The answer to a test."""
    data = enveloped(document)
    shaped = _with_text(data, "response")
    if shaped.get("url") is None and url is not None:
        shaped["url"] = url
    took = shaped.pop("responseTime", None)
    answer = structure(WebhookTest, shaped, path="$.data", raw=data)
    if took is not None:
        try:
            seconds = float(decode_money(took) / _MILLISECONDS)
        except ValueError as error:
            raise DecodeError(f"$.data.responseTime {error}", json_path="$.data.responseTime") from None
        object.__setattr__(answer, "response_time", seconds)
    return answer


def _with_text(data: Mapping[str, Any], name: str) -> Json:
    """The object with a member as text: what a receiver answered may be shown as the JSON it was."""
    value = data.get(name)
    if value is None or isinstance(value, str):
        return dict(data)
    return {**data, name: write_json(value).decode()}
