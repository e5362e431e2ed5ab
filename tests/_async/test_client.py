# The source of tests/_sync/test_client.py; after a change run: python tools/generate_sync.py
"""The client as an object: siblings, closing, links, snapshots, and mocks put under it."""

from __future__ import annotations

import httpx
import pytest
import respx

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    ConfigurationError,
    InvalidArgumentError,
    LocalLimiter,
    RateClass,
    RateLimits,
)
from tests.support.api import ScriptedAPI, answers, example
from tests.support.clients import CALLS, new_key, once, read, repeatable, scripted_async_client


async def test_a_sibling_differs_in_what_was_said() -> None:
    """``with_options`` changes the options it is given, for the sibling alone; ``None`` switches a bound off."""
    api = ScriptedAPI()
    async with scripted_async_client(
        api, timeout=9.0, attempt_timeout=8.0, max_wait=7.0, max_retries=5, headers={"X-A": "1", "X-B": "1"}
    ) as client:
        before = client._options
        sibling = client.with_options(timeout=None, max_retries=0, headers={"x-b": "2", "X-C": "3"})
        grandchild = sibling.with_options(attempt_timeout=None, max_wait=None, timeout=3)
        assert client._options is before
        for call in (read, repeatable, once):
            await call(sibling)
        await read(grandchild)
        await read(client)
    options = sibling._options
    assert (options.timeout, options.attempt_timeout, options.max_wait, options.max_retries) == (None, 8.0, 7.0, 0)
    options = grandchild._options
    assert (options.timeout, options.attempt_timeout, options.max_wait, options.max_retries) == (3.0, None, None, 0)
    sent = [[request.headers.get(name) for name in ("x-a", "x-b", "x-c")] for request in api.requests]
    assert sent == [["1", "2", "3"]] * 4 + [["1", "1", None]]
    assert api.requests[0].headers.get_list("x-b") == ["2"]


async def test_siblings_share_connection_and_rate_limits() -> None:
    """A sibling costs no connection, and what it sends counts for all of them."""
    async with scripted_async_client(ScriptedAPI()) as client:
        sibling = client.with_options(timeout=1.0)
        assert type(sibling) is AsyncInventPay
        assert sibling._connection is client._connection
        assert sibling._transport is client._transport
        await once(sibling)
        assert client.rate_limits[RateClass.WITHDRAWALS].available == 9
        assert sibling.rate_limits == client.rate_limits


async def test_a_sibling_of_a_subclass_is_one_too() -> None:
    """An attribute that a subclass adds is there in its siblings."""

    class Shop(AsyncInventPay):
        name = "shop"

        def __init__(self) -> None:
            super().__init__(new_key())
            self.basket = ["book"]

    async with Shop() as shop:
        sibling = shop.with_options(timeout=1.0)
        assert isinstance(sibling, Shop)
        assert sibling.basket is shop.basket


@pytest.mark.parametrize(
    "options",
    [{"timeout": -1}, {"max_retries": -1}, {"max_retries": 1.5}, {"max_wait": "1"}, {"headers": {"X-API-Key": "k"}}],
    ids=str,
)
async def test_impossible_options_are_refused(options: dict[str, object]) -> None:
    """Values that make no sense are refused in the constructor and in ``with_options`` alike."""
    with pytest.raises(ConfigurationError):
        AsyncInventPay(new_key(), **options)
    async with AsyncInventPay(new_key()) as client:
        with pytest.raises(ConfigurationError):
            client.with_options(**options)


@pytest.mark.parametrize("of_sibling", [False, True])
async def test_closing_one_closes_all(of_sibling: bool) -> None:
    """After closing, by whichever sibling, each of them refuses to send and says so; closing twice does no harm."""
    api = ScriptedAPI()
    client = scripted_async_client(api)
    sibling = client.with_options(timeout=1.0)
    await read(client)
    closing = sibling if of_sibling else client
    await closing.aclose()
    await closing.aclose()
    for each in (client, sibling):
        for call in CALLS.values():
            with pytest.raises(ConfigurationError, match="closed") as caught:
                await call(each)
            assert caught.value.outcome == "not_sent"
            assert caught.value.attempts == 0
    assert len(api.requests) == 1
    assert all(limit.leased == 0 for limit in client.rate_limits.values())


async def test_a_client_closes_with_its_block_even_on_an_error() -> None:
    """Leaving the block closes the connection, and the error goes its way."""
    api = ScriptedAPI(answers(404))
    client = scripted_async_client(api)
    with pytest.raises(Exception, match="404"):
        async with client:
            await read(client)
    with pytest.raises(ConfigurationError, match="closed"):
        await read(client)


async def test_the_escape_hatch_returns_the_raw_answer() -> None:
    """Status, headers and body come as they are, JSON or not; refusals are errors all the same."""
    api = ScriptedAPI(
        answers(202, b'{"price": 0.10}', {"X-Trace": "t"}),
        answers(200, b"plain text"),
        answers(204, b""),
        answers(200, {"success": False, "error": "closed on Sundays"}),
    )
    async with scripted_async_client(api) as client:
        first = await client.request("GET", "/v1/shop/hours", params={"open": True, "day": 7, "none": None})
        assert (first.status, first.headers["x-trace"], first.body) == (202, "t", b'{"price": 0.10}')
        assert str(first.json()["price"]) == "0.10"
        assert (await client.request("GET", "/v1/shop/hours")).body == b"plain text"
        assert (await client.request("DELETE", "/v1/shop/hours")).status == 204
        with pytest.raises(Exception, match="closed on Sundays"):
            await client.request("GET", "/v1/shop/hours")
        with pytest.raises(InvalidArgumentError):
            await client.request("TRACE", "/v1/shop/hours")
    assert api.requests[0].url.query == b"open=true&day=7"


