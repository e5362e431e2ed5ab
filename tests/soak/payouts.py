"""Kill payout runs 200 times in each of six combinations, and compare every journal with the ledger.

python -m tests.soak.payouts [--kills 200] [--only "full disk"]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path
from typing import Any

from tests.payouts.kills import run_with_kills

ROWS = 50
PROCESSES_OF_A_RUN = 25
"""Processes at most that are killed, or meet a full disk, before a run is resumed to its end."""

COMBINATIONS: dict[str, dict[str, Any]] = {
    f"{name}, keys {keys}": {"honours_keys": keys == "honoured", **options}
    for name, options in {
        "kills": {},
        "kills and a full disk": {"fills_disk": True},
        "kills and copies of the journal": {"copies": True},
    }.items()
    for keys in ("honoured", "ignored")
}


def main() -> None:
    """Run the combinations, each until it has its kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills and full disks in each combination")
    parser.add_argument("--only", default="", help="run only combinations whose name holds this text")
    given = parser.parse_args()
    for name, options in COMBINATIONS.items():
        if given.only not in name:
            continue
        totals = {
            "kills": 0,
            "full disks": 0,
            "faults": 0,
            "faulty reads": 0,
            "in doubt before a person settled them": 0,
            "paid": 0,
        }
        runs = 0
        while totals["kills"] + totals["full disks"] < given.kills:
            runs += 1
            with tempfile.TemporaryDirectory() as folder:
                found = run_with_kills(Path(folder), kills=PROCESSES_OF_A_RUN, rows=ROWS, seed=runs, **options)
            measured = (found.kills, found.full_disks, found.faults, found.read_faults, found.doubts, found.paid)
            totals = {each: count + more for (each, count), more in zip(totals.items(), measured, strict=True)}
        figures = ", ".join(f"{count} {each}" for each, count in totals.items())
        print(f"{name}: {runs} runs of {ROWS} rows, {figures}, 0 twice, 0 forgotten", flush=True)


if __name__ == "__main__":
    main()
