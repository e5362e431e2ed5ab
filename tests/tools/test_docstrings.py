"""Every test says in a docstring what must hold; ruff checks the docstrings of the package."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def find_tests(source: str) -> Iterator[ast.FunctionDef | ast.AsyncFunctionDef]:
    """Yield the test functions of a file, those in classes and in functions too."""
    blocks: list[ast.AST] = [ast.parse(source)]
    while blocks:
        # Expressions hold no function, and are most of a file.
        inner = [node for node in ast.iter_child_nodes(blocks.pop()) if not isinstance(node, ast.expr)]
        blocks += inner
        for node in inner:
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
                yield node


def test_every_test_has_a_docstring() -> None:
    """A test without a docstring is reported by file, line and name."""
    paths = sorted((ROOT / "tests").rglob("*.py"))
    assert len(paths) > 100
    bare = [
        f"{path.relative_to(ROOT)}:{test.lineno}: {test.name}"
        for path in paths
        for test in find_tests(path.read_text(encoding="utf-8"))
        if not ast.get_docstring(test)
    ]
    assert bare == []


def test_a_missing_docstring_is_found() -> None:
    """Functions without a docstring are found in modules and in classes."""
    source = "def test_a() -> None:\n    pass\n\n\nclass B:\n    async def test_b(self) -> None:\n        pass\n"
    assert [test.name for test in find_tests(source) if not ast.get_docstring(test)] == ["test_a", "test_b"]
