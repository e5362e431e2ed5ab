"""Telemetry costs nothing where it is not asked for, counts nothing twice, and keeps nothing alive."""

from __future__ import annotations

import asyncio
import gc
import subprocess
import sys
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from opentelemetry import trace
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor
from opentelemetry.trace import SpanKind

from inventpay import (
    AsyncInventPay,
    ConfigurationError,
    InventPay,
    LocalLimiter,
    NotFoundError,
    RateLimits,
)
from inventpay.sandbox import Sandbox, Unlimited
from inventpay.sandbox.http.server import run_in_thread
from inventpay.telemetry import instrument
from inventpay.webhooks import WebhookReceiver
from tests.support.api import ScriptedAPI, answers, fails
from tests.support.clients import new_key, read, scripted_client
from tests.support.deliveries import SECRET, flat, signed
from tests.support.telemetry import Telemetry, counts


@pytest.fixture
def telemetry() -> Telemetry:
    """An SDK in memory."""
    return Telemetry()


# --- what is not asked for is not paid for ---


def run(code: str) -> str:
    """Return what a fresh interpreter prints."""
    finished = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, timeout=50)
    return finished.stdout.strip()


def test_calls_and_deliveries_import_nothing_of_it() -> None:
    """A process that instruments nothing never loads OpenTelemetry, nor pydantic, whatever it calls."""
    code = """
import sys
from inventpay.sandbox import Sandbox
from inventpay.webhooks import WebhookReceiver
loaded = set(sys.modules)
with Sandbox().client() as client:
    payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
    client.payments.status(payment.payment_id).to_json()
WebhookReceiver("whsec_1").handle(b"{}", {})
print([name for name in sys.modules if name.partition(".")[0] in ("opentelemetry", "pydantic")])
"""
    assert run(code) == "[]"


def test_without_the_extra_the_error_names_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """The error for a missing extra names the command that installs it."""
    monkeypatch.setitem(sys.modules, "opentelemetry.trace", None)
    with pytest.raises(ConfigurationError, match='with its extra "otel"'):
        instrument(WebhookReceiver(SECRET))


@pytest.mark.parametrize("target", [InventPay, "client", None])
def test_other_things_are_refused(target: object, telemetry: Telemetry) -> None:
    """Neither a class nor anything else has calls."""
    with pytest.raises(ConfigurationError, match=r"instrument\(\) takes a client"):
        telemetry.watch(target)


def test_the_global_providers_may_be_set_later() -> None:
    """Clients are often made at import, before the SDK is configured."""
    code = """
from inventpay import InventPay
from inventpay.telemetry import instrument
from inventpay.webhooks import WebhookReceiver
client = instrument(InventPay("pk_live_1"))
from opentelemetry import metrics, trace
from opentelemetry.sdk.metrics import MeterProvider
from opentelemetry.sdk.metrics.export import InMemoryMetricReader
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
reader, spans = InMemoryMetricReader(), InMemorySpanExporter()
metrics.set_meter_provider(MeterProvider([reader]))
trace.set_tracer_provider(TracerProvider())
trace.get_tracer_provider().add_span_processor(SimpleSpanProcessor(spans))
receiver = instrument(WebhookReceiver("whsec_1"))
receiver.handle(b"{}", {})
try:
    client.with_options(max_retries=0, timeout=0.001).balances.all()
except Exception:
    pass
(resource,) = reader.get_metrics_data().resource_metrics
(scope,) = resource.scope_metrics
print(*sorted(metric.name for metric in scope.metrics if metric.data.data_points))
print(sorted(span.name for span in spans.get_finished_spans())[-1])
"""
    metrics, span = run(code).splitlines()
    assert {"inventpay.webhook.deliveries", "inventpay.call.duration", "inventpay.limit.tokens"} <= set(metrics.split())
    assert span == "inventpay webhook"


# --- spans are where they belong ---


