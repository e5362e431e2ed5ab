"""Response headers as a plain, case-insensitive, picklable mapping that belongs to no HTTP library."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator, Mapping, ValuesView
from typing import Any, Final

_SHORT: Final = 64
"""Length of values that are worth a look for an equal one."""


class Headers(Mapping[str, str]):
    """Headers of one answer. Look-up ignores case; names are kept in lower case.

    >>> Headers([("Retry-After", "3")])["retry-after"]
    '3'
    """

    __slots__ = ("_values",)

    def __init__(self, pairs: Iterable[tuple[str, str]] = ()) -> None:
        values: dict[str, str] = {}
        for name, value in pairs:
            # Names and most values are the same in every answer: ten thousand that are kept hold them once.
            name = sys.intern(name.lower())
            if type(value) is str and len(value) <= _SHORT:
                value = sys.intern(value)
            # Repeated fields are one list (RFC 9110, section 5.3).
            values[name] = f"{values[name]}, {value}" if name in values else value
        self._values = values

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __contains__(self, name: object) -> bool:
        return isinstance(name, str) and name.lower() in self._values

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def values(self) -> ValuesView[str]:
        """Return the values of all headers."""
        return self._values.values()

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"

    def __reduce__(self) -> tuple[Any, ...]:
        return Headers, (tuple(self._values.items()),)
