"""The generator of the blocking twins converts code, comments and docstrings."""

from __future__ import annotations

import ast
import re
import runpy
import subprocess
import sys
import token
import tokenize
from collections.abc import Callable, Iterator
from itertools import pairwise
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tools import generate_sync

REPOSITORY = Path(__file__).parents[2]
TOOL = REPOSITORY / "tools" / "generate_sync.py"

# A table of their own keeps the tests of `convert` true while the real one follows the sources.
RULES = {
    "_async": "_sync",
    "AsyncInventPay": "InventPay",
    "AsyncIterator": "Iterator",
    "StopAsyncIteration": "StopIteration",
    "__aenter__": "__enter__",
    "__anext__": "__next__",
    "aclose": "close",
    "anext": "next",
}

SOURCE = "inventpay/_async/payments.py"
TWIN = "inventpay/_sync/payments.py"
TEST_SOURCE = "tests/_async/store/test_orders.py"
TEST_TWIN = "tests/_sync/store/test_orders.py"

SOURCE_MARK = "# The source of inventpay/_sync/payments.py; after a change run: python tools/generate_sync.py\n"
TWIN_MARK = "# Generated from inventpay/_async/payments.py by tools/generate_sync.py. Do not edit.\n"

Run = Callable[..., tuple[int, list[str]]]


def converted(body: str) -> str:
    """Return what the tool makes of `body`, a module without its first line."""
    twin = generate_sync.convert(SOURCE_MARK + body, SOURCE, RULES)
    assert twin.startswith(TWIN_MARK)
    return twin.removeprefix(TWIN_MARK)


def refusal(source: str) -> list[str]:
    """Why the tool refuses `source`, a whole module."""
    with pytest.raises(generate_sync.Unconvertible) as caught:
        generate_sync.convert(source, SOURCE, RULES)
    assert str(caught.value) == "\n".join(caught.value.problems)
    return caught.value.problems


