# The source of tests/_sync/test_signal_handlers.py; after a change run: python tools/generate_sync.py
"""An exception that a signal handler raises ends the call, whatever its type: it is no trouble of the network."""

from __future__ import annotations

import functools
import signal
from collections.abc import Callable, Generator
from typing import Any

import httpx
import pytest

from inventpay import APIConnectionError, AsyncInventPay
from inventpay.hooks import AttemptSent
from tests.support.clients import CALLS, WITHDRAWAL_KEY, AnyCall, new_key

KINDS = [TimeoutError, OSError, ConnectionResetError, ValueError]
"""The documentation of ``signal`` raises OSError; most recipes for time limits raise TimeoutError."""


def raising(kind: type[Exception], number: int, frame: object) -> None:
    raise kind("the time of the job is over")


class Limit:
    """A time limit whose handler is a method that passes on what it was given."""

    def __init__(self, kind: type[Exception]) -> None:
        self._kind = kind

    def ended(self, *arguments: Any) -> None:
        raising(self._kind, *arguments)


HANDLERS: dict[str, Callable[[type[Exception]], Callable[..., None]]] = {
    "partial": lambda kind: functools.partial(raising, kind),
    "method": lambda kind: Limit(kind).ended,
    "lambda": lambda kind: lambda number, frame, *, note="": raising(kind, 0, note),
}


@pytest.fixture
def restored() -> Generator[None]:
    """Put the handler of SIGTERM back at the end of a test."""
    before = signal.getsignal(signal.SIGTERM)
    yield
    signal.signal(signal.SIGTERM, before)


async def interrupted(request: httpx.Request) -> httpx.Response:
    """Meet a signal on the way, and call it what httpx calls trouble of a socket."""
    try:
        signal.raise_signal(signal.SIGTERM)
    except OSError as error:
        raise httpx.ReadError("the connection was lost") from error
    raise AssertionError(f"no signal came with {request}")


async def lost(request: httpx.Request) -> httpx.Response:
    """Lose the connection."""
    raise httpx.ReadError("the connection was lost") from ConnectionResetError("reset by peer")


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("handler", HANDLERS)
@pytest.mark.parametrize("name", CALLS)
async def test_a_time_limit_ends_the_call(name: str, handler: str, kind: type[Exception], restored: None) -> None:
    """The exception of a handler passes through at once, untouched, and a write says that it is in doubt."""
    call: AnyCall = CALLS[name]
    signal.signal(signal.SIGTERM, HANDLERS[handler](kind))
    async with AsyncInventPay(
        new_key(), withdrawal_key=WITHDRAWAL_KEY, transport=httpx.MockTransport(interrupted)
    ) as client:
        with pytest.raises(kind, match="the time of the job is over") as caught:
            await call(client)
    assert type(caught.value) is kind
    assert bool(getattr(caught.value, "__notes__", [])) is (name != "read")


async def test_a_lost_connection_after_a_time_limit_is_one(restored: None) -> None:
    """A call that is made while a time limit is being handled fails for its own reason."""
    signal.signal(signal.SIGTERM, HANDLERS["method"](TimeoutError))
    async with AsyncInventPay(new_key(), max_retries=0, transport=httpx.MockTransport(lost)) as client:
        try:
            signal.raise_signal(signal.SIGTERM)
        except TimeoutError:
            with pytest.raises(APIConnectionError, match="the connection was lost"):
                await CALLS["read"](client)


async def test_a_time_limit_in_a_hook_ends_the_call(restored: None) -> None:
    """A hook may wait for something; the exceptions of its own are logged, and those of a signal pass."""
    signal.signal(signal.SIGTERM, HANDLERS["method"](TimeoutError))

    def hook(event: object) -> None:
        if isinstance(event, AttemptSent):
            signal.raise_signal(signal.SIGTERM)

    async with AsyncInventPay(new_key(), hooks=[hook], transport=httpx.MockTransport(lost)) as client:
        with pytest.raises(TimeoutError, match="the time of the job is over"):
            await CALLS["read"](client)
