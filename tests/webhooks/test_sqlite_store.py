"""The SQLite store keeps the contract, across connections, restarts and forks."""

from __future__ import annotations

import multiprocessing
import sqlite3
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay.webhooks import sqlite_file
from inventpay.webhooks.seen import Claim, ClaimStatus
from inventpay.webhooks.sqlite_store import SQLiteSeenStore
from tests.support.systems import needs_fork

from .seen_store_contract import Clock, SeenStoreContract, World, claimed


class TestSQLiteSeenStore(SeenStoreContract):
    """The contract, on stores of their own that share a file."""

    @pytest.fixture
    def world(self, tmp_path: Path) -> Iterator[World]:
        """Each store has a connection of its own, as each process has."""
        clock = Clock()
        opened: list[SQLiteSeenStore] = []

        def another() -> SQLiteSeenStore:
            opened.append(SQLiteSeenStore(tmp_path / "seen.sqlite3", retention=self.RETENTION, clock=clock))
            return opened[-1]

        yield World(another(), another=another, advance=clock.advance)
        for store in opened:
            store.close()


@pytest.fixture
def path(tmp_path: Path) -> Path:
    """The path of the store's file."""
    return tmp_path / "seen.sqlite3"


def test_a_relative_path_names_one_file_for_good(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that changes its folder would open another file, and fulfil again what this one remembers."""
    there, elsewhere = tmp_path / "there", tmp_path / "elsewhere"
    there.mkdir()
    elsewhere.mkdir()
    monkeypatch.chdir(there)
    store = SQLiteSeenStore("seen.sqlite3")
    monkeypatch.chdir(elsewhere)
    store.finish(claimed(store.claim(["done"], 60)))
    store.close()
    monkeypatch.chdir(tmp_path)
    assert store.claim(["done"], 60) is ClaimStatus.HANDLED
    store.close()
    assert [path.name for path in there.iterdir()] == ["seen.sqlite3"]
    assert not list(elsewhere.iterdir())


def test_it_waits_for_the_disk_and_survives_a_restart(path: Path) -> None:
    """A new store on a file has the data of the earlier one; a closed store opens again."""
    store = SQLiteSeenStore(path)
    assert store.blocking
    assert store.durable
    store.finish(claimed(store.claim(["done"], 60)))
    claimed(store.claim(["waiting"], 0, b"body"))
    store.close()
    again = SQLiteSeenStore(str(path))
    assert again.claim(["done"], 60) is ClaimStatus.HANDLED
    assert claimed(again.due(60)).body == b"body"
    again.close()
    again.close()
    assert again.claim(["done"], 60) is ClaimStatus.HANDLED
    assert repr(again) == f"<SQLiteSeenStore {str(path)!r}>"


def test_a_store_that_is_dropped_closes_its_file(path: Path) -> None:
    """Without a warning, and with nothing left in its log: the last connection tidies up."""
    store = SQLiteSeenStore(path)
    claimed(store.claim(["a"], 60))
    assert Path(f"{path}-wal").exists()
    del store
    assert not Path(f"{path}-wal").exists()


@needs_fork
def test_a_forked_child_opens_the_file_itself(path: Path) -> None:
    """The connection of the parent is neither used nor closed there, and both go on with the same data."""
    store = SQLiteSeenStore(path)
    store.finish(claimed(store.claim(["parent"], 60)))
    fork = multiprocessing.get_context("fork")
    mine, theirs = fork.Pipe()

    def child() -> None:
        found = store.claim(["parent"], 60)
        store.finish(claimed(store.claim(["child"], 60)))
        theirs.send(found)

    process = fork.Process(target=child)
    process.start()
    assert mine.poll(20)
    assert mine.recv() is ClaimStatus.HANDLED
    process.join(20)
    assert process.exitcode == 0
    assert store.claim(["child"], 60) is ClaimStatus.HANDLED
    store.finish(claimed(store.claim(["after"], 60)))


def test_processes_that_open_a_new_file_at_once_all_get_it(path: Path) -> None:
    """Processes that open the file at once create the tables only once."""
    stores = [SQLiteSeenStore(path) for _ in range(8)]
    start = threading.Barrier(8)
    found: list[Claim | ClaimStatus] = []

    def first_use(store: SQLiteSeenStore) -> None:
        start.wait()
        found.append(store.claim(["a"], 60))

    threads = [threading.Thread(target=first_use, args=[store]) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 8
    assert sum(isinstance(each, Claim) for each in found) == 1
    for store in stores:
        store.close()


def test_claims_of_the_dead_are_tidied_away(path: Path) -> None:
    """An event whose process died and that never came again is not kept for ever."""
    clock = Clock()
    store = SQLiteSeenStore(path, retention=1000, clock=clock)
    claimed(store.claim(["dead"], 60))
    clock.advance(1061)
    claimed(store.claim(["next"], 60))
    store.close()
    with sqlite3.connect(path) as database:
        assert database.execute("SELECT key FROM keys").fetchall() == [("next",)]
    database.close()


def test_a_file_that_is_locked_for_too_long_is_an_error_and_no_claim(path: Path) -> None:
    """A locked file makes the store wait until the lock is released."""
    store = SQLiteSeenStore(path, timeout=0.05)
    claim = claimed(store.claim(["a"], 60))
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    for call in (lambda: store.finish(claim), lambda: store.claim(["b"], 60)):
        with pytest.raises(sqlite3.OperationalError, match="locked"):
            call()
    other.execute("ROLLBACK")
    other.close()
    assert store.finish(claim)
    store.close()


def test_a_failure_in_the_middle_undoes_everything(path: Path) -> None:
    """A key no database can hold: the keys before it are not claimed either."""
    store = SQLiteSeenStore(path)
    with pytest.raises(sqlite3.Error):
        store.claim(["a", object()], 60)  # type: ignore[list-item]
    with pytest.raises(UnicodeEncodeError):
        store.claim(["a", "\ud800"], 60)
    claimed(store.claim(["a"], 60))
    store.close()


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"path": "/nowhere/at/all/seen.sqlite3"}, "the folder /nowhere/at/all does not exist"),
        ({"path": ":memory:"}, r"needs the path of a file; in memory, use MemorySeenStore\(\)"),
        ({"path": ""}, "needs the path of a file"),
        ({"path": "seen.sqlite3", "retention": 0}, "retention=0 must be above 0 seconds"),
        ({"path": "seen.sqlite3", "timeout": -1}, "timeout=-1 must be above 0 seconds"),
    ],
)
def test_what_cannot_work_is_refused_at_once(options: dict[str, Any], problem: str) -> None:
    """Invalid options are refused when the store is made, not at the first delivery."""
    with pytest.raises(ConfigurationError, match=problem):
        SQLiteSeenStore(**options)


def test_a_file_of_something_else_is_left_alone(path: Path) -> None:
    """A file that is no database, or one of another release, is an error that names the file."""
    path.write_bytes(b"shopping list " * 100)
    with pytest.raises(sqlite3.DatabaseError, match="not a database") as caught:
        SQLiteSeenStore(path).claim(["a"], 60)
    assert caught.value.__notes__ == [f"the file is {path}"]
    path.unlink()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA user_version = 7")
    database.close()
    with pytest.raises(ConfigurationError, match="was written by another release of this package"):
        SQLiteSeenStore(path).claim(["a"], 60)


@pytest.mark.parametrize("lock", ["IMMEDIATE", "EXCLUSIVE"])
def test_a_file_that_is_locked_while_it_is_opened_is_waited_for(lock: str, path: Path) -> None:
    """SQLite does not wait there by itself; the store does, for its timeout and no longer."""
    other = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
    other.execute("CREATE TABLE t (a)")
    other.execute(f"BEGIN {lock}")
    with pytest.raises(sqlite3.OperationalError, match="locked"):
        SQLiteSeenStore(path, timeout=0.05).claim(["a"], 60)
    timer = threading.Timer(0.05, other.execute, ["ROLLBACK"])
    timer.start()
    store = SQLiteSeenStore(path)
    claimed(store.claim(["a"], 60))
    timer.join()
    other.close()
    store.close()


def test_a_child_forgets_the_connection_of_its_parent(path: Path) -> None:
    """The fork hook of the child is called in this process, where its effect can be checked."""
    store = SQLiteSeenStore(path)
    store._file.after_fork_in_child()
    claimed(store.claim(["a"], 60))
    before, lock = len(sqlite_file._inherited), store._file.fork_lock()
    store._file.after_fork_in_child()
    assert len(sqlite_file._inherited) == before + 1
    assert store._file.fork_lock() is not lock
    assert store.claim(["a"], 60) is ClaimStatus.BUSY
    store.close()
    # A child keeps it open permanently; here it must be closed.
    sqlite_file._inherited.pop().close()


def test_only_what_was_answered_is_flushed(tmp_path: Path) -> None:
    """A claim without a body is worth nothing after a power cut; a body, the note and all others wait for the disk."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")

    def is_flushed() -> bool:
        assert store._file._connection is not None
        mode: int = store._file._connection.execute("PRAGMA synchronous").fetchone()[0]
        return mode == 2

    claim = claimed(store.claim(["a"], 60.0))
    assert not is_flushed()
    assert store.renew(claim, 60.0)
    assert is_flushed()
    claimed(store.claim(["b"], 60.0))
    assert not is_flushed()
    assert store.finish(claim)
    assert is_flushed()
    stored = claimed(store.claim(["c"], 60.0, b"body"))
    assert is_flushed()
    claimed(store.claim(["d"], 60.0))
    assert store.release(stored)
    assert is_flushed()
    store.close()
    # A new connection begins with a flush.
    assert store.due(60.0) is not None
    assert is_flushed()


