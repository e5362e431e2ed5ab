"""Answers of the calls that manage webhooks: every documented variant, and an error that says where for the rest."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any

import pytest

from inventpay._api import webhooks as calls
from inventpay.errors import DecodeError
from inventpay.models import WebhookConfig, WebhookDelivery, WebhookStatistics, WebhookStats, WebhookTest
from tests.support.documented import document

URL = "https://yourapp.com/webhooks/inventpay"
NOON = datetime(2024, 1, 1, 12, tzinfo=UTC)
DELIVERY = WebhookDelivery(
    id="whd1",
    payment_id="cmh123abc456def",
    url=URL,
    http_status=200,
    attempts=1,
    success=True,
    last_attempt_at=NOON + timedelta(seconds=1),
    created_at=NOON + timedelta(milliseconds=500),
)
COUNTS = WebhookStatistics(total=200, successful=197, failed=3, success_rate=Decimal("98.50"))


def test_the_full_configuration() -> None:
    """With the secret, which no repr shows, statistics in percent, and the latest deliveries."""
    said = document("webhooks/config")
    config = calls.read_config(said)
    assert config == WebhookConfig(
        url=URL,
        is_configured=True,
        secret="9f86d081884c7d659a2feaa0c55ad015",
        last_updated=NOON - timedelta(hours=1),
        statistics=COUNTS,
        recent_deliveries=(DELIVERY,),
        supported_events=("payment.pending", "payment.completed", "payment.failed", "payment.test"),
    )
    assert config.raw is said["data"]
    assert config.recent_deliveries[0].raw is said["data"]["recentDeliveries"][0]
    assert "9f86" not in repr(config)


def test_the_short_configuration() -> None:
    """The documentation's page names two members."""
    assert calls.read_config(document("webhooks/config.short")) == WebhookConfig(url=URL, is_configured=True)


@pytest.mark.parametrize(
    ("data", "config"),
    [
        ({"webhookUrl": None, "active": False}, WebhookConfig(is_configured=False)),
        ({"webhook": {"url": "", "isConfigured": False}}, WebhookConfig(is_configured=False)),
        ({"webhook": {"url": URL, "secret": None}}, WebhookConfig(url=URL, is_configured=True)),
        (
            {"url": URL, "events": ["payment.test"], "webhookSecret": "s"},
            WebhookConfig(url=URL, is_configured=True, secret="s", supported_events=("payment.test",)),
        ),
        ({"webhookUrl": URL, "isActive": False}, WebhookConfig(url=URL, is_configured=False)),
    ],
)
def test_parts_of_a_configuration(data: object, config: WebhookConfig) -> None:
    """A member that is null or left out is None; what older documents show under other names is read too."""
    assert calls.read_config({"data": data}) == config


@pytest.mark.parametrize(
    "document",
    [
        {"success": True, "message": "ok"},
        {"data": None},
        {"data": {}},
        {"data": {"user": "x"}},
    ],
)
def test_setting_the_url_may_answer_nothing(document: object) -> None:
    """No source shows the answer: then what was asked for is what is known."""
    assert calls.read_configured(document, url=URL) == WebhookConfig(url=URL, is_configured=True)


def test_setting_the_url_may_answer_everything() -> None:
    """The secret above all, which may never be shown again."""
    for data in (
        {"webhookUrl": URL, "secret": "s3cret"},
        {"webhook": {"url": URL, "secret": "s3cret", "isConfigured": True}},
        {"url": URL, "webhookSecret": "s3cret"},
    ):
        config = calls.read_configured({"data": data}, url="https://other.example/")
        assert config == WebhookConfig(url=URL, is_configured=True, secret="s3cret")


def test_a_page_of_deliveries() -> None:
    """The other layout of pages, and filters that read "all"."""
    page = calls.read_deliveries(document("webhook_deliveries"), number=1, limit=10)
    assert page.items == (DELIVERY,)
    assert (page.total, page.page_count, page.has_next) == (1, 1, False)
    assert page.raw["filters"] == {"success": "all", "paymentId": "all"}


def test_one_delivery() -> None:
    """With its payload; what the receiver answered may be shown as the JSON it was; a test has no payment."""
    said = document("webhooks/delivery")
    delivery = calls.read_one_delivery(said)
    assert delivery.payload == said["data"]["payload"]
    assert (delivery.http_status, delivery.response, delivery.error_message) == (503, "Service Unavailable", "HTTP 503")
    assert delivery.next_attempt_at == NOON + timedelta(seconds=41)
    said["data"] |= {"response": {"received": True, "n": Decimal("1.50")}, "paymentId": None, "payload": "{}"}
    other = calls.read_one_delivery(said)
    assert (other.response, other.payment_id, other.payload) == ('{"received":true,"n":1.50}', None, "{}")
    assert other.raw["response"] == {"received": True, "n": Decimal("1.50")}


def test_a_retry_may_answer_with_the_delivery() -> None:
    """Or with anything else, which says nothing."""
    assert calls.read_retried(document("webhooks/delivery")) is not None
    for data in (None, {}, {"queued": True}, {"id": "job1"}, [], "ok"):
        assert calls.read_retried({"success": True, "data": data}) is None
    assert calls.read_retried({"success": True}) is None


