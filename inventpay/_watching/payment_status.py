"""Read the state of a watched payment: when to poll it next, and whether an answer is older than one already seen.

The mean delay until a payment is seen as paid is least when each payment is polled at a rate proportional to the square
root of its hazard: the chance that it is paid now, given that it was not paid so far. The hazard follows from what
:class:`~inventpay.WatchSettings` assumes about payers.
"""

from __future__ import annotations

import functools
import math
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from ..models.enums import PaymentState
from ..options import WatchSettings

if TYPE_CHECKING:
    from ..models.payments import Invoice, Payment, PaymentStatus

YOUNG_POLL_INTERVAL: Final = 10.0
"""Seconds between polls of a payment at the age at which payers are most likely to pay. All other intervals follow from
it; where the budget allows more, or less, all of them shrink or stretch by one factor."""

LONGEST_POLL_INTERVAL: Final = 1800.0
"""Seconds: the longest interval that is wished for, whatever is assumed of payers."""

OVERDUE_POLL_INTERVAL: Final = (5.0, 60.0)
"""After its expiry a payment that is still pending: a tenth of the time since, within these bounds."""

AFTER_EXPIRY: Final = timedelta(seconds=1)
"""Seconds after its expiry for which a payment is polled in any case."""

LONGEST_EXPIRY: Final = 86_400.0
"""Seconds: the longest expiry that the API accepts (docs: create-payment, 1440 minutes); assumed where a payment names
none."""

_SHORTEST_POLL_INTERVAL: Final = 1.0
"""Seconds: no payment needs more, and the budget of the others would pay for it."""

_NO_HAZARD: Final = 1e-12
"""Chances per second below this count as none: exponentials underflow far from the median."""

_CONFIRMATION_SPREAD: Final = 1.0
"""assumed: sigma of the log-normal time until funds are confirmed, wide enough for coins from Solana to Bitcoin."""


def poll_interval(
    status: PaymentStatus | None,
    *,
    now: datetime,
    watched: float,
    settings: WatchSettings,
    funded: float | None = None,
) -> float:
    """Return the seconds until the next poll of a payment would be welcome.

    ``watched`` is the number of seconds since watching began, ``funded`` since funds were first seen.
    """
    if status is None:
        return 0.0
    age = watched if status.created_at is None else max(watched, _seconds(status.created_at, now))
    left = math.inf if status.expires_at is None else _seconds(now, status.expires_at)
    peak = _peak_hazard(settings)
    if is_funded(status):
        return _interval(peak, _confirmation_hazard(settings, funded or 0.0))
    if left <= 0:
        return min(max(OVERDUE_POLL_INTERVAL[0], -left / 10), OVERDUE_POLL_INTERVAL[1])
    horizon = min(LONGEST_EXPIRY, age + left)
    return _interval(peak, _hazard(settings, min(age, horizon), horizon))


def _interval(peak: float, hazard: float) -> float:
    wished = YOUNG_POLL_INTERVAL * math.sqrt(max(peak, _NO_HAZARD) / max(hazard, _NO_HAZARD))
    return min(max(wished, _SHORTEST_POLL_INTERVAL), LONGEST_POLL_INTERVAL)


def known_status(payment: Payment | Invoice | PaymentStatus) -> PaymentStatus | None:
    """Return the status that a created payment has, so that its first poll can be spared; ``None`` where it is unsaid.

    assumed: a payment that was just created has received nothing.
    """
    # Imported here: a client that only reads balances never makes these models.
    from decimal import Decimal

    from ..models.payments import PaymentStatus

    if isinstance(payment, PaymentStatus):
        return payment
    if payment.status not in (None, PaymentState.PENDING):
        return None
    return PaymentStatus(
        payment_id=payment.payment_id,
        status=PaymentState.PENDING,
        current_balance=Decimal(0),
        confirmations=0,
        created_at=payment.created_at,
        expires_at=payment.expires_at,
    )


def is_funded(status: PaymentStatus) -> bool:
    """Return whether money for the whole payment was seen, so that confirmations are waited for, not the payer."""
    if status.status in (PaymentState.PROCESSING, PaymentState.CONFIRMING):
        return True
    return status.current_balance > 0 and status.status != PaymentState.UNDERPAID


def _hazard(settings: WatchSettings, age: float, horizon: float) -> float:
    """Return the chance per second that a payment of this age is paid now, given that it was not paid so far.

    Payers are log-normal; a share of them comes at any time until expiry, evenly, without which a payment of several
    hours would hardly be polled. Before the most likely moment the hazard counts as that of this moment.
    """
    centre = math.log(settings.median)
    age = max(age, math.exp(centre - settings.spread**2))
    z = (math.log(age) - centre) / settings.spread
    density = math.exp(-z * z / 2) / (age * settings.spread * math.sqrt(2 * math.pi))
    come = 0.5 * (1 + math.erf(z / math.sqrt(2)))
    prompt, payers = 1 - settings.late, 1 - settings.never
    rate = payers * (prompt * density + settings.late / horizon)
    waiting = 1 - payers * (prompt * come + settings.late * min(1.0, age / horizon))
    return rate / max(waiting, _NO_HAZARD)


@functools.lru_cache(maxsize=64)
def _peak_hazard(settings: WatchSettings) -> float:
    """Return the greatest hazard of all ages: every poll is planned with it, and the settings rarely change."""
    return _hazard(settings, math.exp(math.log(settings.median) - settings.spread**2), LONGEST_EXPIRY)


def _confirmation_hazard(settings: WatchSettings, since: float) -> float:
    """Return the chance per second that funds seen this long ago are confirmed now: log-normal, with no lower tail."""
    centre = math.log(settings.confirmation)
    z = min(max((math.log(max(since, 1e-3)) - centre) / _CONFIRMATION_SPREAD, -1.0), 5.0)
    at = math.exp(centre + z * _CONFIRMATION_SPREAD)
    density = math.exp(-z * z / 2) / (at * _CONFIRMATION_SPREAD * math.sqrt(2 * math.pi))
    return density / max(0.5 * math.erfc(z / math.sqrt(2)), _NO_HAZARD)


def _seconds(start: datetime, end: datetime) -> float:
    return (end - start).total_seconds()


_LAST: Final = 2


def goes_backwards(last: PaymentStatus, new: PaymentStatus) -> bool:
    """Return whether an answer is older than one already seen: a lagging replica, not news."""
    before, after = _stage(last), _stage(new)
    if before == _LAST or after != before:
        # More money than before is news whatever the state is called: an underpaid payment was topped up.
        return after < before and new.current_balance <= last.current_balance
    if new.current_balance != last.current_balance:
        return new.current_balance < last.current_balance
    return new.confirmations is not None and last.confirmations is not None and new.confirmations < last.confirmations


def _stage(status: PaymentStatus) -> int:
    if status.is_final:
        return _LAST
    # A state that is neither pending nor final lies in between, values this version does not know included.
    return 0 if status.status == PaymentState.PENDING else 1
