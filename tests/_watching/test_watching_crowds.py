"""Crowds of watchers on one client, in virtual time: fair gaps, a bounded share of the limit, direct calls first."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from decimal import Decimal

import httpx
import pytest

from inventpay import AsyncInventPay, LocalLimiter, PollingStretched, RateLimits, RateLimitTimeoutError
from inventpay._watching.schedule import SHARE
from inventpay.hooks import Event
from inventpay.webhooks import PaymentCompletedEvent
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
    events: list[Event] = []

    async def main() -> list[str]:
        loop = asyncio.get_running_loop()
        async with virtual_client(api, hooks=[events.append], rate_limits=limits) as client:
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
    assert not any(isinstance(event, PollingStretched) for event in events)


def test_an_overload_is_reported_to_a_hook() -> None:
    """A number of watchers of which each would be polled less than every five minutes."""
    names = [f"cmh{number}" for number in range(300)]
    api = Payments(dict.fromkeys(names, 3_600.0))
    events: list[Event] = []

    async def main() -> None:
        limits = RateLimits(status_checks=20)
        async with virtual_client(
            api, hooks=[events.append], rate_limits=limits, limiter=LocalLimiter(limits)
        ) as client:
            crowd = asyncio.create_task(watch_all(client, names))
            await asyncio.sleep(150)
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)
            assert all(schedule.is_idle for schedule in client._polling._schedules.values())

    run(main())
    overloads = [event for event in events if isinstance(event, PollingStretched)]
    assert 2 <= len(overloads) <= 3
    assert overloads[0].seconds > 300
    assert overloads[-1].watchers == 300


def test_watchers_of_one_payment_share_their_polls() -> None:
    """Fifty pages that show one payment cost as many polls as one, whenever they were opened."""

    async def polls(watchers: int) -> int:
        api = Payments({"cmh1": 300.0})
        async with virtual_client(api) as client:

            async def watch(number: int) -> str:
                await asyncio.sleep(number * 0.7)
                return str((await client.payments.wait("cmh1")).status)

            assert set(await asyncio.gather(*map(watch, range(watchers)))) == {"EXPIRED"}
        return len(api.all)

    alone = run(polls(1))
    assert run(polls(50)) <= alone + 2


def test_a_watcher_that_is_cut_off_leaves_its_polls_to_another() -> None:
    """Whichever watcher of a payment is cancelled, waiting or in the middle of a poll, the others see its end."""
    api = Payments({"cmh1": 120.0})

    async def main() -> list[object]:
        async with virtual_client(api) as client:
            crowd = [asyncio.create_task(client.payments.wait("cmh1")) for _ in range(20)]
            for task in crowd[:-2]:
                await asyncio.sleep(1.03)
                task.cancel()
            seen = await asyncio.gather(*crowd, return_exceptions=True)
            assert all(schedule.is_idle for schedule in client._polling._schedules.values())
            return list(seen)

    seen = run(main())
    assert [getattr(one, "status", None) for one in seen[-2:]] == ["EXPIRED", "EXPIRED"]
    assert all(isinstance(one, asyncio.CancelledError) for one in seen[:-2])


def test_a_client_that_merges_nothing_shares_no_polls() -> None:
    """`coalesce=False` holds for watching too."""
    api = Payments({"cmh1": 5.0})

    async def main() -> None:
        async with virtual_client(api, coalesce=False) as client:
            await asyncio.gather(*(client.payments.wait("cmh1") for _ in range(3)))

    run(main())
    assert len(api.all) >= 6


def test_another_user_of_the_key_ends_the_use_of_idle_budget() -> None:
    """After a 429 a lone watcher is polled at the interval it wishes for, for ten minutes."""
    api = Payments({"cmh1": 3_000.0})
    refused = [True]

    async def answer(request: httpx.Request) -> httpx.Response:
        if asyncio.get_running_loop().time() > 100 and refused:
            refused.clear()
            return httpx.Response(429, headers={"Retry-After": "1"})
        return await api(request)

    async def main() -> None:
        async with virtual_client(answer) as client:
            watching = asyncio.create_task(client.payments.wait("cmh1"))
            await asyncio.sleep(1_300)
            watching.cancel()
            await asyncio.gather(watching, return_exceptions=True)

    run(main())
    before = [at for at in api.all if at < 100]
    after = [at for at in api.all if 150 < at < 650]
    later = [at for at in api.all if 800 < at < 1_300]
    assert len(before) > 40
    assert len(after) < 40
    assert len(later) > 2 * len(after)


def test_where_webhooks_arrive_polling_is_the_safety_net() -> None:
    """A crowd is polled a tenth as often while events are fed, and as before ten minutes after the last one."""
    names = [f"cmh{number}" for number in range(100)]
    api = Payments(dict.fromkeys([*names, "other"], 80_000.0))
    event = PaymentCompletedEvent(payment_id="other", amount=Decimal(5))

    async def main() -> tuple[int, int, int]:
        async with virtual_client(api) as client:
            crowd = asyncio.create_task(watch_all(client, names))

            async def polls(seconds: float) -> int:
                before = len(api.all)
                await asyncio.sleep(seconds)
                return len(api.all) - before

            await asyncio.sleep(300)
            usual = await polls(300)
            client.feed(event)
            await asyncio.sleep(200)
            fed = await polls(300)
            await asyncio.sleep(700)
            later = await polls(300)
            crowd.cancel()
            await asyncio.gather(crowd, return_exceptions=True)
            return usual, fed, later

    usual, fed, later = run(main())
    assert fed < usual / 3
    assert later > 2 * fed


def test_reconciling_shares_the_budget_of_the_watchers() -> None:
    """Beside watchers, a thousand payments are asked for one after the other, within the share."""
    watched = {f"watched-{number}": 7200.0 for number in range(20)}
    api = Payments({**watched, **{f"order-{number}": 86_400.0 for number in range(1_000)}})

    async def story() -> int:
        async with virtual_client(api) as client:
            tasks = [asyncio.create_task(client.payments.wait(name)) for name in watched]
            await asyncio.sleep(120)
            found = client.payments.reconcile([name for name in api.polls if name.startswith("order")])
            count = len([each async for each in found])
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            return count

    assert run(story()) == 1_000
    assert api.most_in_a_window() <= SHARE * 300
    orders = [times[0] for name, times in api.polls.items() if name.startswith("order")]
    # The watchers poll faster while budget is idle, up to half of the limit.
    assert max(orders) - min(orders) < 1_000 / (0.25 * 300) * 60


def test_reconciling_asks_by_itself() -> None:
    """A watcher that waits for its next turn may have seen the payment half an hour ago: its answer is not taken."""
    api = Payments({"order": 86_400.0})

    async def story() -> None:
        async with virtual_client(api) as client:
            watching = asyncio.create_task(client.payments.wait("order"))
            await asyncio.sleep(1)
            assert len(api.all) == 1
            assert [each.payment_id async for each in client.payments.reconcile(["order"])] == ["order"]
            assert len(api.all) == 2
            watching.cancel()

    run(story())


def test_reconciling_goes_on_after_a_cancelled_step() -> None:
    """The payment that was asked for meanwhile is asked for again, and none is left out."""
    api = Payments({"one": 86_400.0, "two": 86_400.0})

    async def story() -> list[str]:
        async with virtual_client(api) as client:
            found = client.payments.reconcile(["one", "two"])
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(0.05):
                    await anext(found)
            return [each.payment_id async for each in found]

    assert run(story()) == ["one", "two"]


def test_a_poll_waits_for_its_token_whatever_a_direct_call_may_wait() -> None:
    """``max_wait`` is for callers that wait for an answer."""
    api = Payments({"order": 86_400.0})
    limits = RateLimits(status_checks=5)

    async def story() -> None:
        async with virtual_client(api, rate_limits=limits, max_wait=0.0, max_retries=0) as client:
            for _ in range(5):
                await client.payments.status("order")
            with pytest.raises(RateLimitTimeoutError):
                await client.payments.status("order")
            found = client.payments.reconcile(["order"])
            assert [each.payment_id async for each in found] == ["order"]
            assert found.failed == {}

    run(story())
