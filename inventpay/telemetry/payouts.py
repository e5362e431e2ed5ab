"""The rows of payout journals by state, from the changes that a journal reports."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, Protocol, runtime_checkable

if TYPE_CHECKING:
    from ..payouts.hooks import PayoutRowChanged


@runtime_checkable
class Payouts(Protocol):
    """The part of ``Payouts`` and ``AsyncPayouts`` that is observed."""

    def row_counts(self) -> Mapping[tuple[str, str], int]:
        """Return the number of rows by state and currency."""
        ...

    def add_hook(self, hook: Callable[[PayoutRowChanged], object]) -> None:
        """Add a function that is called for every row that is written."""
        ...


class PayoutTelemetry:
    """A hook that counts the rows of one journal, so that no other thread has to read the file."""

    def __init__(self, gauge: object, rows: Mapping[tuple[str, str], int]) -> None:
        self._gauge: Final = gauge
        self._lock: Final = threading.Lock()
        self._rows: Final = Counter(rows)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, PayoutTelemetry) and other._gauge is self._gauge

    def __hash__(self) -> int:
        # Sets keep each of them, equal ones too.
        return object.__hash__(self)

    def __call__(self, event: PayoutRowChanged) -> None:
        """Count one change."""
        with self._lock:
            if event.before is not None:
                self._rows[event.before, event.currency] -= 1
            self._rows[event.after, event.currency] += 1

    def rows(self) -> Counter[tuple[str, str]]:
        """Return the number of rows by state and currency; a state that has no rows any more counts 0."""
        with self._lock:
            return self._rows.copy()
