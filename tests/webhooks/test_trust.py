"""Tests are no money, contradictions fulfil nothing, and no genuine delivery is lost."""

from __future__ import annotations

import asyncio
import functools
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay.webhooks import (
    Contradiction,
    DeliveryAnswered,
    DeliveryInterrupted,
    DeliveryReceived,
    DeliveryRefused,
    HandlerFailed,
    HandlerFinished,
    HandlerStarted,
    SQLiteSeenStore,
    WebhookReceiver,
)
from tests.support.api import INTERRUPTS
from tests.support.deliveries import SECRET, flat, nested, signed


def receiver_with(handled: list[Any], **options: Any) -> WebhookReceiver:
    """A receiver that fulfils."""
    receiver = WebhookReceiver(SECRET, **options)
    receiver.on_paid(handled.append)
    return receiver


# Tests


@pytest.mark.parametrize("flag", [True, 1, "false", [], {}, "yes", 0])
def test_a_test_event_fulfils_nothing(flag: Any, caplog: pytest.LogCaptureFixture) -> None:
    """It is answered 200, and the first one of an hour is a WARNING that names the remedy."""
    handled: list[Any] = []
    receiver = receiver_with(handled)
    for body in (flat(test=flag), nested(test=flag), flat(payment_id="cmh2", test=flag)):
        answer = receiver.handle(body, signed(body))
        assert (answer.status, json.loads(answer.body)) == (200, {"received": True, "ignored": "test event"})
    assert not handled
    assert caplog.text.count('test="accept"') == 1
    assert {record.levelno for record in caplog.records} == {logging.WARNING}


def test_outer_and_inner_flags_that_disagree_are_a_test() -> None:
    """Nothing that may be a test is believed."""
    handled: list[Any] = []
    body = json.dumps({"event": "payment.completed", "test": False, "data": {"paymentId": "a", "test": True}}).encode()
    assert receiver_with(handled).handle(body, signed(body)).outcome == "ignored"


@pytest.mark.parametrize(
    ("mode", "live", "test"),
    [("ignore", "handled", "ignored"), ("only", "ignored", "handled"), ("accept", "handled", "handled")],
)
def test_modes(mode: Any, live: str, test: str) -> None:
    """``payment.test`` is handled in each of them."""
    handled: list[Any] = []
    receiver = receiver_with(handled, test=mode)
    receiver.on("payment.test")(handled.append)
    for body, outcome in (
        (flat(payment_id="a"), live),
        (flat(payment_id="b", test=True), test),
        (flat("payment.test", test=True), "handled"),
        (flat("payment.test", test=False), "handled"),
    ):
        assert receiver.handle(body, signed(body)).outcome == outcome


# Contradictions

ODD: list[dict[str, Any]] = [
    *({"status": status} for status in ("EXPIRED", "failed", "Cancelled", "UNDERPAID", 5, [])),
    {"requiredAmount": "much", "currentBalance": 1},
    {"requiredAmount": {}},
    {"currentBalance": "x"},
    {"requiredAmount": 10, "currentBalance": "9.49"},
    {"requiredAmount": 10, "currentBalance": 0},
]
FINE: list[dict[str, Any]] = [
    {},
    *({"status": status} for status in ("COMPLETED", "pending", "Confirming", "CONFIRMED", "paid", "SOME_NEW", None)),
    {"requiredAmount": 10, "currentBalance": "9.5"},
    {"requiredAmount": 10, "currentBalance": 11},
    {"amount": 29.99, "currentBalance": 3},
    {"requiredAmount": None, "currentBalance": 3},
]


@pytest.mark.parametrize("members", ODD, ids=str)
@pytest.mark.parametrize("make", [flat, nested])
def test_a_contradiction_fulfils_nothing(members: dict[str, Any], make: Any, tmp_path: Path) -> None:
    """It is a dead letter, and the answer is 200 since the store is durable; a replay believes it, once."""
    handled: list[Any] = []
    receiver = receiver_with(handled, seen=SQLiteSeenStore(tmp_path / "seen"))
    body = make(**members)
    answer = receiver.handle(body, signed(body))
    assert (answer.status, answer.outcome) == (200, "dead_letter")
    assert not handled
    (letter,) = receiver.dead_letters()
    assert letter.body == body
    assert letter.reason
    receiver.discard(letter)
    assert receiver.dead_letters() == []


