"""The sandbox against its own OpenAPI description: schemathesis with all its checks, over 5,000 cases.

    python tests/conformance/openapi.py [cases per operation and kind]

Two runs, each against a sandbox of its own, so that every operation is exercised: the API with the payer's and the
webhooks' controls, and then what changes how a sandbox behaves (clock, limits, faults, variants, settings, reset). It
fails where a check fails, an operation was never answered with success, an answer was 5xx, or there were too few cases.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import httpx

from inventpay import RateLimits
from inventpay.sandbox import Sandbox, Unlimited, WebhookSettings
from inventpay.sandbox.merchant.coins import CURRENCIES

HERE = Path(__file__).parent
SCHEMATHESIS = Path(sys.executable).with_name("schemathesis")
SETTINGS = r"^/sandbox/(clock|rate-limits|faults|variants|requests|reset|idempotency|webhooks$|webhooks/faults)"
CASES = 100
ENOUGH = 5_000
BEGUN = 500
PAYOUT = {"amount": 2, "currency": "USDT_BEP20", "destination_address": "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"}
PRICE = {"amount_currency": "USD", "expiration_minutes": 1440}


def received(request: httpx.Request) -> httpx.Response:
    """A merchant whose server takes every webhook; nothing leaves this process."""
    return httpx.Response(200, text="OK")


class Kept(Counter[tuple[str, int]]):
    """Counts that outlive a reset of the sandbox."""

    def clear(self) -> None:
        """Nothing is forgotten."""


def described(sandbox: Sandbox) -> set[str]:
    """Every operation of the description."""
    with httpx.Client(transport=sandbox.transport(), base_url="http://localhost") as http:
        paths = http.get("/openapi.json").json()["paths"]
    return {f"{method.upper()} {path}" for path, methods in paths.items() for method in methods}


def prepared() -> Sandbox:
    """A sandbox with coins, a store and a receiver of webhooks, whose rate limits are never met."""
    transport = httpx.MockTransport(received)
    webhooks = WebhookSettings(
        url="https://shop.example/hooks", allowed_hosts={"*"}, automatic=False, transport=transport
    )
    sandbox = Sandbox(rate_limits=Unlimited(), webhooks=webhooks)
    sandbox.request_log.counts = Kept()
    for currency in CURRENCIES:
        sandbox.deposit(currency, 10**20)
    return sandbox


def begun(sandbox: Sandbox) -> dict[str, str]:
    """Payments that every step of a payer fits, invoices without a coin, and payouts, for openapi_hooks.py."""
    with sandbox.client(rate_limits=RateLimits(payment_creation=10_000, withdrawals=10_000)) as client:
        payments = [
            client.payments.create(amount=1000, **PRICE, currency="USDT_BEP20").payment_id for _ in range(BEGUN)
        ]
        payouts = [client.withdrawals.create(**PAYOUT).withdrawal_id for _ in range(BEGUN)]
        invoices = [client.invoices.create(amount=1000, **PRICE).payment_id for _ in range(BEGUN)]
    for payment_id in payments:
        sandbox.pay(payment_id, 1, confirmations=0)
    ids = {"BEGUN_PAYMENTS": payments, "OPEN_INVOICES": invoices, "WITHDRAWALS": payouts}
    return {name: ",".join(known) for name, known in ids.items()}


def conform(name: str, operations: str, cases: int) -> tuple[Sandbox, int, int]:
    """Runs schemathesis over some of the operations: the sandbox afterwards, the exit code, and how many cases."""
    print(f"\n== {name}", flush=True)
    sandbox = prepared()
    with sandbox.run() as server:
        command = [SCHEMATHESIS, "--config-file", HERE / "schemathesis.toml", "run", f"{server.url}/openapi.json"]
        # "all" overrides what schemathesis.toml switches off.
        command += [
            "--checks",
            "all",
            "--exclude-checks",
            "use_after_free",
            "--continue-on-failure",
            "--max-failures",
            "1000",
            operations,
            SETTINGS,
        ]
        command += ["-H", f"X-API-Key: {sandbox.api_key}", "-H", f"X-Withdrawal-Key: {sandbox.withdrawal_key}"]
        command += ["--max-examples", str(cases), "--generation-database", "none"]
        environment = {**os.environ, "PYTHONIOENCODING": "utf-8", **begun(sandbox)}
        with subprocess.Popen(command, cwd=HERE, stdout=subprocess.PIPE, env=environment, encoding="utf-8") as running:
            assert running.stdout is not None
            generated = 0
            for line in running.stdout:
                print(line, end="", flush=True)
                found = re.match(r"\s*(\d+) generated", line)
                generated = int(found[1]) if found else generated
    return sandbox, running.returncode, generated


def main() -> int:
    """Both runs and what they came to; 0 where nothing was found."""
    cases = int(sys.argv[1]) if len(sys.argv) > 1 else CASES
    runs = [
        conform("The API, its payers and its webhooks", "--exclude-path-regex", cases),
        conform("What changes how the sandbox behaves", "--include-path-regex", cases),
    ]
    operations = described(prepared())
    seen = {key for sandbox, _, _ in runs for key in sandbox.request_counts}
    exercised = {label for label, _ in seen} & operations
    succeeded = {label for label, status in seen if status == 200} & operations
    broken = sorted(key for key in seen if key[1] >= 500)
    generated = sum(count for _, _, count in runs)
    print(f"\n{generated:,} cases, {len(exercised)} of {len(operations)} operations exercised,")
    print(f"{len(succeeded)} of them answered with success, {len(broken)} with 5xx")
    problems = [f"never exercised: {label}" for label in sorted(operations - exercised)]
    problems += [f"never a success: {label}" for label in sorted(exercised - succeeded)]
    problems += [f"{label} answered with {status}" for label, status in broken]
    if generated < ENOUGH and cases >= CASES:
        problems.append(f"only {generated:,} cases")
    if any(code for _, code, _ in runs):
        problems.append("schemathesis found something, see above")
    print("\n".join(problems) or "Nothing found.")
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
