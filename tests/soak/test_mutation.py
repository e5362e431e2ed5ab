"""The list of changes that no test notices names code that is there; ``nox -s mutation`` makes the changes."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import Any

import inventpay

ROOT = Path(__file__).parents[2]
PACKAGE = Path(inventpay.__file__).parent
LISTED: list[dict[str, Any]] = tomllib.loads((Path(__file__).parent / "mutation_survivors.toml").read_text())[
    "survivor"
]


def test_every_module_is_there() -> None:
    """A module that is moved or renamed is not silently left out."""
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text())["tool"]["mutmut"]
    for name in settings["only_mutate"]:
        assert (PACKAGE.parent / name).is_file(), name
    for name in settings["pytest_add_cli_args_test_selection"]:
        assert (ROOT / name).is_file(), name


def test_every_listed_survivor_is_a_change_of_a_line_that_is_there() -> None:
    """With the reason why it does no harm, and once."""
    for each in LISTED:
        module = each["function"].rpartition(".")[0]
        source = (PACKAGE.parent / (module.replace(".", "/") + ".py")).read_text()
        lines = {line.strip() for line in source.splitlines()}
        removed = [line[2:] for line in each["change"].strip().splitlines() if line.startswith("- ")]
        assert removed, each["function"]
        assert lines.issuperset(removed), (each["function"], removed)
        assert len(each["reason"]) > 20
    assert len({(each["function"], each["change"]) for each in LISTED}) == len(LISTED)
