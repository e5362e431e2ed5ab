"""Remember idempotency keys whose requests may have taken effect.

A key is remembered from the first possible byte of a request until a success, for the lifetime of keys at the API.
The memory belongs to the process: all clients and threads share it, and forked children inherit a copy. It is bounded;
times are Unix times, given by the caller. A limiter may offer a memory that processes share, which has the last word
while it can be reached.
"""

from __future__ import annotations

import hashlib
import threading
from collections import OrderedDict
from typing import Final, NamedTuple

from .._concurrency.forking import Lock, register_fork_handler
from .._limits.shared_doubts import DoubtReply, DoubtStep, SharedDoubts, Step

LIFETIME: Final = 24 * 60 * 60.0
"""Seconds for which a key is remembered (docs: api-reference/introduction: the API keeps keys for 24 hours)."""

CAPACITY: Final = 10_000
"""Most keys remembered. The oldest payments and invoices are forgotten first, which are harmless when made twice."""

REPEATABLE_FOR: Final = 20 * 60 * 60.0
"""Seconds after its first request for which a withdrawal in doubt may be repeated: four hours less than the API keeps
the key, for clocks that differ and requests that wait."""


class KeyName(NamedTuple):
    """The identity of an idempotency key."""

    base_url: str
    account: str
    """Fingerprint of the API key."""
    idempotency_key: str

    def hash(self) -> str:
        """Return a hash under which other processes find the key."""
        return hashlib.blake2b("\0".join(self).encode(), digest_size=16, person=b"inventpay doubt").hexdigest()


class KnownKey:
    """The state of one key. Change it only while holding the lock of its memory."""

    __slots__ = ("digest", "elsewhere", "first_sent_at", "is_once", "open", "settled")

    def __init__(self, digest: bytes, first_sent_at: float, is_once: bool = True) -> None:
        self.is_once: Final = is_once
        """Whether a second request could pay twice."""
        self.digest: bytes = digest
        """Digest of the request: method, path and body; empty when the API knows the key from another one."""
        self.first_sent_at: float = first_sent_at
        """When its first request was written, as Unix time."""
        self.open: int = 0
        """Requests of this process that may have taken effect."""
        self.settled: bool = False
        """Whether one of its requests succeeded."""
        self.elsewhere: bool = False
        """Whether the shared memory knew of other calls with the key the last time it replied."""

    @property
    def is_in_doubt(self) -> bool:
        """Whether a request with the key may have taken effect."""
        return self.open > 0 or self.settled or self.elsewhere


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
                self._forget_oldest()
            if known is mine:
                known.open += 1
            return known

    def adopt(self, name: KeyName, found: KnownKey, now: float) -> None:
        """Remember a doubt of another process, which an error carried here, where nothing is known of the key."""
        with self._lock:
            if self._find(name, now) is None:
                self._known[name] = found
                found.open = 1
                self._forget_oldest()

    def learn(self, name: KeyName, reply: DoubtReply, others: int, now: float, is_once: bool = True) -> None:
        """Remember a reply of the shared memory, by which ``others`` may have sent a request with the key."""
        with self._lock:
            known = self._find(name, now)
            if others == 0:
                if known is not None and known.elsewhere:
                    known.elsewhere = False
                    if known.open == 0:
                        del self._known[name]
                return
            if known is None:
                known = self._known[name] = KnownKey(reply.digest, now - reply.age, is_once)
                self._forget_oldest()
            elif known.digest != reply.digest:
                # Two requests under one key, sent while the memory was not shared: no further one may use it.
                known.digest = b""
            known.first_sent_at = min(known.first_sent_at, now - reply.age)
            known.elsewhere = True

    def close(self, name: KeyName, known: KnownKey, *, succeeded: bool) -> None:
        """Count one request less: it certainly had no effect, or it ``succeeded``, which settles the key."""
        with self._lock:
            known.open = max(0, known.open - 1)
            known.settled = known.settled or succeeded
            is_over = succeeded or (known.open == 0 and not known.elsewhere)
            if is_over and self._known.get(name) is known:
                del self._known[name]

    def _forget_oldest(self) -> None:
        while len(self._known) > self._capacity:
            harmless = (name for name, known in self._known.items() if not known.is_once)
            del self._known[next(harmless, next(iter(self._known)))]

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


ADOPTED: Final = "adopted"
"""The ticket of requests that an error carried here. It is never taken back."""


def request_digest(method: str, path: str, body: bytes | None) -> bytes:
    """Return a digest that distinguishes two requests under one key."""
    return hashlib.blake2b(f"{method} {path}\n".encode() + (body or b""), digest_size=16).digest()


