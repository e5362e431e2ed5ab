"""Status checks on loopback, one at a time, 300 at once and 10,000 at once: processor time of the client, per call.

Each of another payment, so that nothing is shared. "Naively" is what a program does without a gate of its own: 300
``get`` at once on one ``httpx.AsyncClient`` with its default pool of 100 connections. The latency is what 50 calls at
once to a server that takes 50 ms take longer than that.
"""

from __future__ import annotations

import asyncio
import gc
import ssl
import sys
import time
from collections.abc import AsyncGenerator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from statistics import median
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import (
    OURS,
    Bench,
    Row,
    answer,
    async_microseconds,
    certificate,
    contender_of,
    peak_memory,
    run_alone,
    server,
    trust,
)

BURST = 300
OVER_AIOHTTP = f"{OURS} over aiohttp"
NAIVELY = "httpx naively"
CONTENDERS = (OVER_AIOHTTP, "aiohttp", OURS, NAIVELY)


LATENCY = 0.05
TOGETHER = 50
CROWD = 10_000


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    with server() as url:
        seen = bench.turns(__file__, CONTENDERS, bench.rounds(5, 2), "bursts", url, bench.rounds(6, 3))
        crowd = bench.turns(__file__, [OURS], 1, "crowd", url, CROWD)[OURS]
    trusted = certificate().with_name("cert.pem")
    with server(secured=True) as url:
        secured = bench.turns(__file__, ("aiohttp", OURS), bench.rounds(3, 1), "bursts", url, 3, trusted)
    with server(LATENCY) as url:
        waits = bench.turns(__file__, ("aiohttp", OURS), bench.rounds(3, 1), "latency", url, bench.rounds(20, 8))

    def row(what: str, contender: str, figure: str, against: str, over: Any = seen, **more: Any) -> Row:
        beside = {against: over[against][figure]}
        return Row(what, "µs of CPU", over[contender][figure], against, beside, **more)

    burst = f"one of {BURST} concurrent status checks"
    added = {name: figures["milliseconds"] for name, figures in waits.items()}
    return [
        row("one async status check at a time", OURS, "single", "aiohttp", target=1.7),
        row("the same over https", OURS, "single", "aiohttp", secured),
        row(burst, OURS, "burst", "aiohttp", target=1.9, picture=True),
        row("the same over https", OURS, "burst", "aiohttp", secured),
        row(f'{burst}, `transport="aiohttp"`', OVER_AIOHTTP, "burst", "aiohttp", target=2.5),
        row(f"{burst}, beside httpx", OURS, "burst", NAIVELY, target=0.5, picture=True),
        Row(
            f"added to {LATENCY * 1000:.0f} ms by {TOGETHER} calls at once, median",
            "ms",
            added.pop(OURS),
            None,
            added,
            target=5.0,
            shown="{:.1f}",
        ),
        Row(f"one of {CROWD:,} calls at once, all answered", "KiB", crowd["kibibytes"], target=20.0, shown="{:.1f}"),
    ]


async def contend(contender: str, kind: str, url: str, size: int, trusted: str) -> None:
    """Run a number of bursts over one client, after one that opens connections; or another kind of load."""
    trust(trusted)
    if kind == "crowd":
        answer(await crowd(contender, url, size))
        return
    async with _client(contender, url, trusted) as call:
        if kind == "latency":
            answer({"milliseconds": await latency(call, size)})
            return
        costs: list[float] = []
        for number in range(size + 1):
            gc.collect()
            begun = time.process_time()
            await asyncio.gather(*(call(f"payment-{number}-{index}") for index in range(BURST)))
            costs.append((time.process_time() - begun) / BURST * 1e6)
        number = iter(range(1_000_000))
        single = await async_microseconds(lambda: call(f"single-{next(number)}"), 100, 2 * size)
        answer({"burst": median(costs[1:]), "single": single})


async def latency(call: Callable[[str], Awaitable[object]], rounds: int) -> float:
    """The median of what calls at once take longer than the server, in milliseconds."""
    seen: list[float] = []

    async def one(payment: str) -> None:
        begun = time.perf_counter()
        await call(payment)
        seen.append((time.perf_counter() - begun - LATENCY) * 1000)

    for number in range(rounds + 1):
        if number == 1:
            seen.clear()
        await asyncio.gather(*(one(f"late-{number}-{index}") for index in range(TOGETHER)))
    return median(seen)


async def crowd(contender: str, url: str, size: int) -> dict[str, float]:
    """Return the memory of one of `size` concurrent calls, none of which may fail. Needs as many file descriptors."""
    import resource

    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, size + 1_000), hard))
    async with _client(contender, url, "", max_connections=size, attempt_timeout=60, timeout=120) as call:
        await asyncio.gather(*(call(f"warm-{index}") for index in range(100)))
        gc.collect()
        before = peak_memory()
        await asyncio.gather(*(call(f"crowd-{index}") for index in range(size)))
        return {"kibibytes": (peak_memory() - before) * 1024 / size}


@asynccontextmanager
async def _client(
    contender: str, url: str, trusted: str, **options: Any
) -> AsyncGenerator[Callable[[str], Awaitable[object]]]:
    if contender.startswith(OURS):
        from inventpay import AsyncInventPay, RateLimits

        limits = RateLimits(status_checks=1_000_000)
        over = "aiohttp" if contender == OVER_AIOHTTP else None
        options = {"base_url": url, "transport": over, "rate_limits": limits, **options}
        async with AsyncInventPay("pk_live_benchmark", **options) as client:
            yield lambda payment: client.payments.status(payment)
    elif contender == "aiohttp":
        import aiohttp

        tls = ssl.create_default_context(cafile=trusted) if trusted else True
        async with aiohttp.ClientSession(url, connector=aiohttp.TCPConnector(ssl=tls)) as session:

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
        asyncio.run(contend(said[0], said[1], said[2], int(said[3]), said[4] if len(said) > 4 else ""))
    else:
        run_alone(__doc__, measure)
