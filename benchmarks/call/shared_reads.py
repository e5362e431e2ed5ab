"""A thousand concurrent reads of the same balance from a server that takes 250 ms: requests sent, and round trips.

This package sends two, since no answer may be older than its question; a bare client sends them all.
"""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, Row, answer, contender_of, run_alone, server

CALLERS = 1_000
LATENCY = 0.25
CONTENDERS = (OURS, "httpx")


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    with server(LATENCY) as url:
        seen = bench.turns(__file__, CONTENDERS, bench.rounds(3, 1), url)

    def row(what: str, unit: str, figure: str, **more: object) -> Row:
        others = {"httpx": seen["httpx"][figure]}
        return Row(what, unit, seen[OURS][figure], None, others, **more)  # type: ignore[arg-type]

    return [
        row(f"{CALLERS:,} concurrent reads of one balance", "requests", "requests", target=2),
        # Two and what a thousand tasks cost: the third would be a whole one.
        row("the same, in round trips of 250 ms", "round trips", "trips", target=2.99, shown="{:.1f}"),
    ]


async def contend(contender: str, url: str) -> None:
    """The thousand."""
    if contender == OURS:
        from inventpay import AsyncInventPay

        async with AsyncInventPay("pk_live_benchmark", base_url=url) as client:
            await client.payments.status("warm")
            _requests(url)
            begun = time.perf_counter()
            await asyncio.gather(*(client.balances.get("USDT_BEP20") for _ in range(CALLERS)))
            spent = time.perf_counter() - begun
    else:
        import httpx

        async with httpx.AsyncClient(base_url=url, timeout=60) as bare:
            await bare.get("/v1/invoice/warm/status")
            _requests(url)
            begun = time.perf_counter()
            answers = await asyncio.gather(*(bare.get("/v1/merchant/balance/USDT_BEP20") for _ in range(CALLERS)))
            [each.json() for each in answers]
            spent = time.perf_counter() - begun
    answer({"requests": _requests(url), "trips": spent / LATENCY})


def _requests(url: str) -> int:
    """Return the number of requests that the server got since the last query."""
    with urlopen(f"{url}/seen") as answered:
        seen: int = json.load(answered)["seen"]
        return seen


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        asyncio.run(contend(said[0], said[1]))
    else:
        run_alone(__doc__, measure)
