"""The columns of a journal's rows: how each member of a row is written to SQLite and read from it."""

from __future__ import annotations

import json
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final, cast, get_args

from .._core.decimals import plain
from .rows import PayoutRow, PayoutStatus

NAMES: Final = (
    "id", "batch", "status", "amount", "currency", "destination_address", "description", "check_address", "replaces",
    "line", "columns", "attempt", "attempts", "idempotency_key", "key_account", "withdrawal_id", "fee_amount",
    "net_amount", "transaction_hash", "reason", "replayed", "planned_at", "first_sent_at", "last_sent_at",
    "accepted_at", "completed_at", "ended_at", "settled_by", "note", "evidence_before", "evidence_after",
)  # fmt: skip
"""The columns, named as the members of :class:`PayoutRow`."""

_STATES: Final = frozenset(get_args(PayoutStatus))
_MONEY: Final = frozenset({"amount", "fee_amount", "net_amount"})
_TIMES: Final = frozenset({"planned_at", "first_sent_at", "last_sent_at", "accepted_at", "completed_at", "ended_at"})
_FLAGS: Final = frozenset({"check_address", "replayed"})
_MAPPINGS: Final = frozenset({"columns", "evidence_before", "evidence_after"})


def written(name: str, value: Any) -> Any:
    """Return the value of a column for a member of a row."""
    if value is None:
        return None
    if name in _MONEY:
        return plain(value)
    if name in _TIMES:
        return cast("datetime", value).astimezone(UTC).isoformat()
    if name in _FLAGS:
        return int(value)
    return json.dumps(dict(value)) if name in _MAPPINGS else value


def read_row(row: sqlite3.Row) -> PayoutRow:
    """Return the row of these columns.

    Raises ValueError, TypeError or ArithmeticError for a row that this package never wrote.
    """
    values = {name: _read_value(name, row[name]) for name in NAMES}
    if values["status"] not in _STATES:
        raise ValueError(f"status={values['status']!r} is no state of a row")
    if not values["amount"].is_finite() or values["amount"] <= 0:
        raise ValueError(f"amount={values['amount']} is no amount")
    return PayoutRow(**values)


def _read_value(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in _MONEY:
        return Decimal(value)
    if name in _TIMES:
        return datetime.fromisoformat(value)
    if name in _FLAGS:
        return bool(value)
    return json.loads(value) if name in _MAPPINGS else value
