"""A SQLite file of tables of one version, used by threads and by forked processes in turns."""

from __future__ import annotations

import sqlite3
import threading
import time
import weakref
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any, Final, Generic, TypeVar

from attrs import define

from .._concurrency import forking
from .._concurrency.steady_time import monotonic
from ..errors import ConfigurationError

T = TypeVar("T")

# Connections a fork left behind. SQLite forbids using them in the child, and closing them too.
_inherited: Final[list[sqlite3.Connection]] = []


@define(eq=False)
class _Step(Generic[T]):
    """The work of one thread."""

    work: Callable[[sqlite3.Connection], T]
    flush: bool
    is_done: bool = False
    """Whether it is committed, with ``result``."""
    result: Any = None


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
        self._waiting: deque[_Step[Any]] = deque()
        self._lock = threading.Lock()
        forking.register_fork_handler(self)

    def run(self, work: Callable[[sqlite3.Connection], T], *, flush: bool = True) -> T:
        """Do some work while no other process writes, and return its result when it is committed.

        With ``flush`` the commit is on the disk then. Without it, it survives the process, and a power cut only if a
        later commit was flushed.

        Threads that wait for their turn share one commit, since waiting for the disk takes longer than all of their
        work. A commit that fails is rolled back, and each thread then does its own work again, alone.
        """
        forking.notice_fork()
        step = _Step(work, flush)
        self._waiting.append(step)
        try:
            with self._lock:
                if not step.is_done:
                    self._commit_with_others(step)
        except BaseException:
            # Interrupted: no other thread may do it any more.
            with suppress(ValueError):
                self._waiting.remove(step)
            raise
        result: T = step.result
        return result

    def _commit_with_others(self, step: _Step[Any]) -> None:
        # Only the holder of the lock takes steps out. One that is not done afterwards is left to its own thread.
        waiting = [self._waiting.popleft() for _ in range(len(self._waiting))]
        steps = [step, *(other for other in waiting if other is not step)]
        database = self._begin(flush=any(each.flush for each in steps))
        try:
            _commit(database, steps)
        except Exception:
            if len(steps) == 1:
                raise
            _commit(self._begin(flush=step.flush), [step])

    def _begin(self, *, flush: bool) -> sqlite3.Connection:
        database = self._connection or self._open()
        if flush != self._flushes:
            database.execute(f"PRAGMA synchronous = {'FULL' if flush else 'NORMAL'}")
            self._flushes = flush
        database.execute("BEGIN IMMEDIATE")
        return database

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
        self._waiting, self._lock = deque(), threading.Lock()
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


def _commit(database: sqlite3.Connection, steps: Sequence[_Step[Any]]) -> None:
    """Do all steps and commit them, or none of them."""
    try:
        for step in steps:
            step.result = step.work(database)
        database.execute("COMMIT")
    except BaseException:
        # Of some failures SQLite has cleaned up itself.
        if database.in_transaction:
            database.execute("ROLLBACK")
        raise
    for step in steps:
        step.is_done = True


def _version(database: sqlite3.Connection) -> int:
    version: int = database.execute("PRAGMA user_version").fetchone()[0]
    return version
