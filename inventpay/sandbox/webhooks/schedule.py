"""The schedule of attempts; it has no clock, so callers pass the time."""

from __future__ import annotations

import heapq
from collections import defaultdict

import attrs

# Seconds after which a delivery that waits to be overtaken is sent anyway.
OVERTAKEN_WITHIN = 60.0


@attrs.frozen(kw_only=True)
class Plan:
    """An attempt to make."""

    delivery_id: str
    url: str
    copies: int = 1
    forged: bool = False


@attrs.frozen
class _Entry:
    number: int
    plan: Plan


class Schedule:
    """Attempts in the order in which they are due, one per delivery; and payments to check at their expiry."""

    def __init__(self) -> None:
        self._numbers = 0
        self._entries: dict[str, _Entry] = {}
        # Entries of attempts that were planned again stay in the heap and are void.
        self._heap: list[tuple[float, int, str]] = []
        self._overtaken: defaultdict[str, list[tuple[int, Plan]]] = defaultdict(list)
        self._checks: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def has(self, delivery_id: str) -> bool:
        """Return whether an attempt of that delivery is planned."""
        return delivery_id in self._entries

    def plan(self, plan: Plan, at: float) -> None:
        """Plan the next attempt of that delivery for ``at``, in place of an earlier plan."""
        self._enter(plan, at)

    def plan_overtaken(self, plan: Plan, now: float) -> float:
        """Plan an attempt after the next event for the same URL, see ``release``; return its latest time."""
        at = now + OVERTAKEN_WITHIN
        self._overtaken[plan.url].append((self._enter(plan, at), plan))
        return at

    def release(self, url: str, at: float) -> list[str]:
        """Plan the deliveries that wait to be overtaken after an event to that URL at ``at``; return their ids."""
        released: list[str] = []
        for number, plan in self._overtaken.pop(url, []):
            entry = self._entries.get(plan.delivery_id)
            if entry is not None and entry.number == number:
                self._enter(plan, at)
                released.append(plan.delivery_id)
        return released

    def check_at(self, payment_id: str, at: float) -> None:
        """Plan a check of the payment at ``at``."""
        heapq.heappush(self._checks, (at, payment_id))

    def take(self, now: float) -> list[Plan]:
        """Remove and return the due attempts, in order."""
        due: list[Plan] = []
        while self._drop_void() and self._heap[0][0] <= now:
            _, _, delivery_id = heapq.heappop(self._heap)
            due.append(self._entries.pop(delivery_id).plan)
        return due

    def take_checks(self, now: float) -> list[str]:
        """Remove and return the payments to check."""
        due: list[str] = []
        while self._checks and self._checks[0][0] <= now:
            due.append(heapq.heappop(self._checks)[1])
        return due

    @property
    def next_at(self) -> float | None:
        """Return the time of the next attempt or check."""
        self._drop_void()
        return min((heap[0][0] for heap in (self._heap, self._checks) if heap), default=None)

    def _enter(self, plan: Plan, at: float) -> int:
        self._numbers += 1
        self._entries[plan.delivery_id] = _Entry(self._numbers, plan)
        heapq.heappush(self._heap, (at, self._numbers, plan.delivery_id))
        return self._numbers

    def _drop_void(self) -> bool:
        """Remove void entries from the top; return whether an attempt is planned."""
        while self._heap:
            _, number, delivery_id = self._heap[0]
            entry = self._entries.get(delivery_id)
            if entry is not None and entry.number == number:
                return True
            heapq.heappop(self._heap)
        return False
