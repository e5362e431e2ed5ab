"""The contracts of import-linter in pyproject.toml keep the folders of the package in layers, without cycles."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("importlinter")

REPOSITORY = Path(__file__).parents[2]


@pytest.fixture
def copy(tmp_path: Path) -> Path:
    """A copy of the package with its contracts, to plant imports in."""
    shutil.copytree(REPOSITORY / "inventpay", tmp_path / "inventpay", ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(REPOSITORY / "pyproject.toml", tmp_path)
    return tmp_path


def lint(folder: Path) -> tuple[int, str]:
    """Run import-linter as `nox -s lint` does."""
    command = [sys.executable, "-c", "from importlinter.cli import lint_imports_command as run; run()"]
    environment = {**os.environ, "PYTHONPATH": str(folder)}
    ran = subprocess.run(
        [*command, "--no-logo", "--no-cache"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    return ran.returncode, ran.stdout + ran.stderr


def test_the_package_keeps_its_layers(copy: Path) -> None:
    """The package as it is breaks no contract."""
    status, printed = lint(copy)
    assert status == 0, printed


@pytest.mark.parametrize(
    ("module", "planted", "contract"),
    [
        ("_core/decimals.py", "from .._limits import backoff", "Each layer imports only from the layers below it"),
        ("models/enums.py", "from .._api import amounts", "Each layer imports only from the layers below it"),
        ("_api/call.py", "from . import payments", "No cycle between modules or folders"),
        ("sandbox/errors.py", "from .sandbox import Sandbox", "No cycle between modules or folders"),
    ],
)
def test_a_planted_import_is_found(copy: Path, module: str, planted: str, contract: str) -> None:
    """An import of a higher layer, or one that closes a cycle, breaks the contract."""
    file = copy / "inventpay" / module
    file.write_text(file.read_text() + f"\n{planted}\n")
    status, printed = lint(copy)
    assert status == 1, printed
    assert f"{contract} BROKEN" in printed
