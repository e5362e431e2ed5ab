# Generated from tests/_async/test_feeding.py by tools/generate_sync.py. Do not edit.
"""Feeding webhook events to those who wait for a payment: at once, complete where possible, never backwards."""

from __future__ import annotations

import gc
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import httpx
import pytest

from inventpay import InvalidArgumentError, PaymentStatus, RateClass, WaitTimeoutError
from inventpay._watching.schedule import FED_PATIENCE
from inventpay.webhooks import PaymentCompletedEvent, PaymentPendingEvent, PaymentUnderpaidEvent, UnknownEvent
from tests.support.api import ScriptedAPI, Step, answers, fails, takes
from tests.support.clients import scripted_client

PAYMENT = "cmh123abc456def"
COMPLETED = PaymentCompletedEvent(payment_id=PAYMENT, amount=Decimal("29.99"))


def status(state: str, balance: str = "0", confirmations: int = 0) -> Step:
    """The answer to a status call."""
    body = {"paymentId": PAYMENT, "status": state, "currentBalance": balance, "confirmations": confirmations}
    return answers(200, body)


class Story:
    """An API during whose answers events arrive: by then the waiter waits, or is about to."""

    def __init__(self, *steps: Step) -> None:
        self.api = ScriptedAPI(*steps)
        self.feed: Callable[[Any], int] | None = None
        self.reported: list[int] = []

    def hears(self, *events: Any, then: Step) -> Step:
        """Answers after the events have been fed."""

        def step(request: httpx.Request, clock: Any) -> httpx.Response:
            assert self.feed is not None
            self.reported += [self.feed(event) for event in events]
            return then(request, clock)

        return step

    def begins(self, *steps: Step) -> None:
        """Sets what the API does."""
        self.api.steps[:] = steps

    @property
    def took(self) -> float:
        """Seconds from the first request to now."""
        return self.api.clock.now - self.api.times[0]


def wait(story: Story, **options: Any) -> PaymentStatus:
    """Waits for the payment with a client that the story feeds."""
    with scripted_client(story.api, max_retries=0) as client:
        story.feed = client.feed
        return client.payments.wait(PAYMENT, **options)


def test_an_event_ends_a_wait_at_once() -> None:
    """No interval passes, and the status is the API's own, with all it says."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=status("PENDING")), status("COMPLETED", "30.5", 12))
    final = wait(story)
    assert (final.current_balance, final.confirmations) == (Decimal("30.5"), 12)
    assert (story.took, len(story.api.requests), story.reported) == (0.0, 2, [1])


def test_the_event_counts_where_the_api_lags_behind() -> None:
    """A replica that still says PENDING is not waited for; what the event leaves out is as the API said."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=status("PENDING")), status("PENDING", "29.99", 3))
    final = wait(story)
    assert (final.is_paid, final.current_balance, final.confirmations) == (True, Decimal("29.99"), 3)
    assert story.took == 0.0


@pytest.mark.parametrize("failure", [answers(503), answers(429), fails(httpx.ConnectError("down"))])
def test_the_event_counts_in_an_outage(failure: Step) -> None:
    """The API cannot be asked; the event was signed by it."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=failure), failure)
    final = wait(story)
    assert (final.is_paid, final.current_balance) == (True, Decimal("29.99"))


def test_a_slow_api_is_not_waited_for_long() -> None:
    """Two seconds for its own word, whatever timeouts are set."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=status("PENDING")), takes(25.0, status("COMPLETED", "30", 12)))
    final = wait(story)
    assert (final.is_paid, final.confirmations) == (True, 0)
    assert story.took == FED_PATIENCE


def test_an_event_that_says_too_little_only_hurries_the_next_look() -> None:
    """Without any amount there is nothing to return before the API has answered."""
    story = Story()
    little = PaymentCompletedEvent(payment_id=PAYMENT)
    story.begins(story.hears(little, then=answers(503)), answers(503), status("COMPLETED", "29.99", 12))
    final = wait(story)
    assert final.confirmations == 12
    assert len(story.api.requests) == 3


def test_an_unknown_event_only_hurries_the_next_look() -> None:
    """Something happened; what it was the API has to say."""
    story = Story()
    story.begins(
        story.hears(UnknownEvent(event="payment.refunded", payment_id=PAYMENT), then=status("PENDING")),
        status("CANCELLED"),
    )
    assert (wait(story)).status == "CANCELLED"
    assert story.took == 0.0


