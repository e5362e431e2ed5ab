"""The blocking client on loopback: calls one after the other, and 8 and 100 threads that share one client.

Status checks, each of another payment, so that nothing is shared between callers. The server is a process of its own,
over http and over https.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, answer, certificate, contender_of, run_alone, server, trust

THREADS = 8
MANY_THREADS = 100
CONTENDERS = (OURS, VENDOR, "httpx", "requests")


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    size = bench.rounds(400, 150)
    with server() as url:
        seen = bench.turns(__file__, CONTENDERS, bench.rounds(5, 2), url, size)
    trusted = certificate().with_name("cert.pem")
    with server(secured=True) as url:
        secured = bench.turns(__file__, (OURS, "httpx"), bench.rounds(3, 1), url, size, trusted)

    def row(what: str, unit: str, figure: str, against: str = VENDOR, over: Any = seen, **more: Any) -> Row:
        costs = {contender: figures[figure] for contender, figures in over.items()}
        return Row(what, unit, costs.pop(OURS), against, costs, **more)

    return [
        row("one blocking call on loopback", "µs of CPU", "cpu", target=0.33, picture=True),
        row("the same over https", "µs of CPU", "cpu", "httpx", secured),
        row("the same, by the clock on the wall", "µs", "wall"),
        row(f"{THREADS} threads on one client", "calls a second", "rate", target=1.5, at_least=True, picture=True),
        row(f"{MANY_THREADS} threads on one client", "calls a second", "many", "httpx", target=2.0, at_least=True),
    ]


def contend(contender: str, url: str, size: int, trusted: str) -> None:
    """Make calls one after the other, and as many from threads."""
    trust(trusted)
    call = _call(contender, url)
    for number in range(20):
        call(f"warm-{number}")
    wall, cpu = time.perf_counter(), time.process_time()
    for number in range(size):
        call(f"payment-{number}")
    wall, cpu = time.perf_counter() - wall, time.process_time() - cpu
    rates = {"rate": rate(call, THREADS, 2 * size), "many": rate(call, MANY_THREADS, 4 * size)}
    answer({"wall": wall / size * 1e6, "cpu": cpu / size * 1e6, **rates})


def rate(call: Callable[[str], object], count: int, size: int) -> float:
    """Return the calls a second of `count` threads."""
    with ThreadPoolExecutor(count) as threads:
        list(threads.map(call, [f"thread-{number}" for number in range(4 * count)]))
        begun = time.perf_counter()
        list(threads.map(call, [f"shared-{number}" for number in range(size)]))
        return size / (time.perf_counter() - begun)


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

    bare = httpx.Client(base_url=url, timeout=60)
    return lambda payment: bare.get(f"/v1/invoice/{payment}/status").json()


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(said[0], said[1], int(said[2]), said[3] if len(said) > 3 else "")
    else:
        run_alone(__doc__, measure)
