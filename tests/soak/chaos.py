"""Thousands of creations and withdrawals over a server whose answers go wrong, settled as the documentation advises.

python -m tests.soak.chaos --operations 20000 --transport aiohttp --ledger ignores

Prints what became of the operations; a claim that the ledger contradicts ends it with status 1.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import sys
import threading
import time
from collections import Counter
from typing import Any

import attrs

from inventpay import AsyncInventPay, InventPay, InventPayError, RateLimits, RetryPolicy
from tests.support.chaos_server import ChaosServer
from tests.support.clients import new_key

CONCURRENT = 50
THREADS = 8
TRIES = 12
"""Repeats of one operation before it is left to a person."""

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
PLENTY = RateLimits(payment_creation=10**6, withdrawals=10**6, other=10**6, status_checks=10**6, window=0.01)


@attrs.define
class Report:
    """The ends of the operations, and the false claims."""

    operations: int
    ends: Counter[str] = attrs.field(factory=Counter)
    false: list[str] = attrs.field(factory=list)
    """Claims that the ledger contradicts."""
    twice: int = 0
    """Payments and invoices created more than once, on a ledger that ignores keys."""
    kinds: int = 0
    faults: int = 0
    requests: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        ends = ", ".join(f"{name} {count:,}" for name, count in sorted(self.ends.items()))
        return (
            f"{self.operations:,} operations in {self.seconds:.0f} s, {self.requests:,} requests, {self.faults:,} "
            f"faults of {self.kinds} kinds: {ends}; payments created twice: {self.twice}; "
            f"false claims: {len(self.false)}"
        )


@attrs.frozen
class End:
    """The end of one operation."""

    operation: str
    outcome: str
    resource_id: str | None = None


def _arguments(number: int) -> tuple[str, dict[str, Any]]:
    """The kind of an operation, and its arguments: a third each of payments, invoices and withdrawals."""
    name = f"op-{number}"
    amount = f"{number % 900 + 1}.{number % 100:02}"
    if number % 3 == 0:
        return "withdrawals", {
            "amount": amount,
            "currency": "USDT_BEP20",
            "destination_address": ADDRESS,
            "description": name,
        }
    if number % 3 == 1:
        return "invoices", {"amount": amount, "amount_currency": "USD", "order_id": name}
    return "payments", {"amount": amount, "amount_currency": "USD", "currency": "USDT_BEP20", "order_id": name}


def _id_of(result: Any) -> str:
    return str(getattr(result, "withdrawal_id", None) or result.payment_id)


def _options(server: ChaosServer, trusts: bool) -> dict[str, Any]:
    return {
        "api_key": new_key(),
        "withdrawal_key": "wk_live_of_the_chaos",
        "base_url": server.url,
        "attempt_timeout": 0.5,
        "rate_limits": PLENTY,
        "retry": RetryPolicy(initial_delay=0.002, max_delay=0.004, budget=10**9, trust_idempotency=trusts),
        "max_connections": 2 * CONCURRENT,
    }


async def _settle_async(client: AsyncInventPay, number: int) -> End:
    group, arguments = _arguments(number)
    operation = f"op-{number}"
    error: InventPayError | None = None
    for _ in range(TRIES):
        try:
            if error is None:
                result = await getattr(client, group).create(**arguments)
            else:
                # As the documentation says, except for the sleep of error.repeat_after seconds.
                result = await client.repeat(error)
            return End(operation, "ok", _id_of(result))
        except InventPayError as failed:
            error = failed
            if not error.safe_to_repeat:
                break
    assert error is not None
    return End(operation, error.outcome, error.resource_id)


def _settle(client: InventPay, number: int) -> End:
    group, arguments = _arguments(number)
    operation = f"op-{number}"
    error: InventPayError | None = None
    for _ in range(TRIES):
        try:
            result = getattr(client, group).create(**arguments) if error is None else client.repeat(error)
            return End(operation, "ok", _id_of(result))
        except InventPayError as failed:
            error = failed
            if not error.safe_to_repeat:
                break
    assert error is not None
    return End(operation, error.outcome, error.resource_id)


def run(operations: int, *, transport: str, honours_keys: bool, trusts: bool, seed: int = 1) -> Report:
    """Runs the operations over ``transport`` ("httpx", "aiohttp" or "blocking") and compares every end with the ledger.

    ``trusts`` is the user's word that keys are honoured.
    """
    began = time.monotonic()
    with ChaosServer(honours_keys=honours_keys, seed=seed) as server:
        options = _options(server, trusts)
        ends = (
            _run_blocking(options, operations)
            if transport == "blocking"
            else _run_async(options, operations, transport)
        )
    report = _compare(server, ends)
    report.seconds = time.monotonic() - began
    return report


def _run_async(options: dict[str, Any], operations: int, transport: str) -> list[End]:
    async def main() -> list[End]:
        numbers = iter(range(operations))
        ends: list[End] = []

        async def work() -> None:
            for number in numbers:
                ends.append(await _settle_async(client, number))  # noqa: PERF401 - every task appends as it goes

        async with AsyncInventPay(**options, transport=None if transport == "httpx" else "aiohttp") as client:
            await asyncio.gather(*(work() for _ in range(CONCURRENT)))
        return ends

    return asyncio.run(main())


def _run_blocking(options: dict[str, Any], operations: int) -> list[End]:
    numbers = iter(range(operations))
    lock = threading.Lock()
    ends: list[End] = []

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            ends.append(_settle(client, number))

    with InventPay(**options) as client:
        threads = [threading.Thread(target=work) for _ in range(THREADS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    return ends


def _compare(server: ChaosServer, ends: list[End]) -> Report:
    """Checks every claim against the ledger."""
    report = Report(len(ends), kinds=len(server.met), faults=server.met.total(), requests=server.requests)
    happened: dict[str, list[str]] = {}
    for effect in server.ledger.effects:
        happened.setdefault(effect.operation, []).append(effect.resource_id)
    for end in ends:
        found = happened.get(end.operation, [])
        report.ends[end.outcome] += 1
        if end.outcome in ("ok", "done") and end.resource_id not in found:
            report.false.append(f"{end.operation} was given {end.resource_id}, but it made {found}")
        if end.outcome in ("refused", "not_sent") and found:
            report.false.append(f"{end.operation} was called {end.outcome}, but it made {found}")
        if len(found) > 1:
            if found[0].startswith("w") or server.ledger.honours_keys:
                report.false.append(f"{end.operation} happened {len(found)} times: {found}")
            else:
                report.twice += 1
    return report


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--transport", choices=["httpx", "aiohttp", "blocking"], default="httpx")
    parser.add_argument("--ledger", choices=["honours", "ignores"], default="honours", help="how it treats keys")
    parser.add_argument(
        "--trust", action="store_true", help="RetryPolicy(trust_idempotency=True); needs a ledger that honours keys"
    )
    parser.add_argument("--seed", type=int, default=1)
    chosen = parser.parse_args()
    logging.disable()
    report = run(
        chosen.operations,
        transport=chosen.transport,
        honours_keys=chosen.ledger == "honours",
        trusts=chosen.trust,
        seed=chosen.seed,
    )
    print(report)
    for claim in report.false[:20]:
        print(" ", claim)
    return 1 if report.false else 0


if __name__ == "__main__":
    sys.exit(main())
