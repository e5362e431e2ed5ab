"""Names that are imported when they are first asked for (PEP 562): a package costs what of it is used."""

from __future__ import annotations

import importlib
import sys
from collections.abc import Callable, Iterable, Mapping


def exports(
    package: str, homes: Mapping[str, Iterable[str]]
) -> tuple[Callable[[str], object], Callable[[], list[str]]]:
    """``__getattr__`` and ``__dir__`` for a package whose public names live in these modules of it.

    A name is imported once and then is an ordinary attribute of the package. Public modules are attributes too, as if
    they had been imported. Type checkers do not see any of this: next to it the same names are imported ``if
    TYPE_CHECKING``.

    >>> __getattr__, __dir__ = exports("inventpay", {"money": ["Amount"], "_async.client": ["AsyncInventPay"]})
    >>> __getattr__("AsyncInventPay").__name__
    'AsyncInventPay'
    """
    home_of = {name: home for home, names in homes.items() for name in names}
    namespace = vars(sys.modules[package])

    def import_name(name: str) -> object:
        home = home_of.get(name)
        if home is not None:
            from .annotations import readable

            value = namespace[name] = readable(getattr(importlib.import_module(f"{package}.{home}"), name))
            return value
        if name in homes:
            return importlib.import_module(f"{package}.{name}")
        # Imported for a failed look-up only. They list names: no subpackage, and no extra, is imported for them.
        from .other_names import IMPORTS
        from .subpackage_names import SUBPACKAGE_NAMES

        advice = f"; {IMPORTS[name]}" if name in IMPORTS and "." not in package else ""
        for home, names in SUBPACKAGE_NAMES.items():
            if name in names:
                advice = f"; use: from inventpay.{home} import {name}"
        # `from ... import` drops the message of an AttributeError; hasattr() needs one everywhere else.
        if advice and sys._getframe(1).f_code.co_name == "_handle_fromlist":  # pyright: ignore[reportPrivateUsage]
            raise ImportError(f"cannot import name {name!r} from {package!r}{advice}", name=package)
        if name in SUBPACKAGE_NAMES:
            advice = f"; import inventpay.{name} first"
        # With these two, Python itself adds "Did you mean ...?".
        raise AttributeError(
            f"module {package!r} has no attribute {name!r}{advice}", name=name, obj=sys.modules[package]
        )

    def list_names() -> list[str]:
        return sorted({*namespace, *home_of, *(home for home in homes if not home.startswith("_"))})

    return import_name, list_names
