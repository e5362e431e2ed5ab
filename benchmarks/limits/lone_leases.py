"""A lease of `RedisLimiter` when no other caller waits, beside a plain token bucket that is one EVALSHA of redis-py.

.bench/bin/python benchmarks/limits/lone_leases.py
.bench/bin/python benchmarks/limits/lone_leases.py --redis redis://localhost:6379/9

Contenders take turns of ten calls, blocking ones and tasks of one event loop. A lease is counted with its end, whose
report travels with the next lease; the bucket has no ends. On a busy machine compare the faster calls: the ratios are
of equal percentiles. Fails where a lease takes more than twice as long as a bucket, at the quarter of fastest calls or
at the median.
"""

from __future__ import annotations

import argparse
import asyncio
import sys
import time
import uuid
from collections import defaultdict
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import redis
import redis.asyncio

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.redis_server import redis_server

from inventpay import RateClass, RateLimits
from inventpay._concurrency.tasks import AsyncBackend
from inventpay._concurrency.threads import Backend
from inventpay.redis import RedisLimiter

BUCKET = """
local clock = redis.call("TIME")
local now = tonumber(clock[1]) + tonumber(clock[2]) / 1e6
local state = redis.call("HMGET", KEYS[1], "level", "at")
local limit, window = tonumber(ARGV[1]), tonumber(ARGV[2])
local level = math.min(limit, tonumber(state[1] or limit) + (now - tonumber(state[2] or now)) * limit / window)
local granted = level >= 1
if granted then level = level - 1 end
redis.call("HSET", KEYS[1], "level", tostring(level), "at", tostring(now))
redis.call("PEXPIRE", KEYS[1], math.ceil(window * 1000))
return {granted and 1 or 0, tostring(granted and 0 or (1 - level) * window / limit)}
"""
ROUNDS, CHUNKS, CALLS = 4, 20, 10
LIMITS = RateLimits(status_checks=300, window=60.0)
PERCENTILES = (0.02, 0.1, 0.25, 0.5)
MOST = 2.0  # times a bucket, at both of JUDGED
JUDGED = (0.25, 0.5)

Times = dict[str, list[float]]


def blocking(url: str, times: Times) -> None:
    """Measure threads."""
    client: Any = redis.Redis.from_url(url)
    script, key, backend = client.script_load(BUCKET), uuid.uuid4().hex, Backend()
    for _ in range(ROUNDS):
        with RedisLimiter(url, prefix=uuid.uuid4().hex) as limiter:
            bound = limiter.bind("pk_live_alone", "https://api.inventpay.io", LIMITS)

            def lease(bound: Any = bound) -> None:
                bound.acquire(RateClass.STATUS_CHECKS, backend).answered(backend.now(), 200, {})

            lease()
            time.sleep(0.3)  # a new state grants few leases at first
            for _ in range(CHUNKS):
                _call(times["bucket"], lambda: client.evalsha(script, 1, key, 10**6, 60))
                _call(times["RedisLimiter"], lease)


def _call(times: list[float], call: Callable[[], object]) -> None:
    for _ in range(CALLS):
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)


async def tasks(url: str, times: Times) -> None:
    """Measure tasks."""
    client: Any = redis.asyncio.Redis.from_url(url)
    script, key, backend = await client.script_load(BUCKET), uuid.uuid4().hex, AsyncBackend()
    for _ in range(ROUNDS):
        limiter = RedisLimiter(url, prefix=uuid.uuid4().hex)
        bound = limiter.bind("pk_live_alone", "https://api.inventpay.io", LIMITS)

        async def lease(bound: Any = bound) -> None:
            (await bound.acquire_async(RateClass.STATUS_CHECKS, backend)).answered(backend.now(), 200, {})

        await lease()
        await asyncio.sleep(0.3)
        for _ in range(CHUNKS):
            await _call_async(times["bucket, async"], lambda: client.evalsha(script, 1, key, 10**6, 60))
            await _call_async(times["RedisLimiter, async"], lease)
        await asyncio.to_thread(limiter.close)
    await client.aclose()


async def _call_async(times: list[float], call: Callable[[], Awaitable[object]]) -> None:
    for _ in range(CALLS):
        begun = time.perf_counter()
        await call()
        times.append(time.perf_counter() - begun)


def main() -> int:
    """Print microseconds by percentile, and the ratio to the bucket; return 1 if it is too high."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis", metavar="URL", help="a server that runs already (default: one of its own)")
    times: Times = defaultdict(list)
    with redis_server(parser.parse_args().redis) as url:
        blocking(url, times)
        asyncio.run(tasks(url, times))
    is_dear = False
    print(f"{'us (ratio)':22}" + "".join(f"{f'p{share * 100:g}':>14}" for share in PERCENTILES))
    for name, seen in times.items():
        base = sorted(times["bucket, async" if "async" in name else "bucket"])
        seen.sort()
        row = {share: (seen[int(share * len(seen))], base[int(share * len(base))]) for share in PERCENTILES}
        print(f"{name:22}" + "".join(f"{own * 1e6:7.0f} ({own / other:.2f})" for own, other in row.values()))
        if any(row[share][0] > MOST * row[share][1] for share in JUDGED):
            print(f"{name}: a lease takes more than {MOST:g} times as long as a bucket")
            is_dear = True
    return int(is_dear)


if __name__ == "__main__":
    sys.exit(main())
