"""Let a real Prometheus scrape an instrumented process, with the alerts of the example: ``nox -s prometheus``.

    python -m tests.telemetry.scrape           needs prometheus on the PATH; takes half a minute

A child process runs a shop against a sandbox and shows its metrics. The API fails, so one alert must be pending.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any

import yaml

from tests.telemetry.monitoring import EXAMPLE, queried

ROOT = Path(__file__).parents[2]
PATIENCE = 60.0
"""Seconds in which everything must have been scraped."""


def free_port() -> int:
    """Return a port that is free now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def shop(port: int) -> None:
    """Use everything that is measured, again and again, until standard input ends."""
    import threading
    from datetime import UTC, datetime

    from opentelemetry.exporter.prometheus import PrometheusMetricReader
    from opentelemetry.sdk.metrics import MeterProvider
    from prometheus_client import start_http_server

    from inventpay import InventPayError, LocalLimiter, RateLimits
    from inventpay.payouts import Payout, Payouts
    from inventpay.sandbox import Fault, Sandbox, Unlimited
    from inventpay.telemetry import instrument
    from inventpay.webhooks import WebhookReceiver
    from tests.support.deliveries import SECRET, flat, signed

    meters = MeterProvider([PrometheusMetricReader()])
    start_http_server(port, "127.0.0.1")
    sandbox = Sandbox(rate_limits=Unlimited())
    sandbox.deposit("USDT_BEP20", "100")
    receiver = instrument(WebhookReceiver(SECRET), meter_provider=meters)
    receiver.on_paid(lambda event: None)
    over = threading.Event()
    threading.Thread(target=lambda: (sys.stdin.read(), over.set()), daemon=True).start()
    client = sandbox.client(limiter=LocalLimiter(RateLimits(payment_creation=100_000)), max_retries=1)
    with (
        instrument(client, meter_provider=meters),
        tempfile.TemporaryDirectory() as folder,
        Payouts(client, Path(folder) / "payouts.sqlite3") as payouts,
    ):
        instrument(payouts, meter_provider=meters)
        payouts.plan([Payout("1", 10, "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D")])
        payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
        sandbox.pay(payment.payment_id)
        client.payments.wait(payment.payment_id, timeout=10)
        while not over.wait(0.2):
            sandbox.faults.add(Fault.error(503), on="POST /v1/create_payment", times=2)
            with contextlib.suppress(InventPayError):
                client.payments.create(amount=5, amount_currency="USD", currency="BTC")
            body = flat(timestamp=datetime.now(UTC).isoformat(), paymentId=f"pay-{time.time()}")
            receiver.handle(body, signed(body))


def ask(url: str, path: str, **params: str) -> Any:
    """Return the data of an answer of Prometheus."""
    with urllib.request.urlopen(f"{url}{path}?{urllib.parse.urlencode(params)}", timeout=5) as answer:
        return json.load(answer)["data"]


def check(url: str) -> str | None:
    """Return what is missing yet, ``None`` where everything was scraped."""
    names = set(ask(url, "/api/v1/label/__name__/values"))
    board = json.loads((EXAMPLE / "dashboard.json").read_text())
    wanted = queried(json.dumps(board)) | queried((EXAMPLE / "alerts.yml").read_text())
    missing = {name for name in wanted if not {name, f"{name}_count"} & names}
    if missing:
        return f"metrics {sorted(missing)}"
    empty = [
        target["expr"]
        for panel in board["panels"]
        for target in panel.get("targets", [])
        if not ask(url, "/api/v1/query", query=target["expr"].replace("$__rate_interval", "30s"))["result"]
    ]
    if empty:
        return f"answers to {empty}"
    alerts = {alert["labels"]["alertname"]: alert["state"] for alert in ask(url, "/api/v1/alerts")["alerts"]}
    return None if alerts.get("InventPayAttemptsFail") == "pending" else f"the alert of failing attempts: {alerts}"


def main() -> int:
    """Run both processes; return the exit code."""
    prometheus = shutil.which("prometheus")
    if prometheus is None:
        print("prometheus is not on the PATH: install it (Debian package prometheus)")
        return 1
    port, own_port = free_port(), free_port()
    with tempfile.TemporaryDirectory() as folder:
        shutil.copy(EXAMPLE / "alerts.yml", folder)
        config = yaml.safe_load((EXAMPLE / "prometheus.yml").read_text())
        config["global"] = {"scrape_interval": "1s", "evaluation_interval": "1s"}
        config["scrape_configs"][0]["static_configs"][0]["targets"] = [f"127.0.0.1:{port}"]
        (Path(folder) / "prometheus.yml").write_text(yaml.safe_dump(config))
        url = f"http://127.0.0.1:{own_port}"
        worker = subprocess.Popen([sys.executable, "-m", __spec__.name, str(port)], cwd=ROOT, stdin=subprocess.PIPE)
        server = subprocess.Popen(
            [
                prometheus,
                f"--config.file={folder}/prometheus.yml",
                f"--storage.tsdb.path={folder}/data",
                f"--web.listen-address=127.0.0.1:{own_port}",
                "--log.level=error",
            ]
        )
        try:
            deadline = time.monotonic() + PATIENCE
            missing: str | None = "an answer of Prometheus"
            while missing is not None and time.monotonic() < deadline:
                time.sleep(1)
                try:
                    missing = check(url)
                except OSError as error:
                    missing = f"an answer of Prometheus: {error}"
        finally:
            server.terminate()
            worker.terminate()
            server.wait(10)
            worker.wait(10)
    print("Prometheus scraped every metric" if missing is None else f"after {PATIENCE:g} s there is no {missing}")
    return 0 if missing is None else 1


if __name__ == "__main__":
    if len(sys.argv) > 1:
        shop(int(sys.argv[1]))
    else:
        sys.exit(main())
