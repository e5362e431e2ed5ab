"""Measure what hostile answers do to a client: peak memory, and the longest turn of its event loop.

    python -m tests.hostile.measuring                    every answer, by each client; prints a table
    python -m tests.hostile.measuring --by asyncio

Memory is that of a process of its own. A turn is measured in seconds of CPU, which other work on the machine does not
change much; an answer that takes too long is tried three times.
"""

from __future__ import annotations

import argparse
import asyncio
import contextlib
import ctypes
import gc
import json
import logging
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import attrs

from inventpay import InventPayError
from tests.hostile.answers import ANSWERS
from tests.support.raw_server import Exchange, RawServer
from tests.support.servers import async_client, blocking_client

ROOT: Final = Path(__file__).parents[2]
WAYS: Final = ("asyncio", "aiohttp", "trio", "blocking")
TRIES: Final = 3
ATTEMPT: Final = 20.0
"""Seconds of an attempt. Only aiohttp needs them, for interim responses without an end."""

BY_AIOHTTP: Final = {
    "250 headers": "APIConnectionError",
    "rate limits in 16 KiB of header": "APIConnectionError",
    "8 MiB in chunks of a byte": "APITimeoutError",
    "endless interim responses": "APITimeoutError",
}
"""The ends that differ with aiohttp, which reads heads and chunks by itself."""


LONGEST: Final = 0.05
"""Seconds of CPU that one turn of an event loop may take."""

MOST: Final = 100 * (1 << 20)
"""Bytes that one answer may take."""


@attrs.frozen
class Cost:
    """The end of a call and its cost.

    Attributes:
        end: the class of the error, or "result".
        memory: bytes more at the peak than before.
        turn: seconds of CPU of the longest turn of the event loop; of the whole call for the blocking client.
    """

    end: str
    memory: int
    turn: float
    message: str


def _status(name: str) -> int:
    assert sys.platform == "linux"
    text = Path("/proc/self/status").read_text()
    return int(text.partition(f"{name}:")[2].split()[0]) * 1024


def begin() -> int:
    """Return the memory of now, in bytes, and let the record of the peak begin here."""
    assert sys.platform == "linux"
    gc.collect()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5")
    return _status("VmRSS")


def peak() -> int:
    """Return the peak since ``begin``, in bytes."""
    return _status("VmHWM")


class Turns:
    """Note the longest turn of asyncio's event loop."""

    longest = 0.0

    @classmethod
    def watch(cls) -> None:
        """Measure each callback of every loop of this process from now on."""
        run = asyncio.Handle._run

        def measured(handle: asyncio.Handle) -> None:
            began = time.thread_time()
            try:
                run(handle)
            finally:
                cls.longest = max(cls.longest, time.thread_time() - began)

        asyncio.Handle._run = measured  # type: ignore[method-assign]


async def _call_async(client: Any, call: str) -> None:
    if call == "balance":
        await client.balances.get("BTC")
    elif call == "balances":
        await client.balances.all()
    elif call == "invoice":
        await client.invoices.create(amount="49.99", amount_currency="USD")
    elif call == "page":
        await client.store.products.list(on_unread="skip")
    else:
        (await client.request("GET", "/anything")).json()


def _call(client: Any, call: str) -> None:
    if call == "balance":
        client.balances.get("BTC")
    elif call == "balances":
        client.balances.all()
    elif call == "invoice":
        client.invoices.create(amount="49.99", amount_currency="USD")
    elif call == "page":
        client.store.products.list(on_unread="skip")
    else:
        client.request("GET", "/anything").json()


async def _by_tasks(url: str, call: str, transport: str | None) -> None:
    async with async_client(url, transport=transport, attempt_timeout=ATTEMPT) as client:
        Turns.longest = 0.0
        await _call_async(client, call)


def _by_trio(url: str, call: str) -> None:
    import trio

    class Steps(trio.abc.Instrument):
        def before_task_step(self, task: Any) -> None:
            self.began = time.thread_time()

        def after_task_step(self, task: Any) -> None:
            Turns.longest = max(Turns.longest, time.thread_time() - self.began)

    async def main() -> None:
        async with async_client(url, attempt_timeout=ATTEMPT) as client:
            Turns.longest = 0.0
            await _call_async(client, call)

    trio.run(main, instruments=[Steps()])


