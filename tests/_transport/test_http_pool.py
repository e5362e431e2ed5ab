"""One transport for every connection: the one used last serves next, idle ones are closed, none is lost."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from typing import Any

import httpx
import pytest

from inventpay._transport import http_pool as http_transports
from inventpay._transport.http_pool import AsyncTransports, Transports

REQUEST = httpx.Request("GET", "https://localhost")


class Body(httpx.AsyncByteStream, httpx.SyncByteStream):
    """A body in two pieces."""

    def __iter__(self) -> Iterator[bytes]:
        yield from (b"a", b"b")

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self.__iter__():
            yield piece


class Counted(httpx.AsyncBaseTransport, httpx.BaseTransport):
    """Counts what it sends, and whether it was closed."""

    made: list[Counted]

    def __init__(self) -> None:
        self.sent = 0
        self.closed = 0
        self.fails = False
        Counted.made.append(self)

    def handle_request(self, request: httpx.Request) -> httpx.Response:
        self.sent += 1
        if self.fails:
            raise httpx.ReadError("gone")
        return httpx.Response(200, stream=Body())

    def close(self) -> None:
        self.closed += 1

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        await asyncio.sleep(0)
        return self.handle_request(request)

    async def aclose(self) -> None:
        self.closed += 1


class World:
    """Both kinds behind one set of names, so that each test holds for both."""

    def __init__(self, expiry: float, *, blocking: bool) -> None:
        Counted.made = []
        self.blocking = blocking
        self.transports: Any = Transports(Counted, expiry) if blocking else AsyncTransports(Counted, expiry)

    async def send(self) -> httpx.Response:
        if self.blocking:
            response: httpx.Response = self.transports.handle_request(REQUEST)
            return response
        awaited: httpx.Response = await self.transports.handle_async_request(REQUEST)
        return awaited

    async def read(self, response: httpx.Response) -> bytes:
        return response.read() if self.blocking else await response.aread()

    async def close(self, thing: Any) -> None:
        if self.blocking:
            thing.close()
        else:
            await thing.aclose()

    @property
    def sent(self) -> list[int]:
        return [transport.sent for transport in Counted.made]

    @property
    def closed(self) -> list[int]:
        return [transport.closed for transport in Counted.made]


worlds = pytest.mark.parametrize("blocking", [True, False], ids=["blocking", "async"])


@worlds
async def test_one_after_the_other_uses_one(blocking: bool) -> None:
    """As with any pool, a lone caller keeps its connection."""
    world = World(5.0, blocking=blocking)
    for _ in range(3):
        assert await world.read(await world.send()) == b"ab"
    assert world.sent == [3]


@worlds
async def test_each_open_answer_has_its_own(blocking: bool) -> None:
    """As many as there are answers that were not read; and the one used last serves next."""
    world = World(5.0, blocking=blocking)
    first, second = await world.send(), await world.send()
    assert world.sent == [1, 1]
    await world.close(second)
    await world.close(first)
    await world.close(first)  # once more gives nothing back
    await world.send()
    assert world.sent == [2, 1]
    await world.send()
    await world.send()
    assert world.sent == [2, 2, 1]


@worlds
async def test_what_fails_serves_again(blocking: bool) -> None:
    """A request that fails keeps no transport for itself."""
    world = World(5.0, blocking=blocking)
    Counted.made[0].fails = True
    with pytest.raises(httpx.ReadError):
        await world.send()
    Counted.made[0].fails = False
    await world.send()
    assert world.sent == [2]


@worlds
async def test_a_body_that_cannot_be_closed_frees_its_transport(blocking: bool) -> None:
    """Trouble with closing is told, and costs nobody a connection."""

    def fail(*_: object) -> Any:
        raise httpx.CloseError("stuck")

    world = World(5.0, blocking=blocking)
    response = await world.send()
    response.stream._stream.close = response.stream._stream.aclose = fail  # type: ignore[union-attr]
    with pytest.raises(httpx.CloseError):
        await world.close(response)
    await world.send()
    assert world.sent == [2]


@worlds
async def test_idle_ones_are_closed(blocking: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a burst, those that nobody needs any more are closed, one with each request; never the one in use."""
    now = 100.0
    monkeypatch.setattr(http_transports.time, "monotonic", lambda: now)
    world = World(5.0, blocking=blocking)
    for response in [await world.send() for _ in range(3)]:
        await world.close(response)
    now = 104.0
    await world.close(await world.send())
    assert world.closed == [0, 0, 0]
    now = 106.0
    await world.close(await world.send())
    await world.close(await world.send())
    await world.close(await world.send())
    assert world.closed == [1, 1, 0]
    assert world.sent == [1, 1, 5]


@worlds
async def test_closing_closes_all(blocking: bool) -> None:
    """Those that carry an answer too, and each once."""
    world = World(5.0, blocking=blocking)
    await world.close(await world.send())
    await world.send()
    await world.send()
    await world.close(world.transports)
    await world.close(world.transports)
    assert world.closed == [1, 1]


async def test_a_request_cut_off_while_an_idle_one_is_closed_keeps_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """Cancellation falls anywhere."""
    now = 100.0
    monkeypatch.setattr(http_transports.time, "monotonic", lambda: now)
    world = World(5.0, blocking=False)
    for response in [await world.send(), await world.send()]:
        await response.aclose()
    now = 200.0
    closing = asyncio.Event()

    async def hang() -> None:
        closing.set()
        await asyncio.Event().wait()

    Counted.made[0].aclose = hang  # type: ignore[method-assign]
    task = asyncio.create_task(world.send())
    await closing.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await world.send()
    assert world.sent == [1, 2]
