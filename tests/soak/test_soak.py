"""Cancellations and timeouts leave nothing behind, however many there are."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator

import pytest

from tests.soak.cancellation import CONNECTIONS, Report, storm
from tests.support.servers import echo_process


@pytest.fixture(scope="module")
def secured_url() -> Iterator[str]:
    """It holds over TLS."""
    with echo_process(tls=True) as url:
        yield url


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
    # The connections of the client, and what the event loop and the certificates hold.
    assert report.descriptors_after <= report.descriptors_before + CONNECTIONS + 4
    assert report.tasks_after == 1
    assert report.descriptors_closed <= report.descriptors_before


@pytest.mark.parametrize("transport", [None, "aiohttp"])
def test_hundreds_of_cut_off_calls_leave_nothing_behind(base_url: str, transport: str | None) -> None:
    """After 600 mixed cancellations and timeouts ten calls succeed at once; no lease, slot or descriptor is lost.

    ``nox -s soak`` makes 100,000.
    """
    assert_harmless(asyncio.run(storm(base_url, transport, 600)), 600)


def test_cut_off_handshakes_leave_nothing_behind(secured_url: str) -> None:
    """It holds over TLS, where most are cut off in a handshake. ``nox -s soak`` makes 20,000."""
    assert_harmless(asyncio.run(storm(secured_url, None, 150, attempt_timeout=0.05)), 150)


@pytest.mark.soak
@pytest.mark.timeout(1_800)
def test_twenty_thousand_cut_off_calls_over_tls(secured_url: str) -> None:
    """After 20,000 over TLS neither descriptors nor memory grew."""
    report = asyncio.run(storm(secured_url, None, 20_000, attempt_timeout=0.05))
    assert_harmless(report, 20_000)
    assert report.memory_after < report.memory_at_a_tenth + 16 * 1024 * 1024


@pytest.mark.soak
@pytest.mark.timeout(1_800)
@pytest.mark.parametrize("transport", [None, "aiohttp"])
def test_a_hundred_thousand_cut_off_calls_leave_nothing_behind(base_url: str, transport: str | None) -> None:
    """After 100,000 it is the same, and the descriptors are as many as after a tenth of them."""
    report = asyncio.run(storm(base_url, transport, 100_000))
    assert_harmless(report, 100_000)
    assert abs(report.descriptors_after - report.descriptors_at_a_tenth) < CONNECTIONS + 4
    assert report.memory_after < report.memory_at_a_tenth + 16 * 1024 * 1024
