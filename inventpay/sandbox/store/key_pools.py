"""The keys of one product. Each buyer gets one, the oldest first."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from enum import StrEnum

import attrs

from ..merchant.ids import new_id


class KeyStatus(StrEnum):
    """The statuses of a key."""

    AVAILABLE = "AVAILABLE"
    ASSIGNED = "ASSIGNED"
    REVOKED = "REVOKED"


@attrs.frozen(kw_only=True)
class Key:
    """The state of a key. Times are Unix seconds."""

    key_id: str
    value: str
    label: str | None
    created_at: float
    status: KeyStatus = KeyStatus.AVAILABLE
    order_id: str | None = None
    assigned_at: float | None = None


class KeyPool:
    """Keys in the order in which they were added."""

    def __init__(self, keys: Iterable[Key] = ()) -> None:
        self._keys: dict[str, Key] = {key.value: key for key in keys}

    def __iter__(self) -> Iterator[Key]:
        return iter(list(self._keys.values()))

    def __len__(self) -> int:
        return len(self._keys)

    def add(self, values: Iterable[str], label: str | None, now: float) -> tuple[int, int]:
        """Add keys; return the number of added ones, and that of duplicates."""
        added = duplicates = 0
        for value in values:
            if value in self._keys:
                duplicates += 1
            else:
                self._keys[value] = Key(key_id=new_id(), value=value, label=label, created_at=now)
                added += 1
        return added, duplicates

    def listed(self, status: str) -> list[Key]:
        """Return the keys with a status, or all, newest first."""
        return [key for key in reversed(self._keys.values()) if not status or key.status == status]

    def count(self, status: KeyStatus) -> int:
        """Return the number of keys with a status."""
        return sum(key.status is status for key in self._keys.values())

    def assign(self, order_id: str, now: float) -> bool:
        """Assign the oldest available key to an order; return whether there was one."""
        for key in self._keys.values():
            if key.status is KeyStatus.AVAILABLE:
                self._keys[key.value] = attrs.evolve(key, status=KeyStatus.ASSIGNED, order_id=order_id, assigned_at=now)
                return True
        return False

    def revoke(self, order_id: str) -> None:
        """Revoke the keys of an order."""
        for key in self._keys.values():
            if key.order_id == order_id:
                self._keys[key.value] = attrs.evolve(key, status=KeyStatus.REVOKED)

    def remove_available(self) -> int:
        """Remove the available keys; return their number."""
        gone = [key.value for key in self._keys.values() if key.status is KeyStatus.AVAILABLE]
        for value in gone:
            del self._keys[value]
        return len(gone)
