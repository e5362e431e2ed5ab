"""Count the words and openings that make prose hard to read, and check the subjects of commits.

    python tools/check_language.py              count and compare with the limits; exit 1 above a limit
    python tools/check_language.py --folders    print the counts of every folder too
    python tools/check_language.py --list       print every place too, as path:line
    python tools/check_language.py --subject F  check only the subject of the commit message in the file F

Prose is: docstrings, comments, messages (strings that are raised, logged, warned of, printed or shown as help) and
Markdown pages. Code in prose (between backticks, after ``>>>``, in fenced blocks) does not count. The limits stand in
``pyproject.toml`` under ``[tool.language]``; the rules are in ``CONTRIBUTING.md``, "Plain English".
Names that Python files define (functions, classes, parameters, variables) may hold no marker word at all.
"""

from __future__ import annotations

import argparse
import ast
import io
import re
import subprocess
import sys
import tokenize
import tomllib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

MARKERS = (
    "whoever",
    "nobody",
    "somebody",
    "everybody",
    "mend",
    "mends",
    "mended",
    "mending",
    "told",
    "tells",
    "fared",
    "so many",
    "so much",
    "shall",
    "anew",
    "once more",
    "luck",
    "lucky",
    "hungry",
    "courier",
    "couriers",
)
OPENINGS = ("What", "Whoever", "Whatever", "Who", "How", "The same", "Whether")
SUBJECT_LENGTH = 72
"""Most characters of a commit's first line."""
LANDED = ("b4e1294",)
"""Commits that landed with a longer subject before lint ran over them. History is not rewritten."""

GENERATED = ("inventpay/_sync", "inventpay/payouts/_sync", "tests/_sync")
MESSAGE_CALLS = frozenset(
    {"debug", "info", "warning", "error", "exception", "critical", "warn", "print", "echo", "exit"}
)
MESSAGE_ARGUMENTS = frozenset({"help", "description", "epilog", "msg", "message", "title", "text"})
DIRECTIVE = re.compile(r"#\s*(type:|noqa|pragma|pyright:|mypy:|ruff:|fmt:|!|-\*-)")
CODE = re.compile(r"``[^`]*``|`[^`\n]*`|https?://\S+|<[^>\n]+>|\{[^}\n]*\}")
LINK_TARGET = re.compile(r"\]\([^)]*\)")
WORD = re.compile(r"[A-Za-z][A-Za-z’'-]*")
MARKER = re.compile("|".join(rf"\b{marker}\b".replace(" ", r"\s+") for marker in MARKERS), re.IGNORECASE)
OPENING = re.compile(rf"(?:{'|'.join(OPENINGS)})\b")

NAME_WORD = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")
"""The words of a name in snake case or camel case."""

Kind = Literal["docstring", "comment", "message", "page"]


@dataclass(frozen=True)
class Prose:
    """A piece of prose: its text without code, and its place."""

    path: str
    line: int
    kind: Kind
    text: str
    boolean: bool = False
    """The name that the docstring describes is a boolean, so that "Whether" may open it."""

    def words(self) -> int:
        """Return the number of words."""
        return len(WORD.findall(self.text))

    def markers(self) -> list[str]:
        """Return the marker words in the text, in order."""
        return [" ".join(found.lower().split()) for found in MARKER.findall(self.text)]

    def opening(self) -> str | None:
        """Return the opening that the rules refuse, or None. Only docstrings and comments have openings."""
        if self.kind not in ("docstring", "comment"):
            return None
        found = OPENING.match(self.text.lstrip())
        if found is None or (self.boolean and found.group() == "Whether"):
            return None
        return found.group()


@dataclass
class Count:
    """The sums of one folder, or of everything."""

    words: int = 0
    markers: list[tuple[Prose, str]] = field(default_factory=list[tuple[Prose, str]])
    opened: int = 0
    openings: list[tuple[Prose, str]] = field(default_factory=list[tuple[Prose, str]])

    def add(self, prose: Prose) -> None:
        """Add one piece of prose to the sums."""
        self.words += prose.words()
        self.markers.extend((prose, marker) for marker in prose.markers())
        if prose.kind in ("docstring", "comment"):
            self.opened += 1
            if (opening := prose.opening()) is not None:
                self.openings.append((prose, opening))

    @property
    def markers_per_thousand(self) -> float:
        """Marker words in 1,000 words of prose."""
        return 1000 * len(self.markers) / max(self.words, 1)

    @property
    def openings_percent(self) -> float:
        """Refused openings in 100 docstrings and comments."""
        return 100 * len(self.openings) / max(self.opened, 1)


@dataclass(frozen=True)
class Limits:
    """The most that ``[tool.language]`` of pyproject.toml allows."""

    markers_per_thousand: float
    openings_percent: float


