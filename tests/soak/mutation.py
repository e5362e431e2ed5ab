"""Mutation testing of the modules that decide on money, with mutmut: a test notices each change, or it is listed.

nox -s mutation                           every module under [tool.mutmut] in pyproject.toml
nox -s mutation -- 'inventpay.webhooks.*' those whose functions match
nox -s mutation -- --again                after a run: only changes that no test noticed, and code that is new

Of text only single words are changed, and no message. mutmut changes neither constants of a module nor functions with a
decorator. ``mutation_survivors.toml`` lists the changes that no test notices, each with the reason why it does no harm.
"""

from __future__ import annotations

import os
import shutil
import sys
import tomllib
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

import libcst
from mutmut.__main__ import _run
from mutmut.mutation import mutators
from mutmut.mutation.data import SourceFileMutationData
from mutmut.mutation.diff_apply import get_diff_for_mutant
from mutmut.stats import status_by_exit_code
from mutmut.utils.file_utils import walk_mutatable_files

SURVIVORS: Final = Path(__file__).with_name("mutation_survivors.toml")
KILLED: Final = 0.95
"""Share of the mutants of each module that the tests must kill; those in the list are not killed."""

NOTICED: Final = ("killed", "timeout", "segfault")


def change_words(node: libcst.BaseString) -> Iterable[libcst.BaseString]:
    """Change text that is one word; tests compare messages where their words matter."""
    if isinstance(node, libcst.SimpleString) and " " not in node.value and not node.value.endswith('"""'):
        yield node.with_changes(value=f"{node.value[:-1]}XX{node.value[-1]}")


def survivor(mutant: str, source: Path) -> tuple[str, str]:
    """Return the function of a mutant, and the changed lines: what stays while other code changes."""
    lines = get_diff_for_mutant(mutant, path=source).splitlines()[2:]
    changed = [line[0] + " " + line[1:].strip() for line in lines if line[:1] in ("-", "+")]
    return mutant.rpartition("__mutmut")[0], "\n".join(changed)


def report(chosen: list[str]) -> int:
    """Print the share of each module that was killed, and every survivor that is not listed; return their number."""
    listed: dict[tuple[str, str], str] = {
        (each["function"], each["change"].strip()): each["reason"]
        for each in tomllib.loads(SURVIVORS.read_text())["survivor"]
    }
    seen: set[tuple[str, str]] = set()
    failures, total, killed = 0, 0, 0
    for source in sorted(walk_mutatable_files()):
        data = SourceFileMutationData(path=source)
        data.load()
        results: dict[str, Any] = {
            name: status_by_exit_code[code] for name, code in data.exit_code_by_key.items() if code is not None
        }
        if not results:
            continue
        alive = {name: status for name, status in results.items() if status not in NOTICED}
        total, killed = total + len(results), killed + len(results) - len(alive)
        share = 1 - len(alive) / len(results)
        print(f"{source}: {len(results) - len(alive)} of {len(results)} killed, {share:.1%}")
        failures += share < KILLED
        for name, status in alive.items():
            found = survivor(name, source)
            seen.add(found)
            if found not in listed:
                failures += 1
                quoted = f"change = '''\n{found[1]}\n'''"
                print(f'\n# {status}: {name}\n[[survivor]]\nfunction = "{found[0]}"\n{quoted}\nreason = ""')
    if not chosen:
        for function, change in listed.keys() - seen:
            failures += 1
            print(f"listed, but killed or gone: {function}\n{change}")
    print(f"all: {killed} of {total} killed, {killed / max(total, 1):.1%}; {len(listed)} survivors listed")
    return failures


def forget_survivors() -> None:
    """Keep what the last run killed, and let mutmut run everything else, with tests that are new."""
    for source in walk_mutatable_files():
        data = SourceFileMutationData(path=source)
        data.load()
        for name, code in data.exit_code_by_key.items():
            if status_by_exit_code[code] not in NOTICED:
                data.exit_code_by_key[name] = None
        if data.meta_path.exists():
            # The time of the mutants says whether the source has changed since.
            data.save()
    Path("mutants/mutmut-stats.json").unlink(missing_ok=True)


def main(arguments: list[str]) -> int:
    """Run the mutants whose names match, all by default."""
    chosen = [name for name in arguments if name != "--again"]
    mutators.mutation_operators[:] = [
        (kind, change_words if change is mutators.operator_string else change)
        for kind, change in mutators.mutation_operators
    ]
    if "--again" in arguments:
        forget_survivors()
    else:
        shutil.rmtree("mutants", ignore_errors=True)
    _run(chosen, int(os.environ.get("WORKERS", os.cpu_count() or 1)))
    return min(report(chosen), 1)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
