"""The README is true: its Python runs as it stands, and its commands are those that CI runs."""

from __future__ import annotations

import re

import pytest

from tests.support.documents import ROOT, blocks, reader, run

README = (ROOT / "README.md").read_text()
BLOCKS = blocks(ROOT / "README.md")


@pytest.mark.parametrize("source", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_runs(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every block runs by itself."""
    with reader(monkeypatch):
        run(source, "README.md", {})


def test_ci_runs_the_commands_of_the_readme() -> None:
    """The commands of the README are those of CI."""
    script = (ROOT / ".ci" / "run").read_text()
    demo, tests = re.findall(r"^```bash\n(python3 -m venv .*)\n```", README, re.MULTILINE)
    assert tests.endswith("&& .venv/bin/nox")
    assert tests.replace("pip install nox", "pip install --quiet nox") in script
    assert demo.endswith('.venv/bin/pip install ".[sandbox]" && .venv/bin/python -m inventpay demo')
    for step in ('bin/pip" install --quiet ".[sandbox]"', 'bin/python" -m inventpay demo'):
        assert step in script


def test_the_readme_warns_of_the_name() -> None:
    """Installing by name gets the vendor's SDK, and the README says so."""
    assert "belongs to the vendor's own SDK" in README
    assert "pip install inventpay" not in README
