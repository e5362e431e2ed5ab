"""Sample events, made of the same classes that receivers read."""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any, Final
from uuid import uuid4

from .._core.decimals import EXACT

FEE_RATE: Final = Decimal("0.005")
"""assumed: half a percent, as in the vendor's JavaScript README."""


def sample_body(name: str, now: datetime, *, test: bool, members: Mapping[str, Any]) -> bytes:
    """Return the JSON body of an event. ``members``, under the API's names, replace those of the sample.

    Raises ValueError for a name that no event has.
    """
    from .._json.converter import write_json
    from ..webhooks.events import KNOWN_EVENTS

    if name not in KNOWN_EVENTS:
        near = difflib.get_close_matches(name, KNOWN_EVENTS, n=1)
        hint = f"; did you mean {near[0]!r}?" if near else f"; there are {', '.join(KNOWN_EVENTS)}"
        raise ValueError(f"no event is called {name!r}{hint}")
    made = _payment(name, now) if name.startswith("payment.") else _withdrawal(name, now)
    data = {**made, **members}
    return write_json({"event": name, "data": data, "timestamp": _iso(now), "test": test})


def _payment(name: str, now: datetime) -> dict[str, Any]:
    amount = Decimal("29.99")
    received = {"payment.created": Decimal(0), "payment.underpaid": Decimal("12.50"), "payment.expired": Decimal(0)}
    status = {
        "payment.created": "PENDING",
        "payment.pending": "PENDING",
        "payment.underpaid": "UNDERPAID",
        "payment.expired": "EXPIRED",
        "payment.failed": "FAILED",
    }.get(name, "COMPLETED")
    held = received.get(name, amount)
    members: dict[str, Any] = {
        "paymentId": f"sample{uuid4().hex[:18]}",
        "orderId": "sample-order",
        "amount": amount,
        "baseAmount": amount,
        "baseCurrency": "USD",
        "currency": "USDT_BEP20",
        "currentBalance": held,
        "status": status,
    }
    if name in ("payment.confirmed", "payment.completed"):
        fee = EXACT.multiply(amount, FEE_RATE)
        members |= {
            "settlementAmount": EXACT.subtract(amount, fee),
            "feeAmount": fee,
            "feeRate": FEE_RATE,
            "transactionHash": f"0x{uuid4().hex}{uuid4().hex}",
            "confirmations": 12,
            "confirmedAt": _iso(now),
        }
    elif name == "payment.underpaid":
        members |= {"requiredAmount": amount, "remainingAmount": EXACT.subtract(amount, held)}
    elif name == "payment.expired":
        members |= {"wasUnderpaid": False, "expiresAt": _iso(now)}
    elif name == "payment.failed":
        members |= {"failureReason": "A sample failure"}
    elif name == "payment.created":
        members |= {"createdAt": _iso(now), "expiresAt": _iso(now + timedelta(minutes=30))}
    return members


def _withdrawal(name: str, now: datetime) -> dict[str, Any]:
    state = name.partition(".")[2]
    members: dict[str, Any] = {
        "withdrawalId": f"sample{uuid4().hex[:18]}",
        "amount": Decimal(10),
        "currency": "USDT_BEP20",
        "destinationAddress": "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
        "feeAmount": Decimal("0.051"),
        "netAmount": Decimal("9.949"),
        "status": "PENDING" if state == "created" else state.upper(),
        "createdAt": _iso(now),
    }
    if state == "completed":
        members |= {"transactionHash": f"0x{uuid4().hex}{uuid4().hex}", "completedAt": _iso(now)}
    elif state == "failed":
        members |= {"failureReason": "A sample failure"}
    return members


def _iso(at: datetime) -> str:
    return at.isoformat(timespec="milliseconds").replace("+00:00", "Z")
