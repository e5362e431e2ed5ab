"""Deliveries that are the same event are handled once, and those that are not are handled each, in every store."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay.redis import RedisSeenStore
from inventpay.webhooks import MemorySeenStore, SeenStore, SQLiteSeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed
from tests.support.redis_servers import redis_server

NOW = datetime.now(UTC).replace(microsecond=0)


@pytest.fixture(scope="module")
def redis_url() -> Iterator[str]:
    """A Redis server."""
    with redis_server("redis-server") as server:
        yield server.url


@pytest.fixture(params=["memory", "sqlite", "redis"])
def seen(request: pytest.FixtureRequest, tmp_path: Path) -> SeenStore:
    """Each store."""
    if request.param == "memory":
        return MemorySeenStore()
    if request.param == "sqlite":
        return SQLiteSeenStore(tmp_path / "seen.sqlite3")
    return RedisSeenStore(request.getfixturevalue("redis_url"), prefix=tmp_path.name)


def deliver(receiver: WebhookReceiver, name: str, second: int | None = None, id: str | None = None, **more: Any) -> str:
    """Deliver an event with a timestamp and an id, or without; return the outcome."""
    stamp = {} if second is None else {"timestamp": (NOW - timedelta(seconds=second)).isoformat()}
    body = flat(name, **stamp, **more)
    return receiver.handle(body, signed(body, **({} if id is None else {"X_Webhook_ID": id}))).outcome


def receiver_of(seen: SeenStore, *names: str, **options: Any) -> tuple[WebhookReceiver, list[Any]]:
    """A receiver with one handler of all names, and what it handled."""
    handled: list[Any] = []
    receiver = WebhookReceiver(SECRET, seen=seen, **options)
    if names:
        receiver.on(*names)(handled.append)
    return receiver, handled


def test_equal_content_is_new_only_with_a_new_timestamp_and_a_new_id(seen: SeenStore) -> None:
    """A balance that returns to an earlier value is news; a forged id alone and a re-stamped retry alone are not."""
    receiver, handled = receiver_of(seen, "payment.underpaid")

    def balance(amount: int, second: int, id: str) -> str:
        return deliver(receiver, "payment.underpaid", second, id, currentBalance=amount)

    assert balance(10, 50, "a") == "handled"
    assert balance(20, 40, "b") == "handled"
    assert balance(10, 30, "c") == "handled"
    assert balance(10, 30, "forged") == "duplicate"
    assert balance(10, 20, "c") == "duplicate"
    # The timestamp of that duplicate is known now, so a forged id makes it no news.
    assert balance(10, 20, "forged again") == "duplicate"
    assert [event.current_balance for event in handled] == [10, 20, 10]


def test_the_id_of_a_duplicate_is_not_noted(seen: SeenStore) -> None:
    """It may be forged: the genuine event that will come under this id is handled."""
    receiver, handled = receiver_of(seen, "payment.pending")
    assert deliver(receiver, "payment.pending", 50, "a") == "handled"
    assert deliver(receiver, "payment.pending", 50, "of the next") == "duplicate"
    assert deliver(receiver, "payment.pending", 40, "of the next") == "handled"
    assert len(handled) == 2


@pytest.mark.parametrize("first", [(50, "a"), (50, None), (None, "a"), (None, None)])
@pytest.mark.parametrize("second", [(40, None), (None, "b"), (None, None)])
def test_content_alone_decides_where_timestamp_or_id_is_missing(
    first: tuple[int | None, str | None], second: tuple[int | None, str | None], seen: SeenStore
) -> None:
    """Only the delivery id distinguishes the two."""
    receiver, handled = receiver_of(seen, "payment.pending")
    assert deliver(receiver, "payment.pending", *first) == "handled"
    assert deliver(receiver, "payment.pending", *second) == "duplicate"
    assert len(handled) == 1


def test_paid_names_are_handled_once_each(seen: SeenStore) -> None:
    """One shows "confirming", the other ships: both run, once for each payment, whatever else the body says."""
    receiver, confirming = receiver_of(seen, "payment.confirmed")
    shipped: list[Any] = []
    receiver.on("payment.completed")(shipped.append)
    for number, name in enumerate(["payment.confirmed", "payment.completed"] * 2):
        deliver(receiver, name, number, f"id{number}", confirmations=number)
    assert len(confirming) == len(shipped) == 1


def fulfil(seen: SeenStore) -> tuple[WebhookReceiver, list[Any]]:
    """The next release of the shop, which fulfils with ``on_paid``."""
    handled: list[Any] = []
    receiver = WebhookReceiver(SECRET, seen=seen)
    receiver.on_paid(handled.append)
    return receiver, handled


@pytest.mark.parametrize("name", ["payment.completed", "payment.confirmed"])
def test_on_paid_does_not_run_after_completed_was_handled_by_name(name: str, seen: SeenStore) -> None:
    """The shop was deployed with another registration in between."""
    old, _ = receiver_of(seen, "payment.completed")
    assert deliver(old, "payment.completed") == "handled"
    new, handled = fulfil(seen)
    assert deliver(new, name, confirmations=5) == "duplicate"
    assert not handled


def test_completed_after_confirmed_by_name_is_a_dead_letter(seen: SeenStore, caplog: pytest.LogCaptureFixture) -> None:
    """It is unknown whether the old handler fulfilled: a person decides, and may replay it, once."""
    old, _ = receiver_of(seen, "payment.confirmed")
    assert deliver(old, "payment.confirmed") == "handled"
    new, handled = fulfil(seen)
    assert deliver(new, "payment.confirmed") == "duplicate"
    assert deliver(new, "payment.completed") == "dead_letter"
    assert not handled
    assert "may or may not have fulfilled it" in caplog.text
    assert caplog.records[-1].levelno == logging.ERROR
    (letter,) = new.dead_letters()
    assert new.replay(letter).outcome == "handled"
    assert new.dead_letters() == []
    assert new.replay(letter).outcome == "duplicate"
    assert deliver(new, "payment.completed") == "duplicate"
    assert len(handled) == 1


@pytest.mark.parametrize("name", ["payment.completed", "payment.confirmed"])
def test_names_do_not_run_after_on_paid(name: str, seen: SeenStore) -> None:
    """The other way round: the payment was fulfilled."""
    new, _ = fulfil(seen)
    assert deliver(new, "payment.confirmed") == "handled"
    old, handled = receiver_of(seen, "payment.completed", "payment.confirmed")
    assert deliver(old, name, confirmations=5) == "duplicate"
    assert not handled


def test_a_failed_name_leaves_no_doubt(seen: SeenStore) -> None:
    """A handler of ``payment.confirmed`` that raised has done nothing, so ``on_paid`` runs."""
    old = WebhookReceiver(SECRET, seen=seen)
    old.on("payment.confirmed")(lambda event: 1 / 0)
    assert deliver(old, "payment.confirmed") == "failed"
    new, handled = fulfil(seen)
    assert deliver(new, "payment.completed") == "handled"
    assert len(handled) == 1


def test_on_other_counts_as_no_fulfilment(seen: SeenStore) -> None:
    """It often feeds a client or a log, and says nothing of fulfilment."""
    old = WebhookReceiver(SECRET, seen=seen)
    old.on_other(lambda event: None)
    assert deliver(old, "payment.completed") == "handled"
    new, handled = fulfil(seen)
    assert deliver(new, "payment.completed") == "handled"
    assert len(handled) == 1


def test_two_payments_of_one_order_can_be_folded(seen: SeenStore, caplog: pytest.LogCaptureFixture) -> None:
    """A payer who paid twice gets one parcel; the log names the order, since its id may have been reused."""
    receiver = WebhookReceiver(SECRET, seen=seen)
    handled: list[Any] = []
    receiver.on_paid(once_per="order")(handled.append)
    for payment_id in ("cmh1", "cmh2", "cmh2", "cmh3"):
        deliver(receiver, "payment.completed", payment_id=payment_id, orderId="other" if "3" in payment_id else "o1")
    assert [event.payment_id for event in handled] == ["cmh1", "cmh3"]
    assert caplog.text.count("pays order 'o1', which was fulfilled before") == 1
    for payment_id in ("cmh4", "cmh5"):
        assert deliver(receiver, "payment.confirmed", payment_id=payment_id) == "handled"


@pytest.mark.parametrize("order_id", ["", " ", None])
def test_payments_without_an_order_are_not_folded(seen: SeenStore, order_id: str | None) -> None:
    """An empty id names no order: each of these customers gets a parcel."""
    receiver = WebhookReceiver(SECRET, seen=seen)
    handled: list[Any] = []
    receiver.on_paid(once_per="order")(handled.append)
    for payment_id in ("cmh1", "cmh2", "cmh1"):
        deliver(receiver, "payment.completed", payment_id=payment_id, orderId=order_id)
    assert [event.payment_id for event in handled] == ["cmh1", "cmh2"]


def test_a_fulfilled_payment_is_remembered_for_400_days(tmp_path: Path) -> None:
    """A body without a timestamp may be replayed at any time."""
    now = [1_704_110_400.0]
    seen = SQLiteSeenStore(tmp_path / "seen", clock=lambda: now[0])
    for receiver, handled in (fulfil(seen), receiver_of(seen, "payment.completed")):
        payment_id = str(id(receiver))
        assert deliver(receiver, "payment.completed", payment_id=payment_id) == "handled"
        now[0] += 399 * 86_400
        assert deliver(receiver, "payment.completed", payment_id=payment_id) == "duplicate"
        assert len(handled) == 1


def test_once_per_takes_two_values() -> None:
    """`once_per` accepts two values; any other is an error."""
    with pytest.raises(ConfigurationError, match=r"on_paid\(once_per='orders'\)"):
        WebhookReceiver(SECRET).on_paid(once_per="orders")  # type: ignore[call-overload]
