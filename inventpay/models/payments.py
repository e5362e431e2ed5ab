"""What payment and invoice calls answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .enums import FINAL_STATES, PAID_STATES, AmountCurrency, Currency, PaymentState
from .raw import raw_field

__all__ = ["ConversionRate", "Invoice", "Payment", "PaymentStatus"]


@frozen(kw_only=True)
class ConversionRate:
    """What an invoice costs in one coin (docs: create-invoice)."""

    crypto_amount: Decimal
    """Amount in the coin."""
    price: Decimal | None = None
    """Price of one coin in the invoice's base currency."""
    usdt_amount: Decimal | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Payment:
    """A payment in one coin to one address (docs: create-payment).

    ``amount`` is in ``currency``, the coin; what was asked for is ``base_amount`` in ``base_currency`` where the API
    repeats it.
    """

    payment_id: str
    amount: Decimal
    """Amount to pay, in the coin."""
    currency: Currency | str
    """The coin."""
    invoice_url: str
    """Hosted page to send the payer to."""
    expires_at: datetime
    address: str | None = None
    """Where to pay. ``None`` only when the payer still has to pick a coin (``MULTI``)."""
    qr_code: str | None = None
    """Text for a QR code, such as ``usdt_bep20:0x...?amount=29.99``."""
    order_id: str | None = None
    description: str | None = None
    network: str | None = None
    base_amount: Decimal | None = None
    base_currency: AmountCurrency | str | None = None
    current_price: Decimal | None = None
    price_timestamp: str | None = None
    price_expiry: str | None = None
    is_stablecoin: bool | None = None
    allow_currency_selection: bool | None = None
    selected_currency: Currency | str | None = None
    expires_at_timestamp: int | None = None
    created_at: datetime | None = None
    status: PaymentState | str | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Invoice:
    """A payment whose coin the payer picks on the hosted page (docs: create-invoice)."""

    payment_id: str
    base_amount: Decimal
    """Amount asked for, in ``base_currency``."""
    base_currency: AmountCurrency | str
    invoice_url: str
    """Hosted page to send the payer to."""
    expires_at: datetime
    conversion_rates: Mapping[str, ConversionRate] = field(factory=dict[str, ConversionRate], hash=False)
    """What it costs, by coin. Empty where the API names the coins only, in ``available_currencies``."""
    available_currencies: tuple[Currency | str, ...] = ()
    """Coins the payer can pick."""
    allow_currency_selection: bool | None = None
    selected_currency: Currency | str | None = None
    order_id: str | None = None
    description: str | None = None
    price_expiry: str | None = None
    expires_at_timestamp: int | None = None
    created_at: datetime | None = None
    status: PaymentState | str | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class PaymentStatus:
    """How a payment or invoice stands (docs: get-payment-status)."""

    payment_id: str
    """The id asked for, where the answer has none."""
    status: PaymentState | str
    current_balance: Decimal
    """Amount received so far, in the coin."""
    confirmations: int
    """Blocks on top of the payment."""
    required_amount: Decimal | None = None
    """Amount to receive, in the coin."""
    currency: Currency | str | None = None
    """The coin; ``None`` until the payer of an invoice has picked one."""
    address: str | None = None
    expires_at: datetime | None = None
    created_at: datetime | None = None
    completed_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: COMPLETED, SETTLED, EXPIRED, FAILED or CANCELLED."""
        return self.status in FINAL_STATES

    @property
    def is_paid(self) -> bool:
        """Whether the money has arrived: COMPLETED or SETTLED."""
        return self.status in PAID_STATES
