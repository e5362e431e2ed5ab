"""Ten minutes of mixed load with faults over one process: memory, descriptors and threads must stay as they are.

    python -m tests.soak.mixed                          ten minutes; writes docs/images/soak.svg and prints the figures
    python -m tests.soak.mixed --seconds 20 --no-plot

An async client, a blocking client in threads, and a blocking client whose limits lie in Redis create, read, list,
wait and cancel, 80 times a second. A fifth of the answers goes wrong, in 50 ways. The server and Redis are killed and
started again, one of them every 15 seconds. A receiver of webhooks under uvicorn gets good, repeated and
forged deliveries. Ends with status 1 where the process grew.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import gc
import http.client
import logging
import os
import random
import statistics
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import attrs

from inventpay import AsyncInventPay, InventPay, InventPayError, RateLimits, RetryPolicy
from inventpay.redis import RedisLimiter
from inventpay.sandbox.http import server as sandbox_server
from inventpay.webhooks import SQLiteSeenStore, WebhookReceiver
from tests.soak.cancellation import memory
from tests.support.clients import WITHDRAWAL_KEY, new_key
from tests.support.deliveries import SECRET, flat, signed
from tests.support.faulty_server import FaultyProcess
from tests.support.redis_servers import RedisServer, binary

PICTURE: Final = Path(__file__).parents[2] / "docs" / "images" / "soak.svg"
ADDRESS: Final = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
SHARE: Final = 0.2
RESTART_EVERY: Final = 15.0
SAMPLE_EVERY: Final = 2.0
PAUSE: Final = 0.1
"""Seconds between two operations of one worker."""

TASKS: Final = 12
THREADS: Final = 4
LIMITS: Final = RateLimits(payment_creation=300, withdrawals=300, other=300, status_checks=300, window=1.0)

MOST_GROWTH: Final = 0.05
"""Share of the memory by which the last third may lie above the middle one."""


@attrs.frozen
class Sample:
    """The process at one moment."""

    at: float
    memory: int
    descriptors: int
    threads: int
    operations: int


class Load:
    """Everything that runs until it is stopped, and the counts of its ends."""

    def __init__(self) -> None:
        self.over = threading.Event()
        self.ends: Counter[str] = Counter()
        self._lock = threading.Lock()

    def count(self, end: str) -> None:
        """Count the end of an operation."""
        with self._lock:
            self.ends[end] += 1

    @property
    def operations(self) -> int:
        """Number of operations so far."""
        with self._lock:
            return self.ends.total()


def _options(url: str) -> dict[str, Any]:
    return {
        "api_key": new_key(),
        "withdrawal_key": WITHDRAWAL_KEY,
        "base_url": url,
        "timeout": 4.0,
        "attempt_timeout": 1.0,
        "rate_limits": LIMITS,
        "retry": RetryPolicy(initial_delay=0.05, max_delay=0.5),
        "verify": False,
    }


def _calls(chance: random.Random) -> Callable[[Any], Any]:
    """Return one call, for either client."""
    amount = f"{chance.randrange(1, 900)}.{chance.randrange(100):02}"
    kinds: list[Callable[[Any], Any]] = [
        lambda client: client.payments.create(amount=amount, amount_currency="USD", currency="USDT_BEP20"),
        lambda client: client.invoices.create(amount=amount, amount_currency="USD"),
        lambda client: client.withdrawals.create(
            amount=amount, currency="USDT_BEP20", destination_address=ADDRESS, description="soak"
        ),
        lambda client: client.payments.status("cmh123abc456def"),
        lambda client: client.payments.wait("cmh123abc456def", timeout=1.0),
        lambda client: client.balances.get("USDT_BEP20"),
        lambda client: client.balances.all(),
        lambda client: client.store.products.list(),
        lambda client: client.webhooks.deliveries(),
    ]
    return chance.choice(kinds)


async def _task(client: AsyncInventPay, load: Load, chance: random.Random) -> None:
    while not load.over.is_set():
        call, patience = _calls(chance), chance.choice([None, None, chance.random() * 0.3])
        try:
            async with asyncio.timeout(patience):
                try:
                    await call(client)
                except InventPayError as error:
                    if not error.safe_to_repeat:
                        raise
                    await client.repeat(error)
            load.count("async: result")
        except TimeoutError:
            load.count("async: cancelled")
        except InventPayError as error:
            load.count(f"async: {type(error).__name__}")
        await asyncio.sleep(PAUSE * 2 * chance.random())


async def _tasks(url: str, load: Load) -> None:
    async with AsyncInventPay(**_options(url)) as client:
        await asyncio.gather(*(_task(client, load, random.Random(seed)) for seed in range(TASKS)))


def _thread(client: InventPay, load: Load, chance: random.Random, name: str) -> None:
    while not load.over.is_set():
        try:
            _calls(chance)(client)
            load.count(f"{name}: result")
        except InventPayError as error:
            load.count(f"{name}: {type(error).__name__}")
        time.sleep(PAUSE * 2 * chance.random())


def _deliveries(url: str, load: Load, chance: random.Random) -> None:
    """Post deliveries: most good, some repeated or forged, some over a connection that is cut off."""
    place = urlsplit(url).netloc
    number = 0
    while not load.over.is_set():
        number += chance.random() < 0.7
        body = flat(payment_id=f"cmh{number}")
        headers = signed(body) if chance.random() < 0.8 else {"X-Webhook-Signature": "sha256=" + "0" * 64}
        connection = http.client.HTTPConnection(place, timeout=10)
        try:
            connection.request("POST", "/", body, headers)
            if chance.random() < 0.9:
                load.count(f"delivery: {connection.getresponse().status}")
            else:
                load.count("delivery: cut off")
        except OSError as error:
            load.count(f"delivery: {type(error).__name__}")
        finally:
            connection.close()
        time.sleep(PAUSE * chance.random())


def _sample(started: float, load: Load) -> Sample:
    assert sys.platform == "linux"
    gc.collect()
    return Sample(
        time.monotonic() - started,
        memory(),
        len(os.listdir("/proc/self/fd")),
        len(os.listdir("/proc/self/task")),
        load.operations,
    )


def run(seconds: float) -> tuple[list[Sample], list[tuple[float, str]], Counter[str]]:
    """Return samples of the process, the restarts, and the ends of all operations."""
    logging.disable()
    load = Load()
    samples: list[Sample] = []
    restarts: list[tuple[float, str]] = []
    server = FaultyProcess(SHARE)
    program = binary("redis-server") or binary("valkey-server")
    redis = RedisServer(program) if program else None
    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        stack.callback(server.kill)
        server.start()
        if redis is not None:
            redis.start()
            stack.callback(redis.close)
        store = SQLiteSeenStore(Path(folder) / "seen.sqlite3")
        receiver = WebhookReceiver(SECRET, seen=store, tolerance=None)
        receiver.on_other(lambda event: None)
        hooks = stack.enter_context(sandbox_server.run_in_thread(receiver.asgi, "127.0.0.1", 0))
        blocking = stack.enter_context(InventPay(**_options(server.url)))
        workers = [
            threading.Thread(target=lambda: asyncio.run(_tasks(server.url, load))),
            threading.Thread(target=_deliveries, args=(hooks.url, load, random.Random(99))),
        ]
        clients = [(blocking, "blocking")] * THREADS
        if redis is not None:
            limiter = stack.enter_context(RedisLimiter(redis.url))
            shared = stack.enter_context(InventPay(**_options(server.url), limiter=limiter))
            clients += [(shared, "shared limit")] * THREADS
        workers += [
            threading.Thread(target=_thread, args=(client, load, random.Random(seed), name))
            for seed, (client, name) in enumerate(clients)
        ]
        started = time.monotonic()
        for worker in workers:
            worker.start()
        next_restart, turn = RESTART_EVERY, 0
        try:
            while (now := time.monotonic() - started) < seconds:
                if now >= next_restart:
                    turn += 1
                    next_restart += RESTART_EVERY
                    if turn % 2 or redis is None:
                        server.kill()
                        time.sleep(0.5)
                        server.start()
                        restarts.append((now, "server"))
                    else:
                        redis.stop()
                        time.sleep(0.5)
                        redis.start()
                        restarts.append((now, "Redis"))
                time.sleep(SAMPLE_EVERY)
                samples.append(_sample(started, load))
        finally:
            load.over.set()
            for worker in workers:
                worker.join(30)
    return samples, restarts, load.ends


PANELS: Final = (
    ("Memory (MiB)", lambda sample: sample.memory / (1 << 20), "#268bd2"),
    ("Open descriptors (number)", lambda sample: sample.descriptors, "#2aa198"),
    ("Threads (number)", lambda sample: sample.threads, "#b58900"),
)


def picture(samples: list[Sample], restarts: list[tuple[float, str]]) -> str:
    """Draw the three series over time, legible on light and dark pages."""
    width, left, right, high, gap, top = 720, 60, 20, 110, 52, 64
    longest = max(sample.at for sample in samples)

    def across(at: float) -> float:
        return left + (width - left - right) * at / longest

    parts: list[str] = []
    for number, (label, value, colour) in enumerate(PANELS):
        base = top + number * (high + gap) + high
        values = [float(value(sample)) for sample in samples]
        most = _round_up(max(values) * 1.1)
        parts.append(f'<text x="{left}" y="{base - high - 8}" class="t">{label}</text>')
        for share in (0.0, 0.5, 1.0):
            y = base - high * share
            parts.append(f'<line x1="{left}" y1="{y:.0f}" x2="{width - right}" y2="{y:.0f}" class="g"/>')
            parts.append(f'<text x="{left - 6}" y="{y + 4:.0f}" class="t" text-anchor="end">{most * share:.0f}</text>')
        for at, kind in restarts:
            style = "s" if kind == "server" else "r"
            parts.append(
                f'<line x1="{across(at):.1f}" y1="{base - high}" x2="{across(at):.1f}" y2="{base}" class="{style}"/>'
            )
        points = " ".join(
            f"{across(sample.at):.1f},{base - high * each / most:.1f}"
            for sample, each in zip(samples, values, strict=True)
        )
        parts.append(f'<polyline points="{points}" fill="none" stroke="{colour}" stroke-width="1.8"/>')
        step = 60 if longest > 120 else max(1, round(longest / 4))
        for at in range(0, int(longest) + 1, step):
            text = f"{at / 60:g}"
            parts.append(f'<text x="{across(at):.0f}" y="{base + 15}" class="t" text-anchor="middle">{text}</text>')
        parts.append(f'<text x="{(left + width - right) / 2:.0f}" y="{base + 29}" class="t" text-anchor="middle">')
        parts.append("Time (minutes)</text>")
    style = (
        ".t{font:11px sans-serif;fill:#586069}.g{stroke:#8884;stroke-width:1}"
        ".s{stroke:#dc322f;stroke-width:1;stroke-dasharray:2 3}.r{stroke:#6c71c4;stroke-width:1;stroke-dasharray:2 3}"
        "@media(prefers-color-scheme:dark){.t{fill:#c9d1d9}.r{stroke:#a5a9f0}.s{stroke:#f0716e}}"
    )
    title = f"Mixed load with faults: {samples[-1].operations:,} operations in {longest / 60:.0f} minutes"
    height = top + len(PANELS) * (high + gap)
    legend = (
        f'<line x1="{left}" y1="36" x2="{left + 20}" y2="36" class="s"/><text x="{left + 26}" y="40" class="t">'
        "the server is killed and started again</text>"
        f'<line x1="{left + 260}" y1="36" x2="{left + 280}" y2="36" class="r"/><text x="{left + 286}" y="40" class="t">'
        "Redis is killed and started again</text>"
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" role="img" aria-label="{title}">'
        f'<style>{style}</style><text x="{left}" y="18" class="t" font-weight="bold">{title}</text>'
        f"{legend}{''.join(parts)}</svg>\n"
    )


def _round_up(value: float) -> float:
    step = 10.0 ** max(0, len(str(int(value))) - 1) / 2
    return step * -(-value // step)


def growth(samples: list[Sample], value: Callable[[Sample], float]) -> tuple[float, float]:
    """Return the medians of the middle third and of the last third."""
    third = len(samples) // 3
    middle, last = samples[third : 2 * third], samples[2 * third :]
    return statistics.median(map(value, middle)), statistics.median(map(value, last))


def problems(samples: list[Sample]) -> list[str]:
    """Return what grew."""
    found: list[str] = []
    before, after = growth(samples, lambda sample: sample.memory)
    if after > before * (1 + MOST_GROWTH):
        found.append(f"memory grew from {before / 2**20:.1f} to {after / 2**20:.1f} MiB")
    for name in ("descriptors", "threads"):
        before, after = growth(samples, lambda sample, name=name: float(getattr(sample, name)))  # type: ignore[misc]
        if after > before * 1.05 + 1:
            found.append(f"{name} grew from {before:g} to {after:g}")
    return found


def main() -> int:
    """Run the load, print the figures and write the picture."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=600.0)
    parser.add_argument("--no-plot", action="store_true")
    options = parser.parse_args()
    samples, restarts, ends = run(options.seconds)
    for end, count in sorted(ends.items()):
        print(f"{count:9,}  {end}")
    for label, value, _ in PANELS:
        before, after = growth(samples, lambda sample, value=value: float(value(sample)))  # type: ignore[misc]
        most = max(value(sample) for sample in samples)
        print(f"{label}: middle third {before:.1f}, last third {after:.1f}, most {most:.1f}")
    print(f"{samples[-1].operations:,} operations in {samples[-1].at:.0f} s, {len(restarts)} restarts")
    if not options.no_plot:
        PICTURE.write_text(picture(samples, restarts), encoding="utf-8")
        print(f"{PICTURE.name} is written")
    found = problems(samples)
    for line in found:
        print(line)
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
