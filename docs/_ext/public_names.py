"""The directive ``public-names``: document every public name of a package, from its stub or from ``__all__``.

    .. public-names:: inventpay
       :from: errors

``from`` limits the names to those that these modules define, relative to the package. A name that is added to a stub
appears in the reference without an edit here.

An internal base class is replaced by its own bases, and its members are listed in the classes that inherit them.
Classes that only this package creates (models, errors, enums) are shown without the parameters of their constructors.
"""

from __future__ import annotations

import ast
import enum
import importlib
import inspect
import re
from pathlib import Path
from typing import Any

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.application import Sphinx
from sphinx.pycode import ModuleAnalyzer
from sphinx.util import logging
from sphinx.util.docutils import SphinxDirective

from tools.check_reference import members_of, shown_bases
from tools.generate_exports import read_stub

logger = logging.getLogger(__name__)

ARGUMENTS = {"StoreSettings", "DigitalContent"}
"""Models that callers create, to pass them to a call."""

SECTION = re.compile(r"^(Args|Returns|Raises|Yields|Example|Examples):+$", re.MULTILINE)


def exported(package: str) -> dict[str, list[str]]:
    """Return the public names of a package by the module that defines them, relative to the package."""
    module = importlib.import_module(package)
    stub = Path(str(module.__file__)).with_suffix(".pyi")
    if stub.exists():
        return read_stub(stub.read_text(encoding="utf-8"), str(stub))
    homes: dict[str, list[str]] = {}
    for node in ast.walk(ast.parse(Path(str(module.__file__)).read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom) and node.level == 1 and node.module is not None:
            names = [alias.name for alias in node.names if alias.name in module.__all__]
            homes.setdefault(node.module, []).extend(names)
    return homes


class PublicNames(SphinxDirective):
    """Writes one ``autoclass``, ``autofunction`` or ``data`` for each public name, in the order of the stub."""

    required_arguments = 1
    option_spec = {"from": directives.unchanged, "except": directives.unchanged}  # noqa: RUF012

    def run(self) -> list[nodes.Node]:
        """Return the nodes of all names."""
        package = self.arguments[0]
        homes = exported(package)
        chosen = self.options.get("from", "").split() or list(homes)
        left_out = self.options.get("except", "").split()
        lines: list[str] = []
        for home in chosen:
            if home not in homes:
                raise self.error(f"{package} exports nothing from {home!r}: choose from {sorted(homes)}")
            for name in homes[home]:
                if name not in left_out:
                    lines += [*_directive(package, home, name), ""]
        return self.parse_text_to_nodes("\n".join(lines))


def _directive(package: str, home: str, name: str) -> list[str]:
    value = getattr(importlib.import_module(package), name)
    if inspect.isclass(value):
        kind = "autoexception" if issubclass(value, BaseException) else "autoclass"
        options = [f"   :members: {', '.join(members)}" for members in [members_of(value)] if members]
        if list(shown_bases(value.__bases__)):
            options.append("   :show-inheritance:")
        return [f".. {kind}:: {package}.{name}", *options]
    if inspect.isfunction(value):
        return [f".. autofunction:: {package}.{name}"]
    return [f".. py:data:: {package}.{name}", "", *(f"   {line}" for line in _described(package, home, name))]


def _replace_bases(app: Sphinx, name: str, value: Any, options: Any, bases: list[type]) -> None:
    bases[:] = dict.fromkeys(shown_bases(bases))


def _hide_constructor(
    app: Sphinx, what: str, name: str, value: Any, options: Any, signature: str | None, returned: str | None
) -> tuple[str, str] | None:
    from inventpay.models import Model

    hidden = (BaseException, enum.Enum, Model)
    if signature and inspect.isclass(value) and issubclass(value, hidden) and value.__name__ not in ARGUMENTS:
        return "", ""
    return None


class AttributeDocstrings:
    """Keeps a colon in the first line of an attribute's docstring, which napoleon reads as ``TYPE: description``."""

    def __init__(self) -> None:
        self._unread: dict[str, list[str]] = {}

    def keep(self, app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
        """Keep the text, before napoleon reads it."""
        if what in ("attribute", "property", "data") and not SECTION.search("\n".join(lines)):
            self._unread[name] = list(lines)

    def restore(self, app: Sphinx, what: str, name: str, value: Any, options: Any, lines: list[str]) -> None:
        """Restore the text, after napoleon has read it."""
        if name in self._unread:
            lines[:] = self._unread.pop(name)


def _described(package: str, home: str, name: str) -> list[str]:
    """Return the docstring of a constant or type alias, which only the source of its module has."""
    module = f"{package}.{home}" if home != package else package
    documented = ModuleAnalyzer.for_module(module).find_attr_docs()
    text = documented.get(("", name))
    if text is None:
        logger.warning("%s.%s has no docstring below its assignment", module, name)
    return list(text or ())


def setup(app: Sphinx) -> dict[str, Any]:
    """Register the directive, and what all automatic directives do."""
    app.add_directive("public-names", PublicNames)
    app.connect("autodoc-process-bases", _replace_bases)
    app.connect("autodoc-process-signature", _hide_constructor)
    docstrings = AttributeDocstrings()
    app.connect("autodoc-process-docstring", docstrings.keep, priority=400)
    app.connect("autodoc-process-docstring", docstrings.restore, priority=600)
    return {"version": "1", "parallel_read_safe": True}
