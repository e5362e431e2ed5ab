"""A SQLite file of tables of one version, used by threads and by forked processes in turns."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from .._concurrency import forking
from .._concurrency.steady_time import monotonic
from ..errors import ConfigurationError

# Connections a fork left behind. SQLite forbids using them in the child, and closing them too.
_inherited: Final[list[sqlite3.Connection]] = []


class SQLiteFile:
    """A connection that is opened when it is first needed, and again by a forked child.

    ``tables`` are the statements that make the tables of ``version`` in a new file. ``timeout`` is in seconds, and
    bounds the wait for other processes that write.
    """

    def __init__(self, path: Path, *, tables: Sequence[str], version: int, timeout: float) -> None:
        self._path = path
        self._tables = (*tables, f"PRAGMA user_version = {version}")
        self._version = version
        self._timeout = timeout
        self._connection: sqlite3.Connection | None = None
        self._flushes = True
        self._closer: weakref.finalize[[], SQLiteFile] | None = None
        self._lock = threading.Lock()
        forking.register_fork_handler(self)

    @contextmanager
    def transaction(self, *, flush: bool = True) -> Generator[sqlite3.Connection, None, None]:
        """Return the connection while no other process writes; commit or roll back at the end.

        With ``flush`` the commit is on the disk at the end. Without it, it survives the process, and a power cut only
        if a later commit was flushed.
        """
        forking.notice_fork()
        with self._lock:
            database = self._connection or self._open()
            if flush != self._flushes:
                database.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
                self._flushes = flush
            database.execute("BEGIN IMMEDIATE")
            try:
                yield database
                database.execute("COMMIT")
            except BaseException:
                # Of some failures SQLite has cleaned up itself.
                if database.in_transaction:
                    database.execute("ROLLBACK")
                raise

    def close(self) -> None:
        """Close the file; the next call opens it again."""
        forking.notice_fork()
        with self._lock:
            if self._closer is not None:
                self._closer()
            self._connection = self._closer = None

    def fork_lock(self) -> forking.Lock:
        """Return the lock that is held while the file is used."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Drop the connection in a forked child, which opens its own."""
        self._lock = threading.Lock()
        if self._connection is not None and self._closer is not None:
            self._closer.detach()
            _inherited.append(self._connection)
        self._connection = self._closer = None

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
        self._flushes = True
        self._write_ahead(database)
        if _version(database) == 0:
            database.execute("BEGIN IMMEDIATE")
            # Another process may have been quicker.
            if _version(database) == 0:
                for statement in self._tables:
                    database.execute(statement)
            database.execute("COMMIT")
        if _version(database) != self._version:
            raise ConfigurationError(
                f"{self._path} was written by another release of this package (version {_version(database)} of its "
                f"tables, this one reads {self._version}): take a new file"
            )

    def _write_ahead(self, database: sqlite3.Connection) -> None:
        """Switch to the write-ahead log, for which SQLite does not wait by itself while others open the file too."""
        deadline = monotonic() + self._timeout
        while True:
            try:
                database.execute("PRAGMA journal_mode = WAL")
                return
            except sqlite3.OperationalError:
                if monotonic() >= deadline:
                    raise
                time.sleep(0.01)


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version
