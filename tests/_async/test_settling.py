# The source of tests/_sync/test_settling.py; after a change run: python tools/generate_sync.py
"""A call in doubt is settled, never guessed: following the advice of an error pays once."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    BadRequestError,
    IdempotencyConflictError,
    InvalidArgumentError,
    InventPayError,
    Model,
    Payment,
    RateLimitedError,
    RateLimits,
    RateLimitTimeoutError,
    RetryPolicy,
    UnsettledError,
    Withdrawal,
)
from inventpay._transport import doubts
from inventpay._transport.call_log import CallRecord
from inventpay.sandbox import Fault, Sandbox
from tests.support.api import ScriptedAPI, answers, example, fails, ok
from tests.support.clients import AnyClient, new_key, once, read, repeatable, scripted_async_client

WITHDRAW = "POST /v1/merchant/withdrawal/create"
PAY = "POST /v1/create_payment"
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
PAYOUT: dict[str, Any] = {"amount": 10, "currency": "USDT_BEP20", "destination_address": ADDRESS}

lost = fails(httpx.ReadError("reset"))
TRUSTED = RetryPolicy(trust_idempotency=True)


def new_sandbox() -> Sandbox:
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_the_sandbox")
    sandbox.deposit("USDT_BEP20", 100)
    return sandbox


def client_of(sandbox: Sandbox, url: str) -> AsyncInventPay:
    return AsyncInventPay(sandbox.api_key, withdrawal_key=sandbox.withdrawal_key, base_url=url)


async def fails_with(kind: type[InventPayError], call: Callable[[], Any]) -> Any:
    with pytest.raises(kind) as caught:
        await call()
    return caught.value


async def test_the_recipe_of_old_pays_once() -> None:
    """Unknown, then the same key again, then whatever the outcome says: without proof nothing is sent a second time."""
    sandbox = new_sandbox()
    sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
    sandbox.faults.add(Fault.error(429, retry_after=120), on=WITHDRAW)
    with sandbox.run() as server:
        async with client_of(sandbox, server.url) as client:
            key = None
            for _ in range(5):
                error = await fails_with(
                    InventPayError, lambda key=key: client.withdrawals.create(**PAYOUT, idempotency_key=key)
                )
                assert (error.outcome, error.safe_to_repeat) == ("unknown", False)
                key = error.idempotency_key if error.outcome == "unknown" else None
            assert isinstance(error, UnsettledError)
            assert "locked balance" in str(error)
    assert sandbox.balance("USDT_BEP20").locked == 10


async def test_a_limit_between_two_tries_changes_nothing() -> None:
    """Not even a repeat that is permitted becomes "not sent" or "refused" when a limit or the API stops it."""
    api = ScriptedAPI(lost, answers(429), answers(400), answers(403), lost, ok)
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client))
        first = error.request
        assert first is not None
        for kind in (RateLimitedError, BadRequestError, InventPayError, APIConnectionError):
            error = await fails_with(kind, lambda error=error: client.repeat(error))
            assert (error.outcome, error.safe_to_repeat) == ("unknown", True)
            assert error.request == first
        withdrawal = await client.repeat(error)
        assert withdrawal.withdrawal_id == "cmh789ghi012jkl"
    assert len({(request.content, request.headers["idempotency-key"]) for request in api.requests}) == 1


async def test_a_full_queue_between_two_tries_changes_nothing() -> None:
    """The local limit refuses a repeat before anything is sent; the call before it is in doubt all the same."""
    api = ScriptedAPI(lost, ok)
    limits = RateLimits(withdrawals=1)
    async with scripted_async_client(api, max_retries=0, max_wait=1, rate_limits=limits, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client))
        error = await fails_with(RateLimitTimeoutError, lambda: client.repeat(error))
        assert (error.outcome, error.safe_to_repeat) == ("unknown", True)
        assert error.repeat_after > 50


async def test_other_data_under_a_key_in_doubt_is_stopped_here() -> None:
    """A key reused with another amount is a conflict before anything is sent; with equal digits it is the same."""
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        await fails_with(
            APIConnectionError, lambda: client.withdrawals.create(**PAYOUT, description="x", idempotency_key="k")
        )
        other = {**PAYOUT, "amount": 11, "description": "x"}
        error = await fails_with(
            IdempotencyConflictError, lambda: client.withdrawals.create(**other, idempotency_key="k")
        )
        assert (error.outcome, error.safe_to_repeat, error.status) == ("unknown", False, None)
        await fails_with(InvalidArgumentError, lambda: client.repeat(error))
        assert len(api.requests) == 1
        same = {**PAYOUT, "amount": "10.00000000", "description": "x"}
        await client.withdrawals.create(**same, idempotency_key="k")
    assert len({request.content for request in api.requests}) == 1


async def test_a_key_used_for_other_data_before_ends_at_once() -> None:
    """The API knows the key from another request: repeating is never advised, and the next try sends nothing."""
    sandbox = new_sandbox()
    with sandbox.run() as server:
        async with client_of(sandbox, server.url) as client:
            await client.withdrawals.create(**PAYOUT, idempotency_key="november-1")
            for status in (409, None, None):
                other = {**PAYOUT, "amount": 11}
                error = await fails_with(
                    IdempotencyConflictError,
                    lambda other=other: client.withdrawals.create(**other, idempotency_key="november-1"),
                )
                assert (error.outcome, error.safe_to_repeat, error.status) == ("unknown", False, status)
    assert sandbox.request_counts[WITHDRAW, 409] == 1
    assert sandbox.balance("USDT_BEP20").locked == 10


async def test_a_refusal_frees_the_key() -> None:
    """A key whose only request was provably refused may carry another request."""
    api = ScriptedAPI(answers(400), ok)
    async with scripted_async_client(api) as client:
        error = await fails_with(BadRequestError, lambda: once(client, idempotency_key="k"))
        assert (error.outcome, error.safe_to_repeat) == ("refused", False)
        await client.withdrawals.create(**{**PAYOUT, "amount": 10}, description="corrected", idempotency_key="k")


async def test_siblings_and_other_clients_share_the_doubt() -> None:
    """A second client of the same account does not send under a key whose request of the first is in doubt."""
    key = new_key()
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, api_key=key, max_retries=0) as client:
        await fails_with(APIConnectionError, lambda: once(client, idempotency_key="k"))
        await fails_with(UnsettledError, lambda: once(client.with_options(timeout=5), idempotency_key="k"))
    async with scripted_async_client(api, api_key=key) as other:
        await fails_with(UnsettledError, lambda: once(other, idempotency_key="k"))
    async with scripted_async_client(api) as stranger:
        await once(stranger, idempotency_key="k")
    assert len(api.requests) == 2


async def test_payments_in_doubt_do_not_displace_a_withdrawal(monkeypatch: pytest.MonkeyPatch) -> None:
    """The memory of keys is bounded, and forgets payments first: the withdrawal is still not sent a second time."""
    api = ScriptedAPI(*[lost] * 9)
    async with scripted_async_client(api, max_retries=0) as client:
        memory = doubts.DoubtMemory(capacity=3)
        monkeypatch.setattr(client._transport.settling, "_memory", memory)
        with pytest.raises(APIConnectionError):
            await once(client, idempotency_key="withdrawal")
        for number in range(8):
            with pytest.raises(APIConnectionError):
                await repeatable(client, idempotency_key=f"payment {number}")
        assert len(memory) == 3
        with pytest.raises(UnsettledError):
            await once(client, idempotency_key="withdrawal")
    assert len(api.requests) == 9


async def test_an_interrupted_call_is_remembered() -> None:
    """Ctrl-C while a withdrawal is under way leaves its key in doubt."""
    api = ScriptedAPI(fails(KeyboardInterrupt()), ok)
    async with scripted_async_client(api) as client:
        with pytest.raises(KeyboardInterrupt):
            await once(client, idempotency_key="k")
        error = await fails_with(UnsettledError, lambda: once(client, idempotency_key="k"))
        assert error.outcome == "unknown"
    assert len(api.requests) == 1


@pytest.mark.parametrize("interrupt", [KeyboardInterrupt, SystemExit])
@pytest.mark.parametrize("moment", ["AttemptAnswered", "CallFinished"])
async def test_a_success_that_never_reached_its_caller_is_remembered(
    moment: str, interrupt: type[BaseException]
) -> None:
    """Ctrl-C while a hook hears of the success takes the result away, so that the key must not be used again."""
    interrupts = [interrupt]

    def hook(event: object) -> None:
        if type(event).__name__ == moment and interrupts:
            raise interrupts.pop()

    api = ScriptedAPI(ok)
    async with scripted_async_client(api, hooks=[hook]) as client:
        with pytest.raises(interrupt):
            await once(client, idempotency_key="k")
        error = await fails_with(UnsettledError, lambda: once(client, idempotency_key="k"))
        assert error.outcome == "unknown"
        await once(client, idempotency_key="another")
        await once(client, idempotency_key="another")
    assert api.keys == ["k", "another", "another"]


async def test_a_success_that_was_cut_off_behind_its_settlement_is_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal may arrive between any two instructions; what its note calls unknown is not sent again."""
    succeeded = CallRecord.succeeded

    def cut_off(record: CallRecord, status: int) -> None:
        succeeded(record, status)
        raise KeyboardInterrupt

    api = ScriptedAPI(ok)
    async with scripted_async_client(api) as client:
        with monkeypatch.context() as patch:
            patch.setattr(CallRecord, "succeeded", cut_off)
            with pytest.raises(KeyboardInterrupt) as caught:
                await once(client, idempotency_key="k")
        assert "its outcome is unknown" in caught.value.__notes__[0]
        await fails_with(UnsettledError, lambda: once(client, idempotency_key="k"))
    assert api.keys == ["k"]


