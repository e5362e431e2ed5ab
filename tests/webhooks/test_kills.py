"""Processes are killed with SIGKILL at every stage, and each payment is shipped: once in the handler's transaction."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

pytest.importorskip("sqlalchemy")

from sqlalchemy import create_engine, text

from inventpay.webhooks import SQLAlchemySeenStore
from tests.support.servers import ROOT

KILLS = int(os.environ.get("WEBHOOK_KILLS", "4"))
"""Processes that are killed; 200 for a release."""

COUNT = 100


@pytest.mark.real_time
@pytest.mark.timeout(30 + 10 * KILLS)
@pytest.mark.parametrize("store", ["transactional", "sqlite"])
def test_killed_processes_lose_nothing(store: str, tmp_path: Path) -> None:
    """Four at a time. A payment that was answered 200 is shipped. With the transactional store none is shipped twice;
    with others at most as many as were killed between the handler's work and its note."""
    path = tmp_path / "shop.sqlite3"
    engine = create_engine(f"sqlite:///{path}", connect_args={"timeout": 20})
    with engine.begin() as connection:
        connection.execute(text("PRAGMA journal_mode = WAL"))
        connection.execute(text("CREATE TABLE shipped (payment TEXT)"))
    from sqlalchemy.orm import sessionmaker

    SQLAlchemySeenStore(sessionmaker(engine)).create_tables()
    where = store if store == "transactional" else str(tmp_path / "seen.sqlite3")

    def work(seed: int) -> tuple[int, list[str]]:
        command = [sys.executable, "-m", "tests.support.kill_worker", where, str(path), str(seed), str(COUNT)]
        ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=120)
        return ran.returncode, ran.stdout.splitlines()

    with ThreadPoolExecutor(4) as pool:
        ended = list(pool.map(work, range(KILLS)))
    assert {code for code, _ in ended} == {-9}
    answered = {line.split()[0] for _, lines in ended for line in lines if line.endswith(" 200")}
    with engine.begin() as connection:
        shipped = Counter(connection.scalars(text("SELECT payment FROM shipped")))
    engine.dispose()
    assert answered
    assert answered <= set(shipped)
    twice = {payment for payment, times in shipped.items() if times > 1}
    if store == "transactional":
        assert not twice
    else:
        assert sum(times - 1 for times in shipped.values()) <= KILLS
