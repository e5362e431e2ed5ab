"""The cost of a token of the rate limit: a lease without waiting, and a grant while thousands wait.

No network. ``python benchmarks/limits/limiter.py`` has the details, both rules, and the peers in real time.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, Row, answer, contender_of, run_alone

FEW, MANY = 100, 10_000


def measure(bench: Bench) -> Sequence[Row]:
    """The rows."""
    seen = bench.turns(__file__, [OURS], bench.rounds(3, 1), bench.rounds(20_000, 3_000), bench.rounds(300, 150))[OURS]
    return [
        Row("a lease in a burst, uncontended", "µs of CPU", seen["burst"], target=3.0, shown="{:.2f}"),
        Row("a lease at 80 % of the limit, uncontended", "µs of CPU", seen["steady"], target=3.0, shown="{:.2f}"),
        Row(f"a grant while {FEW:,} tasks wait", "µs of CPU", seen["few"]),
        Row(
            f"a grant while {MANY:,} tasks wait, in grants of {FEW:,}",
            "times",
            seen["growth"],
            target=1.5,
            shown="{:.2f}",
        ),
    ]


def contend(turns: int, grants: int) -> None:
    """The default counting, which suits every counting the server may do."""
    from harness.lease_costs import burst_cost, grant_cost, limiter_cost

    few = asyncio.run(grant_cost("unknown", FEW, grants))
    many = asyncio.run(grant_cost("unknown", MANY, grants))
    answer(
        {
            "burst": burst_cost("unknown", turns).lease,
            "steady": asyncio.run(limiter_cost("unknown", 0.8, turns)).lease,
            "few": few,
            "growth": many / few,
        }
    )


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(int(said[1]), int(said[2]))
    else:
        run_alone(__doc__, measure)