@pytest.mark.parametrize("call", [read, repeatable])
async def test_what_does_no_harm_is_repeated_without_proof(call: Callable[..., Any]) -> None:
    """Reads and payments in doubt are safe to repeat, with the same key, and return what the call returns."""
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, max_retries=0) as client:
        error = await fails_with(APIConnectionError, lambda: call(client))
        assert (error.outcome, error.safe_to_repeat) == ("unknown", True)
        assert error.evidence_hint is None
        repeated = await client.repeat(error)
        assert type(repeated) is type(await call(client))
    assert api.keys[0] == api.keys[1]


@pytest.mark.parametrize("kind", [Withdrawal, Model, object])
async def test_a_repeat_returns_the_class_that_was_named(kind: type) -> None:
    """A base class is fine, too."""
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client))
        assert type(await client.repeat(error, kind)) is Withdrawal


async def test_an_error_of_another_kind_of_call_is_not_repeated() -> None:
    """Nothing is sent; the operation is in doubt as before, and the error itself can be repeated."""
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client))
        found = await fails_with(InvalidArgumentError, lambda: client.repeat(error, Payment))
        assert found.message == "the call of this error returns Withdrawal, not Payment; nothing was sent this time"
        assert (found.argument, found.outcome, found.safe_to_repeat) == ("expected", "unknown", False)
        assert found.idempotency_key == error.idempotency_key
        assert len(api.requests) == 1
        assert (await client.repeat(error, Withdrawal)).status == "PENDING"
    assert api.keys[0] == api.keys[1]