@pytest.mark.parametrize("members", FINE, ids=str)
def test_what_contradicts_nothing_is_fulfilled(members: dict[str, Any]) -> None:
    """Unknown states, and amounts that may be in another coin."""
    handled: list[Any] = []
    body = flat(**members)
    assert receiver_with(handled).handle(body, signed(body)).outcome == "handled"
    assert len(handled) == 1


def test_the_tolerance_of_underpayment_can_be_set() -> None:
    """0 takes every missing unit for a contradiction."""
    body = flat(requiredAmount="10", currentBalance="9.99")
    assert receiver_with([]).handle(body, signed(body)).outcome == "handled"
    assert receiver_with([], underpaid_tolerance=0).handle(body, signed(body)).outcome == "dead_letter"
    for odd in (-0.1, 1, "x", True):
        with pytest.raises(ConfigurationError, match="underpaid_tolerance"):
            receiver_with([], underpaid_tolerance=odd)


def test_contradictions_may_have_a_handler(tmp_path: Path) -> None:
    """It runs once for each event, plain or async, and nothing is a dead letter then."""
    handled: list[Any] = []
    found: list[Contradiction] = []
    receiver = receiver_with(handled, seen=SQLiteSeenStore(tmp_path / "seen"))

    @receiver.on_contradiction
    async def look(contradiction: Contradiction) -> None:
        found.append(contradiction)

    body = flat(status="FAILED")
    outcomes = [receiver.handle(body, signed(body)).outcome]
    outcomes.append(asyncio.run(receiver.handle_async(body, signed(body))).outcome)
    assert outcomes == ["handled", "duplicate"]
    assert [(one.event.event, one.reason) for one in found] == [("payment.completed", "its status is 'FAILED'")]
    # The payment itself is still open.
    assert receiver.handle(flat(), signed(flat())).outcome == "handled"
    assert len(handled) == 1
    with pytest.raises(ConfigurationError, match="handler of contradictions already"):
        receiver.on_contradiction(look)


def test_a_contradiction_runs_handlers_by_name() -> None:
    """They get every event of their name, and judge by themselves."""
    handled: list[Any] = []
    receiver = WebhookReceiver(SECRET)
    receiver.on("payment.completed")(handled.append)
    body = flat(status="FAILED")
    assert receiver.handle(body, signed(body)).outcome == "handled"


# Dead letters


def test_a_genuine_delivery_that_cannot_be_read_is_kept(tmp_path: Path) -> None:
    """Once, with its reason, and readable again by the version that can read it."""
    seen = SQLiteSeenStore(tmp_path / "seen")
    receiver = WebhookReceiver(SECRET, seen=seen)
    body = nested(amount="much")
    for _ in range(2):
        answer = receiver.handle(body, signed(body, X_Webhook_ID="whd1"))
        assert (answer.status, answer.outcome) == (200, "dead_letter")
    (letter,) = receiver.dead_letters()
    assert (letter.body, letter.delivery_id) == (body, "whd1")
    assert "$.data.amount" in letter.reason
    forged = receiver.handle(body + b" ", signed(body))
    assert forged.status == 401
    assert len(receiver.dead_letters()) == 1


def test_a_store_in_memory_swallows_nothing() -> None:
    """503, so that the API delivers again; the letter is listed all the same."""
    receiver = receiver_with([])
    body = flat(status="FAILED")
    answer = receiver.handle(body, signed(body))
    assert (answer.status, answer.retry_after) == (503, 3600.0)
    assert json.loads(answer.body)["received"] is False
    assert len(receiver.dead_letters()) == 1


def test_a_dead_letter_that_cannot_be_stored_is_delivered_again(tmp_path: Path) -> None:
    """If a dead letter cannot be stored, the answer is 503, for any error of the store."""

    class Full(SQLiteSeenStore):
        def add_dead_letter(self, letter: Any) -> None:
            raise OSError("disk full")

    receiver = receiver_with([], seen=Full(tmp_path / "seen"))
    body = flat(status="FAILED")
    answer = receiver.handle(body, signed(body))
    assert (answer.status, answer.outcome) == (503, "dead_letter")


