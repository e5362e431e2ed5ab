"""Hostile answers and deliveries over real servers: the right end, little memory, and an event loop that goes on."""

from __future__ import annotations

import sys

import pytest

from tests.hostile import measuring, receiving
from tests.hostile.answers import ANSWERS
from tests.hostile.measuring import LONGEST, MOST, Cost
from tests.hostile.receiving import DELIVERIES

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="memory is measured in /proc")

NEIGHBOURS = 3
"""A busy machine makes CPU time longer: other processes share caches and cores. The commands measure without."""

BY_BYTES = (
    *("256 MiB in three layers of gzip", "256 MiB in one layer of gzip", "256 MiB with a length", "endless chunks"),
    *("an endless extension of a chunk", "endless trailers", "headers without an end", "a status line without an end"),
)
"""Cases that depend on the transport. The rest is read by the same code for every client."""


def wrong_in(costs: dict[str, Cost], ends: dict[str, str], *, has_loop: bool) -> list[str]:
    """Return a line for each end, memory or turn that is not as it must be."""
    assert costs.keys() == ends.keys()
    return [
        f"{name}: {cost}"
        for name, cost in costs.items()
        if cost.end != ends[name] or cost.memory > MOST or (has_loop and cost.turn > NEIGHBOURS * LONGEST)
    ]


@pytest.mark.timeout(240)
def test_every_answer_to_a_client_of_asyncio() -> None:
    """Each kind ends as it must, below 100 MiB, and without a turn of the loop that takes long."""
    costs = measuring.measure("asyncio", longest=NEIGHBOURS * LONGEST)
    assert not wrong_in(costs, {name: each.end for name, each in ANSWERS.items()}, has_loop=True)


@pytest.mark.timeout(120)
@pytest.mark.parametrize("way", ["aiohttp", "trio", "blocking"])
def test_answers_to_the_other_clients(way: str) -> None:
    """It holds for the other transports too, where these read bytes."""
    costs = measuring.measure(way, list(BY_BYTES), longest=NEIGHBOURS * LONGEST)
    ends = {name: ANSWERS[name].end for name in BY_BYTES}
    assert not wrong_in(costs, ends, has_loop=way != "blocking")


def test_every_delivery_to_a_receiver() -> None:
    """Each kind gets its answer, below 100 MiB, and the server's loop goes on."""
    ends = {name: str(each.status) for name, each in DELIVERIES.items()}
    assert not wrong_in(receiving.measure(longest=NEIGHBOURS * LONGEST), ends, has_loop=True)
