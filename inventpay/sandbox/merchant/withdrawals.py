"""A withdrawal, its fees and its life: pure functions from one immutable record to the next.

PENDING -> PROCESSING -> COMPLETED      each step by a control call; PENDING may complete or fail directly
                      -> FAILED
"""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs

from ..assumptions import SERVICE_FEE_RATE
from ..errors import conflict, invalid
from .coins import Coin
from .ids import transaction_hash
from .money import add, decimal_places, multiply, plain, round_up, subtract


class WithdrawalStatus(StrEnum):
    """The statuses of a withdrawal."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"


CONTROL_FAILURE = "Failed by the sandbox's control call"
"""The reason of a failed withdrawal when a control call names none."""

OPEN = (WithdrawalStatus.PENDING, WithdrawalStatus.PROCESSING)


@attrs.frozen(kw_only=True)
class NewWithdrawal:
    """A merchant's request for a withdrawal; ``amount`` is gross: the fees are deducted from it."""

    amount: Decimal
    coin: Coin
    destination_address: str
    description: str | None = None


@attrs.frozen(kw_only=True)
class Withdrawal:
    """The state of a withdrawal. Times are Unix seconds; amounts are in the coin."""

    withdrawal_id: str
    amount: Decimal
    coin: Coin
    destination_address: str
    description: str | None
    network_fee: Decimal
    service_fee: Decimal
    created_at: float
    status: WithdrawalStatus = WithdrawalStatus.PENDING
    transaction_hash: str | None = None
    processed_at: float | None = None
    completed_at: float | None = None
    failure_reason: str | None = None

    @property
    def fee(self) -> Decimal:
        """The sum of both fees."""
        return add(self.network_fee, self.service_fee)

    @property
    def net(self) -> Decimal:
        """The amount that arrives at the destination."""
        return subtract(self.amount, self.fee)


def create(withdrawal_id: str, new: NewWithdrawal, now: float) -> Withdrawal:
    """Return a new withdrawal; raise 400 for an amount that cannot be sent."""
    coin = new.coin
    if decimal_places(new.amount) > coin.scale:
        raise invalid({"amount": f"Must have at most {coin.scale} decimal places for {coin.code}"})
    withdrawal = Withdrawal(
        withdrawal_id=withdrawal_id,
        amount=new.amount,
        coin=coin,
        destination_address=new.destination_address,
        description=new.description,
        network_fee=coin.network_fee,
        service_fee=round_up(multiply(new.amount, SERVICE_FEE_RATE), coin.scale),
        created_at=now,
    )
    if withdrawal.net <= 0:
        raise invalid({"amount": f"Must be greater than the fee, which is {plain(withdrawal.fee)} {coin.code}"})
    return withdrawal


def process(withdrawal: Withdrawal, now: float) -> Withdrawal:
    """Move a PENDING withdrawal to PROCESSING."""
    if withdrawal.status is not WithdrawalStatus.PENDING:
        raise conflict(f"Withdrawal is {withdrawal.status}; only a PENDING one can start processing")
    return attrs.evolve(
        withdrawal,
        status=WithdrawalStatus.PROCESSING,
        processed_at=now,
        transaction_hash=transaction_hash(withdrawal.withdrawal_id),
    )


def complete(withdrawal: Withdrawal, now: float) -> Withdrawal:
    """Complete the withdrawal."""
    _require_open(withdrawal)
    if withdrawal.status is WithdrawalStatus.PENDING:
        withdrawal = process(withdrawal, now)
    return attrs.evolve(withdrawal, status=WithdrawalStatus.COMPLETED, completed_at=now)


def fail(withdrawal: Withdrawal, reason: str) -> Withdrawal:
    """Make the withdrawal fail for a reason."""
    _require_open(withdrawal)
    return attrs.evolve(withdrawal, status=WithdrawalStatus.FAILED, failure_reason=reason)


def _require_open(withdrawal: Withdrawal) -> None:
    if withdrawal.status not in OPEN:
        raise conflict(f"Withdrawal is {withdrawal.status} and cannot change any more")
