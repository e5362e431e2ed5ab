"""A burst of 300 concurrent status checks on loopback: processor time of the client's process, per call.

Each of another payment, so that nothing is shared. "Naively" is what a program does without a gate of its own: 300
``get`` at once on one ``httpx.AsyncClient`` with its default pool of 100 connections.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, Row, answer, contender_of, run_alone, server

BURST = 300
OVER_AIOHTTP = f"{OURS} over aiohttp"
NAIVELY = "httpx naively"
CONTENDERS = (OVER_AIOHTTP, "aiohttp", OURS, NAIVELY)


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    with server() as url:
        seen = bench.turns(__file__, CONTENDERS, bench.rounds(5, 2), url, bench.rounds(6, 3))
    costs = {contender: figures["microseconds"] for contender, figures in seen.items()}
    aiohttp, naively = {"aiohttp": costs["aiohttp"]}, {NAIVELY: costs[NAIVELY]}
    what, unit = f"one of {BURST} concurrent status checks", "µs of CPU"
    return [
        Row(f'{what}, `transport="aiohttp"`', unit, costs[OVER_AIOHTTP], "aiohttp", aiohttp, target=2.5, picture=True),
        Row(f"{what}, default transport", unit, costs[OURS], NAIVELY, naively, target=0.5, picture=True),
    ]


async def contend(contender: str, url: str, bursts: int) -> None:
    """So many bursts over one client, after one that opens connections."""
    costs: list[float] = []
    async with _client(contender, url) as call:
        for number in range(bursts + 1):
            gc.collect()
            begun = time.process_time()
            await asyncio.gather(*(call(f"payment-{number}-{index}") for index in range(BURST)))
            costs.append((time.process_time() - begun) / BURST * 1e6)
    answer({"microseconds": median(costs[1:])})


@asynccontextmanager
async def _client(contender: str, url: str) -> AsyncGenerator[Callable[[str], Awaitable[object]]]:
    if contender.startswith(OURS):
        from inventpay import AsyncInventPay, RateLimits

        limits = RateLimits(status_checks=1_000_000)
        over = "aiohttp" if contender == OVER_AIOHTTP else None
        async with AsyncInventPay("pk_live_benchmark", base_url=url, transport=over, rate_limits=limits) as client:
            yield lambda payment: client.payments.status(payment)
    elif contender == "aiohttp":
        import aiohttp

        async with aiohttp.ClientSession(url) as session:

            async def get(payment: str) -> object:
                async with session.get(f"/v1/invoice/{payment}/status") as response:
                    return await response.json()

            yield get
    else:
        import httpx

        async with httpx.AsyncClient(base_url=url, timeout=60) as bare:

            async def fetch(payment: str) -> object:
                return (await bare.get(f"/v1/invoice/{payment}/status")).json()

            yield fetch


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        asyncio.run(contend(said[0], said[1], int(said[2])))
    else:
        run_alone(__doc__, measure)
