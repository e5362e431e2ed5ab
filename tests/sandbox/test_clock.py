"""The sandbox's clock can be frozen, stepped, sped up and reset."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from inventpay.sandbox import ManualClock, Sandbox, SandboxClock
from inventpay.sandbox.clock import LATEST, iso
from tests.sandbox.conftest import Api


class Source:
    """Real time, in the hands of a test."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


def test_a_manual_clock_moves_only_on_request_and_forward() -> None:
    """A manual clock stands still, advances by given seconds, refuses to go back, and restarts on reset."""
    clock = ManualClock(10.0)
    assert (clock(), clock()) == (10.0, 10.0)
    clock.advance(2.5)
    assert clock() == 12.5
    for seconds in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="only move forward"):
            clock.advance(seconds)
    clock.reset()
    assert clock() == 10.0


def test_times_are_written_like_the_documented_ones() -> None:
    """ISO 8601 in UTC with milliseconds and a Z; the default clock starts at the time of the documented samples."""
    assert iso(ManualClock()()) == "2024-01-01T12:00:00.000Z"
    assert iso(1_704_110_400.25) == "2024-01-01T12:00:00.250Z"
    assert repr(ManualClock()) == "ManualClock(2024-01-01T12:00:00.000Z, frozen)"


def test_a_clock_is_real_until_it_is_set_and_after_a_reset() -> None:
    """It shows exactly what its source shows; frozen it stands, and a reset brings the source's time back."""
    source = Source()
    clock = SandboxClock(source)
    source.now += 0.1
    assert (clock(), clock.speed, clock.is_real, clock.is_frozen) == (source.now, 1.0, True, False)
    clock.freeze()
    source.now += 5
    assert (clock(), clock.speed, clock.is_real, clock.is_frozen) == (1_000.1, 0.0, False, True)
    clock.reset()
    assert (clock(), clock.is_real) == (1_005.1, True)


def test_steps_and_speeds_add_up() -> None:
    """Stepped while running, sped up, and slowed down again: no time is lost or gained at a change."""
    source = Source()
    clock = SandboxClock(source)
    clock.advance(60)
    source.now += 1
    assert clock() == 1_061.0
    clock.run(speed=60)
    source.now += 2
    assert (clock(), clock.speed) == (1_181.0, 60.0)
    clock.advance(9)
    source.now += 1
    assert clock() == 1_250.0
    clock.run()
    source.now += 1
    assert (clock(), clock.speed, clock.is_real) == (1_251.0, 1.0, False)


def test_a_clock_can_be_frozen_at_any_time_of_the_calendar() -> None:
    """A datetime with its zone, or Unix seconds; what no calendar shows is refused with the reason."""
    clock = SandboxClock(Source())
    clock.freeze(datetime(2024, 1, 31, 23, 59, tzinfo=UTC))
    clock.advance(60)
    assert iso(clock()) == "2024-02-01T00:00:00.000Z"
    clock.freeze(0)
    assert repr(clock) == "SandboxClock(1970-01-01T00:00:00.000Z, frozen)"
    with pytest.raises(ValueError, match="no time zone"):
        clock.freeze(datetime(2024, 1, 1))
    for at in (-1.0, float("inf"), float("nan"), LATEST + 1):
        with pytest.raises(ValueError, match="from 1970 to the end of 8999"):
            clock.freeze(at)
    with pytest.raises(ValueError, match="8999"):
        clock.advance(LATEST + 1)
    for speed in (0.0, -1.0, float("nan"), 1e9):
        with pytest.raises(ValueError, match="speed must be above 0"):
            clock.run(speed)


def test_the_end_of_the_calendar_is_never_passed() -> None:
    """However fast it runs, the clock stops where times can still be written."""
    source = Source()
    clock = SandboxClock(source)
    clock.freeze(LATEST - 1)
    clock.run(100_000)
    source.now += 1_000
    assert clock() == LATEST
    assert iso(clock()) == "9000-01-01T00:00:00.000Z"


def test_listeners_hear_of_every_change() -> None:
    """After each freeze, step, run and reset, and the new time is already there."""
    clock = SandboxClock(Source())
    heard: list[str] = []
    clock.listen(lambda: heard.append(repr(clock)))
    clock.freeze(5)
    clock.advance(1)
    clock.run(2)
    clock.reset()
    assert [entry.split(", ")[1] for entry in heard] == ["frozen)", "frozen)", "speed 2)", "real)"]