def test_statistics() -> None:
    """Statistics are read, with numbers as text."""
    assert calls.read_stats(document("webhooks/stats")) == WebhookStats(
        period="7 days",
        summary=WebhookStatistics(
            total=200, successful=197, failed=3, success_rate=Decimal("98.50"), avg_attempts=Decimal("1.02")
        ),
        webhook_url=URL,
        is_configured=True,
    )


@pytest.mark.parametrize(
    ("said", "rate"), [("98.5", "98.5"), (98.5, "98.5"), (100, "100"), (" 0 % ", "0"), (None, None)]
)
def test_rates_come_in_several_forms(said: object, rate: str | None) -> None:
    """With or without a percent sign, as text or as a number, or not at all."""
    value = Decimal(str(said)) if isinstance(said, float) else said
    document = {"data": {"summary": {"total": 1, "successful": 1, "failed": 0, "successRate": value}}}
    assert calls.read_stats(document).summary.success_rate == (None if rate is None else Decimal(rate))


def test_a_test() -> None:
    """The time is in seconds; the URL is the one asked for where the answer names none."""
    tested = calls.read_tested(document("webhooks/test"), url=None)
    assert tested == WebhookTest(
        url=URL,
        status_code=200,
        response_time=0.087,
        response='{"received":true}',
        signature="5257a869e7ecebeda32affa62cdca3fa51cad7e77a0e56ff536d0ce8e108d8bd",
        tested_at=NOON,
    )
    assert tested.raw["responseTime"] == 87
    assert calls.read_tested({"data": {"statusCode": 204}}, url=URL) == WebhookTest(url=URL, status_code=204)


def read_deliveries(document: object) -> object:
    return calls.read_deliveries(document, number=1, limit=10)


def read_delivery(document: object) -> object:
    return calls.read_one_delivery(document)


def read_retry(document: object) -> object:
    return calls.read_retried(document)


def read_configured(document: object) -> object:
    return calls.read_configured(document, url=URL)


def read_tested(document: object) -> object:
    return calls.read_tested(document, url=None)


SUMMARY = {"total": 1, "successful": 1, "failed": 0}


@pytest.mark.parametrize(
    ("read", "data", "path"),
    [
        (calls.read_config, {}, "$.data"),
        (calls.read_config, None, "$.data"),
        (calls.read_config, {"webhook": []}, "$.data.webhook"),
        (calls.read_config, {"webhook": {"url": 5}}, "$.data.webhook.url"),
        (calls.read_config, {"webhookUrl": 5}, "$.data.webhookUrl"),
        (read_configured, "ok", "$.data"),
        (read_deliveries, {"deliveries": {}, "pagination": {}}, "$.data.deliveries"),
        (read_delivery, {**document("webhooks/delivery")["data"], "success": "yes"}, "$.data.success"),
        (read_delivery, {**document("webhooks/delivery")["data"], "success": None}, "$.data.success"),
        (read_retry, {"id": "whd2", "url": URL, "attempts": 1, "success": []}, "$.data.success"),
        (calls.read_stats, {}, "$.data.summary"),
    ],
)
def test_malformed_identity_and_state_say_where(read: Callable[[object], Any], data: object, path: str) -> None:
    """A DecodeError with the path as the API wrote it, wherever the member was moved."""
    with pytest.raises(DecodeError) as caught:
        read({"success": True, "data": data})
    assert caught.value.json_path == path


@pytest.mark.parametrize(
    ("read", "data", "path"),
    [
        (calls.read_config, {"webhookUrl": URL, "active": "yes"}, "$.data.active"),
        (calls.read_config, {"webhook": {"url": URL}, "statistics": 5}, "$.data.statistics"),
        (calls.read_config, {"webhook": {"url": URL}, "statistics": {"total": []}}, "$.data.statistics.total"),
        (calls.read_config, {"webhook": {"url": URL}, "recentDeliveries": {}}, "$.data.recentDeliveries"),
        (calls.read_config, {"webhook": {"url": URL}, "recentDeliveries": [5]}, "$.data.recentDeliveries[0]"),
        (calls.read_config, {"webhook": {"url": URL}, "recentDeliveries": [{}]}, "$.data.recentDeliveries[0].id"),
        (calls.read_config, {"webhook": {"url": URL}, "supportedEvents": [[]]}, "$.data.supportedEvents[0]"),
        (calls.read_config, {"webhookUrl": URL, "events": "all"}, "$.data.events"),
        (read_configured, {"webhook": {"url": URL, "lastUpdated": 5}}, "$.data.webhook.lastUpdated"),
        (read_delivery, {**document("webhooks/delivery")["data"], "attempts": "many"}, "$.data.attempts"),
        (calls.read_stats, {"summary": []}, "$.data.summary"),
        (calls.read_stats, {"summary": {**SUMMARY, "successRate": "N/A"}}, "$.data.summary.successRate"),
        (calls.read_stats, {"summary": {**SUMMARY, "avgAttempts": []}}, "$.data.summary.avgAttempts"),
        (calls.read_stats, {"summary": SUMMARY, "isConfigured": 1}, "$.data.isConfigured"),
        (read_tested, {"url": URL, "responseTime": "fast"}, "$.data.responseTime"),
    ],
)
def test_malformed_decoration_is_listed(read: Callable[[object], Any], data: object, path: str) -> None:
    """The rest is read, and ``unread`` has the path as the API wrote it."""
    answer = read({"success": True, "data": data})
    assert answer.unread == (path,)
    assert answer.raw == data
