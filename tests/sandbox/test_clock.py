from __future__ import annotations

import pytest

from inventpay.sandbox import ManualClock
from inventpay.sandbox.clock import iso


def test_a_manual_clock_moves_only_when_told_and_only_forward() -> None:
    """It stands still, advances by what it is told, and refuses to go back."""
    clock = ManualClock(10.0)
    assert (clock(), clock()) == (10.0, 10.0)
    clock.advance(2.5)
    assert clock() == 12.5
    for seconds in (-1.0, float("nan")):
        with pytest.raises(ValueError, match="only move forward"):
            clock.advance(seconds)


def test_times_are_written_like_the_documented_ones() -> None:
    """ISO 8601 in UTC with milliseconds and a Z; the default clock starts at the time of the documented samples."""
    assert iso(ManualClock()()) == "2024-01-01T12:00:00.000Z"
    assert iso(1_704_110_400.25) == "2024-01-01T12:00:00.250Z"
    assert repr(ManualClock()) == "ManualClock(2024-01-01T12:00:00.000Z)"
