"""Thousands of creations and withdrawals over a server whose answers go wrong, settled as the documentation advises.

python -m tests.soak.chaos --operations 20000 --transport aiohttp --ledger ignores

Prints what became of the operations. It ends with status 1 for a claim that the ledger contradicts, for an operation
that the advice of the documentation does not settle, and for one left to a person without a word on where to look.
"""

from __future__ import annotations

import argparse
import asyncio
import logging
import random
import sys
import threading
import time
import uuid
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from itertools import groupby
from typing import Any

import attrs

from inventpay import AsyncInventPay, InventPay, InventPayError, RateLimits, RetryPolicy
from inventpay._transport.doubts import DoubtMemory
from tests.support.chaos_server import ChaosServer, Effect
from tests.support.clients import new_key

CONCURRENT = 50
THREADS = 8
PROCESSES = 4
TRIES = 24
"""Requests of one operation after which it counts as not settled."""

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
    """Payments and invoices created more than once under one key, on a ledger that ignores keys."""
    looked_up: int = 0
    """Unknown ends whose error says where a person looks them up."""
    again: int = 0
    """Payments and invoices that were created under a new key, as the documentation advises."""
    kinds: int = 0
    faults: int = 0
    requests: int = 0
    seconds: float = 0.0

    def __str__(self) -> str:
        ends = ", ".join(f"{name} {count:,}" for name, count in sorted(self.ends.items()))
        return (
            f"{self.operations:,} operations in {self.seconds:.0f} s, {self.requests:,} requests, {self.faults:,} "
            f"faults of {self.kinds} kinds: {ends}; looked up by a person: {self.looked_up}; created again under a new "
            f"key: {self.again}; payments created twice: {self.twice}; false claims: {len(self.false)}"
        )


@attrs.frozen
class End:
    """The end of one operation."""

    operation: str
    outcome: str
    resource_id: str | None = None
    key: str | None = None
    """The idempotency key of the last request."""
    names_evidence: bool = False
    """Whether the error says where a person looks it up."""
    can_be_repeated: bool = False
    """Whether the documentation advises to go on repeating."""
    again: int = 0
    """How often it was created under a new key."""
    error: str = ""
    """The last error in words."""
    claims: frozenset[str] = frozenset()
    """The outcomes that the errors of all processes claimed."""


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


def _next_step(error: InventPayError, group: str) -> str:
    """Return the advice of docs/outcomes.md on an error: "repeat" it, create it "again" under a new key, or "end"."""
    if error.safe_to_repeat:
        return "repeat"
    if error.outcome == "unknown" and error.evidence_hint is None and group != "withdrawals":
        # A payment or invoice that nobody knows of is never paid, and expires.
        return "again"
    return "end"


def _end(number: int, error: InventPayError, again: int) -> End:
    return End(
        f"op-{number}",
        error.outcome,
        error.resource_id,
        key=error.idempotency_key,
        names_evidence=error.evidence_hint is not None,
        can_be_repeated=error.safe_to_repeat,
        again=again,
        error=f"{type(error).__name__}: {error}",
    )


def _success(number: int, result: Any, again: int) -> End:
    return End(f"op-{number}", "ok", _id_of(result), key=result.meta.idempotency_key, again=again)


def _pause(attempt: int) -> float:
    """Return the seconds before an operation is repeated; the documentation advises ``error.repeat_after``, at least 1.

    Only a machine that stands still makes one fail this often.
    """
    return 0.0 if attempt < 8 else 0.25


async def _settle_async(client: AsyncInventPay, number: int) -> End:
    group, arguments = _arguments(number)
    error: InventPayError | None = None
    again = 0
    for attempt in range(TRIES):
        try:
            if error is None:
                result = await getattr(client, group).create(**arguments)
            else:
                await asyncio.sleep(_pause(attempt))
                result = await client.repeat(error)
            return _success(number, result, again)
        except InventPayError as failed:
            step = _next_step(failed, group)
            if step == "end":
                return _end(number, failed, again)
            again += step == "again"
            error, last = (failed if step == "repeat" else None), failed
    return _end(number, last, again)


def _settle(client: InventPay, number: int) -> End:
    group, arguments = _arguments(number)
    error: InventPayError | None = None
    again = 0
    for attempt in range(TRIES):
        try:
            if error is None:
                result = getattr(client, group).create(**arguments)
            else:
                time.sleep(_pause(attempt))
                result = client.repeat(error)
            return _success(number, result, again)
        except InventPayError as failed:
            step = _next_step(failed, group)
            if step == "end":
                return _end(number, failed, again)
            again += step == "again"
            error, last = (failed if step == "repeat" else None), failed
    return _end(number, last, again)


def _redeliver(clients: Sequence[InventPay], number: int, chance: random.Random) -> End:
    """Let processes make one operation in turn, as a queue that delivers a failed task to any of its workers does.

    They know its key, not the errors of each other.
    """
    group, arguments = _arguments(number)
    claims: set[str] = set()
    for _ in range(TRIES):
        try:
            made = getattr(chance.choice(clients), group).create(**arguments, idempotency_key=f"key-{number}")
            end = _success(number, made, 0)
        except InventPayError as error:
            end = _end(number, error, 0)
        claims.add(end.outcome)
        if end.outcome in ("ok", "done", "refused") or end.names_evidence:
            break
    return attrs.evolve(end, claims=frozenset(claims))


