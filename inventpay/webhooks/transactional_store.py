"""Stores in the application's own database: the note of an event commits with the handler's work, or not at all."""

from __future__ import annotations

import logging
import sys
import time
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, suppress
from typing import Any, ClassVar, Final

from attrs import define

from ..errors import ConfigurationError
from .seen import PAID_RETENTION, Claim, ClaimStatus, DeadLetter, new_token

logger: Final = logging.getLogger("inventpay.webhooks")

FORGET_EVERY: Final = 3600.0
"""Seconds between two deletions of old notes by one process."""


@define
class _Deletion:
    """Time, in Unix seconds, of the next deletion of old notes."""

    due_at: float = 0.0


class TransactionalSeenStore(ABC):
    """Base of stores whose notes are rows in the application's database, in the transaction of the handler.

    ``claim`` opens a transaction and inserts the event's keys, the handler works in the same transaction, and
    ``finish`` commits both. After an exception, a failed commit or the death of the process neither remains, and the
    next delivery tries again; so each event is handled exactly once. A concurrent delivery waits for the first one at
    the unique keys. A subclass connects it to a database library: see ``SQLAlchemySeenStore``, and the Django example
    in ``docs/webhooks.md``.

    The whole procedure of a delivery runs in one thread, also under an event loop. ``respond="first"`` is refused.

    Args:
        retention: Seconds for which events are remembered, by default 400 days.
        clock: Function that returns the time in Unix seconds.
    """

    transactional: ClassVar[bool] = True
    """Whether handlers run in the store's transactions."""

    conflicts: tuple[type[Exception], ...]
    """Exceptions of ``insert_keys`` for a key that exists."""

    def __init__(self, *, retention: float = PAID_RETENTION, clock: Callable[[], float] = time.time) -> None:
        self._retention = retention
        self._clock = clock
        self._open: dict[str, AbstractContextManager[Any]] = {}
        self._deletion = _Deletion()

    @abstractmethod
    def transaction(self) -> AbstractContextManager[Any]:
        """Return a context that commits at its end, and rolls back on an exception.

        Its end raises an exception where nothing is committed, such as after a handler that rolled back by itself: the
        event would count as handled. Inside a transaction of the caller it may be a savepoint; then the caller's
        commit is the last word.
        """

    @abstractmethod
    def insert_keys(self, keys: Sequence[str], forget_at: float) -> None:
        """Insert rows. Raises one of ``conflicts`` if another transaction has committed one of the keys.

        ``forget_at`` is the time, in Unix seconds, from which the row may be deleted.
        """

    @abstractmethod
    def existing_keys(self, keys: Sequence[str]) -> set[str]:
        """Return those of the keys that have rows."""

    @abstractmethod
    def delete_keys(self, before: float) -> None:
        """Delete the rows whose ``forget_at`` is before a time in Unix seconds."""

    @abstractmethod
    def insert_dead_letter(self, letter: DeadLetter) -> None:
        """Insert a dead letter. Raises one of ``conflicts`` if its id exists."""

    @abstractmethod
    def dead_letters(self) -> list[DeadLetter]:
        """Return all dead letters, oldest first."""

    @abstractmethod
    def delete_dead_letter(self, letter_id: str) -> None:
        """Delete a dead letter, if it exists."""

    @property
    def blocking(self) -> bool:
        """``True``: every method may wait for the database."""
        return True

    @property
    def durable(self) -> bool:
        """``True``: the rows are in the database."""
        return True

    def claim(
        self,
        keys: Sequence[str],
        lease: float,
        body: bytes | None = None,
        *,
        notes: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> Claim | ClaimStatus:
        """See :class:`SeenStore`. The lease is the life of the transaction."""
        if body is not None:
            raise ConfigurationError(f"{type(self).__name__} stores no bodies: it is for respond='last'")
        # In one order, so that two transactions do not wait for each other.
        wanted = sorted(set(keys))
        beside = sorted({*notes, *aliases} - set(keys))
        now = self._clock()
        transaction = self.transaction()
        transaction.__enter__()
        status = ClaimStatus.HANDLED
        try:
            self.insert_keys(wanted, now + self._retention)
            # A concurrent claim of a note, and not of a key, is rare: the delivery is repeated.
            status = ClaimStatus.BUSY
            known = self.existing_keys(beside) if beside else set[str]()
            fresh = [key for key in beside if key not in known]
            if fresh:
                self.insert_keys(fresh, now + self._retention)
        except self.conflicts:
            self._roll_back(transaction)
            if status is ClaimStatus.HANDLED and aliases:
                self._note(aliases, now)
            return status
        except BaseException:
            self._roll_back(transaction)
            raise
        token = new_token()
        self._open[token] = transaction
        return Claim(keys=(*wanted, *fresh), token=token)

    def renew(self, claim: Claim, lease: float) -> bool:
        """See :class:`SeenStore`. A transaction needs no renewal."""
        return claim.token in self._open

    def finish(self, claim: Claim, keep: float | None = None) -> bool:
        """See :class:`SeenStore`. Commit; an exception means that nothing was committed."""
        transaction = self._open.pop(claim.token, None)
        if transaction is None:
            return False
        transaction.__exit__(None, None, None)
        try:
            self._forget()
        except Exception:
            # The event is handled and noted all the same.
            logger.exception("notes of events that are old enough to be forgotten could not be deleted")
        return True

    def release(self, claim: Claim, retry_in: float = 0.0, *, forget: bool = False) -> bool:
        """See :class:`SeenStore`. Roll back."""
        transaction = self._open.pop(claim.token, None)
        if transaction is not None:
            self._roll_back(transaction)
        return transaction is not None

    def due(self, lease: float) -> Claim | None:
        """See :class:`SeenStore`. There are no stored bodies."""
        return None

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """See :class:`SeenStore`."""
        with suppress(*self.conflicts), self.transaction():
            self.insert_dead_letter(letter)

    def drop_dead_letter(self, letter_id: str) -> None:
        """See :class:`SeenStore`."""
        with self.transaction():
            self.delete_dead_letter(letter_id)

    def _note(self, aliases: Sequence[str], now: float) -> None:
        """Note the further keys of an event that was handled before."""
        with suppress(*self.conflicts), self.transaction():
            known = self.existing_keys(list(aliases))
            fresh = [key for key in dict.fromkeys(aliases) if key not in known]
            if fresh:
                self.insert_keys(fresh, now + self._retention)

    def _forget(self) -> None:
        now = self._clock()
        if now >= self._deletion.due_at:
            self._deletion.due_at = now + FORGET_EVERY
            with self.transaction():
                self.delete_keys(now)

    @staticmethod
    def _roll_back(transaction: AbstractContextManager[Any]) -> None:
        if sys.exc_info()[0] is not None:
            transaction.__exit__(*sys.exc_info())
            return
        try:
            raise _RolledBack
        except _RolledBack:
            with suppress(_RolledBack):
                transaction.__exit__(*sys.exc_info())


class _RolledBack(Exception):
    """Makes a transaction roll back."""