async def test_an_error_settles_in_another_process() -> None:
    """The pickled error suffices; the doubt comes along, so that a refusal there does not make it undone."""
    key = new_key()
    api = ScriptedAPI(lost, answers(400), ok)
    async with scripted_async_client(api, api_key=key, max_retries=0) as client:
        error = pickle.loads(pickle.dumps(await fails_with(APIConnectionError, lambda: once(client))))
    doubts.MEMORY._known.clear()  # as if this were another process
    async with scripted_async_client(api, api_key=key, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(BadRequestError, lambda: client.repeat(error))
        assert error.outcome == "unknown"
        assert (await client.repeat(pickle.loads(pickle.dumps(error)))).status == "PENDING"
    assert len({(request.content, request.headers["idempotency-key"]) for request in api.requests}) == 1


async def test_what_must_not_be_repeated_is_refused() -> None:
    """Another account, another API, a refusal, no call at all: nothing is sent."""
    api = ScriptedAPI(lost, answers(400))
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client))
        refused = await fails_with(BadRequestError, lambda: once(client))
        for wrong in (refused, InventPayError("no call"), ValueError("no error of ours")):
            found = await fails_with(InvalidArgumentError, lambda wrong=wrong: client.repeat(wrong))
            assert found.argument == "error"
    async with scripted_async_client(api, retry=TRUSTED) as stranger:
        found = await fails_with(InvalidArgumentError, lambda: stranger.repeat(error))
        assert (found.outcome, found.safe_to_repeat) == ("unknown", False)
    assert len(api.requests) == 2


