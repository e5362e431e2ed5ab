"""Check that the built site documents every public name: ``python tools/check_reference.py SITE``.

Reads the inventory that Sphinx writes beside the pages (``objects.inv``) and compares it with ``__all__`` of the public
packages; a class that two packages export is listed once. The methods of the client and of its groups of calls must be
there too.
"""

from __future__ import annotations

import importlib
import importlib.util
import inspect
import sys
import zlib
from collections.abc import Callable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any

PACKAGES = ("inventpay", "inventpay.models", "inventpay.webhooks", "inventpay.redis", "inventpay.sandbox")
OPTIONAL = ("inventpay.payouts", "inventpay.telemetry")
"""Packages that are checked as soon as they exist."""


def documented(site: Path) -> set[str]:
    """Return the Python names of a site's inventory."""
    data = (site / "objects.inv").read_bytes()
    header_end = 0
    for _ in range(4):
        header_end = data.index(b"\n", header_end) + 1
    lines = zlib.decompress(data[header_end:]).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if line.split(" ", 2)[1].startswith("py:")}


def expected() -> Iterator[str]:
    """Yield every public name, and the methods of the asynchronous client and its groups of calls."""
    for package in PACKAGES:
        yield from (f"{package}.{name}" for name in public(package))
    for package in OPTIONAL:
        if importlib.util.find_spec(package) is not None:
            yield from (f"{package}.{name}" for name in public(package))
    from inventpay import AsyncInventPay

    yield from methods(AsyncInventPay, "inventpay.AsyncInventPay")


def public(package: str) -> list[str]:
    """Return the names that a package exports."""
    return [name for name in importlib.import_module(package).__all__ if not name.startswith("__")]


def value(name: str) -> object:
    """Return what a dotted name of the package stands for."""
    parts = name.split(".")
    for length in range(len(parts), 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[length:]:
            found = inspect.getattr_static(found, attribute) if inspect.isclass(found) else getattr(found, attribute)
        return found
    raise LookupError(name)


def methods(kind: type[Any], name: str) -> Iterator[str]:
    """Yield the public methods and properties of a class, and those of the groups of calls that it holds."""
    for attribute, member in vars(kind).items():
        if attribute.startswith("_"):
            continue
        if isinstance(member, cached_property):
            group = group_of(member.func)
            if group is not None:
                yield from methods(group, f"{group.__module__}.{group.__name__}")
        elif inspect.isfunction(member) or isinstance(member, property):
            yield f"{name}.{attribute}"


def group_of(function: Callable[[Any], Any]) -> type[Any] | None:
    """Return the class of a group of calls, which this property imports when it is first used."""
    returned = str(function.__annotations__["return"])
    for file in Path(inspect.getfile(function)).parent.glob("*.py"):
        found = getattr(importlib.import_module(f"inventpay._async.{file.stem}"), returned, None)
        if inspect.isclass(found):
            return found
    return None


def main(arguments: list[str]) -> int:
    """Print the names that are missing; return the exit code."""
    known = documented(Path(arguments[0]))
    names = sorted(set(expected()))
    objects = {id(value(name)) for name in names if name in known}
    missing = [name for name in names if name not in known and id(value(name)) not in objects]
    for name in missing:
        print(f"not in the reference: {name}", file=sys.stderr)
    print(f"{len(names) - len(missing)} of {len(names)} public names are in the reference")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
