"""Names and addresses: look-ups that hang, addresses that are dead, and the first connection wins."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest

from inventpay._transport.http1 import connecting
from inventpay._transport.http1.connecting import open_async, open_blocking
from tests.support.systems import needs_descriptors, needs_loopback_addresses


def open_in(world: str, host: str, port: int, seconds: float | None = 10.0) -> socket.socket:
    """A connection, made in one of two worlds."""
    if world == "blocking":
        until = None if seconds is None else time.monotonic() + seconds
        return open_blocking(host, port, lambda: None if until is None else until - time.monotonic())

    async def main() -> socket.socket:
        try:
            async with asyncio.timeout(seconds):
                return await open_async(host, port)
        except TimeoutError as error:
            raise httpx.ConnectTimeout("late") from error

    return asyncio.run(main())


BOTH = pytest.mark.parametrize("world", ["blocking", "asyncio"])

Resolve = Callable[..., list[Any]]


@pytest.fixture
def listener() -> Iterator[socket.socket]:
    """Something to connect to."""
    with socket.create_server(("127.0.0.1", 0)) as made:
        yield made


def resolves_to(monkeypatch: pytest.MonkeyPatch, *addresses: str, pause: float = 0.0) -> list[str]:
    """Has every name resolve to these addresses, after a pause; returns the names asked for."""
    asked: list[str] = []

    def resolve(host: str, port: int, *_: Any, **__: Any) -> list[Any]:
        asked.append(host)
        time.sleep(pause)
        kinds = [socket.AF_INET6 if ":" in address else socket.AF_INET for address in addresses]
        return [
            (kind, socket.SOCK_STREAM, 6, "", (address, port)) for kind, address in zip(kinds, addresses, strict=True)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return asked


@contextlib.contextmanager
def deaf(host: str, port: int) -> Iterator[None]:
    """An address that does not answer: its queue is full."""
    with socket.socket() as listener, contextlib.ExitStack() as stack:
        listener.bind((host, port))
        listener.listen(0)
        for _ in range(6):
            filler = stack.enter_context(socket.socket())
            filler.setblocking(False)
            filler.connect_ex((host, port))
        yield


@BOTH
def test_the_socket(world: str, listener: socket.socket) -> None:
    """It is connected, does not wait to fill packets, and notices a peer that died."""
    with open_in(world, "127.0.0.1", listener.getsockname()[1]) as sock:
        assert sock.getpeername() == listener.getsockname()
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@BOTH
def test_a_numeric_address_is_not_looked_up(world: str, listener: socket.socket, monkeypatch: Any) -> None:
    """It needs no resolver, and so no thread."""
    asked = resolves_to(monkeypatch, "127.0.0.2")
    with open_in(world, "127.0.0.1", listener.getsockname()[1]) as sock:
        assert sock.getpeername()[0] == "127.0.0.1"
    assert asked == []


@BOTH
def test_a_slow_resolver_outlasts_no_deadline(world: str, monkeypatch: Any) -> None:
    """A look-up that takes longer than the call has is given up in time."""
    resolves_to(monkeypatch, "127.0.0.1", pause=1.0)
    started = time.monotonic()
    with pytest.raises(httpx.ConnectTimeout):
        open_in(world, "slow.example", 1, 0.15)
    assert time.monotonic() - started < 0.9


def test_a_look_up_is_shared(listener: socket.socket, monkeypatch: Any) -> None:
    """Calls that need the same name at the same time ask once."""
    asked = resolves_to(monkeypatch, "127.0.0.1", pause=0.3)
    port = listener.getsockname()[1]

    async def main() -> None:
        made = await asyncio.gather(*(open_async("shared.example", port) for _ in range(20)))
        for sock in made:
            sock.close()

    asyncio.run(main())
    assert asked == ["shared.example"]


@BOTH
def test_a_name_that_does_not_exist(world: str, monkeypatch: Any) -> None:
    """It is a ConnectError, caused by what the resolver said."""

    def fail(*_: Any, **__: Any) -> list[Any]:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", fail)
    with pytest.raises(httpx.ConnectError, match="not known") as caught:
        open_in(world, "nowhere.example", 1)
    assert isinstance(caught.value.__cause__, socket.gaierror)
    resolves_to(monkeypatch)
    with pytest.raises(httpx.ConnectError, match="no address"):
        open_in(world, "nowhere.example", 1)


@BOTH
@pytest.mark.parametrize("name", ["a" * 70 + ".example", "a..example"])
def test_a_name_that_cannot_be_encoded(world: str, name: str) -> None:
    """The UnicodeError of the standard library is a ConnectError as well."""
    with pytest.raises(httpx.ConnectError):
        open_in(world, name, 1)


@needs_loopback_addresses
@BOTH
def test_a_dead_first_address_costs_a_quarter_of_a_second(
    world: str, listener: socket.socket, monkeypatch: Any
) -> None:
    """The next address is tried 250 ms later, and the first connection wins, however many are still being made."""
    port = listener.getsockname()[1]
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    counted = os.path.isdir("/proc/self/fd")
    before = sockets() if counted else set()
    with deaf("127.0.0.2", port), deaf("127.0.0.3", port):
        started = time.monotonic()
        with open_in(world, "two-dead.example", port, 5.0) as sock:
            assert sock.getpeername()[0] == "127.0.0.1"
        assert 0.45 <= time.monotonic() - started < 1.5
    if counted:
        assert len(sockets() - before) <= 1


@needs_loopback_addresses
@BOTH
def test_an_address_that_refuses_costs_nothing(world: str, listener: socket.socket, monkeypatch: Any) -> None:
    """After a refusal the next address is tried at once."""
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.3", "127.0.0.1")
    started = time.monotonic()
    with open_in(world, "refusing.example", listener.getsockname()[1]) as sock:
        assert sock.getpeername()[0] == "127.0.0.1"
    assert time.monotonic() - started < 0.2


@needs_loopback_addresses
@BOTH
def test_no_address_can_be_reached(world: str, monkeypatch: Any) -> None:
    """The error says why, and is caused by the refusal."""
    with socket.create_server(("127.0.0.1", 0)) as closed:
        port = closed.getsockname()[1]
    resolves_to(monkeypatch, "127.0.0.1", "127.0.0.2")
    for host in ("127.0.0.1", "nobody.example"):
        with pytest.raises(httpx.ConnectError, match=r"111|61|refused") as caught:
            open_in(world, host, port)
        assert isinstance(caught.value.__cause__, ConnectionRefusedError)


@needs_loopback_addresses
@BOTH
def test_all_addresses_are_dead(world: str, listener: socket.socket, monkeypatch: Any) -> None:
    """If no address answers, the deadline ends the attempt."""
    port = listener.getsockname()[1]
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.3")
    with deaf("127.0.0.2", port), deaf("127.0.0.3", port):
        started = time.monotonic()
        with pytest.raises(httpx.ConnectTimeout):
            open_in(world, "dead.example", port, 0.4)
        assert time.monotonic() - started < 1.0


def test_families_take_turns(monkeypatch: Any) -> None:
    """An IPv6 network that is broken does not come before every IPv4 address (RFC 8305, section 4)."""
    resolves_to(monkeypatch, "::1", "::2", "::3", "127.0.0.1", "127.0.0.2")
    done = threading.Event()
    look_up = connecting._resolver.start("mixed.example", 1, done.set)
    assert done.wait(5)
    assert [address[1][0] for address in look_up.result()] == ["::1", "127.0.0.1", "::2", "127.0.0.2", "::3"]


def sockets() -> set[str]:
    """Return the open sockets of this process by their inodes, which are not reused like descriptors."""
    assert sys.platform == "linux"
    found: set[str] = set()
    for descriptor in os.listdir("/proc/self/fd"):
        with contextlib.suppress(OSError):
            found.add(os.readlink(f"/proc/self/fd/{descriptor}"))
    return {target for target in found if target.startswith("socket:")}


@needs_loopback_addresses
@needs_descriptors
def test_a_cancelled_race_leaves_no_socket(listener: socket.socket, monkeypatch: Any) -> None:
    """Connections that were being made when the task was cancelled are closed."""
    port = listener.getsockname()[1]
    resolves_to(monkeypatch, "127.0.0.2", "127.0.0.3")

    async def main() -> int:
        before = sockets()
        task = asyncio.create_task(open_async("dead.example", port))
        await asyncio.sleep(0.4)
        assert len(sockets() - before) >= 2
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await asyncio.sleep(0.01)
        return len(sockets() - before)

    with deaf("127.0.0.2", port), deaf("127.0.0.3", port):
        assert asyncio.run(main()) == 0
