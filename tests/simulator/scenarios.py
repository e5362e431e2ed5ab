"""Loads of the real limiter: 60-second windows of any phase, floods and trickles, callers that give up, shared keys."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

from inventpay._limits.token_bucket import TokenBucket

from .driver import Cancellations, Feedback, Network, Report, simulate
from .servers import FixedWindow, RefillingBucket, Server, SlidingCounter, SlidingLog
from .traffic import flood, mixed

WINDOW = 60.0
LIMITS: tuple[int, ...] = (10, 60, 100, 300)
POLICIES: tuple[str, ...] = ("fixed", "log", "counter", "bucket")
PHASES = 16
CLOCKS = (0.0, 500.0, -500.0)  # ppm


def judges(limit: int, *, phases: int = PHASES, clocks: Sequence[float] = CLOCKS) -> dict[str, list[Server]]:
    """Servers by policy: one for every clock, and for policies with windows one for every phase."""
    begins = [WINDOW * phase / phases for phase in range(phases)]
    return {
        "fixed": [FixedWindow(limit, WINDOW, phase=begin, skew_ppm=ppm) for begin in begins for ppm in clocks],
        "log": [SlidingLog(limit, WINDOW, skew_ppm=ppm) for ppm in clocks],
        "counter": [SlidingCounter(limit, WINDOW, phase=begin, skew_ppm=ppm) for begin in begins for ppm in clocks],
        "bucket": [RefillingBucket(limit, WINDOW, skew_ppm=ppm) for ppm in clocks],
    }


def judge(run: Callable[[Sequence[Server]], Report], servers: dict[str, list[Server]]) -> tuple[Report, dict[str, int]]:
    """A run before all these servers at once, and how many refusals each policy would have given."""
    report = run([server for some in servers.values() for server in some])
    counts = iter(report.refusals)
    return report, {policy: sum(next(counts) for _ in some) for policy, some in servers.items()}


def flood_run(bucket: TokenBucket, calls: int, *, seed: int, giving_up: bool) -> Callable[[Sequence[Server]], Report]:
    """All at once; mean answer in 0.255 s. Perhaps 30 % give up, a third of them in mid-air."""
    cancellations = Cancellations(before_writing=0.2, after_writing=0.1) if giving_up else None
    return lambda servers: simulate(bucket, servers, flood(calls), seed=seed, cancellations=cancellations)


def mixed_run(bucket: TokenBucket, calls: int, *, seed: int) -> Callable[[Sequence[Server]], Report]:
    """Bursts, trickles and silences; a heavy tail of answers; every fourth gives up, most of them in mid-air."""
    times = mixed(calls, limit=bucket.limit, window=WINDOW, rng=random.Random(seed))
    return lambda servers: simulate(
        bucket,
        servers,
        times,
        seed=seed,
        network=Network(tail=0.03, tail_mean=2.0),
        cancellations=Cancellations(before_writing=0.1, after_writing=0.15),
    )


def server_of(policy: str, limit: int) -> Server:
    """The server that answers when there is only one."""
    return judges(limit, phases=1, clocks=(0.0,))[policy][0]


def shared_run(policy: str, limit: int, *, rounds: int, seed: int, feedback: Feedback) -> Report:
    """A flood that lasts for some windows while another program takes 30 % of the limit at random."""
    calls = flood(int(0.7 * rounds * limit))
    server = server_of(policy, limit)
    return simulate(TokenBucket(limit, WINDOW), [server], calls, seed=seed, stranger=0.3, feedback=feedback)
