"""Servers that answer badly: the outcome is that of h11, and no later request gets what belongs to an earlier one."""

from __future__ import annotations

import functools
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest

from inventpay._transport.blocking_transport import DirectTransport
from tests.support.direct import WORLDS, World, request, run
from tests.support.fault_servers import FAULTS, SECOND, FaultServer, Outcome, outcome_of_h11
from tests.support.servers import connect_proxy
from tests.support.tls import server_context, trusted_context


def deadline(name: str) -> float:
    """Return the seconds of a first request: few where the server drips or stops, enough elsewhere."""
    return 0.3 if name.startswith(("drips", "never", "stops")) else 10.0


LISTED: dict[str, tuple[str, int]] = {
    "HTTP/2.0": ("protocol", 0),
    "a header on two lines": ("protocol", 0),
    "lines that end in LF": ("protocol", 0),
    "two lengths that agree": ("protocol", 0),
    "a list of lengths": ("protocol", 0),
    "a length and chunks": ("protocol", 0),
    "a huge chunk size": ("protocol", 0),
    "101 that was not asked for": ("answer", 101),
    "many interim responses": ("protocol", 0),
}
"""The outcomes that differ from h11's; ``docs/reliability.md`` lists them with their reasons."""


async def first_and_second(world: World, url: str, name: str) -> tuple[Outcome, Outcome]:
    """The outcome of a request to a server with a fault, and of the one after it."""
    first = await world.ask(request(url, seconds=deadline(name)))
    # Until what the server still does has arrived.
    await world.pause(0.3 if 0.05 in FAULTS[name] or 0.1 in FAULTS[name] else 0.05)
    return first, await world.ask(request(url))


def expected(name: str) -> tuple[str, int]:
    """The kind of outcome and the status that a fault must have."""
    if name in LISTED:
        return LISTED[name]
    with FaultServer(FAULTS[name]) as server:
        return outcome_of_h11(server.port, deadline(name))[:2]


@pytest.mark.parametrize("name", FAULTS)
def test_a_fault_has_the_outcome_that_h11_sees(name: str) -> None:
    """Each of the faults, in each world: the outcome is h11's or as listed, and the next request is answered."""

    def play(world: str) -> tuple[Outcome, Outcome]:
        with FaultServer(FAULTS[name]) as server:
            outcomes: tuple[Outcome, Outcome] = run(
                world, lambda it: first_and_second(it, f"http://127.0.0.1:{server.port}/", name)
            )
            return outcomes

    with ThreadPoolExecutor() as threads:
        wanted = threads.submit(expected, name)
        played = {world: threads.submit(play, world) for world in WORLDS}
        outcomes = {world: future.result() for world, future in played.items()}
    for world, (first, second) in outcomes.items():
        assert first[:2] == wanted.result(), world
        assert second == ("answer", 200, SECOND), world


@pytest.mark.parametrize("world", WORLDS)
@pytest.mark.parametrize("name", ["the answer twice at once", "the answer twice, the second late", "stops in the body"])
def test_a_fault_over_tls(name: str, world: str) -> None:
    """Bytes after an answer are seen under TLS too, and a deadline holds there."""
    with FaultServer(FAULTS[name], server_context()) as server:
        first, second = run(
            world, lambda it: first_and_second(it, f"https://localhost:{server.port}/", name), trusted_context()
        )
    assert first[0] == ("late" if "stops" in name else "answer")
    assert second == ("answer", 200, SECOND)


@pytest.mark.parametrize("world", WORLDS)
def test_a_body_that_tls_cut_off_is_not_whole(world: str) -> None:
    """Without a length, only the farewell of TLS says that a body is complete."""
    name = "a body that ends with the connection"
    with FaultServer([FAULTS[name][0], "close"], server_context()) as server:
        url = f"https://localhost:{server.port}/"
        first, _ = run(world, lambda it: first_and_second(it, url, name), trusted_context())
    assert first[0] in ("lost", "protocol")


@pytest.mark.parametrize("world", WORLDS)
def test_faults_behind_a_proxy(world: str) -> None:
    """All rules hold through a tunnel: duplicates are thrown away, drips end in time, nonsense is refused."""
    names = ("the answer twice at once", "the answer twice, the second late", "drips trailers", "a length and chunks")
    with connect_proxy() as (proxy, targets):
        for name in names:
            with FaultServer(FAULTS[name]) as server:
                url = f"http://127.0.0.1:{server.port}/"
                story = functools.partial(first_and_second, url=url, name=name)
                first, second = run(world, story, proxy=httpx.Proxy(proxy))
            assert first[:2] == expected(name), name
            assert second == ("answer", 200, SECOND), name
    assert len(targets) == 2 * len(names)


def test_a_reader_of_httpcores_pool_is_served_too() -> None:
    """``_pool`` takes requests of httpcore, for what replaced a method of httpx and calls the original."""
    import httpcore

    with FaultServer([FAULTS["halves"][0], FAULTS["halves"][2]]) as server:
        asked = httpcore.Request("GET", f"http://127.0.0.1:{server.port}/", headers={"Host": "localhost"})
        with DirectTransport(World("blocking").transport._pool._routes.tls) as transport:
            response = transport._pool.handle_request(asked)
            assert (response.status, response.read()) == (200, b'{"success": true}')
            assert len(transport._pool.connections) == 1
