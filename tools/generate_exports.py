"""Write the lazy export tables of `__init__.py` files, and the table of the subpackages' names.

    python tools/generate_exports.py            write every table
    python tools/generate_exports.py --check    write nothing, list what is out of date; exit 1 if anything is

A package with an `__init__.pyi` exports what that stub imports, each name once. The table is written between two marks
in its `__init__.py`, so that the package reads no stub when it runs (it may run from a zip).

`_core/subpackage_names.py` lists what the public subpackages export and the package itself does not: a failed import
names the right subpackage without importing it. The names come from its stub, or from its `__all__`.
"""

from __future__ import annotations

import argparse
import ast
import sys
from collections.abc import Sequence
from pathlib import Path

BEGIN = "# Written from __init__.pyi by tools/generate_exports.py. Edit the stub, then run: nox -s sync"
END = "# End of the written part."
PACKAGE = "inventpay"
NAMES = Path("_core", "subpackage_names.py")
NAMES_BEGIN = '''"""The public names of the subpackages, for the advice of a failed import.

Written by tools/generate_exports.py from the subpackages. Do not edit; run: nox -s sync
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

SUBPACKAGE_NAMES: Final[Mapping[str, Sequence[str]]] = {
'''


class UnusableStub(Exception):
    """A stub that holds more than imports of names, or a package without the marks."""


def read_stub(text: str, path: str) -> dict[str, list[str]]:
    """Return the exported names of a stub by the module that defines them.

    Raises UnusableStub for anything but a docstring and `from .module import Name as Name`.
    """
    homes: dict[str, list[str]] = {}
    for node in ast.parse(text).body:
        if isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant):
            continue
        if not isinstance(node, ast.ImportFrom) or node.level != 1 or node.module is None:
            raise UnusableStub(f"{path}:{node.lineno}: only `from .module import Name as Name` is allowed here")
        for alias in node.names:
            if alias.asname is None:
                raise UnusableStub(f"{path}:{node.lineno}: write `{alias.name} as {alias.name}`, which exports it")
            if alias.name == alias.asname:
                homes.setdefault(node.module, []).append(alias.name)
    names = [name for exported in homes.values() for name in exported]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UnusableStub(f"{path}: exports {', '.join(twice)} twice")
    return {home: sorted(exported) for home, exported in sorted(homes.items())}


def written_part(homes: dict[str, list[str]], more: Sequence[str]) -> str:
    """Return the text between the marks, formatted as ruff would."""
    lines = [BEGIN, "# pyright: reportUnsupportedDunderAll=false", "_EXPORTS = {"]
    for home, names in homes.items():
        quoted = ", ".join(f'"{name}"' for name in names)
        line = f'    "{home}": [{quoted}],'
        if len(line) <= 120:
            lines.append(line)
        else:
            lines += [f'    "{home}": [', *(f'        "{name}",' for name in names), "    ],"]
    everything = [*more, *(name for names in homes.values() for name in names)]
    order = sorted(everything, key=lambda name: (not name.isupper(), name))
    lines += ["}", "__all__ = [", *(f'    "{name}",' for name in order), "]", END]
    return "\n".join(lines)


def renew(package: Path) -> tuple[str, str]:
    """Return the text of a package's `__init__.py` as it is and as its stub says it should be."""
    stub, module = package / "__init__.pyi", package / "__init__.py"
    text = module.read_text(encoding="utf-8")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise UnusableStub(f"{module}: needs the two marks of tools/generate_exports.py, each on a line of its own")
    more = ["__version__"] if "as __version__" in before else []
    homes = read_stub(stub.read_text(encoding="utf-8"), str(stub))
    return text, before + written_part(homes, more) + after


def exported_names(package: Path) -> list[str]:
    """Return the public names of a package: those of its stub, or of its `__all__` where it has no stub."""
    stub = package / "__init__.pyi"
    if stub.exists():
        return [name for names in read_stub(stub.read_text(encoding="utf-8"), str(stub)).values() for name in names]
    for node in ast.parse((package / "__init__.py").read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name) and node.targets[0].id == "__all__":
            return list(ast.literal_eval(node.value))
    return []


def subpackage_names(package: Path) -> str:
    """Return the text of the module that lists the names of the public subpackages."""
    of_the_package = set(exported_names(package))
    lines: list[str] = []
    for subpackage in sorted(child.parent for child in package.glob("[!_]*/__init__.py")):
        names = sorted(set(exported_names(subpackage)) - of_the_package)
        if names:
            # One name a line: the comma after the last one keeps the formatter from joining them.
            lines += [f'    "{subpackage.name}": [', *(f'        "{name}",' for name in names), "    ],"]
    return NAMES_BEGIN + "\n".join([*lines, "}"]) + "\n"


def main(arguments: Sequence[str] | None = None, root: Path | None = None) -> int:
    """Run the command; returns its exit status."""
    parser = argparse.ArgumentParser(description="Write the tables of exported names.")
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 if anything is out of date")
    chosen = parser.parse_args(arguments)
    root = Path(__file__).resolve().parents[1] if root is None else root
    stale = 0
    package = root / PACKAGE
    try:
        written = [(stub.with_suffix(".py"), *renew(stub.parent)) for stub in sorted(package.rglob("__init__.pyi"))]
        names = package / NAMES
        written.append((names, names.read_text(encoding="utf-8") if names.exists() else "", subpackage_names(package)))
    except UnusableStub as problem:
        print(problem, file=sys.stderr)
        return 1
    for module, text, wanted in written:
        if text == wanted:
            continue
        stale += 1
        if chosen.check:
            print(f"{module} is out of date; run: python tools/generate_exports.py", file=sys.stderr)
        else:
            module.parent.mkdir(exist_ok=True)
            module.write_text(wanted, encoding="utf-8")
    print(f"{len(written)} tables of exports, {stale} {'out of date' if chosen.check else 'written'}")
    return 1 if chosen.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
