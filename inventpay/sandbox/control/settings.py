"""The sandbox's own routes that set how it behaves: clock, rate limits, faults, variants. No key, no limits."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import cast

from ...options import RateClass
from ..assumptions import MAX_FAULT_SECONDS, RATE_LIMIT_WINDOW
from ..clock import MAX_SPEED, SandboxClock, iso
from ..errors import invalid, not_found
from ..http.answers import Answer, success
from ..http.endpoint import Call
from ..http.faults import ALWAYS_AFTER_EFFECT, Fault, FaultKind, Faults, PlannedFault
from ..http.fields import Fields
from ..http.idempotency import IdempotencyStore
from ..http.request_log import LoggedRequest, RequestLog
from ..limits.rate_limit_headers import RateLimitHeaders
from ..limits.rate_limiting import RateLimiting
from ..limits.rate_limits import COUNTING_POLICIES, CountingPolicy, RateLimitPolicy, policy_named, policy_names
from ..shapes.variants import MIXED, VARIANTS, Variants

# Ten years: longer than any period of payments, limits and webhooks, and short enough for every calendar.
MAX_STEP = 10 * 366 * 86_400
_MAX_LIMIT = 1_000_000_000
_MAX_WINDOW = 86_400


class SettingFields(Fields):
    """The members that only settings have."""

    def number(self, name: str, highest: float) -> float | None:
        """Return a number from 0 to ``highest``, or None if it is absent."""
        value = self._members.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, (int, Decimal)) or not 0 <= value <= Decimal(highest):
            self._problems[name] = f"Must be a number from 0 to {highest:g}"
            return None
        return float(value)

    def required_number(self, name: str, highest: float) -> float:
        """Return a number from 0 to ``highest``, which must not be absent."""
        self._require(name)
        return self.number(name, highest) or 0.0

    def positive_number(self, name: str, highest: float) -> float | None:
        """Return a number above 0 and at most ``highest``, or None if it is absent."""
        value = self.number(name, highest)
        if value == 0:
            self._problems[name] = f"Must be a number above 0, at most {highest:g}"
        return value or None

    def optional_whole(self, name: str, lowest: int, highest: int) -> int | None:
        """Return a whole number between the bounds, or None if it is absent."""
        return None if self._members.get(name) is None else self.whole(name, lowest, highest, lowest)

    def flag(self, name: str) -> bool:
        """Return true or false; false if it is absent."""
        value = self._members.get(name)
        if value is not None and not isinstance(value, bool):
            self._problems[name] = "Must be true or false"
        return value is True

    def required_flag(self, name: str) -> bool:
        """true or false."""
        self._require(name)
        return self.flag(name)

    def time(self, name: str) -> datetime | None:
        """Return a time that is given in ISO 8601 with its time zone."""
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
        """Return an object with a whole number of at least 1 per rate class; null says no more than absence."""
        value = self._members.get(name)
        if value is None:
            return {}
        if not isinstance(value, dict) or not set(cast("dict[str, object]", value)) <= set(RateClass):
            self._problems[name] = f"Must be an object with members among: {', '.join(RateClass)}"
            return {}
        members = cast("dict[str, object]", value)
        limits = SettingFields(members)
        chosen = {key: limits.whole(key, 1, _MAX_LIMIT, 1) for key in members if members[key] is not None}
        self._problems.update({f"{name}.{key}": problem for key, problem in limits._problems.items()})
        return chosen


class Settings:
    """The handlers for the settings that Python code changes on ``Sandbox``."""

    def __init__(
        self,
        clock: SandboxClock,
        limits: RateLimiting,
        faults: Faults,
        variants: Variants,
        log: RequestLog,
        keys: IdempotencyStore,
    ) -> None:
        self._clock = clock
        self._limits = limits
        self._planned = faults
        self._shapes = variants
        self._log = log
        self._keys = keys

    def clock(self, call: Call) -> Answer:
        """Return the state of the clock."""
        return self._show_clock("The clock as it stands")

    def freeze_clock(self, call: Call) -> Answer:
        """{at?}: now, or at a time in ISO 8601."""
        members = SettingFields(call.body)
        at = members.time("at")
        members.check()
        try:
            self._clock.freeze(at)
        except ValueError as error:
            raise invalid({"at": str(error)}) from None
        return self._show_clock("The clock is frozen")

    def advance_clock(self, call: Call) -> Answer:
        """{seconds}: move the clock forward."""
        members = SettingFields(call.body)
        seconds = members.required_number("seconds", MAX_STEP)
        members.check()
        try:
            self._clock.advance(seconds)
        except ValueError as error:
            raise invalid({"seconds": str(error)}) from None
        return self._show_clock(f"The clock moved on by {seconds:g} seconds")

    def run_clock(self, call: Call) -> Answer:
        """{speed?}: sandbox seconds per real second, by default 1."""
        members = SettingFields(call.body)
        speed = members.positive_number("speed", MAX_SPEED)
        members.check()
        self._clock.run(1.0 if speed is None else speed)
        return self._show_clock("The clock runs")

    def reset_clock(self, call: Call) -> Answer:
        """Reset the clock."""
        self._clock.reset()
        return self._show_clock("The clock was reset to its first state")

    def rate_limits(self, call: Call) -> Answer:
        """Return the rate limits."""
        return self._rate_limits("The rate limits as they stand")

    def set_rate_limits(self, call: Call) -> Answer:
        """{policy?, limits?, window?, headers?}: absent members keep their value; the counts of calls are cleared."""
        members = SettingFields(call.body)
        name = members.choice("policy", policy_names())
        limits = members.limits("limits")
        window = members.positive_number("window", _MAX_WINDOW)
        headers = members.choice("headers", tuple(RateLimitHeaders))
        members.check()
        self._limits.policy = _changed(self._limits.policy, name, limits, window)
        if headers is not None:
            self._limits.headers = RateLimitHeaders(headers)
        return self._rate_limits("Rate limits set")

    def faults(self, call: Call) -> Answer:
        """Return the planned faults."""
        return self._faults("The faults still to come")

    def add_fault(self, call: Call) -> Answer:
        """{kind, status?, retryAfter?, seconds?, afterEffect?, on?, times?, probability?}: plan a fault."""
        members = SettingFields(call.body)
        kind = members.required_choice("kind", tuple(FaultKind)) or FaultKind.ERROR
        fault = Fault(
            kind=FaultKind(kind),
            status=members.whole("status", 400, 599, 503),
            retry_after=members.number("retryAfter", MAX_STEP),
            seconds=members.number("seconds", MAX_FAULT_SECONDS) or 0.0,
            after_effect=members.flag("afterEffect") or kind in ALWAYS_AFTER_EFFECT,
        )
        on = members.choice("on", self._planned.endpoints)
        times = members.optional_whole("times", 1, _MAX_LIMIT)
        probability = members.positive_number("probability", 1)
        members.check()
        planned = self._planned.add(fault, on=on, times=times, probability=probability)
        return success(fault_body(planned), "Fault planned")

    def remove_fault(self, call: Call) -> Answer:
        """Remove one planned fault."""
        number = call.path_params["number"]
        if not (number.isascii() and number.isdigit() and self._planned.remove(int(number))):
            raise not_found("Fault")
        return self._faults("The fault was removed")

    def clear_faults(self, call: Call) -> Answer:
        """Remove all planned faults."""
        self._planned.clear()
        return self._faults("All faults were removed")

    def variants(self, call: Call) -> Answer:
        """Return the variant of each endpoint."""
        return self._variants("The variant of each endpoint")

    def set_variant(self, call: Call) -> Answer:
        """{variant, endpoint?}: a variant of that endpoint, or ``mixed`` for one or all of them."""
        members = SettingFields(call.body)
        endpoint = members.choice("endpoint", VARIANTS)
        names = (MIXED,) if endpoint is None else (*VARIANTS[endpoint], MIXED)
        variant = members.required_choice("variant", names)
        members.check()
        if endpoint is None:
            self._shapes.mix()
        else:
            self._shapes.use(endpoint, variant)
        return self._variants("Variant set")

    def clear_variants(self, call: Call) -> Answer:
        """Restore the documented variants."""
        self._shapes.clear()
        return self._variants("All endpoints answer as documented")

    def idempotency(self, call: Call) -> Answer:
        """Return whether idempotency keys are used."""
        return self._show_idempotency("Idempotency keys")

    def set_idempotency(self, call: Call) -> Answer:
        """{honoured}: whether idempotency keys count; without, the same key has a second effect."""
        members = SettingFields(call.body)
        honoured = members.required_flag("honoured")
        members.check()
        self._keys.honoured = honoured
        return self._show_idempotency(f"Idempotency keys are {'honoured' if honoured else 'ignored'} from now on")

    def requests(self, call: Call) -> Answer:
        """Return the newest requests under /v1, newest first."""
        log = self._log
        return success({"total": log.total, "requests": [request_body(entry) for entry in log.newest()]}, "Requests")

    def _show_idempotency(self, message: str) -> Answer:
        return success({"honoured": self._keys.honoured, "kept": len(self._keys)}, message)

    def _faults(self, message: str) -> Answer:
        return success({"faults": [fault_body(planned) for planned in self._planned.planned]}, message)

    def _variants(self, message: str) -> Answer:
        chosen = self._shapes.chosen
        data = {name: {"variant": chosen[name], "of": list(names)} for name, names in VARIANTS.items()}
        return success({"endpoints": data}, message)

    def _show_clock(self, message: str) -> Answer:
        return success(clock_body(self._clock), message)

    def _rate_limits(self, message: str) -> Answer:
        policy, now = self._limits.policy, self._clock()
        standings = {name: policy.standing(name, now) for name in RateClass}
        data = {
            "policy": getattr(policy, "name", type(policy).__name__),
            "window": getattr(policy, "window", None),
            "headers": self._limits.headers,
            "classes": {
                name: {"limit": standing.limit, "remaining": standing.remaining, "resetAt": iso(standing.reset_at)}
                for name, standing in standings.items()
                if standing is not None
            },
        }
        return success(data, message)


def clock_body(clock: SandboxClock) -> dict[str, object]:
    """Return the clock's time, its speed, and whether it shows real time."""
    return {"now": iso(clock()), "speed": clock.speed, "frozen": clock.is_frozen, "real": clock.is_real}


