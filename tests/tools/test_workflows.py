"""Sessions of nox that workflows, scripts and pages name exist, and the workflows run those that a release needs."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from tools import release

REPOSITORY = Path(__file__).parents[2]
CI = (REPOSITORY / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8")
NAMES = r"((?:[a-z][\w.-]*(?:\([\w]+\))?[ \t]*)+)"
"""Names of sessions after ``nox -s``, up to an option, a quote or the end of the line."""


def sessions() -> set[str]:
    """Return the names of the sessions in noxfile.py."""
    found: set[str] = set()
    for node in ast.parse((REPOSITORY / "noxfile.py").read_text(encoding="utf-8")).body:
        match node:
            case ast.FunctionDef(name=name, decorator_list=decorators):
                for decorator in decorators:
                    if "nox.session" in (written := ast.unparse(decorator)):
                        named = re.search(r"name='([^']+)'", written)
                        found.add(named[1] if named else name)
            case ast.Assign(targets=[ast.Name(id="PYTHONS")], value=value):
                found.update(f"tests-{version}" for version in ast.literal_eval(value))
    return found


def of_ci() -> set[str]:
    """Return the sessions that the matrix of CI runs."""
    (matrix,) = re.findall(r"^ +session: \[(.+)\]$", CI, re.MULTILINE)
    (pythons,) = re.findall(r"^ +python: \[(.+)\]$", CI, re.MULTILINE)
    return {*matrix.split(", ")} | {f"tests-{version}" for version in re.findall(r"[\d.]+t?", pythons)}


def test_the_sessions_are_found() -> None:
    """The test below would pass over an empty list."""
    assert {"tests", "tests-3.14", "lint", "wheel", "bench-limiter"} <= sessions()


def test_every_session_that_is_named_exists() -> None:
    """In the workflows, the script of CI, the release's steps, and the pages."""
    texts = [
        *(REPOSITORY / ".github").rglob("*"),
        *(REPOSITORY / "docs").rglob("*.md"),
        *REPOSITORY.glob("*.md"),
        REPOSITORY / ".ci" / "run",
        REPOSITORY / "tools" / "release.py",
    ]
    named = {
        (name.partition("(")[0], str(path.relative_to(REPOSITORY)))
        for path in texts
        if path.is_file()
        for names in re.findall(rf"nox (?:-R )?-s {NAMES}", path.read_text(encoding="utf-8"))
        for name in names.split()
    }
    assert len(named) > 20
    known = sessions()
    assert {found for found in named if found[0] not in known} == set()
    assert of_ci() <= known


def test_ci_runs_what_a_release_needs() -> None:
    """A step of a release that CI does not run would fail on the day of the release."""
    state = release.State("2.0.0", "2.0.0", None)
    listed = " ".join(step for step, _ in release.steps(REPOSITORY, state))
    needed = {name for names in re.findall(rf"nox -s {NAMES}", listed) for name in names.split()}
    assert len(needed) > 8
    assert needed <= of_ci()
