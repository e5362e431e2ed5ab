"""Export tables are written from stubs: each public name stands in one place."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools.generate_exports import BEGIN, END, UnusableStub, main, read_stub, renew

MODULE = f'"""A package."""\n\n{BEGIN}\n{END}\n\nlater = 1\n'


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A repository whose package has a stub and an empty table."""
    package = tmp_path / "inventpay"
    package.mkdir()
    (package / "__init__.pyi").write_text(
        '"""Names."""\n\nfrom .b import Two as Two\nfrom .a.c import ONE as ONE, one as one\n'
    )
    (package / "__init__.py").write_text(MODULE)
    return tmp_path


def test_the_table_lists_each_name_under_its_module(root: Path) -> None:
    """Names and modules are sorted; constants come first in `__all__`; what surrounds the table stays."""
    assert main([], root) == 0
    text = (root / "inventpay" / "__init__.py").read_text()
    assert text.startswith('"""A package."""\n')
    assert text.endswith("later = 1\n")
    namespace: dict[str, object] = {}
    exec(text, namespace)
    assert namespace["_EXPORTS"] == {"a.c": ["ONE", "one"], "b": ["Two"]}
    assert namespace["__all__"] == ["ONE", "Two", "one"]


def test_the_names_of_public_subpackages_are_listed_once(root: Path) -> None:
    """Names come from the stub or from ``__all__``; those of the package itself and of private folders are left out."""
    for folder, text in {"b": '__all__ = ["Three", "Two"]', "c": "x = 1", "_d": '__all__ = ["Four"]'}.items():
        (root / "inventpay" / folder).mkdir()
        (root / "inventpay" / folder / "__init__.py").write_text(text)
    assert main([], root) == 0
    namespace: dict[str, object] = {}
    exec((root / "inventpay" / "_core" / "subpackage_names.py").read_text(), namespace)
    assert namespace["SUBPACKAGE_NAMES"] == {"b": ["Three"]}


def test_a_stale_table_fails_the_check(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """`--check` writes nothing and names the file; after writing it passes."""
    assert main(["--check"], root) == 1
    assert "inventpay/__init__.py is out of date" in capsys.readouterr().err
    assert (root / "inventpay" / "__init__.py").read_text() == MODULE
    assert (main([], root), main(["--check"], root)) == (0, 0)


@pytest.mark.parametrize(
    ("stub", "problem"),
    [
        ("from .a import One", "s.pyi:1: write `One as One`, which exports it"),
        ("import os", "s.pyi:1: only `from .module import Name as Name` is allowed here"),
        ("from os import path as path", "s.pyi:1: only `from .module import Name as Name` is allowed here"),
        ("from . import a as a", "s.pyi:1: only `from .module import Name as Name` is allowed here"),
        ("from .a import One as One\nfrom .b import One as One", "s.pyi: exports One twice"),
    ],
)
def test_a_stub_holds_nothing_but_exports(stub: str, problem: str) -> None:
    """The refusal names the line and what to write."""
    with pytest.raises(UnusableStub) as caught:
        read_stub(stub, "s.pyi")
    assert str(caught.value) == problem


def test_a_package_without_marks_is_refused(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without the marks the tool cannot know what to replace."""
    (root / "inventpay" / "__init__.py").write_text("")
    assert main([], root) == 1
    assert "needs the two marks" in capsys.readouterr().err


def test_the_command_needs_only_python() -> None:
    """`python tools/generate_exports.py --check` passes here, without any package."""
    repository = Path(__file__).parents[2]
    command = [sys.executable, "-S", "tools/generate_exports.py", "--check"]
    ran = subprocess.run(command, cwd=repository, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert renew(repository / "inventpay")[0]
