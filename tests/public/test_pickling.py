"""Objects of one process refuse pickle and copy with an error that names the way out; records travel."""

from __future__ import annotations

import asyncio
import copy
import pickle
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest

from inventpay import AsyncInventPay, InventPay, LocalLimiter
from inventpay.payouts import AsyncPayouts, Payouts
from inventpay.redis import RedisLimiter, RedisSeenStore
from inventpay.sandbox import Sandbox
from inventpay.webhooks import MemorySeenStore, SQLiteSeenStore, WebhookReceiver


@pytest.fixture
def things(tmp_path: Path) -> Iterator[dict[str, Any]]:
    """One object of every class that belongs to its process, by the name of its class."""
    sandbox = Sandbox()
    with ExitStack() as stack:
        client = stack.enter_context(sandbox.client())
        payouts = AsyncPayouts(sandbox.async_client(), tmp_path / "a.sqlite3")
        stack.callback(lambda: asyncio.run(payouts.aclose()))
        made: list[Any] = [
            *(sandbox, client, sandbox.async_client(), LocalLimiter(), WebhookReceiver("whsec_1"), MemorySeenStore()),
            *(RedisLimiter("redis://localhost:1"), RedisSeenStore("redis://localhost:1")),
            *(stack.enter_context(closing(SQLiteSeenStore(tmp_path / "seen.sqlite3"))), payouts),
            stack.enter_context(closing(Payouts(client, tmp_path / "payouts.sqlite3"))),
        ]
        yield {type(thing).__name__: thing for thing in made}


@pytest.mark.parametrize("way", [pickle.dumps, copy.deepcopy], ids=["pickle", "deepcopy"])
def test_objects_of_one_process_say_what_to_do_instead(things: dict[str, Any], way: Callable[[Any], Any]) -> None:
    """The error names the class and the way out, not the lock or the socket that stopped pickle."""
    for name, thing in things.items():
        with pytest.raises(TypeError, match=f"^{name} cannot be pickled or copied: make one in each process"):
            way(thing)


def test_a_copied_client_shares_connections_and_limits() -> None:
    """A shallow copy is what ``with_options`` returns; its groups of calls are its own."""
    sandbox = Sandbox()
    with sandbox.client() as client:
        groups = client.payments, client.balances
        other = copy.copy(client)
        assert type(other) is InventPay
        assert (other._transport, other._limiter) == (client._transport, client._limiter)
        assert other.payments is not groups[0]
        assert other.balances.get("BTC").currency == "BTC"
    assert type(copy.copy(sandbox.async_client())) is AsyncInventPay