def fault_body(planned: PlannedFault) -> dict[str, object]:
    """Return a planned fault as JSON."""
    fault = planned.fault
    return {
        "number": planned.number,
        "kind": fault.kind,
        "status": fault.status,
        "retryAfter": fault.retry_after,
        "seconds": fault.seconds,
        "afterEffect": fault.after_effect,
        "on": planned.on,
        "times": planned.times,
        "probability": planned.probability,
        "hits": planned.hits,
    }


def request_body(entry: LoggedRequest) -> dict[str, object]:
    """Return a logged request as JSON."""
    return {
        "number": entry.number,
        "at": iso(entry.at),
        "method": entry.method,
        "path": entry.path,
        "endpoint": entry.endpoint,
        "status": entry.status,
        "milliseconds": round(entry.seconds * 1000, 3),
        "note": entry.note,
    }


def _changed(
    policy: RateLimitPolicy, name: str | None, limits: dict[str, int], window: float | None
) -> RateLimitPolicy:
    """Return a policy with some settings changed, and no counted calls."""
    if isinstance(policy, CountingPolicy):
        merged = {**{str(key): limit for key, limit in policy.limits.items()}, **limits}
        return policy_named(name or policy.name, merged, window=policy.window if window is None else window)
    if name is None and (limits or window is not None):
        raise invalid({"policy": f"Must be named, because there are no limits now: {', '.join(COUNTING_POLICIES)}"})
    if name is None:
        policy.clear()
        return policy
    return policy_named(name, limits, window=RATE_LIMIT_WINDOW if window is None else window)
