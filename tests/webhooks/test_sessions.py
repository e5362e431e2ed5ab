"""The blocks of ``docs/fastapi.md`` about sessions of a request run as they stand there, and fulfil once."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi")
pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install sqlalchemy")

from fastapi import Depends
from fastapi.testclient import TestClient
from sqlalchemy import create_engine, event, text
from sqlalchemy.orm import Session, sessionmaker

from inventpay.webhooks import SQLAlchemySeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed

PAGE = (Path(__file__).parents[2] / "docs" / "fastapi.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
BODY = flat(orderId="order-1")


class Shop:
    """The application of the documentation, with one order in its database."""

    def __init__(self, path: Path, *, in_tasks: bool) -> None:
        self.engine = create_engine(f"sqlite:///{path}")
        event.listen(self.engine, "connect", _check_foreign_keys)
        self.sessions = sessionmaker(self.engine)
        with self.engine.begin() as connection:
            connection.execute(text("CREATE TABLE customers (id INTEGER PRIMARY KEY)"))
            owner = "INTEGER NOT NULL DEFAULT 0 REFERENCES customers (id) DEFERRABLE INITIALLY DEFERRED"
            connection.execute(text(f"CREATE TABLE orders (number TEXT, paid INTEGER, owner {owner})"))
            connection.execute(text("INSERT INTO customers VALUES (0)"))
            connection.execute(text("INSERT INTO orders VALUES ('order-1', 0, 0)"))
        (block,) = (text for text in BLOCKS if "seen.using(session)" in text)
        names: dict[str, Any] = {"__name__": __name__, "Sessions": self.sessions}
        exec(compile(block, "docs/fastapi.md", "exec"), names)
        self.seen: SQLAlchemySeenStore = names["seen"]
        self.seen.create_tables()
        self.receiver: WebhookReceiver = names["receiver"]
        self.path = "/webhooks/inventpay"
        self.client = TestClient(names["app"])
        if in_tasks:
            self._add_async_view(path, names)

    def _add_async_view(self, path: Path, names: dict[str, Any]) -> None:
        pytest.importorskip("aiosqlite", reason="aiosqlite is not installed: pip install aiosqlite")
        from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
        from sqlalchemy.pool import NullPool

        engine = create_async_engine(f"sqlite+aiosqlite:///{path}", poolclass=NullPool)
        event.listen(engine.sync_engine, "connect", _check_foreign_keys)
        sessions = async_sessionmaker(engine)

        async def get_async_session() -> AsyncIterator[AsyncSession]:
            async with sessions() as session:
                yield session

        names |= {"AsyncSession": AsyncSession, "Depends": Depends, "get_async_session": get_async_session}
        (block,) = (text for text in BLOCKS if "run_sync" in text)
        exec(compile(block, "docs/fastapi.md", "exec"), names)
        self.path = "/async/webhooks/inventpay"

    def deliver(self) -> str:
        """Deliver the event, and return the outcome."""
        outcome: str = self.client.post(self.path, content=BODY, headers=signed(BODY)).json()["outcome"]
        return outcome

    def paid(self) -> int:
        """Return how often the order was paid, as committed."""
        with self.engine.begin() as connection:
            return int(connection.execute(text("SELECT paid FROM orders")).scalar_one())

    def fail_after_the_work(self, failures: list[Any]) -> None:
        """Have the handler call these, one each time, after its work."""
        ship = self.receiver._routes.pop("payment.completed").handler
        self.receiver._routes.clear()

        @self.receiver.on_paid
        def fulfil(paid: Any) -> None:
            ship(paid)
            if failures:
                failures.pop(0)(self.seen.session)


@pytest.fixture(params=[False, True], ids=["Session", "AsyncSession"])
def shop(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Shop]:
    """The shop, with both kinds of sessions."""
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", SECRET)
    shop = Shop(tmp_path / "shop.sqlite3", in_tasks=request.param)
    yield shop
    shop.engine.dispose()


def test_an_order_is_paid_once(shop: Shop) -> None:
    """The note of the event is in the same database."""
    assert [shop.deliver() for _ in range(3)] == ["handled", "duplicate", "duplicate"]
    assert shop.paid() == 1


def test_a_failed_handler_leaves_nothing(shop: Shop) -> None:
    """Neither its work nor the note; the next delivery does both."""

    def fail(session: Session) -> None:
        raise OSError("the mail server is down")

    shop.fail_after_the_work([fail, fail])
    assert [shop.deliver() for _ in range(4)] == ["failed", "failed", "handled", "duplicate"]
    assert shop.paid() == 1


def test_a_failed_commit_leaves_nothing(shop: Shop) -> None:
    """A constraint that is checked at the commit."""

    def orphan(session: Session) -> None:
        session.execute(text("UPDATE orders SET owner = 7"))

    shop.fail_after_the_work([orphan])
    assert [shop.deliver() for _ in range(3)] == ["failed", "handled", "duplicate"]
    assert shop.paid() == 1


def _check_foreign_keys(connection: Any, _: Any) -> None:
    connection.execute("PRAGMA foreign_keys = ON")


@pytest.mark.parametrize("how", ["commit", "rollback"])
def test_a_handler_that_ends_the_transaction_is_an_error(how: str, shop: Shop) -> None:
    """A rollback would else be answered 200, and the event lost. After a commit the event counts as handled."""
    shop.fail_after_the_work([lambda session: getattr(session, how)()])
    assert shop.deliver() == "failed"
    assert shop.paid() == (1 if how == "commit" else 0)
    assert shop.deliver() == ("duplicate" if how == "commit" else "handled")
    assert shop.paid() == 1
