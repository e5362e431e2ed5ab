"""The receiver for tests without an application: it keeps genuine events and refuses the rest."""

from __future__ import annotations

import time
from collections.abc import Iterator

import httpx
import pytest

from inventpay.errors import SignatureError
from inventpay.sandbox import Sandbox, WebhookInbox, running_sandbox, webhook_inbox

PAYMENT = {"amount": "5", "amount_currency": "USD", "currency": "LTC"}


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def inbox(sandbox: Sandbox) -> Iterator[WebhookInbox]:
    with webhook_inbox(sandbox) as inbox:
        yield inbox


def test_it_collects_what_happens(sandbox: Sandbox, inbox: WebhookInbox) -> None:
    """Each event once, typed, in order; a name that has come already is not waited for."""
    with sandbox.client() as client:
        payment = client.payments.create(**PAYMENT)  # type: ignore[arg-type]
    sandbox.pay(payment.payment_id)
    assert inbox.wait_for("payment.completed").payment_id == payment.payment_id
    assert inbox.wait_for("payment.created") is inbox.events[0]
    assert inbox.refused == []


def test_an_event_that_does_not_come_is_an_assertion_that_says_what_did(sandbox: Sandbox, inbox: WebhookInbox) -> None:
    """The message is what a failed test should say."""
    with pytest.raises(AssertionError, match=r"^payment\.expired did not arrive within 0\.01 s; what did: nothing$"):
        inbox.wait_for("payment.expired", timeout=0.01)
    with sandbox.client() as client:
        client.payments.create(**PAYMENT)  # type: ignore[arg-type]
    inbox.wait_for("payment.created")
    with pytest.raises(AssertionError, match=r"what did: payment\.created$"):
        inbox.wait_for("payment.expired", timeout=0.01)


def test_a_name_that_no_event_has_is_refused_at_once(inbox: WebhookInbox) -> None:
    """A typo is an error that names the event that was meant, and nothing is waited for."""
    with pytest.raises(ValueError, match=r"'payment\.complete'; did you mean 'payment\.completed'\?"):
        inbox.wait_for("payment.complete", timeout=60)
    with pytest.raises(ValueError, match=r"no event is called 'x'; there are: payment\.created, "):
        inbox.wait_for("x", timeout=60)


def test_forgeries_and_oversized_bodies_are_refused(sandbox: Sandbox, inbox: WebhookInbox) -> None:
    """401 for what is not signed with the secret, also when the sandbox forges it on request; 413 above 1 MiB."""
    answer = httpx.post(inbox.url, json={"event": "payment.completed"}, verify=False)
    assert (answer.status_code, answer.json()["success"]) == (401, False)
    assert isinstance(inbox.refused[0], SignatureError)
    assert httpx.post(inbox.url, content=b" " * (2**20 + 1), verify=False).status_code == 413
    sandbox.webhooks.misdeliver("wrong_signature")
    with sandbox.client() as client:
        client.payments.create(**PAYMENT)  # type: ignore[arg-type]
    while not any(delivery.attempts for delivery in sandbox.webhooks.deliveries):
        time.sleep(0.01)
    assert len(inbox.refused) == 2
    sandbox.clock.advance(60)
    inbox.wait_for("payment.created")  # the second attempt is genuine


def test_the_sandbox_may_live_in_another_time(sandbox: Sandbox, inbox: WebhookInbox) -> None:
    """Events are judged on the sandbox's clock: one from the year 2050 is not stale there."""
    sandbox.clock.freeze(2_524_608_000)
    with sandbox.client() as client:
        client.payments.create(**PAYMENT)  # type: ignore[arg-type]
    assert inbox.wait_for("payment.created").timestamp is not None
    assert inbox.refused == []


def test_after_the_block_nothing_is_delivered_any_more(sandbox: Sandbox) -> None:
    """After the block the sandbox has no URL, and delivers nothing to the inbox."""
    with webhook_inbox(sandbox) as inbox:
        assert sandbox.webhooks.url == inbox.url
    assert sandbox.webhooks.url is None