def _at_once(path: Path, store: SQLiteSeenStore, keys: list[Any]) -> tuple[list[Claim | ClaimStatus | Exception], int]:
    """Claim keys in threads that all wait for another process; return what each got, and the number of commits."""
    claimed(store.claim(["the file is open"], 60))
    statements: list[str] = []
    assert store._file._connection is not None
    store._file._connection.set_trace_callback(statements.append)
    found: dict[int, Claim | ClaimStatus | Exception] = {}

    def claim(number: int) -> None:
        try:
            found[number] = store.claim([keys[number]], 60)
        except Exception as error:
            found[number] = error

    other = sqlite3.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    threads = [threading.Thread(target=claim, args=[number]) for number in range(len(keys))]
    for thread in threads:
        thread.start()
    deadline = time.monotonic() + 10
    # The first thread waits for the other process, with its own work, and all the others wait for it.
    while len(store._file._waiting) < len(keys) - 1 and time.monotonic() < deadline:
        time.sleep(0.001)
    other.execute("ROLLBACK")
    other.close()
    for thread in threads:
        thread.join()
    return [found[number] for number in range(len(keys))], statements.count("COMMIT")


def test_threads_that_wait_share_a_commit(path: Path) -> None:
    """A flood waits for the disk a few times, not once for each delivery, and each event is still claimed once."""
    store = SQLiteSeenStore(path)
    found, commits = _at_once(path, store, [f"event {number % 10}" for number in range(20)])
    assert commits <= 3
    assert sum(isinstance(each, Claim) for each in found) == 10
    assert found.count(ClaimStatus.BUSY) == 10
    for each in found:
        assert each is ClaimStatus.BUSY or store.finish(claimed(each))
    store.close()


