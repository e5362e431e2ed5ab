"""The guide on payouts and its example are true: they run as a reader would run them."""

from __future__ import annotations

import csv
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inventpay.sandbox import Sandbox
from tests.support.clients import new_key
from tests.support.documents import ROOT, blocks, reader, run

GUIDE = ROOT / "docs" / "payouts.md"


def test_the_blocks_of_the_guide_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other, in a folder that holds the file which the guide shows."""
    monkeypatch.chdir(tmp_path)
    Path("november.csv").write_text(blocks(GUIDE, "text")[0])
    names: dict[str, Any] = {}
    with reader(monkeypatch):
        for number, source in enumerate(blocks(GUIDE), 1):
            run(source, f"payouts.md, block {number}", names)
    assert [row.status for row in names["report"].rows] == ["accepted"] * 2
    assert Path("november-report.csv").exists()


def test_the_example_pays_and_reports(tmp_path: Path) -> None:
    """Its file is paid in the sandbox, a second run sends nothing, and the report has every row."""
    sandbox = Sandbox(api_key=new_key())
    sandbox.deposit("USDT_BEP20", 500)
    sandbox.deposit("BTC", 1)
    files = [ROOT / "examples/payouts/november.csv", tmp_path / "payouts.sqlite3", tmp_path / "report.csv"]
    with sandbox.run():
        for _ in range(2):
            done = subprocess.run(
                [sys.executable, ROOT / "examples/payouts/pay.py", *files],
                env={**os.environ, **sandbox.environment},
                capture_output=True,
                text=True,
                check=True,
                timeout=60,
            )
            assert "3 accepted" in done.stdout
    assert len(sandbox.state.records()[1]) == 3
    with files[2].open(newline="") as report:
        rows = list(csv.DictReader(report))
    assert [row["cost centre"] for row in rows[:3]] == ["translation", "proofreading", "layout"]
    assert [row["id"] for row in rows[3:]] == ["total", "total"]