def without_code(text: str) -> str:
    """Return the text without code spans, addresses, placeholders, doctest lines and the indented output after them."""
    kept: list[str] = []
    example = False
    for line in text.splitlines():
        if line.lstrip().startswith((">>>", "...")):
            example = True
        elif not line.strip():
            example = False
        if not example:
            kept.append(line)
    return CODE.sub(" ", "\n".join(kept))


def python_prose(source: str, path: str, messages: bool = True) -> Iterator[Prose]:
    """Yield the docstrings, comments and messages of a Python file."""
    tree = ast.parse(source)
    yield from _docstrings(tree, path)
    if messages:
        yield from _messages(tree, path)
    yield from _comments(source, path)


def page_prose(text: str, path: str) -> Iterator[Prose]:
    """Yield the paragraphs of a Markdown page, without fenced code."""
    line = 1
    for number, part in enumerate(re.split(r"^[ ]*```.*$", text, flags=re.MULTILINE)):
        if number % 2 == 0:
            start = line
            for paragraph in re.split(r"\n[ ]*\n", part):
                if paragraph.strip():
                    yield Prose(path, start, "page", CODE.sub(" ", LINK_TARGET.sub("]", paragraph)))
                start += paragraph.count("\n") + 2
        line += part.count("\n")


def _docstrings(tree: ast.Module, path: str) -> Iterator[Prose]:
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if not isinstance(body, list):
            continue
        statements = [found for found in body if isinstance(found, ast.stmt)]  # pyright: ignore[reportUnknownVariableType]
        for before, found in zip([None, *statements], statements, strict=False):
            if not (isinstance(found, ast.Expr) and isinstance(found.value, ast.Constant)):
                continue
            if isinstance(found.value.value, str):
                owner = node if before is None else before
                text = without_code(found.value.value)
                yield Prose(path, found.lineno, "docstring", text, _is_boolean(owner))


