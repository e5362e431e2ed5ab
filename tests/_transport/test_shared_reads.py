"""Identical reads of concurrent callers: how many are sent, which answer each gets, and that none can harm another."""

from __future__ import annotations

import asyncio
import json
import random
import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import (
    APITimeoutError,
    AsyncInventPay,
    BadRequestError,
    Balance,
    InvalidArgumentError,
    InventPay,
    LocalLimiter,
    RateClass,
    RateLimits,
    ServerError,
)
from inventpay._concurrency import forking
from inventpay._transport.coalescing import REMEMBERED, InFlightRead
from inventpay._watching.schedule import Schedule
from tests.support.clients import new_key
from tests.support.raw_server import Exchange, RawServer
from tests.support.virtual_api import VirtualAPI, virtual_client
from tests.support.virtual_time import run


def test_a_thousand_reads_send_two_requests() -> None:
    """The first caller's request is under way when the others ask, so they share the next one: two round trips."""

    async def main() -> tuple[int, float, set[int]]:
        api = VirtualAPI()
        async with virtual_client(api) as client:
            answers = await asyncio.gather(*(client.balances.get("BTC") for _ in range(1_000)))
            return len(api.arrivals), asyncio.get_running_loop().time(), {int(a.available_balance) for a in answers}

    requests, seconds, seen = run(main())
    assert requests == 2
    assert seconds == pytest.approx(0.2)
    assert seen == {1, 2}


def test_every_caller_gets_its_own_object() -> None:
    """A change of one caller to its answer's raw part is not seen by the others."""

    async def main() -> list[Balance]:
        async with virtual_client(VirtualAPI()) as client:
            return await asyncio.gather(*(client.balances.get("BTC") for _ in range(3)))

    answers = run(main())
    assert answers[1] == answers[2]
    assert answers[1] is not answers[2]
    assert answers[1].raw is not answers[2].raw


