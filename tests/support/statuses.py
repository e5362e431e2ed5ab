"""Statuses of payments for tests, their times in minutes from the start of virtual time."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from inventpay import PaymentState, PaymentStatus
from tests.support.virtual_time import START


def status(state: str = "PENDING", balance: str = "0", confirmations: int = 0, **times: int) -> PaymentStatus:
    """A status whose times are minutes from now."""
    return PaymentStatus(
        payment_id="cmh1",
        status=PaymentState(state) if state in PaymentState.__members__ else state,
        current_balance=Decimal(balance),
        confirmations=confirmations,
        **{name: START + timedelta(minutes=minutes) for name, minutes in times.items()},
    )
