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


def _unquote(member: Any) -> None:
    kind = type(member)
    if kind is property:
        member = member.fget
    elif kind is classmethod or kind is staticmethod:
        member = member.__func__
    elif kind is cached_property:
        member = member.func
    if type(member) is FunctionType:
        annotations = member.__annotations__
        for name, annotation in annotations.items():
            if type(annotation) is str:
                annotations[name] = Annotation(annotation)