@given(st.randoms(use_true_random=False), st.integers(2, 40))
def test_no_answer_is_older_than_its_question(chance: random.Random, callers: int) -> None:
    """With random arrival, latency and cancellation, each caller is served by a request that arrived later."""

    async def ask(client, api: VirtualAPI) -> None:  # type: ignore[no-untyped-def]
        await asyncio.sleep(chance.uniform(0, 3))
        asked = asyncio.get_running_loop().time()
        before = len(api.arrivals)
        balance = await client.balances.get("BTC")
        number = int(balance.available_balance)
        assert number > before
        assert api.arrivals[number - 1] >= asked

    async def main() -> None:
        api = VirtualAPI(lambda: chance.choice([0.01, 0.2, 0.9, 2.5]))
        async with virtual_client(api) as client:
            tasks = [asyncio.create_task(ask(client, api)) for _ in range(callers)]
            for task in chance.sample(tasks, callers // 4):
                asyncio.get_running_loop().call_later(chance.uniform(0, 4), task.cancel)
            for outcome in await asyncio.gather(*tasks, return_exceptions=True):
                assert outcome is None or isinstance(outcome, asyncio.CancelledError), outcome
            assert client._transport._reads is not None
            assert not client._transport._reads._in_flight_reads

    run(main())


@pytest.mark.parametrize("moment", [0.0, 0.05, 0.1, 0.15, 0.2])
@pytest.mark.parametrize("victim", [0, 1])
@pytest.mark.parametrize("callers", [100, pytest.param(1_000, marks=pytest.mark.soak)])
def test_a_cancelled_leader_does_not_affect_other_callers(callers: int, victim: int, moment: float) -> None:
    """Whenever the caller whose request is under way is cancelled, all others get their answer."""

    async def main() -> int:
        async with virtual_client(VirtualAPI()) as client:
            tasks = [asyncio.create_task(client.balances.get("BTC")) for _ in range(callers)]
            asyncio.get_running_loop().call_later(moment, tasks[victim].cancel)
            outcomes = await asyncio.gather(*tasks, return_exceptions=True)
            return sum(isinstance(outcome, Balance) for outcome in outcomes)

    assert run(main()) >= callers - 1


def test_a_failing_leader_does_not_affect_other_callers() -> None:
    """A server error is the sender's own: those who waited for its answer ask for themselves."""

    async def main() -> list[object]:
        api = VirtualAPI()
        api.statuses = [200, 503]
        async with virtual_client(api, max_retries=0) as client:
            return await asyncio.gather(*(client.balances.get("BTC") for _ in range(20)), return_exceptions=True)

    outcomes = run(main())
    assert [type(outcome) for outcome in outcomes].count(ServerError) == 1
    assert sum(isinstance(outcome, Balance) for outcome in outcomes) == 19


def test_a_refusal_is_shared_as_errors_of_ones_own() -> None:
    """Callers of the same read get the same refusal; each caller gets its own error to annotate and raise."""

    async def main() -> tuple[list[object], int]:
        api = VirtualAPI()
        api.statuses = [400] * 50
        async with virtual_client(api) as client:
            asked = (client.balances.get("BTC") for _ in range(20))
            return await asyncio.gather(*asked, return_exceptions=True), len(api.arrivals)

    outcomes, requests = run(main())
    assert requests == 2
    assert all(isinstance(outcome, BadRequestError) for outcome in outcomes)
    assert len(set(map(id, outcomes))) == 20


def test_a_hanging_leader_delays_callers_by_a_second_at_most() -> None:
    """After a second in flight the next request is sent all the same, and so on."""

    async def main() -> list[float]:
        latencies = [50.0, 0.1]
        api = VirtualAPI(lambda: latencies.pop(0))
        async with virtual_client(api, attempt_timeout=60, timeout=60) as client:
            first = asyncio.create_task(client.balances.get("BTC"))
            await asyncio.sleep(0.25)
            await client.balances.get("BTC")
            served = asyncio.get_running_loop().time()
            await first
            return [*api.arrivals, served]

    assert run(main()) == pytest.approx([0.0, 1.0, 1.1])


def test_the_bound_of_a_call_holds_although_it_shared() -> None:
    """Where everything hangs, a caller's timeout counts from the first request that could have served it."""

    async def main() -> list[float]:
        ended: list[float] = []
        api = VirtualAPI(lambda: 1e6)
        async with virtual_client(api, timeout=4, attempt_timeout=None) as client:

            async def ask() -> None:
                with pytest.raises(APITimeoutError):
                    await client.balances.get("BTC")
                ended.append(asyncio.get_running_loop().time())

            await asyncio.gather(*(ask() for _ in range(5)))
        return ended

    assert max(run(main())) <= 10.0


def test_sharing_can_be_switched_off() -> None:
    """With `coalesce=False` every call is sent."""

    async def main() -> int:
        api = VirtualAPI()
        async with virtual_client(api, coalesce=False) as client:
            await asyncio.gather(*(client.balances.get("BTC") for _ in range(7)))
        return len(api.arrivals)

    assert run(main()) == 7


def test_different_questions_are_not_shared() -> None:
    """Another coin, other headers or another timeout make another question."""

    async def main() -> int:
        api = VirtualAPI()
        async with virtual_client(api) as client:
            await asyncio.gather(
                client.balances.get("BTC"),
                client.balances.get("ETH"),
                client.with_options(headers={"X-Tenant": "7"}).balances.get("BTC"),
                client.with_options(timeout=5).balances.get("BTC"),
            )
        return len(api.arrivals)

    assert run(main()) == 4


def test_a_recent_answer_will_do() -> None:
    """`max_age` accepts an answer of up to that age, and none that is older."""

    async def main() -> list[int]:
        async with virtual_client(VirtualAPI()) as client:
            seen = [await client.balances.get("BTC", max_age=60)]
            await asyncio.sleep(4.8)
            seen.append(await client.balances.get("BTC", max_age=5))
            await asyncio.sleep(0.2)
            seen.append(await client.balances.get("BTC", max_age=4.99))
            seen.append(await client.balances.get("BTC"))
            for age in (-1, True, "soon"):
                with pytest.raises(InvalidArgumentError, match="max_age"):
                    await client.balances.get("BTC", max_age=age)  # type: ignore[arg-type]
        return [int(balance.available_balance) for balance in seen]

    assert run(main()) == [1, 1, 2, 3]


def test_remembered_answers_are_bounded() -> None:
    """However many coins are asked for, only the latest answers are kept."""

    async def main() -> int:
        limits = RateLimits(other=1_000)
        async with virtual_client(VirtualAPI(), rate_limits=limits) as client:
            for number in range(REMEMBERED + 10):
                await client.balances.get(f"COIN_{number}")
            assert client._transport._reads is not None
            return len(client._transport._reads._answers)

    assert run(main()) == REMEMBERED


def test_threads_share_too() -> None:
    """Eight threads that ask at once while a request is under way are served by the next one."""
    release = threading.Event()
    money = {"availableBalance": 1, "totalEarned": 1, "totalWithdrawn": 0}
    body = json.dumps({"success": True, "data": {"currency": "BTC", "balance": money}}).encode()

    def answers_on_request(exchange: Exchange) -> None:
        release.wait(10)
        exchange.say(200, body)

    with (
        RawServer(answers_on_request) as server,
        InventPay(new_key(), base_url=server.url, limiter=LocalLimiter()) as client,
    ):
        threads = [threading.Thread(target=client.balances.get, args=("BTC",)) for _ in range(8)]
        for thread in threads:
            thread.start()
        reads = client._transport._reads
        assert reads is not None
        while not any(len(read._waiting) == 7 for read in list(reads._in_flight_reads.values())):
            pass
        release.set()
        for thread in threads:
            thread.join(10)
        assert len(server.lines) == 2
        assert not reads._in_flight_reads


def test_a_forked_child_does_not_wait_for_callers_of_the_parent() -> None:
    """Calls under way at the fork are answered, and watches polled, in the parent; a child starts with none."""
    for client in (InventPay(new_key()), AsyncInventPay(new_key())):
        reads, polling = client._transport._reads, client._polling
        assert reads is not None
        reads._in_flight_reads[(None, "a read of the parent")] = InFlightRead()
        polling._schedules[(None, RateClass.OTHER)] = Schedule(60, 60.0)
        locks = reads._lock, polling._lock
        reads.after_fork_in_child()
        polling.after_fork_in_child()
        assert not reads._in_flight_reads
        assert not polling._schedules
        assert reads._lock is not locks[0]
        assert polling._lock is not locks[1]


def test_every_object_with_a_lock_handles_a_fork() -> None:
    """The list of what has to forget its parent holds whatever a client is made of, and what is dropped leaves it."""
    client = InventPay(new_key(), limiter=LocalLimiter())
    for part in (client._connection, client._polling, client._transport._reads, client._transport._budget):
        assert part in forking._fork_aware
    forking._in_child()
    assert client.rate_limits[RateClass.OTHER].available == 60
