"""The clock by which the age of events is judged, unless one is passed."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import Final

_clocks: Final[list[Callable[[], float]]] = []


def wall_clock() -> float:
    """Return the time in Unix seconds: that of the machine, or of the clock of ``use_clock``."""
    return _clocks[-1]() if _clocks else time.time()


@contextmanager
def use_clock(clock: Callable[[], float]) -> Generator[None, None, None]:
    """Use another clock in this process while the block runs: the pytest plugin does so with its sandbox's clock."""
    _clocks.append(clock)
    try:
        yield
    finally:
        _clocks.remove(clock)
