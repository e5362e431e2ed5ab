"""Refuse to pickle objects that hold connections, locks or keys, with an error that says what to do."""

from __future__ import annotations

from typing import NoReturn


class Unpicklable:
    """The base of classes whose objects belong to one process: :mod:`pickle` and :mod:`copy` raise TypeError."""

    __slots__ = ()

    def __reduce__(self) -> NoReturn:
        raise TypeError(f"{type(self).__name__} cannot be pickled or copied: make one in each process that needs it")
