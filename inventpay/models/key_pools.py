"""Models of the key pool of a product."""

from __future__ import annotations

from datetime import datetime

from attrs import field, frozen

from .base import Model
from .enums import State

__all__ = ["AddedKeys", "KeyState", "KeyStats", "ProductKey", "RemovedKeys"]


class KeyState(State):
    """Values of ``ProductKey.status``."""

    AVAILABLE = "AVAILABLE"
    """No buyer has it."""
    ASSIGNED = "ASSIGNED"
    """A buyer has it."""
    REVOKED = "REVOKED"
    """It is not given to buyers any more."""


@frozen(kw_only=True, repr=False)
class ProductKey(Model):
    """One key of a pool (vendor's JavaScript SDK). The oldest available one goes to the next buyer."""

    id: str
    """Id of the key."""
    key_value: str = field(repr=False)
    """The key that the buyer gets. Not in the repr: it is as good as the product."""
    status: KeyState | str
    """State of the key."""
    label: str | None = None
    """Name of the batch that it was added with."""
    order_id: str | None = None
    """Id of the order that it was assigned to."""
    assigned_at: datetime | None = None
    """Time at which a buyer got it."""
    created_at: datetime | None = None
    """Time at which it was added."""


@frozen(kw_only=True, repr=False)
class AddedKeys(Model):
    """The keys that were added so far, and those that were there already."""

    added: int
    """Number of keys that were added."""
    duplicates: int
    """Number of keys that were given twice, or that the pool had already."""

    @property
    def taken(self) -> int:
        """Number of the given keys that were handled: added, or found to be duplicates."""
        return self.added + self.duplicates


@frozen(kw_only=True, repr=False)
class KeyStats(Model):
    """The numbers of keys in a pool (vendor's JavaScript SDK)."""

    available: int | None = None
    """Number of keys that no buyer has."""
    assigned: int | None = None
    """Number of keys that buyers have."""
    revoked: int | None = None
    """Number of keys that are not given to buyers any more."""
    total: int | None = None
    """Number of all keys."""
    use_key_pool: bool | None = None
    """Whether buyers of the product get a key."""


@frozen(kw_only=True, repr=False)
class RemovedKeys(Model):
    """The number of keys that were removed."""

    removed: int
    """Number of keys that were removed."""
