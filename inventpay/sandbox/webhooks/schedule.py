"""What is due when: an agenda without a clock, whose callers say what time it is."""

from __future__ import annotations

import heapq
from collections import defaultdict

import attrs

# Seconds after which a delivery that waits to be overtaken sets out although nothing came by.
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
    """Attempts in the order in which they are due, one a delivery; and payments to look at when they expire."""

    def __init__(self) -> None:
        self._numbers = 0
        self._entries: dict[str, _Entry] = {}
        # Entries that were planned anew stay in the heap and are void.
        self._heap: list[tuple[float, int, str]] = []
        self._overtaken: defaultdict[str, list[tuple[int, Plan]]] = defaultdict(list)
        self._looks: list[tuple[float, str]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def has(self, delivery_id: str) -> bool:
        """Whether an attempt of that delivery is planned."""
        return delivery_id in self._entries

    def plan(self, plan: Plan, at: float) -> None:
        """The next attempt of that delivery is due at `at`, whatever was planned for it before."""
        self._enter(plan, at)

    def plan_overtaken(self, plan: Plan, now: float) -> float:
        """The attempt is due once something new has gone to the same URL, see `release`; at the latest when?"""
        at = now + OVERTAKEN_WITHIN
        self._overtaken[plan.url].append((self._enter(plan, at), plan))
        return at

    def release(self, url: str, at: float) -> list[str]:
        """Something new goes to that URL at `at`: what waits to be overtaken follows it. The deliveries that do."""
        released: list[str] = []
        for number, plan in self._overtaken.pop(url, []):
            entry = self._entries.get(plan.delivery_id)
            if entry is not None and entry.number == number:
                self._enter(plan, at)
                released.append(plan.delivery_id)
        return released

    def look_at(self, payment_id: str, at: float) -> None:
        """The payment is to be looked at when `at` has come."""
        heapq.heappush(self._looks, (at, payment_id))

    def take(self, now: float) -> list[Plan]:
        """The attempts that are due, in order; they are no longer planned."""
        due: list[Plan] = []
        while self._drop_void() and self._heap[0][0] <= now:
            _, _, delivery_id = heapq.heappop(self._heap)
            due.append(self._entries.pop(delivery_id).plan)
        return due

    def take_looks(self, now: float) -> list[str]:
        """The payments that are to be looked at."""
        due: list[str] = []
        while self._looks and self._looks[0][0] <= now:
            due.append(heapq.heappop(self._looks)[1])
        return due

    @property
    def next_at(self) -> float | None:
        """When something is due next."""
        self._drop_void()
        return min((heap[0][0] for heap in (self._heap, self._looks) if heap), default=None)

    def _enter(self, plan: Plan, at: float) -> int:
        self._numbers += 1
        self._entries[plan.delivery_id] = _Entry(self._numbers, plan)
        heapq.heappush(self._heap, (at, self._numbers, plan.delivery_id))
        return self._numbers

    def _drop_void(self) -> bool:
        """Whether an attempt is planned; void entries are gone from the top then."""
        while self._heap:
            _, number, delivery_id = self._heap[0]
            entry = self._entries.get(delivery_id)
            if entry is not None and entry.number == number:
                return True
            heapq.heappop(self._heap)
        return False
