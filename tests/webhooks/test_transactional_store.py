"""The store in the application's database: the note of an event and the handler's work commit together, or not."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay.webhooks import ClaimStatus, DeadLetter, SeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed
from tests.webhooks.seen_store_contract import Clock, claimed

pytest.importorskip("sqlalchemy")

from sqlalchemy import Column, MetaData, String, Table, create_engine, select
from sqlalchemy.orm import Session, scoped_session, sessionmaker

from inventpay.webhooks import SQLAlchemySeenStore

METADATA = MetaData()
SHIPPED = Table("shipped", METADATA, Column("payment", String(64)))


class Shop:
    """A receiver whose handler writes into the database of its store."""

    def __init__(self, path: Path) -> None:
        self.engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 10})
        METADATA.create_all(self.engine)
        self.clock = Clock()
        self.sessions: Any = sessionmaker(self.engine)
        self.seen = SQLAlchemySeenStore(self.sessions, clock=self.clock)
        self.seen.create_tables()
        self.failures = 0
        self.receiver = WebhookReceiver(SECRET, seen=self.seen)
        self.receiver.on_paid(self.ship)

    def ship(self, event: Any) -> None:
        """Write, and perhaps fail afterwards."""
        self.seen.session.execute(SHIPPED.insert().values(payment=event.payment_id))
        if self.failures:
            self.failures -= 1
            raise RuntimeError("out of stock")

    def shipped(self) -> list[str]:
        """Return the committed rows."""
        with self.sessions() as session:
            return list(session.scalars(select(SHIPPED.c.payment).order_by(SHIPPED.c.payment)))


@pytest.fixture
def shop(tmp_path: Path) -> Iterator[Shop]:
    """A shop with a database of its own."""
    shop = Shop(tmp_path / "shop.sqlite3")
    yield shop
    shop.engine.dispose()


def _blocking(receiver: WebhookReceiver, body: bytes) -> str:
    return receiver.handle(body, signed(body)).outcome


def _asyncio(receiver: WebhookReceiver, body: bytes) -> str:
    return asyncio.run(receiver.handle_async(body, signed(body))).outcome


@pytest.mark.parametrize("deliver", [_blocking, _asyncio])
@pytest.mark.parametrize("kind", ["plain", "awaited"])
def test_work_and_note_commit_together(deliver: Any, kind: str, shop: Shop) -> None:
    """A failed handler leaves nothing of either; the next delivery does all of it, once."""
    if kind == "awaited":

        async def ship(event: Any) -> None:
            shop.ship(event)

        shop.receiver._routes.clear()
        shop.receiver.on_paid(ship)
    shop.failures = 2
    outcomes = [deliver(shop.receiver, flat()) for _ in range(4)]
    assert outcomes == ["failed", "failed", "handled", "duplicate"]
    assert shop.shipped() == ["cmh1"]


def test_a_failed_commit_is_a_failure(shop: Shop) -> None:
    """500, so that it is delivered again: unlike with other stores the handler's work is gone."""
    broken = [True]

    class Broken(Session):
        def commit(self) -> None:
            if broken and self.new is not None and self.in_transaction() and shop.failures == -1:
                broken.pop()
                raise OSError("connection lost")
            super().commit()

    shop.sessions.class_ = Broken
    shop.failures = 0
    shop.receiver._routes.clear()

    @shop.receiver.on_paid
    def ship(event: Any) -> None:
        shop.seen.session.execute(SHIPPED.insert().values(payment=event.payment_id))
        shop.failures = -1

    assert _blocking(shop.receiver, flat()) == "failed"
    shop.failures = 0
    assert shop.shipped() == []
    broken.clear()
    assert _blocking(shop.receiver, flat()) == "handled"
    assert shop.shipped() == ["cmh1"]


def test_a_crowd_ships_once(shop: Shop) -> None:
    """The second delivery waits at the unique key, and is a duplicate, or must be repeated."""
    start = threading.Barrier(6)

    def deliver(number: int) -> list[str]:
        start.wait()
        return [_blocking(shop.receiver, flat(payment_id=f"cmh{turn}")) for turn in range(8)]

    with ThreadPoolExecutor(6) as pool:
        outcomes = [outcome for found in pool.map(deliver, range(6)) for outcome in found]
    assert set(outcomes) <= {"handled", "duplicate", "busy", "failed"}
    for turn in range(8):
        _blocking(shop.receiver, flat(payment_id=f"cmh{turn}"))
    assert shop.shipped() == [f"cmh{turn}" for turn in range(8)]


def test_a_session_of_the_request_can_be_used(shop: Shop) -> None:
    """For one delivery, or as a registry that the whole application shares."""
    with shop.sessions() as session:
        store = SQLAlchemySeenStore(session)

        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(lambda event: session.execute(SHIPPED.insert().values(payment=event.payment_id)) and None)
        assert receiver.handle(flat(), signed(flat()), seen=store).outcome == "handled"
        assert receiver.handle(flat(), signed(flat()), seen=store).outcome == "duplicate"
        body = flat(payment_id="cmh2")
        assert asyncio.run(receiver.handle_async(body, signed(body), seen=store)).outcome == "handled"
    registry = scoped_session(shop.sessions)
    shared = SQLAlchemySeenStore(registry)
    receiver = WebhookReceiver(SECRET, seen=shared)
    receiver.on_paid(lambda event: registry.execute(SHIPPED.insert().values(payment=event.payment_id)) and None)
    body = flat(payment_id="cmh3")
    assert [_blocking(receiver, body) for _ in range(2)] == ["handled", "duplicate"]
    registry.remove()
    assert shop.shipped() == ["cmh1", "cmh2", "cmh3"]


