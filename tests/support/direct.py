"""Requests straight over the transports of this package, the same way in each world."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import httpx
import trio

from inventpay._transport.async_transport import AsyncDirectTransport
from inventpay._transport.blocking_transport import DirectTransport
from inventpay._transport.progress import EXTENSION, Progress

from .fault_servers import Outcome

Ask = Callable[..., Awaitable[Outcome]]
"""Sends a request and returns how it ended."""


def request(url: str, progress: Progress | None = None, **options: Any) -> httpx.Request:
    """A request with ``read`` seconds of time, or with the time and the other wishes of a progress."""
    extensions: dict[str, Any] = {"timeout": {"read": options.pop("seconds", 20.0)}, **options.pop("extensions", {})}
    if progress is not None:
        extensions[EXTENSION] = progress
    return httpx.Request(options.pop("method", "GET"), url, extensions=extensions, **options)


def outcome_of(error: Exception) -> Outcome:
    """Return the end of a request that raised this."""
    if isinstance(error, httpx.TimeoutException):
        return ("late", 0, b"")
    return ("protocol" if isinstance(error, httpx.RemoteProtocolError) else "lost", 0, b"")


class World:
    """One way of running a transport."""

    def __init__(self, name: str, tls: ssl.SSLContext | None = None, **options: Any) -> None:
        self.name = name
        self.is_blocking = name == "blocking"
        kind: Any = DirectTransport if self.is_blocking else AsyncDirectTransport
        self.transport: Any = kind(tls or ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), **options)

    @property
    def idle(self) -> list[Any]:
        """The connections that carry no request."""
        idle: list[Any] = self.transport._pool.connections
        return idle

    async def send(self, sent: httpx.Request) -> httpx.Response:
        """The response, its body still to be read."""
        if self.is_blocking:
            response: httpx.Response = self.transport.handle_request(sent)
        else:
            response = await self.transport.handle_async_request(sent)
        return response

    async def read(self, response: httpx.Response) -> bytes:
        """The whole body."""
        return response.read() if self.is_blocking else await response.aread()

    async def drop(self, response: httpx.Response) -> None:
        """Close a response that was not read."""
        if self.is_blocking:
            response.close()
        else:
            await response.aclose()

    async def ask(self, sent: httpx.Request) -> Outcome:
        """Return the end of a request."""
        try:
            response = await self.send(sent)
            return ("answer", response.status_code, await self.read(response))
        except httpx.TransportError as error:
            return outcome_of(error)

    async def pause(self, seconds: float) -> None:
        """Wait, so that what is under way arrives."""
        if self.name == "trio":
            await trio.sleep(seconds)
        else:
            await asyncio.sleep(seconds)

    async def close(self) -> None:
        """Close the transport."""
        if self.is_blocking:
            self.transport.close()
        else:
            await self.transport.aclose()


def run(name: str, story: Callable[[World], Awaitable[Any]], tls: ssl.SSLContext | None = None, **options: Any) -> Any:
    """Run a story in a world, close its transport, and return what it returned."""

    async def main() -> Any:
        world = World(name, tls, **options)
        try:
            return await story(world)
        finally:
            await world.close()

    return trio.run(main) if name == "trio" else asyncio.run(main())


WORLDS: Sequence[str] = ("blocking", "asyncio", "trio")
