"""The language check counts what the rules name, and fails above a limit."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from tools import check_language as checker
from tools.check_language import Count, page_prose, python_prose

LIMITS = "[tool.language]\nmarkers-per-thousand = 1.0\nopenings-percent = 2\n"


def count(source: str) -> Count:
    """Return the sums of one Python source."""
    found = Count()
    for prose in python_prose(source, "x.py"):
        found.add(prose)
    return found


def git(folder: Path, *arguments: str) -> None:
    """Run git in a folder as a fixed author."""
    author = ("-c", "user.name=a", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *author, "-C", str(folder), *arguments], check=True, capture_output=True)


@pytest.mark.parametrize("marker", checker.MARKERS)
def test_every_marker_counts_in_every_kind_of_prose(marker: str) -> None:
    """A marker word is found in docstrings, comments, messages and pages, in either case, also over a line break."""
    split = marker.replace(" ", "\n# ").capitalize()
    sources = [f'"""A {marker} here."""\n', f"# A {split} here\n", f'raise ValueError("a {marker} here")\n']
    sources += [f'x = 1\n"""A {marker} here."""\n', f'log.warning(f"a {marker} {{x}}")\n', f'f(help="a {marker}")\n']
    for source in sources:
        assert [found for _, found in count(source).markers] == [marker], source
    assert [found for prose in page_prose(f"A {marker} here.", "x.md") for found in prose.markers()] == [marker]


@pytest.mark.parametrize(
    "source",
    [
        '"""Return ``nobody``, `told`, and https://example.org/luck."""\n',
        '"""Return it.\n\n>>> told("nobody")\n\'luck\'\n"""\n',
        '"""Recommend a luckless storyteller."""\n',
        'x = "nobody told"\n',
        "x = 1  # noqa: nobody\n",
    ],
)
def test_code_and_other_words_do_not_count(source: str) -> None:
    """Code spans, addresses, doctests, data, directives and longer words are no marker words."""
    assert count(source).markers == []


def test_fenced_blocks_of_a_page_do_not_count() -> None:
    """The code of a page is left out, and the lines after it keep their numbers."""
    page = "First.\n\n```python\nnobody = told\n```\n\nLast told.\n"
    found = [(prose.line, marker) for prose in page_prose(page, "x.md") for marker in prose.markers()]
    assert found == [(7, "told")]


@pytest.mark.parametrize("opening", checker.OPENINGS)
def test_openings_count_in_docstrings_and_comments(opening: str) -> None:
    """A docstring or comment that opens with one of the words counts; the second line of a comment does not."""
    assert len(count(f'"""{opening} it is."""\n').openings) == 1
    assert len(count(f"x = 1\n# {opening} it is\n").openings) == 1
    assert count(f"# It is\n# {opening} it is\n").openings == []
    assert count(f'raise ValueError("{opening} it is")\n').openings == []


def test_whether_may_open_the_docstring_of_a_boolean() -> None:
    """A function or attribute of type bool may be described by a sentence that opens with Whether."""
    for source in (
        'def f() -> bool:\n    """Whether."""\n',
        'x: bool\n"""Whether."""\n',
        'x: bool = True\n"""Whether."""\n',
    ):
        assert count(source).openings == []
    for source in ('def f() -> int:\n    """Whether."""\n', 'x: int\n"""Whether."""\n', 'x = 1\n"""Whether."""\n'):
        assert len(count(source).openings) == 1


@pytest.mark.parametrize(
    "source",
    [
        "def test_it_is_told() -> None: ...",
        "async def nobody_waits() -> None: ...",
        "class LuckyGuess: ...",
        "def f(told: int) -> None: ...",
        "x, told = 1, 2",
        "self.told_again = 1",
        "_MOST_TOLD: Final = 1",
        "for told in (): ...",
    ],
)
def test_names_with_a_marker_word_are_refused(source: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each way to define a name is checked; the exit code is 1, and the place is printed."""
    (tmp_path / "pyproject.toml").write_text(LIMITS)
    (tmp_path / "x.py").write_text(source + "\n")
    assert checker.main([], tmp_path) == 1
    assert "a name with a marker word: x.py:1: " in capsys.readouterr().err


def test_other_names_are_accepted() -> None:
    """A name is refused for a whole word only, and where it is defined, not where it is used."""
    source = "def untold(amends: int, untold_x: int) -> None:\n    told.append(nobody)\n"
    assert list(checker.refused_names(source, "x.py")) == []


def test_a_project_above_a_limit_fails(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The exit code is 1 above either limit, and 0 at the limit; generated folders are left out."""
    (tmp_path / "pyproject.toml").write_text(LIMITS)
    twin = tmp_path / "inventpay" / "_sync"
    twin.mkdir(parents=True)
    (twin / "x.py").write_text('"""What nobody told."""\n')
    page = tmp_path / "README.md"
    page.write_text("word " * 999 + "told")
    assert checker.main([], tmp_path) == 0
    page.write_text("word " * 998 + "told")
    assert checker.main(["--list", "--folders"], tmp_path) == 1
    printed = capsys.readouterr()
    assert "README.md:1: page: 'told'" in printed.out
    assert "more than 1.0 marker words" in printed.err
    page.write_text("")
    code = tmp_path / "x.py"
    code.write_text("# What\n\n" + "\n".join(f"x = {number}  # it is {number}" for number in range(48)))
    assert checker.main([], tmp_path) == 1
    code.write_text(code.read_text() + "\nx = 49  # it is 49\n")
    assert checker.main([], tmp_path) == 0


def test_commit_subjects_count_from_the_commit_that_added_the_check(tmp_path: Path) -> None:
    """A subject of 73 characters fails after that commit, and passes before it and in it."""
    with pytest.raises(RuntimeError):
        checker.long_subjects(tmp_path)
    git(tmp_path, "init", "-q")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "b" * 80)
    with pytest.raises(RuntimeError, match="not committed"):
        checker.long_subjects(tmp_path)
    (tmp_path / "tools").mkdir()
    (tmp_path / "tools" / "check_language.py").write_text("")
    git(tmp_path, "add", "-A")
    git(tmp_path, "commit", "-q", "-m", "Add the check")
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "c" * 72)
    assert checker.long_subjects(tmp_path) == []
    git(tmp_path, "commit", "-q", "--allow-empty", "-m", "d" * 73)
    assert [line.partition(" ")[2] for line in checker.long_subjects(tmp_path)] == ["d" * 73]


def test_the_subject_of_a_commit_message_is_checked(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The hook for commit messages accepts a first line of 72 characters and refuses one of 73."""
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("a" * 72 + "\n\n" + "b" * 200)
    assert checker.main(["--subject", str(message)]) == 0
    message.write_text("a" * 73 + "\n")
    assert checker.main(["--subject", str(message)]) == 1
    assert "73 characters" in capsys.readouterr().err