def snapshot(root: Path) -> dict[str, bytes]:
    """Every file below `root` with its bytes."""
    return {path.relative_to(root).as_posix(): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def put(root: Path, path: str, text: str) -> None:
    """Write one file below `root`, with its folders."""
    (root / path).parent.mkdir(parents=True, exist_ok=True)
    (root / path).write_bytes(text.encode())


def edit(root: Path, path: str, change: Callable[[bytes], bytes]) -> None:
    """Change one file below `root`."""
    (root / path).write_bytes(change((root / path).read_bytes()))


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    """The tool's command line, run in this process: its exit status and the lines that it printed."""

    def run(root: Path, *options: str) -> tuple[int, list[str]]:
        status = generate_sync.main([*options, "--root", str(root)])
        printed = capsys.readouterr()
        assert (printed.err if status == 0 else printed.out) == ""
        return status, (printed.out + printed.err).splitlines()

    return run


@pytest.fixture
def repository(tmp_path: Path, run: Run) -> Path:
    """A repository with two sources, which together need every rule of the real table, and their twins."""
    first, *others = generate_sync.RULES
    put(tmp_path, SOURCE, f"{SOURCE_MARK}# {first}\nasync def pay(client):\n    return await client.pay()\n")
    put(tmp_path, TEST_SOURCE, f'{generate_sync.source_mark(TEST_SOURCE)}\n"""é {" ".join(others)}"""\n')
    assert run(tmp_path) == (0, ["2 twins written, 0 without a source deleted"])
    return tmp_path


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        ("async def f():\n    pass\n", "def f():\n    pass\n"),
        ("async  def f():\n    pass\n", "def f():\n    pass\n"),
        ("class A:\n    async def __aenter__(self): ...\n", "class A:\n    def __enter__(self): ...\n"),
        ("async def f(x): return await x\n", "def f(x): return x\n"),
        ("async def f(x):\n\tawait x()\n", "def f(x):\n\tx()\n"),
        ("async def f(x): return (await x).y\n", "def f(x): return (x).y\n"),
        ("async def f(x): return await(x)\n", "def f(x): return (x)\n"),
        ("async def f(x): return [await x, await x]\n", "def f(x): return [x, x]\n"),
        ("async def f(x): await x.aclose()  # aclose\n", "def f(x): x.close()  # close\n"),
        (
            "async def f(x):\n    async with x as y, x:\n        pass\n",
            "def f(x):\n    with x as y, x:\n        pass\n",
        ),
        ("async def f(x):\n    async for y in x:\n        pass\n", "def f(x):\n    for y in x:\n        pass\n"),
        ("async def f(x): return [y async for y in x]\n", "def f(x): return [y for y in x]\n"),
        ("async def f(x): return {(y)async for y in x}\n", "def f(x): return {(y)for y in x}\n"),
        ("async def f(x): return await anext(x), anexts\n", "def f(x): return next(x), anexts\n"),
        ("async def f(é): return 'é€😀', await é, 'é', await é\n", "def f(é): return 'é€😀', é, 'é', é\n"),
        ("from inventpay._async import x\n", "from inventpay._sync import x\n"),
        ("from .._async.payments import x\n", "from .._sync.payments import x\n"),
        ("import inventpay._async.payments as p\n", "import inventpay._sync.payments as p\n"),
        ("x = 1", "x = 1"),
        ("", ""),
    ],
)
def test_code(source: str, twin: str) -> None:
    """Keywords go, names are those of the table, and nothing else changes."""
    assert converted(source) == twin


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        ("x = (\n        await\n        y)", "x = (\n\n        y)"),
        ("x = (z, await\n        y)", "x = (z,\n        y)"),
        ("x = (z, await  # later\n        y)", "x = (z,  # later\n        y)"),
        ("x = await \\\n        y", "x = \\\n        y"),
        ("x = await (\n        y\n    )", "x = (\n        y\n    )"),
        ("x = await y(\n        await z,\n    )", "x = y(\n        z,\n    )"),
        ("x = [z\n        async\n        for z in y]", "x = [z\n\n        for z in y]"),
    ],
)
def test_keyword_and_operand_on_different_lines(source: str, twin: str) -> None:
    """A keyword whose operand is on a later line leaves line numbers alone and no blank at the end of its line."""
    assert converted(f"async def f(y):\n    {source}\n") == f"def f(y):\n    {twin}\n"


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        ("async with AsyncInventPay() as client:", "with InventPay() as client:"),
        ("async for status in client.watch():", "for status in client.watch():"),
        ("async def main():", "def main():"),
        ("Call `await client.payments.create`, then", "Call `client.payments.create`, then"),
        ("    await pay(1)", "    pay(1)"),
        ("    await tasks[0]", "    tasks[0]"),
        ("    answer = await task", "    answer = task"),
        ("    return await task", "    return task"),
        ("inventpay/_async/payments.py", "inventpay/_sync/payments.py"),
        ("raises StopAsyncIteration (see __anext__)", "raises StopIteration (see __next__)"),
        ("anexts xanext anext_ xaclose", "anexts xanext anext_ xaclose"),
    ],
)
@pytest.mark.parametrize(
    "quoted",
    [
        "# {}",
        "'''{}'''",
        '"{}"',
        "r'{}'",
        "b'{}'",
        "f'{}'",
        "rf'''{}'''",
        "f'{{{{x}}}} {}'",
        "'a' f'{{1:>{{2}}}}' '{}'",
    ],
)
def test_text(quoted: str, source: str, twin: str) -> None:
    """Comments, docstrings and literals of every kind are converted by the rules of the code."""
    assert converted(f"x = 1\n{quoted.format(source)}\n") == f"x = 1\n{quoted.format(twin)}\n"


@pytest.mark.parametrize(
    ("source", "twin"),
    [
        (r"x = '\nasync def f(): pass\tAsyncInventPay\ranext'", r"x = '\ndef f(): pass\tInventPay\rnext'"),
        (r"x = '\nawait client.pay()'", r"x = '\nclient.pay()'"),
        ("'''\nasync with x as c:\n    await c.pay()\nanext'''", "'''\nwith x as c:\n    c.pay()\nnext'''"),
    ],
)
def test_code_kept_in_a_literal(source: str, twin: str) -> None:
    """Source code in a literal is converted line by line, whichever way its line breaks are written."""
    assert converted(f"{source}\n") == f"{twin}\n"


def test_docstring_example() -> None:
    """The example in a docstring becomes one that a user of the blocking client can run."""
    source = '''
class AsyncInventPay:
    """Client of the API.

    Example::

        async with AsyncInventPay() as client:
            payment = await client.payments.create(
                amount="29.99",
            )
            async for status in client.payments.watch(payment.payment_id):
                print(status, await client.balances.get("BTC"))
    """
'''
    twin = '''
class InventPay:
    """Client of the API.

    Example::

        with InventPay() as client:
            payment = client.payments.create(
                amount="29.99",
            )
            for status in client.payments.watch(payment.payment_id):
                print(status, client.balances.get("BTC"))
    """
'''
    assert converted(source) == twin


