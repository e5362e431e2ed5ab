# The source of tests/_sync/test_payment_statuses.py; after a change run: python tools/generate_sync.py
"""Reconciling payments: the status of each, whatever the others are."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from inventpay import (
    AnswerMismatchError,
    APIConnectionError,
    ConfigurationError,
    DecodeError,
    InvalidArgumentError,
    NotFoundError,
    PaymentStatus,
)
from inventpay._watching.schedule import OUTAGE
from tests.support.api import ScriptedAPI, Step, answers, fails
from tests.support.clients import scripted_async_client
from tests.support.clock import Clock


def status(payment_id: str, state: str = "PENDING") -> dict[str, object]:
    """The body of a status call."""
    return {"paymentId": payment_id, "status": state, "currentBalance": "0", "confirmations": 0}


def paid(payment_id: str) -> Step:
    """The answer for a payment that is paid."""
    return answers(200, status(payment_id, "COMPLETED"))


def paid_as_asked(request: httpx.Request, clock: Clock) -> httpx.Response:
    """Answer that the payment is paid, whichever it is."""
    return paid(request.url.path.split("/")[3])(request, clock)


def asked(api: ScriptedAPI) -> list[str]:
    """The payments that were asked for."""
    return [request.url.path.split("/")[3] for request in api.requests]


async def test_no_payment_hides_another_one() -> None:
    """An unknown payment, an odd answer, and that of another payment are in ``failed``; all others are yielded."""
    api = ScriptedAPI(
        paid("one"),
        answers(404, {"success": False, "error": "Not found", "statusCode": 404}),
        answers(200, {"paymentId": "odd", "confirmations": 0}),
        paid("of another call"),
        answers(200, status("five")),
    )
    async with scripted_async_client(api) as client:
        found = client.payments.reconcile(["one", "lost", "odd", "four", "five"])
        assert [(each.payment_id, each.is_paid) async for each in found] == [("one", True), ("five", False)]
        kinds = {payment_id: type(error) for payment_id, error in found.failed.items()}
        assert kinds == {"lost": NotFoundError, "odd": DecodeError, "four": AnswerMismatchError}
        api.steps.append(paid_as_asked)
        again = client.payments.reconcile(found.failed)
        assert [each.payment_id async for each in again] == ["lost", "odd", "four"]
        assert again.failed == {}


async def test_each_payment_is_asked_for_once() -> None:
    """One that stands twice, as an id and as a model, is asked for once; ids are those of the caller."""
    api = ScriptedAPI(paid_as_asked)
    model = PaymentStatus.from_json(json.dumps(status("two")))
    async with scripted_async_client(api) as client:
        found = [each.payment_id async for each in client.payments.reconcile(iter(["eins-ä", model, "two", "eins-ä"]))]
    assert asked(api) == found == ["eins-ä", "two"]


@pytest.mark.parametrize("wrong", [None, 5, "", "..", "two words"])
async def test_what_is_no_id_is_refused_before_anything_is_sent(wrong: Any) -> None:
    """Wherever it stands among the others."""
    api = ScriptedAPI()
    async with scripted_async_client(api) as client:
        with pytest.raises(InvalidArgumentError, match="payment_id"):
            client.payments.reconcile(["one", wrong, "three"])
        assert [each async for each in client.payments.reconcile([])] == []
    assert api.requests == []


async def test_an_outage_that_lasts_ends_it() -> None:
    """After ten minutes of failures its error is raised, and the iteration goes on where it was."""
    api = ScriptedAPI(fails(httpx.ConnectError("no route")))
    names = [f"cmh{number}" for number in range(3_000)]
    async with scripted_async_client(api) as client:
        found = client.payments.reconcile(names)
        began = client._backend.now()
        with pytest.raises(APIConnectionError):
            await found.__anext__()
        assert OUTAGE <= client._backend.now() - began <= OUTAGE + 60
        done = len(found.failed)
        assert 0 < done < 3_000
        api.steps[:] = [paid_as_asked]
        assert (await found.__anext__()).payment_id == names[done]


async def test_refusals_are_no_outage() -> None:
    """They are answers of the API: the iteration goes on, although no status came for longer than ten minutes."""
    api = ScriptedAPI(answers(404, {"success": False, "error": "Not found", "statusCode": 404}))
    names = [f"cmh{number}" for number in range(3_000)]
    async with scripted_async_client(api) as client:
        began = client._backend.now()
        found = client.payments.reconcile(names)
        assert [each async for each in found] == []
        assert list(found.failed) == names
        assert client._backend.now() - began > OUTAGE


async def test_a_closed_client_is_no_failure_of_a_payment() -> None:
    """It is raised, since no other payment can be asked for."""
    client = scripted_async_client(ScriptedAPI())
    found = client.payments.reconcile(["one", "two"])
    await client.aclose()
    with pytest.raises(ConfigurationError, match="closed"):
        await found.__anext__()
    assert found.failed == {}


async def test_the_answer_is_never_that_of_an_earlier_poll() -> None:
    """Also for a payment that was watched before, by an iterator that is still there."""
    api = ScriptedAPI(answers(200, status("one")), paid("one"))
    async with scripted_async_client(api) as client:
        watched = client.payments.watch("one")
        assert not (await watched.__anext__()).is_paid
        assert [each.is_paid async for each in client.payments.reconcile(["one"])] == [True]
    assert asked(api) == ["one", "one"]
