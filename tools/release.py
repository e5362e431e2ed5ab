"""Check that version, changelog and tag agree, and list the steps of a release.

    python tools/release.py                    list the steps, with what is done and what is to do next
    python tools/release.py --check            compare version and changelog; exit 1 if they differ
    python tools/release.py --check --tag T    compare the tag T with both too, as the release workflow does

The version stands in ``inventpay/version.py``; the topmost entry of ``CHANGELOG.md`` is
``## [2.0.0] - unreleased`` until the release, and ``## [2.0.0] - 2026-12-01`` from then on.
"""

from __future__ import annotations

import argparse
import re
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

VERSION = re.compile(r'^VERSION: Final = "([^"]+)"$', re.MULTILINE)
ENTRY = re.compile(r"^## \[([^\]]+)\](?: - (unreleased|\d{4}-\d\d-\d\d))?$", re.MULTILINE)
RELEASED = re.compile(r"\d+\.\d+\.\d+((a|b|rc)\d+)?")


@dataclass(frozen=True)
class State:
    """The version of the package, and the topmost entry of its changelog."""

    version: str
    entry: str
    date: str | None
    """The date of the entry, or None while it is unreleased."""


def read_state(root: Path) -> State:
    """Return the state of a clone.

    Raises ValueError where a version or an entry cannot be found.
    """
    version = VERSION.search((root / "inventpay" / "version.py").read_text(encoding="utf-8"))
    if version is None:
        raise ValueError('inventpay/version.py has no line of the form: VERSION: Final = "1.2.3"')
    entry = ENTRY.search((root / "CHANGELOG.md").read_text(encoding="utf-8"))
    if entry is None:
        raise ValueError("CHANGELOG.md has no entry of the form: ## [1.2.3] - 2026-12-01")
    return State(version[1], entry[1], None if entry[2] == "unreleased" else entry[2])


def disagreements(state: State, tag: str | None = None) -> list[str]:
    """Return what does not fit together, one sentence each."""
    wrong: list[str] = []
    if state.entry != state.version:
        wrong.append(f"the version is {state.version}, but the topmost entry of CHANGELOG.md is {state.entry}")
    if tag is not None:
        if tag != f"v{state.version}":
            wrong.append(f"the tag is {tag}, but the version is {state.version}: the tag must be v{state.version}")
        if RELEASED.fullmatch(state.version) is None:
            wrong.append(f"{state.version} is no version to release: it must look like 1.2.3 or 1.2.3rc1")
        if state.date is None:
            wrong.append(f"the entry {state.entry} of CHANGELOG.md has no date: replace `unreleased` by one")
    return wrong


def steps(root: Path, state: State) -> list[tuple[str, bool | None]]:
    """Return the steps of a release, each with whether it is done (None: cannot be seen from here)."""
    tag = f"v{state.version}"
    dated = state.entry == state.version and state.date is not None
    tagged = tag in _git(root, "tag", "--list").split()
    built = (root / "dist").is_dir() and any((root / "dist").glob(f"*{state.version}*.whl"))
    return [
        ("Set the version in inventpay/version.py", RELEASED.fullmatch(state.version) is not None),
        (f"Write the entry {state.version} in CHANGELOG.md, with its date", dated),
        ("Commit everything", not _git(root, "status", "--porcelain")),
        ("Run: nox -s lint types docs tests-3.11 tests-3.12 tests-3.13 tests-3.14 floors newest lent extras", None),
        ("Run: nox -s package wheel", built),
        (f"Tag and push: git tag -s {tag} -m {tag} && git push origin {tag}", tagged),
        ("Approve the release workflow; it builds, tests and publishes", None),
        ("Note the hashes for users: python -m pip hash dist/*", None),
        ("Set the next version in inventpay/version.py, and begin its entry in CHANGELOG.md as `unreleased`", None),
    ]


def _git(root: Path, *arguments: str) -> str:
    done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=False)
    return done.stdout.strip()


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Check and explain a release.")
    parser.add_argument("--check", action="store_true", help="compare version and changelog, and nothing else")
    parser.add_argument("--tag", help="compare this tag with both")
    options = parser.parse_args(arguments)
    root = root or Path(__file__).resolve().parents[1]
    try:
        state = read_state(root)
    except ValueError as error:
        print(error, file=sys.stderr)
        return 1
    wrong = disagreements(state, options.tag)
    for line in wrong:
        print(line, file=sys.stderr)
    if not options.check:
        for number, (step, done) in enumerate(steps(root, state), 1):
            print(f"{number}. [{'x' if done else ' ' if done is not None else '?'}] {step}")
    elif not wrong:
        print(f"Version and changelog agree: {state.version}, {state.date or 'unreleased'}")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