def test_a_call_is_a_child_of_what_is_current(telemetry: Telemetry) -> None:
    """The caller's span is current again afterwards, also after a failure and an interruption."""
    client = telemetry.watch(scripted_client(ScriptedAPI(answers(404), fails(KeyboardInterrupt()))))
    with client, telemetry.tracers.get_tracer("shop").start_as_current_span("order") as order:
        with pytest.raises(NotFoundError):
            read(client)
        assert trace.get_current_span() is order
        with pytest.raises(KeyboardInterrupt):
            read(client)
        assert trace.get_current_span() is order
    assert telemetry.tree() == [(0, "order"), *[(1, "inventpay balance"), (2, f"GET {BALANCE}")] * 2]
    assert telemetry.spans()[3].attributes["inventpay.outcome"] == "cancelled"
    assert [span.attributes["error.type"] for span in telemetry.spans()[1:]] == [
        "NotFoundError",
        "404",
        "KeyboardInterrupt",
        "KeyboardInterrupt",
    ]


BALANCE = "/v1/merchant/balance/{currency}"


def test_calls_at_the_same_time_do_not_mix(telemetry: Telemetry) -> None:
    """Tasks and threads have their own current spans; a call that takes the answer of another has no attempt."""
    sandbox = Sandbox(rate_limits=Unlimited())

    async def main() -> None:
        async with telemetry.watch(sandbox.async_client(limiter=LocalLimiter())) as client:
            await asyncio.gather(*(client.balances.get(coin) for coin in ("BTC", "LTC", "ETH") for _ in range(3)))

    def ask() -> None:
        for coin in ("BTC", "LTC"):
            blocking.balances.get(coin)

    asyncio.run(main())
    with telemetry.watch(sandbox.client(limiter=LocalLimiter())) as blocking:
        threads = [threading.Thread(target=ask) for _ in range(3)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    spans = {span.context.span_id: span for span in telemetry.spans()}
    calls = [span for span in spans.values() if span.kind is SpanKind.INTERNAL]
    attempts = [span for span in spans.values() if span.kind is SpanKind.CLIENT]
    assert len(calls) == 9 + 6
    assert 3 * 2 <= len(attempts) <= len(calls)
    assert all(call.parent is None for call in calls)
    assert all(attempt.parent is not None and attempt.parent.span_id in spans for attempt in attempts)
    sent = sum(call.attributes["inventpay.attempts"] for call in calls if call.attributes)
    assert sent == len(attempts)


async def test_the_work_of_a_handler_is_below_its_span(telemetry: Telemetry) -> None:
    """Async handlers and plain ones, which run in a thread, have the delivery as their parent."""
    receiver: WebhookReceiver = telemetry.watch(WebhookReceiver(SECRET))
    tracer = telemetry.tracers.get_tracer("shop")

    @receiver.on("payment.completed")
    async def fulfil(event: Any) -> None:
        with tracer.start_as_current_span("ship"):
            await asyncio.sleep(0)

    @receiver.on("payment.expired")
    def release(event: Any) -> None:
        with tracer.start_as_current_span("put back"):
            pass

    for name in ("payment.completed", "payment.expired"):
        body = flat(event=name)
        assert (await receiver.handle_async(body, signed(body))).outcome == "handled"
        assert receiver.handle(body, signed(body)).outcome == "duplicate"
    assert telemetry.tree() == [
        (0, "inventpay webhook"),
        (1, "inventpay handle payment.completed"),
        (2, "ship"),
        (0, "inventpay webhook"),
        (0, "inventpay webhook"),
        (1, "inventpay handle payment.expired"),
        (2, "put back"),
        (0, "inventpay webhook"),
    ]


async def test_a_delivery_that_is_cut_off_has_an_end(telemetry: Telemetry) -> None:
    """Its span and that of its handler are exported, and it counts as interrupted."""
    receiver: WebhookReceiver = telemetry.watch(WebhookReceiver(SECRET))
    started = asyncio.Event()

    @receiver.on_paid
    async def fulfil(event: Any) -> None:
        started.set()
        await asyncio.sleep(60)

    body = flat()
    task = asyncio.create_task(receiver.handle_async(body, signed(body)))
    await started.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert [span.attributes["error.type"] for span in telemetry.spans()] == ["CancelledError"] * 2
    assert counts(telemetry.metrics()["inventpay.webhook.deliveries"], "result") == {"interrupted": 1}


# --- nothing is counted or sent twice ---


@pytest.fixture
def _httpx_instrumented(telemetry: Telemetry) -> Iterator[None]:
    instrumentor = HTTPXClientInstrumentor()
    instrumentor.instrument(tracer_provider=telemetry.tracers, meter_provider=telemetry.meters)
    yield
    instrumentor.uninstrument()


@pytest.mark.usefixtures("_httpx_instrumented")
@pytest.mark.parametrize("is_watched", [True, False])
@pytest.mark.parametrize("is_lent", [True, False])
def test_one_http_span_and_no_traceparent(telemetry: Telemetry, is_watched: bool, is_lent: bool) -> None:
    """Where httpx is instrumented, too, the request has one span, and the API does not get the id of the trace."""
    sandbox = Sandbox(rate_limits=Unlimited())
    seen: list[set[bytes]] = []

    async def served(scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] == "http":
            seen.append({name.lower() for name, _ in scope["headers"]})
        await sandbox.app(scope, receive, send)

    with run_in_thread(served, "127.0.0.1", 0) as server:
        lent = httpx.Client() if is_lent else None
        client = InventPay(sandbox.api_key, base_url=server.url, http_client=lent, limiter=LocalLimiter())
        if is_watched:
            telemetry.watch(client)
        with client:
            client.balances.get("BTC")
        if lent is not None:
            lent.close()
    spans = [span for span in telemetry.spans() if span.kind is SpanKind.CLIENT]
    assert len(spans) == 1
    sent = counts(telemetry.metrics().get("http.client.request.duration", {}), "url.template")
    assert sent == ({BALANCE: 1} if is_watched else {})
    (headers,) = seen
    # The instrumentation of httpx, where it is in charge, sends one.
    assert (b"traceparent" in headers) is not is_watched


def test_clients_of_one_limiter_count_its_tokens_once(telemetry: Telemetry, monkeypatch: pytest.MonkeyPatch) -> None:
    """Siblings and clients of one key share a limiter; those of another key have tokens of their own."""
    # The plugin gives each client a limiter that mocks switch off.
    monkeypatch.delitem(sys.modules, "pytest_inventpay")
    key = new_key()
    first = telemetry.watch(InventPay(key))
    telemetry.watch(first.with_options(timeout=1))
    second = telemetry.watch(AsyncInventPay(key))
    assert limits(telemetry) == {"payment_creation": 100, "status_checks": 300, "withdrawals": 10, "other": 60}
    third = telemetry.watch(InventPay(new_key(), rate_limits=RateLimits(withdrawals=5)))
    assert limits(telemetry)["withdrawals"] == 15
    del third
    gc.collect()
    assert limits(telemetry)["withdrawals"] == 10
    assert first is not second


def limits(telemetry: Telemetry) -> dict[Any, int]:
    """Return the sizes of the limits by class."""
    tokens = telemetry.metrics()["inventpay.limit.tokens"]
    return {name: size for (name, state), size in counts(tokens, "rate_class", "state").items() if state == "limit"}


async def test_the_stretch_of_polling_is_measured(telemetry: Telemetry) -> None:
    """One watcher is polled as it wishes; fifty that share six polls a minute are not."""
    sandbox = Sandbox(rate_limits=Unlimited())
    limiter = LocalLimiter(RateLimits(status_checks=6))
    async with telemetry.watch(
        sandbox.async_client(limiter=limiter, rate_limits=RateLimits(status_checks=6))
    ) as client:
        assert telemetry.metrics().get("inventpay.watch.stretch", {}) == {}
        ids = [
            (await client.payments.create(amount=5, amount_currency="USD", currency="BTC")).payment_id
            for _ in range(50)
        ]
        watchers = [asyncio.create_task(client.payments.wait(one, timeout=30)) for one in ids]
        stretch: dict[Any, Any] = {}
        async with asyncio.timeout(30):
            while stretch.get("status_checks", 0) <= 5:
                await asyncio.sleep(0.05)
                stretch = counts(telemetry.metrics().get("inventpay.watch.stretch", {}), "rate_class")
        for watcher in watchers:
            watcher.cancel()
        await asyncio.gather(*watchers, return_exceptions=True)
    assert stretch["status_checks"] > 5
