"""Simulated clients and servers: no server refuses a call. Longer runs: `python -m tests.simulator`."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._limits.token_bucket import Counting, TokenBucket
from tests.simulator import (
    FixedWindow,
    Network,
    RefillingBucket,
    Report,
    Server,
    SlidingCounter,
    SlidingLog,
    flood,
    mixed,
    simulate,
)
from tests.simulator.driver import Feedback
from tests.simulator.scenarios import (
    LIMITS,
    POLICIES,
    WINDOW,
    flood_run,
    judge,
    judges,
    mixed_run,
    server_of,
    shared_run,
)

COUNTINGS: tuple[Counting, ...] = ("unknown", "window")
NEVER_REFUSED = {"unknown": POLICIES, "window": ("fixed", "log", "bucket")}


def assert_never_refused(counting: Counting, refusals: dict[str, int]) -> None:
    assert {policy: refusals[policy] for policy in NEVER_REFUSED[counting]} == dict.fromkeys(NEVER_REFUSED[counting], 0)


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_flood_is_never_refused_and_uses_the_limit(counting: Counting, limit: int) -> None:
    """16 phases, clocks 500 ppm off either way: no refusal, and at least 99 % of the permitted rate."""
    report, refusals = judge(
        flood_run(TokenBucket(limit, counting=counting), 4 * limit + 1, seed=1, giving_up=False), judges(limit)
    )
    assert_never_refused(counting, refusals)
    assert report.use(limit, WINDOW) >= 0.99


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("counting", COUNTINGS)
def test_a_flood_of_people_who_give_up_is_never_refused(counting: Counting, limit: int) -> None:
    """With every fifth call refunded and every tenth lost: no refusal, and at least 94 % of the permitted rate."""
    calls = max(5 * limit, 300)
    report, refusals = judge(
        flood_run(TokenBucket(limit, counting=counting), calls, seed=2, giving_up=True), judges(limit)
    )
    assert_never_refused(counting, refusals)
    assert report.use(limit, WINDOW) >= 0.94


@pytest.mark.parametrize("limit", LIMITS)
@pytest.mark.parametrize("counting", COUNTINGS)
def test_bursts_and_trickles_with_late_answers_are_never_refused(counting: Counting, limit: int) -> None:
    """With idle times, bursts, trickles, slow answers and a quarter of cancelled calls: no refusal."""
    calls = max(5 * limit, 300)
    _, refusals = judge(mixed_run(TokenBucket(limit, counting=counting), calls, seed=3), judges(limit))
    assert_never_refused(counting, refusals)


def test_bursts_every_window_are_refused_by_a_sliding_counter() -> None:
    """Counting "window" is refused by a sliding counter, so it is not the default; the simulator detects refusals."""
    _, refusals = judge(flood_run(TokenBucket(60, counting="window"), 180, seed=4, giving_up=False), judges(60))
    assert refusals["counter"] > 100


@pytest.mark.parametrize("policy", POLICIES)
def test_a_limit_that_is_one_too_high_is_refused(policy: str) -> None:
    """Every simulated policy refuses one call more than its limit."""
    _, refusals = judge(flood_run(TokenBucket(11), 50, seed=5, giving_up=False), judges(10))
    assert refusals[policy] > 0


def test_without_margin_a_slow_clock_is_refused() -> None:
    """Without the margin, a server whose clock is 500 ppm slow refuses calls."""
    refusals: list[int] = []
    for bucket in (TokenBucket(10, counting="window", margin=0.0), TokenBucket(10, counting="window")):
        server = SlidingLog(10, WINDOW, skew_ppm=-500.0)
        report = simulate(bucket, [server], flood(50), seed=6, network=Network(shortest=0.001, longest=0.002))
        refusals.append(report.refusals[0])
    assert refusals[0] > 0
    assert refusals[1] == 0


def test_small_bursts_are_respected() -> None:
    """With `max_burst`, a server that refills at the same rate but holds a tenth of the limit refuses no call."""
    refusals: list[int] = []
    for max_burst in (None, 10):
        servers = [RefillingBucket(100, WINDOW, burst=10), *judges(100)["counter"]]
        times = mixed(600, limit=100, window=WINDOW, rng=random.Random(7))
        report = simulate(TokenBucket(100, max_burst=max_burst), servers, times, seed=7)
        assert sum(report.refusals[1:]) == 0
        refusals.append(report.refusals[0])
    assert refusals[0] > 100
    assert refusals[1] == 0


def test_the_same_seed_gives_the_same_run() -> None:
    """A failing run can be repeated."""

    def run(seed: int) -> Report:
        return shared_run("fixed", 20, rounds=3, seed=seed, feedback="headers")

    assert run(8) == run(8)
    assert run(8) != run(9)


# --- another client with the same key ---


@pytest.mark.parametrize("feedback", ["status", "retry_after", "headers"])
@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("limit", [60, pytest.param(100, marks=pytest.mark.soak)])
def test_a_shared_key_is_shared(limit: int, policy: str, feedback: Feedback) -> None:
    """Another client takes 30 % at random: at most 3 % of our calls are refused, and 90 % of the rest is used."""
    report = shared_run(policy, limit, rounds=30, seed=3, feedback=feedback)
    assert 0 < report.refusals[0] <= 0.03 * report.requests
    assert report.share_of_the_rest(limit, WINDOW) >= 0.9


@pytest.mark.parametrize("policy", POLICIES)
def test_a_small_shared_key_is_shared_about_as_well_as_it_can_be(policy: str) -> None:
    """With a limit of ten, no constant share is refused as rarely and uses as much as the feedback does."""
    report = shared_run(policy, 10, rounds=150, seed=3, feedback="status")
    assert 0 < report.refusals[0] <= 0.05 * report.requests
    assert report.share_of_the_rest(10, WINDOW) >= 0.75


def test_without_backing_off_a_shared_key_is_refused_often() -> None:
    """A client that only retries is refused many times as often as one that lowers its limit."""
    naive = simulate(TokenBucket(100), [SlidingLog(100, WINDOW)], flood(1_000), seed=10, stranger=0.3)
    assert naive.refusals[0] > 0.1 * naive.requests


@pytest.mark.parametrize(
    ("counting", "policy"), [(counting, policy) for counting in COUNTINGS for policy in NEVER_REFUSED[counting]]
)
def test_headers_cost_nothing_for_a_single_client(counting: Counting, policy: str) -> None:
    """Our own requests, in flight or answered late, are not mistaken for those of another client."""
    times = mixed(500, limit=60, window=WINDOW, rng=random.Random(11))
    sent: list[list[float]] = []
    for feedback in ("none", "headers"):
        report = simulate(
            TokenBucket(60, counting=counting),
            [server_of(policy, 60)],
            times,
            seed=11,
            network=Network(tail=0.03),
            feedback=feedback,
        )
        assert report.refusals == [0]
        sent.append(report.sent)
    assert len(sent[0]) == len(sent[1])
    late = [second - first for first, second in zip(*sent, strict=True)]
    assert sum(late) / len(late) < 0.05


# --- the servers themselves ---

SERVERS: dict[str, Callable[[int], Server]] = {
    "fixed": lambda limit: FixedWindow(limit, WINDOW, phase=7.0),
    "log": lambda limit: SlidingLog(limit, WINDOW),
    "counter": lambda limit: SlidingCounter(limit, WINDOW, phase=7.0),
    "bucket": lambda limit: RefillingBucket(limit, WINDOW),
    "small bucket": lambda limit: RefillingBucket(limit, WINDOW, burst=max(1, limit // 2)),
}


@pytest.mark.parametrize("name", SERVERS)
@given(limit=st.integers(1, 8), gaps=st.lists(st.floats(0.0, 80.0), min_size=5, max_size=40))
def test_the_headers_of_the_servers_are_true(name: str, limit: int, gaps: list[float]) -> None:
    """The servers accept exactly `remaining` calls, and after a refusal the next one at `retry_after`."""
    server = SERVERS[name](limit)
    for now in itertools.accumulate(gaps):
        remaining = server.remaining(now)
        assert (server.retry_after(now) == 0.0) is (remaining > 0)
        assert server.accept(now) is (remaining > 0)
        assert server.remaining(now) == max(0, remaining - 1)


@pytest.mark.parametrize("name", SERVERS)
def test_a_refused_client_that_waits_for_retry_after_is_accepted(name: str) -> None:
    """A refused client is accepted at the named time, and not earlier."""
    for moment, tried in ((-1e-6, False), (1e-6, True)):
        server = SERVERS[name](4)
        now = 10.0
        while server.accept(now):
            now += 0.5
        assert server.accept(now + server.retry_after(now) + moment) is tried


def test_servers_refuse_by_their_policy() -> None:
    """Each policy accepts its own number of calls in bursts at the end of a window and the start of the next."""
    let_in = {
        name: [sum(server.accept(at) for _ in range(10)) for at in (66.0, 68.0, 97.0, 127.5)]
        for name, make in SERVERS.items()
        for server in [make(8)]
    }
    assert let_in == {
        "fixed": [8, 8, 0, 8],
        "log": [8, 0, 0, 8],
        "counter": [8, 1, 3, 5],
        "bucket": [8, 0, 4, 4],
        "small bucket": [4, 0, 4, 4],
    }
