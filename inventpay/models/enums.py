"""The values the API is known to use. Values it adds later arrive as plain ``str``."""

from __future__ import annotations

from enum import StrEnum
from typing import Final

__all__ = ["AmountCurrency", "Currency", "PaymentState", "WithdrawalState"]


class Currency(StrEnum):
    """Coins a payer can pay in and a merchant withdraws.

    The documentation lists the first five; the vendor's JavaScript SDK and MCP server add the other three.
    """

    BTC = "BTC"
    ETH = "ETH"
    LTC = "LTC"
    USDT_ERC20 = "USDT_ERC20"
    USDT_BEP20 = "USDT_BEP20"
    SOL = "SOL"
    USDC_SOL = "USDC_SOL"
    USDC_BEP20 = "USDC_BEP20"


class AmountCurrency(StrEnum):
    """Currencies an amount is stated in (docs: create-payment; SOL is in the vendor's JavaScript SDK only)."""

    USD = "USD"
    USDT = "USDT"
    BTC = "BTC"
    ETH = "ETH"
    LTC = "LTC"
    SOL = "SOL"


class PaymentState(StrEnum):
    """What ``PaymentStatus.status`` can be: the union of all sources, which name four to seven each."""

    PENDING = "PENDING"
    """Nothing received, too little received, or waiting for confirmations (docs: concepts/payments)."""
    PROCESSING = "PROCESSING"
    CONFIRMING = "CONFIRMING"
    UNDERPAID = "UNDERPAID"
    COMPLETED = "COMPLETED"
    SETTLED = "SETTLED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


PAID_STATES: Final = frozenset({PaymentState.COMPLETED, PaymentState.SETTLED})
"""The money has arrived."""

FINAL_STATES: Final = PAID_STATES | {PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.CANCELLED}
"""Nothing follows any more."""


class WithdrawalState(StrEnum):
    """What ``Withdrawal.status`` can be (vendor's READMEs; CANCELLED from older documents)."""

    PENDING = "PENDING"
    PROCESSING = "PROCESSING"
    COMPLETED = "COMPLETED"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"