def test_the_clock_is_set_over_http(api: Api) -> None:
    """freeze, advance, run and reset answer with the clock as it stands; GET changes nothing."""
    set_to = {"at": "2024-03-01T00:00:00+01:00"}
    answer = api.http.post("/sandbox/clock/freeze", json=set_to).json()
    shown = {"now": "2024-02-29T23:00:00.000Z", "speed": 0.0, "frozen": True, "real": False}
    assert (answer["message"], answer["data"]) == ("The clock is frozen", shown)
    answer = api.http.post("/sandbox/clock/advance", json={"seconds": 1.5}).json()
    assert answer["data"]["now"] == "2024-02-29T23:00:01.500Z"
    assert api.http.get("/sandbox/clock").json()["data"] == answer["data"]
    assert api.http.post("/sandbox/clock/run", json={"speed": 60}).json()["data"]["speed"] == 60
    assert api.http.post("/sandbox/clock/run").json()["data"]["frozen"] is False
    assert api.http.post("/sandbox/clock/reset").json()["data"]["now"] == "2024-01-01T12:00:00.000Z"


@pytest.mark.parametrize(
    ("path", "body", "field"),
    [
        ("freeze", {"at": "yesterday"}, "at"),
        ("freeze", {"at": "2024-01-01T00:00:00"}, "at"),
        ("freeze", {"at": 5}, "at"),
        ("freeze", {"at": "1969-12-31T00:00:00Z"}, "at"),
        ("advance", {}, "seconds"),
        ("advance", {"seconds": -1}, "seconds"),
        ("advance", {"seconds": True}, "seconds"),
        ("advance", {"seconds": 1e30}, "seconds"),
        ("run", {"speed": 0}, "speed"),
        ("run", {"speed": "fast"}, "speed"),
    ],
)
def test_a_clock_that_cannot_be_set_stays_as_it_is(api: Api, path: str, body: object, field: str) -> None:
    """Invalid settings are answered with 400 and the member's name, and change nothing."""
    before = api.http.get("/sandbox/clock").json()
    answer = api.http.post(f"/sandbox/clock/{path}", json=body)
    assert (answer.status_code, list(answer.json()["details"])) == (400, [field])
    assert api.http.get("/sandbox/clock").json() == before


def test_steps_beyond_the_calendar_are_refused_over_http(api: Api) -> None:
    """400, not a server error, where a step would leave the calendar."""
    api.http.post("/sandbox/clock/freeze", json={"at": "8999-06-01T00:00:00Z"})
    answer = api.http.post("/sandbox/clock/advance", json={"seconds": 366 * 86_400})
    assert (answer.status_code, list(answer.json()["details"])) == (400, ["seconds"])
    assert api.create_payment()["expiresAt"] == "8999-06-01T00:30:00.000Z"


def test_a_payment_expires_and_a_daily_limit_resets_without_waiting(api: Api) -> None:
    """Expiry and the reset of limits happen when the clock is moved."""
    api.sandbox.deposit("USDT_BEP20", 100)
    payment_id = api.create_payment()["paymentId"]
    api.withdraw()
    api.http.post("/sandbox/clock/advance", json={"seconds": 30 * 60})
    assert api.status(payment_id)["status"] == "EXPIRED"
    balance = api.get("/v1/merchant/balance/USDT_BEP20").json()["data"]["balance"]
    assert balance["limits"]["daily"]["used"] == 10
    api.http.post("/sandbox/clock/advance", json={"seconds": 24 * 3600})
    balance = api.get("/v1/merchant/balance/USDT_BEP20").json()["data"]["balance"]
    assert (balance["limits"]["daily"]["used"], balance["limits"]["monthly"]["used"]) == (0, 10)


def test_any_callable_is_wrapped_and_a_sandbox_clock_taken_as_it_is() -> None:
    """Any callable is wrapped, so that `sandbox.clock` can always be set."""
    source = Source()
    assert isinstance(Sandbox(clock=source).clock, SandboxClock)
    clock = ManualClock()
    assert Sandbox(clock=clock).clock is clock