async def test_a_withdrawal_is_not_repeated_after_twenty_hours() -> None:
    """The API forgets keys after 24 hours; four hours before, and from then on, nothing is sent."""
    api = ScriptedAPI(lost, ok)
    async with scripted_async_client(api, max_retries=0, retry=TRUSTED) as client:
        error = await fails_with(APIConnectionError, lambda: once(client, idempotency_key="k"))
        for hours in (20.1, 23, 25, 1000):
            late = pickle.loads(pickle.dumps(error))
            object.__setattr__(late.request, "sent_at", error.request.sent_at - timedelta(hours=hours))
            doubts.MEMORY._known.clear()
            found = await fails_with(UnsettledError, lambda late=late: client.repeat(late))
            assert found.outcome == "unknown"
            # The refusal can be repeated no more than what it refused.
            await fails_with(UnsettledError, lambda found=found: client.repeat(found))
    assert len(api.requests) == 1


@pytest.mark.parametrize("honoured", [True, False])
async def test_a_proof_is_made_and_believed(honoured: bool) -> None:
    """Three payments, or one withdrawal to oneself, show how keys are treated; only then is a doubt repeated."""
    sandbox = new_sandbox()
    sandbox.idempotency.honoured = honoured
    with sandbox.run() as server:
        async with client_of(sandbox, server.url) as client:
            sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
            error = await fails_with(APIConnectionError, lambda: client.withdrawals.create(**PAYOUT))

            result = await client.check(idempotency=True)
            assert result.ok
            assert result.idempotency == ("honoured" if honoured else "ignored")
            assert len(result.created_ids) == (2 if honoured else 3)
            # Payments prove nothing for withdrawals.
            await fails_with(UnsettledError, lambda: client.repeat(error))

            result = await client.check(idempotency="withdrawal", **{**PAYOUT, "amount": 1})
            assert result.idempotency == ("honoured" if honoured else "ignored")
            if honoured:
                await client.repeat(error)
                assert sandbox.balance("USDT_BEP20").locked == 10 + 1
            else:
                await fails_with(UnsettledError, lambda: client.repeat(error))
                assert sandbox.balance("USDT_BEP20").locked == 10 + 2


folds = answers(200, example("create_payment"))


async def test_an_api_that_folds_equal_payments_proves_nothing() -> None:
    """An equal answer under another key may be that of equal bodies."""
    async with scripted_async_client(ScriptedAPI(answers(200, {"success": True, "data": {}}), folds)) as client:
        result = await client.check(idempotency=True)
    assert (result.ok, result.idempotency) == (True, "unclear")


async def test_a_check_that_fails_is_a_result() -> None:
    """A refused creation leaves the question open, in words."""
    balances = answers(200, {"success": True, "data": {}})
    async with scripted_async_client(ScriptedAPI(balances, answers(400))) as client:
        result = await client.check(idempotency=True)
    assert (result.ok, result.idempotency, result.created_ids) == (True, None, ())
    assert "could not be checked" in result.message


