"""Rows of payouts: the request for one, and the record of what became of it. Pure."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, Final, Literal, TypeAlias

from attrs import Factory, evolve, frozen

from .._core.decimals import EXACT, plain

__all__ = ["Payout", "PayoutRow", "PayoutStatus"]

PayoutStatus: TypeAlias = Literal[
    "planned", "sending", "in doubt", "accepted", "completed", "failed", "refused", "not paid", "cancelled"
]
"""The state of a row.

- ``"planned"``: not sent yet.
- ``"sending"``: its request is on its way. A row that is still in this state when a journal is opened is in doubt.
- ``"in doubt"``: it may have been paid; see ``reason``.
- ``"accepted"``: the API made the withdrawal ``withdrawal_id``.
- ``"completed"``: the API says that the withdrawal is complete.
- ``"failed"``: the API says that the withdrawal failed or was cancelled.
- ``"refused"``: the API said no before any effect.
- ``"not paid"``: a person settled a doubt: it was not paid.
- ``"cancelled"``: taken out of the plan before it was sent.
"""

PAID: Final[frozenset[PayoutStatus]] = frozenset({"accepted", "completed"})
OPEN: Final[frozenset[PayoutStatus]] = frozenset({"planned", "sending", "in doubt"})
RETRYABLE: Final[frozenset[PayoutStatus]] = frozenset({"refused", "failed", "not paid"})
REPLACEABLE: Final[frozenset[PayoutStatus]] = frozenset((*RETRYABLE, "cancelled"))
"""States of a row whose place a row with other data may take."""


@frozen
class Payout:
    """A payout to plan.

    >>> Payout("2026-11-ada", "10.50", "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D").id
    '2026-11-ada'
    """

    id: str
    """Your own id. It stands for this payout for ever: the same id with the same data is the same payout."""
    amount: Decimal | int | str
    """Amount in the coin, the fee included: of 10 about 9.949 arrives."""
    currency: str
    """The coin, such as ``"USDT_BEP20"``."""
    destination_address: str
    """Address that the money goes to."""
    description: str | None = None
    """Your own words on the withdrawal."""
    check_address: bool = True
    """Whether the address must have the form and checksum of the coin's chain."""
    replaces: str | None = None
    """Id of the refused, failed, unpaid or cancelled row in whose place this one comes."""
    line: int | None = None
    """Line of the file it was read from, from 1."""
    columns: Mapping[str, str] = Factory(dict[str, str])
    """Further columns of the file, kept for the report."""


@frozen(kw_only=True)
class PayoutRow:
    """One row of the journal."""

    id: str
    """Your own id."""
    batch: str
    """Name of the plan it belongs to."""
    amount: Decimal
    """Amount in the coin, the fee included."""
    currency: str
    """The coin, such as ``"USDT_BEP20"``."""
    destination_address: str
    """Address that the money goes to."""
    status: PayoutStatus = "planned"
    """State of the row, see :data:`PayoutStatus`."""
    description: str | None = None
    """Your own words on the withdrawal."""
    check_address: bool = True
    """Whether the address was checked against the form of the coin's chain."""
    replaces: str | None = None
    """Id of the row in whose place this one came."""
    line: int | None = None
    """Line of the file it was read from, from 1."""
    columns: Mapping[str, str] = Factory(dict[str, str])
    """Further columns of the file."""
    attempt: int = 1
    """Number of the attempt; each has an idempotency key of its own. It grows with ``retry``."""
    attempts: int = 0
    """Number of times a request was begun for this row."""
    idempotency_key: str | None = None
    """The key of the latest attempt."""
    key_account: str | None = None
    """Fingerprints of the keys, and the name of the header, with which the latest attempt was first sent."""
    withdrawal_id: str | None = None
    """Id of the withdrawal, where the API named one."""
    fee_amount: Decimal | None = None
    """Fee, in the coin."""
    net_amount: Decimal | None = None
    """Amount that arrives, in the coin."""
    transaction_hash: str | None = None
    """Hash of the transaction on the coin's chain."""
    reason: str | None = None
    """The problem in words, where there is one."""
    replayed: bool = False
    """Whether the withdrawal is more than five minutes older than this row's first request, by the API's clock."""
    planned_at: datetime | None = None
    """Time of the plan, UTC."""
    first_sent_at: datetime | None = None
    """Time at which the latest attempt was first sent, UTC."""
    last_sent_at: datetime | None = None
    """Time at which the latest attempt was last sent, UTC."""
    accepted_at: datetime | None = None
    """Time of the answer that named the withdrawal, UTC."""
    completed_at: datetime | None = None
    """Time at which the API calls the withdrawal complete, UTC."""
    ended_at: datetime | None = None
    """Time at which the row came to its end here (completed, failed, refused, not paid), UTC."""
    settled_by: str | None = None
    """Name of the person who settled the doubt."""
    note: str | None = None
    """Note of that person."""
    evidence_before: Mapping[str, str] | None = None
    """The balance before the row was sent: available, locked, withdrawn so far, used of the limits, and the time."""
    evidence_after: Mapping[str, str] | None = None
    """The evidence after a doubt."""


def normal_text(amount: Decimal) -> str:
    """Return an amount in plain digits, without zeros that say nothing: the same for 10, 10.0 and 1E+1."""
    return plain(EXACT.normalize(amount))


def key_of(row: PayoutRow) -> str:
    """Return the idempotency key of a row's latest attempt.

    It depends on the data and the attempt, not on the id alone: next month's row 1 in a new journal is another payout.
    """
    parts = [row.id, row.currency, normal_text(row.amount), row.destination_address, str(row.attempt)]
    return "payout-" + hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:40]


def digest_of(rows: Iterable[PayoutRow]) -> str:
    """Return the digest of a batch: of what is paid to whom, whatever became of it so far."""
    facts = sorted(
        [row.id, row.currency, normal_text(row.amount), row.destination_address, row.description or ""] for row in rows
    )
    return hashlib.sha256(json.dumps(facts).encode()).hexdigest()


def is_same(row: PayoutRow, other: PayoutRow) -> bool:
    """Return whether two rows with one id ask for the same payout."""
    return _facts(row) == _facts(other)


def _facts(row: PayoutRow) -> tuple[Any, ...]:
    return row.amount, row.currency, row.destination_address, row.description or None


def with_changes(row: PayoutRow, **changes: Any) -> PayoutRow:
    """Return a row with other values of some members."""
    return evolve(row, **changes)
