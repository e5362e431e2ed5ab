"""The contract of stores of handled events, by which each event is handled once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from datetime import datetime
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from attrs import field, frozen

LEASE: Final = 300.0
"""Seconds after which the claim of a process that died is free again. It is renewed while a handler runs."""

RETENTION: Final = 8 * 86_400.0
"""Seconds for which a handled event is remembered: a day longer than deliveries are repeated (docs:
webhooks/security)."""

PAID_RETENTION: Final = 400 * 86_400.0
"""Seconds for which a persistent store remembers that a payment was fulfilled: more than a year, so that no delivery,
file or log that is replayed later fulfils it again."""


class ClaimStatus(StrEnum):
    """Reason why keys cannot be claimed."""

    HANDLED = "handled"
    """The event was handled; nothing is left to do."""
    BUSY = "busy"
    """Another delivery of the event is being handled, and may still fail."""
    STORED = "stored"
    """Another delivery of the event is being handled, and its body is stored: after a failure it is due again."""


@frozen(kw_only=True)
class Claim:
    """The right to handle an event, until ``lease`` seconds are over."""

    keys: tuple[str, ...]
    """Keys of the claim, those included that were noted with it."""
    token: str = field(repr=False)
    """Unique text of this claim, so that one that is over cannot end its successor."""
    body: bytes | None = field(default=None, repr=False)
    """Body that is stored with the keys, as it was passed to ``claim``."""
    attempts: int = 0
    """Number of times that ``due`` has returned it, this time included."""


@frozen(kw_only=True)
class DeadLetter:
    """A genuine delivery that no handler has received: it cannot be read, or it contradicts itself.

    ``receiver.replay(letter)`` passes it to its handler, whatever it contradicts, and ``receiver.discard(letter)``
    drops it.
    """

    id: str
    """Digest of the body, in hex: a repeated delivery is the same letter."""
    body: bytes = field(repr=False)
    """Body that was delivered, byte for byte."""
    reason: str
    """The contradiction, or the place that cannot be read."""
    received_at: datetime
    """Time of the first delivery."""
    delivery_id: str | None = None
    """Value of the header ``X-Webhook-ID``, which is not signed."""


def new_token() -> str:
    """Return a token that no other claim has, in any process."""
    return secrets.token_hex(16)


@runtime_checkable
class SeenStore(Protocol):
    """A store of the events that are being handled, and of those that were; each method is all or nothing.

    A claim ends in one of three ways: ``finish`` (handled, remembered), ``release`` (failed, the next delivery tries
    again), or its lease runs out because its process died (the next delivery tries again). Keys may wait with the body
    of a delivery that was answered before it was handled; they are never forgotten before they are finished, and
    ``due`` returns them. Stores are shared by threads, and those that outlive a process by processes. Of concurrent
    claims of the same keys one succeeds.
    """

    @property
    def blocking(self) -> bool:
        """Whether a method may wait for a disk or a network: then it is never called on an event loop."""
        ...

    @property
    def durable(self) -> bool:
        """Whether data that is stored survives the process."""
        ...

    def claim(
        self,
        keys: Sequence[str],
        lease: float,
        body: bytes | None = None,
        *,
        notes: Sequence[str] = (),
        aliases: Sequence[str] = (),
    ) -> Claim | ClaimStatus:
        """Claim all keys for ``lease`` seconds, or none of them, and return the reason.

        ``ClaimStatus.HANDLED`` if one of the keys was finished and is remembered. Else, if some are claimed and their
        lease is not over, ``ClaimStatus.STORED`` where all of those have a body, else ``ClaimStatus.BUSY``.
        Keys that waited with a body are claimed with that body, unless a new one is given. With ``lease`` 0 the body is
        stored and at once free, and due.

        ``notes`` and ``aliases`` prevent no claim. Those that the store does not have yet become keys of the claim;
        where the event was handled before, ``aliases`` become keys of it.
        """
        ...

    def renew(self, claim: Claim, lease: float) -> bool:
        """Extend the lease to ``lease`` seconds from now. Return ``False`` if the claim is over."""
        ...

    def finish(self, claim: Claim, keep: float | None = None) -> bool:
        """Remember the keys as handled, and drop the body. Return ``False``, and do nothing, after a takeover.

        ``keep`` is for how many seconds a persistent store remembers them at least; by default its own retention.
        """
        ...

    def release(self, claim: Claim, retry_in: float = 0.0, *, forget: bool = False) -> bool:
        """Free the keys for the next claim. Return ``False``, and do nothing, after a takeover.

        Without a body, or with ``forget``, they are forgotten. With one they wait, and are due in ``retry_in`` seconds.
        """
        ...

    def due(self, lease: float) -> Claim | None:
        """Claim, for ``lease`` seconds, the stored body that has been due for longest and is in no other claim."""
        ...

    def add_dead_letter(self, letter: DeadLetter) -> None:
        """Store a dead letter, unless one with its id is stored."""
        ...

    def dead_letters(self) -> list[DeadLetter]:
        """Return all dead letters, oldest first."""
        ...

    def drop_dead_letter(self, letter_id: str) -> None:
        """Remove a dead letter, if it is stored."""
        ...


def is_transactional(store: SeenStore) -> bool:
    """Return whether the store's claims are transactions of the application's database.

    Those of this package say so in an attribute ``transactional``; a store of a user's needs none.
    """
    return getattr(store, "transactional", False)
