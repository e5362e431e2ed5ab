"""Forks, signals, epoll, unix sockets and the like are used under a guard: not every system has them."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.as_windows import MODULES, NAMES, UNBUILT

REPOSITORY = Path(__file__).parents[2]
FOLDERS = ("inventpay", "tests", "examples")
GUARD = re.compile(r"sys\.platform|os\.name|hasattr\(|needs_\w+|skipif|importorskip|is_dir\(|isdir\(|exists\(")
"""Words of an expression that asks what the system has."""
FORKS = {"fork", "forkserver"}
"""Ways of multiprocessing to start a process that Windows has not."""


MENTION = re.compile(
    "|".join(
        [
            *(rf"\b(?:{'|'.join([*MODULES, *UNBUILT])})\b", "add_signal_handler|preexec_fn|get_context|send_signal"),
            *(r"/(?:proc|sys)\b", rf"\bfrom\s+(?:{'|'.join(NAMES)})\b"),
            *(rf"\b{module}\s*\.\s*(?:{'|'.join(names)})\b" for module, names in NAMES.items()),
        ]
    )
)
"""Text without which a file uses nothing of it, and need not be parsed; most files are without."""


def parents_of(tree: ast.AST) -> dict[ast.AST, ast.AST]:
    """Return the parent of each node."""
    return {child: parent for parent in ast.walk(tree) for child in ast.iter_child_nodes(parent)}


def uses(tree: ast.AST) -> Iterator[tuple[ast.AST, str]]:
    """Yield what some system has not: the node, and its name."""
    for node in ast.walk(tree):
        match node:
            case ast.Import():
                for name in node.names:
                    if name.name.partition(".")[0] in (*MODULES, *UNBUILT):
                        yield node, name.name
            case ast.ImportFrom(module=str(module)):
                for name in node.names:
                    if module.partition(".")[0] in (*MODULES, *UNBUILT) or name.name in NAMES.get(module, ()):
                        yield node, f"{module}.{name.name}"
            case ast.Attribute(value=ast.Name(id=module), attr=attribute) if attribute in NAMES.get(module, ()):
                yield node, f"{module}.{attribute}"
            case ast.Attribute(attr="add_signal_handler"):
                yield node, node.attr
            case ast.keyword(arg="preexec_fn"):
                yield node, "preexec_fn"
            case ast.Call(func=ast.Attribute(attr="get_context"), args=[ast.Constant(value=way)]) if way in FORKS:
                yield node, f"get_context({way!r})"
            case ast.Call(func=ast.Attribute(attr="send_signal")):
                yield node, "send_signal"
            case ast.Constant(value=str(text)) if re.match(r"/(proc|sys)\b.", text):
                yield node, text


def is_guarded(node: ast.AST, parents: dict[ast.AST, ast.AST]) -> bool:
    """Return whether a decorator, a condition around it or a statement before it asks what the system has."""
    inner = node
    while inner in parents:
        outer = parents[inner]
        asked = [*conditions_around(outer, inner), *questions_before(outer, inner)]
        asked += getattr(outer, "decorator_list", [])
        if any(GUARD.search(ast.unparse(expression)) for expression in asked):
            return True
        if isinstance(outer, ast.Try) and any("ImportError" in ast.unparse(handler) for handler in outer.handlers):
            return True
        inner = outer
    return False


def conditions_around(outer: ast.AST, inner: ast.AST) -> list[ast.expr]:
    """Return the conditions under which a part of a node is evaluated."""
    match outer:
        case ast.If(test=test) | ast.IfExp(test=test) if inner is not test:
            return [test]
        case ast.BoolOp(values=values) if inner in values:
            return values[: values.index(inner)]  # type: ignore[arg-type]
    return []


def questions_before(outer: ast.AST, inner: ast.AST) -> list[ast.expr]:
    """Return what the statements before a part of a block ask: assertions, conditions, and calls that skip."""
    asked: list[ast.expr] = []
    for block in (getattr(outer, "body", []), getattr(outer, "orelse", [])):
        if isinstance(block, list) and inner in block:
            for statement in block[: block.index(inner)]:
                match statement:
                    case ast.Assert(test=value) | ast.If(test=value) | ast.Expr(value=value):
                        asked.append(value)
                    case ast.Assign(targets=[ast.Name(id="pytestmark")], value=value):
                        asked.append(value)
    return asked


def is_question(parent: ast.AST) -> bool:
    """Return whether a node asks what the system has, as ``os.path.isdir("/proc/self/fd")`` does."""
    return isinstance(parent, ast.Call) and GUARD.search(f"{ast.unparse(parent.func)}(") is not None


def unguarded(source: str) -> list[str]:
    """Return what a module uses without a guard, with its line."""
    if not MENTION.search(source):
        return []
    tree = ast.parse(source)
    used = list(uses(tree))
    # Most files use nothing of it, and need no table of parents.
    parents = parents_of(tree) if used else {}
    return [
        f"{getattr(node, 'lineno', 0)}: {name}"
        for node, name in used
        if not is_guarded(node, parents) and not is_question(parents[node])
    ]


@pytest.mark.parametrize("folder", FOLDERS)
def test_what_only_some_systems_have_is_guarded(folder: str) -> None:
    """Nothing of it is imported or used without asking first, in the package, the tests and the examples."""
    found = {
        str(path.relative_to(REPOSITORY)): lines
        for path in sorted((REPOSITORY / folder).rglob("*.py"))
        if (lines := unguarded(path.read_text(encoding="utf-8")))
    }
    assert found == {}


@pytest.mark.parametrize(
    "source",
    [
        "import fcntl",
        "from os import fork",
        "import os\ndef f():\n    os.fork()",
        "import os\nif os.path:\n    os.register_at_fork()",
        "import signal\ndef f():\n    return signal.SIGKILL",
        "def f(loop):\n    loop.add_signal_handler(2, print)",
        "import os\n@cached\ndef f():\n    os.listdir('/proc/self/fd')",
        "import multiprocessing\nfork = multiprocessing.get_context('fork')",
        "import os, sys\ndef f():\n    os.fork()\n    assert sys.platform",
        "import sys\nimport uvloop\nassert sys.platform",
    ],
)
def test_an_unguarded_use_is_found(source: str) -> None:
    """A use at the top, in a function, and before the guard is found."""
    assert len(unguarded(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import sys\nif sys.platform != 'win32':\n    import fcntl",
        "try:\n    import fcntl\nexcept ImportError:\n    fcntl = None",
        "import os\nif hasattr(os, 'fork'):\n    os.fork()",
        "import os\nfork = hasattr(os, 'fork') and os.fork()",
        "import os\n@needs_fork\ndef test():\n    os.fork()",
        "import os\npytestmark = needs_fork\ndef test():\n    os.fork()",
        "import os, sys\ndef f():\n    assert sys.platform != 'win32'\n    os.fork()",
        "import os\ndef f():\n    return os.listdir('/proc/self/fd') if os.path.isdir('/proc/self/fd') else []",
    ],
)
def test_a_guarded_use_is_left_alone(source: str) -> None:
    """A condition, a mark, an assertion before it, and an import that may fail are guards."""
    assert unguarded(source) == []


def test_every_module_of_the_package_works_without_them() -> None:
    """Where they are removed, all modules are imported, and a payment is made and paid in the sandbox."""
    program = """if True:
    import importlib, os, pkgutil
    from tests.support import as_windows

    as_windows.remove()
    import inventpay
    from inventpay.sandbox import Sandbox

    for module in pkgutil.walk_packages(inventpay.__path__, "inventpay."):
        if "__main__" not in module.name and "._pyinstaller" not in module.name:
            importlib.import_module(module.name)
    assert not hasattr(os, "fork")
    sandbox = Sandbox()
    with sandbox.client() as client:
        payment = client.payments.create(amount="5", amount_currency="USD", currency="USDT_BEP20")
        sandbox.pay(payment.payment_id)
        assert client.payments.status(payment.payment_id).is_paid
    """
    environment = {**os.environ, "PYTHONPATH": str(REPOSITORY)}
    ran = subprocess.run(
        [sys.executable, "-W", "error", "-c", program], env=environment, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stderr
