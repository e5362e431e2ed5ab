"""Guards the path of a call by counting instructions, which repeat where seconds do not.

Counts those of one call of this package and of one bare ``get(...).json()`` of httpx under valgrind's callgrind, over
an in-memory transport and over a socket on loopback, with a fixed hash seed: those of many calls minus those of a few,
so that imports and the first call are not in it. Compares with instructions.json and fails when a call takes over 5 %
more than is written there.

    nox -s instructions                 two or three minutes; needs valgrind (Debian: apt-get install valgrind)
    nox -s instructions -- --update     writes what was counted, for a change that is worth it

Counts depend on how Python was built and on the libraries. The same build and libraries are compared by the count;
others by its ratio to httpx's, counted in the same run, which hardly depends on either.
"""

from __future__ import annotations

import asyncio
import gc
import json
import platform
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))

from harness.bench import OURS, Bench, NotMeasured, clean_environment, contender_of, parser, server

FIGURES = Path(__file__).with_name("instructions.json")
TOLERANCE = 0.05
FEW, MANY = 40, 240
WORLDS = ("async", "blocking", "async over a socket", "blocking over a socket")
CONTENDERS = (OURS, "httpx")
LIBRARIES = ("httptools", "httpx", "anyio", "attrs", "cattrs", "msgspec")


def main() -> int:
    options_parser = parser(__doc__)
    options_parser.add_argument("--update", action="store_true", help="write the counts to instructions.json")
    options = options_parser.parse_args()
    print((__doc__ or "").partition("\n\n")[0], flush=True)
    if shutil.which("valgrind") is None:
        sys.exit("needs valgrind: apt-get install valgrind")
    python = Bench(options.environments, quick=False).python(OURS)
    counted = {world: {name: count(python, name, world) for name in CONTENDERS} for world in WORLDS}
    now = {"build": build(python), "instructions": counted}
    if options.update:
        FIGURES.write_text(json.dumps(now, indent=2) + "\n")
        print(f"written to {FIGURES.name}")
        return 0
    if not FIGURES.exists():
        sys.exit(f"{FIGURES.name} is missing; write it with --update")
    return compare(json.loads(FIGURES.read_text()), now)


def count(python: Path, contender: str, world: str) -> int:
    """Instructions of one call."""
    # Compile beforehand: Python compiles at the first import, which would count only in the first run.
    with server() as url:
        prepare = [str(python), __file__, "--contender", contender, world, "1", url]
        subprocess.run(prepare, check=True, env=clean_environment(), timeout=120)
        most, least = (run(python, contender, world, calls, url) for calls in (MANY, FEW))
    each = round((most - least) / (MANY - FEW))
    print(f"{world}: {contender}: {each:,} instructions a call", flush=True)
    return each


def run(python: Path, contender: str, world: str, calls: int, url: str) -> int:
    """Return the instructions of a process that makes `calls` calls."""
    command = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", str(python), __file__]
    command += ["--contender", contender, world, str(calls), url]
    ran = subprocess.run(command, capture_output=True, text=True, env=clean_environment(), timeout=580)
    found = re.search(r"Collected : (\d+)", ran.stderr)
    if ran.returncode or found is None:
        raise NotMeasured(f"{contender}, {world}: {ran.stderr.strip()[-500:]}")
    return int(found[1])


def build(python: Path) -> dict[str, str]:
    """Return the versions that a count depends on."""
    code = (
        "import json, platform; from importlib.metadata import version; "
        f"print(json.dumps({{name: version(name) for name in {LIBRARIES!r}}}))"
    )
    ran = subprocess.run(
        [python, "-P", "-c", code], capture_output=True, text=True, check=True, env=clean_environment()
    )
    libraries: dict[str, str] = json.loads(ran.stdout)
    return {
        "python": f"{platform.python_implementation()} {platform.python_version()}, {platform.python_compiler()}",
        "machine": platform.machine(),
        **libraries,
    }


def compare(written: Mapping[str, Any], now: Mapping[str, Any]) -> int:
    """1 when a call takes too many instructions, else 0."""
    changed = [name for name, value in now["build"].items() if written["build"].get(name) != value]
    if changed:
        print(f"other than when the figures were written: {', '.join(changed)}; compared by the ratio to httpx")
    grown = False
    for world in WORLDS:
        before, after = ({**figures["instructions"][world]} for figures in (written, now))
        growth = after[OURS] / before[OURS]
        if changed:
            growth *= before["httpx"] / after["httpx"]
        verdict = "TOO MANY" if growth > 1 + TOLERANCE else "fine"
        grown = grown or growth > 1 + TOLERANCE
        print(
            f"{world}: {growth - 1:+.1%} against the figure in {FIGURES.name}, at most {TOLERANCE:+.0%}: {verdict}; "
            f"{after[OURS] / after['httpx']:.2f} of httpx's"
        )
    return int(grown)


def contend(contender: str, world: str, calls: int, url: str) -> None:
    """Make `calls` calls."""
    import per_call

    # Garbage collection is off: one more full collection in a run is chance, and a tenth of the count.
    gc.disable()

    base_url = url if "socket" in world else None
    if world.startswith("blocking"):
        call = per_call.blocking_call(contender, base_url)
        for _ in range(calls):
            call()
        return

    async def all_of_them() -> None:
        call = per_call.async_call(contender, base_url)
        for _ in range(calls):
            await call()

    asyncio.run(all_of_them())


if __name__ == "__main__":
    if said := contender_of(sys.argv[1:]):
        contend(said[0], said[1], int(said[2]), said[3])
    else:
        sys.exit(main())
