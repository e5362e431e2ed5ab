"""What calls about the key pool of a product answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from .raw import raw_field

__all__ = ["AddedKeys", "KeyState", "KeyStats", "ProductKey", "RemovedKeys"]


class KeyState(StrEnum):
    """What ``ProductKey.status`` can be."""

    AVAILABLE = "AVAILABLE"
    ASSIGNED = "ASSIGNED"
    """A buyer has it."""
    REVOKED = "REVOKED"


@frozen(kw_only=True)
class ProductKey:
    """One key of a pool (vendor's JavaScript SDK). The oldest available one goes to the next buyer."""

    id: str
    key_value: str = field(repr=False)
    """What the buyer gets. Not in the repr: whoever has it has the product."""
    status: KeyState | str
    label: str | None = None
    """The batch it was added with."""
    order_id: str | None = None
    """The order it was assigned to."""
    assigned_at: datetime | None = None
    created_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class AddedKeys:
    """What became of keys so far: each was added, or was there already."""

    added: int
    duplicates: int
    """Keys that were given twice, or that the pool had already."""
    raw: Mapping[str, Any] = raw_field()

    @property
    def taken(self) -> int:
        """How many of the keys that were given this is."""
        return self.added + self.duplicates


@frozen(kw_only=True)
class KeyStats:
    """How many keys a pool has (vendor's JavaScript SDK)."""

    available: int
    assigned: int
    revoked: int
    total: int
    use_key_pool: bool | None = None
    """Whether buyers of the product get a key."""
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class RemovedKeys:
    """How many keys are gone."""

    removed: int
    raw: Mapping[str, Any] = raw_field()
