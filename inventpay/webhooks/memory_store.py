"""Handled events in the memory of one process."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Sequence
from typing import Final

from attrs import define

from .._concurrency import forking
from .._core.json_values import shown
from .._core.unpicklable import Unpicklable
from ..errors import ConfigurationError
from .seen import RETENTION, Claim, ClaimStatus, DeadLetter, new_token

MOST_KEYS: Final = 100_000
"""About 25 MB when full. An event takes one to four keys."""

MOST_DEAD_LETTERS: Final = 100
"""Dead letters that are kept, the newest. They are listed only: their deliveries are answered 503, and come again."""


@define(eq=False)
class _Entry:
    keys: tuple[str, ...]
    token: str
    leased_until: float
    due_at: float = 0.0
    attempts: int = 0
    body: bytes | None = None
    handled_at: float | None = None

    def claim(self) -> Claim:
        return Claim(keys=self.keys, token=self.token, body=self.body, attempts=self.attempts)


class MemorySeenStore(Unpicklable):
    """Remembers events for as long as the process lives: for one process, and for tests.

    Handled events are forgotten after ``retention`` seconds, or earlier, the oldest first, when more than ``most_keys``
    keys are kept; so are claims whose lease is over. Several processes, or one that is restarted, need a
    :class:`SQLiteSeenStore`, or one in Redis or in the application's database.

    Raises ConfigurationError for bounds that are not above zero.
    """

    def __init__(
        self,
        *,
        most_keys: int = MOST_KEYS,
        retention: float = RETENTION,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        for name, bound in (("most_keys", most_keys), ("retention", retention)):
            if not bound > 0:
                raise ConfigurationError(f"{name}={shown(bound)} must be above 0")
        self._most_keys = most_keys
        self._retention = retention
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._handled: deque[_Entry] = deque()
        self._claimed: deque[tuple[_Entry, str]] = deque()
        self._letters: dict[str, DeadLetter] = {}
        self._lock = threading.Lock()
        forking.register_fork_handler(self)

    @property
    def blocking(self) -> bool:
        """``False``: no method waits."""
        return False

    @property
    def durable(self) -> bool:
        """``False``: nothing survives the process."""
        return False

    def claim(
        self,
        keys: Sequence[str],
        lease: float,
        body: bytes | None = None,
        *,
        notes: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> Claim | ClaimStatus:
        """See :class:`SeenStore`."""
        with self._exclusive():
            now = self._clock()
            self._forget_old(now)
            known = [self._entries[key] for key in keys if key in self._entries]
            handled = next((entry for entry in known if entry.handled_at is not None), None)
            if handled is not None:
                self._add_keys(handled, aliases)
                return ClaimStatus.HANDLED
            held = [entry for entry in known if entry.leased_until > now]
            if held:
                return ClaimStatus.BUSY if any(entry.body is None for entry in held) else ClaimStatus.STORED
            entry = known[0] if known else _Entry((), "", 0.0)
            self._add_keys(entry, (*keys, *notes, *aliases))
            entry.token = new_token()
            entry.leased_until = now + lease
            if body is not None:
                entry.body, entry.due_at = body, now
            if entry.body is None:
                self._claimed.append((entry, entry.token))
            return entry.claim()

    def renew(self, claim: Claim, lease: float) -> bool:
        """See :class:`SeenStore`."""
        with self._exclusive():
            entry = self._held(claim)
            if entry is not None:
                entry.leased_until = self._clock() + lease
            return entry is not None

    def finish(self, claim: Claim, keep: float | None = None) -> bool:
        """See :class:`SeenStore`. ``keep`` is for stores that persist."""
        with self._exclusive():
            entry = self._held(claim)
            if entry is None:
                return False
            entry.body, entry.handled_at = None, self._clock()
            self._handled.append(entry)
            return True

    def release(self, claim: Claim, retry_in: float = 0.0, *, forget: bool = False) -> bool:
        """See :class:`SeenStore`."""
        with self._exclusive():
            entry = self._held(claim)
            if entry is None:
                return False
            if entry.body is None or forget:
                self._forget(entry)
            else:
                now = self._clock()
                entry.leased_until, entry.due_at = now, now + retry_in
            return True

    def due(self, lease: float) -> Claim | None:
        """See :class:`SeenStore`."""
        with self._exclusive():
            now = self._clock()
            waiting = [
                entry
                for entry in self._entries.values()
                if entry.body is not None and entry.due_at <= now and entry.leased_until <= now
            ]
            if not waiting:
                return None
            entry = min(waiting, key=lambda entry: entry.due_at)
            entry.token = new_token()
            entry.leased_until = now + lease
            entry.attempts += 1
            return entry.claim()

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """See :class:`SeenStore`."""
        with self._exclusive():
            self._letters.setdefault(letter.id, letter)
            if len(self._letters) > MOST_DEAD_LETTERS:
                del self._letters[next(iter(self._letters))]

    def dead_letters(self) -> list[DeadLetter]:
        """See :class:`SeenStore`."""
        with self._exclusive():
            return list(self._letters.values())

    def drop_dead_letter(self, letter_id: str) -> None:
        """See :class:`SeenStore`."""
        with self._exclusive():
            self._letters.pop(letter_id, None)

    def __len__(self) -> int:
        """Return the number of keys that are kept."""
        return len(self._entries)

    def __repr__(self) -> str:
        return f"<MemorySeenStore with {len(self)} keys>"

    def fork_lock(self) -> forking.Lock:
        """Return the lock that is held while the state changes."""
        return self._lock

    def after_fork_in_child(self) -> None:
        """Replace the lock: the parent's may be held by a thread that does not exist here."""
        self._lock = threading.Lock()

    def _exclusive(self) -> threading.Lock:
        """Return the lock of this process."""
        forking.notice_fork()
        return self._lock

    def _held(self, claim: Claim) -> _Entry | None:
        entry = self._entries.get(claim.keys[0])
        return entry if entry is not None and entry.token == claim.token and entry.handled_at is None else None

    def _add_keys(self, entry: _Entry, keys: Sequence[str]) -> None:
        for key in keys:
            if key not in self._entries:
                self._entries[key] = entry
                entry.keys += (key,)

    def _forget_old(self, now: float) -> None:
        while self._handled and (
            len(self._entries) > self._most_keys or now - (self._handled[0].handled_at or 0.0) >= self._retention
        ):
            self._forget(self._handled.popleft())
        # Claims of tasks that were dropped. Those that ended otherwise only leave the queue.
        while self._claimed:
            entry, token = self._claimed[0]
            if entry.token == token and entry.handled_at is None and entry.body is None and entry.keys:
                is_over = len(self._entries) > self._most_keys and entry.leased_until <= now
                if not is_over and now - entry.leased_until < self._retention:
                    return
                self._forget(entry)
            self._claimed.popleft()

    def _forget(self, entry: _Entry) -> None:
        for key in entry.keys:
            del self._entries[key]
        entry.keys = ()
