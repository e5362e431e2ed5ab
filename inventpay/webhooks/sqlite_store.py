"""Handled events in a SQLite file: shared by all processes of a machine, and there after a restart."""

from __future__ import annotations

import os
import sqlite3
import threading
import time
import weakref
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .._concurrency import forking
from .._core.json_values import shown
from ..errors import ConfigurationError
from .seen import RETENTION, Claim, ClaimStatus, new_token

TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing. The sender waits as long for an answer."""

_VERSION: Final = 1
"""Of the tables, in the file's ``user_version``."""

_TABLES: Final = (
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL UNIQUE,
        leased_until REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        body BLOB,
        handled_at REAL
    )""",
    "CREATE INDEX entries_handled ON entries (handled_at) WHERE handled_at IS NOT NULL",
    "CREATE INDEX entries_due ON entries (due_at) WHERE body IS NOT NULL",
    "CREATE INDEX entries_claimed ON entries (leased_until) WHERE handled_at IS NULL AND body IS NULL",
    """CREATE TABLE keys (
        key TEXT PRIMARY KEY,
        entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX keys_entry ON keys (entry)",
    f"PRAGMA user_version = {_VERSION}",
)

# Connections a fork left behind. SQLite forbids using them in the child, and closing them too.
_inherited: Final[list[sqlite3.Connection]] = []


