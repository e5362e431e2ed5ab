"""Rate limits and idempotency keys over HTTP."""

from __future__ import annotations

import httpx
import pytest

from inventpay.sandbox import ManualClock, Sandbox, SlidingLog, Unlimited
from tests.sandbox.conftest import Api


def test_every_limited_answer_carries_the_limit_headers(api: Api) -> None:
    """Limit, remaining and reset are in the headers of successes and of refusals."""
    for path, status in (("/v1/merchant/balance", 200), ("/v1/merchant/balance/DOGE", 400), ("/v1/withdrawal/x", 404)):
        answer = api.get(path)
        assert answer.status_code == status
        assert answer.headers["x-ratelimit-limit"] == "60"
        assert int(answer.headers["x-ratelimit-reset"]) == int(api.clock()) + 60
    assert answer.headers["x-ratelimit-remaining"] == "57"


def test_the_call_above_the_limit_is_429_until_the_window_has_passed(api: Api) -> None:
    """The 11th withdrawal within a minute is refused with the time to wait, and after that time it passes."""
    api.sandbox.deposit("USDT_BEP20", 1000)
    for _ in range(10):
        assert api.withdraw(amount=1).status_code == 200
    api.clock.advance(20.5)
    answer = api.withdraw(amount=1)
    assert answer.status_code == 429
    assert answer.json() == {"success": False, "error": "Rate limit exceeded", "statusCode": 429}
    assert answer.headers["retry-after"] == "40"
    assert answer.headers["x-ratelimit-remaining"] == "0"
    assert api.sandbox.balance("USDT_BEP20").locked == 10
    api.clock.advance(39.5)
    assert api.withdraw(amount=1).status_code == 200


def test_refused_calls_are_not_counted(api: Api) -> None:
    """Knocking on a closed door does not keep it closed."""
    for _ in range(60):
        api.get("/v1/merchant/balance/DOGE")
    api.clock.advance(59)
    assert api.get("/v1/merchant/balance/DOGE").status_code == 429
    api.clock.advance(1)
    assert api.get("/v1/merchant/balance/DOGE").headers["x-ratelimit-remaining"] == "59"


def test_status_checks_are_counted_by_key_or_by_address(api: Api) -> None:
    """A valid key has its own count; callers without one share that of their address, whatever they send instead."""
    path = "/v1/invoice/x/status"
    assert api.get(path).headers["x-ratelimit-remaining"] == "299"
    for number, headers in enumerate(({}, {"X-API-Key": "wrong"}, {"X-Forwarded-For": "10.1.2.3"})):
        answer = api.http.get(path, headers=headers)
        assert answer.headers["x-ratelimit-remaining"] == str(299 - number)
    assert api.get(path).headers["x-ratelimit-remaining"] == "298"


async def test_callers_without_an_address_are_counted_together() -> None:
    """If an application server passes no client address, all callers are counted together."""
    sandbox = Sandbox(clock=ManualClock(), rate_limits=SlidingLog({"status_checks": 1}))
    transport = httpx.ASGITransport(sandbox.app, client=None)  # type: ignore[arg-type]
    async with httpx.AsyncClient(transport=transport, base_url="http://localhost") as http:
        statuses = [(await http.get("/v1/invoice/x/status")).status_code for _ in range(2)]
    assert statuses == [404, 429]


async def test_without_limits_there_are_no_limit_headers() -> None:
    """`Unlimited` refuses nothing and promises nothing."""
    sandbox = Sandbox(rate_limits=Unlimited())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(sandbox.app), base_url="http://localhost") as http:
        answers = [await http.get("/v1/invoice/x/status") for _ in range(301)]
    assert {answer.status_code for answer in answers} == {404}
    assert "x-ratelimit-limit" not in answers[-1].headers


def test_a_repeated_request_gets_the_first_answer(api: Api) -> None:
    """A repeated key and body create one payment, and the replay is marked as one."""
    body = {"amount": 5, "currency": "BTC"}
    first = api.post("/v1/create_payment", body, Idempotency_Key="key-1")
    again = api.post("/v1/create_payment", body, Idempotency_Key="key-1")
    assert first.content == again.content
    assert "idempotent-replayed" not in first.headers
    assert again.headers["idempotent-replayed"] == "true"
    assert again.headers["x-ratelimit-remaining"] == "98"
    assert api.sandbox.state.counts()["payments"] == 1
    assert api.post("/v1/create_payment", body).json() != first.json()


def test_a_repeated_withdrawal_pays_once(api: Api) -> None:
    """However often the same withdrawal is sent with its key, its amount is locked once."""
    api.sandbox.deposit("USDT_BEP20", 100)
    body = {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": "0x" + "a" * 40}
    ids = {
        api.post("/v1/merchant/withdrawal/create", body, Idempotency_Key="w").json()["data"]["withdrawalId"]
        for _ in range(5)
    }
    assert len(ids) == 1
    assert api.sandbox.balance("USDT_BEP20").locked == 10


def test_a_key_with_another_body_or_a_running_request_is_a_conflict(api: Api) -> None:
    """409 for a reused key, and for one whose first request has no answer yet."""
    api.post("/v1/create_invoice", {"amount": 5}, Idempotency_Key="key-1")
    answer = api.post("/v1/create_invoice", {"amount": 6}, Idempotency_Key="key-1")
    assert (answer.status_code, answer.json()["statusCode"]) == (409, 409)
    assert "different request" in answer.json()["error"]
    api.sandbox.idempotency.begin("/v1/create_invoice", b"key-2", b'{"amount":5}', api.clock())
    answer = api.post("/v1/create_invoice", {"amount": 5}, Idempotency_Key="key-2")
    assert answer.status_code == 409
    assert "still being processed" in answer.json()["error"]


def test_a_refused_request_leaves_its_key_free(api: Api) -> None:
    """After a refusal the same key may carry the corrected request or the same one again."""
    assert api.withdraw().status_code == 400
    body = {"amount": 10, "currency": "USDT_BEP20", "destinationAddress": "0x" + "a" * 40}
    for status in (400, 200):
        assert api.post("/v1/merchant/withdrawal/create", body, Idempotency_Key="w").status_code == status
        api.sandbox.deposit("USDT_BEP20", 100)


@pytest.mark.parametrize("honoured", [True, False])
def test_an_unusable_idempotency_key_is_refused(honoured: bool, api: Api) -> None:
    """An empty or overlong key is a 400 that says so, where keys have no effect too."""
    api.sandbox.idempotency.honoured = honoured
    for key in ("", "x" * 256):
        answer = api.post("/v1/create_invoice", {"amount": 5}, Idempotency_Key=key)
        assert (answer.status_code, list(answer.json()["details"])) == (400, ["Idempotency-Key"])
    assert api.post("/v1/create_invoice", {"amount": 5}, Idempotency_Key="x" * 255).status_code == 200
