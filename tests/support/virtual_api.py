"""An API in virtual time: answers after a latency, remembers when each question arrived, and fails on demand."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import httpx

from inventpay import AsyncInventPay, LocalLimiter, RateLimits
from tests.support.clients import new_key
from tests.support.virtual_time import VirtualBackend

Latency = Callable[[], float]


class VirtualAPI:
    """Every answer gives, as the available balance, how many requests had arrived when it was given."""

    def __init__(self, latency: Latency = lambda: 0.1) -> None:
        self.latency = latency
        self.arrivals: list[float] = []
        self.statuses: list[int] = []
        """Statuses of the answers to come; 200 when there are none."""
        self.open = 0
        self.most_open = 0

    async def __call__(self, request: httpx.Request) -> httpx.Response:
        loop = asyncio.get_running_loop()
        self.arrivals.append(loop.time())
        number = len(self.arrivals)
        self.open += 1
        self.most_open = max(self.most_open, self.open)
        try:
            await asyncio.sleep(self.latency())
        finally:
            self.open -= 1
        status = self.statuses.pop(0) if self.statuses else 200
        return httpx.Response(status, content=self.body(request, number) if status == 200 else b"{}")

    def body(self, request: httpx.Request, number: int) -> bytes:
        """The documented answer to a balance call."""
        money = {"availableBalance": number, "totalEarned": number, "totalWithdrawn": 0}
        currency = request.url.path.rpartition("/")[2]
        return json.dumps({"success": True, "data": {"currency": currency, "balance": money}}).encode()


def virtual_client(api: Callable[[httpx.Request], Any], **options: Any) -> AsyncInventPay:
    """A client of `api` on the virtual clock, with limits of its own."""
    client = AsyncInventPay(
        new_key(),
        transport=httpx.MockTransport(api),
        **{"limiter": LocalLimiter(options.get("rate_limits") or RateLimits()), **options},
    )
    backend = VirtualBackend()
    for part in (client, client._transport, client._connection, client._polling, client._transport._reads):
        if part is not None:
            part._backend = backend
    return client
