# The source of tests/_sync/test_hooks.py; after a change run: python tools/generate_sync.py
"""Hooks and logs receive every event of a call, and can do it no harm."""

from __future__ import annotations

import logging

import httpx
import pytest

from inventpay import (
    AttemptAnswered,
    AttemptSent,
    CallFinished,
    CallStarted,
    ConfigurationError,
    Event,
    LocalLimiter,
    PermissionDeniedError,
    RateClass,
    RateLimits,
    RateLimitTimeoutError,
    RetryPlanned,
    TokenWaited,
)
from tests.support.api import INTERRUPTS, ScriptedAPI, answers, fails, ok, takes
from tests.support.clients import once, read, repeatable, scripted_async_client

CREATE = {"method": "POST", "path_template": "/v1/create_payment", "rate_class": RateClass.PAYMENT_CREATION}
PAY_OUT = {"method": "POST", "path_template": "/v1/merchant/withdrawal/create", "rate_class": RateClass.WITHDRAWALS}
BALANCE = {"method": "GET", "path_template": "/v1/merchant/balance/{currency}", "rate_class": RateClass.OTHER}


def facts(events: list[Event], common: dict[str, object]) -> dict[str, object]:
    """Return what all events of the one call in `events` have in common."""
    (call_id,) = {event.call_id for event in events}
    return {"call_id": call_id, **common}


async def test_a_success_is_reported_step_by_step() -> None:
    """A call that works makes five events, in order, typed, with its times."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI(takes(1.5)), hooks=[events.append]) as client:
        await read(client)
    call = facts(events, BALANCE)
    assert events == [
        CallStarted(**call),
        TokenWaited(**call, seconds=0.0),
        AttemptSent(**call, attempt=1),
        AttemptAnswered(**call, attempt=1, status=200, seconds=1.5, error=None),
        CallFinished(**call, attempts=1, seconds=1.5, status=200, outcome="ok", error=None),
    ]


async def test_retries_are_reported_with_their_reasons() -> None:
    """Each attempt has its token, its sending, its end and, when it failed, the plan for the next one."""
    events: list[Event] = []
    api = ScriptedAPI(takes(1, answers(503)), fails(httpx.ConnectError("refused")), takes(2))
    async with scripted_async_client(api, hooks=[events.append]) as client:
        await repeatable(client)
    call = facts(events, CREATE)
    assert events == [
        CallStarted(**call),
        TokenWaited(**call, seconds=0.0),
        AttemptSent(**call, attempt=1),
        AttemptAnswered(**call, attempt=1, status=503, seconds=1.0, error=None),
        RetryPlanned(**call, attempt=1, delay=0.5, reason="status 503"),
        TokenWaited(**call, seconds=0.0),
        AttemptSent(**call, attempt=2),
        AttemptAnswered(**call, attempt=2, status=None, seconds=0.0, error="APIConnectionError"),
        RetryPlanned(**call, attempt=2, delay=1.0, reason="APIConnectionError"),
        TokenWaited(**call, seconds=0.0),
        AttemptSent(**call, attempt=3),
        AttemptAnswered(**call, attempt=3, status=200, seconds=2.0, error=None),
        CallFinished(**call, attempts=3, seconds=4.5, status=200, outcome="ok", error=None),
    ]


async def test_a_failure_is_reported_with_its_outcome() -> None:
    """The last event of a refused call has its status, its error and its outcome."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI(answers(403)), hooks=[events.append]) as client:
        with pytest.raises(PermissionDeniedError):
            await once(client)
    call = facts(events, PAY_OUT)
    assert events[3:] == [
        AttemptAnswered(**call, attempt=1, status=403, seconds=0.0, error=None),
        CallFinished(**call, attempts=1, seconds=0.0, status=403, outcome="refused", error="PermissionDeniedError"),
    ]


async def test_an_unreadable_success_is_reported_as_unknown() -> None:
    """The attempt was answered with 200, and yet the call failed."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI(answers(200, b"?")), hooks=[events.append]) as client:
        with pytest.raises(Exception, match="JSON"):
            await once(client)
    call = facts(events, PAY_OUT)
    assert events[3:] == [
        AttemptAnswered(**call, attempt=1, status=200, seconds=0.0, error=None),
        CallFinished(**call, attempts=1, seconds=0.0, status=200, outcome="unknown", error="DecodeError"),
    ]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
async def test_an_interruption_is_reported(interrupt: type[BaseException]) -> None:
    """A call that was cut off says so, and by what."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI(fails(interrupt())), hooks=[events.append]) as client:
        with pytest.raises(interrupt):
            await once(client)
    call, name = facts(events, PAY_OUT), interrupt.__name__
    assert events == [
        CallStarted(**call),
        TokenWaited(**call, seconds=0.0),
        AttemptSent(**call, attempt=1),
        AttemptAnswered(**call, attempt=1, status=None, seconds=0.0, error=name),
        CallFinished(**call, attempts=1, seconds=0.0, status=None, outcome="cancelled", error=name),
    ]


