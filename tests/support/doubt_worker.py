"""A process that makes one withdrawal, as a worker behind a web server does.

python -m tests.support.doubt_worker '{"redis": "redis://...", "prefix": "p", "api": "http://...", "key": "november"}'

prints the outcome of the call, ``ok`` for a success.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from inventpay import InventPay, InventPayError, RetryPolicy
from inventpay.redis import RedisLimiter

ROOT = Path(__file__).parents[2]


def start(**job: Any) -> subprocess.Popen[str]:
    """Start the process."""
    command = [sys.executable, "-m", "tests.support.doubt_worker", json.dumps(job)]
    return subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)


def result(process: subprocess.Popen[str]) -> str:
    """Return what the process printed at its end."""
    return process.communicate(timeout=60)[0].strip()


def _withdraw(job: dict[str, Any]) -> str:
    limiter = RedisLimiter(job["redis"], prefix=job["prefix"], timeout=5.0)
    policy = RetryPolicy(trust_idempotency=job.get("trusts", False))
    with InventPay(
        "pk_live_of_the_workers",
        withdrawal_key="wk_live_of_the_workers",
        base_url=job["api"],
        limiter=limiter,
        retry=policy,
        max_retries=0,
    ) as client:
        try:
            client.withdrawals.create(
                amount=10,
                currency="USDT_BEP20",
                destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
                idempotency_key=job["key"],
            )
        except InventPayError as error:
            return f"{type(error).__name__} {error.outcome}"
        return "ok"


if __name__ == "__main__":
    print(_withdraw(json.loads(sys.argv[1])))
