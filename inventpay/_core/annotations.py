"""Show the annotations of what is public without quotes in ``help()``.

Annotations are text here, so that a module need not import what only its annotations name, and ``help()`` prints text
with quotes. Text of the class ``Annotation`` prints itself.
"""

from __future__ import annotations

from functools import cached_property
from types import FunctionType
from typing import Any, Final, TypeVar

T = TypeVar("T")

_PACKAGE: Final = __name__.partition(".")[0]
"""Other packages' base classes stay as they are."""

_BEHIND: Final[dict[type[Any], str]] = {
    property: "fget",
    cached_property: "func",
    classmethod: "__func__",
    staticmethod: "__func__",
}


class Annotation(str):
    """The text of an annotation, whose ``repr`` has no quotes. It stays text, which ``get_type_hints`` evaluates."""

    __slots__ = ()

    def __repr__(self) -> str:
        return str(self)


def readable(target: T) -> T:
    """Let a function, or the functions of a class, show their annotations without quotes, and return the target.

    >>> @readable
    ... def pay(amount: Decimal) -> Payment: ...
    >>> pay.__annotations__
    {'amount': Decimal, 'return': Payment}
    """
    if isinstance(target, type):
        for kind in target.__mro__:
            if kind.__module__.startswith(_PACKAGE):
                for member in vars(kind).values():
                    _unquote(member)
    else:
        _unquote(target)
    return target


def _unquote(member: object) -> None:
    # The function behind a property, a cached property, or a method of a class.
    attribute = _BEHIND.get(type(member))
    function = member if attribute is None else getattr(member, attribute)
    if isinstance(function, FunctionType):
        annotations = function.__annotations__
        for name, annotation in annotations.items():
            if type(annotation) is str:
                annotations[name] = Annotation(annotation)
