"""Every span and every metric of a merchant's day, over both clients and every transport."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Generator, Iterator
from typing import Any

import httpx
import pytest
from opentelemetry.trace import SpanKind, StatusCode

from inventpay import APITimeoutError, AsyncInventPay, InventPay, LocalLimiter, NotFoundError
from inventpay.redis import RedisLimiter
from inventpay.sandbox import Fault, ManualClock, Sandbox, Unlimited, WebhookSettings
from inventpay.sandbox.http.server import run_in_thread
from inventpay.webhooks import WebhookReceiver, sign
from tests.support.deliveries import flat
from tests.support.redis_servers import RedisServer, redis_server
from tests.support.telemetry import Points, Telemetry, counts

SECRET = "whsec_of_the_story"
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
CREATE, STATUS = "/v1/create_payment", "/v1/invoice/{paymentId}/status"
WITHDRAW, BALANCE = "/v1/merchant/withdrawal/create", "/v1/merchant/balance/{currency}"


@pytest.fixture(scope="module")
def redis() -> Iterator[RedisServer]:
    """A Redis that holds the shared limit."""
    with redis_server() as running:
        yield running


def story(sandbox: Sandbox) -> Generator[Callable[[Any], Any], Any, None]:
    """Yield the calls of the day, and take their results."""
    sandbox.faults.add(Fault.error(503), on=f"POST {CREATE}")
    payment = yield lambda client: client.payments.create(amount="30", amount_currency="USD", currency="USDT_BEP20")
    sandbox.pay(payment.payment_id)
    sandbox.faults.add(Fault.error(429, retry_after=0.2), on=f"GET {STATUS}")
    yield lambda client: client.payments.status(payment.payment_id)
    sandbox.deposit("USDT_BEP20", "100")
    yield lambda client: client.withdrawals.create(
        amount="10", currency="USDT_BEP20", destination_address=ADDRESS, check_address=False
    )
    sandbox.faults.add(Fault.slow_start(3.0), on=f"GET {BALANCE}")
    with pytest.raises(APITimeoutError):
        yield lambda client: client.with_options(attempt_timeout=0.5, max_retries=0).balances.get("USDT_BEP20")
    with pytest.raises(NotFoundError):
        yield lambda client: client.request("GET", f"/v1/customers/{payment.payment_id}")


def tell(client: InventPay, sandbox: Sandbox) -> None:
    """Make the calls from a thread."""
    day = story(sandbox)
    with client:
        call = next(day)
        while True:
            try:
                try:
                    result = call(client)
                except Exception as error:
                    call = day.throw(error)
                else:
                    call = day.send(result)
            except StopIteration:
                return


async def tell_async(client: AsyncInventPay, sandbox: Sandbox) -> None:
    """Make the calls from a task."""
    day = story(sandbox)
    async with client:
        call = next(day)
        while True:
            try:
                try:
                    result = await call(client)
                except Exception as error:
                    call = day.throw(error)
                else:
                    call = day.send(result)
            except StopIteration:
                return


TRANSPORTS: dict[str, Callable[[], Any]] = {
    "direct": lambda: None,
    "aiohttp": lambda: "aiohttp",
    "httpx": httpx.AsyncHTTPTransport,
}
WAYS = [*(("async", transport) for transport in TRANSPORTS), ("blocking", "direct"), ("blocking", "httpx")]


@pytest.mark.parametrize("limit", ["local", "shared"])
@pytest.mark.parametrize(("kind", "transport"), WAYS)
def test_a_day(kind: str, transport: str, limit: str, redis: RedisServer) -> None:
    """Spans form trees of calls and attempts; each metric has its points, and nothing that has many values."""
    telemetry = Telemetry()
    clock = ManualClock()
    receiver: WebhookReceiver = telemetry.watch(WebhookReceiver(SECRET, clock=clock))
    telemetry.watch(receiver)
    failures = [ValueError("the database is down")]

    @receiver.on("payment.completed")
    def fulfil(event: Any) -> None:
        if failures:
            raise failures.pop()

    # A real server for the limiter to share, and one key for each test.
    limiter = LocalLimiter() if limit == "local" else RedisLimiter(redis.url, prefix=f"{kind}-{transport}")
    with run_in_thread(receiver.asgi, "127.0.0.1", 0) as hooks:
        settings = WebhookSettings(url=f"{hooks.url}/hooks", secret=SECRET, automatic=False)
        sandbox = Sandbox(rate_limits=Unlimited(), webhooks=settings, clock=clock)
        with sandbox.run() as server:
            options: dict[str, Any] = {
                "withdrawal_key": sandbox.withdrawal_key,
                "base_url": server.url,
                "limiter": limiter,
            }
            began = time.time()
            if kind == "async":
                options["transport"] = TRANSPORTS[transport]()
                client: Any = telemetry.watch(AsyncInventPay(sandbox.api_key, **options))
                asyncio.run(tell_async(telemetry.watch(client), sandbox))
            else:
                options["transport"] = None if transport == "direct" else httpx.HTTPTransport()
                client = telemetry.watch(InventPay(sandbox.api_key, **options))
                tell(telemetry.watch(client), sandbox)
            sandbox.webhooks.deliver_due()
            clock.advance(3600)
            sandbox.webhooks.deliver_due()
            unknown = flat(event="payment.frobnicated")
            receiver.handle(unknown, {"X-Webhook-Signature": sign(unknown, SECRET)})
            receiver.handle(unknown, {"X-Webhook-Signature": "0" * 64})
            check_metrics(telemetry, server.url, limit, began)
    check_spans(telemetry)


def check_metrics(telemetry: Telemetry, url: str, limit: str, began: float) -> None:
    """Compare every point of the story."""
    metrics = telemetry.metrics()
    attempts = metrics["http.client.request.duration"]
    assert counts(attempts, "http.request.method", "url.template", "http.response.status_code", "error.type") == {
        ("POST", CREATE, 503, "503"): 1,
        ("POST", CREATE, 200, None): 1,
        ("GET", STATUS, 429, "429"): 1,
        ("GET", STATUS, 200, None): 1,
        ("POST", WITHDRAW, 200, None): 1,
        ("GET", BALANCE, None, "APITimeoutError"): 1,
        ("GET", "other", 404, "404"): 1,
    }
    port = int(url.rpartition(":")[2])
    assert set(counts(attempts, "server.address", "server.port")) == {("127.0.0.1", port)}
    assert all(point.explicit_bounds[:3] == (0.005, 0.01, 0.025) for point in attempts.values())
    assert counts(metrics["inventpay.call.duration"], "operation", "outcome") == {
        ("create_payment", "ok"): 1,
        ("payment_status", "ok"): 1,
        ("create_withdrawal", "ok"): 1,
        ("balance", "unknown"): 1,
        ("other", "refused"): 1,
    }
    assert counts(metrics["inventpay.retries"], "operation", "error.type") == {
        ("create_payment", "503"): 1,
        ("payment_status", "429"): 1,
    }
    waits = metrics["inventpay.limit.wait.duration"]
    assert counts(waits, "rate_class") == {"payment_creation": 2, "status_checks": 2, "withdrawals": 1, "other": 2}
    (status_wait,) = [point for key, point in waits.items() if ("rate_class", "status_checks") in key]
    # The pause of 0.2 s begins with the answer, its wait a little later.
    assert 0.1 <= status_wait.sum < 5
    tokens = metrics["inventpay.limit.tokens"]
    scope = "process" if limit == "local" else "shared"
    assert set(counts(tokens, "scope")) == {scope}
    by_class = counts(tokens, "rate_class", "state")
    assert by_class["withdrawals", "limit"] == 10
    assert by_class["withdrawals", "available"] + by_class["withdrawals", "leased"] <= 9 + (limit == "shared")
    deliveries = counts(metrics["inventpay.webhook.deliveries"], "event", "result", "http.response.status_code")
    assert deliveries["payment.completed", "failed", 500] == 1
    assert deliveries["payment.completed", "handled", 200] == 1
    assert deliveries["other", "ignored", 200] == 1
    assert deliveries["other", "refused", 401] == 1
    handled = counts(metrics["inventpay.webhook.handler.duration"], "event", "error.type")
    assert handled == {("payment.completed", None): 1, ("payment.completed", "ValueError"): 1}
    assert counts(metrics["inventpay.webhook.event.age"], "event")["payment.completed"] == 2
    ((_, last),) = metrics["inventpay.webhook.last_delivery"].items()
    assert began - 1 <= last <= time.time()
    check_attributes(metrics)
    check_units(telemetry.units())


ATTRIBUTES = {
    "http.client.request.duration": {
        "http.request.method",
        "url.template",
        "http.response.status_code",
        "server.address",
        "server.port",
        "error.type",
    },
    "inventpay.call.duration": {"operation", "outcome"},
    "inventpay.limit.wait.duration": {"rate_class"},
    "inventpay.limit.tokens": {"rate_class", "state", "scope"},
    "inventpay.retries": {"operation", "error.type"},
    "inventpay.webhook.deliveries": {"event", "result", "http.response.status_code"},
    "inventpay.webhook.handler.duration": {"event", "error.type"},
    "inventpay.webhook.event.age": {"event"},
    "inventpay.webhook.last_delivery": set(),
}
"""The attributes that each metric may have. None holds an id, a path, an address or an amount."""


def check_attributes(metrics: dict[str, Points]) -> None:
    """Refuse metrics and attributes that are not listed."""
    assert set(metrics) == set(ATTRIBUTES)
    for name, points in metrics.items():
        assert {attribute for key in points for attribute, _ in key} <= ATTRIBUTES[name]


def check_units(units: dict[str, str]) -> None:
    """Durations, ages and times are seconds."""
    assert {name for name, unit in units.items() if unit == "s"} == {
        name for name in ATTRIBUTES if name.endswith(("duration", "age", "last_delivery"))
    }


def check_spans(telemetry: Telemetry) -> None:
    """Compare the trees of calls and deliveries, and what their spans say."""
    roots = {span.context.trace_id: span for span in telemetry.spans() if span.parent is None}
    trees: dict[str, list[str]] = {}
    for span in telemetry.spans():
        if span.parent is not None:
            root = roots[span.context.trace_id]
            assert span.parent.span_id == root.context.span_id
            assert root.start_time <= span.start_time <= span.end_time <= root.end_time
            trees.setdefault(root.name, []).append(span.name)
    assert trees == {
        "inventpay webhook": ["inventpay handle payment.completed"] * 2,
        "inventpay create_payment": [f"POST {CREATE}"] * 2,
        "inventpay payment_status": [f"GET {STATUS}"] * 2,
        "inventpay create_withdrawal": [f"POST {WITHDRAW}"],
        "inventpay balance": [f"GET {BALANCE}"],
        "inventpay other": ["GET other"],
    }
    attempts = [span for span in telemetry.spans() if span.kind is SpanKind.CLIENT]
    assert [attempt.attributes.get("http.request.resend_count") for attempt in attempts[:4]] == [None, 1, None, 1]
    assert [attempt.status.status_code is StatusCode.ERROR for attempt in attempts] == [1, 0, 1, 0, 0, 1, 1]
    calls = {span.name: span for span in telemetry.spans() if span.name in trees}
    create = calls["inventpay create_payment"]
    assert dict(create.attributes) == {
        "inventpay.operation": "create_payment",
        "inventpay.rate_class": "payment_creation",
        "url.template": CREATE,
        "inventpay.outcome": "ok",
        "inventpay.attempts": 2,
    }
    (retry,) = create.events
    assert (retry.name, retry.attributes["error.type"]) == ("retry planned", "503")
    assert calls["inventpay payment_status"].events[0].name == "retry planned"
    timeout = calls["inventpay balance"]
    assert (timeout.attributes["inventpay.outcome"], timeout.attributes["error.type"]) == ("unknown", "APITimeoutError")
    assert timeout.status.status_code is StatusCode.ERROR
    deliveries = [span for span in telemetry.spans() if span.kind is SpanKind.CONSUMER]
    results = [span.attributes["inventpay.webhook.result"] for span in deliveries]
    assert {"failed", "handled", "ignored", "refused"} <= set(results)
    assert deliveries[results.index("failed")].attributes["error.type"] == "500"
