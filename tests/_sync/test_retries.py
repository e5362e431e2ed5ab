# Generated from tests/_async/test_retries.py by tools/generate_sync.py. Do not edit.
"""Which failures are repeated, how often, after which pause, and when the client stops multiplying an outage."""

from __future__ import annotations

from datetime import timedelta
from email.utils import format_datetime

import httpx
import pytest

from inventpay import (
    APIConnectionError,
    APIStatusError,
    DecodeError,
    InventPayError,
    LocalLimiter,
    RateClass,
    RateLimits,
    RetryPolicy,
)
from tests.support.api import ScriptedAPI, Step, answers, fails, ok, takes
from tests.support.clients import CALLS, once, read, repeatable, scripted_client
from tests.support.clock import Clock
from tests.support.wall_clock import wall_now

PASSING = {500, 502, 503, 504}


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("status", [400, 401, 403, 404, 405, 408, 409, 410, 418, 422, 425, 429, 451, *range(500, 506)])
def test_which_statuses_are_repeated(status: int, kind: str) -> None:
    """429 is repeated always; 500, 502, 503 and 504 unless money moves; every other status never."""
    api = ScriptedAPI(answers(status), ok)
    with scripted_client(api) as client:
        if status == 429 or (status in PASSING and kind != "once"):
            CALLS[kind](client)
            assert len(api.requests) == 2
        else:
            with pytest.raises(APIStatusError) as caught:
                CALLS[kind](client)
            assert caught.value.status == status
            assert len(api.requests) == 1


BEFORE = [
    httpx.ConnectError("refused"),
    httpx.ConnectTimeout("too slow"),
    httpx.PoolTimeout("full"),
    httpx.ProxyError("?"),
]
AFTER = [
    httpx.ReadTimeout("silence"),
    httpx.ReadError("reset"),
    httpx.WriteError("pipe"),
    httpx.WriteTimeout("stuck"),
    httpx.RemoteProtocolError("hung up"),
    OSError("something else"),
]


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize("error", [*BEFORE, *AFTER], ids=lambda error: type(error).__name__)
def test_which_lost_connections_are_repeated(error: Exception, kind: str) -> None:
    """A withdrawal is repeated when no connection was made, and never after one that was lost or too slow."""
    api = ScriptedAPI(fails(error), ok)
    with scripted_client(api) as client:
        if kind == "once" and error in AFTER:
            with pytest.raises(APIConnectionError) as caught:
                CALLS[kind](client)
            assert caught.value.outcome == "unknown"
            assert len(api.requests) == 1
        else:
            CALLS[kind](client)
            assert len(api.requests) == 2


@pytest.mark.parametrize("kind", CALLS)
@pytest.mark.parametrize(
    "step",
    [answers(302), answers(200, b"<html>"), answers(200, {"success": False, "error": "no"})],
    ids=["redirect", "unreadable", "success: false"],
)
def test_answers_that_say_no_are_not_repeated(step: Step, kind: str) -> None:
    """Redirects, unreadable successes and refusals in disguise end the call."""
    api = ScriptedAPI(step, ok)
    with scripted_client(api) as client:
        with pytest.raises(InventPayError):
            CALLS[kind](client)
    assert len(api.requests) == 1


def test_a_post_to_an_unknown_path_is_sent_once() -> None:
    """Its effect is not known, so it is repeated only after 429; PUT and DELETE may be repeated."""
    for method, status, attempts in [
        ("POST", 503, 1),
        ("POST", 429, 2),
        ("PATCH", 503, 1),
        ("PUT", 503, 2),
        ("DELETE", 503, 2),
    ]:
        api = ScriptedAPI(answers(status), answers(403))
        with scripted_client(api) as client:
            with pytest.raises(APIStatusError):
                client.request(method, "/v1/new", json={})
        assert len(api.requests) == attempts, (method, status)


