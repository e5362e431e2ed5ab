"""The example of monitoring fits the metrics that are reported, and Prometheus' own tools accept it."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from opentelemetry.exporter.prometheus import PrometheusMetricReader
from opentelemetry.sdk.metrics import MeterProvider
from prometheus_client import REGISTRY, generate_latest

from inventpay import InventPay, LocalLimiter
from inventpay.payouts import Payout, Payouts
from inventpay.sandbox import Fault, Sandbox, Unlimited
from inventpay.telemetry import instrument
from inventpay.webhooks import WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed
from tests.telemetry.monitoring import EXAMPLE, queried, shown

promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="promtool is not installed (package prometheus)")


@promtool
@pytest.mark.parametrize(
    "command",
    [
        ("check", "rules", "alerts.yml"),
        ("test", "rules", "alerts_test.yml"),
        ("check", "config", "prometheus.yml"),
    ],
    ids=" ".join,
)
def test_promtool_accepts_it(command: tuple[str, ...]) -> None:
    """The alerts can be loaded and fire when they must, and only then."""
    finished = subprocess.run(["promtool", *command], cwd=EXAMPLE, capture_output=True, text=True, timeout=50)
    assert finished.returncode == 0, finished.stdout + finished.stderr
    assert "SUCCESS" in finished.stdout


def expressions(panels: list[dict[str, Any]]) -> list[str]:
    """Return the queries of a dashboard, with a length in place of the interval that Grafana chooses."""
    found = [target["expr"] for panel in panels for target in panel.get("targets", [])]
    return [expression.replace("$__rate_interval", "5m") for expression in found]


@promtool
def test_promtool_accepts_the_queries_of_the_dashboard(tmp_path: Path) -> None:
    """Each one is a valid query, since it can be the query of a rule."""
    dashboard = json.loads((EXAMPLE / "dashboard.json").read_text())
    queries = expressions(dashboard["panels"])
    assert len(queries) > 15
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    (tmp_path / "rules.yml").write_text(yaml.safe_dump({"groups": [{"name": "dashboard", "rules": rules}]}))
    finished = subprocess.run(
        ["promtool", "check", "rules", "rules.yml"], cwd=tmp_path, capture_output=True, text=True, timeout=50
    )
    assert finished.returncode == 0, finished.stdout + finished.stderr


def test_every_alert_is_tested() -> None:
    """Each fires in one test and keeps quiet in another."""
    rules = yaml.safe_load((EXAMPLE / "alerts.yml").read_text())["groups"][0]["rules"]
    tests = [
        case
        for test in yaml.safe_load((EXAMPLE / "alerts_test.yml").read_text())["tests"]
        for case in test["alert_rule_test"]
    ]
    names = {rule["alert"] for rule in rules}
    assert {case["alertname"] for case in tests if case.get("exp_alerts")} == names
    assert {case["alertname"] for case in tests if not case.get("exp_alerts")} == names


@pytest.fixture
def page(tmp_path: Path) -> Iterator[str]:
    """Yield the metrics that Prometheus reads from a process that used everything once."""
    reader = PrometheusMetricReader()
    meters = MeterProvider([reader])
    sandbox = Sandbox(rate_limits=Unlimited())
    sandbox.deposit("USDT_BEP20", "100")
    sandbox.faults.add(Fault.error(503), on="POST /v1/create_payment")
    receiver = instrument(WebhookReceiver(SECRET), meter_provider=meters)
    receiver.on_paid(print)
    body = flat(timestamp=datetime.now(UTC).isoformat())
    assert receiver.handle(body, signed(body)).status == 200
    client: InventPay = sandbox.client(limiter=LocalLimiter())
    with instrument(client, meter_provider=meters), Payouts(client, tmp_path / "payouts.sqlite3") as payouts:
        instrument(payouts, meter_provider=meters)
        payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
        sandbox.pay(payment.payment_id)
        client.payments.wait(payment.payment_id, timeout=10)
        payouts.plan([Payout("1", 10, "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D")])
        yield generate_latest(REGISTRY).decode()
    meters.shutdown()


def test_it_queries_the_metrics_that_there_are(page: str) -> None:
    """Every metric of the alerts and the dashboard is reported under this name, and each reported one is used."""
    reported = {name for name in shown(page) if name.startswith(("inventpay_", "http_client_"))}
    alerts = queried((EXAMPLE / "alerts.yml").read_text())
    board = queried((EXAMPLE / "dashboard.json").read_text())
    assert alerts | board == reported
    assert queried((EXAMPLE / "alerts_test.yml").read_text()) <= reported


def test_the_labels_of_the_queries_are_reported(page: str) -> None:
    """A query by a label that no series has would be silent for ever."""
    for label in ('url_template="/v1/create_payment"', 'error_type="503"', 'http_response_status_code="200"'):
        assert label in page
    for label in ('operation="create_payment"', 'outcome="ok"', 'rate_class="status_checks"', 'scope="process"'):
        assert label in page
    for label in ('result="handled"', 'event="payment.completed"', 'state="planned"', 'currency="USDT_BEP20"'):
        assert label in page


def test_the_collector_takes_otlp_and_is_scraped() -> None:
    """The pipelines use parts that are defined, and Prometheus scrapes the port on which the collector exports."""
    collector = yaml.safe_load((EXAMPLE / "collector.yaml").read_text())
    for pipeline in collector["service"]["pipelines"].values():
        for kind in ("receivers", "processors", "exporters"):
            assert set(pipeline[kind]) <= set(collector[kind])
    (scrape,) = yaml.safe_load((EXAMPLE / "prometheus.yml").read_text())["scrape_configs"]
    (target,) = scrape["static_configs"][0]["targets"]
    assert collector["exporters"]["prometheus"]["endpoint"].rpartition(":")[2] == target.rpartition(":")[2]


def test_workers_of_the_shop_report(tmp_path: Path) -> None:
    """A worker sends its metrics over OTLP, under an instance of its own, when it stops at the latest."""
    code = """
import http.server, os, sys, threading
bodies = []

class Collector(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        bodies.append((self.path, self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(200)
        self.end_headers()

    def log_message(self, *rest):
        pass

server = http.server.HTTPServer(("127.0.0.1", 0), Collector)
threading.Thread(target=server.serve_forever, daemon=True).start()
os.environ["OTEL_EXPORTER_OTLP_ENDPOINT"] = f"http://127.0.0.1:{server.server_port}"
os.environ["OTEL_EXPORTER_OTLP_COMPRESSION"] = "none"
from inventpay.sandbox import running_sandbox
with running_sandbox() as sandbox:
    os.environ.update(sandbox.environment)
    import shop
    from starlette.testclient import TestClient
    with TestClient(shop.app) as worker:
        assert worker.get("/alive").json() == {"alive": True}
        assert "/invoice/" in worker.post("/orders/7/pay").json()["pay_at"]
    from opentelemetry import metrics, trace
    metrics.get_meter_provider().shutdown()
    trace.get_tracer_provider().shutdown()
found = {path: body for path, body in bodies}
assert b"inventpay.call.duration" in found["/v1/metrics"], bodies
assert f"-{os.getpid()}".encode() in found["/v1/metrics"]
assert b"inventpay create_payment" in found["/v1/traces"]
print("reported")
"""
    pytest.importorskip("opentelemetry.exporter.otlp.proto.http")
    root = EXAMPLE.parents[1]
    finished = subprocess.run(
        [sys.executable, "-c", code],
        cwd=tmp_path,
        env={"PYTHONPATH": f"{EXAMPLE}:{root}", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        timeout=50,
    )
    assert finished.stdout.strip() == "reported", finished.stderr
