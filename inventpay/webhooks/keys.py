"""What makes two deliveries the same event."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from .._core.json_values import is_object

TEST_EVENT: Final = "payment.test"


def digest(document: Mapping[str, Any]) -> str:
    """SHA-256, in hex, of a body without its timestamps, members in order of their names.

    A delivery that is repeated may carry the same bytes, or a new timestamp and a new signature. Timestamps stand at
    the top of a nested or flat body, or in the ``data`` of a nested one, and both shapes of an event have one digest.
    Tests are alike in everything but their timestamp, and each is meant to be seen: for them it counts.

    >>> digest({"event": "a", "id": 1, "timestamp": 2}) == digest({"event": "a", "timestamp": 3, "data": {"id": 1}})
    True
    """
    members = dict(document)
    data = document.get("data")
    if is_object(data):
        facts = {name: value for name, value in data.items() if name != "timestamp"}
        del members["data"]
        # Where both levels say the same name, neither may hide the other.
        members |= {"data": facts} if members.keys() & facts.keys() else facts
        members.setdefault("timestamp", data.get("timestamp"))
    if document.get("event") != TEST_EVENT:
        members.pop("timestamp", None)
    text = json.dumps(members, sort_keys=True, separators=(",", ":"), default=_decimal)
    return hashlib.sha256(text.encode()).hexdigest()


def _decimal(value: Decimal) -> str:
    return str(value)


def event_key(digest: str) -> str:
    """Claims one event."""
    return f"event:{digest}"


def payment_key(folded: str, payment_id: str, *, test: bool) -> str:
    """Claims a payment for all the events that are folded into one."""
    return f"payment:{_hash([folded, payment_id, test])}"


def delivery_key(delivery_id: str, event: str, subject: str | None) -> str:
    """Claims the id of a delivery, for this event of this payment or withdrawal only."""
    return f"delivery:{_hash([delivery_id, event, subject])}"


def _hash(parts: list[str | bool | None]) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()
