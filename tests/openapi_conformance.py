"""The sandbox against its own OpenAPI description: schemathesis with all its checks, some thousand cases.

    python tests/openapi_conformance.py [cases per operation and kind]

Routes that change how the sandbox answers (clock, faults, variants, limits) are left out of the run; they are described
all the same.
"""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from inventpay.sandbox import Sandbox, Unlimited, WebhookSettings

CONFIGURATION = Path(__file__).parent / "schemathesis.toml"
LEFT_OUT = r"^/sandbox/(clock|faults|variants|rate-limits|reset|webhooks)|test-webhook"


def main() -> int:
    """Runs it and returns its exit code."""
    cases = sys.argv[1] if len(sys.argv) > 1 else "100"
    sandbox = Sandbox(rate_limits=Unlimited(), webhooks=WebhookSettings(automatic=False))
    for currency in ("BTC", "ETH", "USDT_BEP20"):
        sandbox.deposit(currency, 10**20)
    with sandbox.run() as server:
        switches = [
            "--checks",
            "all",
            "--continue-on-failure",
            "--max-failures",
            "1000",
            "--exclude-path-regex",
            LEFT_OUT,
        ]
        keys = ["-H", f"X-API-Key: {sandbox.api_key}", "-H", f"X-Withdrawal-Key: {sandbox.withdrawal_key}"]
        command = ["schemathesis", "--config-file", str(CONFIGURATION), "run", f"{server.url}/openapi.json"]
        done = subprocess.run([*command, *switches, *keys, "--max-examples", cases, "--generation-database", "none"])
    broken = {key: count for key, count in sandbox.request_counts.items() if key[1] >= 500}
    print(f"{sum(sandbox.request_counts.values())} requests, {sum(broken.values())} answered with 5xx {broken or ''}")
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