class CallDoubt:
    """The doubt about one write: whether a request of it, or an earlier one with its key, may have had an effect.

    Writes without an idempotency key have a doubt of their own, which ends with the call. Times are Unix times.
    """

    __slots__ = (
        "_counted",
        "_digest",
        "_is_left_open",
        "_is_new",
        "_is_once",
        "_known",
        "_memory",
        "_name",
        "_shared",
        "_ticket",
        "_unanswered",
    )

    def __init__(
        self,
        name: KeyName | None,
        digest: bytes,
        memory: DoubtMemory = MEMORY,
        shared: SharedDoubts | None = None,
        *,
        is_new: bool = False,
        is_once: bool = True,
    ) -> None:
        self._name: Final = name
        self._digest: Final = digest
        self._is_once: Final = is_once
        self._memory: Final = memory
        self._shared: Final = None if name is None else shared
        # A key that was made for this call: no other process can know it before the call ends.
        self._is_new: Final = is_new
        self._known: KnownKey | None = None
        # True while the last request of this call is counted among the open ones.
        self._counted = False
        # True once an earlier request of this call stays among them, whatever becomes of the last one.
        self._is_left_open = False
        # The name under which the shared memory counts this call, and whether it may not have arrived there.
        self._ticket: str | None = None
        self._unanswered: DoubtStep | None = None

    @property
    def exists(self) -> bool:
        """Whether a request may have taken effect."""
        return self._known is not None and self._known.is_in_doubt

    @property
    def is_settled(self) -> bool:
        """Whether a request with the key succeeded."""
        return self._known is not None and self._known.settled

    @property
    def first_sent_at(self) -> float | None:
        """When the first request that may have taken effect was written, as Unix time."""
        return self._known.first_sent_at if self._known is not None and self.exists else None

    def earlier(self, now: float, *, is_asked: bool = True) -> KnownKey | None:
        """Return the doubt that other calls with this key left behind, and share it from now on.

        A doubt of other processes alone is no reason to end a call before the shared memory ``is_asked`` for its
        present state.
        """
        if self._name is None:
            return None
        known = self._memory.find(self._name, now)
        if known is None or (self._must_begin and not is_asked and known.open == 0 and not known.settled):
            return None
        self._known = known
        return known

    def conflicts(self, known: KnownKey) -> bool:
        """Return whether an earlier request under this key was a different one."""
        return known.digest != self._digest

    def adopt(self, first_sent_at: float, now: float) -> None:
        """Remember a request that no call counts: another process sent it, or an interrupt took its result away."""
        if self._name is not None:
            self._memory.adopt(self._name, KnownKey(self._digest, first_sent_at, self._is_once), now)
            if self._shared is not None:
                self._shared.post(self._step("publish", ADOPTED, now))

    def sending(self, now: float) -> KnownKey | None:
        """Count the request that is about to be written.

        Returns ``None``; or, when a call elsewhere sent one with this key first, what is known of that. Then nothing is
        counted, and the caller decides whether to try again.
        """
        self._is_left_open = self._is_left_open or self._counted
        mine = self._known or KnownKey(self._digest, now, self._is_once)
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

    def mark_conflict(self, now: float) -> None:
        """Remember that the API knows the key from a request with other data: no request of ours may use it."""
        if self._known is not None:
            self._known.digest = b""
            if self._shared is not None:
                self._publish(self._shared, now, b"")

    def succeeded(self) -> None:
        """Settle the key: the last request succeeded."""
        if self._shared is not None and self._ticket is not None:
            self._shared.post(self._step("settle", self._ticket, 0.0))
            self._ticket = None
        self._close(succeeded=True)

    # --- steps in the shared memory ---

    @property
    def _must_begin(self) -> bool:
        return self._shared is not None and not self._is_new and self._ticket is None

    def begin(self, now: float, *, may_join: bool) -> DoubtStep | None:
        """Return the step that comes before a request, for the caller to wait for; ``None`` where none is due.

        A key made for this call needs none: it is published if the call ends in doubt, which is when others may learn
        it.
        """
        if not self._must_begin:
            return None
        assert self._shared is not None
        self._ticket = self._shared.new_ticket()
        step = self._step("begin", self._ticket, now, may_join=may_join)
        self._unanswered = step
        return step

    def begun(self) -> None:
        """Forget a step that did not arrive, so that the next request tries again."""
        step = self._unanswered
        if step is not None and not step.may_have_arrived:
            self._ticket = self._unanswered = None

    def ended(self, now: float, *, needs_reply: bool = False) -> DoubtStep | None:
        """Take the step that ends a call without success.

        If the error ``needs_reply`` to know what it may claim, the step is returned for the caller to wait for.
        """
        shared = self._shared
        if shared is None:
            return None
        if self._counted or self._is_left_open:
            if self._ticket is None or self._unanswered is not None:
                self._publish(shared, now, self._digest)
            return None
        if self._ticket is not None:
            step = self._step("take back", self._ticket, now)
            self._ticket = None
            if needs_reply:
                return step
            shared.post(step)
        elif needs_reply and not self._is_new:
            return self._step("look", "", now)
        return None

    def _publish(self, shared: SharedDoubts, now: float, digest: bytes) -> None:
        if self._ticket is None:
            self._ticket = shared.new_ticket()
        shared.post(self._step("publish", self._ticket, now, digest=digest))

    def _step(
        self,
        step: Step,
        ticket: str,
        now: float,
        *,
        digest: bytes | None = None,
        may_join: bool = True,
    ) -> DoubtStep:
        assert self._name is not None, "without a key nothing is shared"
        known = self._memory.find(self._name, now) or self._known
        first = known.first_sent_at if known is not None and known.is_in_doubt else now
        return DoubtStep(
            step=step,
            key=self._name.hash(),
            ticket=ticket,
            digest=self._digest if digest is None else digest,
            age=max(0.0, now - first),
            lifetime=LIFETIME,
            may_join=may_join,
            on_reply=lambda reply: self._learn(step, reply, now),
        )

    def _learn(self, step: Step, reply: DoubtReply, now: float) -> None:
        others = reply.others
        if step == "begin":
            self._unanswered = None
            if not reply.is_counted:
                self._ticket = None
        elif step == "take back" and not reply.is_counted and self._unanswered is None:
            # The key was settled by another process, or the shared memory was lost. Both leave it in doubt here.
            others = max(1, others)
        if self._name is not None and step != "settle":
            self._memory.learn(self._name, reply, others, now, self._is_once)

    def _close(self, *, succeeded: bool) -> None:
        if self._known is None or not self._counted:
            return
        self._counted = False
        if self._name is None:
            self._known.open = 0 if succeeded else max(0, self._known.open - 1)
        else:
            self._memory.close(self._name, self._known, succeeded=succeeded)
