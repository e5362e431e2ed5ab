"""Crowds of watchers on one client, in virtual time: fair gaps, a bounded share of the limit, direct calls first."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta

import httpx

from inventpay import AsyncInventPay, LocalLimiter, PollingStretched, RateLimits
from inventpay._watching.schedule import SHARE
from inventpay.hooks import Event
from tests.support.virtual_api import virtual_client
from tests.support.virtual_time import START, run


class Payments:
    """An API that knows only payments which stay pending until some time after they expire."""

    def __init__(self, expires_after: dict[str, float]) -> None:
        self.expires_after = expires_after
        self.polls: dict[str, list[float]] = {name: [] for name in expires_after}
        self.all: list[float] = []

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        now = asyncio.get_running_loop().time()
        await asyncio.sleep(0.1)
        name = request.url.path.split("/")[3]
        self.all.append(now)
        self.polls[name].append(now)
        expires = self.expires_after[name]
        status = {
            "paymentId": name,
            "status": "EXPIRED" if now >= expires else "PENDING",
            "currentBalance": "0",
            "confirmations": 0,
            "createdAt": START.isoformat(),
            "expiresAt": (START + timedelta(seconds=expires)).isoformat(),
        }
        return httpx.Response(200, content=json.dumps(status).encode())

    def most_in_a_window(self, window: float = 60.0) -> int:
        times = sorted(self.all)
        most = start = 0
        for end, time in enumerate(times):
            while times[start] <= time - window:
                start += 1
            most = max(most, end - start + 1)
        return most


async def watch_all(client: AsyncInventPay, names: list[str]) -> list[str]:
    """The last status each watcher saw."""

    async def watch(name: str) -> str:
        return str((await client.payments.wait(name)).status)

    return await asyncio.gather(*(watch(name) for name in names))


def test_a_crowd_is_fair_and_bounded() -> None:
    """Four fifths of the class at most, each payment polled just after its expiry, direct calls at once."""
    limits = RateLimits(status_checks=60)
    names = [f"cmh{number}" for number in range(150)]
    api = Payments({name: 600.0 + 8 * number for number, name in enumerate(names)})
    waits: list[float] = []
    told: list[Event] = []

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        async with virtual_client(api, hooks=[told.append], rate_limits=limits) as client:
            api.polls["direct"] = []
            api.expires_after["direct"] = 1e9
            crowd = asyncio.create_task(watch_all(client, names))
            while not crowd.done():
                began = loop.time()
                await client.payments.status("direct")
                waits.append(loop.time() - began)
                await asyncio.sleep(31.7)
            return await crowd

    assert set(run(main())) == {"EXPIRED"}
    direct = len(api.polls["direct"])
    assert api.most_in_a_window() <= SHARE * limits.status_checks + 3
    # 0.1 s is the answer's own time; one token of this class comes every second.
    assert max(waits) <= 0.1 + 1.0
    for name in names:
        late = min(poll - api.expires_after[name] for poll in api.polls[name] if poll >= api.expires_after[name])
        assert late <= 10.0, (name, late)
    assert direct > 40
    assert not any(isinstance(event, PollingStretched) for event in told)


def test_an_overload_is_told_to_a_hook() -> None:
    """So many watchers that each would be polled less than every five minutes."""
    names = [f"cmh{number}" for number in range(300)]
    api = Payments(dict.fromkeys(names, 3_600.0))
    told: list[Event] = []

    async def main() -> None:
        limits = RateLimits(status_checks=20)
        async with virtual_client(api, hooks=[told.append], rate_limits=limits, limiter=LocalLimiter(limits)) as client:
            crowd = asyncio.create_task(watch_all(client, names))
            await asyncio.sleep(150)
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)
            assert all(schedule.is_idle for schedule in client._polling._schedules.values())

    run(main())
    overloads = [event for event in told if isinstance(event, PollingStretched)]
    assert 2 <= len(overloads) <= 3
    assert overloads[0].seconds > 300
    assert overloads[-1].watchers == 300


def test_watchers_of_one_payment_share_their_polls() -> None:
    """Whoever looks at the same at the same moment is served by the same requests."""
    api = Payments({"cmh1": -60.0})

    async def main() -> None:
        async with virtual_client(api) as client:
            await asyncio.gather(*(client.payments.wait("cmh1") for _ in range(10)))

    run(main())
    assert len(api.all) == 2
