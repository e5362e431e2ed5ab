"""Payouts whose process is killed while rows are on the wire pay nobody twice and forget nobody."""

from __future__ import annotations

import sqlite3
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest

from tests.payouts.ledger_server import LedgerServer
from tests.payouts.pay_worker import pay

UNPAID = ("planned", "refused", "failed", "not paid", "cancelled")


def run_with_kills(folder: Path, *, honours_keys: bool, kills: int, rows: int, seed: int) -> tuple[int, int]:
    """Kill a run that many times, resume it each time, and compare the journal with the ledger at the end.

    Returns how many rows are in doubt, and how many kills took place.
    """
    journal = folder / f"payouts-{seed}.sqlite3"
    with LedgerServer(honours_keys=honours_keys, share=0.3, seed=seed) as server:
        command = [sys.executable, "-m", "tests.payouts.pay_worker", server.url, str(journal), str(rows)]
        for _ in range(kills):
            with subprocess.Popen([*command, str(int(honours_keys))], stdout=subprocess.PIPE) as worker:
                server.aim(worker)
                worker.communicate(timeout=60)
            if worker.returncode == 0:
                break
        server.aim(None)
        pay(server.url, str(journal), rows, trusts=honours_keys)
        paid = server.paid()
        killed = len(server.killed)
        faults = sum(server.met.values())
    with closing(sqlite3.connect(journal)) as database:
        statuses = dict(database.execute("SELECT id, status FROM payouts"))
    assert len(statuses) == rows
    assert max(paid.values()) == 1, "a row was paid twice"
    for row_id, status in statuses.items():
        if status in UNPAID:
            assert row_id not in paid, f"{row_id} was paid, and the journal says {status}"
        elif status in ("accepted", "completed"):
            assert row_id in paid, f"{row_id} was not paid, and the journal says {status}"
    doubts = sum(status in ("in doubt", "sending") for status in statuses.values())
    if honours_keys:
        assert doubts == 0
    assert doubts <= killed + faults
    return doubts, killed


@pytest.mark.parametrize("honours_keys", [True, False])
def test_a_killed_run_is_resumed_without_paying_twice(honours_keys: bool, tmp_path: Path) -> None:
    """Four kills on the wire and faults on 30 % of the answers: the journal and the ledger agree in the end."""
    _, killed = run_with_kills(tmp_path, honours_keys=honours_keys, kills=4, rows=14, seed=3)
    assert killed >= 2