@pytest.mark.parametrize("max_retries", [0, 1, 5])
def test_max_retries_counts_the_attempts_after_the_first(max_retries: int) -> None:
    """A failing call is attempted ``max_retries`` times after the first, and its error counts the attempts."""
    api = ScriptedAPI(answers(503))
    with scripted_client(api, max_retries=max_retries) as client:
        with pytest.raises(APIStatusError) as caught:
            read(client)
    assert len(api.requests) == caught.value.attempts == max_retries + 1


@pytest.mark.parametrize(("jitter", "pauses"), [(0.0, [0.0] * 6), (1.0, [0.5, 1.0, 2.0, 4.0, 8.0, 8.0])])
def test_pauses_have_full_jitter(jitter: float, pauses: list[float]) -> None:
    """A pause lies between nothing and a bound that doubles up to ``max_delay``."""
    api = ScriptedAPI(*[answers(503)] * 6, ok)
    with scripted_client(api, max_retries=6, jitter=jitter) as client:
        read(client)
    assert api.clock.pauses == pauses


def test_the_jitter_of_a_client_is_random() -> None:
    """Two clients do not pause alike: attempts of many clients spread out."""
    pauses: list[float] = []
    for _ in range(2):
        api = ScriptedAPI(*[answers(503)] * 5, ok)
        with scripted_client(api, jitter=None, max_retries=5) as client:
            read(client)
        pauses += api.clock.pauses
    assert len(set(pauses)) == 10
    assert all(0 <= pause <= 8 for pause in pauses)


@pytest.mark.parametrize("jitter", [0.0, 1.0])
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds_is_honoured(status: int, jitter: float) -> None:
    """The next attempt starts after the named time: after a 429 up to 5 % later, else up to ``initial_delay`` later."""
    api = ScriptedAPI(answers(status, headers={"Retry-After": "7"}), ok)
    with scripted_client(api, jitter=jitter) as client:
        read(client)
    assert api.times[1] - api.times[0] == pytest.approx(7 + (jitter * 0.5 if status == 503 else 0.0), abs=0.05)
    assert api.clock.pauses == ([7 + jitter * 0.5] if status == 503 else [])


def test_retry_after_as_a_date_is_honoured() -> None:
    """A date is waited for; one that has passed costs no pause."""
    for ahead in (9, -60):
        date = format_datetime(wall_now() + timedelta(seconds=ahead), usegmt=True)
        api = ScriptedAPI(answers(503, headers={"Retry-After": date}), ok)
        with scripted_client(api, jitter=0.0) as client:
            read(client)
        (pause,) = api.clock.pauses
        assert max(0, ahead) - 2 <= pause <= max(0, ahead)


def test_a_retry_after_beyond_the_deadline_gives_up_at_once() -> None:
    """A pause that would outlast ``timeout`` is not begun; the error says what the API asked for."""
    api = ScriptedAPI(takes(2, answers(429, headers={"Retry-After": "9"})), ok)
    with scripted_client(api, timeout=10) as client:
        with pytest.raises(APIStatusError) as caught:
            read(client)
    assert caught.value.retry_after == 9
    assert len(api.requests) == 1
    assert api.clock.now == 1_002


def test_a_malformed_retry_after_counts_as_none() -> None:
    """A header that cannot be read is no reason to wait, or to fail."""
    api = ScriptedAPI(answers(503, headers={"Retry-After": "soon"}), ok)
    with scripted_client(api) as client:
        read(client)
    assert api.clock.pauses == [0.5]


def test_a_retry_takes_a_token_of_its_own() -> None:
    """Every attempt counts against the rate limit, and a retry waits for its token inside of ``timeout``."""
    api = ScriptedAPI(answers(503), ok)
    limits = RateLimits(other=1, window=10.0, counting="window")
    with scripted_client(api, limiter=LocalLimiter(limits)) as client:
        read(client)
    assert api.times[1] - api.times[0] == pytest.approx(10, abs=0.1)


