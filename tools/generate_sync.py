"""Generate the blocking twin: `_async/*.py` -> `_sync/*.py`, for the package and for its tests.

    python tools/generate_sync.py            write every twin
    python tools/generate_sync.py --check    write nothing, list everything that is out of date, exit 1 if anything is

Each line of a source becomes the line of the same number in its twin. Keywords are removed from code by token;
comments, docstrings and other literals are converted as text. An f-string counts as one piece of text, although
Python 3.12 and later cut it into tokens, so the twin is the same whichever Python runs this.
"""

from __future__ import annotations

import argparse
import io
import re
import sys
import token
import tokenize
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import accumulate, zip_longest
from pathlib import Path

# The name of each thing in the blocking twin: in code, in import paths, in comments and in strings. Whole names only.
# A rule that no source needs is an error, so that the table never holds more than it must. There is none for
# AsyncGenerator, whose parameters are not those of Generator: annotate with AsyncIterator.
RULES: Mapping[str, str] = {
    "AsyncAccount": "Account",
    "AsyncBalanceCalls": "BalanceCalls",
    "AsyncBaseTransport": "BaseTransport",
    "AsyncClient": "Client",
    "AsyncConnection": "Connection",
    "AsyncFetch": "Fetch",
    "AsyncInventPay": "InventPay",
    "AsyncInvoiceCalls": "InvoiceCalls",
    "AsyncIterator": "Iterator",
    "AsyncItems": "Items",
    "AsyncKeyPoolCalls": "KeyPoolCalls",
    "AsyncOrderCalls": "OrderCalls",
    "AsyncPage": "Page",
    "AsyncPages": "Pages",
    "AsyncPaymentCalls": "PaymentCalls",
    "AsyncPaymentStatuses": "PaymentStatuses",
    "AsyncPayouts": "Payouts",
    "AsyncPolling": "Polling",
    "AsyncProductCalls": "ProductCalls",
    "AsyncInterrupter": "Interrupter",
    "AsyncSharedReads": "SharedReads",
    "AsyncSemaphore": "Semaphore",
    "AsyncSending": "Sending",
    "AsyncStoreCalls": "StoreCalls",
    "AsyncTransport": "Transport",
    "AsyncTurn": "Turn",
    "AsyncBackend": "Backend",
    "AsyncWatch": "Watch",
    "AsyncWebhookCalls": "WebhookCalls",
    "AsyncWithdrawalCalls": "WithdrawalCalls",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__aexit__": "__exit__",
    "__aiter__": "__iter__",
    "__anext__": "__next__",
    "tasks": "threads",
    "aclose": "close",
    "acquire_async": "acquire",
    "aread": "read",
    "asyncio.sleep": "time.sleep",
    "async_listing": "listing",
    "new_async_client": "new_client",
    "scripted_async_client": "scripted_client",
}

SOURCE_FOLDERS = ("inventpay/_async", "inventpay/payouts/_async", "tests/_async")
COMMAND = "python tools/generate_sync.py"

_LEFTOVER = re.compile(r"\w*(?:async|await|anyio)\w*", re.IGNORECASE)
_BLANKS = " \t\f"
# In a literal a word may also start right after an escape: the n of "\nasync def" is no part of a name.
_WORD_START = r"(?:\b|(?<=\\[nrt]))"
# Text is prose as well as examples. Only an `await` that is certainly code may go: a sentence would lose its verb.
_KEYWORD_IN_TEXT = re.compile(
    _WORD_START + r"(?:async +(?=(?:def|for|with)\b)"
    r"|await +(?=\w+(?:\.\w|[(\[]))"  # await client.payments.create, await pay(...), await tasks[0]
    r"|(?:(?<=\{)|(?<== )|(?<=\breturn ))await +(?=[\w(]))"  # f"{await answer}", answer = await task, return await task
)


