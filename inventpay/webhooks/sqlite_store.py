"""Handled events in a SQLite file: shared by all processes of a machine, and there after a restart."""

from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Final, TypeVar

from .._core.json_values import shown
from .._core.unpicklable import Unpicklable
from ..errors import ConfigurationError
from .seen import RETENTION, Claim, ClaimStatus, DeadLetter, new_token
from .sqlite_file import SQLiteFile

T = TypeVar("T")

TIMEOUT: Final = 5.0
"""Seconds to wait for another process that is writing. The sender waits as long for an answer."""

_VERSION: Final = 2
"""Of the tables, in the file's ``user_version``."""

_TABLES: Final = (
    """CREATE TABLE entries (
        id INTEGER PRIMARY KEY,
        token TEXT NOT NULL UNIQUE,
        leased_until REAL NOT NULL,
        due_at REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0,
        body BLOB,
        is_handled INTEGER NOT NULL DEFAULT 0,
        forget_at REAL NOT NULL
    )""",
    "CREATE INDEX entries_forget ON entries (forget_at) WHERE body IS NULL",
    "CREATE INDEX entries_due ON entries (due_at) WHERE body IS NOT NULL",
    """CREATE TABLE dead_letters (
        id TEXT PRIMARY KEY,
        body BLOB NOT NULL,
        reason TEXT NOT NULL,
        received_at REAL NOT NULL,
        delivery_id TEXT
    ) WITHOUT ROWID""",
    """CREATE TABLE keys (
        key TEXT PRIMARY KEY,
        entry INTEGER NOT NULL REFERENCES entries (id) ON DELETE CASCADE
    ) WITHOUT ROWID""",
    "CREATE INDEX keys_entry ON keys (entry)",
)


