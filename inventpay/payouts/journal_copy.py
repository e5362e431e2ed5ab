"""Read a journal while a run may have it open, from a copy that holds no half transaction.

The file is read without any lock of SQLite. A reader that held one and was stopped in it (Ctrl-Z, a slow disk) would
keep the run from writing, and an accepted withdrawal would end in doubt.
"""

from __future__ import annotations

import os
import sqlite3
import tempfile
from contextlib import closing
from pathlib import Path
from time import sleep
from typing import Final

from .errors import JournalError
from .file_lock import FileLock
from .journal_reader import JournalReader
from .reports import PayoutReport
from .rows import PayoutRow

_HEADER: Final = 28
"""Bytes of an SQLite file up to the end of its change counter, which each transaction raises
(https://www.sqlite.org/fileformat.html, section 1.3.7)."""

_ATTEMPTS: Final = 1_000
_PAUSE: Final = 0.005
"""Seconds between attempts to read the file between two transactions: 5 s in all. One row takes some milliseconds."""


def read_journal(
    journal: str | os.PathLike[str], *, batch: str | None = None, base_url: str | None = None
) -> PayoutReport:
    """Return the rows of a journal, also while another process runs it. Nothing is sent or written.

    ``report.in_use`` is then true, and a row in state ``"sending"`` is on its way rather than in doubt. A missing file
    has no rows. ``batch`` selects the rows of one batch. With ``base_url``, the journal of another API is refused. In
    the process that has the journal open, call ``report()`` of its object.

    >>> from inventpay.payouts import read_journal
    >>> read_journal("no-such-folder/payouts.sqlite3").rows
    ()

    Raises JournalError for a file that is no journal, damaged, unreadable, or written to for more than 5 s on end.
    """
    path = Path(os.path.realpath(journal))
    if not path.exists():
        return PayoutReport(batch=batch, rows=())
    try:
        with tempfile.TemporaryDirectory(prefix="inventpay-") as folder:
            copy = Path(folder, "journal.sqlite3")
            in_use = _copy(path, copy)
            with closing(sqlite3.connect(copy, isolation_level=None)) as database:
                reader = _Copy(path, database)
                return PayoutReport(batch=batch, rows=reader.checked_rows(batch, base_url), in_use=in_use)
    except OSError as error:
        raise JournalError(f"the journal {path} cannot be read: {error}; check the file's permissions") from None
    except sqlite3.Error as error:
        raise JournalError(
            f"the journal {path} cannot be used: {error}; if it is no journal, choose another file, else restore it "
            "from a backup and adopt it"
        ) from None


class _Copy(JournalReader):
    """A copy of a journal; errors name the journal."""

    def __init__(self, path: Path, database: sqlite3.Connection) -> None:
        super().__init__(path)
        database.row_factory = sqlite3.Row
        self._connection = database

    def checked_rows(self, batch: str | None, base_url: str | None) -> tuple[PayoutRow, ...]:
        """Return the rows. Raises JournalError for a damaged file, and for one of another program or API."""
        database = self._database
        if self._is_new(database):
            return ()
        self._check_content(database)
        self._check_format()
        if base_url is not None:
            self.check_base_url(base_url)
        return tuple(self.rows(batch))


def _copy(path: Path, copy: Path) -> bool:
    """Copy a journal as it is between two transactions; return whether another process has it open."""
    rollback = path.with_name(f"{path.name}-journal")
    lock = FileLock(path.with_name(f"{path.name}.lock"))
    if lock.take():
        try:
            copy.write_bytes(path.read_bytes())
            if rollback.exists():
                # The process that wrote it was killed in a transaction, which SQLite takes back in the copy too.
                copy.with_name(f"{copy.name}-journal").write_bytes(rollback.read_bytes())
            return False
        finally:
            lock.release()
    for _ in range(_ATTEMPTS):
        content = _read_between_transactions(path, rollback)
        if content is not None:
            copy.write_bytes(content)
            return True
        sleep(_PAUSE)
    raise JournalError(f"the journal {path} is being written to by another process; try again")


def _read_between_transactions(path: Path, rollback: Path) -> bytes | None:
    """Return the content of a file, ``None`` where a transaction was written meanwhile.

    A transaction creates the rollback journal, writes pages, the change counter among them, and deletes the rollback
    journal. One that began before the first check, or ends after the last one, is seen by the rollback journal; one in
    between by the change counter.
    """
    with open(path, "rb", buffering=0) as file:
        header = file.read(_HEADER)
        if rollback.exists():
            return None
        file.seek(0)
        content = file.readall()
        if rollback.exists():
            return None
        file.seek(0)
        return content if file.read(_HEADER) == header else None
