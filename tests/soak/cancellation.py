"""A storm of cancellations and timeouts over one client, and what it must leave behind: nothing.

python -m tests.soak.cancellation --calls 100000
python -m tests.soak.cancellation --calls 100000 --tls
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import sys
import time
from collections import Counter
from pathlib import Path
from typing import Any

import anyio
import attrs

from inventpay import APITimeoutError, AsyncInventPay, RateClass
from tests.support.servers import async_client, descriptors, echo_process, read

CONNECTIONS = 10
TASKS = 15
ATTEMPT_TIMEOUT = 0.02


@attrs.frozen
class Report:
    """The effects and remains of a storm."""

    calls: int
    ends: dict[str, int]
    seconds: float
    leased: int
    waiting: int
    together: int
    descriptors_before: int
    descriptors_at_a_tenth: int
    descriptors_after: int
    descriptors_closed: int
    most_connections: int
    tasks_after: int
    memory_at_a_tenth: int
    memory_after: int


def memory() -> int:
    """Bytes of this process that are in memory."""
    assert sys.platform == "linux"
    return int(Path("/proc/self/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE")


async def storm(
    base_url: str, transport: Any, calls: int, *, seed: int = 1, attempt_timeout: float = ATTEMPT_TIMEOUT
) -> Report:
    """Send calls, most of which are cut off in one way or another, and reports what is left."""
    jitter = random.Random(seed)
    before = descriptors()
    started = time.monotonic()
    ends: Counter[str] = Counter()
    left = calls
    at_a_tenth = memory_at_a_tenth = 0
    client = async_client(
        base_url, transport=transport, max_connections=CONNECTIONS, attempt_timeout=attempt_timeout, verify=False
    )

    patient = client.with_options(attempt_timeout=20.0)

    async def call(by: AsyncInventPay = client) -> None:
        method, path = jitter.choice([("GET", "/storm"), ("POST", "/storm")])
        params: dict[str, str | int | bool | None] = {"jitter": jitter.choice(["0", "0.02", "0.04"])}
        await by.request(method, path, params=params)

    async def one() -> str:
        kind = jitter.randrange(7)
        patience = jitter.random() * attempt_timeout
        try:
            if kind == 0:
                await call()
            elif kind == 1:
                with anyio.move_on_after(patience) as scope:
                    await call()
                if scope.cancelled_caught:
                    return "cancelled by a scope"
            elif kind == 2:
                async with asyncio.timeout(patience):
                    await call()
            elif kind == 6:
                await call(patient)
            else:
                task = asyncio.create_task(call())
                # Some at once, some in the tick after, some in the middle.
                if kind == 3:
                    await asyncio.sleep(patience)
                else:
                    for _ in range(jitter.randrange(12)):
                        await asyncio.sleep(0)
                task.cancel()
                if kind == 5:
                    await asyncio.sleep(0)
                    task.cancel()
                await task
        except APITimeoutError:
            return "timed out"
        except (asyncio.CancelledError, TimeoutError):
            return "cancelled"
        return "answered"

    async def worker() -> None:
        nonlocal left, at_a_tenth, memory_at_a_tenth
        while left > 0:
            left -= 1
            if left == calls * 9 // 10:
                at_a_tenth, memory_at_a_tenth = descriptors(), memory()
            ends[await one()] += 1

    async with client:
        await asyncio.gather(*(worker() for _ in range(TASKS)))
        answers = await asyncio.gather(
            *(patient.request("GET", "/after", params={"together": CONNECTIONS}) for _ in range(CONNECTIONS))
        )
        standing = client.rate_limits[RateClass.OTHER]
        # Aborted connections are closed in the next turn of the event loop.
        await asyncio.sleep(0.05)
        after, memory_after = descriptors(), memory()
        tasks = len(asyncio.all_tasks())
        most = max(read(answer)["most_open"] for answer in answers)
    return Report(
        calls=calls,
        ends=dict(ends),
        seconds=time.monotonic() - started,
        leased=standing.leased,
        waiting=standing.waiting,
        together=len(answers),
        descriptors_before=before,
        descriptors_at_a_tenth=at_a_tenth,
        descriptors_after=after,
        descriptors_closed=descriptors(),
        most_connections=most,
        tasks_after=tasks,
        memory_at_a_tenth=memory_at_a_tenth,
        memory_after=memory_after,
    )


def main() -> None:
    """Runs one storm and prints its report."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--transport", choices=["direct", "aiohttp"], default="direct")
    parser.add_argument("--calls", type=int, default=100_000)
    parser.add_argument("--tls", action="store_true")
    options = parser.parse_args()
    with echo_process(tls=options.tls) as base_url:
        transport = None if options.transport == "direct" else options.transport
        print(asyncio.run(storm(base_url, transport, options.calls)))


if __name__ == "__main__":
    main()
