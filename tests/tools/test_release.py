"""A release needs one version: in the package, in the changelog and in the tag."""

from __future__ import annotations

from pathlib import Path

import pytest

from tools import release


def clone(folder: Path, version: str = "2.0.0", heading: str = "[2.0.0] - 2026-12-01") -> Path:
    """Write the two files that name a version."""
    (folder / "inventpay").mkdir()
    (folder / "inventpay" / "version.py").write_text(f'VERSION: Final = "{version}"\n')
    (folder / "CHANGELOG.md").write_text(f"# Changelog\n\n## {heading}\n\n## [1.2.1] - 2025-01-01\n")
    return folder


def test_what_agrees_passes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """A dated entry of the version passes with its tag, and without one."""
    root = clone(tmp_path)
    assert release.main(["--check"], root) == 0
    assert release.main(["--check", "--tag", "v2.0.0"], root) == 0
    assert "2.0.0, 2026-12-01" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("version", "heading", "tag", "reason"),
    [
        ("2.0.1", "[2.0.0] - 2026-12-01", None, "the topmost entry of CHANGELOG.md is 2.0.0"),
        ("2.0.0", "[Unreleased]", None, "the topmost entry of CHANGELOG.md is Unreleased"),
        ("2.0.0", "[2.0.0] - 2026-12-01", "2.0.0", "the tag must be v2.0.0"),
        ("2.0.0", "[2.0.0] - 2026-12-01", "v2.0.1", "the tag must be v2.0.0"),
        ("2.0.0", "[2.0.0] - unreleased", "v2.0.0", "has no date"),
        ("2.0.0.dev0", "[2.0.0.dev0] - 2026-12-01", "v2.0.0.dev0", "no version to release"),
        ("2.0.0", "2.0.0", None, "the topmost entry of CHANGELOG.md is 1.2.1"),
    ],
)
def test_what_disagrees_is_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], version: str, heading: str, tag: str | None, reason: str
) -> None:
    """Any two that differ fail, and the message names both."""
    root = clone(tmp_path, version, heading)
    assert release.main(["--check", *(["--tag", tag] if tag else [])], root) == 1
    assert reason in capsys.readouterr().err


def test_an_unreleased_entry_passes_without_a_tag(tmp_path: Path) -> None:
    """Until the release the entry of the version may have no date."""
    assert release.main(["--check"], clone(tmp_path, heading="[2.0.0] - unreleased")) == 0


def test_the_steps_show_what_is_done(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Without arguments each step is listed, with a mark on those that are done."""
    root = clone(tmp_path, heading="[2.0.0] - unreleased")
    assert release.main([], root) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0].startswith("1. [x] Set the version")
    assert printed[1].startswith("2. [ ] Write the entry 2.0.0")
    assert "git tag -s v2.0.0" in "".join(printed)


def test_a_missing_version_is_an_error(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Files without a version or an entry are named."""
    root = clone(tmp_path)
    (root / "CHANGELOG.md").write_text("")
    assert release.main([], root) == 1
    assert "CHANGELOG.md has no entry" in capsys.readouterr().err
    (root / "inventpay" / "version.py").write_text("")
    assert release.main([], root) == 1
    assert "version.py has no line" in capsys.readouterr().err