def test_f_strings() -> None:
    """The content of an f-string, nested ones included, is converted; so is the code behind it."""
    source = """\
async def f(c): return f'é{await c.get(f"{await c}"):>{await c}} await c.x {{}}' "AsyncInventPay", await c
async def f(c): return f'''
{await c!r} async with AsyncInventPay() as {anext=}''', await c
"""
    twin = """\
def f(c): return f'é{c.get(f"{c}"):>{c}} c.x {{}}' "InventPay", c
def f(c): return f'''
{c!r} with InventPay() as {next=}''', c
"""
    assert converted(source) == twin


def test_f_strings_in_tokens(monkeypatch: pytest.MonkeyPatch) -> None:
    """A tokenizer that cuts an f-string into pieces, as that of Python 3.12 and later, leads to the same twin."""
    line = """async def f(c): return f'é{await c(f"{await c}")} await c.x', [y async for y in c]\n"""
    # Kind and columns of its tokens, operators left out, as Python 3.14 gives them.
    recorded = """
        NAME 0 5, NAME 6 9, NAME 10 11, NAME 12 13, NAME 16 22, FSTRING_START 23 25, FSTRING_MIDDLE 25 26, NAME 27 32,
        NAME 33 34, FSTRING_START 35 37, NAME 38 43, NAME 44 45, FSTRING_END 46 47, FSTRING_MIDDLE 49 59,
        FSTRING_END 59 60, NAME 63 64, NAME 65 70, NAME 71 74, NAME 75 76, NAME 77 79, NAME 80 81, NEWLINE 82 83
    """
    pieces = [(kind, int(start), int(end)) for kind, start, end in map(str.split, recorded.split(","))]
    numbers = {kind: number for number, kind in enumerate(sorted({kind for kind, *_ in pieces}), 1000)}
    for kind, number in numbers.items():
        monkeypatch.setitem(token.tok_name, number, kind)
    tokens = [
        tokenize.TokenInfo(numbers[kind], line[start:end], (2, start), (2, end), line) for kind, start, end in pieces
    ]
    uncut = converted(line)

    def recording(_: Callable[[], str]) -> Iterator[tokenize.TokenInfo]:
        return iter(tokens)

    monkeypatch.setattr(tokenize, "generate_tokens", recording)
    assert converted(line) == uncut == """def f(c): return f'é{c(f"{c}")} c.x', [y for y in c]\n"""


class Blocking(ast.NodeTransformer):
    """Makes the syntax tree of an async module that of its twin; shares nothing with the tool."""

    def visit_AsyncFunctionDef(self, node: ast.AsyncFunctionDef) -> ast.AST:
        return ast.FunctionDef(**dict(ast.iter_fields(self.generic_visit(node))))

    def visit_Await(self, node: ast.Await) -> ast.AST:
        awaited: ast.AST = self.visit(node.value)
        return awaited

    def visit_comprehension(self, node: ast.comprehension) -> ast.AST:
        node.is_async = 0
        return self.generic_visit(node)

    def visit_Attribute(self, node: ast.Attribute) -> ast.AST:
        node.attr = RULES.get(node.attr, node.attr)
        return self.generic_visit(node)


EXPRESSIONS = [
    "( await client . pay ( x , await y ) ) . aclose",
    "[ await a ( ) async for a in b . aclose if await c ]",
    "{ await k : - await v ** 2 async for k , v in w }",
    "( not await ( x , await y ) and f ( * await x , ** await y ) )",
]
GAPS = ["", " ", "  ", "\n", "\n      ", "  # why\n    ", " \\\n  "]


@given(st.sampled_from(EXPRESSIONS), st.lists(st.sampled_from(GAPS), min_size=24, max_size=24))
def test_any_layout(expression: str, gaps: list[str]) -> None:
    """However an expression is laid out, its twin has the same meaning and lines, and no line ends in a blank."""
    words = expression.split()
    body = words[0]
    for (left, right), gap in zip(pairwise(words), gaps, strict=False):
        body += (gap or " " * (left[-1].isalnum() and right[0].isalnum())) + right
    source = f"async def f():\n    return ({body})\n"
    twin = converted(source)
    assert ast.dump(ast.parse(twin)) == ast.dump(Blocking().visit(ast.parse(source)))
    assert twin.count("\n") == source.count("\n")
    assert [line for line in twin.split("\n") if line != line.rstrip()] == []


