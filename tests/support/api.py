"""An API in memory that plays a script, on a clock of its own."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from .clock import Clock
from .store_bodies import store_answer

EXAMPLES = Path(__file__).parents[1] / "examples"

Step = Callable[[httpx.Request, Clock], httpx.Response]
"""A function that answers one request."""

INTERRUPTS = [KeyboardInterrupt, SystemExit, asyncio.CancelledError]
"""Exceptions that cut a call off from outside."""

BODIES: Mapping[tuple[str, str], str] = {
    ("POST", "/v1/create_payment"): "create_payment",
    ("POST", "/v1/create_invoice"): "create_invoice",
    ("GET", "/v1/invoice/cmh123abc456def/status"): "payment_status.pending",
    ("GET", "/v1/merchant/balance"): "balances.map-with-limits",
    ("GET", "/v1/merchant/balance/USDT_BEP20"): "balance.limits-inside",
    ("POST", "/v1/merchant/withdrawal/create"): "withdrawal.created",
    ("GET", "/v1/withdrawal/cmh789ghi012jkl"): "withdrawal.docs-pending",
    ("GET", "/v1/store/manage/products"): "products.page",
    ("GET", "/v1/merchant/webhook-config"): "webhooks/config",
    ("GET", "/v1/merchant/webhook-deliveries"): "webhook_deliveries",
    ("GET", "/v1/merchant/webhook-delivery/whd1"): "webhooks/delivery",
    ("GET", "/v1/merchant/webhook-stats"): "webhooks/stats",
    ("POST", "/v1/merchant/test-webhook"): "webhooks/test",
}
"""The documented answer to each request."""


def example(name: str) -> bytes:
    """A documented body."""
    return (EXAMPLES / f"{name}.json").read_bytes()


NOT_DOCUMENTED = b'{"success": true, "data": {}}'
"""The answer to a request of which no page shows one."""


def documented(method: str, path: str) -> bytes:
    """The documented answer to this request, an empty success where none is documented."""
    for (known_method, known_path), name in BODIES.items():
        # An API behind a gateway has a prefix.
        if method == known_method and path.endswith(known_path):
            return example(name)
    return store_answer(method, path) or NOT_DOCUMENTED


_ECHOED: Mapping[str, str] = {
    "amount": "baseAmount",
    "amountCurrency": "baseCurrency",
    "currency": "currency",
    "orderId": "orderId",
    "destinationAddress": "destinationAddress",
}
"""Members of a creation's body, and those of the documented answer that repeat them."""

_keys_seen: dict[tuple[str, str], dict[str, int]] = {}


def documented_to(method: str, path: str, body: bytes, api_key: str, key: str) -> bytes:
    """Return the documented answer to this request, with the request's values and a unique id.

    The first created record of an API key has the documented id.
    """
    plain = documented(method, path)
    answer = json.loads(plain)
    asked = json.loads(body) if body.startswith(b"{") else {}
    name = next((name for name in ("paymentId", "withdrawalId") if name in answer.get("data", {})), None)
    if method != "POST" or name is None or "amount" not in asked:
        return plain
    data = answer["data"]
    for member, repeated in _ECHOED.items():
        if repeated in data and member in asked:
            data[repeated] = asked[member]
    if name == "withdrawalId":
        data["amount"] = str(asked["amount"])
    keys = _keys_seen.setdefault((api_key, path), {})
    number = keys.setdefault(key, len(keys))
    if number:
        data[name] += f"-{number}"
    return json.dumps(answer).encode() if number or answer != json.loads(plain) else plain


def ok(request: httpx.Request, clock: Clock) -> httpx.Response:
    """Answers as documented."""
    del clock
    content = documented_to(
        request.method,
        request.url.path,
        request.content,
        request.headers.get("X-API-Key", ""),
        request.headers.get("Idempotency-Key", ""),
    )
    return httpx.Response(200, content=content, headers={"Content-Type": "application/json"})


def answers(status: int, body: Any = None, headers: Mapping[str, str] | None = None) -> Step:
    """Answers with this status and this body: bytes, or what is written as JSON."""
    if body is None:
        body = {"success": False, "error": f"said {status}", "statusCode": status}
    content = body if isinstance(body, bytes) else json.dumps(body).encode()

    def step(request: httpx.Request, clock: Clock) -> httpx.Response:
        del request, clock
        return httpx.Response(status, content=content, headers=headers)

    return step


def fails(error: BaseException) -> Step:
    """Raise an error, as the HTTP library or other code does."""

    def step(request: httpx.Request, clock: Clock) -> httpx.Response:
        del request, clock
        raise error

    return step


def takes(seconds: float, then: Step = ok) -> Step:
    """Lets time pass first; one who would wait for less long gets a timeout, as from a socket."""

    def step(request: httpx.Request, clock: Clock) -> httpx.Response:
        patience = request.extensions["timeout"]["read"]
        if patience is not None and patience < seconds:
            clock.advance(patience)
            raise httpx.ReadTimeout("timed out")
        clock.advance(seconds)
        return then(request, clock)

    return step


def hangs(request: httpx.Request, clock: Clock) -> httpx.Response:
    """Never answers, so that the bound of the attempt cuts it off."""
    del request
    clock.run_into_bound()
    raise AssertionError("unreachable")


class _Body(httpx.SyncByteStream, httpx.AsyncByteStream):
    """A body that comes piece by piece in either world."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = pieces

    def __iter__(self) -> Iterator[bytes]:
        yield from self._pieces

    async def __aiter__(self) -> AsyncIterator[bytes]:
        for piece in self._pieces:
            yield piece


def trickles(seconds: float, pieces: int = 10) -> Step:
    """Answers at once, with a body whose pieces take these seconds each."""

    def step(request: httpx.Request, clock: Clock) -> httpx.Response:
        del request

        def body() -> Iterator[bytes]:
            for _ in range(pieces):
                clock.advance(seconds)
                yield b" "

        return httpx.Response(200, stream=_Body(body()))

    return step


class ScriptedAPI:
    """Takes one step for each request, the last one for ever, and remembers what it was asked and when."""

    def __init__(self, *steps: Step, clock: Clock | None = None) -> None:
        self.steps = list(steps) or [ok]
        self.clock = clock or Clock()
        self.requests: list[httpx.Request] = []
        self.times: list[float] = []

    def __call__(self, request: httpx.Request) -> httpx.Response:
        request.read()
        self.requests.append(request)
        self.times.append(self.clock.now)
        step = self.steps[min(len(self.requests), len(self.steps)) - 1]
        return step(request, self.clock)

    @property
    def keys(self) -> list[str | None]:
        """The idempotency key of each request."""
        return [request.headers.get("idempotency-key") for request in self.requests]
