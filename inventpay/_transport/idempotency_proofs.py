"""Remember which API was proven to honour idempotency keys, and for which kind of call.

The proof is made by ``client.check(idempotency=...)``. It belongs to the process; a journal of payouts keeps its own.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple

LIFETIME: Final = 7 * 24 * 60 * 60.0
"""assumed: seconds for which a proof is believed. A deployment of the API may end it any day; a week bounds that."""

CAPACITY: Final = 1_024
"""Proofs remembered at most; the oldest is forgotten first."""

ProofKind = Literal["payment", "withdrawal"]
"""The kind of call that a proof covers: payments, invoices and checkouts, or withdrawals."""


class ProofName(NamedTuple):
    """Everything that a proof depends on."""

    base_url: str
    account: str
    """Fingerprint of the API key."""
    withdrawal_account: str
    """Fingerprint of the withdrawal key, empty for payments."""
    header: str
    """Name of the header that carries the key, in lower case."""
    kind: ProofKind


_proven_at: Final[dict[ProofName, float]] = {}
_checked_at: Final[dict[ProofName, float]] = {}
"""Unix times of the latest checks, whatever their result: an older proof that was kept elsewhere is void."""


def remember(name: ProofName, now: float) -> None:
    """Remember a proof made at this Unix time."""
    _proven_at.pop(name, None)
    _proven_at[name] = now
    while len(_proven_at) > CAPACITY:
        _proven_at.pop(next(iter(_proven_at)), None)


def forget(name: ProofName, now: float) -> None:
    """Forget a proof, because a check that begins at this Unix time may refute it."""
    _proven_at.pop(name, None)
    _checked_at.pop(name, None)
    _checked_at[name] = now
    while len(_checked_at) > CAPACITY:
        _checked_at.pop(next(iter(_checked_at)), None)


def checked_at(name: ProofName) -> float | None:
    """Return the Unix time of the latest check, whatever its result; ``None`` where this process made none."""
    return _checked_at.get(name)


def proven_at(name: ProofName) -> float | None:
    """Return the Unix time of a proof, ``None`` where there is none."""
    return _proven_at.get(name)


def is_proven(name: ProofName, now: float) -> bool:
    """Return whether there is a proof that is at most a week old."""
    proven_at = _proven_at.get(name)
    return proven_at is not None and proven_at <= now < proven_at + LIFETIME