class Unconvertible(Exception):
    """A source that can have no twin. `problems` says why, one "file:line: what is wrong and what to do" each."""

    def __init__(self, problems: Sequence[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = list(problems)


def twin_path(source_path: str) -> str:
    """Return the path of the twin, relative to the repository: `inventpay/_async/x.py` -> `inventpay/_sync/x.py`."""
    return source_path.replace("/_async", "/_sync", 1)


def source_mark(source_path: str) -> str:
    """Return the first line every source must have."""
    return f"# The source of {twin_path(source_path)}; after a change run: {COMMAND}"


def twin_mark(source_path: str) -> str:
    """Return the first line every twin has."""
    return f"# Generated from {source_path} by tools/generate_sync.py. Do not edit."


def convert(source: str, module_path: str, rules: Mapping[str, str] = RULES) -> str:
    """Return the text of the twin of `source`, a module at `module_path` (relative to the repository, with slashes).

    Raises `Unconvertible` for a source without its mark, one that is not valid Python, and one whose twin would not
    be or would still speak of the other world.
    """
    if "\r" in source or "\0" in source:
        raise Unconvertible([f"{module_path}: holds a carriage return or a null character; end lines with \\n alone"])
    if source.partition("\n")[0] != source_mark(module_path):
        raise Unconvertible([f"{module_path}:1: the first line must be exactly: {source_mark(module_path)}"])
    _must_compile(source, module_path, "this source is not valid Python")
    body = _names(rules).sub(lambda name: rules[name[0]], _without_keywords(source))
    twin = twin_mark(module_path) + "".join(body.partition("\n")[1:])
    leftovers = [
        f"{module_path}:{number}: {word!r} would be left over in the twin; write the line so that it is true of "
        "both, or add a rule to tools/generate_sync.py"
        for number, line in enumerate(twin.split("\n"), 1)
        if number > 1  # the mark, which names the source
        for word in _LEFTOVER.findall(line)
    ]
    if leftovers:
        raise Unconvertible(leftovers)
    _must_compile(twin, module_path, f"{twin_path(module_path)} would not be valid Python")
    return twin


def _must_compile(text: str, module_path: str, otherwise: str) -> None:
    try:
        compile(text, module_path, "exec", dont_inherit=True)
    except SyntaxError as error:
        raise Unconvertible([f"{module_path}:{error.lineno}: {otherwise}: {error.msg}"]) from error


def _names(rules: Mapping[str, str]) -> re.Pattern[str]:
    return re.compile(rf"{_WORD_START}(?:{'|'.join(map(re.escape, rules))})\b")


def _without_keywords(source: str) -> str:
    pieces: list[str] = []
    done = 0
    for kind, start, end in _spans(source):
        text = source[start:end]
        if kind in ("COMMENT", "STRING"):
            pieces += source[done:start], _KEYWORD_IN_TEXT.sub("", text)
            done = end
        elif kind == "NAME" and text in ("async", "await"):
            before, done = source[done:start], end
            while source[done] in _BLANKS:
                done += 1
            if source[done] in "#\\\n":  # The operand is on a later line: leave no trailing blank on this one.
                before, done = before.rstrip(_BLANKS), end
            pieces.append(before)
    return "".join(pieces) + source[done:]


def _spans(source: str) -> Iterator[tuple[str, int, int]]:
    """Kind, start and end of every token of `source`, an f-string being one STRING."""
    line_starts = [0, *accumulate(len(line) + 1 for line in source.split("\n"))]
    depth = opened = 0
    for piece in tokenize.generate_tokens(io.StringIO(source).readline):
        kind = token.tok_name[piece.type]
        start, end = (line_starts[row - 1] + column for row, column in (piece.start, piece.end))
        if kind.endswith("STRING_START"):
            opened = opened if depth else start
            depth += 1
        elif kind.endswith("STRING_END"):
            depth -= 1
            kind, start = "STRING", opened
        if depth == 0:
            yield kind, start, end


@dataclass
class Plan:
    """Generate the twins of a repository in memory. Paths are relative to its root, with slashes."""

    twins: dict[str, bytes] = field(default_factory=dict[str, bytes])
    strays: list[str] = field(default_factory=list[str])  # files beside the twins that no source accounts for
    problems: list[str] = field(default_factory=list[str])
    unused: list[str] = field(default_factory=list[str])  # rules; no reason to keep the twins from being written


def plan(root: Path, rules: Mapping[str, str] = RULES) -> Plan:
    """Read the sources below `root` and say what their twins must be; nothing is written."""
    result = Plan()
    sources: list[str] = []
    for folder in SOURCE_FOLDERS:
        own, present = _files(root, folder), _files(root, twin_path(folder))
        if present and not (root / folder).is_dir():
            result.problems.append(f"{twin_path(folder)}: has files, but there is no folder {folder} to make them from")
        else:
            result.strays += sorted({*present} - {*map(twin_path, own)})
        sources += own
    used: set[str] = set()
    for path in sources:
        try:
            source = (root / path).read_bytes().decode()
            used.update(_names(rules).findall(source))
            result.twins[twin_path(path)] = convert(source, path, rules).encode()
        except UnicodeDecodeError as error:
            result.problems.append(f"{path}: is not UTF-8 text: {error}")
        except Unconvertible as error:
            result.problems += error.problems
    if sources:
        result.unused += [f"{old!r} -> {new!r}" for old, new in rules.items() if old not in used]
    return result


def _files(root: Path, folder: str) -> list[str]:
    found = (path.relative_to(root) for path in (root / folder).rglob("*") if path.is_file())
    return sorted(path.as_posix() for path in found if "__pycache__" not in path.parts)


def check(root: Path, planned: Plan) -> list[str]:
    """Everything that keeps the twins below `root` from being exactly what was planned; nothing is written."""
    problems = [*planned.problems, *(f"{path}: no source accounts for this file" for path in planned.strays)]
    for path, content in planned.twins.items():
        twin = root / path
        if not twin.is_file():
            problems.append(f"{path}: is missing; run: {COMMAND}")
        elif (found := twin.read_bytes()) != content:
            lines = enumerate(zip_longest(found.split(b"\n"), content.split(b"\n")), 1)
            number = next(number for number, (is_now, must_be) in lines if is_now != must_be)
            problems.append(f"{path}:{number}: differs from what its source says; run: {COMMAND}")
    return problems


def write(root: Path, planned: Plan) -> list[str]:
    """Make the twins below `root` what was planned and delete generated ones that lost their source.

    Returns the problems; where there is one, nothing is written or deleted.
    """
    by_hand = [
        f"{path}: no source accounts for this file, and it does not start with the line of a generated one; move it"
        for path in planned.strays
        if (root / path).read_bytes().split(b"\n")[0] != twin_mark(path.replace("/_sync", "/_async", 1)).encode()
    ]
    problems = [*planned.problems, *by_hand]
    if not problems:
        for path, content in planned.twins.items():
            twin = root / path
            twin.parent.mkdir(parents=True, exist_ok=True)
            twin.write_bytes(content)
        for path in planned.strays:
            (root / path).unlink()
    return problems


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit status: 0, or 1 where there is a problem."""
    parser = argparse.ArgumentParser(description="Generate the blocking twin of the package and of its tests.")
    parser.add_argument("--check", action="store_true", help="write nothing; fail if a twin is not up to date")
    parser.add_argument("--root", type=Path, default=Path(__file__).parents[1], help="the repository (default: this)")
    options = parser.parse_args(arguments)
    if not options.root.is_dir():
        print(f"{options.root}: there is no such folder", file=sys.stderr)
        return 1
    planned = plan(options.root)
    problems = check(options.root, planned) if options.check else write(options.root, planned)
    outcome = "nothing was written" if problems or options.check else "the twins were written all the same"
    problems += [f"tools/generate_sync.py: no source needs the rule {rule}; remove it" for rule in planned.unused]
    if problems:
        count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
        print(*problems, f"{count}; {outcome}", sep="\n", file=sys.stderr)
        return 1
    done = "are up to date" if options.check else f"written, {len(planned.strays)} without a source deleted"
    print(f"{len(planned.twins)} twins {done}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
