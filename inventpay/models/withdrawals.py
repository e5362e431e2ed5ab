"""What withdrawal calls answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import frozen

from .enums import Currency, WithdrawalState
from .raw import raw_field

__all__ = ["BalanceAfterLock", "FeeBreakdown", "Withdrawal"]


@frozen(kw_only=True)
class FeeBreakdown:
    """What the fee consists of, in the withdrawal's coin."""

    network_fee: Decimal | None = None
    service_fee: Decimal | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class BalanceAfterLock:
    """The balance once the withdrawal's amount is held back."""

    available: Decimal | None = None
    locked: Decimal | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Withdrawal:
    """A withdrawal (docs: get-withdrawal; vendor's JavaScript SDK for the answer to its creation).

    ``amount`` is gross: the fee is taken out of it, and ``net_amount`` arrives at the address.
    """

    withdrawal_id: str
    amount: Decimal
    """Amount withdrawn, fee included, in the coin."""
    currency: Currency | str
    destination_address: str
    status: WithdrawalState | str
    fee_amount: Decimal | None = None
    net_amount: Decimal | None = None
    """What arrives; from ``netAmount`` or ``metadata.netAmount``."""
    fee_breakdown: FeeBreakdown | None = None
    """From ``feeBreakdown`` or ``metadata``."""
    confirmations: int | None = None
    """Blocks on top of the transaction; from ``metadata.confirmations``."""
    transaction_hash: str | None = None
    requires_approval: bool | None = None
    description: str | None = None
    failure_reason: str | None = None
    """From ``failureReason`` or ``errorMessage``."""
    balance_after_lock: BalanceAfterLock | None = None
    created_at: datetime | None = None
    processed_at: datetime | None = None
    completed_at: datetime | None = None
    estimated_completion: datetime | None = None
    raw: Mapping[str, Any] = raw_field()
