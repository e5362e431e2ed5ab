"""Remember idempotency keys whose requests may have taken effect.

A key is remembered from the first possible byte of a request until a success, for the lifetime of keys at the API.
The memory belongs to the process: all clients and threads share it, and forked children inherit a copy. It is bounded;
times are Unix times, given by the caller.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from .._concurrency.forking import Lock, register_fork_handler

LIFETIME: Final = 24 * 60 * 60.0
"""Seconds for which a key is remembered (docs: api-reference/introduction: the API keeps keys for 24 hours)."""

CAPACITY: Final = 10_000
"""Most keys remembered; the oldest is forgotten first. Doubts are rare; calls in flight are not."""

REPEATABLE_FOR: Final = 20 * 60 * 60.0
"""Seconds after its first request for which a withdrawal in doubt may be repeated: four hours less than the API keeps
the key, for clocks that differ and requests that wait."""


class KeyName(NamedTuple):
    """The identity of an idempotency key."""

    base_url: str
    account: str
    """Fingerprint of the API key."""
    idempotency_key: str


class KnownKey:
    """The state of one key. Change it only while holding the lock of its memory."""

    __slots__ = ("digest", "first_sent_at", "open", "settled")

    def __init__(self, digest: bytes, first_sent_at: float) -> None:
        self.digest: bytes = digest
        """Digest of the request: method, path and body; empty when the API knows the key from another one."""
        self.first_sent_at: Final = first_sent_at
        """When its first request was written, as Unix time."""
        self.open: int = 0
        """Requests that may have taken effect."""
        self.settled: bool = False
        """Whether one of its requests succeeded."""


class DoubtMemory:
    """The keys in doubt of one process."""

    def __init__(self, capacity: int = CAPACITY) -> None:
        self._capacity = capacity
        self._known: OrderedDict[KeyName, KnownKey] = OrderedDict()
        self._lock = threading.Lock()
        register_fork_handler(self)

    def __len__(self) -> int:
        return len(self._known)

    def find(self, name: KeyName, now: float) -> KnownKey | None:
        """Return what is known of a key, ``None`` where no request with it is in doubt."""
        with self._lock:
            return self._find(name, now)

    def open(self, name: KeyName, mine: KnownKey, now: float) -> KnownKey:
        """Count one more request as possibly sent, and return ``mine``.

        If another call sent a request with the key since the caller looked, nothing is counted and what is known of
        that request is returned.
        """
        with self._lock:
            known = self._find(name, now)
            if known is None:
                known = self._known[name] = mine
                while len(self._known) > self._capacity:
                    self._known.popitem(last=False)
            if known is mine:
                known.open += 1
            return known

    def adopt(self, name: KeyName, digest: bytes, first_sent_at: float, now: float) -> None:
        """Remember a doubt of another process, which an error carried here."""
        with self._lock:
            if self._find(name, now) is None:
                known = self._known[name] = KnownKey(digest, first_sent_at)
                known.open = 1

    def close(self, name: KeyName, known: KnownKey, *, succeeded: bool) -> None:
        """Count one request less: it certainly had no effect, or it ``succeeded``, which settles the key."""
        with self._lock:
            known.open = max(0, known.open - 1)
            known.settled = known.settled or succeeded
            if (succeeded or known.open == 0) and self._known.get(name) is known:
                del self._known[name]

    def _find(self, name: KeyName, now: float) -> KnownKey | None:
        # Keys are added in the order of their first requests, but for the few that were adopted.
        while self._known:
            oldest, known = next(iter(self._known.items()))
            if known.first_sent_at > now - LIFETIME:
                break
            del self._known[oldest]
        return self._known.get(name)

    def fork_lock(self) -> Lock:
        """Return the lock that a fork waits for."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the lock in a forked child. The doubts of the parent stay: a request is in doubt for both."""
        self._lock = threading.Lock()


MEMORY: Final = DoubtMemory()
"""The memory that all clients of this process share."""


def request_digest(method: str, path: str, body: bytes | None) -> bytes:
    """Return a digest that distinguishes two requests under one key."""
    return hashlib.blake2b(f"{method} {path}\n".encode() + (body or b""), digest_size=16).digest()


class CallDoubt:
    """The doubt about one write: whether a request of it, or an earlier one with its key, may have had an effect.

    Writes without an idempotency key have a doubt of their own, which ends with the call.
    """

    __slots__ = ("_counted", "_digest", "_known", "_memory", "_name")

    def __init__(self, name: KeyName | None, digest: bytes, memory: DoubtMemory = MEMORY) -> None:
        self._name: Final = name
        self._digest: Final = digest
        self._memory: Final = memory
        self._known: KnownKey | None = None
        # True while the last request of this call is counted among the open ones.
        self._counted = False

    @property
    def exists(self) -> bool:
        """Whether a request may have taken effect."""
        return self._known is not None and (self._known.open > 0 or self._known.settled)

    @property
    def first_sent_at(self) -> float | None:
        """When the first request that may have taken effect was written, as Unix time."""
        return self._known.first_sent_at if self._known is not None and self.exists else None

    def earlier(self, now: float) -> KnownKey | None:
        """Return the doubt that other calls with this key left behind, and share it from now on."""
        if self._name is not None:
            known = self._memory.find(self._name, now)
            if known is not None:
                self._known = known
            return known
        return None

    def conflicts(self, known: KnownKey) -> bool:
        """Return whether an earlier request under this key was a different one."""
        return known.digest != self._digest

    def adopt(self, first_sent_at: float, now: float) -> None:
        """Remember a request that another process sent."""
        if self._name is not None:
            self._memory.adopt(self._name, self._digest, first_sent_at, now)

    def sending(self, now: float) -> KnownKey | None:
        """Count the request that is about to be written.

        Returns ``None``; or, when a call elsewhere sent one with this key first, what is known of that. Then nothing is
        counted, and the caller decides whether to try again.
        """
        mine = self._known or KnownKey(self._digest, now)
        if self._name is None:
            mine.open += 1
            self._known, self._counted = mine, True
            return None
        known = self._memory.open(self._name, mine, now)
        self._known, self._counted = known, known is mine
        return None if self._counted else known

    def had_no_effect(self) -> None:
        """Take back the last request: it was not written, or provably refused."""
        self._close(succeeded=False)

    def belongs_elsewhere(self) -> None:
        """Remember that the API knows the key from a request with other data: no request of ours may use it."""
        if self._known is not None:
            self._known.digest = b""

    def succeeded(self) -> None:
        """Settle the key: the last request succeeded."""
        self._close(succeeded=True)

    def _close(self, *, succeeded: bool) -> None:
        if self._known is None or not self._counted:
            return
        self._counted = False
        if self._name is None:
            self._known.open = 0 if succeeded else max(0, self._known.open - 1)
        else:
            self._memory.close(self._name, self._known, succeeded=succeeded)
