"""The sandbox's own routes that set how it behaves: its clock and its rate limits. No key, no limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import TYPE_CHECKING, cast

from inventpay.sandbox.answers import Answer, success
from inventpay.sandbox.assumptions import RATE_LIMIT_WINDOW
from inventpay.sandbox.clock import MAX_SPEED, SandboxClock, iso
from inventpay.sandbox.endpoint import Call
from inventpay.sandbox.errors import invalid
from inventpay.sandbox.fields import Fields
from inventpay.sandbox.rate_limit_headers import RateLimitHeaders
from inventpay.sandbox.rate_limits import (
    COUNTING_POLICIES,
    CountingPolicy,
    RateClass,
    RateLimitPolicy,
    policy_named,
    policy_names,
)

if TYPE_CHECKING:
    from inventpay.sandbox.sandbox import Sandbox

# Ten years: further than any payment, limit or webhook looks ahead, and short enough for every calendar.
_MAX_STEP = 10 * 366 * 86_400
_MAX_LIMIT = 1_000_000_000
_MAX_WINDOW = 86_400


class SettingFields(Fields):
    """Members that only settings have."""

    def seconds(self, name: str, highest: float) -> float | None:
        """A number from 0 to `highest`."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value <= Decimal(highest):
            self._problems[name] = f"Must be a number from 0 to {highest:g}"
            return None
        return float(value)

    def required_seconds(self, name: str, highest: float) -> float:
        self._require(name)
        return self.seconds(name, highest) or 0.0

    def positive_seconds(self, name: str, highest: float) -> float | None:
        """A number above 0, and at most `highest`."""
        value = self.seconds(name, highest)
        if value == 0:
            self._problems[name] = f"Must be a number above 0, at most {highest:g}"
        return value or None

    def time(self, name: str) -> datetime | None:
        """A point in time in ISO 8601 with its time zone."""
        value = self._members.get(name)
        if value is None:
            return None
        try:
            if isinstance(value, str) and (parsed := datetime.fromisoformat(value)).tzinfo is not None:
                return parsed
        except ValueError:
            pass
        self._problems[name] = "Must be a time in ISO 8601 with its time zone, such as 2024-01-31T23:59:00Z"
        return None

    def limits(self, name: str) -> dict[str, int]:
        """An object with a whole number from 1 on per rate class."""
        value = self._members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not set(cast("dict[str, object]", value)) <= set(RateClass):
            self._problems[name] = f"Must be an object with members among: {', '.join(RateClass)}"
            return {}
        members = cast("dict[str, object]", value)
        limits = SettingFields(members)
        chosen = {key: limits.whole(key, 1, _MAX_LIMIT, 1) for key in members}
        self._problems.update({f"{name}.{key}": problem for key, problem in limits._problems.items()})
        return chosen


class Settings:
    """Handlers that set what Python code sets on `Sandbox`."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def clock(self, call: Call) -> Answer:
        return self._clock("The clock as it stands")

    def freeze_clock(self, call: Call) -> Answer:
        """{at?}: now, or at a time in ISO 8601."""
        members = SettingFields(call.body)
        at = members.time("at")
        members.check()
        try:
            self._sandbox.clock.freeze(at)
        except ValueError as error:
            raise invalid({"at": str(error)}) from None
        return self._clock("The clock is frozen")

    def advance_clock(self, call: Call) -> Answer:
        """{seconds}"""
        members = SettingFields(call.body)
        seconds = members.required_seconds("seconds", _MAX_STEP)
        members.check()
        try:
            self._sandbox.clock.advance(seconds)
        except ValueError as error:
            raise invalid({"seconds": str(error)}) from None
        return self._clock(f"The clock moved on by {seconds:g} seconds")

    def run_clock(self, call: Call) -> Answer:
        """{speed?}: sandbox seconds per real second, by default 1."""
        members = SettingFields(call.body)
        speed = members.positive_seconds("speed", MAX_SPEED)
        members.check()
        self._sandbox.clock.run(1.0 if speed is None else speed)
        return self._clock("The clock runs")

    def reset_clock(self, call: Call) -> Answer:
        self._sandbox.clock.reset()
        return self._clock("The clock is as it was in the beginning")

    def rate_limits(self, call: Call) -> Answer:
        return self._rate_limits("The rate limits as they stand")

    def set_rate_limits(self, call: Call) -> Answer:
        """{policy?, limits?, window?, headers?}: what is left out stays, and all counted calls are forgotten."""
        members = SettingFields(call.body)
        name = members.choice("policy", policy_names())
        limits = members.limits("limits")
        window = members.positive_seconds("window", _MAX_WINDOW)
        headers = members.choice("headers", tuple(RateLimitHeaders))
        members.check()
        sandbox = self._sandbox
        sandbox.rate_limits = _changed(sandbox.rate_limits, name, limits, window)
        if headers is not None:
            sandbox.rate_limit_headers = RateLimitHeaders(headers)
        return self._rate_limits("Rate limits set")

    def _clock(self, message: str) -> Answer:
        return success(clock_body(self._sandbox.clock), message)

    def _rate_limits(self, message: str) -> Answer:
        sandbox = self._sandbox
        now = sandbox.clock()
        standings = {name: sandbox.rate_limits.standing(name, now) for name in RateClass}
        data = {
            "policy": getattr(sandbox.rate_limits, "name", type(sandbox.rate_limits).__name__),
            "window": getattr(sandbox.rate_limits, "window", None),
            "headers": sandbox.rate_limit_headers,
            "classes": {
                name: {"limit": standing.limit, "remaining": standing.remaining, "resetAt": iso(standing.reset_at)}
                for name, standing in standings.items()
                if standing is not None
            },
        }
        return success(data, message)


def clock_body(clock: SandboxClock) -> dict[str, object]:
    """What the clock shows: the time, its speed, and whether it is the real time."""
    return {"now": iso(clock()), "speed": clock.speed, "frozen": clock.is_frozen, "real": clock.is_real}


def _changed(
    policy: RateLimitPolicy, name: str | None, limits: dict[str, int], window: float | None
) -> RateLimitPolicy:
    """A policy with some of the settings changed, and nothing counted."""
    if isinstance(policy, CountingPolicy):
        merged = {**{str(key): limit for key, limit in policy.limits.items()}, **limits}
        return policy_named(name or policy.name, merged, window=policy.window if window is None else window)
    if name is None and (limits or window is not None):
        raise invalid({"policy": f"Must be named, because there are no limits now: {', '.join(COUNTING_POLICIES)}"})
    if name is None:
        policy.clear()
        return policy
    return policy_named(name, limits, window=RATE_LIMIT_WINDOW if window is None else window)
