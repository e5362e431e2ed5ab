"""Clients whose API is a script, whose clock is fake and whose jitter is known."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from typing import Any

import httpx

from inventpay import AsyncInventPay, InventPay, RateLimits

from .api import ScriptedAPI
from .clock import AsyncFakeBackend, FakeBackend

WITHDRAWAL_KEY = "wk_live_of_the_tests"

_numbers = itertools.count(1)


def new_key() -> str:
    """Return an API key of its own: clients of one process share their rate limits by key."""
    return f"pk_live_of_test_{next(_numbers)}"


def scripted_async_client(api: ScriptedAPI, *, jitter: float | None = 1.0, **options: Any) -> AsyncInventPay:
    """Return an `AsyncInventPay` for `api` on its clock.

    Pauses are `jitter` times their upper bound, or random if it is `None`.
    """
    client = AsyncInventPay(**_options(api, options))
    backend = AsyncFakeBackend(api.clock)
    _let_wait(client, backend)
    if jitter is not None:
        client._transport._jitter = lambda: jitter
    return client


def scripted_client(api: ScriptedAPI, *, jitter: float | None = 1.0, **options: Any) -> InventPay:
    """Return an `InventPay` of that kind."""
    client = InventPay(**_options(api, options))
    backend = FakeBackend(api.clock)
    _let_wait(client, backend)
    if jitter is not None:
        client._transport._jitter = lambda: jitter
    return client


def _let_wait(client: AnyClient, backend: Any) -> None:
    # The script stands for the real API, also in what it must not do.
    client._transport._is_mocked = None
    parts = (client, client._transport, client._connection, client._polling, client._transport._reads)
    for part in parts:
        if part is not None:
            part._backend = backend


def _options(api: ScriptedAPI, options: dict[str, Any]) -> dict[str, Any]:
    return {
        "rate_limits": RateLimits(),  # a client over a mock has none by default
        "api_key": new_key(),
        "withdrawal_key": WITHDRAWAL_KEY,
        "transport": httpx.MockTransport(api),
        **options,
    }


def transports_of(client: type) -> list[str | None]:
    """Return what ``transport=`` may name for this client; aiohttp serves event loops only."""
    return [None] if client is InventPay else [None, "aiohttp"]


AnyClient = Any
"""Either client: what a call returns is awaited in one world and not in the other."""

AnyCall = Callable[[AnyClient], Any]


def read(client: AnyClient) -> Any:
    """A call that changes nothing."""
    return client.balances.get("USDT_BEP20")


def read_publicly(client: AnyClient) -> Any:
    """A call that changes nothing and carries no key."""
    return client.payments.status("cmh123abc456def")


def repeatable(client: AnyClient, **options: Any) -> Any:
    """A write that may be repeated under its key."""
    return client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20", **options)


def once(client: AnyClient, **options: Any) -> Any:
    """A write that moves money."""
    return client.withdrawals.create(
        amount="10",
        currency="USDT_BEP20",
        destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
        **options,
    )


CALLS: dict[str, AnyCall] = {"read": read, "repeatable": repeatable, "once": once}
"""One call of each kind of safety."""
