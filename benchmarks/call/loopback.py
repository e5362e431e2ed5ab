"""The blocking client on loopback: calls one after the other, and eight threads that share one client.

Status checks, each of another payment, so that nothing is shared between callers. The server is a process of its own.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, answer, contender_of, run_alone, server

THREADS = 8
CONTENDERS = (OURS, VENDOR, "httpx", "requests")


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    with server() as url:
        seen = bench.turns(__file__, CONTENDERS, bench.rounds(5, 2), url, bench.rounds(400, 150))

    def row(what: str, unit: str, figure: str, **more: object) -> Row:
        costs = {contender: figures[figure] for contender, figures in seen.items()}
        return Row(what, unit, costs.pop(OURS), VENDOR, costs, **more)  # type: ignore[arg-type]

    return [
        row("one blocking call on loopback", "µs of CPU", "cpu", target=0.6, picture=True),
        row("the same, by the clock on the wall", "µs", "wall"),
        row(f"{THREADS} threads on one client", "calls a second", "rate", target=1.5, at_least=True, picture=True),
    ]


def contend(contender: str, url: str, size: int) -> None:
    """So many calls in a row, and as many by eight threads."""
    call = _call(contender, url)
    for number in range(20):
        call(f"warm-{number}")
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(size):
        call(f"payment-{number}")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    with ThreadPoolExecutor(THREADS) as threads:
        list(threads.map(call, [f"thread-{number}" for number in range(4 * THREADS)]))
        begun = time.perf_counter()
        list(threads.map(call, [f"shared-{number}" for number in range(2 * size)]))
        rate = 2 * size / (time.perf_counter() - begun)
    answer({"wall": wall / size * 1e6, "cpu": cpu / size * 1e6, "rate": rate})


def _call(contender: str, url: str) -> Callable[[str], object]:
    if contender == OURS:
        from inventpay import InventPay, RateLimits

        client = InventPay("pk_live_benchmark", base_url=url, rate_limits=RateLimits(status_checks=1_000_000))
        return lambda payment: client.payments.status(payment)
    if contender == VENDOR:
        from inventpay import PaymentSDK, SDKConfig

        sdk = PaymentSDK(SDKConfig(api_key="pk_live_benchmark", base_url=url))
        return lambda payment: sdk.get_payment_status(payment)
    if contender == "requests":
        import requests

        session = requests.Session()
        return lambda payment: session.get(f"{url}/v1/invoice/{payment}/status").json()
    import httpx

    bare = httpx.Client(base_url=url)
    return lambda payment: bare.get(f"/v1/invoice/{payment}/status").json()


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(said[0], said[1], int(said[2]))
    else:
        run_alone(__doc__, measure)