STATEMENTS = [
    ("a = 1\n", "a = 1\n"),
    ("\n", "\n"),
    ("\x0c\n", "\x0c\n"),
    ("# é\u2028 😀 anext\n", "# é\u2028 😀 next\n"),
    ("é = 'é\u2028\x0c', anext\n", "é = 'é\u2028\x0c', next\n"),
    ("a = \\\n    anext\n", "a = \\\n    next\n"),
    ("f'''\n{a}\n''', anext\n", "f'''\n{a}\n''', next\n"),
    ('"""\\\n\n"""; f"{{}}" f\'{f"{a:{a}}"}\'\n', '"""\\\n\n"""; f"{{}}" f\'{f"{a:{a}}"}\'\n'),
    ("async def f():\n    await f()\n", "def f():\n    f()\n"),
    ("if a:\n\tb\nelse:\n  (\nc)\n", "if a:\n\tb\nelse:\n  (\nc)\n"),
]


@given(st.lists(st.sampled_from(STATEMENTS), max_size=12))
def test_any_order(statements: list[tuple[str, str]]) -> None:
    """The code before and behind a statement makes no difference to its conversion."""
    assert converted("".join(source for source, _ in statements)) == "".join(twin for _, twin in statements)


def test_equal_line_numbers() -> None:
    """Every definition and every name of the twin stands on the line that it has in the source."""
    source = '''

async def a(x):
    """Example:

    await x.y
    """
    await (

        x
    )


async def b(): ...
'''
    nodes = ast.walk(ast.parse(converted(source)))
    assert [node.lineno for node in nodes if isinstance(node, ast.FunctionDef | ast.Name)] == [3, 14, 10]


@pytest.mark.parametrize(
    ("body", "line", "word"),
    [
        ("x = 1\n# an async client\n", 3, "async"),
        ("x = 1  # we await the answer\n", 2, "await"),
        ("# Await the answer\n", 2, "Await"),
        ("'''\n\nneeds asyncio.run\n'''\n", 4, "asyncio"),
        ("x = f'{1} anyio'\n", 2, "anyio"),
        ("x = 'use ``await`` here'\n", 2, "await"),
        ("x = 'await'\n", 2, "await"),
        ("x = '(await me)'\n", 2, "await"),
        ("x = f'{1 + await_}'\n", 2, "await_"),
        ("import anyio.to_thread\n", 2, "anyio"),
        ("def run_async(): ...\n", 2, "run_async"),
        ("from inventpay.client import AsyncStranger as Known\n", 2, "AsyncStranger"),
        ("x: Awaitable[int]\n", 2, "Awaitable"),
        ("# an asynchronous client\n", 2, "asynchronous"),
        ("x = 1  # noqa: ASYNC100\n", 2, "ASYNC100"),
    ],
)
def test_leftovers(body: str, line: int, word: str) -> None:
    """A word of the async world that no rule converts is refused with its line, in code, comments and literals."""
    [problem] = refusal(SOURCE_MARK + body)
    assert problem.startswith(f"{SOURCE}:{line}: {word!r} would be left over in the twin")


def test_every_leftover_is_listed() -> None:
    """All leftovers of a file are named at once, each with its line."""
    problems = refusal(SOURCE_MARK + "# async, anyio\n\n# await\n")
    assert [problem.split(" would")[0] for problem in problems] == [
        f"{SOURCE}:2: 'async'",
        f"{SOURCE}:2: 'anyio'",
        f"{SOURCE}:4: 'await'",
    ]


@pytest.mark.parametrize(
    "source",
    [
        "",
        "\n",
        "x = 1\n",
        "\n" + SOURCE_MARK,
        "\ufeff" + SOURCE_MARK,
        SOURCE_MARK.replace("pay", "p"),
        " " + SOURCE_MARK,
    ],
)
def test_first_line(source: str) -> None:
    """A source whose first line is not its mark is refused, and the message says what the line must be."""
    assert refusal(source) == [f"{SOURCE}:1: the first line must be exactly: {SOURCE_MARK.strip()}"]


def test_invalid_source() -> None:
    """A source that is not valid Python is refused with its line."""
    [problem] = refusal(SOURCE_MARK + "x = 1\nx = (\n")
    assert problem == f"{SOURCE}:3: this source is not valid Python: '(' was never closed"


