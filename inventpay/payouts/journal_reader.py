"""Read the rows and the facts of a journal."""

from __future__ import annotations

import sqlite3
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from .errors import JournalError
from .row_columns import read_row
from .rows import PayoutRow, PayoutStatus

FORMAT: Final = "1"
"""Version of the tables. A journal of a later version is refused."""


class JournalReader:
    """The rows and the facts of one file, read through an open connection."""

    def __init__(self, path: Path) -> None:
        self.path: Path = path
        self._connection: sqlite3.Connection | None = None

    @property
    def _database(self) -> sqlite3.Connection:
        if self._connection is None:
            raise JournalError(f"the journal {self.path} is closed; open it again")
        return self._connection

    def _found(self, query: str, values: Sequence[object] = ()) -> list[sqlite3.Row]:
        try:
            return self._database.execute(query, values).fetchall()
        except sqlite3.Error as error:
            raise JournalError(f"the journal {self.path} cannot be read: {error}; check the disk") from error

    def _is_new(self, database: sqlite3.Connection) -> bool:
        """Return whether the file has no tables yet. Raises JournalError for the database of another program."""
        tables = {row["name"] for row in database.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
        if tables and not tables >= {"facts", "payouts", "changes"}:
            raise JournalError(f"the file {self.path} is the database of another program; choose another file")
        return not tables

    def _check_content(self, database: sqlite3.Connection) -> None:
        (found,) = database.execute("PRAGMA integrity_check").fetchone()
        if found != "ok":
            raise JournalError(
                f"the journal {self.path} is damaged ({found.splitlines()[0]}); restore it from a backup and adopt it"
            )

    def _check_format(self) -> None:
        version = self.fact("format")
        if version != FORMAT:
            raise JournalError(
                f"the journal {self.path} has format {version}, and this version reads format {FORMAT}; use the "
                "version of the package that wrote it, or a later one"
            )

    def check_base_url(self, base_url: str) -> None:
        """Raise JournalError where the journal is of another base URL."""
        found = self.fact("base_url")
        if found not in (None, base_url):
            raise JournalError(
                f"the journal {self.path} belongs to {found}, and the client to {base_url}; use another journal for "
                "another API"
            )

    # --- facts ---

    def fact(self, name: str) -> str | None:
        """Return a fact about the journal, ``None`` where it has none of this name."""
        found = self._found("SELECT value FROM facts WHERE name = ?", (name,))
        return str(found[0]["value"]) if found else None

    # --- rows ---

    def rows(self, batch: str | None = None) -> list[PayoutRow]:
        """Return the rows of a batch, or all of them, in the order in which they were planned."""
        where, values = ("", ()) if batch is None else (" WHERE batch = ?", (batch,))
        return [self._read(row) for row in self._found(f"SELECT * FROM payouts{where} ORDER BY number", values)]

    def row(self, row_id: str) -> PayoutRow | None:
        """Return the row of this id."""
        found = self._found("SELECT * FROM payouts WHERE id = ?", (row_id,))
        return self._read(found[0]) if found else None

    def _read(self, found: sqlite3.Row) -> PayoutRow:
        try:
            return read_row(found)
        except (ValueError, TypeError, ArithmeticError) as error:
            raise JournalError(
                f"row {found['id']!r} of the journal {self.path} cannot be read: {error}; it was edited by another "
                "program: restore the journal from a backup and adopt it"
            ) from None

    def row_counts(self) -> Counter[tuple[PayoutStatus, str]]:
        """Return the number of rows by state and currency."""
        found = self._found("SELECT status, currency, count(*) FROM payouts GROUP BY status, currency")
        return Counter({(status, currency): count for status, currency, count in found})

    def owner_of(self, withdrawal_id: str) -> tuple[str, int] | None:
        """Return the id of the row and the number of its attempt that this withdrawal was made for."""
        found = self._found("SELECT id, attempt FROM withdrawals WHERE withdrawal_id = ?", (withdrawal_id,))
        return (str(found[0]["id"]), int(found[0]["attempt"])) if found else None
