"""Cancellations and timeouts leave nothing behind, however many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.soak.cancellation import CONNECTIONS, Report, storm
from tests.support.servers import echo_process


@pytest.fixture(scope="module")
def base_url() -> Iterator[str]:
    """A server in another process, whose descriptors are not counted here."""
    with echo_process() as url:
        yield url


def assert_harmless(report: Report, calls: int) -> None:
    """Nothing of the storm is left."""
    assert sum(report.ends.values()) == calls
    # On a busy machine no answer may come within the 20 ms of an attempt; there is a storm all the same.
    assert {"cancelled", "cancelled by a scope", "timed out"} <= report.ends.keys()
    assert (report.leased, report.waiting) == (0, 0)
    assert report.together == CONNECTIONS
    # What 32 cut-off requests may have left in a pool, that pool's own connections, and those of the one before.
    assert report.descriptors_after < report.descriptors_before + 32 + 2 * CONNECTIONS
    assert report.descriptors_closed == report.descriptors_before


@pytest.mark.parametrize("transport", [None, "aiohttp"])
def test_two_thousand_cut_off_calls_leave_nothing_behind(base_url: str, transport: str | None) -> None:
    """After 2,000 mixed cancellations and timeouts ten calls succeed at once; no lease, slot or descriptor is lost."""
    assert_harmless(asyncio.run(storm(base_url, transport, 2_000)), 2_000)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("transport", [None, "aiohttp"])
def test_a_hundred_thousand_cut_off_calls_leave_nothing_behind(base_url: str, transport: str | None) -> None:
    """After 100,000 it is the same, and the descriptors are as many as after a tenth of them."""
    report = asyncio.run(storm(base_url, transport, 100_000))
    assert_harmless(report, 100_000)
    assert abs(report.descriptors_after - report.descriptors_at_a_tenth) < 32 + 2 * CONNECTIONS