def test_watching_yields_fed_events_and_never_goes_backwards() -> None:
    """Each stage once, whatever order the events come in and whatever the API says meanwhile."""
    pending = PaymentPendingEvent(payment_id=PAYMENT, current_balance=Decimal(20))
    underpaid = PaymentUnderpaidEvent(payment_id=PAYMENT, current_balance=Decimal(20))
    story = Story()
    story.begins(
        story.hears(underpaid, pending, underpaid, then=status("PENDING")),
        status("PENDING"),
        story.hears(pending, then=status("PENDING", "20")),
        story.hears(COMPLETED, COMPLETED, pending, then=status("UNDERPAID", "20")),
        status("UNDERPAID", "20"),
    )
    with scripted_client(story.api) as client:
        story.feed = client.feed
        reported = [(str(news.status), news.current_balance) for news in client.payments.watch(PAYMENT)]
    assert reported == [
        *(("PENDING", Decimal(0)), ("UNDERPAID", Decimal(20))),
        ("COMPLETED", Decimal("29.99")),
    ]


def test_without_room_in_the_share_the_event_counts() -> None:
    """Looks out of turn are part of what watchers may use; beyond it nothing is sent, and nothing is waited for."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=status("PENDING")), status("COMPLETED", "30", 12))
    with scripted_client(story.api) as client:
        story.feed = client.feed
        client._polling._schedule((client._backend.queue(), RateClass.STATUS_CHECKS))._slot = 1e9
        watch = client.payments.watch(PAYMENT)
        client.feed(COMPLETED)
        final = watch.__next__()
    assert final.is_paid
    assert story.api.requests == []


def test_without_room_and_without_an_amount_polling_goes_on() -> None:
    """The event is used up, and the regular turn comes."""
    story = Story(status("EXPIRED"))
    with scripted_client(story.api) as client:
        schedule = client._polling._schedule((client._backend.queue(), RateClass.STATUS_CHECKS))
        schedule._slot = client._backend.now() + 40.0
        watch = client.payments.watch(PAYMENT)
        client.feed(PaymentCompletedEvent(payment_id=PAYMENT))
        assert (watch.__next__()).status == "EXPIRED"
    assert len(story.api.requests) == 1


def test_without_a_token_the_event_counts_after_two_seconds() -> None:
    """The rate limit is used up by others: a signed event need not wait for it."""
    api = ScriptedAPI(status("COMPLETED", "30", 12))
    with scripted_client(api) as client:
        class_limiter = client._limiter._classes["status_checks"]
        for _ in range(300):
            class_limiter.try_lease(client._backend.now()).answered(client._backend.now(), 200, {})
        watch = client.payments.watch(PAYMENT)
        client.feed(COMPLETED)
        assert (watch.__next__()).is_paid
    assert api.requests == []


def test_the_bound_of_a_wait_holds_for_looks_out_of_turn() -> None:
    """Less time left than the API is given: the event still ends the wait, and an event that says nothing does not."""
    story = Story()
    story.begins(story.hears(COMPLETED, then=takes(9.0, status("PENDING"))), takes(25.0))
    assert (wait(story, timeout=10)).is_paid
    assert story.took == 10.0
    story = Story()
    little = PaymentCompletedEvent(payment_id=PAYMENT)
    story.begins(story.hears(little, then=answers(503)), takes(25.0))
    with pytest.raises(WaitTimeoutError, match="no status was seen"):
        wait(story, timeout=10)


def test_only_watchers_of_the_payment_get_the_event() -> None:
    """Through any sibling of the client; another payment's watchers, and those that were dropped, are not counted."""
    api = ScriptedAPI(status("PENDING"))
    with scripted_client(api) as client:
        assert client.feed(COMPLETED) == 0
        watches = [client.payments.watch(PAYMENT), client.with_options(timeout=5.0).payments.watch(PAYMENT)]
        other = client.payments.watch("cmh789")
        assert client.with_options(max_retries=1).feed(COMPLETED) == 2
        watches.pop()
        gc.collect()
        assert client.feed(COMPLETED) == 1
        assert (len(watches), len(other.events)) == (1, 0)


def test_payments_that_are_no_longer_watched_are_removed() -> None:
    """The register stays as small as the crowd."""
    with scripted_client(ScriptedAPI(status("PENDING"))) as client:
        kept = [client.payments.watch(f"cmh{number}") for number in range(50)]
        for number in range(1_000):
            client.payments.watch(f"gone{number}")
        assert len(client._polling._iterators) < 200
        assert client.feed(PaymentCompletedEvent(payment_id="cmh7")) == 1
        assert len(kept) == 50


def test_only_verified_events_are_fed() -> None:
    """A dict is refused with what to do; its signature was not verified."""
    with scripted_client(ScriptedAPI()) as client:
        with pytest.raises(InvalidArgumentError, match="parse_event"):
            client.feed({"event": "payment.completed", "paymentId": PAYMENT})  # type: ignore[arg-type]
