"""Payouts whose process is killed while rows are on the wire pay each recipient exactly once."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.payouts.kills import run_with_kills
from tests.support.systems import needs_fork


@needs_fork
@pytest.mark.parametrize(
    ("honours_keys", "fills_disk", "copies"),
    [(True, False, False), (False, False, False), (True, True, False), (False, False, True)],
)
def test_a_killed_run_is_resumed_without_paying_twice(
    honours_keys: bool, fills_disk: bool, copies: bool, tmp_path: Path
) -> None:
    """Kills on the wire and faults on 30 % of the answers: the journal and the ledger agree in the end.

    The large form is ``python -m tests.soak.payouts``.
    """
    found = run_with_kills(
        tmp_path, honours_keys=honours_keys, kills=2, rows=8, seed=3, fills_disk=fills_disk, copies=copies
    )
    assert found.kills + found.full_disks >= 1