def test_the_store_keeps_the_contract_of_claims(shop: Shop) -> None:
    """Claims, notes and aliases as in other stores; a lease lasts as long as its transaction."""
    store = shop.seen
    assert isinstance(store, SeenStore)
    claim = claimed(store.claim(["a", "b", "a"], 60, notes=["n"], aliases=["a", "x"]))
    assert sorted(claim.keys) == ["a", "b", "n", "x"]
    assert store.renew(claim, 60)
    assert store.finish(claim)
    assert not store.finish(claim)
    assert not store.release(claim)
    assert not store.renew(claim, 60)
    for keys in (["a"], ["new", "b"], ["n"], ["x"]):
        assert store.claim(keys, 60) is ClaimStatus.HANDLED
    assert store.claim(["a"], 60, notes=["m"], aliases=["y", "y"]) is ClaimStatus.HANDLED
    assert store.claim(["y"], 60) is ClaimStatus.HANDLED
    released = claimed(store.claim(["new", "m"], 60, notes=["n"]))
    assert sorted(released.keys) == ["m", "new"]
    assert store.release(released)
    assert store.finish(claimed(store.claim(["new"], 60)))
    assert store.due(60) is None


def test_old_notes_are_deleted(shop: Shop) -> None:
    """After 400 days, by whichever process finishes an event then."""
    shop.seen.finish(claimed(shop.seen.claim(["old"], 60)))
    shop.clock.advance(399 * 86_400)
    assert shop.seen.claim(["old"], 60) is ClaimStatus.HANDLED
    shop.clock.advance(2 * 86_400)
    shop.seen.finish(claimed(shop.seen.claim(["new"], 60)))
    assert shop.seen.finish(claimed(shop.seen.claim(["old"], 60)))


def test_dead_letters_are_rows(shop: Shop) -> None:
    """Dead letters are rows, one each, oldest first."""
    letters = [
        DeadLetter(id=f"id{at}", body=b"\x00", reason="odd", received_at=datetime.fromtimestamp(at, UTC))
        for at in (2, 1)
    ]
    for letter in (*letters, *letters):
        shop.seen.add_dead_letter(letter)
    assert shop.seen.dead_letters() == letters[::-1]
    shop.seen.drop_dead_letter("id1")
    assert shop.seen.dead_letters() == [letters[0]]


def test_answering_first_is_refused(shop: Shop) -> None:
    """Answering first is refused, because the handler would run in another transaction."""
    with pytest.raises(ConfigurationError, match="in the transaction of the handler"):
        WebhookReceiver(SECRET, seen=shop.seen, respond="first")
    with pytest.raises(ConfigurationError, match="stores no bodies"):
        shop.seen.claim(["a"], 0, b"body")


def test_the_session_exists_in_handlers_only(shop: Shop) -> None:
    """The session exists only in handlers; elsewhere it raises an error."""
    with pytest.raises(RuntimeError, match="while a handler runs"):
        _ = shop.seen.session


def test_a_deletion_that_fails_undoes_nothing(
    shop: Shop, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Old notes are deleted after the commit: the delivery was handled, and is answered and logged as such."""

    def fail(self: SQLAlchemySeenStore, before: float) -> None:
        raise RuntimeError("deadlock detected")

    monkeypatch.setattr(SQLAlchemySeenStore, "delete_keys", fail)
    assert _blocking(shop.receiver, flat()) == "handled"
    assert _blocking(shop.receiver, flat()) == "duplicate"
    assert shop.shipped() == ["cmh1"]
    assert "could not be deleted" in caplog.text
    assert "was not handled" not in caplog.text


def test_what_is_no_session_is_refused(shop: Shop) -> None:
    """When the store is made, and not by the first delivery, as an error of another place."""
    from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker

    with shop.engine.connect() as connection:
        no_sessions: list[Any] = [shop.engine, connection, "sqlite://", None]
        for value in no_sessions:
            with pytest.raises(ConfigurationError, match=f"not {type(value).__name__}"):
                SQLAlchemySeenStore(value)
            with pytest.raises(ConfigurationError, match=f"of type {type(value).__name__}"):
                shop.seen.using(value)
    async_ones: list[Any] = [AsyncSession, async_sessionmaker(), AsyncSession()]
    for value in async_ones:
        with pytest.raises(ConfigurationError, match=r"call receiver\.handle in its run_sync"):
            SQLAlchemySeenStore(value)
    with pytest.raises(ConfigurationError, match=r"call receiver\.handle in its run_sync"):
        shop.seen.using(async_ones[-1])
    late: Any = AsyncSession
    with pytest.raises(ConfigurationError, match=r"call receiver\.handle in its run_sync"):
        SQLAlchemySeenStore(lambda: late()).create_tables()
