"""Payout runs that are killed, whose disk fills up, or whose journal is copied, and the comparison with the ledger."""

from __future__ import annotations

import json
import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Self

from attrs import frozen

from tests.payouts.ledger_server import LedgerServer
from tests.payouts.pay_worker import adopt, finish, pay

UNPAID = ("planned", "refused", "failed", "not paid", "cancelled")


class Worker:
    """A process that pays."""

    def __init__(self, process: int) -> None:
        self.process = process
        self.ended = threading.Event()

    def kill(self) -> None:
        """Kill it, unless it ended by itself."""
        assert sys.platform != "win32"
        if not self.ended.is_set():
            os.kill(self.process, signal.SIGKILL)

    def wait(self) -> None:
        """Wait until it is gone."""
        self.ended.wait(60)


class Workers:
    """The process from which workers are forked, one at a time."""

    def __init__(self, log: Path) -> None:
        self._log = log

    def __enter__(self) -> Self:
        command = [sys.executable, "-m", "tests.payouts.pay_worker"]
        self._parent = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        return self

    def __exit__(self, *_: object) -> None:
        self._parent.communicate(timeout=60)

    def start(self, options: list[str]) -> Worker:
        """Fork a worker."""
        self._log.write_text("")
        assert self._parent.stdin is not None
        self._parent.stdin.write(json.dumps([str(self._log), *options]) + "\n")
        self._parent.stdin.flush()
        return Worker(self._said())

    def end_of(self, worker: Worker) -> tuple[int, str]:
        """Wait for its end; return its exit code and its error."""
        code = self._said()
        worker.ended.set()
        return code, self._log.read_text()

    def _said(self) -> int:
        assert self._parent.stdout is not None
        return int(self._parent.stdout.readline())


@frozen
class Outcome:
    """The facts of one resumed run."""

    kills: int
    full_disks: int
    faults: int
    """Faulty answers to withdrawals."""
    read_faults: int
    """Faulty answers to reads."""
    doubts: int
    """Rows in doubt once the run was resumed to its end, before a person settled them."""
    paid: int


def run_with_kills(
    folder: Path,
    *,
    honours_keys: bool,
    kills: int,
    rows: int,
    seed: int,
    fills_disk: bool = False,
    copies: bool = False,
) -> Outcome:
    """Kill a run that many times, resume it each time, and compare the journal with the ledger at the end.

    With ``fills_disk`` there is no room for a page more at some point of each run, by SQLite or the operating system;
    with ``copies`` each run goes on with a copy of the journal's file alone, taken after the kill.
    """
    assert sys.platform != "win32"
    journal = folder / f"payouts-{seed}.sqlite3"
    full_disks = 0
    server = LedgerServer(honours_keys=honours_keys, share=0.3, seed=seed)
    with Workers(folder / "worker.log") as workers, server:
        for number in range(kills):
            room = str(number % 3) if fills_disk else "-1"
            options = [server.url, str(journal), str(rows), str(int(honours_keys)), room, str(number % 2)]
            worker = workers.start(options)
            server.aim(worker)
            code, error = workers.end_of(worker)
            if fills_disk and "cannot be written" in error:
                full_disks += 1
            else:
                assert code in (0, -signal.SIGKILL), error
            if code == 0:
                break
            if copies:
                journal = Path(shutil.copy(journal, folder / f"copy-{seed}-{number}.sqlite3"))
                adopt(server.url, str(journal))
        server.aim(None)
        pay(server.url, str(journal), rows, trusts=honours_keys)
        doubts = compare(journal, server, rows)
        killed, faults = len(server.killed), sum(server.met.values())
        assert doubts == 0 or not honours_keys, "a proven API leaves no doubt"
        # A row is in doubt at most where it was on the wire at a kill, or its answer was lost or could not be written.
        assert doubts <= killed + faults + full_disks
        finish(server.url, str(journal), server.withdrawal_ids, trusts=honours_keys)
        assert compare(journal, server, rows) == 0
        assert len(server.paid()) == rows, "a row was forgotten"
    return Outcome(killed, full_disks, faults, server.read_faults, doubts, rows)


def compare(journal: Path, server: LedgerServer, rows: int) -> int:
    """Compare the journal with the ledger; return the number of doubts."""
    paid = server.paid()
    with closing(sqlite3.connect(journal)) as database:
        statuses = dict(database.execute("SELECT id, status FROM payouts"))
    assert len(statuses) == rows
    assert max(paid.values(), default=0) <= 1, "a row was paid twice"
    for row_id, status in statuses.items():
        assert status != "planned", f"{row_id} was not sent"
        if status in UNPAID:
            assert row_id not in paid, f"{row_id} was paid, and the journal says {status}"
        elif status in ("accepted", "completed"):
            assert row_id in paid, f"{row_id} was not paid, and the journal says {status}"
    return sum(status in ("in doubt", "sending") for status in statuses.values())
