"""The processor time of one whole call, over an in-memory transport: no network, no server.

This package's call reads a balance: rate limit, shared reads, deadlines, retries, typed result. Beside it the smallest
read of the peers' clients, the vendor's balance, and a bare ``get(...).json()`` of the HTTP libraries. The transport
of the async clients yields to the event loop once, as a socket does. This package takes it as ``transport=``; calls
over connections it makes itself go the same way, those over an ``http_client=`` also through the ``send`` of that.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, VENDOR, Bench, Row, answer, async_microseconds, contender_of, microseconds, run_alone
from harness.bodies import HEADERS, body_of

BALANCE_PATH = "/v1/merchant/balance/USDT_BEP20"
ASYNC = (OURS, "httpx", "httpx2", "stripe", "anthropic", "openai")
BLOCKING = (OURS, VENDOR, "httpx", "httpx2", "requests", "stripe", "anthropic", "openai")


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    rows: list[Row] = []
    for world, contenders in (("async", ASYNC), ("blocking", BLOCKING)):
        seen = bench.turns(__file__, contenders, bench.rounds(5, 2), world, bench.rounds(400, 200))
        costs = {contender: figures["microseconds"] for contender, figures in seen.items()}
        ours = costs.pop(OURS)
        what = f"one {world} call in memory, limits, retries and typed result included"
        rows.append(Row(what, "µs of CPU", ours, "httpx", costs, target=1.0, picture=True))
    return rows


def contend(contender: str, world: str, size: int) -> None:
    """Make `size` calls, eight times."""
    if world == "async":
        answer({"microseconds": asyncio.run(_async(contender, size))})
    else:
        answer({"microseconds": _blocking(contender, size)})


async def _async(contender: str, size: int) -> float:
    return await async_microseconds(async_call(contender), size, 8)


KEY = "pk_live_benchmark_0123456789"
BASE = "https://api.example.com"


def async_call(contender: str, url: str | None = None) -> Callable[[], Awaitable[object]]:
    """A call over the in-memory transport, or over a socket to a server at ``url``."""
    if contender == OURS:
        from inventpay import AsyncInventPay

        client = AsyncInventPay(
            KEY, base_url=url, transport=_memory("httpx", url, blocking=False), rate_limits=_generous()
        )
        return lambda: client.balances.get("USDT_BEP20")
    if contender == "stripe":
        stripe_client = _stripe()
        return lambda: stripe_client.v1.balance.retrieve_async()
    if contender in ("anthropic", "openai"):
        models = _models(contender, blocking=False)
        return lambda: models.retrieve("model-1")
    library = __import__(contender)
    bare = library.AsyncClient(
        transport=_memory(contender, url, blocking=False), base_url=url or BASE, headers={"X-API-Key": KEY}
    )

    async def get() -> object:
        return (await bare.get(BALANCE_PATH)).json()

    return get


def _blocking(contender: str, size: int) -> float:
    return microseconds(blocking_call(contender), size, 8)


def blocking_call(contender: str, url: str | None = None) -> Callable[[], object]:
    """Return the blocking twin of `async_call`."""
    if contender == OURS:
        from inventpay import InventPay

        client = InventPay(KEY, base_url=url, transport=_memory("httpx", url, blocking=True), rate_limits=_generous())
        return lambda: client.balances.get("USDT_BEP20")
    if contender == VENDOR:
        from inventpay import PaymentSDK, SDKConfig

        sdk: Any = PaymentSDK(SDKConfig(api_key=KEY, base_url=BASE))
        sdk.session.mount(BASE, _adapter())
        return lambda: sdk.get_balance("USDT_BEP20")
    if contender == "requests":
        import requests

        session = requests.Session()
        session.mount(BASE, _adapter())
        return lambda: session.get(BASE + BALANCE_PATH, headers={"X-API-Key": KEY}).json()
    if contender == "stripe":
        stripe_client = _stripe()
        return lambda: stripe_client.v1.balance.retrieve()
    if contender in ("anthropic", "openai"):
        models = _models(contender, blocking=True)
        return lambda: models.retrieve("model-1")
    library = __import__(contender)
    bare = library.Client(
        transport=_memory(contender, url, blocking=True), base_url=url or BASE, headers={"X-API-Key": KEY}
    )
    return lambda: bare.get(BALANCE_PATH).json()


def _generous() -> Any:
    from inventpay import RateLimits

    return RateLimits(other=1_000_000)


def _memory(library: str, url: str | None = None, *, blocking: bool) -> Any:
    """Return a transport of httpx or httpx2 that answers out of memory; none where there is a server at ``url``."""
    if url is not None:
        return None
    http: Any = __import__(library)

    class Memory(http.BaseTransport):  # type: ignore[misc]
        def handle_request(self, request: Any) -> Any:
            return http.Response(200, headers=HEADERS, content=body_of(request.url.path))

    class AsyncMemory(http.AsyncBaseTransport):  # type: ignore[misc]
        async def handle_async_request(self, request: Any) -> Any:
            await asyncio.sleep(0)
            return http.Response(200, headers=HEADERS, content=body_of(request.url.path))

    return Memory() if blocking else AsyncMemory()


def _models(package: str, *, blocking: bool) -> Any:
    """``models`` of Anthropic's or OpenAI's client, over whichever HTTP library theirs is made of."""
    sdk: Any = __import__(package)
    kind = sdk.DefaultHttpxClient if blocking else sdk.DefaultAsyncHttpxClient
    library = next(base.__module__.partition(".")[0] for base in kind.__mro__ if base.__module__.startswith("httpx"))
    client = sdk.Client if blocking else sdk.AsyncClient
    return client(api_key=KEY, base_url=BASE, http_client=kind(transport=_memory(library, blocking=blocking))).models


def _stripe() -> Any:
    import stripe

    body, headers = body_of("/v1/balance").decode(), dict(HEADERS)

    class Memory(stripe.HTTPClient):
        name = "memory"

        def request(self, *_: Any, **__: Any) -> Any:
            return body, 200, headers

        async def request_async(self, *_: Any, **__: Any) -> Any:
            await asyncio.sleep(0)
            return body.encode(), 200, headers

    return stripe.StripeClient("sk_test_1", http_client=Memory())


def _adapter() -> Any:
    """Return a transport for requests that answers from memory."""
    import requests

    class Memory(requests.adapters.BaseAdapter):
        def send(self, request: Any, *_: Any, **__: Any) -> Any:
            response = requests.Response()
            response.status_code = 200
            response.headers.update(HEADERS)
            response._content = body_of(request.path_url)
            response.request, response.url = request, request.url
            return response

        def close(self) -> None:
            pass

    return Memory()


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(said[0], said[1], int(said[2]))
    else:
        run_alone(__doc__, measure)
