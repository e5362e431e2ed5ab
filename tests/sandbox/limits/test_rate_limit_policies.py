"""The four policies: the calls that each accepts, its remaining count, and its answers over HTTP."""

from __future__ import annotations

import copy
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._core.rate_limit_headers import read
from inventpay.sandbox import (
    FixedWindow,
    ManualClock,
    RateClass,
    RateLimitHeaders,
    RateLimitPolicy,
    Sandbox,
    SlidingLog,
    SlidingWindowCounter,
    TokenBucket,
    Unlimited,
)
from inventpay.sandbox.limits.rate_limits import COUNTING_POLICIES, policy_named
from tests.sandbox.conftest import Api

OTHER = RateClass.OTHER
POLICIES = [SlidingLog, FixedWindow, SlidingWindowCounter, TokenBucket]


def passes(policy: RateLimitPolicy, *times: float) -> list[bool]:
    verdicts = [policy.take("merchant", OTHER, time) for time in times]
    return [verdict is not None and verdict.allowed for verdict in verdicts]


def test_a_fixed_window_lets_twice_the_limit_through_round_its_edge() -> None:
    """All is free again at the full minute, however late the calls before it came."""
    policy = FixedWindow({"other": 2}, window=60.0)
    assert passes(policy, 119.0, 119.5, 119.9, 120.0, 120.1, 120.2) == [True, True, False, True, True, False]
    verdict = policy.take("merchant", OTHER, 130.0)
    assert (verdict.reset_at, verdict.retry_after, verdict.remaining) == (180.0, 50.0, 0)


def test_a_sliding_window_counter_weighs_the_window_before() -> None:
    """Just before a quarter of the window 3.01 of the 4 calls before count: with a limit of 5, two more pass."""
    policy = SlidingWindowCounter({"other": 5}, window=60.0)
    assert passes(policy, *[30.0] * 4) == [True] * 4
    assert passes(policy, 74.9, 74.9, 74.9) == [True, True, False]
    verdict = policy.take("merchant", OTHER, 74.9)
    assert verdict.reset_at == pytest.approx(75.0)
    assert passes(policy, verdict.reset_at) == [True]
    assert policy.take("merchant", OTHER, 75.2).reset_at == pytest.approx(90.0)


def test_a_token_bucket_refills_evenly() -> None:
    """Six a minute is one every ten seconds once the bucket is empty."""
    policy = TokenBucket({"other": 6}, window=60.0)
    assert passes(policy, *[0.0] * 7) == [True] * 6 + [False]
    assert passes(policy, 9.9, 10.0, 10.1, 20.0) == [False, True, False, True]
    verdict = policy.take("merchant", OTHER, 24.0)
    assert (verdict.allowed, verdict.remaining, verdict.reset_at) == (False, 0, pytest.approx(30.0))
    assert passes(policy, *[1_000.0] * 7) == [True] * 6 + [False]


steps = st.lists(st.tuples(st.sampled_from([0.0, 0.1, 0.5, 1.0, 3.0, 9.9, 10.0, 25.0]), st.integers(1, 3)), max_size=40)


@pytest.mark.parametrize("kind", POLICIES)
@given(limit=st.integers(1, 5), steps=steps)
def test_verdicts_keep_their_word(kind: Any, limit: int, steps: list[tuple[float, int]]) -> None:
    """The remaining calls pass, a refused call passes at the named time, and two windows have at most three limits."""
    policy = kind({"other": limit}, window=10.0)
    now, passed = 1_000.0, []
    for gap, calls in steps:
        now += gap
        for _ in range(calls):
            standing = policy.standing(OTHER, now)
            verdict = policy.take("merchant", OTHER, now)
            assert verdict.allowed == standing.allowed == (standing.remaining > 0)
            if verdict.allowed:
                passed.append(now)
                assert verdict.remaining == standing.remaining - 1
            else:
                assert verdict.retry_after == pytest.approx(verdict.reset_at - now)
                later = copy.deepcopy(policy._counters["merchant", OTHER])
                assert later.left(now + verdict.retry_after + 1e-6)[0] > 0
                assert verdict.remaining == 0
        assert 0 <= policy.standing(OTHER, now).remaining <= limit
    for number, first in enumerate(passed):
        assert sum(first <= time < first + 20.0 for time in passed[number:]) <= 3 * limit


@pytest.mark.parametrize("kind", POLICIES)
def test_every_policy_lets_the_limit_through_at_once_and_forgets_idle_callers(kind: Any) -> None:
    """The documented numbers pass at first, idle callers are removed, and a clock that was set back refuses no call."""
    policy = kind()
    assert passes(policy, *[1e9] * 61) == [True] * 60 + [False]
    assert passes(policy, 5.0) == [True]
    for number in range(5_000):
        policy.take(f"address {number}", OTHER, 1e9 + number)
    assert len(policy) < 2_500
    policy.clear()
    assert len(policy) == 0
    assert policy.standing(OTHER, 1e9).remaining == 60


