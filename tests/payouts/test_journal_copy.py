"""A journal is read while a run has it open, without a half transaction and without disturbing the run."""

from __future__ import annotations

import os
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Generator
from contextlib import closing
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest

from inventpay.payouts import JournalError, PayoutRow, journal_copy, read_journal
from inventpay.payouts.journal import Journal

COUNT = 60
NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


def row(number: int, **changes: object) -> PayoutRow:
    """Return a planned row."""
    members = {"id": f"r{number}", "batch": f"b{number % 2}", "amount": Decimal(number), "currency": "USDT_BEP20"}
    return PayoutRow(**{**members, "destination_address": ADDRESS, "planned_at": NOW, **changes})  # type: ignore[arg-type]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """A journal of `COUNT` rows."""
    path = tmp_path / "payouts.sqlite3"
    with closing(Journal(path)) as journal:
        journal.write(facts={"base_url": "https://api.inventpay.io"})
        journal.add([row(number) for number in range(1, COUNT + 1)], NOW)
    return path


@pytest.fixture
def fast(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Replace the pauses between attempts; the list has their seconds."""
    pauses: list[float] = []
    monkeypatch.setattr(journal_copy, "sleep", pauses.append)
    return pauses


def test_the_rows_are_those_of_the_file(path: Path) -> None:
    """Every member is as it was written; a batch is selected; nobody had the file open."""
    report = read_journal(path)
    assert report.rows == tuple(row(number) for number in range(1, COUNT + 1))
    assert (report.in_use, report.batch, str(report)) == (False, None, "60 planned")
    assert [each.id for each in read_journal(str(path), batch="b1").rows] == [
        f"r{number}" for number in range(1, COUNT, 2)
    ]


def test_an_open_journal_is_read_and_goes_on(path: Path) -> None:
    """The report says that a run is under way; rows that are written after it was made are in the next one."""
    with closing(Journal(path)) as journal:
        journal.change("r1", NOW, status="sending")
        report = read_journal(path)
        assert (report.in_use, report.rows[0].status, str(report)) == (
            True,
            "sending",
            "1 sending, 59 planned; a run is under way",
        )
        journal.change("r1", NOW, status="accepted", withdrawal_id="w1")
        assert read_journal(path).rows[0].withdrawal_id == "w1"


def test_reading_changes_nothing(path: Path) -> None:
    """The file and its folder are as before, and a missing file is not made."""
    before = path.read_bytes(), sorted(os.listdir(path.parent))
    read_journal(path)
    assert (path.read_bytes(), sorted(os.listdir(path.parent))) == before
    assert read_journal(path.parent / "missing" / "none.sqlite3").rows == ()
    assert read_journal(path.parent / "none.sqlite3").rows == ()
    assert sorted(os.listdir(path.parent)) == before[1]


def test_an_empty_file_has_no_rows(tmp_path: Path) -> None:
    """A run that was killed before its first transaction leaves one."""
    (tmp_path / "empty.sqlite3").touch()
    assert read_journal(tmp_path / "empty.sqlite3").rows == ()


@pytest.fixture
def half(path: Path) -> Generator[sqlite3.Connection]:
    """A transaction of another program whose pages are in the file, with a rollback journal beside it."""
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA cache_size = 1")
        database.execute("BEGIN IMMEDIATE")
        note = "x" * 20_000
        for number in range(1, COUNT + 1):
            database.execute("UPDATE payouts SET status = 'accepted', note = ? WHERE id = ?", (note, f"r{number}"))
        assert path.with_name("payouts.sqlite3-journal").stat().st_size > 0
        yield database


def test_a_transaction_is_waited_for(
    path: Path, half: sqlite3.Connection, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """No half of it is read: the report has all of its rows, once it is over."""
    pauses = 0

    def pause(seconds: float) -> None:
        nonlocal pauses
        pauses += 1
        if pauses == 3:
            half.execute("COMMIT")

    monkeypatch.setattr(journal_copy, "sleep", pause)
    lock = journal_copy.FileLock(path.with_name("payouts.sqlite3.lock"))
    assert lock.take()
    try:
        assert {each.status for each in read_journal(path).rows} == {"accepted"}
    finally:
        lock.release()
    assert pauses == 3


def test_a_transaction_that_does_not_end_is_an_error(path: Path, half: sqlite3.Connection, fast: list[float]) -> None:
    """After 5 s the reader gives up, and says why."""
    lock = journal_copy.FileLock(path.with_name("payouts.sqlite3.lock"))
    assert lock.take()
    try:
        with pytest.raises(JournalError, match="is being written to by another process; try again"):
            read_journal(path)
    finally:
        lock.release()
    assert sum(fast) == pytest.approx(5.0)


def test_a_transaction_that_was_cut_off_is_taken_back(path: Path, half: sqlite3.Connection, tmp_path: Path) -> None:
    """After a kill the rollback journal lies beside the file; it is applied to the copy, and both stay as they are."""
    killed = tmp_path / "killed.sqlite3"
    shutil.copy(path, killed)
    shutil.copy(f"{path}-journal", f"{killed}-journal")
    before = killed.read_bytes(), Path(f"{killed}-journal").read_bytes()
    with closing(sqlite3.connect(f"file:{killed}?immutable=1", uri=True)) as database:
        torn = database.execute("SELECT status FROM payouts").fetchall()
    assert ("accepted",) in torn
    report = read_journal(killed)
    assert ({each.status for each in report.rows}, report.in_use) == ({"planned"}, False)
    assert (killed.read_bytes(), Path(f"{killed}-journal").read_bytes()) == before


def test_a_transaction_between_two_checks_is_seen(path: Path) -> None:
    """It leaves no rollback journal, but it raised the change counter that was read first."""
    with closing(Journal(path)) as journal:

        class Rollback:
            """A rollback journal that comes and goes while nobody looks."""

            def exists(self) -> bool:
                journal.change("r1", NOW, note="later")
                return False

        assert journal_copy._read_between_transactions(path, Rollback()) is None  # type: ignore[arg-type] # pyright: ignore
        quiet = path.with_name("none")
        assert journal_copy._read_between_transactions(path, quiet) == path.read_bytes()


WRITER = """
import sys
from datetime import UTC, datetime
from inventpay.payouts.journal import Journal
journal = Journal(sys.argv[1])
print("open", flush=True)
number = 0
while True:
    number += 1
    with journal.transaction() as database:
        for name in ("r1", "r60"):
            journal.change(name, datetime.now(UTC), note=str(number) + "x" * (number % 7) * 3000)
        database.execute("DELETE FROM changes")
"""


def test_no_half_transaction_is_read_under_load(path: Path) -> None:
    """Two rows that are always written together are always read alike, 60 times during hundreds of transactions."""
    seen = set()
    with subprocess.Popen([sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "open\n"
        try:
            for _ in range(60):
                report = read_journal(path)
                assert report.in_use
                assert report.rows[0].note == report.rows[-1].note
                seen.add(report.rows[0].note)
        finally:
            writer.kill()
    assert len(seen) > 20


def test_a_reader_holds_the_lock_for_a_moment_only(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that begins while a report is copied is not refused; one that begins during another run is."""
    lock = journal_copy.FileLock(path.with_name("payouts.sqlite3.lock"))
    assert lock.take()
    monkeypatch.setattr("inventpay.payouts.journal.sleep", lambda seconds: lock.release())
    with closing(Journal(path)):
        monkeypatch.undo()
        with pytest.raises(JournalError, match="is in use by another process"):
            Journal(path)


def test_what_is_no_journal_is_refused(path: Path, tmp_path: Path) -> None:
    """Of another program, damaged, of a later version, of another API, unreadable: each error names the file."""
    with pytest.raises(JournalError, match=r"belongs to https://api\.inventpay\.io, and the client to http://other"):
        read_journal(path, base_url="http://other")
    assert len(read_journal(path, base_url="https://api.inventpay.io").rows) == COUNT
    other = tmp_path / "other.sqlite3"
    with closing(sqlite3.connect(other)) as database:
        database.execute("CREATE TABLE payouts (id)")
    with pytest.raises(JournalError, match=r"other\.sqlite3 is the database of another program"):
        read_journal(other)
    text = tmp_path / "text.sqlite3"
    text.write_text("no database, but long enough to be one" * 100)
    with pytest.raises(JournalError, match=r"text\.sqlite3 cannot be used: file is not a database"):
        read_journal(text)
    with closing(sqlite3.connect(path)) as database:
        database.execute("UPDATE facts SET value = '2' WHERE name = 'format'")
        database.commit()
    with pytest.raises(JournalError, match="has format 2"):
        read_journal(path)
    with pytest.raises(JournalError, match="cannot be read"):
        read_journal(tmp_path)