async def test_waiting_for_a_token_is_reported() -> None:
    """The seconds in the queue for a token are reported; a wait that was refused ends the call without an attempt."""
    events: list[Event] = []
    limiter = LocalLimiter(RateLimits(other=1, window=10.0, counting="window"))
    async with scripted_async_client(ScriptedAPI(), limiter=limiter, hooks=[events.append]) as client:
        await read(client)
        await read(client)
        waited = [event.seconds for event in events if isinstance(event, TokenWaited)]
        assert waited == [0.0, pytest.approx(10, abs=0.1)]
        events.clear()
        with pytest.raises(RateLimitTimeoutError):
            await client.with_options(max_wait=1).balances.get("USDT_BEP20")
    call = facts(events, BALANCE)
    assert events == [
        CallStarted(**call),
        CallFinished(**call, attempts=0, seconds=0.0, status=None, outcome="not_sent", error="RateLimitTimeoutError"),
    ]


async def test_a_hook_can_be_added_later() -> None:
    """It gets the events of this client and of its siblings, once; a value that cannot be called is refused."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI()) as client:
        sibling = client.with_options(timeout=5)
        await read(client)
        client.add_hook(events.append)
        client.add_hook(events.append)
        await read(sibling)
        with pytest.raises(ConfigurationError, match="hooks= takes"):
            client.add_hook(5)  # type: ignore[arg-type]
    assert [type(event).__name__ for event in events] == [
        "CallStarted",
        "TokenWaited",
        "AttemptSent",
        "AttemptAnswered",
        "CallFinished",
    ]


async def test_calls_have_numbers_of_their_own() -> None:
    """Events of two calls can be distinguished."""
    events: list[Event] = []
    async with scripted_async_client(ScriptedAPI(), hooks=[events.append]) as client:
        await read(client)
        await read(client)
    assert len({event.call_id for event in events}) == 2
    assert [event.call_id for event in events] == sorted(event.call_id for event in events)


async def test_a_raising_hook_harms_nothing_and_is_logged(caplog: pytest.LogCaptureFixture) -> None:
    """The call goes on, the hooks behind it are called, and the log says which event it failed on and why."""
    reported: list[Event] = []

    def broken(event: Event) -> None:
        raise RuntimeError(f"cannot count {type(event).__name__}")

    async with scripted_async_client(ScriptedAPI(), hooks=[broken, reported.append]) as client:
        assert (await once(client)).withdrawal_id == "cmh789ghi012jkl"
    assert len(reported) == 5
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert [record.getMessage() for record in failures] == [
        f"inventpay: a hook failed on {name}; the call goes on"
        for name in ("CallStarted", "TokenWaited", "AttemptSent", "AttemptAnswered", "CallFinished")
    ]
    assert all(record.exc_info and "cannot count" in str(record.exc_info[1]) for record in failures)


async def test_the_log_has_readable_lines(caplog: pytest.LogCaptureFixture) -> None:
    """At DEBUG each step is one line; a retry is a WARNING; the numbers have units."""
    caplog.set_level(logging.DEBUG, "inventpay")
    async with scripted_async_client(ScriptedAPI(answers(503), answers(403))) as client:
        with pytest.raises(PermissionDeniedError):
            await read(client)
    reported = [(record.levelname, record.getMessage()) for record in caplog.records if record.name == "inventpay"]
    (number,) = {line.split()[1] for _, line in reported}
    call = f"call {number} GET /v1/merchant/balance/{{currency}}"
    assert reported == [
        ("DEBUG", f"{call} begins"),
        ("DEBUG", f"{call} leased a token of class other after 0.000 s"),
        ("DEBUG", f"{call} sends attempt 1"),
        ("DEBUG", f"{call} attempt 1 got status 503 after 0.000 s"),
        ("WARNING", f"{call} attempt 1 failed (status 503); the next one follows in 0.50 s"),
        ("DEBUG", f"{call} leased a token of class other after 0.000 s"),
        ("DEBUG", f"{call} sends attempt 2"),
        ("DEBUG", f"{call} attempt 2 got status 403 after 0.000 s"),
        ("DEBUG", f"{call} finished after 0.500 s (attempts: 2): PermissionDeniedError, outcome refused"),
    ]


async def test_without_hooks_only_retries_are_logged(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No event is made without a hook, except the one that is a warning."""
    caplog.set_level(logging.INFO, "inventpay")
    for name in ("CallStarted", "TokenWaited", "AttemptSent", "AttemptAnswered", "CallFinished"):
        monkeypatch.delattr(f"inventpay.hooks.{name}")
    async with scripted_async_client(ScriptedAPI(answers(503), ok, fails(KeyboardInterrupt()))) as client:
        await repeatable(client)
        with pytest.raises(KeyboardInterrupt):
            await repeatable(client)
    (warning,) = [record for record in caplog.records if record.name == "inventpay"]
    assert warning.levelname == "WARNING"
    assert warning.getMessage().endswith(
        "/v1/create_payment attempt 1 failed (status 503); the next one follows in 0.50 s"
    )
