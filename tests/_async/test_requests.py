# The source of tests/_sync/test_requests.py; after a change run: python tools/generate_sync.py
"""The request of each method, to the byte."""

from __future__ import annotations

import json
from decimal import Decimal
from uuid import UUID

import httpx
import pytest

from inventpay import AsyncInventPay, RateClass, RateLimits, RetryPolicy, __version__
from tests.support.api import ScriptedAPI, answers, fails
from tests.support.clients import CALLS, WITHDRAWAL_KEY, AnyCall, once, read, repeatable, scripted_async_client

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"

# name: call, method, target, body
SENT: dict[str, tuple[AnyCall, str, str, dict[str, object] | None]] = {
    "payments.create": (
        lambda client: client.payments.create(amount="29.99", amount_currency="USD", currency="USDT_BEP20"),
        "POST",
        "/v1/create_payment",
        {"amount": Decimal("29.99"), "amountCurrency": "USD", "currency": "USDT_BEP20", "expirationMinutes": 30},
    ),
    "payments.create, all arguments": (
        lambda client: client.payments.create(
            amount=Decimal("1E-8"),
            amount_currency="BTC",
            currency="USDT_BEP20",
            order_id="order-1",
            description="Ein Käse",
            callback_url="https://shop.example/hook?a=b",
            expiration_minutes=None,
        ),
        "POST",
        "/v1/create_payment",
        {
            "amount": Decimal("0.00000001"),
            "amountCurrency": "BTC",
            "currency": "USDT_BEP20",
            "orderId": "order-1",
            "description": "Ein Käse",
            "callbackUrl": "https://shop.example/hook?a=b",
        },
    ),
    "payments.status": (
        lambda client: client.payments.status("cmh123abc456def"),
        "GET",
        "/v1/invoice/cmh123abc456def/status",
        None,
    ),
    "invoices.create": (
        lambda client: client.invoices.create(amount=50, amount_currency="USD"),
        "POST",
        "/v1/create_invoice",
        {"amount": 50, "amountCurrency": "USD", "expirationMinutes": 60},
    ),
    "invoices.create, all arguments": (
        lambda client: client.invoices.create(
            amount="49.990",
            amount_currency="USDT",
            order_id="",
            description="d",
            callback_url="https://shop.example/",
            expiration_minutes=5,
        ),
        "POST",
        "/v1/create_invoice",
        {
            "amount": Decimal("49.990"),
            "amountCurrency": "USDT",
            "orderId": "",
            "description": "d",
            "callbackUrl": "https://shop.example/",
            "expirationMinutes": 5,
        },
    ),
    "balances.get": (
        lambda client: client.balances.get("USDT_BEP20"),
        "GET",
        "/v1/merchant/balance/USDT_BEP20",
        None,
    ),
    "balances.all": (lambda client: client.balances.all(), "GET", "/v1/merchant/balance", None),
    "withdrawals.create": (
        lambda client: client.withdrawals.create(
            amount="10", currency="USDT_BEP20", destination_address=ADDRESS, description="June"
        ),
        "POST",
        "/v1/merchant/withdrawal/create",
        {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": ADDRESS, "description": "June"},
    ),
    "withdrawals.get": (
        lambda client: client.withdrawals.get("cmh789ghi012jkl"),
        "GET",
        "/v1/withdrawal/cmh789ghi012jkl",
        None,
    ),
    "request": (
        lambda client: client.request("post", "/v1/new", params={"a": "b&c", "n": 7, "x": None}, json={"p": [1]}),
        "POST",
        "/v1/new?a=b%26c&n=7",
        {"p": [1]},
    ),
}


@pytest.mark.parametrize("name", SENT)
async def test_every_method_sends_its_documented_request_and_nothing_else(name: str) -> None:
    """Request line, body and the whole set of headers are what the documentation says, keys only where needed."""
    call, method, target, body = SENT[name]
    api = ScriptedAPI()
    async with scripted_async_client(api, api_key="pk_live_of_requests") as client:
        await call(client)
    (request,) = api.requests
    assert request.method == method
    assert request.url.raw_path.decode() == target
    assert str(request.url.copy_with(raw_path=b"/")) == "https://api.inventpay.io/"
    if body is None:
        assert request.content == b""
    else:
        assert json.loads(request.content, parse_float=Decimal) == body
    expected = {
        "host": "api.inventpay.io",
        "accept": "application/json",
        "accept-encoding": "identity",
        "user-agent": f"inventpay-python/{__version__}",
    }
    if name != "payments.status":
        expected["x-api-key"] = "pk_live_of_requests"
    if name == "withdrawals.create":
        expected["x-withdrawal-key"] = WITHDRAWAL_KEY
    headers = dict(request.headers)
    if method == "POST":
        expected |= {"content-type": "application/json", "content-length": str(len(request.content))}
        assert UUID(headers.pop("idempotency-key")).version == 4
    assert headers == expected


async def test_amounts_go_out_as_exact_numbers_in_plain_notation() -> None:
    """One satoshi is written 0.00000001, neither 1E-8 nor text nor a rounded float."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        await SENT["payments.create, all arguments"][0](client)
    assert b'"amount":0.00000001,' in api.requests[0].content


async def test_results_are_typed_models() -> None:
    """Each method returns the model its documented answer describes."""
    async with scripted_async_client(ScriptedAPI()) as client:
        assert (await repeatable(client)).amount == Decimal("29.99")
        assert (await SENT["invoices.create"][0](client)).conversion_rates["BTC"].crypto_amount == Decimal("0.0012")
        assert (await client.payments.status("cmh123abc456def")).current_balance == Decimal(0)
        assert (await read(client)).limits.daily.remaining == Decimal(8500)
        assert set(await client.balances.all()) == {"USDT_BEP20", "BTC"}
        assert (await once(client)).net_amount == Decimal("9.949")
        assert (await client.withdrawals.get("cmh789ghi012jkl")).description == "Monthly payout"


async def test_the_escape_hatch_knows_the_known_paths() -> None:
    """A path of the API keeps its keys and rate class when it is called by hand; an unknown one counts as other."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        answer = await client.request("GET", "/v1/invoice/cmh123abc456def/status")
        await client.request("POST", "/v1/merchant/withdrawal/create", json={"amount": Decimal("0.10")})
        await client.request("DELETE", "/v1/merchant/webhook-url")
        leased = {name: limit.limit - limit.available for name, limit in client.rate_limits.items()}
    status, withdrawal, unknown = api.requests
    assert (answer.status, answer.json()["status"], answer.headers["Content-Type"]) == (
        200,
        "PENDING",
        "application/json",
    )
    assert "x-api-key" not in status.headers
    assert withdrawal.headers["x-withdrawal-key"] == WITHDRAWAL_KEY
    assert withdrawal.content == b'{"amount":0.10}'
    assert "x-withdrawal-key" not in unknown.headers
    assert "idempotency-key" not in unknown.headers
    assert leased == {
        RateClass.PAYMENT_CREATION: 0,
        RateClass.STATUS_CHECKS: 1,
        RateClass.WITHDRAWALS: 1,
        RateClass.OTHER: 1,
    }


async def test_the_rate_class_of_an_endpoint_can_be_chosen() -> None:
    """``RateLimits(classes=...)`` moves an endpoint to another class."""
    limits = RateLimits(classes={"GET /v1/withdrawal/{withdrawalId}": RateClass.STATUS_CHECKS})
    async with scripted_async_client(ScriptedAPI(), rate_limits=limits) as client:
        await client.withdrawals.get("cmh789ghi012jkl")
        assert client.rate_limits[RateClass.STATUS_CHECKS].available == 299
        assert client.rate_limits[RateClass.OTHER].available == 60


async def test_a_base_url_with_a_path_is_a_prefix() -> None:
    """An API behind a gateway is reached under the gateway's path, with or without a trailing slash."""
    for base_url in ("https://gateway.example/pay", "https://gateway.example/pay/"):
        api = ScriptedAPI()
        async with scripted_async_client(api, base_url=base_url) as client:
            await read(client)
        assert str(api.requests[0].url) == "https://gateway.example/pay/v1/merchant/balance/USDT_BEP20"


async def test_keys_and_address_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """Settings without an argument are read from INVENTPAY_API_KEY, INVENTPAY_WITHDRAWAL_KEY and INVENTPAY_BASE_URL."""
    monkeypatch.setenv("INVENTPAY_API_KEY", "pk_live_of_the_environment")
    monkeypatch.setenv("INVENTPAY_WITHDRAWAL_KEY", "wk_live_of_the_environment")
    monkeypatch.setenv("INVENTPAY_BASE_URL", "https://pay.example")
    api = ScriptedAPI()
    async with scripted_async_client(api, api_key=None, withdrawal_key=None, base_url=None) as client:
        await once(client)
    assert api.requests[0].url.host == "pay.example"
    assert api.requests[0].headers["x-api-key"] == "pk_live_of_the_environment"
    assert api.requests[0].headers["x-withdrawal-key"] == "wk_live_of_the_environment"


@pytest.mark.parametrize("kind", ["repeatable", "once"])
async def test_one_call_has_one_idempotency_key_over_all_attempts(kind: str) -> None:
    """Retries repeat the key, and the body to the byte; the next call has another key."""
    api = ScriptedAPI(answers(429), answers(429), answers(400, {"success": False, "error": "enough"}))
    async with scripted_async_client(api) as client:
        for _ in range(2):
            with pytest.raises(Exception, match="enough"):
                await CALLS[kind](client)
    first, second = api.keys[:3], api.keys[3:]
    assert len(api.requests) == 4
    assert len(set(first)) == 1
    assert set(first).isdisjoint(second)
    for requests in (api.requests[:3], api.requests[3:]):
        assert len({request.content for request in requests}) == 1


@pytest.mark.parametrize("call", [repeatable, once])
async def test_the_callers_own_idempotency_key_is_sent(call: AnyCall) -> None:
    """A key that was passed is the key of every attempt."""
    api = ScriptedAPI(fails(httpx.ConnectError("refused")), answers(429), answers(403))
    async with scripted_async_client(api) as client:
        with pytest.raises(Exception, match="403"):
            await call(client, idempotency_key="order 7, payout 1")
    assert set(api.keys) == {"order 7, payout 1"}


async def test_the_idempotency_header_can_have_another_name() -> None:
    """``RetryPolicy(idempotency_header=...)`` renames the header, and nothing goes out under the old name."""
    api = ScriptedAPI()
    async with scripted_async_client(api, retry=RetryPolicy(idempotency_header="X-Idempotency-Token")) as client:
        await once(client, idempotency_key="k-1")
    assert api.requests[0].headers["x-idempotency-token"] == "k-1"
    assert "idempotency-key" not in api.requests[0].headers


async def test_extra_headers_go_with_every_call_and_may_replace_the_clients_own() -> None:
    """``headers=`` adds headers; ``Accept`` and ``User-Agent`` are replaced, never sent twice."""
    api = ScriptedAPI()
    async with scripted_async_client(api, headers={"user-agent": "shop/1", "X-Trace": "t"}) as client:
        await read(client)
        await repeatable(client)
    for request in api.requests:
        assert request.headers.get_list("user-agent") == ["shop/1"]
        assert request.headers.get_list("accept") == ["application/json"]
        assert request.headers["x-trace"] == "t"


async def test_a_withdrawal_without_its_key_is_refused_before_a_token_is_spent() -> None:
    """Without a withdrawal key nothing is sent, and the error says where to get one."""
    api = ScriptedAPI()
    async with scripted_async_client(api, withdrawal_key=None) as client:
        with pytest.raises(Exception, match="INVENTPAY_WITHDRAWAL_KEY") as caught:
            await once(client)
        assert client.rate_limits[RateClass.WITHDRAWALS].available == 10
    assert api.requests == []
    assert (caught.value.outcome, caught.value.attempts) == ("not_sent", 0)
    assert (caught.value.method, caught.value.path) == ("POST", "/v1/merchant/withdrawal/create")


async def test_the_client_is_its_own_context_manager() -> None:
    """``with`` hands out the client it was given."""
    client = AsyncInventPay("pk_live_1")
    async with client as entered:
        assert entered is client


async def test_only_one_idempotency_key_goes_out() -> None:
    """A header of the user's with the name of the renamed one gives way where a call carries a key, and only there."""
    api = ScriptedAPI()
    policy = RetryPolicy(idempotency_header="X-Token")
    async with scripted_async_client(api, retry=policy, headers={"x-token": "of the user"}) as client:
        await client.payments.create(
            amount=1, amount_currency="USD", currency="USDT_BEP20", idempotency_key="of the call"
        )
        await client.balances.all()
    assert [request.headers.get_list("X-Token") for request in api.requests] == [["of the call"], ["of the user"]]
