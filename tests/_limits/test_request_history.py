"""The precomputed peaks give the same result as a scan of all peaks."""

from __future__ import annotations

import math
import random
from bisect import bisect_right, insort

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay._limits.request_history import RequestHistory

SPAN = 64.0


def log_room(stamps: list[float], start: float, limit: int) -> tuple[float, int]:
    """Return the first time from `start` on at which a sliding log has room, and the room then."""
    blocker = len(stamps) - limit
    if blocker < 0 or stamps[blocker] + SPAN <= start:
        return start, limit - (len(stamps) - bisect_right(stamps, start - SPAN))
    return stamps[blocker] + SPAN, 1


def counter_room(stamps: list[float], time: float, limit: int) -> tuple[float, int]:
    """Return the first time from `time` on at which every counter has room, in one pass over all peaks.

    The sliding log has room at `time`, so no window is full by itself.
    """
    full = len(stamps) - limit
    i = max(full + 1, bisect_right(stamps, time - SPAN))  # first stamp of the window that begins at x
    j = bisect_right(stamps, time - 2.0 * SPAN)  # first stamp of the window before it
    spare = SPAN * (i - full)
    ends = [*stamps, math.inf, math.inf]
    while True:
        room, before = i - full, i - j
        if ends[i] <= ends[j] + SPAN:
            x = ends[i]
            i += 1
        else:
            x = ends[j] + SPAN
            j += 1
        if x > time:
            return time, max(1, math.ceil(spare / SPAN - 1e-9))
        left = SPAN * room - before * (x + SPAN - time)
        if left < spare:
            spare = max(left, 0.0)
            if left < 0.0:
                time = max(time, x + SPAN - SPAN * room / before)


def plain_room(
    stamps: list[float], now: float, start: float, limit: int, answered: int, *, every_phase: bool
) -> tuple[float, int]:
    """Return the result of the one-pass algorithm, which checks all peaks every time."""
    at = bisect_right(stamps, now)
    time, free = log_room([*stamps[:at], *[now] * answered, *stamps[at:]], start, limit)
    if not every_phase:
        return time, max(1, free)
    return counter_room([*stamps[:at], *[now] * answered, *stamps[at:]], time, limit)


@attrs.frozen
class Step:
    """One event: time passes, requests end, or a caller asks."""

    what: str
    seconds: float
    count: int


seconds = st.one_of(st.sampled_from([0.0, SPAN / 8, SPAN / 2, SPAN, 1e-6]), st.floats(0.0, SPAN / 4))
kinds = st.sampled_from(
    ["pass", "pass", "end", "end", "end", "burst", "abandoned", "taken", "ask", "ask", "forget", "long"]
)
steps = st.lists(st.builds(Step, kinds, seconds, st.integers(0, 12)), min_size=20, max_size=120)


@pytest.mark.parametrize("every_phase", [True, False])
@given(script=steps, limit=st.integers(1, 40), counted=st.integers(1, 40))
def test_a_scan_would_find_the_same(every_phase: bool, script: list[Step], limit: int, counted: int) -> None:
    """For any ends and calls: the same time and the same room, up to the number that was to be counted."""
    stamps, plain, now = RequestHistory(SPAN, every_phase=every_phase), list[float](), 0.0
    for step in script:
        if step.what == "pass":
            now += step.seconds
        elif step.what == "long":
            now += 3.0 * SPAN * (step.count == 0)
        elif step.what == "forget":
            until = now - 2.0 * SPAN - step.seconds
            stamps.forget(until)
            del plain[: bisect_right(plain, until)]
        elif step.what in ("end", "abandoned"):
            stamps.add(now + step.seconds * (step.what == "abandoned"))
            insort(plain, now + step.seconds * (step.what == "abandoned"))
        elif step.what in ("burst", "taken"):
            stamp = now + step.seconds * (step.what == "taken")
            stamps.add(stamp, step.count)
            for _ in range(step.count):
                insort(plain, stamp)
        else:
            start = now + step.seconds * (step.count % 3 == 0)
            time, free = stamps.room(now, start, limit, answered=step.count, most=counted)
            expected_time, expected = plain_room(plain, now, start, limit, step.count, every_phase=every_phase)
            assert time == pytest.approx(expected_time, abs=1e-9, rel=0)
            if time == start == expected_time:
                assert free == min(expected, counted)
    assert len(stamps) == len(plain)
    for past in (now, now - SPAN / 3, now - SPAN, now - 2.0 * SPAN):
        expected_time, expected = plain_room(plain, past, past, limit, 0, every_phase=every_phase)
        if expected_time == past or expected_time > past + 1e-9:
            assert stamps.room_then(past, limit) == (expected if expected_time == past else 0)


@pytest.mark.parametrize("limit", [10, 60, 300])
@pytest.mark.parametrize("busy", [0.5, 0.95, 1.5])
def test_a_scan_would_find_the_same_for_hours(limit: int, busy: float) -> None:
    """A steady load below, near and above the limit, with late answers, lost requests and pauses."""
    rng = random.Random(limit)
    stamps, plain, now, in_flight = RequestHistory(SPAN, every_phase=True), list[float](), 0.0, list[float]()
    moved = 0
    for _ in range(4 * limit + 200):
        pauses = rng.random() < 1.0 / (2 * limit)
        now += rng.uniform(0.0, 2.0 * SPAN) if pauses else rng.expovariate(limit * busy / SPAN)
        while in_flight and in_flight[0] <= now:
            stamps.add(end := in_flight.pop(0))
            insort(plain, end)
        while True:
            asked = now, now, limit, len(in_flight)
            time, free = stamps.room(*asked[:3], answered=asked[3], most=limit)
            expected_time, expected = plain_room(plain, *asked, every_phase=True)
            assert time == pytest.approx(expected_time, abs=1e-9, rel=0)
            if time <= now:
                assert free == expected
                break
            moved += 1
            now = min([time, *in_flight])
            while in_flight and in_flight[0] <= now:
                stamps.add(end := in_flight.pop(0))
                insort(plain, end)
        if rng.random() < 0.05:
            stamps.add(now + 5.0)
            insort(plain, now + 5.0)
        else:
            insort(in_flight, now + rng.uniform(0.01, 0.5))
        stamps.forget(now - 2.0 * SPAN)
        del plain[: bisect_right(plain, now - 2.0 * SPAN)]
    assert moved > limit or busy < 1.0