@pytest.mark.parametrize("body", ["\ndef f(close, aclose): ...\n", "async \\\n  def f(): ...\n"])
def test_invalid_twin(body: str) -> None:
    """A valid source is refused where its twin would not be valid Python."""
    [problem] = refusal(SOURCE_MARK + body)
    assert problem.startswith(f"{SOURCE}:3: {TWIN} would not be valid Python: ")


@pytest.mark.parametrize("character", ["\r", "\0"])
def test_control_characters(character: str) -> None:
    """Characters that tokenizers disagree about are refused."""
    [problem] = refusal(SOURCE_MARK + f"x = 1{character}\n")
    assert problem == f"{SOURCE}: holds a carriage return or a null character; end lines with \\n alone"


def test_twins_are_written(repository: Path, run: Run) -> None:
    """A run writes one twin for each source, in folders of the same names; a second run changes nothing."""
    first, *others = generate_sync.RULES.values()
    written = snapshot(repository)
    assert sorted(written) == [SOURCE, TWIN, TEST_SOURCE, TEST_TWIN]
    assert written[TWIN].decode() == f"{TWIN_MARK}# {first}\ndef pay(client):\n    return client.pay()\n"
    assert written[TEST_TWIN].decode() == (
        "# Generated from tests/_async/store/test_orders.py by tools/generate_sync.py. Do not edit.\n"
        f'"""é {" ".join(others)}"""\n'
    )
    assert run(repository, "--check") == (0, ["2 twins are up to date"])
    assert run(repository) == (0, ["2 twins written, 0 without a source deleted"])
    assert snapshot(repository) == written


@pytest.mark.parametrize(
    ("old", "new", "line"),
    [
        (r"\Z", "x = 1\n", 5),
        (r"\Z", "\n", 6),
        (r"\n\Z", "", 5),
        (r"def(.|\n)*", "", 3),
        (r"pay\(\)", "pay( )", 4),
        (r"\n", "\r\n", 1),
        (r"\A(.|\n)*\Z", "", 1),
    ],
    ids=["line_appended", "line_end_appended", "line_end_removed", "truncated", "edited", "other_line_ends", "emptied"],
)
def test_check_finds_an_edited_twin(repository: Path, run: Run, old: str, new: str, line: int) -> None:
    """A twin that is not byte for byte what its source says fails the check, which leaves it as it is."""
    edit(repository, TWIN, lambda twin: re.sub(old.encode(), new.encode(), twin))
    edited = snapshot(repository)
    assert run(repository, "--check") == (
        1,
        [
            f"{TWIN}:{line}: differs from what its source says; run: python tools/generate_sync.py",
            "1 problem; nothing was written",
        ],
    )
    assert snapshot(repository) == edited
    assert run(repository)[0] == 0
    assert run(repository, "--check")[0] == 0


def test_check_finds_a_missing_twin(repository: Path, run: Run) -> None:
    """A source without its twin fails the check, which does not make it."""
    (repository / TEST_TWIN).unlink()
    status, [problem, _] = run(repository, "--check")
    assert (status, problem) == (1, f"{TEST_TWIN}: is missing; run: python tools/generate_sync.py")
    assert not (repository / TEST_TWIN).exists()


@pytest.mark.parametrize("path", ["inventpay/_sync/more.py", "tests/_sync/new/deep.py", "inventpay/_sync/payments.pyi"])
def test_extra_file_written_by_hand(repository: Path, run: Run, path: str) -> None:
    """A file among the twins that was not generated fails the check and a run, and neither touches anything."""
    put(repository, path, TWIN_MARK)
    edit(repository, SOURCE, lambda source: source + b"x = 1\n")
    before = snapshot(repository)
    status, [problem, *_] = run(repository, "--check")
    assert (status, problem) == (1, f"{path}: no source accounts for this file")
    status, [problem, *_] = run(repository)
    assert status == 1
    assert problem.startswith(f"{path}: no source accounts for this file, and it does not start with the line")
    assert snapshot(repository) == before


def test_twin_that_lost_its_source(repository: Path, run: Run) -> None:
    """A generated file whose source is gone fails the check and is deleted by a run."""
    twin = "inventpay/_sync/gone.py"
    put(repository, twin, "# Generated from inventpay/_async/gone.py by tools/generate_sync.py. Do not edit.\nx = 1\n")
    assert run(repository, "--check")[0] == 1
    assert run(repository) == (0, ["2 twins written, 1 without a source deleted"])
    assert not (repository / twin).exists()


