"""The shared limit's promises, in virtual time at real scale: several processes and the real script."""

from __future__ import annotations

import random
from typing import Any

import pytest
import redis

from inventpay import RateLimits
from tests.simulator.servers import FixedWindow, RefillingBucket, Server, SlidingCounter, SlidingLog
from tests.support.redis_servers import RedisServer
from tests.support.shared_limit_simulation import Outage, Simulation

WINDOW = RateLimits().window


def seeds(few: int, many: int) -> list[Any]:
    """Return the seeds from 0: the first few always, the rest with ``pytest -m soak tests/redis``."""
    return [*range(few), *(pytest.param(seed, marks=pytest.mark.soak) for seed in range(few, many))]


def servers_of(counting: str, limit: int) -> list[Server]:
    """Every policy that the counting promises to satisfy; those with windows at three phases."""
    phases = (0.0, WINDOW / 3, WINDOW / 1.7)
    found: list[Server] = [SlidingLog(limit, WINDOW), RefillingBucket(limit, WINDOW)]
    found += [FixedWindow(limit, WINDOW, phase=phase) for phase in phases]
    if counting == "unknown":
        found += [SlidingCounter(limit, WINDOW, phase=phase) for phase in phases]
    return found


@pytest.mark.parametrize("counting", ["window", "unknown"])
@pytest.mark.parametrize("limit", [10, 100])
def test_a_flood_is_never_refused_and_uses_the_limit(
    redis_only: RedisServer, prefix: str, counting: str, limit: int
) -> None:
    """Four processes, six windows: no policy refuses a call, 98 % of the limit are used, and no process starves."""
    with redis_only.client() as client:
        simulation = Simulation(
            client,
            prefix,
            processes=4,
            limit=limit,
            window=WINDOW,
            counting=counting,
            servers=servers_of(counting, limit),
        )
        calls = 6 * limit
        for number in range(calls):
            simulation.call(number % 4, 0.0)
        simulation.run()
    assert set(simulation.refused.values()) == {0}
    assert len(simulation.arrivals) == calls
    times = [at for at, _ in simulation.arrivals]
    # After the second limit, which only makes up for the burst of the first.
    assert 3 * WINDOW / (times[-1] - times[-1 - 3 * limit]) >= 0.98
    half = [process for _, process in simulation.arrivals[: calls // 2]]
    counts = [half.count(process) for process in range(4)]
    assert min(counts) / max(counts) >= 0.5
    # With ten tokens a minute four processes find each other ahead of them more often than not.
    assert simulation.exchanges <= (1.6 if limit == 100 else 6) * calls


@pytest.mark.parametrize("counting", ["window", "unknown"])
@pytest.mark.parametrize("seed", seeds(2, 10))
def test_no_traffic_is_refused(redis_only: RedisServer, prefix: str, counting: str, seed: int) -> None:
    """Bursts, trickles, idle times and cancelled callers, in processes with different loads: none is refused."""
    chance = random.Random(seed)
    limit = 20
    with redis_only.client() as client:
        simulation = Simulation(
            client,
            prefix,
            processes=3,
            limit=limit,
            window=WINDOW,
            counting=counting,
            servers=servers_of(counting, limit),
            seed=seed,
            latency=(0.005, 3.0),
        )
        moment = 0.0
        while moment < 8 * WINDOW:
            moment += chance.choice([0.0, 0.0, 0.0, 1.0, chance.uniform(0, WINDOW / 2)])
            call = simulation.call(chance.choice([0, 0, 0, 1, 1, 2]), moment)
            if chance.random() < 0.2:
                simulation.cancel(call, moment + chance.uniform(0, WINDOW / 2))
            if len(simulation.calls) > 8 * limit:
                break
        simulation.run()
    assert set(simulation.refused.values()) == {0}
    # All calls that were not cancelled were sent.
    assert all(call.sent is not None or call.is_cancelled for call in simulation.calls)


def in_trouble(
    client: redis.Redis, prefix: str, counting: str, trouble: str, seed: int, begins: float = 0.0
) -> Simulation:
    """A flood of four processes, the last of which begins at ``begins``; after some time something happens to Redis."""
    limit = 40
    simulation = Simulation(
        client,
        prefix,
        processes=4,
        limit=limit,
        window=WINDOW,
        counting=counting,
        servers=servers_of(counting, limit),
        seed=seed,
    )
    at = random.Random(seed).uniform(0.9 * WINDOW, 1.9 * WINDOW)
    if trouble == "hangs":
        simulation.outages.append(Outage(at, at + 5.0, hangs=True))
    elif trouble != "flushed":
        simulation.outages.append(Outage(at, at + 2.0))
    if trouble in ("restarted", "flushed"):
        simulation.lose_everything(at)
    for number in range(160):
        simulation.call(number % 4, 0.0 if number % 4 < 3 else begins and at + begins)
    simulation.run()
    return simulation


@pytest.mark.parametrize("counting", ["window", "unknown"])
@pytest.mark.parametrize("trouble", ["restarted", "unreachable", "hangs", "flushed"])
@pytest.mark.parametrize("seed", seeds(1, 5))
def test_failures_of_redis_cause_no_429(
    redis_only: RedisServer, prefix: str, counting: str, trouble: str, seed: int
) -> None:
    """Whenever it comes: each goes on alone, all return together, and every call is sent."""
    with redis_only.client() as client:
        simulation = in_trouble(client, prefix, counting, trouble, seed)
    assert max(simulation.refused.values()) <= 1
    assert all(call.sent is not None for call in simulation.calls)
    # Four windows, for a counter five, and what a window or two of recovery cost.
    assert simulation.now < (6 if counting == "window" else 8) * WINDOW


@pytest.mark.parametrize("trouble", ["restarted", "unreachable"])
def test_who_comes_to_a_redis_that_is_just_back(redis_only: RedisServer, prefix: str, trouble: str) -> None:
    """A new process that asks before those who were away get only a few tokens: the others may have used all."""
    with redis_only.client() as client:
        simulation = in_trouble(client, prefix, "unknown", trouble, 1, begins=2.001)
    assert max(simulation.refused.values()) <= 5
    assert all(call.sent is not None for call in simulation.calls)


@pytest.mark.parametrize("starts", [0.0, 0.3], ids=["together", "one by one"])
@pytest.mark.parametrize("seed", seeds(2, 10))
def test_a_restart_soon_after_all_began(redis_only: RedisServer, prefix: str, starts: float, seed: int) -> None:
    """By then each knows how many they are, and what was granted for later is not used twice."""
    limit, window = 100, 3.0
    servers = [SlidingLog(limit, window)]
    with redis_only.client() as client:
        simulation = Simulation(
            client,
            prefix,
            processes=4,
            limit=limit,
            window=window,
            counting="window",
            servers=servers,
            seed=seed,
            latency=(0.002, 0.03),
        )
        at = random.Random(seed).uniform(1.6, 3.5)
        simulation.outages.append(Outage(at, at + 2.0))
        simulation.lose_everything(at)
        for number in range(500):
            simulation.call(number % 4, starts * (number % 4))
        simulation.run()
    assert simulation.refused == {servers[0]: 0}
    assert all(call.sent is not None for call in simulation.calls)


@pytest.mark.parametrize("counting", ["window", "unknown"])
@pytest.mark.parametrize("seed", seeds(2, 10))
def test_a_process_that_starts_in_an_outage_takes_a_small_share(
    redis_only: RedisServer, prefix: str, counting: str, seed: int
) -> None:
    """A process that has never reached Redis sends at most an eighth of the limit beside three that share it.

    The three may have used the whole limit. The newcomer assumes that it is one of eight.
    """
    limit, at = 40, random.Random(seed).uniform(0.5 * WINDOW, 0.9 * WINDOW)
    with redis_only.client() as client:
        simulation = Simulation(
            client,
            prefix,
            processes=4,
            limit=limit,
            window=WINDOW,
            counting=counting,
            servers=servers_of(counting, limit),
            seed=seed,
        )
        simulation.outages.append(Outage(at, at + 0.4 * WINDOW))
        for number in range(60):
            simulation.call(number % 3, 0.0)
        for _ in range(60):
            simulation.call(3, at + 1.0)
        simulation.run()
    first_window = [who for moment, who in simulation.arrivals if moment < WINDOW]
    assert 0 < first_window.count(3) <= limit / 8
    # The three use all of the limit: the newcomer's share, once in each of two windows, is the most that is too many.
    assert max(simulation.refused.values()) <= limit / 4
    assert all(call.sent is not None for call in simulation.calls)