def test_a_failure_in_a_shared_commit_is_of_one_thread(path: Path) -> None:
    """The work that failed raises its error in its own thread, and all the rest is done."""
    store = SQLiteSeenStore(path)
    found, _ = _at_once(path, store, ["a", "b", object(), "c", "d", "\ud800", "e"])
    assert [type(each) for each in found] == [Claim, Claim, type(found[2]), Claim, Claim, UnicodeEncodeError, Claim]
    assert isinstance(found[2], sqlite3.Error)
    assert {store.claim([key], 60) for key in "abcde"} == {ClaimStatus.BUSY}
    store.close()


def test_a_caller_that_is_interrupted_while_it_waits_claims_nothing(path: Path) -> None:
    """No other thread does the work of a caller that has gone: its claim would block the event until the lease ends."""

    class Interrupted:
        def __enter__(self) -> None:
            raise KeyboardInterrupt

        def __exit__(self, *_: object) -> None:
            """Do nothing."""

    store = SQLiteSeenStore(path)
    lock = store._file._lock
    store._file._lock = Interrupted()  # type: ignore[assignment]
    with pytest.raises(KeyboardInterrupt):
        store.claim(["a"], 60)
    store._file._lock = lock
    claimed(store.claim(["b"], 60))
    claimed(store.claim(["a"], 60))
    store.close()
