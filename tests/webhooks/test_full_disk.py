"""A disk that is full answers deliveries with 500, and loses none: each is handled when it comes again."""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Any

import pytest

from inventpay.webhooks import SQLiteSeenStore, WebhookReceiver
from tests.support.deliveries import SECRET, flat, signed


class Disk:
    """Bounds the pages of every connection that SQLite opens."""

    def __init__(self) -> None:
        self.connections: list[sqlite3.Connection] = []

    def connect(self, *args: Any, **options: Any) -> sqlite3.Connection:
        """Open a connection and remember it."""
        connection: sqlite3.Connection = _connect(*args, **options)
        self.connections.append(connection)
        return connection

    def bound(self, pages: int) -> None:
        """Let a database have so many pages at most; what it has already stays."""
        for connection in self.connections:
            connection.execute(f"PRAGMA max_page_count = {pages}").fetchall()


_connect = sqlite3.connect


@pytest.mark.parametrize("respond", ["last", "first"])
def test_deliveries_of_a_full_disk_come_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, respond: Any) -> None:
    """Every delivery that was answered 200 is handled once, and all of them are in the end."""
    disk = Disk()
    monkeypatch.setattr(sqlite3, "connect", disk.connect)
    receiver = WebhookReceiver(SECRET, seen=SQLiteSeenStore(tmp_path / "seen.sqlite3"), respond=respond)
    handled: list[str] = []
    receiver.on_other(lambda event: handled.append(str(event.payment_id)))
    deliveries = [flat("order.paid", payment_id=f"cmh{number}", note="n" * 500) for number in range(60)]
    assert receiver.handle(deliveries[0], signed(deliveries[0])).status == 200
    disk.bound(1)
    statuses = [receiver.handle(each, signed(each)).status for each in deliveries]
    assert set(statuses) == {200, 500}
    disk.bound(2**30)
    for _ in range(2):
        assert {receiver.handle(each, signed(each)).status for each in deliveries} == {200}
    receiver.recover()
    assert sorted(handled) == sorted(f"cmh{number}" for number in range(60))
