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
import threading
from collections.abc import Generator, Iterable, Mapping
from datetime import datetime
from pathlib import Path
from time import sleep
from typing import Any, Final

from .errors import JournalError, RowChangedError
from .file_lock import FileLock
from .hooks import PayoutHook, PayoutRowChanged, emit
from .journal_reader import FORMAT, JournalReader
from .row_columns import NAMES, written
from .rows import PayoutRow, PayoutStatus

_READING: Final = 0.05
"""Seconds after which a held lock is tried again: :func:`read_journal` holds it while it copies the file."""

_TABLES: Final = (
    "CREATE TABLE facts (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID",
    """CREATE TABLE payouts (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, batch TEXT NOT NULL, status TEXT NOT NULL,
    amount TEXT NOT NULL, currency TEXT NOT NULL, destination_address TEXT NOT NULL, description TEXT,
    check_address INTEGER NOT NULL, replaces TEXT, line INTEGER, columns TEXT NOT NULL,
    attempt INTEGER NOT NULL, attempts INTEGER NOT NULL, idempotency_key TEXT, key_account TEXT,
    withdrawal_id TEXT UNIQUE, fee_amount TEXT, net_amount TEXT, transaction_hash TEXT, reason TEXT,
    replayed INTEGER NOT NULL, planned_at TEXT, first_sent_at TEXT, last_sent_at TEXT, accepted_at TEXT,
    completed_at TEXT, ended_at TEXT, settled_by TEXT, note TEXT, evidence_before TEXT, evidence_after TEXT
)""",
    # Withdrawals of every attempt, those of failed attempts included: none of them pays another row.
    """CREATE TABLE withdrawals (
    withdrawal_id TEXT PRIMARY KEY, id TEXT NOT NULL, attempt INTEGER NOT NULL
) WITHOUT ROWID""",
    """CREATE TABLE changes (
    number INTEGER PRIMARY KEY, at TEXT NOT NULL, id TEXT NOT NULL, status TEXT NOT NULL, facts TEXT NOT NULL
)""",
)


