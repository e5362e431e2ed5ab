"""Ten thousand payments watched by one client for ten hours of virtual time: ``python -m tests.soak.watching``.

Prints the longest gap between two polls of one payment in weighted shares (its wanted interval times the stretch at
that moment), the most polls in a window, the waits of direct calls, and how soon after its expiry a payment was polled.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
import time
import tracemalloc
from datetime import datetime, timedelta

import httpx

from inventpay import AsyncInventPay, PaymentStatus, PollingStretched
from inventpay._watching.schedule import SHARE
from inventpay._watching.subjects import PaymentSubject
from inventpay.hooks import Event
from tests.support.virtual_api import virtual_client
from tests.support.virtual_time import START, run


class Shop:
    """Payments that stay pending until half an hour after they expire."""

    def __init__(self, expiries: list[float]) -> None:
        self.expiries = expiries
        self.after_expiry = [-1.0] * len(expiries)
        self.first = [float("inf")] * len(expiries)
        self.times: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        number = int(request.url.path.split("/")[3].removeprefix("cmh"))
        self.times.append(now)
        if number < 0:
            expires = 1e9
        else:
            expires = self.expiries[number]
            self.first[number] = min(self.first[number], now)
            if now >= expires and self.after_expiry[number] < 0:
                self.after_expiry[number] = now - expires
        await asyncio.sleep(0.1)
        status = {
            "paymentId": f"cmh{number}",
            "status": "EXPIRED" if now >= expires + 1800 else "PENDING",
            "currentBalance": "0",
            "confirmations": 0,
            "createdAt": START.isoformat(),
            "expiresAt": (START + timedelta(seconds=expires)).isoformat(),
        }
        return httpx.Response(200, content=json.dumps(status).encode())


class Measured(PaymentSubject):
    """Notes every gap in shares of what was wanted."""

    __slots__ = ("_client", "_since", "_stretch", "_wanted")

    worst = 0.0

    def __init__(self, client: AsyncInventPay) -> None:
        super().__init__(client._polling._payers)
        self._client = client
        self._wanted = 0.0
        self._stretch = 1.0
        self._since: float | None = None

    def wanted(self, last: PaymentStatus | None, now: datetime, watched: float, funded: float | None) -> float:
        moment = self._client._backend.now()
        schedule = next(iter(self._client._polling._schedules.values()), None)
        stretch = 1.0 if schedule is None else schedule.stretch
        if self._since is not None and self._wanted:
            share = self._wanted * max(stretch, self._stretch)
            Measured.worst = max(Measured.worst, (moment - self._since) / share)
        self._wanted = super().wanted(last, now, watched, funded)
        self._stretch, self._since = stretch, moment
        return self._wanted


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--payments", type=int, default=10_000)
    parser.add_argument("--hours", type=float, default=10.0)
    options = parser.parse_args()
    chance = random.Random(1)
    shop = Shop([chance.uniform(1800, 86_400) for _ in range(options.payments)])
    waits: list[float] = []
    overloads: list[PollingStretched] = []

    def note(event: Event) -> None:
        if isinstance(event, PollingStretched):
            overloads.append(event)

    async def story() -> None:
        loop = asyncio.get_running_loop()
        end = options.hours * 3600
        async with virtual_client(shop, hooks=[note]) as client:

            async def watch(number: int) -> None:
                watch = client.payments.watch(f"cmh{number}")
                watch.subject = Measured(client)
                async for _ in watch:
                    pass

            tracemalloc.start()
            before = tracemalloc.get_traced_memory()[0]
            crowd = [asyncio.create_task(watch(number)) for number in range(options.payments)]
            await asyncio.sleep(60)
            print(
                f"memory: {(tracemalloc.get_traced_memory()[0] - before) / options.payments / 1024:.1f} KiB a watcher"
            )
            tracemalloc.stop()
            while loop.time() < end:
                began = loop.time()
                await client.payments.status("cmh-1")
                waits.append(loop.time() - began - 0.1)
                await asyncio.sleep(53.3)
            for task in crowd:
                task.cancel()
            await asyncio.gather(*crowd, return_exceptions=True)

    began = time.process_time()
    run(story())
    cpu = time.process_time() - began
    most = start = 0
    shop.times.sort()
    for index, moment in enumerate(shop.times):
        while shop.times[start] <= moment - 60:
            start += 1
        most = max(most, index - start + 1)
    print(f"{options.payments} payments, {options.hours:g} hours: {len(shop.times)} polls, {cpu:.0f} s of CPU")
    print(f"longest gap: {Measured.worst:.2f} weighted shares")
    print(f"most calls in a window: {most} (limit 300, of which polls may use {SHARE * 300:.0f})")
    print(f"direct calls: {len(waits)}, waited {max(waits):.3f} s at most")
    over = options.hours * 3600 - 120
    # An expiry is known from the first poll on, and with thousands of newcomers that may come after it.
    known = [number for number, expiry in enumerate(shop.expiries) if shop.first[number] < expiry < over]
    late = [shop.after_expiry[number] for number in known]
    print(
        f"expired once known: {len(late)}, polled {max(late):.1f} s after it at most, missed {sum(t < 0 for t in late)}"
    )
    print(f"overload reported {len(overloads)} times" + (f", last: {overloads[-1]}" if overloads else ""))


if __name__ == "__main__":
    main()
