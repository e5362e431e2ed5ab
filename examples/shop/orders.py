"""The order table: what was ordered, and whether it is paid."""

import sqlite3
from pathlib import Path

SCHEMA = """
CREATE TABLE IF NOT EXISTS orders (
    id         TEXT PRIMARY KEY,
    price      TEXT NOT NULL,
    payment_id TEXT,
    state      TEXT NOT NULL DEFAULT 'open'   -- open, paid, expired
)
"""


class Orders:
    """Orders in one SQLite file. A connection per call: it may be used from any thread."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._run(SCHEMA)

    def add(self, order_id: str, price: str) -> None:
        self._run("INSERT INTO orders (id, price) VALUES (?, ?)", order_id, price)

    def set_payment(self, order_id: str, payment_id: str) -> None:
        self._run("UPDATE orders SET payment_id = ? WHERE id = ?", payment_id, order_id)

    def get(self, order_id: str) -> sqlite3.Row | None:
        rows = self._run("SELECT * FROM orders WHERE id = ?", order_id)
        return rows[0] if rows else None

    def open(self) -> list[sqlite3.Row]:
        return self._run("SELECT * FROM orders WHERE state = 'open' AND payment_id IS NOT NULL")

    def mark_paid(self, order_id: str) -> bool:
        """Mark an order paid, and return whether this call did it: reports come more than once."""
        changed = self._run("UPDATE orders SET state = 'paid' WHERE id = ? AND state != 'paid' RETURNING id", order_id)
        return bool(changed)

    def mark_expired(self, order_id: str) -> None:
        self._run("UPDATE orders SET state = 'expired' WHERE id = ? AND state = 'open'", order_id)

    def _run(self, statement: str, *values: str) -> list[sqlite3.Row]:
        connection = sqlite3.connect(self._path)
        connection.row_factory = sqlite3.Row
        try:
            with connection:
                return connection.execute(statement, values).fetchall()
        finally:
            connection.close()