class Journal(JournalReader):
    """The rows and the facts of one file. One process at a time; every write is one transaction."""

    def __init__(self, path: str | os.PathLike[str]) -> None:
        # The lock and the file itself are found through links: two names of one journal are one journal.
        super().__init__(Path(os.path.realpath(path)))
        self.hooks: list[PayoutHook] = []
        """The receivers of changes."""
        self._changes: list[PayoutRowChanged] = []
        # ``cancel`` may come from another thread in the middle of a run: its transaction must be one of its own.
        self._writing = threading.RLock()
        self._lock = FileLock(self.path.with_name(self.path.name + ".lock"))
        try:
            taken = self._lock.take()
            if not taken:
                sleep(_READING)
                taken = self._lock.take()
            if taken:
                self._create()
        except OSError as error:
            self._lock.release()
            raise JournalError(
                f"the journal {self.path} cannot be opened: {error.strerror}; check the folder"
            ) from None
        if not taken:
            raise JournalError(f"the journal {self.path} is in use by another process; wait for its end, or stop it")
        self._process = os.getpid()
        try:
            self._connection = sqlite3.connect(self.path, isolation_level=None, check_same_thread=False)
            self._set_up(self._connection)
        except sqlite3.Error as error:
            self.close()
            raise JournalError(
                f"the journal {self.path} cannot be used: {error}; if it is no journal, choose another file, else "
                "restore it from a backup and adopt it"
            ) from None
        except BaseException:
            self.close()
            raise

    def _create(self) -> None:
        # It names people's addresses and what they are paid: only the owner may read it.
        os.close(os.open(self.path, os.O_RDWR | os.O_CREAT, 0o600))
        found = os.stat(self.path)
        self._file = found.st_dev, found.st_ino

    def _set_up(self, database: sqlite3.Connection) -> None:
        database.row_factory = sqlite3.Row
        is_new = self._is_new(database)
        (mode,) = database.execute("PRAGMA journal_mode = DELETE").fetchone()
        if mode != "delete":
            raise JournalError(
                f"the journal {self.path} is in SQLite's mode {mode!r} and cannot leave it; close every other program "
                "that has it open"
            )
        database.execute("PRAGMA synchronous = EXTRA")
        self._check_content(database)
        self._here: Mapping[str, str] = {"host": socket.gethostname(), "path": str(self.path)}
        if is_new:
            with self.transaction():
                for statement in _TABLES:
                    database.execute(statement)
                self.write(facts={"format": FORMAT, **self._here})
        self._check_format()
        self._check_rows()

    def _check_rows(self) -> None:
        """Raise JournalError where a row that may be sent has its withdrawal already: sending it would pay twice."""
        made = self._found(
            "SELECT id, status, withdrawals.withdrawal_id AS made FROM payouts JOIN withdrawals USING (id, attempt) "
            "WHERE status IN ('planned', 'sending', 'in doubt')"
        )
        if made:
            raise JournalError(
                f"row {made[0]['id']!r} of the journal {self.path} is {made[0]['status']}, and withdrawal "
                f"{made[0]['made']} was made for it: it was edited by another program; restore the journal from a "
                "backup and adopt it"
            )

    def close(self) -> None:
        """Close the file and release its lock."""
        if self._connection is not None and self._process == os.getpid():
            self._connection.close()
        self._connection = None
        self._lock.release()

    @property
    def _database(self) -> sqlite3.Connection:
        database = super()._database
        if self._process != os.getpid():
            raise JournalError(
                f"the journal {self.path} was opened before this process was forked; open it in one process only"
            )
        return database

    # --- facts ---

    @property
    def moved_from(self) -> str | None:
        """Host and path for which the journal was made, where they are not these; ``None`` where they are."""
        held = {name: self.fact(name) for name in self._here}
        return None if held == dict(self._here) else f"{held['host']}:{held['path']}"

    def adopt(self) -> None:
        """Make this host and path those of the journal."""
        self.write(facts=self._here)

    # --- writing ---

    def add(self, rows: Iterable[PayoutRow], at: datetime) -> None:
        """Write new rows, all or none."""
        with self.transaction() as database:
            for row in rows:
                values = {name: written(name, getattr(row, name)) for name in NAMES}
                places = ", ".join(f":{name}" for name in values)
                database.execute(f"INSERT INTO payouts ({', '.join(values)}) VALUES ({places})", values)
                _note(database, at, row.id, row.status, {})
                self._changes.append(PayoutRowChanged(before=None, after=row.status, currency=row.currency))

    def change(self, row_id: str, at: datetime, *, expected: PayoutStatus | None = None, **changes: Any) -> PayoutRow:
        """Change members of a row, note the change, and return the row as it is now.

        Raises RowChangedError where the row is in another state than ``expected``, JournalError where the file cannot
        be written.
        """
        values = {name: written(name, value) for name, value in changes.items()}
        with self.transaction() as database:
            former = self.row(row_id)
            if former is None or (expected is not None and former.status != expected):
                raise RowChangedError(f"row {row_id!r} is no longer {expected}")
            settings = ", ".join(f"{name} = :{name}" for name in values)
            database.execute(f"UPDATE payouts SET {settings} WHERE id = :row_id", {**values, "row_id": row_id})
            if changes.get("withdrawal_id") is not None:
                made = (changes["withdrawal_id"], row_id, former.attempt)
                database.execute("INSERT OR IGNORE INTO withdrawals VALUES (?, ?, ?)", made)
            noted = {name: value for name, value in values.items() if name != "status"}
            _note(database, at, row_id, changes.get("status", former.status), noted)
            row = self.row(row_id)
            assert row is not None
            self._changes.append(PayoutRowChanged(before=former.status, after=row.status, currency=row.currency))
        return row

    def write(self, *, facts: Mapping[str, str]) -> None:
        """Write facts about the journal."""
        with self.transaction() as database:
            database.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts.items())

    @contextlib.contextmanager
    def transaction(self) -> Generator[sqlite3.Connection]:
        """Write everything of a ``with`` block, or nothing; a block inside another one is part of it."""
        with self._writing:
            database = self._database
            if database.in_transaction:
                yield database
                return
            self._check_file()
            try:
                database.execute("BEGIN IMMEDIATE")
                self._changes.clear()
                yield database
                database.execute("COMMIT")
            except BaseException as error:
                if database.in_transaction:
                    with contextlib.suppress(sqlite3.Error):
                        database.execute("ROLLBACK")
                if isinstance(error, sqlite3.Error):
                    raise JournalError(
                        f"the journal {self.path} cannot be written: {error}; make room on the disk or restore the "
                        "file's permissions, and run again"
                    ) from error
                raise
            changes, self._changes = self._changes, []
        for change in changes:
            emit(self.hooks, change)

    def _check_file(self) -> None:
        # SQLite would go on writing to a file that was deleted or replaced, and the next run would find the other one.
        try:
            found = os.stat(self.path)
        except OSError:
            found = None
        if found is None or (found.st_dev, found.st_ino) != self._file:
            raise JournalError(
                f"the journal {self.path} was deleted or replaced while it was open; put the file back before anything "
                "is sent"
            )


def _note(database: sqlite3.Connection, at: datetime, row_id: str, status: str, facts: Mapping[str, Any]) -> None:
    database.execute(
        "INSERT INTO changes (at, id, status, facts) VALUES (?, ?, ?, ?)",
        (written("planned_at", at), row_id, status, json.dumps(facts)),
    )
