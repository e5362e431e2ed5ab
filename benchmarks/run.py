"""The whole comparison: every row measured now, the table written to RESULTS.md, the picture to results.svg.

nox -s bench                    about seven minutes, the environments of the peers not counted
nox -s bench -- --quick         about two, coarse; writes nothing unless --write says so
nox -s bench -- --only burst    the rows with this in the name of their script
"""

from __future__ import annotations

import importlib
import subprocess
import sys
import time
from collections.abc import Sequence

from _bench import HERE, Bench, NotMeasured, Row, clean_environment, parser, report, say
from _picture import picture
from _table import Failure, table

SCRIPTS = (
    "per_call",
    "imports",
    "first_call",
    "loopback",
    "bursts",
    "shared_reads",
    "leases",
    "watchers",
    "deliveries",
    "pages",
)


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
        (HERE / "RESULTS.md").write_text(text, encoding="utf-8")
        (HERE / "results.svg").write_text(picture(rows), encoding="utf-8")
        print("\nwritten: benchmarks/RESULTS.md and benchmarks/results.svg")
    missed = sum(row.verdict == "MISSED" for row in rows)
    judged = sum(row.target is not None for row in rows)
    print(f"{judged - missed} of {judged} targets met, {len(failures)} scripts failed, {time.time() - begun:.0f} s")
    return 1 if failures else 0


def measured(bench: Bench, scripts: Sequence[str]) -> tuple[list[Row], list[Failure]]:
    """The rows of these scripts; one that fails is told of and left out."""
    rows: list[Row] = []
    failures: list[Failure] = []
    for name in scripts:
        script = importlib.import_module(name)
        print(f"\n{name}.py: {script.__doc__.strip().splitlines()[0]}", flush=True)
        try:
            new = script.measure(bench)
        except (NotMeasured, subprocess.SubprocessError, OSError) as error:
            failures.append(Failure(f"{name}.py", str(error)))
            print(f"not measured: {error}", flush=True)
        else:
            rows += new
            print(report(new), flush=True)
    return rows, failures


def flooded(bench: Bench) -> str:
    """What the rate limiters let through, in real time, in the words of limiter.py."""
    say("floods")
    print("\nlimiter.py --quick --part floods", flush=True)
    command = [bench.python("limiters"), HERE / "limiter.py", "--quick", "--part", "floods"]
    ran = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=300)
    print(ran.stdout or ran.stderr, flush=True)
    return ran.stdout.strip() if ran.returncode == 0 else f"not measured: {ran.stderr.strip().splitlines()[-1]}"


if __name__ == "__main__":
    sys.exit(main())