async def test_the_escape_hatch_carries_keys_and_bodies() -> None:
    """A POST gets a key of its own unless one is passed; a PUT gets one only when it is passed."""
    api = ScriptedAPI(answers(200, {}))
    async with scripted_async_client(api) as client:
        await client.request("POST", "/v1/a")
        await client.request("POST", "/v1/a", idempotency_key="mine")
        await client.request("PUT", "/v1/a", json=["é"], idempotency_key="mine too")
        await client.request("PUT", "/v1/a", json={})
    assert api.keys[0] not in (None, "mine")
    assert api.keys[1:] == ["mine", "mine too", None]
    assert [request.content for request in api.requests] == [b"", b"", '["é"]'.encode(), b"{}"]


async def test_the_payment_link_is_the_hosted_page() -> None:
    """The link leads to the documented address, or to the client's own base URL where it has one."""
    async with AsyncInventPay(new_key()) as client:
        assert client.payment_link("cmh1") == "https://inventpay.io/invoice/cmh1"
        assert client.payment_link("../x?y") == "https://inventpay.io/invoice/..%2Fx%3Fy"
    async with AsyncInventPay(new_key(), base_url="http://localhost:8000/") as client:
        assert client.payment_link("cmh1") == "http://localhost:8000/invoice/cmh1"


async def test_rate_limits_are_a_snapshot_of_every_class() -> None:
    """The snapshot has the documented limits, and says what is left and when there will be more."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        before = client.rate_limits
        assert {name: limit.limit for name, limit in before.items()} == {
            RateClass.PAYMENT_CREATION: 100,
            RateClass.STATUS_CHECKS: 300,
            RateClass.WITHDRAWALS: 10,
            RateClass.OTHER: 60,
        }
        for _ in range(10):
            await once(client)
        after = client.rate_limits[RateClass.WITHDRAWALS]
    assert (after.available, after.leased, after.waiting) == (0, 0, 0)
    assert 60 <= after.next_token <= 70
    assert before[RateClass.WITHDRAWALS].available == 10


async def test_clients_of_one_key_share_their_limits() -> None:
    """A client per web request starts with what the one before it left; another key or URL has limits of its own."""
    key = new_key()
    for available in (10, 9, 8):
        async with scripted_async_client(ScriptedAPI(), api_key=key) as client:
            assert client.rate_limits[RateClass.WITHDRAWALS].available == available
            await once(client)
    for options in (
        {},
        {"api_key": key, "base_url": "http://localhost:1"},
        {"api_key": key, "limiter": LocalLimiter()},
    ):
        async with scripted_async_client(ScriptedAPI(), **options) as client:
            assert client.rate_limits[RateClass.WITHDRAWALS].available == 10


async def test_an_own_limiter_is_asked() -> None:
    """``limiter=`` replaces the buckets of the process."""
    limiter = LocalLimiter(RateLimits(other=3))
    async with scripted_async_client(ScriptedAPI(), limiter=limiter) as client:
        await read(client)
        assert client.rate_limits[RateClass.OTHER].available == 2
        assert limiter.snapshot(client._backend.now())[RateClass.OTHER].available == 2


async def test_the_repr_names_the_address() -> None:
    """A debugging person sees which API the client talks to."""
    async with AsyncInventPay(new_key()) as client:
        assert repr(client) == "<AsyncInventPay https://api.inventpay.io>"
        assert repr(client.with_options(timeout=1.0)) == "<AsyncInventPay https://api.inventpay.io>"


async def test_respx_mocks_answer_the_client() -> None:
    """Users test their code with respx: routes answer, and requests are recorded with their headers."""
    with respx.mock(base_url="https://api.inventpay.io") as mock:
        create = mock.post("/v1/create_payment").respond(200, content=example("create_payment"))
        status = mock.get(path__regex=r"/v1/invoice/\w+/status").respond(200, content=example("payment_status.pending"))
        async with AsyncInventPay("pk_live_of_respx") as client:
            payment = await repeatable(client)
            assert (await client.payments.status(payment.payment_id)).status == "PENDING"
    assert create.calls.last.request.headers["x-api-key"] == "pk_live_of_respx"
    assert "x-api-key" not in status.calls.last.request.headers


async def test_respx_failures_are_repeated_like_real_ones() -> None:
    """A mocked failure is followed by the mocked answer; one that is not mocked is the test's own error, unharmed."""
    with respx.mock(base_url="https://api.inventpay.io") as mock:
        route = mock.get("/v1/merchant/balance/USDT_BEP20").mock(
            side_effect=[
                httpx.ConnectError("refused"),
                httpx.Response(503),
                httpx.Response(200, content=example("balance.limits-inside")),
            ]
        )
        async with AsyncInventPay(new_key()) as client:
            client._transport._jitter = lambda: 0.0
            assert (await read(client)).currency == "USDT_BEP20"
            assert route.call_count == 3
            with pytest.raises(AssertionError, match="not mocked"):
                await client.balances.all()


async def test_a_respx_timeout_of_a_withdrawal_is_unknown() -> None:
    """A withdrawal whose mocked answer never comes is not repeated: what a mock says was read was written before."""
    with respx.mock(base_url="https://api.inventpay.io") as mock:
        route = mock.post("/v1/merchant/withdrawal/create").mock(side_effect=httpx.ReadTimeout)
        async with AsyncInventPay(new_key(), withdrawal_key="wk_live_1") as client:
            client._transport._jitter = lambda: 0.0
            with pytest.raises(APIConnectionError) as caught:
                await once(client)
    assert (caught.value.outcome, caught.value.attempts, route.call_count) == ("unknown", 1, 1)
