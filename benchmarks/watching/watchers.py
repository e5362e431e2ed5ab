"""Ten thousand tasks in ``payments.watch`` on one client: the memory each of them holds.

They wait for their first turn, or have seen their payment once, out of memory, and wait for the next one. Counted by
tracemalloc, task included.
"""

from __future__ import annotations

import asyncio
import gc
import sys
import tracemalloc
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, Row, answer, contender_of, run_alone

WATCHERS = 10_000


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    seen = bench.turns(__file__, [OURS], 1, WATCHERS)[OURS]
    what = f"a task in `payments.watch`, of {WATCHERS:,}"
    return [
        Row(f"{what}, waiting for its first turn", "KiB", seen["waiting"], target=5.0, shown="{:.1f}"),
        Row(f"{what}, that has seen its payment once", "KiB", seen["seen"], target=5.0, shown="{:.1f}"),
    ]


async def contend(watchers: int) -> None:
    """Measure the watchers twice."""
    # With one token, which is taken already, no watcher comes to its first turn.
    answer({"waiting": await kibibytes(watchers, limit=1), "seen": await kibibytes(watchers, limit=10 * watchers)})


async def kibibytes(watchers: int, *, limit: int) -> float:
    """The memory of one of them."""
    import httpx
    from harness.bodies import HEADERS, STATUS

    from inventpay import AsyncInventPay, RateLimits

    class Memory(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            await asyncio.sleep(0)
            return httpx.Response(200, headers=HEADERS, content=STATUS)

    seen, all_seen = 0, asyncio.Event()
    limits = RateLimits(status_checks=limit)
    async with AsyncInventPay(
        "pk_live_benchmark", transport=Memory(), rate_limits=limits, attempt_timeout=600.0
    ) as client:

        async def watch(number: int) -> None:
            nonlocal seen
            async for _ in client.payments.watch(f"payment-{number}"):
                seen += 1
                if seen in (1, watchers + 1):
                    all_seen.set()

        first = asyncio.create_task(watch(0))
        await all_seen.wait()
        all_seen.clear()
        gc.collect()
        tracemalloc.start()
        before, _ = tracemalloc.get_traced_memory()
        tasks = [asyncio.create_task(watch(number)) for number in range(1, watchers + 1)]
        if limit > watchers:
            await all_seen.wait()
        # Each of them has to come as far as it can.
        await asyncio.sleep(1.0)
        gc.collect()
        after, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()
        for task in [first, *tasks]:
            task.cancel()
        await asyncio.gather(first, *tasks, return_exceptions=True)
    return (after - before) / watchers / 1024


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        asyncio.run(contend(int(said[1])))
    else:
        run_alone(__doc__, measure)
