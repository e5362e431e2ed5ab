"""The pages of ``docs/`` are true: their Python runs, block after block, as a reader would paste it."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from tests.support.documents import ROOT, blocks, reader, run

OWN_TESTS = {
    "payouts.md": "tests/payouts/test_guide.py",
    "sandbox.md": "tests/docs/test_sandbox_guide.py",
    "testing.md": "tests/docs/test_sandbox_guide.py",
    "webhooks.md": "tests/webhooks/test_docs.py",
}
"""Pages whose blocks need more than an account."""
OWN_COMMANDS = {"command-line.md", "sandbox.md", "webhooks.md", "redis.md"}
"""Pages whose commands their own tests cover, or which start servers that stay."""

PAGES = sorted((ROOT / "docs").glob("**/*.md"))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_blocks_run(page: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One after the other in one session, as in a notebook."""
    if page.name in OWN_TESTS:
        assert (ROOT / OWN_TESTS[page.name]).exists()
        return
    if page.name == "fastapi.md":
        pytest.importorskip("fastapi", reason="FastAPI is not installed: pip install fastapi")
    names: dict[str, Any] = {}
    with reader(monkeypatch):
        for number, source in enumerate(blocks(page), 1):
            run(source, f"{page.name}, block {number}", names)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_run_or_say_why_not(page: Path) -> None:
    """A page has no block of commands that is neither run by a test nor exempt with a reason."""
    if page.name not in OWN_COMMANDS:
        assert blocks(page, "bash") == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_somewhere(page: Path) -> None:
    """All links lead to existing files."""
    for link in re.findall(r"\]\((?!https?:|#)([^)#]+)", page.read_text()):
        assert (page.parent / link).exists(), link


def test_the_index_for_language_models_lists_every_page() -> None:
    """``llms.txt`` links every page, and no page that does not exist."""
    docs = ROOT / "docs"
    listed = set(re.findall(r"\]\(([^)#]+)\.html\)", (docs / "llms.txt").read_text(encoding="utf-8")))
    assert listed == {page.relative_to(docs).with_suffix("").as_posix() for page in PAGES}