def test_bytecode_is_no_twin(repository: Path, run: Run) -> None:
    """Files that Python keeps beside imported modules count neither as a source nor as a twin."""
    put(repository, "inventpay/_sync/__pycache__/payments.cpython-311.pyc", "")
    put(repository, "inventpay/_async/__pycache__/payments.cpython-311.pyc", "")
    assert run(repository, "--check") == (0, ["2 twins are up to date"])


def test_unused_rule(repository: Path, run: Run) -> None:
    """A rule that no source needs any more is an error that names it, yet the twins are written."""
    old, new = next(iter(generate_sync.RULES.items()))
    edit(repository, SOURCE, lambda source: source.replace(f"# {old}\n".encode(), b"# none\n"))
    problem = f"tools/generate_sync.py: no source needs the rule {old!r} -> {new!r}; remove it"
    assert run(repository) == (1, [problem, "1 problem; the twins were written all the same"])
    assert run(repository, "--check") == (1, [problem, "1 problem; nothing was written"])
    assert b"# none\n" in snapshot(repository)[TWIN]


@pytest.mark.parametrize("options", [[], ["--check"]], ids=["write", "check"])
def test_unconvertible_sources(repository: Path, run: Run, options: list[str]) -> None:
    """Every source that has no twin is listed with the reason, and nothing is written."""
    put(repository, "inventpay/_async/__init__.py", "")
    edit(repository, SOURCE, lambda source: source + b"# an async thing\n")
    edit(repository, TEST_SOURCE, lambda source: source + b"# \xff\n")
    before = snapshot(repository)
    status, problems = run(repository, *options)
    assert status == 1
    own = "# The source of inventpay/_sync/__init__.py; after a change run: python tools/generate_sync.py"
    assert problems[0] == f"inventpay/_async/__init__.py:1: the first line must be exactly: {own}"
    assert problems[1].startswith(f"{SOURCE}:5: 'async' would be left over in the twin")
    assert problems[2].startswith(f"{TEST_SOURCE}: is not UTF-8 text: ")
    assert snapshot(repository) == before


def test_unconvertible_source_is_no_reason_to_delete_its_twin(repository: Path, run: Run) -> None:
    """The twin of a source that cannot be converted just now is not taken for one without a source."""
    edit(repository, SOURCE, lambda source: source + b"# await\n")
    status, problems = run(repository, "--check")
    assert status == 1
    assert not any(problem.startswith(TWIN) for problem in problems)


def test_only_twins(repository: Path, run: Run) -> None:
    """A folder of twins without its folder of sources is an error, and the twins are kept."""
    (repository / TEST_SOURCE).unlink()
    (repository / TEST_SOURCE).parent.rmdir()
    (repository / "tests/_async").rmdir()
    before = snapshot(repository)
    for options in [], ["--check"]:
        status, [problem, *_] = run(repository, *options)
        assert (status, problem) == (1, "tests/_sync: has files, but there is no folder tests/_async to make them from")
    assert snapshot(repository) == before


def test_no_sources_at_all(tmp_path: Path, run: Run) -> None:
    """Where there is neither a source nor a twin there is nothing to do, and no rule counts as unused."""
    (tmp_path / "inventpay" / "_async").mkdir(parents=True)
    assert run(tmp_path, "--check") == (0, ["0 twins are up to date"])
    assert run(tmp_path) == (0, ["0 twins written, 0 without a source deleted"])


def test_no_such_root(tmp_path: Path, run: Run) -> None:
    """A root that is no folder is an error rather than a repository without sources."""
    assert run(tmp_path / "nowhere") == (1, [f"{tmp_path / 'nowhere'}: there is no such folder"])


def test_needs_only_the_standard_library(repository: Path) -> None:
    """The tool runs as a script, from any folder, without any installed package."""
    edit(repository, TWIN, lambda twin: b"")
    command = [sys.executable, "-I", "-S", str(TOOL), "--root", str(repository)]
    for options, status in (["--check"], 1), ([], 0), (["--check"], 0):
        assert subprocess.run([*command, *options], cwd=repository, check=False).returncode == status


def test_this_repository(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Every twin in this repository is what its source says."""
    monkeypatch.setattr(sys, "argv", [str(TOOL), "--check"])
    with pytest.raises(SystemExit) as stopped:
        runpy.run_path(str(TOOL), run_name="__main__")
    assert stopped.value.code == 0, capsys.readouterr().err