def test_a_replayed_contradiction_answers_first_too(tmp_path: Path) -> None:
    """With ``respond="first"`` a person's decision travels with the stored body."""
    handled: list[Any] = []
    receiver = receiver_with(handled, seen=SQLiteSeenStore(tmp_path / "seen"), respond="first")
    body = flat(status="FAILED")
    assert receiver.handle(body, signed(body)).outcome == "dead_letter"
    (letter,) = receiver.dead_letters()
    assert receiver.replay(letter).outcome == "accepted"
    assert (len(handled), receiver.dead_letters()) == (1, [])


# Hooks


def test_hooks_see_answers_refusals_and_handlers(caplog: pytest.LogCaptureFixture) -> None:
    """With names, statuses and times; one that raises changes no answer."""
    seen: list[Any] = []

    def broken(event: Any) -> None:
        raise RuntimeError("metrics are down")

    clock = [1_704_110_460.0]
    receiver = WebhookReceiver(SECRET, hooks=[broken, seen.append], clock=lambda: clock[0])
    failures = [True]

    @receiver.on_paid
    def fulfil(event: Any) -> None:
        if failures.pop() if failures else False:
            raise ValueError("no")

    body = flat(timestamp="2024-01-01T12:00:00Z")
    for _ in range(3):
        assert receiver.handle(body, signed(body)).status in (200, 500)
    receiver.handle(body, signed(body, "forged"))
    receiver.handle(b"x" * 1_048_577, {})
    begins = [DeliveryReceived(size=len(body)), HandlerStarted(event="payment.completed")]
    assert [seen[:2], seen[4:6], seen[8:9]] == [begins, begins, begins[:1]]
    failed, first, finished, second, third, refused, large = (
        one for one in seen if not isinstance(one, (DeliveryReceived, HandlerStarted))
    )
    assert isinstance(failed, HandlerFailed)
    assert (failed.event, failed.error) == ("payment.completed", "ValueError")
    assert isinstance(finished, HandlerFinished)
    assert 0 <= finished.seconds < 10
    assert [(one.status, one.outcome, one.is_duplicate, one.age) for one in (first, second, third)] == [
        (500, "failed", False, 60.0),
        (200, "handled", False, 60.0),
        (200, "duplicate", True, 60.0),
    ]
    assert isinstance(first, DeliveryAnswered)
    assert all(isinstance(one, DeliveryRefused) for one in (refused, large))
    assert (refused.status, large.status) == (401, 413)
    assert "a hook failed on DeliveryAnswered" in caplog.text
    with pytest.raises(ConfigurationError, match="hooks="):
        WebhookReceiver(SECRET, hooks=[5])  # type: ignore[list-item]


@pytest.mark.parametrize("interrupt", INTERRUPTS)
async def test_hooks_see_deliveries_that_are_cut_off(interrupt: type[BaseException]) -> None:
    """A cancelled handler failed, and its delivery has no answer; the hook may be added to a receiver that exists."""
    seen: list[Any] = []
    receiver = WebhookReceiver(SECRET)
    receiver.add_hook(seen.append)

    @receiver.on_paid
    async def fulfil(event: Any) -> None:
        raise interrupt

    body = flat()
    with pytest.raises(interrupt):
        await receiver.handle_async(body, signed(body))
    received, started, failed, interrupted = seen
    assert (type(received), type(started)) == (DeliveryReceived, HandlerStarted)
    assert (type(failed), failed.error) == (HandlerFailed, interrupt.__name__)
    assert interrupted == DeliveryInterrupted(error=interrupt.__name__)


def test_a_hook_is_added_once() -> None:
    """A second call with an equal hook changes nothing, and an async function is refused."""
    seen: list[Any] = []
    receiver = WebhookReceiver(SECRET)
    receiver.add_hook(seen.append)
    receiver.add_hook(seen.append)
    receiver.handle(b"?", {})
    assert [type(one).__name__ for one in seen] == ["DeliveryReceived", "DeliveryRefused"]

    async def observe(event: Any) -> None: ...

    class Observer:
        async def __call__(self, event: Any) -> None: ...

    def yielding(event: Any) -> Iterator[Any]:
        yield event

    no_hooks: list[Any] = [observe, Observer(), functools.partial(Observer()), yielding, functools.partial(yielding), 5]
    for no_hook in no_hooks:
        with pytest.raises(ConfigurationError, match="hooks= takes plain functions"):
            receiver.add_hook(no_hook)