def test_a_retry_without_a_token_in_time_ends_with_what_went_wrong() -> None:
    """When the next token would come after ``timeout``, the call fails with the failure of its last attempt."""
    cause = httpx.ReadError("reset")
    for step, status in ((answers(503), 503), (fails(cause), None)):
        api = ScriptedAPI(ok, step)
        limits = RateLimits(other=2, window=100.0, counting="window")
        with scripted_client(api, limiter=LocalLimiter(limits), timeout=30) as client:
            read(client)
            with pytest.raises(InventPayError) as caught:
                read(client)
        assert getattr(caught.value, "status", None) == status
        assert caught.value.attempts == 1
        assert (caught.value.__cause__ is cause) == (status is None)
        assert api.clock.now <= 1_030


def test_an_attempt_that_was_never_written_costs_no_token() -> None:
    """Where no connection is made, the token of each attempt comes back at once."""
    api = ScriptedAPI(fails(httpx.ConnectError("refused")))
    with scripted_client(api, limiter=LocalLimiter(RateLimits(other=1))) as client:
        with pytest.raises(APIConnectionError) as caught:
            read(client)
        assert caught.value.attempts == 3
        assert client.rate_limits[RateClass.OTHER].available == 1
    assert api.clock.queued == []


def test_an_outage_spends_the_retry_budget() -> None:
    """Of 200 calls into an outage only the first fifty retries are made; from then on each call fails at once."""
    api = ScriptedAPI(answers(503))
    with scripted_client(api, jitter=0.0, rate_limits=RateLimits(other=10_000)) as client:
        for _ in range(200):
            with pytest.raises(APIStatusError):
                read(client)
        assert len(api.requests) == 200 + 50
        assert api.clock.pauses == [0.0] * 50


def test_successes_refill_the_retry_budget() -> None:
    """Once the budget is spent, ten successes pay for one retry, and failures for none."""
    clock = Clock()
    api = ScriptedAPI(answers(503), clock=clock)
    policy = RetryPolicy(budget=20, retry_cost=10, success_credit=1)
    with scripted_client(api, jitter=0.0, retry=policy, rate_limits=RateLimits(other=10_000)) as client:

        def requests_of_a_failing_call() -> int:
            before = len(api.requests)
            with pytest.raises(APIStatusError):
                read(client)
            return len(api.requests) - before

        assert [requests_of_a_failing_call() for _ in range(3)] == [3, 1, 1]
        api.steps = [ok]
        for _ in range(9):
            read(client)
        api.steps = [answers(503)]
        assert requests_of_a_failing_call() == 1
        api.steps = [ok]
        read(client)
        api.steps = [answers(503)]
        assert [requests_of_a_failing_call() for _ in range(2)] == [2, 1]


def test_siblings_share_the_retry_budget() -> None:
    """The budget that one client spends is spent for all that ``with_options`` made of it, and the other way round."""
    api = ScriptedAPI(answers(503))
    with scripted_client(api, jitter=0.0, retry=RetryPolicy(budget=30)) as client:
        sibling = client.with_options(max_retries=5)
        with pytest.raises(APIStatusError) as caught:
            read(sibling)
        assert caught.value.attempts == 4
        with pytest.raises(APIStatusError) as caught:
            read(client)
        assert caught.value.attempts == 1


def test_an_unreadable_success_does_not_refill_the_budget() -> None:
    """Only an answer that could be read counts as a success."""
    api = ScriptedAPI(answers(503), answers(200, b"<html>"))
    with scripted_client(api, retry=RetryPolicy(budget=10)) as client:
        with pytest.raises(DecodeError):
            read(client)
        assert client._transport._budget.left == 0


def test_a_write_that_was_repeated_returns_its_result() -> None:
    """A payment survives a reset and an overload; a withdrawal survives a refused connection and a 429."""
    api = ScriptedAPI(fails(httpx.ReadError("reset")), answers(503), ok)
    with scripted_client(api) as client:
        assert (repeatable(client)).payment_id == "cmh123abc456def"
    api = ScriptedAPI(fails(httpx.ConnectError("refused")), answers(429, headers={"Retry-After": "1"}), ok)
    with scripted_client(api) as client:
        assert (once(client)).withdrawal_id == "cmh789ghi012jkl"
    assert len(api.requests) == 3
