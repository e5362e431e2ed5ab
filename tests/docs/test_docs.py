"""The pages of ``docs/`` are true: their Python runs, block after block, as a reader would paste it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import ROOT, blocks, reader, run

OWN_TESTS = {"sandbox.md": "tests/docs/test_sandbox_guide.py", "webhooks.md": "tests/webhooks/test_docs.py"}
"""Pages whose blocks need more than an account."""

PAGES = sorted((ROOT / "docs").glob("*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other in one session, as in a notebook."""
    if page.name in OWN_TESTS:
        assert (ROOT / OWN_TESTS[page.name]).exists()
        return
    names: dict[str, Any] = {}
    with reader(monkeypatch):
        for number, source in enumerate(blocks(page), 1):
            run(source, f"{page.name}, block {number}", names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """To files that are there."""
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link
