"""The journal of payouts: one SQLite file, written before anything is sent.

Its journal mode is DELETE, since a copy of the file alone must hold every row that was written; with WAL a copy that
was taken after a crash said that 0 of 150 rows were paid. ``synchronous=EXTRA`` lets a row survive a power failure, at
a cost that ten rows a minute do not notice.
"""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sqlite3
from collections import Counter
from collections.abc import Generator, Iterable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any, Final, cast

from .._core.decimals import plain
from .errors import JournalError
from .file_lock import FileLock
from .hooks import PayoutHook, PayoutRowChanged, emit
from .rows import PayoutRow, PayoutStatus

FORMAT: Final = "1"
"""Version of the tables. A journal of a later version is refused."""

_TABLES: Final = """
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS payouts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, batch TEXT NOT NULL, status TEXT NOT NULL,
    amount TEXT NOT NULL, currency TEXT NOT NULL, destination_address TEXT NOT NULL, description TEXT,
    check_address INTEGER NOT NULL, replaces TEXT, line INTEGER, columns TEXT NOT NULL,
    attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, idempotency_key TEXT, key_account TEXT,
    withdrawal_id TEXT UNIQUE, fee_amount TEXT, net_amount TEXT, transaction_hash TEXT, reason TEXT,
    replayed INTEGER NOT NULL, planned_at TEXT, first_sent_at TEXT, last_sent_at TEXT, accepted_at TEXT,
    completed_at TEXT, ended_at TEXT, settled_by TEXT, note TEXT, evidence_before TEXT, evidence_after TEXT
);
CREATE TABLE IF NOT EXISTS changes (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, facts TEXT NOT NULL
);
"""

_MONEY: Final = frozenset({"amount", "fee_amount", "net_amount"})
_TIMES: Final = frozenset({"planned_at", "first_sent_at", "last_sent_at", "accepted_at", "completed_at", "ended_at"})
_FLAGS: Final = frozenset({"check_address", "replayed"})
_MAPPINGS: Final = frozenset({"columns", "evidence_before", "evidence_after"})


