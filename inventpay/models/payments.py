"""Models of payments and invoices."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal

from attrs import field, frozen

from .._json.fields import strict
from .amounts_due import AmountsDue
from .base import Model
from .enums import FINAL_STATES, PAID_STATES, AmountCurrency, Currency, PaymentState

__all__ = ["ConversionRate", "Invoice", "Payment", "PaymentStatus"]


@frozen(kw_only=True, repr=False)
class ConversionRate(Model):
    """The price of an invoice in one coin (docs: create-invoice)."""

    crypto_amount: Decimal
    """Amount to pay, in the coin."""
    price: Decimal | None = None
    """Price of one coin, in the invoice's base currency."""
    usdt_amount: Decimal | None = None
    """Amount to pay, in USDT."""


@frozen(kw_only=True, repr=False)
class Payment(Model):
    """A payment in one coin to one address (docs: create-payment).

    ``amount`` is in ``currency``, the coin; the amount that was asked for is ``base_amount`` in ``base_currency``,
    where the API repeats it. A payment that was created with ``currency="MULTI"`` has no ``amount`` and no
    ``address`` until the payer has picked a coin on the hosted page.
    """

    payment_id: str
    """Id of the payment, for ``client.payments.status`` and ``wait``."""
    currency: Currency | str
    """The coin; ``"MULTI"`` until the payer has picked one."""
    amount: Decimal | None = strict()
    """Amount to pay, in the coin; ``None`` only until the payer has picked one."""
    invoice_url: str | None = None
    """URL of the hosted page to send the payer to; that of ``client.payment_link`` where the API names none."""
    expires_at: datetime | None = None
    """Time until which the payment can be paid."""
    address: str | None = strict()
    """Address to pay to; ``None`` until the payer has picked a coin."""
    qr_code: str | None = None
    """Text for a QR code, such as ``usdt_bep20:0x...?amount=29.99``."""
    order_id: str | None = None
    """Your own id of the order."""
    description: str | None = None
    """Your own words on the payment."""
    network: str | None = None
    """Name of the coin's network."""
    base_amount: Decimal | None = None
    """Amount that was asked for, in ``base_currency``."""
    base_currency: AmountCurrency | str | None = None
    """Currency of ``base_amount``."""
    conversion_rates: Mapping[str, ConversionRate] = field(factory=dict[str, ConversionRate], hash=False)
    """Prices by coin, of which the payer of a ``"MULTI"`` payment picks one."""
    current_price: Decimal | None = None
    """Price of one coin, in ``base_currency``."""
    price_timestamp: str | None = None
    """Time of ``current_price``, as the API words it."""
    price_expiry: str | None = None
    """Time until which ``current_price`` holds, as the API words it."""
    is_stablecoin: bool | None = None
    """Whether the coin follows the US dollar."""
    allow_currency_selection: bool | None = None
    """Whether the payer may pick the coin."""
    selected_currency: Currency | str | None = None
    """The coin that the payer picked."""
    expires_at_timestamp: int | None = None
    """The time ``expires_at`` in milliseconds since 1970."""
    created_at: datetime | None = None
    """Time of creation."""
    status: PaymentState | str | None = strict()
    """State of the payment, where the API names it."""


@frozen(kw_only=True, repr=False)
class Invoice(Model):
    """A payment whose coin the payer picks on the hosted page (docs: create-invoice)."""

    payment_id: str
    """Id of the payment, for ``client.payments.status`` and ``wait``."""
    base_amount: Decimal
    """Amount that was asked for, in ``base_currency``."""
    base_currency: AmountCurrency | str
    """Currency of ``base_amount``."""
    invoice_url: str | None = None
    """URL of the hosted page to send the payer to; that of ``client.payment_link`` where the API names none."""
    expires_at: datetime | None = None
    """Time until which the invoice can be paid."""
    conversion_rates: Mapping[str, ConversionRate] = field(factory=dict[str, ConversionRate], hash=False)
    """Prices by coin. Empty where the API names the coins only, in ``available_currencies``."""
    available_currencies: tuple[Currency | str, ...] = ()
    """Coins that the payer can pick."""
    allow_currency_selection: bool | None = None
    """Whether the payer may pick the coin."""
    selected_currency: Currency | str | None = None
    """The coin that the payer picked."""
    order_id: str | None = None
    """Your own id of the order."""
    description: str | None = None
    """Your own words on the invoice."""
    price_expiry: str | None = None
    """Time until which the prices hold, as the API words it."""
    expires_at_timestamp: int | None = None
    """The time ``expires_at`` in milliseconds since 1970."""
    created_at: datetime | None = None
    """Time of creation."""
    status: PaymentState | str | None = strict()
    """State of the invoice, where the API names it."""


@frozen(kw_only=True, repr=False)
class PaymentStatus(AmountsDue, Model):
    """The state of a payment or invoice (docs: get-payment-status)."""

    payment_id: str
    """Id of the payment; the one asked for, where the answer has none."""
    status: PaymentState | str
    """State of the payment; a state that this version does not know is plain text."""
    current_balance: Decimal
    """Amount received so far, in the coin."""
    confirmations: int | None = None
    """Blocks on top of the payment."""
    required_amount: Decimal | None = None
    """Amount to receive, in the coin."""
    currency: Currency | str | None = strict()
    """The coin; ``None`` until the payer of an invoice has picked one."""
    address: str | None = strict()
    """Address to pay to; ``None`` until the payer of an invoice has picked a coin."""
    expires_at: datetime | None = None
    """Time until which the payment can be paid."""
    created_at: datetime | None = None
    """Time of creation."""
    completed_at: datetime | None = None
    """Time at which the payment was complete."""
    test: bool = False
    """Whether no real coin is involved; ``False`` where the API does not name it."""

    @property
    def is_final(self) -> bool:
        """Whether nothing follows any more: COMPLETED, SETTLED, EXPIRED, FAILED or CANCELLED."""
        return self.status in FINAL_STATES

    @property
    def is_paid(self) -> bool:
        """Whether the money has arrived: COMPLETED or SETTLED."""
        return self.status in PAID_STATES

    @property
    def is_test(self) -> bool:
        """Whether no real coin is involved."""
        return self.test

    def _amounts(self) -> tuple[Decimal | None, Decimal | None]:
        return self.current_balance, self.required_amount
