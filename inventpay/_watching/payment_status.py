"""Read the state of a watched payment: when to poll it next, and whether an answer is older than one already seen."""

from __future__ import annotations

import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ..models.enums import PaymentState

if TYPE_CHECKING:
    from ..models import PaymentStatus

FRESH_POLL_INTERVAL: Final = (120.0, 3.0)
"""For two minutes after its creation a payment is polled every three seconds: most payers pay at once."""

CLOSING_POLL_INTERVAL: Final = (120.0, 5.0)
"""The last two minutes before it expires, every five seconds: the rest of the payers are in a hurry."""

SEEN_POLL_INTERVAL: Final = 5.0
"""Seconds between polls once funds were seen: what follows are confirmations, and somebody waits for them."""

CALM_POLL_INTERVAL: Final = (10.0, 30.0)
"""In between the interval grows with the payment's age, a tenth of it, within these bounds."""

OVERDUE_POLL_INTERVAL: Final = (5.0, 60.0)
"""After its expiry a payment that is still pending: a tenth of the time since, within these bounds."""

AFTER_EXPIRY: Final = timedelta(seconds=1)
"""How long after its expiry a payment is polled in any case."""


def poll_interval(status: PaymentStatus | None, *, now: datetime, watched: float) -> float:
    """Seconds until the next poll of a payment would be welcome. ``watched``: seconds since watching began."""
    if status is None:
        return 0.0
    age = watched if status.created_at is None else max(watched, (now - status.created_at).total_seconds())
    left = math.inf if status.expires_at is None else (status.expires_at - now).total_seconds()
    if status.current_balance > 0 or status.status in (PaymentState.PROCESSING, PaymentState.CONFIRMING):
        return SEEN_POLL_INTERVAL
    if left <= 0:
        return _within(OVERDUE_POLL_INTERVAL, -left / 10)
    if age < FRESH_POLL_INTERVAL[0]:
        return FRESH_POLL_INTERVAL[1]
    if left < CLOSING_POLL_INTERVAL[0]:
        return CLOSING_POLL_INTERVAL[1]
    return _within(CALM_POLL_INTERVAL, age / 10)


def _within(bounds: tuple[float, float], value: float) -> float:
    return min(max(bounds[0], value), bounds[1])


_LAST: Final = 2


def goes_backwards(last: PaymentStatus, new: PaymentStatus) -> bool:
    """Whether an answer is older than one already seen: a lagging replica, not news."""
    before, after = _stage(last), _stage(new)
    if before == _LAST or after != before:
        # More money than before is news whatever the state is called: an underpaid payment was topped up.
        return after < before and new.current_balance <= last.current_balance
    if new.current_balance != last.current_balance:
        return new.current_balance < last.current_balance
    return new.confirmations < last.confirmations


def _stage(status: PaymentStatus) -> int:
    if status.is_final:
        return _LAST
    # Whatever is neither pending nor final lies in between, values this version does not know included.
    return 0 if status.status == PaymentState.PENDING else 1