class Journal:
    """The rows and the facts of one file. One process at a time; every write is one transaction."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path).absolute()
        self.hooks: list[PayoutHook] = []
        """The receivers of changes."""
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            taken = self._lock.take()
        except OSError as error:
            raise JournalError(
                f"the journal {self.path} cannot be opened: {error.strerror}; check the folder"
            ) from None
        if not taken:
            raise JournalError(f"the journal {self.path} is in use by another process; wait for its end, or stop it")
        try:
            self._database = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._set_up()
        except sqlite3.Error as error:
            self._lock.release()
            raise JournalError(
                f"the journal {self.path} cannot be used: {error}; if it is no journal, choose another file, else "
                "restore it from a backup and adopt it"
            ) from None
        except BaseException:
            self._lock.release()
            raise
        here = {"host": socket.gethostname(), "path": os.path.realpath(self.path)}
        self._here: Mapping[str, str] = here
        if self.fact("host") is None:
            self.write(facts=here)

    def _set_up(self) -> None:
        database = self._database
        database.row_factory = sqlite3.Row
        database.execute("PRAGMA journal_mode = DELETE")
        database.execute("PRAGMA synchronous = EXTRA")
        database.execute("PRAGMA locking_mode = NORMAL")
        database.executescript(_TABLES)
        found = self.fact("format")
        if found is None:
            self.write(facts={"format": FORMAT})
        elif found != FORMAT:
            database.close()
            raise JournalError(
                f"the journal {self.path} has format {found}, and this version reads format {FORMAT}; use the version "
                "of the package that wrote it, or a later one"
            )

    def close(self) -> None:
        """Close the file and release its lock."""
        self._database.close()
        self._lock.release()

    # --- facts ---

    def fact(self, name: str) -> str | None:
        """Return a fact about the journal, ``None`` where it has none of this name."""
        found = self._database.execute("SELECT value FROM facts WHERE name = ?", (name,)).fetchone()
        return None if found is None else str(found["value"])

    def facts(self, prefix: str) -> dict[str, str]:
        """Return the facts whose name begins so, by the rest of their name."""
        found = self._database.execute(
            "SELECT name, value FROM facts WHERE substr(name, 1, ?) = ?", (len(prefix), prefix)
        )
        return {row["name"][len(prefix) :]: row["value"] for row in found}

    @property
    def moved_from(self) -> str | None:
        """Host and path for which the journal was made, where they are not these; ``None`` where they are."""
        held = {name: self.fact(name) for name in self._here}
        return None if held == dict(self._here) else f"{held['host']}:{held['path']}"

    def adopt(self) -> None:
        """Make this host and path those of the journal."""
        self.write(facts=self._here)

    # --- rows ---

    def rows(self, batch: str | None = None) -> list[PayoutRow]:
        """Return the rows of a batch, or all of them, in the order in which they were planned."""
        where, values = ("", ()) if batch is None else (" WHERE batch = ?", (batch,))
        return [_read(row) for row in self._database.execute(f"SELECT * FROM payouts{where} ORDER BY number", values)]

    def row(self, row_id: str) -> PayoutRow | None:
        """Return the row of this id."""
        found = self._database.execute("SELECT * FROM payouts WHERE id = ?", (row_id,)).fetchone()
        return None if found is None else _read(found)

    def owner_of(self, withdrawal_id: str) -> str | None:
        """Return the id of the row that has this withdrawal."""
        found = self._database.execute("SELECT id FROM payouts WHERE withdrawal_id = ?", (withdrawal_id,)).fetchone()
        return None if found is None else str(found["id"])

    # --- writing ---

    def row_counts(self) -> Counter[tuple[PayoutStatus, str]]:
        """Return the number of rows by state and currency."""
        found = self._database.execute("SELECT status, currency, count(*) FROM payouts GROUP BY status, currency")
        return Counter({(status, currency): count for status, currency, count in found})

    def add(self, rows: Iterable[PayoutRow], at: datetime) -> None:
        """Write new rows, all or none."""
        rows = list(rows)
        with self._writing():
            for row in rows:
                values = {name: _written(name, getattr(row, name)) for name in _NAMES}
                places = ", ".join(f":{name}" for name in values)
                self._database.execute(f"INSERT INTO payouts ({', '.join(values)}) VALUES ({places})", values)
                self._note(at, row.id, row.status, {})
        for row in rows:
            emit(self.hooks, PayoutRowChanged(before=None, after=row.status, currency=row.currency))

    def change(self, row_id: str, at: datetime, **changes: Any) -> PayoutRow:
        """Change members of a row, note the change, and return the row as it is now."""
        values = {name: _written(name, value) for name, value in changes.items()}
        with self._writing():
            before = self.row(row_id)
            settings = ", ".join(f"{name} = :{name}" for name in values)
            self._database.execute(f"UPDATE payouts SET {settings} WHERE id = :row_id", {**values, "row_id": row_id})
            row = self.row(row_id)
            assert row is not None
            assert before is not None
            self._note(at, row_id, row.status, {name: value for name, value in values.items() if name != "status"})
        emit(self.hooks, PayoutRowChanged(before=before.status, after=row.status, currency=row.currency))
        return row

    def write(self, *, facts: Mapping[str, str]) -> None:
        """Write facts about the journal."""
        with self._writing():
            self._database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    def _note(self, at: datetime, row_id: str, status: str, facts: Mapping[str, Any]) -> None:
        self._database.execute(
            "INSERT INTO changes (at, id, status, facts) VALUES (?, ?, ?, ?)",
            (_written("planned_at", at), row_id, status, json.dumps(facts)),
        )

    @contextlib.contextmanager
    def _writing(self) -> Generator[None]:
        database = self._database
        try:
            database.execute("BEGIN IMMEDIATE")
            yield
            database.execute("COMMIT")
        except BaseException as error:
            if database.in_transaction:
                with contextlib.suppress(sqlite3.Error):
                    database.execute("ROLLBACK")
            if isinstance(error, sqlite3.Error):
                raise JournalError(
                    f"the journal {self.path} cannot be written: {error}; make room on the disk or restore the file's "
                    "permissions, and run again"
                ) from error
            raise


_NAMES: Final = (
    "id", "batch", "status", "amount", "currency", "destination_address", "description", "check_address", "replaces",
    "line", "columns", "attempt", "attempts", "idempotency_key", "key_account", "withdrawal_id", "fee_amount",
    "net_amount", "transaction_hash", "reason", "replayed", "planned_at", "first_sent_at", "last_sent_at",
    "accepted_at", "completed_at", "ended_at", "settled_by", "note", "evidence_before", "evidence_after",
)  # fmt: skip


def _written(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MONEY:
        return plain(value)
    if name in _TIMES:
        return cast("datetime", value).astimezone(UTC).isoformat()
    if name in _FLAGS:
        return int(value)
    return json.dumps(dict(value)) if name in _MAPPINGS else value


def _read(row: sqlite3.Row) -> PayoutRow:
    values = {name: _found(name, row[name]) for name in _NAMES}
    return PayoutRow(**values)


def _found(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MONEY:
        return Decimal(value)
    if name in _TIMES:
        return datetime.fromisoformat(value)
    if name in _FLAGS:
        return bool(value)
    return json.loads(value) if name in _MAPPINGS else value
