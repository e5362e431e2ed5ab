"""Learn how the payers of one client pay from the payments it watched, starting from what is assumed."""

from __future__ import annotations

import math
from typing import Final

from attrs import evolve

from ..options import WatchSettings

PRIOR_WEIGHT: Final = 20.0
"""Payments that the assumptions count as much as: chance in the first few must not overturn them."""

MEMORY: Final = 400.0
"""Payments that count at most, the newest most: payers of today may differ from those of last month."""

_SLOWEST_CHANGE: Final = 0.1
"""Settings are made again when a value moved by a tenth; smaller changes do not change what is polled."""


class Payers:
    """The estimate of when payers pay. Callers hold a lock round every call.

    >>> payers = Payers(WatchSettings())
    >>> for _ in range(400):
    ...     payers.paid(75.0)
    >>> 70 < payers.belief.median < 85
    True
    """

    __slots__ = ("_assumed", "_count", "_deviation", "_mean", "belief")

    def __init__(self, assumed: WatchSettings) -> None:
        self.belief: WatchSettings = assumed
        self._assumed = assumed
        # Mean and squared deviation of the logarithm of the time to pay, weighted; the assumption is where it starts.
        self._mean = math.log(assumed.median)
        self._deviation = assumed.spread**2
        self._count = PRIOR_WEIGHT

    def paid(self, age: float) -> None:
        """Count a payment whose funds were seen ``age`` seconds after its creation."""
        if not self._assumed.learn:
            return
        self._count = min(self._count + 1.0, MEMORY)
        weight = 1.0 / self._count
        off = math.log(max(age, 1.0)) - self._mean
        self._mean += weight * off
        self._deviation = (1 - weight) * (self._deviation + weight * off * off)
        median, spread = math.exp(self._mean), max(math.sqrt(self._deviation), 0.3)
        if _moved(median, self.belief.median) or _moved(spread, self.belief.spread):
            self.belief = evolve(self._assumed, median=max(median, 1.0), spread=spread)


def _moved(new: float, old: float) -> bool:
    return abs(new - old) > _SLOWEST_CHANGE * old
