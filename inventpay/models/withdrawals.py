"""Models of withdrawals."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from attrs import frozen

from .base import Model
from .enums import FINAL_WITHDRAWAL_STATES, Currency, WithdrawalState

__all__ = ["BalanceAfterLock", "FeeBreakdown", "Withdrawal"]


@frozen(kw_only=True, repr=False)
class FeeBreakdown(Model):
    """The parts of the fee, in the withdrawal's coin."""

    network_fee: Decimal | None = None
    """Fee of the network, in the withdrawal's coin."""
    service_fee: Decimal | None = None
    """Fee of InventPay, in the withdrawal's coin."""


@frozen(kw_only=True, repr=False)
class BalanceAfterLock(Model):
    """The balance once the withdrawal's amount is held back, in the withdrawal's coin."""

    available: Decimal | None = None
    """Amount that can be withdrawn, in the withdrawal's coin."""
    locked: Decimal | None = None
    """Amount held back, in the withdrawal's coin."""


@frozen(kw_only=True, repr=False)
class Withdrawal(Model):
    """A withdrawal (docs: get-withdrawal; vendor's JavaScript SDK for the answer to its creation).

    ``amount`` is gross: the fee is taken out of it, and ``net_amount`` arrives at the address.
    """

    withdrawal_id: str
    """Id of the withdrawal, for ``client.withdrawals.get`` and ``wait``."""
    amount: Decimal
    """Amount withdrawn, fee included, in the coin."""
    currency: Currency | str
    """The coin, such as ``"USDT_BEP20"``."""
    destination_address: str
    """Address that the money goes to."""
    status: WithdrawalState | str
    """State of the withdrawal; a state that this version does not know is plain text."""
    fee_amount: Decimal | None = None
    """Fee, in the coin."""
    net_amount: Decimal | None = None
    """Amount that arrives, in the coin; from ``netAmount`` or ``metadata.netAmount``."""
    fee_breakdown: FeeBreakdown | None = None
    """Parts of the fee, in the coin; from ``feeBreakdown`` or ``metadata``."""
    confirmations: int | None = None
    """Blocks on top of the transaction; from ``metadata.confirmations``."""
    transaction_hash: str | None = None
    """Hash of the transaction on the coin's chain."""
    requires_approval: bool | None = None
    """Whether InventPay has to approve it first."""
    description: str | None = None
    """Your own words on the withdrawal."""
    failure_reason: str | None = None
    """Reason of a failure, in words; from ``failureReason`` or ``errorMessage``."""
    balance_after_lock: BalanceAfterLock | None = None
    """The balance once the amount is held back, in the coin."""
    created_at: datetime | None = None
    """Time of creation."""
    processed_at: datetime | None = None
    """Time at which the transaction was sent."""
    completed_at: datetime | None = None
    """Time at which the withdrawal was complete."""
    estimated_completion: datetime | None = None
    """Time at which the API expects it to be complete."""

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: COMPLETED, FAILED or CANCELLED."""
        return self.status in FINAL_WITHDRAWAL_STATES
