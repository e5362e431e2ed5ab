"""Give advice in the AttributeError of a name that is not there."""

from __future__ import annotations

from typing import TYPE_CHECKING


class NamesAdvice:
    """The base of classes whose AttributeErrors say which name to use instead of one that other SDKs have."""

    __slots__ = ()

    # Not for type checkers: a name that is not there stays an error for them.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            kind = type(self)
            if hasattr(kind, name):
                # The name is there, and its property raised an AttributeError: let it raise that again.
                return object.__getattribute__(self, name)
            advice = "" if name.startswith("_") else _advice(kind, name)
            raise AttributeError(f"{kind.__name__!r} object has no attribute {name!r}{advice}", name=name, obj=self)


def _advice(kind: type[object], name: str) -> str:
    # Imported for a failed look-up only.
    from .other_names import ADVICE

    for base in kind.__mro__:
        advice = ADVICE.get(base.__name__.removeprefix("Async"), {}).get(name)
        if advice is not None:
            return f"; {advice}"
    return ""
