"""Floods: many concurrent calls through one contender, in real time, against the server that counts."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import subprocess
import sys
import time
from collections.abc import AsyncGenerator, Callable, Coroutine, Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.request import urlopen

from harness.contenders import Contender, Peer
from harness.policies import most_in_a_window, refusals, sustained_use

from inventpay import AsyncInventPay
from inventpay.hooks import Event, TokenWaited

FASTEST, SLOWEST = 0.00025, 0.0125
"""One-way latency in seconds: 5 to 250 ms, as between continents, at a twentieth of a minute's window."""

_keys = itertools.count()


@dataclass(frozen=True)
class Flood:
    """The settings of one flood."""

    calls: int
    limit: int
    window: int
    bare: bool
    """Whether the peers guard bare requests of aiohttp instead of the client's."""
    seed: int


@dataclass(frozen=True)
class Outcome:
    """The result of one flood."""

    refusals: dict[str, int]
    most: int
    use: float
    wall: float
    cpu: float
    """Processor seconds of the client's process."""
    breaks: int
    """Number of tokens that went to a caller who had asked before the one that was served last."""
    late: float
    """Most seconds that a timer of the server was late."""


class _Order:
    """Counts breaks of the order. Calls are numbered in the order in which they ask."""

    def __init__(self) -> None:
        self.breaks = 0
        self._served = -1

    def served(self, number: int) -> None:
        self.breaks += number < self._served
        self._served = number

    def watch(self, event: Event) -> None:
        """A hook of the client."""
        if isinstance(event, TokenWaited):
            self.served(event.call_id)


@contextlib.contextmanager
def arrivals_server() -> Generator[str]:
    """The base URL of a server that runs as long as the block."""
    command = [sys.executable, str(Path(__file__).with_name("arrivals_server.py"))]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        port = process.stdout.readline().strip()
        if not port:
            raise RuntimeError("the server did not start; what it printed above says why")
        # Leaving the block closes its standard input, on which it ends.
        yield f"http://127.0.0.1:{port}"


def run(contender: Contender, flood: Flood, base_url: str) -> Outcome:
    """One flood. Raises what the client raises: no call may fail."""
    urlopen(f"{base_url}/begin?seed={flood.seed}&fastest={FASTEST}&slowest={SLOWEST}").close()
    order = _Order()
    wall, cpu = asyncio.run(_send(contender, flood, base_url, order))
    with urlopen(f"{base_url}/arrivals") as answer:
        seen = json.load(answer)
    arrivals: list[float] = seen["arrivals"]
    if len(arrivals) != flood.calls:
        raise RuntimeError(f"{contender.name}: {flood.calls} calls were made and {len(arrivals)} requests arrived")
    return Outcome(
        refusals=refusals(arrivals, flood.limit, flood.window),
        most=most_in_a_window(arrivals, flood.window),
        use=sustained_use(arrivals, flood.limit, flood.window),
        wall=wall,
        cpu=cpu,
        breaks=order.breaks,
        late=seen["late"],
    )


def warm_up(base_url: str) -> None:
    """Imports and caches what a first call needs, so that no contender pays for all of them."""

    async def call() -> None:
        async with AsyncInventPay("pk_warm_up", base_url=base_url, transport="aiohttp") as client:
            await client.payments.status("payment-0")

    asyncio.run(call())


async def _send(contender: Contender, flood: Flood, base_url: str, order: _Order) -> tuple[float, float]:
    options = contender.make(flood.limit, flood.window)
    limiter = options.get("limiter")
    if flood.bare and isinstance(limiter, Peer):
        calls = _bare_calls(limiter, base_url, order)
    else:
        calls = _client_calls(options, flood.calls, base_url, order)
    async with calls as call:
        wall, cpu = time.perf_counter(), time.process_time()
        await asyncio.gather(*(call(number) for number in range(flood.calls)))
        spent = time.perf_counter() - wall, time.process_time() - cpu
    if isinstance(limiter, Peer):
        limiter.close()
    return spent


@contextlib.asynccontextmanager
async def _client_calls(
    options: dict[str, Any], connections: int, base_url: str, order: _Order
) -> AsyncGenerator[Callable[[int], Coroutine[Any, Any, object]]]:
    """Status calls of this package's client, which waits for the limiter itself."""
    client = AsyncInventPay(
        # One of its own: clients with the same key and URL share their buckets, and a flood begins with a full one.
        f"pk_flood_{next(_keys)}",
        base_url=base_url,
        transport="aiohttp",
        max_connections=connections,
        max_retries=0,
        hooks=[order.watch],
        **options,
    )
    async with client:
        yield lambda number: client.payments.status(f"payment-{number}")


@contextlib.asynccontextmanager
async def _bare_calls(
    peer: Peer, base_url: str, order: _Order
) -> AsyncGenerator[Callable[[int], Coroutine[Any, Any, object]]]:
    """Send the requests with aiohttp alone, as soon as each has its token."""
    import aiohttp

    async with aiohttp.ClientSession(base_url, connector=aiohttp.TCPConnector(limit=0)) as session:

        async def call(number: int) -> bytes:
            await peer.take()
            order.served(number)
            async with session.get(f"/v1/invoice/payment-{number}/status") as answer:
                return await answer.read()

        yield call
