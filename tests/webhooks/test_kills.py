"""Servers that are killed with SIGKILL at every stage of a delivery lose no payment, and ship none twice."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from tests.support.servers import ROOT
from tests.support.systems import needs_fork

pytest.importorskip("sqlalchemy", reason="SQLAlchemy is not installed: pip install sqlalchemy")


@needs_fork
@pytest.mark.real_time
@pytest.mark.timeout(120)
def test_killed_servers_lose_nothing() -> None:
    """Four servers over HTTP, killed once at each stage, on a store in the transaction of the handler.

    ``python -m tests.soak.webhook_kills`` kills 200 on each store.
    """
    command = [sys.executable, "-m", "tests.soak.webhook_kills", "--kills", "10", "--json", "--stores", "transactional"]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=100)
    assert ran.stdout, ran.stderr
    (report,) = json.loads(ran.stdout)
    assert report["kills"] == 10
    assert set(report["by_stage"].values()) == {1}
    assert report["payments"] > 10
    assert (report["lost"], report["twice"], report["half_done"]) == (0, 0, 0)
    assert ran.returncode == 0