@pytest.mark.parametrize(
    "arguments",
    [
        {"idempotency": "order"},
        {"idempotency": 1},
        {"idempotency": "withdrawal"},
        {"idempotency": "withdrawal", "amount": 1, "currency": "BTC"},
        {"idempotency": True, "destination_address": ADDRESS},
        {"idempotency": True, "amount": -1},
        {"amount": 1},
    ],
)
async def test_malformed_arguments_of_a_check(arguments: dict[str, Any]) -> None:
    """Odd arguments of a check are refused before anything is sent."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        await fails_with(InvalidArgumentError, lambda: client.check(**arguments))
    assert api.requests == []


@pytest.mark.parametrize(("policy", "carries"), [(RetryPolicy(), True), (RetryPolicy(key_as_description=False), False)])
async def test_a_withdrawal_can_be_found(policy: RetryPolicy, carries: bool) -> None:
    """Without a description of its own it carries its key as one, unless that is switched off."""
    api = ScriptedAPI()
    async with scripted_async_client(api, retry=policy) as client:
        await once(client, idempotency_key="payout-7")
        await once(client, idempotency_key="payout-8", description="October")
    first, second = (request.content for request in api.requests)
    assert (b'"description":"payout-7"' in first) == carries
    assert b'"description":"October"' in second


def checks_out(client: AnyClient) -> Any:
    from inventpay import CheckoutItem

    return client.store.checkout("my-shop", items=[CheckoutItem("prod_1", 1)])


async def test_a_checkout_is_sent_once() -> None:
    """A checkout in doubt, for which keys are not documented, is neither retried nor safe to repeat."""
    api = ScriptedAPI(lost)
    async with scripted_async_client(api) as client:
        error = await fails_with(APIConnectionError, lambda: checks_out(client))
    assert (error.outcome, error.safe_to_repeat, error.attempts) == ("unknown", False, 1)
    assert "orders.list" in str(error)


REFUSED_ARGUMENTS: dict[str, Callable[[AnyClient, str], Any]] = {
    "payment": lambda client, key: client.payments.create(
        amount=-1, amount_currency="USD", currency="USDT_BEP20", idempotency_key=key
    ),
    "invoice": lambda client, key: client.invoices.create(amount=-1, amount_currency="USD", idempotency_key=key),
    "withdrawal": lambda client, key: client.withdrawals.create(**{**PAYOUT, "amount": -1}, idempotency_key=key),
    "checkout": lambda client, key: client.store.checkout("shop", items=[], customer_email="", idempotency_key=key),
    "store": lambda client, key: client.store.create(name="", idempotency_key=key),
    "product": lambda client, key: client.store.products.create(name="", price=1, idempotency_key=key),
    "request": lambda client, key: client.request(
        "POST", "/v1/merchant/withdrawal/create", json={"amount": object()}, idempotency_key=key
    ),
    "request with odd parameters": lambda client, key: client.request(
        "POST", "/v2/payouts", params={"fast": object()}, idempotency_key=key
    ),
    "request of an odd method": lambda client, key: client.request("PAY", "/v2/payouts", idempotency_key=key),
    "request of an odd path": lambda client, key: client.request("POST", "payouts", idempotency_key=key),
}


@pytest.mark.parametrize("kind", REFUSED_ARGUMENTS)
async def test_a_refused_argument_under_a_key_in_doubt_is_unknown(kind: str) -> None:
    """The operation of the key may have happened, whatever this call was: "not_sent" would invite to pay again."""
    call = REFUSED_ARGUMENTS[kind]
    api = ScriptedAPI(lost)
    async with scripted_async_client(api, max_retries=0) as client:
        fresh = await fails_with(InvalidArgumentError, lambda: call(client, "row-1"))
        assert fresh.outcome == "not_sent"
        await fails_with(APIConnectionError, lambda: once(client, idempotency_key="row-1"))
        again = await fails_with(InvalidArgumentError, lambda: call(client, "row-1"))
        other = await fails_with(InvalidArgumentError, lambda: call(client, "row-2"))
    assert (again.outcome, again.safe_to_repeat, again.idempotency_key) == ("unknown", False, "row-1")
    assert "unknown" in str(again)
    assert other.outcome == "not_sent"
    assert len(api.requests) == 1
