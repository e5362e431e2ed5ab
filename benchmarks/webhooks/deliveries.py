"""Webhook deliveries: verified and parsed, events a second, beside ``stripe.Webhook.construct_event``.

Runs ``benchmarks/webhooks/side_by_side.py``, which has the details, in an environment with both packages.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import HERE, Bench, NotMeasured, Row, clean_environment, run_alone


def measure(bench: Bench) -> Sequence[Row]:
    """One row for each body."""
    command = [
        bench.python("webhooks"),
        HERE / "webhooks" / "side_by_side.py",
        "--json",
        *(["--quick"] if bench.quick else []),
    ]
    ran = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=300)
    if ran.returncode:
        raise NotMeasured(f"side_by_side.py: {ran.stderr.strip().splitlines()[-1]}")
    bodies: dict[str, dict[str, float]] = {}
    for row in json.loads(ran.stdout)["rows"]:
        bodies.setdefault(row["body"], {})[row["name"]] = row["events_per_second"]
    return [_row(body, rates) for body, rates in bodies.items()]


def _row(body: str, rates: dict[str, float]) -> Row:
    ours = rates.pop("inventpay parse_event")
    others = {name: rate for name, rate in rates.items() if not name.startswith("inventpay")}
    is_documented = body.startswith("nested")
    return Row(
        f"a webhook verified and parsed, body {body}",
        "events a second",
        ours,
        "stripe construct_event",
        others,
        target=1.3,
        at_least=True,
        picture=is_documented,
    )


if __name__ == "__main__":
    run_alone(__doc__, measure)
