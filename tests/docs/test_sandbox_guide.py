"""The guide to the sandbox is true, and so are the README's tests: they pass as they stand, and its examples run."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
GUIDE = (ROOT / "docs" / "sandbox.md").read_text()
FENCED = re.compile(r"^```python\n(.*?)^```", re.MULTILINE | re.DOTALL)
BLOCKS = FENCED.findall(GUIDE)
OTHER_TESTS = [
    block
    for page in ("README.md", "docs/testing.md")
    for block in FENCED.findall((ROOT / page).read_text())
    if "def test_" in block or page != "README.md"
]


def test_every_test_of_the_guide_passes(tmp_path: Path) -> None:
    """Each block as a file of its own, in a folder that knows nothing of this project, with warnings as errors."""
    blocks = [*BLOCKS, *OTHER_TESTS]
    for number, block in enumerate(blocks):
        (tmp_path / f"test_block_{number}.py").write_text(block)
    # The plugin by name: finding all that are installed takes longer than these tests.
    command = [sys.executable, "-m", "pytest", "-q", "-W", "error", "-p", "no:cacheprovider", "-p", "pytest_inventpay"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{''.join(blocks).count('def test_')} passed" in done.stdout


def test_the_first_test_of_the_guide_has_ten_lines() -> None:
    """Underpaid, topped up and confirmed by a webhook, imports included: a newcomer reads it in a minute."""
    lines = [line for line in BLOCKS[0].splitlines() if line.strip()]
    assert len(lines) <= 10
    for word in ("underpay", "pay(", "payment.completed"):
        assert word in BLOCKS[0]


@pytest.mark.parametrize("picture", re.findall(r"!\[[^\]]*\]\(([^)]*)\)", GUIDE))
def test_the_pictures_of_the_guide_are_there(picture: str) -> None:
    """The pictures exist, and are small enough for a repository."""
    assert 1_000 < (ROOT / "docs" / picture).stat().st_size < 150_000
