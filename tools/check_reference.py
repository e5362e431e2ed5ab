"""Check that the built site documents every public name: ``python tools/check_reference.py SITE``.

Reads the inventory that Sphinx writes beside the pages (``objects.inv``) and compares it with ``__all__`` of the public
packages; a class that two packages export is listed once. The members of every public class must be there too, those of
the client's groups of calls among them. The blocking client has those of the asynchronous one, and lists none.
"""

from __future__ import annotations

import functools
import importlib
import inspect
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator
from functools import cached_property
from pathlib import Path
from typing import Any, Generic, Protocol

PACKAGES = (
    "inventpay",
    "inventpay.models",
    "inventpay.webhooks",
    "inventpay.payouts",
    "inventpay.redis",
    "inventpay.sandbox",
    "inventpay.telemetry",
)


def documented(site: Path) -> set[str]:
    """Return the Python names of a site's inventory."""
    data = (site / "objects.inv").read_bytes()
    header_end = 0
    for _ in range(4):
        header_end = data.index(b"\n", header_end) + 1
    lines = zlib.decompress(data[header_end:]).decode().splitlines()
    return {line.split(" ", 1)[0] for line in lines if line.split(" ", 2)[1].startswith("py:")}


def expected() -> Iterator[str]:
    """Yield every public name, the members of the classes, and those of the asynchronous client's groups of calls."""
    for package in PACKAGES:
        for name in public(package):
            yield f"{package}.{name}"
            cls = getattr(importlib.import_module(package), name)
            if inspect.isclass(cls) and name != "InventPay":
                yield from (f"{package}.{name}.{member}" for member in members_of(cls))
    from inventpay import AsyncInventPay

    yield from methods(AsyncInventPay, "inventpay.AsyncInventPay")


def public(package: str) -> list[str]:
    """Return the names that a package exports."""
    return [name for name in importlib.import_module(package).__all__ if not name.startswith("__")]


@functools.cache
def public_classes() -> frozenset[type]:
    """Return every class that a public package exports."""
    modules = [importlib.import_module(package) for package in PACKAGES]
    values = [getattr(module, name) for module in modules for name in module.__all__]
    return frozenset(value for value in values if inspect.isclass(value))


def is_internal(cls: type) -> bool:
    """Return whether a class belongs to this package and is not exported."""
    return cls.__module__.partition(".")[0] == "inventpay" and cls not in public_classes()


def internal_bases(cls: type) -> Iterable[type]:
    """Yield the internal bases of a class, and theirs, down to the public ones."""
    for base in cls.__bases__:
        if is_internal(base):
            yield base
            yield from internal_bases(base)


def members_of(cls: type) -> list[str]:
    """Return the members that a class and its internal bases define, the class's own first, in their order."""
    names: dict[str, None] = {}
    for home in [cls, *internal_bases(cls)]:
        for name in (*inspect.get_annotations(home), *vars(home)):
            if not name.startswith("_"):
                names[name] = None
    return list(names)


def shown_bases(bases: Iterable[type]) -> Iterable[type]:
    """Yield the bases that a reader can look up: internal ones are replaced by theirs."""
    for base in bases:
        if is_internal(base):
            yield from shown_bases(base.__bases__)
        elif base is not object and getattr(base, "__origin__", base) not in (Generic, Protocol):
            yield base


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


def aliases() -> dict[str, list[str]]:
    """Return, for each public class, the names under which packages export it."""
    names: dict[type, list[str]] = {}
    for package in PACKAGES:
        for name in public(package):
            value = getattr(importlib.import_module(package), name)
            if inspect.isclass(value):
                names.setdefault(value, []).append(f"{package}.{name}")
    return {name: exported for exported in names.values() for name in exported}


def main(arguments: list[str]) -> int:
    """Print the names that are missing; return the exit code."""
    known = documented(Path(arguments[0]))
    others = aliases()

    def is_documented(name: str) -> bool:
        owner, _, member = name.rpartition(".")
        named = [*others.get(name, [name]), *(f"{other}.{member}" for other in others.get(owner, ()))]
        return not known.isdisjoint(named)

    names = set(expected())
    missing = sorted(name for name in names if not is_documented(name))
    for name in missing:
        print(f"not in the reference: {name}", file=sys.stderr)
    print(f"{len(names) - len(missing)} of {len(names)} public names and members are in the reference")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
