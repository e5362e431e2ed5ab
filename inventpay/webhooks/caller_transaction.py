"""Transactions of Django that are open around a delivery, such as those of ``ATOMIC_REQUESTS``.

A view's transaction ends after the receiver has answered. Without care a failed handler would leave half of its work in
it, and an event would be noted as handled although the commit failed. So the handler runs in a savepoint, and its event
is noted when the transaction has committed. Django is never imported here: it is used where the application did.
"""

from __future__ import annotations

import sys
import weakref
from collections.abc import Callable, Generator
from contextlib import ExitStack, contextmanager
from typing import Any

from attrs import field, frozen


@frozen
class CallerTransaction:
    """The open transactions of this thread, one for each database."""

    connections: tuple[Any, ...]
    atomic: Callable[..., Any] = field(repr=False)
    """``django.db.transaction.atomic``."""

    @contextmanager
    def savepoint(self) -> Generator[None, None, None]:
        """Undo the block's work if it raises an exception.

        Raises RuntimeError for a transaction that the block has marked for rollback: its work will not remain.
        """
        with ExitStack() as stack:
            for connection in self.connections:
                stack.enter_context(self.atomic(using=connection.alias))
            yield
            for connection in self.connections:
                if connection.needs_rollback:
                    raise RuntimeError(
                        f"the transaction of database {connection.alias!r} is marked for rollback, so nothing of the "
                        "handler would remain; let its exception leave the handler"
                    )

    def at_end(self, committed: Callable[[], object], rolled_back: Callable[[], object]) -> None:
        """Call one of two functions when all transactions have ended.

        ``rolled_back`` may be called at any time and place, even by the garbage collector: it must not wait.
        """
        # Django's test cases roll their transactions back, which is no failure of the application.
        waits = [each for each in self.connections if not any(map(_is_of_a_test, each.atomic_blocks))]
        if not waits:
            committed()
            return
        end = _End(len(waits), committed, rolled_back)
        for connection in waits:
            connection.on_commit(end)


class _End:
    """Counts commits. A rollback drops its callbacks, and so the last reference to this object."""

    def __init__(self, left: int, committed: Callable[[], object], rolled_back: Callable[[], object]) -> None:
        self._left = left
        self._committed = committed
        self._rolled_back = weakref.finalize(self, rolled_back)
        self._rolled_back.atexit = False

    def __call__(self) -> None:
        self._left -= 1
        if self._left == 0:
            self._rolled_back.detach()
            self._committed()


def find_caller_transaction() -> CallerTransaction | None:
    """Return the transactions of Django that are open in this thread, or ``None``."""
    database, conf = sys.modules.get("django.db"), sys.modules.get("django.conf")
    connections, transaction = getattr(database, "connections", None), getattr(database, "transaction", None)
    if connections is None or transaction is None or not conf or not conf.settings.configured:
        return None
    found = tuple(each for each in connections.all(initialized_only=True) if each.in_atomic_block)
    return CallerTransaction(found, transaction.atomic) if found else None


def _is_of_a_test(block: Any) -> bool:
    return getattr(block, "_from_testcase", False)
