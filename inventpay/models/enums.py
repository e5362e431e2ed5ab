"""Values that the API is known to use. Values that it adds later arrive as plain ``str``."""

from __future__ import annotations

from enum import StrEnum
from typing import Final, Literal, Self, TypeAlias

__all__ = [
    "AmountCurrency",
    "AmountCurrencyName",
    "Currency",
    "CurrencyName",
    "PaymentState",
    "PaymentStateName",
    "WithdrawalState",
]


class State(StrEnum):
    """The base of enums whose members the API may write in any case of letters."""

    @classmethod
    def _missing_(cls, value: object) -> Self | None:
        return cls.__members__.get(value.upper()) if isinstance(value, str) else None


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


CurrencyName: TypeAlias = Literal[
    "BTC", "ETH", "LTC", "USDT_ERC20", "USDT_BEP20", "SOL", "USDC_SOL", "USDC_BEP20", "MULTI"
]
"""Names of coins that an editor completes. ``"MULTI"`` lets the payer pick the coin (vendor's JavaScript SDK)."""


class AmountCurrency(StrEnum):
    """Currencies an amount is stated in (docs: create-payment; SOL is in the vendor's JavaScript SDK only)."""

    USD = "USD"
    USDT = "USDT"
    BTC = "BTC"
    ETH = "ETH"
    LTC = "LTC"
    SOL = "SOL"


AmountCurrencyName: TypeAlias = Literal["USD", "USDT", "BTC", "ETH", "LTC", "SOL"]
"""Names of currencies that an amount is stated in, for completion by an editor."""


class PaymentState(State):
    """Values of ``PaymentStatus.status``: the union of all sources, which name four to seven each."""

    PENDING = "PENDING"
    """Nothing received, too little received, or waiting for confirmations (docs: concepts/payments)."""
    PROCESSING = "PROCESSING"
    """Funds were seen and are being processed (vendor's skill document)."""
    CONFIRMING = "CONFIRMING"
    """Funds were seen and wait for confirmations (vendor's older JavaScript documents)."""
    UNDERPAID = "UNDERPAID"
    """Less arrived than was asked for (vendor's skill document)."""
    COMPLETED = "COMPLETED"
    """The payment is complete."""
    SETTLED = "SETTLED"
    """The payment is complete and was credited (seen in a consumer's code)."""
    EXPIRED = "EXPIRED"
    """The time to pay is over."""
    FAILED = "FAILED"
    """The payment failed."""
    CANCELLED = "CANCELLED"
    """The payment was cancelled (vendor's skill document)."""


PaymentStateName: TypeAlias = Literal[
    "PENDING", "PROCESSING", "CONFIRMING", "UNDERPAID", "COMPLETED", "SETTLED", "EXPIRED", "FAILED", "CANCELLED"
]
"""Names of payment states, for completion by an editor."""

PAID_STATES: Final = frozenset({PaymentState.COMPLETED, PaymentState.SETTLED})
"""The money has arrived."""

FINAL_STATES: Final = PAID_STATES | {PaymentState.EXPIRED, PaymentState.FAILED, PaymentState.CANCELLED}
"""Nothing follows any more."""


class WithdrawalState(State):
    """Values of ``Withdrawal.status`` (vendor's READMEs; CANCELLED from older documents)."""

    PENDING = "PENDING"
    """The withdrawal was accepted and waits."""
    PROCESSING = "PROCESSING"
    """The withdrawal is on its way."""
    COMPLETED = "COMPLETED"
    """The withdrawal has arrived."""
    FAILED = "FAILED"
    """The withdrawal failed."""
    CANCELLED = "CANCELLED"
    """The withdrawal was cancelled."""


FINAL_WITHDRAWAL_STATES: Final = frozenset(
    {WithdrawalState.COMPLETED, WithdrawalState.FAILED, WithdrawalState.CANCELLED}
)
"""Nothing follows any more."""
