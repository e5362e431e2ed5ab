"""Renewal of leases while handlers run."""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Generator
from contextlib import contextmanager
from typing import Final

from .._concurrency import forking
from .._concurrency.steady_time import monotonic
from .seen import Claim, SeenStore

logger: Final = logging.getLogger("inventpay.webhooks")

LONGEST_HANDLER: Final = 3600.0
"""Seconds after which the lease of a handler is renewed no more: it hangs, and another process may try."""


class LeaseKeeper:
    """Renews the claims of running handlers, in one thread that exists while there are some."""

    def __init__(self, store: SeenStore, lease: float) -> None:
        self._store = store
        self._lease = lease
        self._held: dict[str, tuple[Claim, float]] = {}
        self._thread: threading.Thread | None = None
        self._lock = threading.Lock()
        forking.register_fork_handler(self)

    @contextmanager
    def hold(self, claim: Claim) -> Generator[None, None, None]:
        """Renew the claim's lease while the block runs."""
        forking.notice_fork()
        with self._lock:
            self._held[claim.token] = claim, monotonic()
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._renew, name="inventpay-webhook-leases", daemon=True)
                self._thread.start()
        try:
            yield
        finally:
            with self._lock:
                self._held.pop(claim.token, None)

    def fork_lock(self) -> forking.Lock:
        """Return the lock that is held while the state changes."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Drop the parent's claims and thread in a forked child."""
        self._lock = threading.Lock()
        self._held, self._thread = {}, None

    def _renew(self) -> None:
        pause = self._lease / 3
        while True:
            time.sleep(pause)
            now = monotonic()
            with self._lock:
                if not self._held:
                    self._thread = None
                    return
                # A claim younger than a pause has most of its lease left.
                old = [claim for claim, since in self._held.values() if pause <= now - since + 0.01 < LONGEST_HANDLER]
            for claim in old:
                try:
                    self._store.renew(claim, self._lease)
                except Exception:
                    logger.exception("the lease of a running handler could not be renewed")