def test_the_standing_is_that_of_the_caller_with_least_left() -> None:
    """Several callers of one class are shown by the one who is nearest to being refused."""
    policy = SlidingLog({"other": 5})
    for caller, calls in (("one", 1), ("two", 4), ("three", 2)):
        for _ in range(calls):
            policy.take(caller, OTHER, 10.0)
    policy.take("two", RateClass.WITHDRAWALS, 10.0)
    standing = policy.standing(OTHER, 20.0)
    assert (standing.allowed, standing.limit, standing.remaining, standing.reset_at) == (True, 5, 1, 70.0)
    assert Unlimited().standing(OTHER, 0.0) is None


def test_policies_are_found_by_name() -> None:
    """Every policy has one; an unknown name is answered with those there are."""
    for name, kind in COUNTING_POLICIES.items():
        assert type(policy_named(name)) is kind
    assert isinstance(policy_named("unlimited"), Unlimited)
    with pytest.raises(ValueError, match=r"no policy 'leaky'; choose one of: sliding_log, .*, unlimited"):
        policy_named("leaky")


@pytest.mark.parametrize("form", list(RateLimitHeaders))
def test_the_headers_say_what_the_client_reads(form: RateLimitHeaders) -> None:
    """Limit, what is left and when, in the chosen form; a refusal adds Retry-After in each of them."""
    clock = ManualClock()
    sandbox = Sandbox(clock=clock, rate_limits=FixedWindow({"other": 2}), rate_limit_headers=form)
    with sandbox.run() as server, httpx.Client(base_url=server.url, verify=False) as http:
        clock.advance(20.5)
        views = []
        for _ in range(3):
            answer = http.get("/v1/merchant/balance", headers={"X-API-Key": sandbox.api_key})
            views.append(read(answer.headers, wall_now=clock()))
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "40"
    if form is RateLimitHeaders.NONE:
        assert views[:2] == [None, None]
        assert not any("ratelimit" in name for name in answer.headers)
        return
    first = views[0]
    assert first is not None
    assert (first.limit, first.remaining) == (2, 1)
    assert first.reset_in in (39.5, 40.0)
    last = views[2]
    assert last is not None
    assert (last.limit, last.remaining, last.retry_after) == (2, 0, 40.0)
    if form is RateLimitHeaders.IETF:
        assert answer.headers["ratelimit"] == '"other";r=0;t=40'
        assert answer.headers["ratelimit-policy"] == '"other";q=2;w=60'


@pytest.fixture
def tuned(api: Api) -> Any:
    """An api whose rate limits a test may change."""
    policy, headers = api.sandbox.rate_limits, api.sandbox.rate_limit_headers
    yield api
    api.sandbox.rate_limits, api.sandbox.rate_limit_headers = policy, headers


def test_rate_limits_are_chosen_over_http(tuned: Api) -> None:
    """Given members change, absent ones keep their value, and the next call is counted by the new rule."""
    shown = tuned.http.get("/sandbox/rate-limits").json()["data"]
    assert (shown["policy"], shown["window"], shown["headers"]) == ("sliding_log", 60, "x-ratelimit")
    assert shown["classes"]["withdrawals"] == {"limit": 10, "remaining": 10, "resetAt": "2024-01-01T12:00:00.000Z"}

    def change(**body: object) -> Any:
        answer = tuned.http.post("/sandbox/rate-limits", json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["data"]

    change(policy="token_bucket", limits={"other": 1}, window=1, headers="ietf")
    assert tuned.get("/v1/merchant/balance").headers["ratelimit"] == '"other";r=0;t=1'
    assert tuned.get("/v1/merchant/balance").status_code == 429
    changed = change(limits={"withdrawals": 3, "status_checks": None})
    assert (changed["policy"], changed["window"], changed["headers"]) == ("token_bucket", 1, "ietf")
    limits = {name: standing["limit"] for name, standing in changed["classes"].items()}
    assert limits == {"payment_creation": 100, "status_checks": 300, "withdrawals": 3, "other": 1}
    unlimited = change(policy="unlimited")
    assert (unlimited["policy"], unlimited["window"], unlimited["classes"]) == ("unlimited", None, {})
    assert change(headers="none")["policy"] == "unlimited"
    assert change(policy="fixed_window")["classes"]["other"]["limit"] == 60


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"policy": "leaky_bucket"}, "policy"),
        ({"headers": "x"}, "headers"),
        ({"window": 0}, "window"),
        ({"window": "1"}, "window"),
        ({"limits": []}, "limits"),
        ({"limits": {"others": 1}}, "limits"),
        ({"limits": {"other": 0}}, "limits.other"),
        ({"limits": {"other": 1.5}}, "limits.other"),
    ],
)
def test_unusable_rate_limits_change_nothing(tuned: Api, body: object, field: str) -> None:
    """Invalid rate limits are answered with 400 and the member's name, and change nothing."""
    before = tuned.http.get("/sandbox/rate-limits").json()
    answer = tuned.http.post("/sandbox/rate-limits", json=body)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])
    assert tuned.http.get("/sandbox/rate-limits").json() == before


def test_limits_without_a_policy_are_refused_where_there_are_none(tuned: Api) -> None:
    """Setting a limit while calls are not limited is refused, with a request to name a policy."""
    tuned.sandbox.rate_limits = Unlimited()
    answer = tuned.http.post("/sandbox/rate-limits", json={"window": 5})
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["policy"])