class SQLiteSeenStore:
    """Remembers events in a SQLite file, which is made when it is first needed.

    Any number of threads and processes of one machine may share the file; it must not lie on a network drive. What was
    stored is on the disk before a method returns. Handled events are forgotten after ``retention`` seconds.

    >>> store = SQLiteSeenStore("/var/lib/shop/webhooks.sqlite3")      # doctest: +SKIP

    ``timeout`` is how many seconds to wait for another process that is writing. Raises ConfigurationError for a path in
    a folder that does not exist; the methods raise :class:`sqlite3.Error` where the file cannot be read or written.
    """

    def __init__(
        self,
        path: str | os.PathLike[str],
        *,
        retention: float = RETENTION,
        timeout: float = TIMEOUT,
        clock: Callable[[], float] = time.time,
    ) -> None:
        for name, bound in (("retention", retention), ("timeout", timeout)):
            if not bound > 0:
                raise ConfigurationError(f"{name}={shown(bound)} must be above 0 seconds")
        self._path = Path(path)
        if str(path) in ("", ":memory:"):
            raise ConfigurationError("SQLiteSeenStore needs the path of a file; in memory, use MemorySeenStore()")
        if not self._path.parent.is_dir():
            raise ConfigurationError(f"SQLiteSeenStore: the folder {self._path.parent.resolve()} does not exist")
        self._retention = retention
        self._timeout = timeout
        self._clock = clock
        self._connection: sqlite3.Connection | None = None
        self._closer: weakref.finalize[[], SQLiteSeenStore] | None = None
        self._lock = threading.Lock()
        forking.register_fork_handler(self)

    @property
    def blocking(self) -> bool:
        """Every method may wait for the disk, and for other processes."""
        return True

    @property
    def durable(self) -> bool:
        """What is stored is on the disk."""
        return True

    def claim(self, keys: Sequence[str], lease: float, body: bytes | None = None) -> Claim | ClaimStatus:
        """See :class:`SeenStore`."""
        with self._transaction() as (database, now):
            self._forget_old(database, now)
            known: list[tuple[str, int, float | None, float, bool]] = database.execute(
                "SELECT key, id, handled_at, leased_until, body IS NOT NULL "
                "FROM keys JOIN entries ON entries.id = keys.entry "
                f"WHERE key IN ({', '.join('?' * len(keys))})",
                keys,
            ).fetchall()
            if any(handled_at is not None for _, _, handled_at, _, _ in known):
                return ClaimStatus.HANDLED
            held = [has_body for _, _, _, leased_until, has_body in known if leased_until > now]
            if held:
                return ClaimStatus.STORED if all(held) else ClaimStatus.BUSY
            entries = {key: entry for key, entry, *_ in known}
            token = new_token()
            entry = next((entries[key] for key in keys if key in entries), None)
            if entry is None:
                entry = database.execute(
                    "INSERT INTO entries (token, leased_until, due_at, body) VALUES (?, ?, ?, ?)",
                    (token, now + lease, now, body),
                ).lastrowid
            elif body is None:
                database.execute(
                    "UPDATE entries SET token = ?, leased_until = ? WHERE id = ?", (token, now + lease, entry)
                )
            else:
                database.execute(
                    "UPDATE entries SET token = ?, leased_until = ?, due_at = ?, body = ? WHERE id = ?",
                    (token, now + lease, now, body, entry),
                )
            database.executemany(
                "INSERT INTO keys (key, entry) VALUES (?, ?)",
                [(key, entry) for key in dict.fromkeys(keys) if key not in entries],
            )
            return _claim(database, token)

    def finish(self, claim: Claim) -> bool:
        """See :class:`SeenStore`."""
        with self._transaction() as (database, now):
            updated = database.execute(
                "UPDATE entries SET handled_at = ?, body = NULL WHERE token = ? AND handled_at IS NULL",
                (now, claim.token),
            )
            return updated.rowcount == 1

    def release(self, claim: Claim, retry_in: float = 0.0) -> bool:
        """See :class:`SeenStore`."""
        with self._transaction() as (database, now):
            held = "token = ? AND handled_at IS NULL"
            freed = database.execute(
                f"UPDATE entries SET leased_until = ?, due_at = ? WHERE {held} AND body IS NOT NULL",
                (now, now + retry_in, claim.token),
            )
            if freed.rowcount == 1:
                return True
            return database.execute(f"DELETE FROM entries WHERE {held}", (claim.token,)).rowcount == 1

    def due(self, lease: float) -> Claim | None:
        """See :class:`SeenStore`."""
        with self._transaction() as (database, now):
            token = new_token()
            taken = database.execute(
                "UPDATE entries SET token = ?, leased_until = ?, attempts = attempts + 1 WHERE id = ("
                "SELECT id FROM entries WHERE body IS NOT NULL AND due_at <= ? AND leased_until <= ? "
                "ORDER BY due_at LIMIT 1)",
                (token, now + lease, now, now),
            )
            return _claim(database, token) if taken.rowcount == 1 else None

    def close(self) -> None:
        """Closes the file; the next call opens it again."""
        with self._lock:
            if self._closer is not None:
                self._closer()
            self._connection = self._closer = None

    def __repr__(self) -> str:
        return f"<SQLiteSeenStore {str(self._path)!r}>"

    def fork_lock(self) -> forking.Lock:
        """What is held while the file is used."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """The connection is the parent's; the child opens one of its own."""
        self._lock = threading.Lock()
        if self._connection is not None and self._closer is not None:
            self._closer.detach()
            _inherited.append(self._connection)
        self._connection = self._closer = None

    @contextmanager
    def _transaction(self) -> Generator[tuple[sqlite3.Connection, float], None, None]:
        """The file, and the time, while nobody else writes. What was done is on the disk at the end, or undone."""
        with self._lock:
            database = self._connection or self._open()
            database.execute("BEGIN IMMEDIATE")
            try:
                # After the wait for others: a lease must not begin in the past.
                yield database, self._clock()
                database.execute("COMMIT")
            except BaseException:
                # Of some failures SQLite has cleaned up itself.
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def _open(self) -> sqlite3.Connection:
        # Threads take turns by the lock.
        database = sqlite3.connect(self._path, timeout=self._timeout, isolation_level=None, check_same_thread=False)
        try:
            self._set_up(database)
        except BaseException as error:
            database.close()
            error.add_note(f"the file is {self._path}")
            raise
        self._connection = database
        self._closer = weakref.finalize(self, database.close)
        return database

    def _set_up(self, database: sqlite3.Connection) -> None:
        database.execute("PRAGMA foreign_keys = ON")
        # A delivery that was answered must survive a power cut too.
        database.execute("PRAGMA synchronous = FULL")
        self._write_ahead(database)
        if _version(database) == 0:
            database.execute("BEGIN IMMEDIATE")
            # Another process may have been quicker.
            if _version(database) == 0:
                for statement in _TABLES:
                    database.execute(statement)
            database.execute("COMMIT")
        if _version(database) != _VERSION:
            raise ConfigurationError(
                f"{self._path} was written by another release of this package (version {_version(database)} of its "
                f"tables, this one reads {_VERSION}): take a new file"
            )

    def _write_ahead(self, database: sqlite3.Connection) -> None:
        """Switches to the write-ahead log, for which SQLite does not wait by itself while others open the file too."""
        deadline = time.monotonic() + self._timeout
        while True:
            try:
                database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(0.01)

    def _forget_old(self, database: sqlite3.Connection, now: float) -> None:
        database.execute("DELETE FROM entries WHERE handled_at <= ?", (now - self._retention,))
        # Claims of processes that died, of events that never came again.
        database.execute(
            "DELETE FROM entries WHERE handled_at IS NULL AND body IS NULL AND leased_until <= ?",
            (now - self._retention,),
        )


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version


def _claim(database: sqlite3.Connection, token: str) -> Claim:
    entry, body, attempts = database.execute(
        "SELECT id, body, attempts FROM entries WHERE token = ?", (token,)
    ).fetchone()
    keys = database.execute("SELECT key FROM keys WHERE entry = ?", (entry,)).fetchall()
    return Claim(keys=tuple(key for (key,) in keys), token=token, body=body, attempts=attempts)
