"""Remember the ids that the API issued to creations, so that none is issued to two of them.

The memory belongs to the process, like that of keys in doubt, and is bounded for each account.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from .._concurrency.forking import Lock, register_fork_handler

CAPACITY: Final = 10_000
"""Ids remembered for each account; the oldest is forgotten first."""

ACCOUNTS: Final = 1_024
"""Accounts remembered; the one that was used longest ago is forgotten first."""


class Owner(NamedTuple):
    """The creation that an id belongs to."""

    idempotency_key: str | None
    order_id: str | None

    def shares_with(self, other: Owner) -> bool:
        """Return whether both may have one id: they are one operation, or named the same order."""
        if self.idempotency_key is not None and self.idempotency_key == other.idempotency_key:
            return True
        return self.order_id is not None and self.order_id == other.order_id


class IssuedIds:
    """The issued ids of one process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._accounts: OrderedDict[tuple[str, str], OrderedDict[tuple[str, str], Owner]] = OrderedDict()
        self._lock = threading.Lock()
        register_fork_handler(self)

    def claim(self, account: tuple[str, str], kind: str, resource_id: str, owner: Owner) -> Owner | None:
        """Note that an id was given to a creation; return the other creation that it belongs to, if there is one.

        ``account`` is base URL and fingerprint of the API key, ``kind`` the name of the member that holds the id.
        """
        with self._lock:
            ids = self._accounts.setdefault(account, OrderedDict())
            self._accounts.move_to_end(account)
            if len(self._accounts) > ACCOUNTS:
                self._accounts.popitem(last=False)
            known = ids.get((kind, resource_id))
            if known is not None and not known.shares_with(owner):
                return known
            ids[kind, resource_id] = owner
            if len(ids) > self._capacity:
                ids.popitem(last=False)
            return None

    def fork_lock(self) -> Lock:
        """Return the lock that a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the lock in a forked child. What the parent was given stays given."""
        self._lock = threading.Lock()


MEMORY: Final = IssuedIds()
"""The memory that all clients of this process share."""