def run(
    operations: int, *, transport: str, honours_keys: bool, trusts: bool, seed: int = 1, redis: str | None = None
) -> Report:
    """Runs the operations over ``transport`` ("httpx", "aiohttp" or "blocking") and compares every end with the ledger.

    ``trusts`` is the user's word that keys are honoured. With ``redis``, the address of a server, four clients deliver
    every operation in turn as separate processes that share a limiter on it.
    """
    began = time.monotonic()
    with ChaosServer(honours_keys=honours_keys, seed=seed) as server:
        options = _options(server, trusts)
        if redis is not None:
            ends = _run_processes(options, operations, redis, seed)
        elif transport == "blocking":
            ends = _run_blocking(options, operations)
        else:
            ends = _run_async(options, operations, transport)
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
    with InventPay(**options) as client:
        return _in_threads(operations, lambda number: _settle(client, number))


def _run_processes(options: dict[str, Any], operations: int, redis: str, seed: int) -> list[End]:
    """Run clients that know of each other through Redis alone, as those of several processes do."""
    from inventpay.redis import RedisLimiter

    chance = random.Random(seed)
    with ExitStack() as stack:
        clients: list[InventPay] = []
        prefix = uuid.uuid4().hex
        for _ in range(PROCESSES):
            limiter = stack.enter_context(RedisLimiter(redis, prefix=prefix, timeout=5.0))
            client = stack.enter_context(InventPay(**options, limiter=limiter))
            client._transport.settling._memory = DoubtMemory()  # type: ignore[misc]
            clients.append(client)
        return _in_threads(operations, lambda number: _redeliver(clients, number, chance))


def _in_threads(operations: int, settle: Callable[[int], End]) -> list[End]:
    numbers = iter(range(operations))
    lock = threading.Lock()
    ends: list[End] = []

    def work() -> None:
        while True:
            with lock:
                number = next(numbers, None)
            if number is None:
                return
            ends.append(settle(number))

    threads = [threading.Thread(target=work) for _ in range(THREADS)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return ends


def _compare(server: ChaosServer, ends: list[End]) -> Report:
    """Checks every claim against the ledger."""
    report = Report(len(ends), kinds=len(server.met), faults=server.met.total(), requests=server.requests)
    happened: dict[str, list[Effect]] = {}
    for effect in server.ledger.effects:
        happened.setdefault(effect.operation, []).append(effect)
    for end in ends:
        effects = happened.get(end.operation, [])
        found = [effect.resource_id for effect in effects if effect.key == end.key]
        report.ends[end.outcome] += 1
        report.again += end.again
        # A payment that was created again has the order and the amount of the first one: either is right.
        made = [effect.resource_id for effect in effects]
        if end.outcome in ("ok", "done") and end.resource_id not in made:
            report.false.append(f"{end.operation} was given {end.resource_id}, but it made {made}")
        if (end.claims or {end.outcome}) & {"refused", "not_sent"} and found:
            report.false.append(
                f"{end.operation} was called {sorted(end.claims or [end.outcome])}, but it made {found}"
            )
        if end.outcome == "unknown":
            report.looked_up += end.names_evidence
            if end.can_be_repeated:
                report.false.append(f"{end.operation} is not settled after {TRIES} tries: {end.error}")
            elif not end.names_evidence:
                report.false.append(f"{end.operation}: its error does not say where to look it up: {end.error}")
        for key, effects_of_key in groupby(sorted(effects, key=_key), _key):
            ids = [effect.resource_id for effect in effects_of_key]
            if len(ids) > 1 and (ids[0].startswith("w") or server.ledger.honours_keys):
                report.false.append(f"{end.operation} happened {len(ids)} times under {key}: {ids}")
            report.twice += len(ids) > 1
        if len({effect.key for effect in effects}) > end.again + 1:
            report.false.append(f"{end.operation} was made under more keys than it was created: {effects}")
    return report


def _key(effect: Effect) -> str:
    return effect.key


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--operations", type=int, default=20_000)
    parser.add_argument("--transport", choices=["httpx", "aiohttp", "blocking"], default="httpx")
    parser.add_argument("--ledger", choices=["honours", "ignores"], default="honours", help="how it treats keys")
    parser.add_argument(
        "--trust", action="store_true", help="RetryPolicy(trust_idempotency=True); needs a ledger that honours keys"
    )
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--redis", help="the address of a Redis over which four processes share their doubts")
    chosen = parser.parse_args()
    logging.disable()
    report = run(
        chosen.operations,
        transport=chosen.transport,
        honours_keys=chosen.ledger == "honours",
        trusts=chosen.trust,
        seed=chosen.seed,
        redis=chosen.redis,
    )
    print(report)
    for claim in report.false[:20]:
        print(" ", claim)
    return 1 if report.false else 0


if __name__ == "__main__":
    sys.exit(main())