def _is_boolean(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        annotation = node.returns
    elif isinstance(node, ast.AnnAssign):
        annotation = node.annotation
    else:
        return False
    return (
        annotation is not None
        and re.match(r"((Final|ClassVar)\[)?bool\b", ast.unparse(annotation).strip("'\"")) is not None
    )


def _comments(source: str, path: str) -> Iterator[Prose]:
    """Yield comments; lines that follow each other at one column are one comment."""
    lines: list[str] = []
    place = (0, 0)
    last = 0
    for token in tokenize.generate_tokens(io.StringIO(source).readline):
        if token.type != tokenize.COMMENT or DIRECTIVE.match(token.string):
            continue
        row, column = token.start
        alone = not token.line[:column].strip()
        if lines and not (alone and row == last + 1 and column == place[1]):
            yield Prose(path, place[0], "comment", without_code("\n".join(lines)))
            lines = []
        if not lines:
            place = (row, column)
        lines.append(token.string.lstrip("#: "))
        last = row
    if lines:
        yield Prose(path, place[0], "comment", without_code("\n".join(lines)))


def _messages(tree: ast.Module, path: str) -> Iterator[Prose]:
    seen: set[int] = set()
    for node in ast.walk(tree):
        for part in _message_parts(node):
            for found in ast.walk(part):
                if isinstance(found, ast.Constant) and isinstance(found.value, str) and id(found) not in seen:
                    seen.add(id(found))
                    if " " in found.value.strip():
                        yield Prose(path, found.lineno, "message", without_code(found.value))


def _message_parts(node: ast.AST) -> list[ast.AST]:
    if isinstance(node, ast.Raise) and node.exc is not None:
        return [node.exc]
    if isinstance(node, ast.Call):
        name = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
        parts: list[ast.AST] = [keyword.value for keyword in node.keywords if keyword.arg in MESSAGE_ARGUMENTS]
        if name in MESSAGE_CALLS or str(name).endswith(("Error", "Warning")):
            parts.extend(node.args)
        return parts
    return []


def refused_names(source: str, path: str) -> Iterator[str]:
    """Yield the names with a marker word that a Python file defines, each as ``path:line: name``."""
    for node in ast.walk(ast.parse(source)):
        match node:
            case (
                ast.FunctionDef(name=name)
                | ast.AsyncFunctionDef(name=name)
                | ast.ClassDef(name=name)
                | ast.arg(arg=name)
                | ast.Name(id=name, ctx=ast.Store())
                | ast.Attribute(attr=name, ctx=ast.Store())
            ):
                if not {word.lower() for word in NAME_WORD.findall(name)}.isdisjoint(MARKERS):
                    yield f"{path}:{node.lineno}: {name}"
            case _:
                pass


def project_names(root: Path) -> Iterator[str]:
    """Yield the refused names of the project's own Python files."""
    for path in sorted(_files(root)):
        if path.suffix != ".md":
            yield from refused_names(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())


def folder_of(path: str) -> str:
    """Return the folder that a path is counted under: two levels deep inside the package and the tests."""
    parts = Path(path).parts
    if len(parts) == 1:
        return "(root)"
    depth = 2 if parts[0] in ("inventpay", "tests") and len(parts) > 2 else 1
    return "/".join(parts[:depth])


def project_prose(root: Path) -> Iterator[Prose]:
    """Yield all prose of the project's own files: generated twins, environments and hidden folders are left out."""
    for path in sorted(_files(root)):
        name = path.relative_to(root).as_posix()
        text = path.read_text(encoding="utf-8")
        if path.suffix == ".md":
            yield from page_prose(text, name)
        else:
            yield from python_prose(text, name, messages=not name.startswith("tests/"))


def _files(root: Path) -> Iterator[Path]:
    hidden = [".github"]
    for folder in [root, *(child for child in root.iterdir() if child.is_dir())]:
        if folder != root and folder.name.startswith((".", "site", "dist", "build")) and folder.name not in hidden:
            continue
        for path in folder.glob("*" if folder == root else "**/*"):
            name = path.relative_to(root).as_posix()
            if path.suffix in (".py", ".pyi", ".md") and path.is_file() and not name.startswith(GENERATED):
                yield path


def read_limits(root: Path) -> Limits:
    """Return the limits that pyproject.toml sets."""
    table = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["language"]
    return Limits(float(table["markers-per-thousand"]), float(table["openings-percent"]))


def long_subjects(root: Path) -> list[str]:
    """Return the commit subjects over 72 characters since the commit that added this file.

    Raises RuntimeError where git cannot list them: outside a clone, or where this file is not committed yet.
    """
    own = "tools/check_language.py"
    added = _git(root, "log", "--diff-filter=A", "--format=%H", "--", own).split()
    if not added:
        raise RuntimeError(f"{own} is not committed yet")
    lines = _git(root, "log", "--no-merges", "--format=%h %s", f"{added[-1]}..HEAD").splitlines()
    return [line for line in lines if len(line.partition(" ")[2]) > SUBJECT_LENGTH and not line.startswith(LANDED)]


def check_subject(message: Path) -> int:
    """Return 1, and print why, if the first line of a commit message is too long; else 0."""
    subject = message.read_text(encoding="utf-8").partition("\n")[0]
    if len(subject) <= SUBJECT_LENGTH:
        return 0
    print(
        f"The subject has {len(subject)} characters, at most {SUBJECT_LENGTH} are allowed: {subject}", file=sys.stderr
    )
    return 1


def _git(root: Path, *arguments: str) -> str:
    try:
        done = subprocess.run(["git", "-C", str(root), *arguments], capture_output=True, text=True, check=True)
    except (OSError, subprocess.CalledProcessError) as error:
        raise RuntimeError(f"git cannot be asked: {error}") from error
    return done.stdout


def row(name: str, count: Count) -> str:
    """Return one line of the report."""
    return (
        f"{name:34} {count.words:7} words {len(count.markers):4} markers {count.markers_per_thousand:5.1f} in 1,000"
        f" {len(count.openings):4} openings {count.openings_percent:5.1f} %"
    )


def report(pieces: Iterable[Prose], limits: Limits, folders: bool = False, places: bool = False) -> list[str]:
    """Print the counts, and return what is wrong, one line each."""
    everything, by_folder = Count(), dict[str, Count]()
    for prose in pieces:
        everything.add(prose)
        by_folder.setdefault(folder_of(prose.path), Count()).add(prose)
    if places:
        found_places = [*everything.markers, *everything.openings]
        for prose, found in sorted(found_places, key=lambda one: (one[0].path, one[0].line)):
            print(f"{prose.path}:{prose.line}: {prose.kind}: {found!r}")
    if folders:
        for name, count in sorted(by_folder.items()):
            print(row(name, count))
    print(row("all", everything))
    wrong: list[str] = []
    if everything.markers_per_thousand > limits.markers_per_thousand:
        wrong.append(f"more than {limits.markers_per_thousand} marker words in 1,000 words of prose: see --list")
    if everything.openings_percent > limits.openings_percent:
        wrong.append(
            f"more than {limits.openings_percent} % of docstrings and comments have a refused opening: see --list"
        )
    return wrong


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Run the command line; return the exit code."""
    parser = argparse.ArgumentParser(description="Check the language of the project.")
    parser.add_argument("--folders", action="store_true", help="print the counts of every folder")
    parser.add_argument("--list", action="store_true", help="print the place of every marker word and refused opening")
    parser.add_argument("--subject", type=Path, metavar="FILE", help="check only the subject of this commit message")
    options = parser.parse_args(arguments)
    if options.subject is not None:
        return check_subject(options.subject)
    root = root or Path(__file__).resolve().parents[1]
    wrong = report(project_prose(root), read_limits(root), options.folders, options.list)
    wrong += [f"a name with a marker word: {name}" for name in project_names(root)]
    try:
        wrong += [f"commit subject over {SUBJECT_LENGTH} characters: {line}" for line in long_subjects(root)]
    except RuntimeError as error:
        print(f"Commit subjects are not checked: {error}")
    for line in wrong:
        print(line, file=sys.stderr)
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
