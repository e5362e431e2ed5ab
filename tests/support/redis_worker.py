"""A process with a client and a shared limiter, such as a worker of a web server.

    python -m tests.support.redis_worker

prints ``ready``; then every line of its standard input is a job, and one line of JSON says how it went.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import subprocess
import sys
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from inventpay import AsyncInventPay, InventPay, InventPayError, RateLimits
from inventpay.redis import RedisLimiter

ROOT = Path(__file__).parents[2]


class Worker:
    """The process as a test sees it."""

    def __init__(self) -> None:
        self.process = subprocess.Popen(
            [sys.executable, "-m", "tests.support.redis_worker"],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def wait_until_ready(self) -> None:
        """Until it has imported everything."""
        assert self.process.stdout is not None
        assert self.process.stdout.readline() == "ready\n"

    def begin(self, **job: Any) -> None:
        """Lets it do a job."""
        assert self.process.stdin is not None
        self.process.stdin.write(json.dumps(job) + "\n")
        self.process.stdin.flush()

    def result(self) -> dict[str, Any]:
        """Return the result of the job, when it is done."""
        assert self.process.stdout is not None
        found: dict[str, Any] = json.loads(self.process.stdout.readline())
        return found

    def kill(self) -> None:
        """As ``kill -9`` does."""
        self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def workers(count: int) -> Iterator[list[Worker]]:
    """Yield a number of workers, ready."""
    started = [Worker() for _ in range(count)]
    try:
        for worker in started:
            worker.wait_until_ready()
        yield started
    finally:
        for worker in started:
            worker.kill()


class _Journal(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.WARNING)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.lines.append(record.getMessage())


def _run(options: dict[str, Any]) -> dict[str, Any]:
    journal = _Journal()
    logging.getLogger("inventpay").addHandler(journal)
    limits = RateLimits(other=options["limit"], window=options["window"], counting=options["counting"])
    limiter = RedisLimiter(options["redis"], **options.get("limiter", {}))
    usual: dict[str, Any] = {
        "api_key": "pk_live_of_the_workers",
        "base_url": options["api"],
        "rate_limits": limits,
        "limiter": limiter,
        "coalesce": False,
        "max_retries": 0,
        "max_wait": options.get("max_wait"),
        "max_connections": 200,
        "attempt_timeout": min(30.0, limiter.lease_timeout),
        "headers": {"X-Who": options["who"]},
    }
    calls = range(options["calls"])
    errors: dict[str, int] = {}
    slowest = 0.0

    def note(error: InventPayError | None, seconds: float) -> None:
        nonlocal slowest
        slowest = max(slowest, seconds)
        if error is not None:
            errors[type(error).__name__] = errors.get(type(error).__name__, 0) + 1

    if options.get("clock_offset"):
        _shift_wall_clock(options["clock_offset"], options["clock_step"], options["step_after"])
    began = time.monotonic()
    every = options.get("every", 0.0)

    async def flood() -> None:
        # A tenth of the processor time of httpx: four processes that send a burst should not wait for the machine.
        async with AsyncInventPay(transport="aiohttp", **usual) as client:

            async def call(number: int) -> None:
                await asyncio.sleep(number * every)
                at, failure = time.monotonic(), None
                try:
                    await client.request("GET", f"/v1/{number}")
                except InventPayError as error:
                    failure = error
                note(failure, time.monotonic() - at)

            await asyncio.gather(*map(call, calls))

    def threads() -> None:
        with InventPay(**usual) as client, ThreadPoolExecutor(options["threads"]) as pool:

            def call(number: int) -> None:
                at, failure = time.monotonic(), None
                try:
                    client.request("GET", f"/v1/{number}")
                except InventPayError as error:
                    failure = error
                note(failure, time.monotonic() - at)

            list(pool.map(call, calls))

    if options.get("threads"):
        threads()
    else:
        asyncio.run(flood())
    seconds = time.monotonic() - began
    limiter.close()
    logging.getLogger("inventpay").removeHandler(journal)
    return {"seconds": seconds, "errors": errors, "slowest": slowest, "log": journal.lines}


def _shift_wall_clock(offset: float, step: float, after: float) -> None:
    """The time of day of this process is off, and stepped later."""
    real, began = time.time, time.monotonic()
    time.time = lambda: real() + offset + (step if time.monotonic() - began > after else 0.0)


if __name__ == "__main__":
    print("ready", flush=True)
    for line in sys.stdin:
        print(json.dumps(_run(json.loads(line))), flush=True)