def _by_thread(url: str, call: str) -> None:
    with blocking_client(url, attempt_timeout=ATTEMPT) as client:
        began = time.thread_time()
        try:
            _call(client, call)
        finally:
            Turns.longest = time.thread_time() - began


def _once(url: str, way: str, name: str) -> Cost:
    call = ANSWERS[name].call
    before = begin()
    end, message = "result", ""
    try:
        if way == "blocking":
            _by_thread(url, call)
        elif way == "trio":
            _by_trio(url, call)
        else:
            asyncio.run(_by_tasks(url, call, None if way == "asyncio" else way))
    except InventPayError as error:
        end, message = type(error).__name__, str(error)
    return Cost(end, peak() - before, Turns.longest, message[:300])


def _child(url: str, way: str, names: list[str], longest: float) -> None:
    """Make the calls, and print a line of JSON for each."""
    logging.disable()
    Turns.watch()
    with contextlib.suppress(InventPayError):
        _once(f"{url}/warm-up", way, names[0])
    # The collections before each call then look at what came after this, not at all modules: 18 ms less for each.
    gc.freeze()
    for name in names:
        costs: list[Cost] = []
        for _ in range(TRIES):
            costs.append(_once(f"{url}/{list(ANSWERS).index(name)}", way, name))
            if costs[-1].turn <= longest and costs[-1].memory <= MOST:
                break
        best = min(costs, key=lambda cost: cost.turn)
        print(json.dumps([name, attrs.asdict(best)]), flush=True)


def _serve(exchange: Exchange) -> None:
    number = exchange.line.split(" ")[1].split("/")[1]
    if not number.isdigit():
        exchange.say(503, b"")
        return
    for piece in list(ANSWERS.values())[int(number)].pieces():
        exchange.connection.sendall(piece)
    # Answers without a length end with their connection.
    exchange.connection.close()


@contextlib.contextmanager
def answering() -> Iterator[str]:
    """Serve every answer, chosen by the first part of the path."""
    with RawServer(_serve) as server:
        yield server.url


def measure(way: str, names: list[str] | None = None, *, longest: float = LONGEST) -> dict[str, Cost]:
    """Return the cost of each answer, measured in a process of its own; again where a turn takes over `longest`."""
    chosen = list(ANSWERS) if names is None else names
    with answering() as url:
        options = ("--child", url, "--by", way, "--longest", str(longest))
        command = [sys.executable, "-m", "tests.hostile.measuring", *options]
        done = subprocess.run(
            command, input=json.dumps(chosen), cwd=ROOT, capture_output=True, text=True, check=False, env=os.environ
        )
    costs = {}
    for line in done.stdout.splitlines():
        name, fields = json.loads(line)
        costs[name] = Cost(**fields)
    if done.returncode:
        raise RuntimeError(f"the measured process ended after {list(costs)[-1:]}: {done.stderr[-2_000:]}")
    return costs


def main() -> int:
    """Print a table of all answers."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--by", choices=WAYS)
    parser.add_argument("--child", help=argparse.SUPPRESS)
    parser.add_argument("--longest", type=float, default=LONGEST, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        _child(options.child, options.by, json.load(sys.stdin), options.longest)
        return 0
    wrong = 0
    for way in [options.by] if options.by else WAYS:
        costs = measure(way)
        for name, cost in costs.items():
            end = BY_AIOHTTP.get(name) if way == "aiohttp" else None
            is_right = cost.end == (end or ANSWERS[name].end) and cost.memory <= MOST
            is_right = is_right and (cost.turn <= LONGEST or way == "blocking")
            wrong += not is_right
            print(
                f"{way:9} {name:40} {cost.end:20} {cost.memory / (1 << 20):6.1f} MiB {cost.turn * 1000:6.1f} ms"
                f"{'' if is_right else '   WRONG ' + cost.message}",
                flush=True,
            )
        memory = max(cost.memory for cost in costs.values()) / (1 << 20)
        turn = max(cost.turn for cost in costs.values()) * 1000
        print(f"{way}: {len(costs)} answers, at most {memory:.1f} MiB and {turn:.1f} ms of CPU in one turn")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
