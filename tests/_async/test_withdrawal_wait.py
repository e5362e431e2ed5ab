# The source of tests/_sync/test_withdrawal_wait.py; after a change run: python tools/generate_sync.py
"""``withdrawals.wait`` ends with the final state of a withdrawal, or in time."""

from __future__ import annotations

import json

import pytest

from inventpay import InvalidArgumentError, NotFoundError, ServerError, WaitTimeoutError, Withdrawal
from tests.support.api import ScriptedAPI, answers
from tests.support.clients import scripted_async_client
from tests.support.documented import document

WITHDRAWAL = "cmh789ghi012jkl"


def state(status: str) -> bytes:
    held = document("withdrawal.docs-pending")
    held["data"]["status"] = status
    return json.dumps(held).encode()


@pytest.mark.parametrize("final", ["COMPLETED", "failed", "CANCELLED"])
async def test_it_ends_with_the_final_state(final: str) -> None:
    """A state that this version does not know is waited through, and so is an outage."""
    api = ScriptedAPI(
        answers(200, state("PENDING")),
        answers(200, state("NEEDS_APPROVAL")),
        answers(404, b"<html>proxy</html>"),
        answers(200, state(final)),
    )
    async with scripted_async_client(api) as client:
        withdrawal = await client.withdrawals.wait(WITHDRAWAL, timeout=3600)
    assert withdrawal.status == final.upper()
    assert withdrawal.is_final
    assert [request.url.path for request in api.requests] == [f"/v1/withdrawal/{WITHDRAWAL}"] * 4


async def test_it_ends_in_time() -> None:
    """The error has the last answer."""
    api = ScriptedAPI(*[answers(200, state("PROCESSING"))] * 30)
    async with scripted_async_client(api) as client:
        with pytest.raises(WaitTimeoutError, match=r"was not final within 60 s; it is PROCESSING") as caught:
            await client.withdrawals.wait(WITHDRAWAL, timeout=60)
    assert isinstance(caught.value.last, Withdrawal)
    assert caught.value.last.status == "PROCESSING"
    assert caught.value.outage is None
    # Every three seconds at first, more rarely later.
    assert 8 <= len(api.requests) <= 20


async def test_the_outage_is_in_the_error() -> None:
    """A server that fails until the end is named."""
    api = ScriptedAPI(*[answers(500)] * 60)
    async with scripted_async_client(api, max_retries=0) as client:
        with pytest.raises(WaitTimeoutError) as caught:
            await client.withdrawals.wait(WITHDRAWAL, timeout=30)
    assert caught.value.last is None
    assert isinstance(caught.value.outage, ServerError)


async def test_what_is_final_is_not_asked_for() -> None:
    """The answer to a creation or look-up may be passed as it is."""
    api = ScriptedAPI(answers(200, state("COMPLETED")))
    async with scripted_async_client(api) as client:
        known = await client.withdrawals.get(WITHDRAWAL)
        assert await client.withdrawals.wait(known) is known
    assert len(api.requests) == 1


async def test_a_withdrawal_stands_for_its_id() -> None:
    """An earlier answer is looked up again as its id is; anything else is refused before a request."""
    api = ScriptedAPI(answers(200, state("PENDING")), answers(200, state("COMPLETED")))
    async with scripted_async_client(api) as client:
        known = await client.withdrawals.get(WITHDRAWAL)
        assert (await client.withdrawals.get(known)).status == "COMPLETED"
        for given in (None, {"withdrawal_id": WITHDRAWAL}):
            with pytest.raises(InvalidArgumentError, match="withdrawal_id"):
                await client.withdrawals.wait(given)  # type: ignore[arg-type]
    assert len(api.requests) == 2


async def test_an_unknown_withdrawal_ends_the_wait() -> None:
    """The API's own word, once it has been so for half a minute."""
    api = ScriptedAPI(*[answers(404)] * 40)
    async with scripted_async_client(api) as client:
        with pytest.raises(NotFoundError):
            await client.withdrawals.wait(WITHDRAWAL, timeout=600)


@pytest.mark.parametrize("timeout", [-1, "60", float("nan")])
async def test_malformed_timeouts_are_refused(timeout: float) -> None:
    """An odd timeout is refused before anything is sent."""
    async with scripted_async_client(ScriptedAPI()) as client:
        with pytest.raises(InvalidArgumentError, match="timeout"):
            await client.withdrawals.wait(WITHDRAWAL, timeout=timeout)