class SQLiteSeenStore(Unpicklable):
    """Remembers events in a SQLite file, which is made when it is first needed.

    Any number of threads and processes of one machine may share the file; it must not lie on a network drive. What was
    stored is on the disk before a method returns, but for the claim of an event that is not answered yet: after a power
    cut it is free. Handled events are forgotten after ``retention`` seconds.

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
        # Opened later, and again after a fork or `close`: by then the process may be in another folder.
        self._path = Path(path).absolute()
        if str(path) in ("", ":memory:"):
            raise ConfigurationError("SQLiteSeenStore needs the path of a file; in memory, use MemorySeenStore()")
        if not self._path.parent.is_dir():
            raise ConfigurationError(f"SQLiteSeenStore: the folder {self._path.parent} does not exist")
        self._retention = retention
        self._clock = clock
        self._file = SQLiteFile(self._path, tables=_TABLES, version=_VERSION, timeout=timeout)

    @property
    def blocking(self) -> bool:
        """Always true: every method may wait for the disk and for other processes."""
        return True

    @property
    def durable(self) -> bool:
        """Always true: the store is on disk."""
        return True

    def claim(
        self,
        keys: Sequence[str],
        lease: float,
        body: bytes | None = None,
        *,
        notes: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> Claim | ClaimStatus:
        """See :class:`SeenStore`."""
        asked = tuple(dict.fromkeys((*keys, *notes, *aliases)))

        # A claim without a body is worth nothing after a power cut: the event was not answered, and comes again.
        def step(database: sqlite3.Connection, now: float) -> Claim | ClaimStatus:
            self._forget_old(database, now)
            rows: list[tuple[str, int, int, float, int]] = database.execute(
                "SELECT key, id, is_handled, leased_until, body IS NOT NULL "
                "FROM keys JOIN entries ON entries.id = keys.entry "
                f"WHERE key IN ({', '.join('?' * len(asked))})",
                asked,
            ).fetchall()
            known = {row[0]: row[1:] for row in rows}
            claimed = [known[key] for key in keys if key in known]
            handled = next((entry for entry, is_handled, *_ in claimed if is_handled), None)
            if handled is not None:
                _add_keys(database, handled, list(dict.fromkeys(key for key in aliases if key not in known)))
                return ClaimStatus.HANDLED
            held = [bool(stored) for _, _, leased_until, stored in claimed if leased_until > now]
            if held:
                return ClaimStatus.STORED if all(held) else ClaimStatus.BUSY
            token, over = new_token(), now + lease
            fresh = [key for key in asked if key not in known]
            if not claimed:
                entry = database.execute(
                    "INSERT INTO entries (token, leased_until, due_at, body, forget_at) VALUES (?, ?, ?, ?, ?)",
                    (token, over, now, body, over + self._retention),
                ).lastrowid
                assert entry is not None
                _add_keys(database, entry, fresh)
                return Claim(keys=tuple(fresh), token=token, body=body)
            entry = claimed[0][0]
            database.execute(
                "UPDATE entries SET token = ?, leased_until = ?, forget_at = ? WHERE id = ?",
                (token, over, over + self._retention, entry),
            )
            if body is not None:
                database.execute("UPDATE entries SET due_at = ?, body = ? WHERE id = ?", (now, body, entry))
            _add_keys(database, entry, fresh)
            return _claim(database, token)

        return self._run(step, flush=body is not None)

    def renew(self, claim: Claim, lease: float) -> bool:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, now: float) -> bool:
            over = now + lease
            updated = database.execute(
                "UPDATE entries SET leased_until = ?, forget_at = ? WHERE token = ? AND NOT is_handled",
                (over, over + self._retention, claim.token),
            )
            return updated.rowcount == 1

        return self._run(step)

    def finish(self, claim: Claim, keep: float | None = None) -> bool:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, now: float) -> bool:
            updated = database.execute(
                "UPDATE entries SET is_handled = 1, body = NULL, forget_at = ? WHERE token = ? AND NOT is_handled",
                (now + max(self._retention, keep or 0.0), claim.token),
            )
            return updated.rowcount == 1

        return self._run(step)

    def release(self, claim: Claim, retry_in: float = 0.0, *, forget: bool = False) -> bool:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, now: float) -> bool:
            held = "token = ? AND NOT is_handled"
            if not forget:
                freed = database.execute(
                    f"UPDATE entries SET leased_until = ?, due_at = ? WHERE {held} AND body IS NOT NULL",
                    (now, now + retry_in, claim.token),
                )
                if freed.rowcount == 1:
                    return True
            return database.execute(f"DELETE FROM entries WHERE {held}", (claim.token,)).rowcount == 1

        return self._run(step)

    def due(self, lease: float) -> Claim | None:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, now: float) -> Claim | None:
            token = new_token()
            taken = database.execute(
                "UPDATE entries SET token = ?, leased_until = ?, attempts = attempts + 1 WHERE id = ("
                "SELECT id FROM entries WHERE body IS NOT NULL AND due_at <= ? AND leased_until <= ? "
                "ORDER BY due_at LIMIT 1)",
                (token, now + lease, now, now),
            )
            return _claim(database, token) if taken.rowcount == 1 else None

        return self._run(step)

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, _: float) -> None:
            database.execute(
                "INSERT OR IGNORE INTO dead_letters (id, body, reason, received_at, delivery_id) "
                "VALUES (?, ?, ?, ?, ?)",
                (letter.id, letter.body, letter.reason, letter.received_at.timestamp(), letter.delivery_id),
            )

        self._run(step)

    def dead_letters(self) -> list[DeadLetter]:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, _: float) -> list[tuple[str, bytes, str, float, str | None]]:
            return database.execute(
                "SELECT id, body, reason, received_at, delivery_id FROM dead_letters ORDER BY received_at, id"
            ).fetchall()

        rows = self._run(step)
        return [
            DeadLetter(
                id=letter_id,
                body=body,
                reason=reason,
                received_at=datetime.fromtimestamp(received_at, UTC),
                delivery_id=delivery_id,
            )
            for letter_id, body, reason, received_at, delivery_id in rows
        ]

    def drop_dead_letter(self, letter_id: str) -> None:
        """See :class:`SeenStore`."""

        def step(database: sqlite3.Connection, _: float) -> None:
            database.execute("DELETE FROM dead_letters WHERE id = ?", (letter_id,))

        self._run(step)

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        self._file.close()

    def __repr__(self) -> str:
        return f"<SQLiteSeenStore {str(self._path)!r}>"

    def _run(self, step: Callable[[sqlite3.Connection, float], T], *, flush: bool = True) -> T:
        # The time is read after the wait for others: a lease must not begin in the past.
        return self._file.run(lambda database: step(database, self._clock()), flush=flush)

    def _forget_old(self, database: sqlite3.Connection, now: float) -> None:
        # Handled events, and claims of processes that died, of events that were not delivered again.
        database.execute("DELETE FROM entries WHERE body IS NULL AND forget_at <= ?", (now,))


def _add_keys(database: sqlite3.Connection, entry: int, keys: Sequence[str]) -> None:
    if keys:
        database.executemany("INSERT INTO keys (key, entry) VALUES (?, ?)", [(key, entry) for key in keys])


def _claim(database: sqlite3.Connection, token: str) -> Claim:
    entry, body, attempts = database.execute(
        "SELECT id, body, attempts FROM entries WHERE token = ?", (token,)
    ).fetchone()
    keys = database.execute("SELECT key FROM keys WHERE entry = ?", (entry,)).fetchall()
    return Claim(keys=tuple(key for (key,) in keys), token=token, body=body, attempts=attempts)
