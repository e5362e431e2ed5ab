"""The whole comparison: every row measured now, the table written to RESULTS.md, the picture to results.svg.

nox -s bench                    about seven minutes, the environments of the peers not counted
nox -s bench -- --quick         about two, coarse; writes nothing unless --write says so
nox -s bench -- --only burst    the rows with this in the name of their script
"""

from __future__ import annotations

import importlib.util
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import ModuleType

from harness.bench import HERE, Bench, NotMeasured, Row, clean_environment, parser, report, say
from harness.picture import picture
from harness.table import Failure, table

SCRIPTS = (
    "call/per_call.py",
    "call/imports.py",
    "call/first_call.py",
    "call/loopback.py",
    "call/bursts.py",
    "call/shared_reads.py",
    "limits/leases.py",
    "watching/watchers.py",
    "webhooks/deliveries.py",
    "call/pages.py",
)

RESULTS = HERE / "results"


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument(
        "--only", default="", metavar="TEXT", help="scripts with this in their name; writes nothing"
    )
    options_parser.add_argument(
        "--write", action="store_true", help="write RESULTS.md and results.svg after a quick run too"
    )
    options = options_parser.parse_args()
    scripts = [script for script in SCRIPTS if options.only in script]
    if not scripts:
        sys.exit(f"--only {options.only!r} matches none of {', '.join(SCRIPTS)}")
    bench = Bench(options.environments, quick=options.quick)
    begun = time.time()
    rows, failures = measured(bench, scripts)
    floods = "" if options.only or bench.quick else flooded(bench)
    if not options.only and (options.write or not bench.quick):
        text = table(rows, failures, floods, bench.versions(), seconds=time.time() - begun, quick=bench.quick)
        (RESULTS / "RESULTS.md").write_text(text, encoding="utf-8")
        (RESULTS / "results.svg").write_text(picture(rows), encoding="utf-8")
        print("\nwritten: benchmarks/results/RESULTS.md and results.svg")
    missed = sum(row.verdict == "MISSED" for row in rows)
    judged = sum(row.target is not None for row in rows)
    print(f"{judged - missed} of {judged} targets met, {len(failures)} scripts failed, {time.time() - begun:.0f} s")
    return 1 if failures else 0


def measured(bench: Bench, scripts: Sequence[str]) -> tuple[list[Row], list[Failure]]:
    """Return the rows of these scripts; one that fails is reported and left out."""
    rows: list[Row] = []
    failures: list[Failure] = []
    for name in scripts:
        script = load(name)
        print(f"\n{name}: {script.__doc__.strip().splitlines()[0]}", flush=True)
        try:
            new = script.measure(bench)
        except (NotMeasured, subprocess.SubprocessError, OSError) as error:
            failures.append(Failure(name, str(error)))
            print(f"not measured: {error}", flush=True)
        else:
            rows += new
            print(report(new), flush=True)
    return rows, failures


def load(name: str) -> ModuleType:
    """Load a script by its path below benchmarks/; folders such as limits/ share their names with peers."""
    spec = importlib.util.spec_from_file_location(Path(name).stem, HERE / name)
    if spec is None or spec.loader is None:
        raise ImportError(name)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def flooded(bench: Bench) -> str:
    """Return the results of the floods in real time, as limiter.py prints them."""
    say("floods")
    print("\nlimiter.py --quick --part floods", flush=True)
    command = [bench.python("limiters"), HERE / "limits" / "limiter.py", "--quick", "--part", "floods"]
    ran = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=300)
    print(ran.stdout or ran.stderr, flush=True)
    return ran.stdout.strip() if ran.returncode == 0 else f"not measured: {ran.stderr.strip().splitlines()[-1]}"


if __name__ == "__main__":
    sys.exit(main())
