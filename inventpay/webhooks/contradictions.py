"""Contradictions within an event that claims a payment."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any, Final

from attrs import frozen

from .._core.decimals import decode_money
from .._core.json_values import is_object, shown
from .events import WebhookEvent

UNDERPAID_TOLERANCE: Final = Decimal("0.05")
"""assumed: the share of the required amount that may be missing in a paid event."""

_NOT_PAID: Final = ("EXPIRED", "FAILED", "CANCELLED", "UNDERPAID")
"""States in which no payment is paid. Unknown states, and those on the way to being paid, contradict nothing."""


@frozen(kw_only=True)
class Contradiction:
    """A genuine event that names a payment as paid, and a reason not to believe it: for ``on_contradiction``."""

    event: WebhookEvent
    """The event."""
    reason: str
    """The contradiction, with both values."""


def find_contradiction(event: WebhookEvent, tolerance: Decimal = UNDERPAID_TOLERANCE) -> str | None:
    """Return the reason not to believe that a payment is paid, or ``None``.

    ``tolerance`` is the share of ``requiredAmount`` that may be missing in ``currentBalance``. Only these two are in
    one coin; ``amount`` may be in another currency, and is not compared.
    """
    for name in ("status", "test"):
        for value in _values(event.raw, name):
            if name == "test" and not isinstance(value, bool):
                return f"its test flag is {shown(value)}, not a boolean"
            if name == "status":
                if not isinstance(value, str):
                    return f"its status is {shown(value)}, not text"
                if value.strip().upper() in _NOT_PAID:
                    return f"its status is {shown(value)}"
    amounts: dict[str, list[Decimal]] = {}
    for name in ("requiredAmount", "currentBalance"):
        amounts[name] = []
        for value in _values(event.raw, name):
            try:
                amounts[name].append(decode_money(value))
            except ValueError:
                return f"its {name} is {shown(value)}, not an amount"
    if amounts["requiredAmount"] and amounts["currentBalance"]:
        required, received = max(amounts["requiredAmount"]), min(amounts["currentBalance"])
        if received < required - required * tolerance:
            return f"it received {received} of {required} (currentBalance, requiredAmount)"
    return None


def _values(document: Mapping[str, Any], name: str) -> list[Any]:
    """Return a member's values, from both places where it may stand."""
    places = [document, data] if is_object(data := document.get("data")) else [document]
    return [place[name] for place in places if place.get(name) is not None]
