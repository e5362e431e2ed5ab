# Generated from tests/_async/test_clock_changes.py by tools/generate_sync.py. Do not edit.
"""Pauses by ``Retry-After`` in any form, and waits for payments, while the clock of the machine is an hour wrong."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

from inventpay import LocalLimiter, RateLimits
from tests.support.api import ScriptedAPI, answers, ok
from tests.support.clients import read, scripted_client
from tests.support.clock import Clock

SERVER = datetime(2026, 3, 1, 12, 0, 0, tzinfo=UTC)
"""The time by the server's clock."""

THEN = SERVER + timedelta(seconds=7)
HOUR = 3600.0
OFFSETS = [-HOUR, 0.0, HOUR]

SEVEN_SECONDS = [
    "7",
    "7.0",
    " 7 ",
    "0007",
    format_datetime(THEN, usegmt=True),
    format_datetime(THEN),
    THEN.strftime("%A, %d-%b-%y %H:%M:%S GMT"),
    THEN.strftime("%a %b %d %H:%M:%S %Y"),
    THEN.isoformat(),
    THEN.isoformat().replace("+00:00", "Z"),
    (THEN + timedelta(hours=1)).replace(tzinfo=None).isoformat() + "+01:00",
]
AT_ONCE = ["0", "0.0", format_datetime(SERVER - timedelta(days=2), usegmt=True), "2026-03-01T11:59:59Z"]
UNREADABLE = [
    *("", "-7", "+7", "7s", "1e3", "0x7", "7,7", "7 8", "soon", "NaN", "Infinity", "1_0", "--", "\xff\xfe"),
    *("9" * 20, "9" * 400, "99999999999", "Fri, 31 Dec 9999 23:59:59 GMT", "9999-12-31T23:59:59-23:59"),
    *("Thu, 01 Jan 1970 00:00:00 GMT", "Sun, 99 Mar 2026 12:00:07 GMT", "12:00:07", "GMT"),
]
FORMS = [(text, 7.0) for text in SEVEN_SECONDS] + [(text, 0.0) for text in AT_ONCE]


def wrong_clock(monkeypatch: pytest.MonkeyPatch, offset: float) -> None:
    """Let the clock of the machine be that of the server, and so many seconds wrong."""
    monkeypatch.setattr(time, "time", lambda: SERVER.timestamp() + offset)


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("status", [429, 503])
@pytest.mark.parametrize(("text", "seconds"), FORMS)
def test_every_form_of_retry_after_is_waited_for(
    monkeypatch: pytest.MonkeyPatch, text: str, seconds: float, status: int, offset: float
) -> None:
    """Seconds and dates are those of the server's clock, however wrong this machine's is."""
    wrong_clock(monkeypatch, offset)
    headers = {"Retry-After": text, "Date": format_datetime(SERVER, usegmt=True)}
    api = ScriptedAPI(answers(status, headers=headers), ok)
    with scripted_client(api, jitter=0.0, timeout=300) as client:
        read(client)
    # After a refusal a call waits for a moment even where the server says none.
    most = 1.5 if status == 429 else 0.05
    assert seconds - 0.05 <= api.times[1] - api.times[0] <= seconds + most


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize("text", UNREADABLE)
def test_a_form_that_cannot_be_meant_costs_no_more_than_none(
    monkeypatch: pytest.MonkeyPatch, text: str, offset: float
) -> None:
    """Signs, words, lists and moments beyond reason are as good as no header."""
    wrong_clock(monkeypatch, offset)
    for status in (503, 429):
        gaps: list[float] = []
        for named in ({"Retry-After": text.encode("latin-1")}, {}):
            reply = httpx.Headers({"Date": format_datetime(SERVER, usegmt=True).encode(), **named})
            api = ScriptedAPI(answers(status, headers=reply), ok)
            with scripted_client(api, jitter=0.0, timeout=300) as client:
                read(client)
            gaps.append(api.times[1] - api.times[0])
        assert gaps[0] == pytest.approx(gaps[1], abs=0.1)
        assert gaps[0] <= 61.0


@pytest.mark.parametrize("offset", OFFSETS)
@pytest.mark.parametrize(
    "reset", ["7", str(int(THEN.timestamp())), str(int(THEN.timestamp() * 1000)), THEN.isoformat()]
)
def test_a_reset_is_that_of_the_server_s_clock(
    monkeypatch: pytest.MonkeyPatch, reset: str, offset: float
) -> None:
    """A limit that the server calls used up pauses the class until its own moment."""
    wrong_clock(monkeypatch, offset)
    headers = {
        "X-RateLimit-Limit": "60",
        "X-RateLimit-Remaining": "0",
        "X-RateLimit-Reset": reset,
        "Date": format_datetime(SERVER, usegmt=True),
    }
    api = ScriptedAPI(answers(429, headers=headers), ok)
    with scripted_client(api, limiter=LocalLimiter(RateLimits()), timeout=300) as client:
        read(client)
    assert 6.9 <= api.times[1] - api.times[0] <= 9.0


def _paying(change: Callable[[], None], clock: Clock, changes_at: int) -> ScriptedAPI:
    """Return an API whose payment is paid 120 seconds after the beginning; ``change`` happens at one poll."""
    began = clock.now
    polls = 0

    def status(request: httpx.Request, clock: Clock) -> httpx.Response:
        nonlocal polls
        polls += 1
        if polls == changes_at:
            change()
        is_paid = clock.now - began >= 120
        data = {
            "paymentId": "cmh1",
            "status": "COMPLETED" if is_paid else "PENDING",
            "currentBalance": "1" if is_paid else "0",
            "confirmations": 0,
            "createdAt": SERVER.isoformat(),
            "expiresAt": (SERVER + timedelta(minutes=30)).isoformat(),
        }
        return httpx.Response(200, content=json.dumps({"success": True, "data": data}).encode())

    return ScriptedAPI(status, clock=clock)


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_wait_outlasts_a_step_of_the_clock(step: float) -> None:
    """A payment that is paid after two minutes is seen then, whether the clock goes an hour back or ahead meanwhile."""
    seen: list[float] = []
    for steps in (0.0, step):
        clock, offset = Clock(), [0.0]

        def change(offset: list[float] = offset, by: float = steps) -> None:
            offset[0] = by

        api = _paying(change, clock, changes_at=3)
        began = clock.now
        with scripted_client(api) as client:
            backend: Any = client._polling._backend
            backend.wall = lambda clock=clock, offset=offset, began=began: (
                SERVER + timedelta(seconds=clock.now - began + offset[0])
            )
            assert (client.payments.wait("cmh1", timeout=900)).is_paid
        seen.append(clock.now - began)
    # Past its expiry by a wrong clock, a payment is polled more rarely.
    assert 120 <= seen[1] <= seen[0] + 60


@pytest.mark.parametrize("step", [-HOUR, HOUR])
def test_a_wait_keeps_its_timeout_over_a_step(step: float) -> None:
    """A wait of ten minutes for a payment that is never paid ends after ten minutes."""
    from inventpay import WaitTimeoutError

    clock, offset = Clock(), [0.0]

    def change() -> None:
        offset[0] = step
        clock.advance(0.0)

    api = _paying(change, clock, changes_at=2)
    began = clock.now
    with scripted_client(api) as client:
        backend: Any = client._polling._backend
        backend.wall = lambda: SERVER + timedelta(seconds=clock.now - began + offset[0])
        with pytest.raises(WaitTimeoutError):
            client.payments.wait("cmh1", timeout=100)
    assert 99 <= clock.now - began <= 101
