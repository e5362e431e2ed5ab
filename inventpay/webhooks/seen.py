"""Which events were handled: what every store must keep to, so that each event is handled once."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from enum import StrEnum
from typing import Final, Protocol, runtime_checkable

from attrs import field, frozen

LEASE: Final = 300.0
"""Seconds after which the claim of a process that died is free again. Longer than any handler should run."""

RETENTION: Final = 8 * 86_400.0
"""Seconds a handled event is remembered: a day longer than deliveries are repeated (docs: webhooks/security)."""


class ClaimStatus(StrEnum):
    """Why keys cannot be claimed."""

    HANDLED = "handled"
    """The event was handled; nothing is left to do."""
    BUSY = "busy"
    """Somebody is handling it now, and may still fail."""
    STORED = "stored"
    """Somebody is handling it now, and its body is stored: should that fail, it is due again."""


@frozen(kw_only=True)
class Claim:
    """The right to handle an event, until ``lease`` seconds are over."""

    keys: tuple[str, ...]
    token: str = field(repr=False)
    """Tells this claim from every other, so that one that is over cannot end its successor."""
    body: bytes | None = field(default=None, repr=False)
    """What is stored with the keys, as it was given to ``claim``."""
    attempts: int = 0
    """How often ``due`` has handed it out, this time included."""


def new_token() -> str:
    """A token no other claim has, in any process."""
    return secrets.token_hex(16)


@runtime_checkable
class SeenStore(Protocol):
    """Remembers which events are being handled and which were; four methods, each all or nothing.

    A claim goes one of three ways: ``finish`` (handled, remembered), ``release`` (failed, the next delivery tries
    again), or its lease runs out because its process died (the next delivery tries again). Keys may wait with the body
    of a delivery that was answered before it was handled; they are never forgotten before they are finished, and
    ``due`` hands them out. Stores are shared by threads, and those that outlive a process by processes. Only one of
    those who claim the same keys at the same moment gets them.
    """

    @property
    def blocking(self) -> bool:
        """Whether a method may wait for a disk or a network: then it is never called on an event loop."""
        ...

    @property
    def durable(self) -> bool:
        """Whether what is stored survives the process."""
        ...

    def claim(self, keys: Sequence[str], lease: float, body: bytes | None = None) -> Claim | ClaimStatus:
        """Claims all keys for ``lease`` seconds, or none of them, and says why.

        ``ClaimStatus.HANDLED`` if one of the keys was finished and is remembered. Else, if some are claimed and their
        lease is not over, ``ClaimStatus.STORED`` where all of those have a body, else ``ClaimStatus.BUSY``.
        Keys that waited with a body are claimed with that body, unless a new one is given. With ``lease`` 0 the body is
        stored and at once free, and due.
        """
        ...

    def finish(self, claim: Claim) -> bool:
        """Remembers the keys as handled and forgets the body. ``False``, and nothing, if another claim took over."""
        ...

    def release(self, claim: Claim, retry_in: float = 0.0) -> bool:
        """Frees the keys: whoever claims them next may. ``False``, and nothing, if another claim took over.

        Without a body they are forgotten. With one they wait, and are due in ``retry_in`` seconds.
        """
        ...

    def due(self, lease: float) -> Claim | None:
        """Claims, for ``lease`` seconds, the keys that have been due for longest, whose body nobody is handling."""
        ...
