"""A payment or invoice and its life: pure functions from one immutable record to the next.

PENDING -> COMPLETED     enough received, enough confirmations
        -> UNDERPAID     confirmed, but too little; can be topped up
        -> EXPIRED       its time is up (from PENDING and UNDERPAID)
        -> FAILED        by a control call (from PENDING and UNDERPAID)

EXPIRED -> COMPLETED     by a late transfer of the missing amount, if late payments count
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import StrEnum
from typing import TypeAlias

import attrs

from ..errors import conflict, invalid
from .coins import COINS, Coin
from .money import ZERO, add, decimal_places, subtract


class PaymentStatus(StrEnum):
    """The statuses of a payment."""

    PENDING = "PENDING"
    UNDERPAID = "UNDERPAID"
    COMPLETED = "COMPLETED"
    EXPIRED = "EXPIRED"
    FAILED = "FAILED"


# The origin of the live service's pages (page create-payment); links of the sandbox use its own origin.
LIVE_ORIGIN = "https://inventpay.io"

OPEN = (PaymentStatus.PENDING, PaymentStatus.UNDERPAID)


AddressOf: TypeAlias = Callable[[Coin, str], str]
"""A function that returns the receiving address of a coin for a payment's id."""


@attrs.frozen(kw_only=True)
class NewPayment:
    """A merchant's request for a payment. Without a ``coin`` the payer chooses one.

    ``lifetime`` is in seconds; ``origin`` is the scheme, host and port of the payer's page.
    """

    amount: Decimal
    amount_currency: str
    coin: Coin | None
    lifetime: float
    order_id: str | None = None
    description: str | None = None
    callback_url: str | None = None
    origin: str = LIVE_ORIGIN


@attrs.frozen(kw_only=True)
class Payment:
    """The state of a payment. Times are Unix seconds; ``required`` and ``received`` are in the coin."""

    payment_id: str
    base_amount: Decimal
    base_currency: str
    order_id: str | None
    description: str | None
    callback_url: str | None
    created_at: float
    expires_at: float
    origin: str = LIVE_ORIGIN
    coin: Coin | None = None
    address: str | None = None
    required: Decimal | None = None
    received: Decimal = ZERO
    confirmations: int = 0
    status: PaymentStatus = PaymentStatus.PENDING
    completed_at: float | None = None

    @property
    def is_open(self) -> bool:
        """Whether the payment can still change."""
        return self.status in OPEN


def create(payment_id: str, new: NewPayment, now: float, address_of: AddressOf) -> Payment:
    """Return a new payment; ``address_of`` makes the address of a coin for a payment's id."""
    payment = Payment(
        payment_id=payment_id,
        base_amount=new.amount,
        base_currency=new.amount_currency,
        order_id=new.order_id,
        description=new.description,
        callback_url=new.callback_url,
        created_at=now,
        expires_at=now + new.lifetime,
        origin=new.origin,
    )
    return payment if new.coin is None else select(payment, new.coin, address_of)


def at(payment: Payment, now: float) -> Payment:
    """Return the payment at ``now``: expired if its lifetime is over."""
    if payment.is_open and now >= payment.expires_at:
        return attrs.evolve(payment, status=PaymentStatus.EXPIRED)
    return payment


def conversions(payment: Payment) -> dict[str, tuple[Decimal, Decimal]]:
    """Return the payment's amount in each coin, and the coin's price in USD."""
    return {
        code: (coin.converted(payment.base_amount, payment.base_currency), coin.price) for code, coin in COINS.items()
    }


def usdt_amount(payment: Payment) -> Decimal:
    """Return the payment's amount in USDT on Ethereum."""
    return COINS["USDT_ERC20"].converted(payment.base_amount, payment.base_currency)


def select(payment: Payment, coin: Coin, address_of: AddressOf) -> Payment:
    """Set the coin that the payer chose."""
    require_open(payment)
    if payment.coin is not None:
        raise conflict(f"Payment is already in {payment.coin.code}")
    return attrs.evolve(
        payment,
        coin=coin,
        address=address_of(coin, payment.payment_id),
        required=coin.converted(payment.base_amount, payment.base_currency),
    )


def missing(payment: Payment, *, late: bool) -> Decimal:
    """Return the amount still to be paid, in the coin; raise 409 if nothing is left to pay."""
    require_payable(payment, late=late)
    required = chosen(payment)[1]
    if payment.received >= required:
        raise conflict("Everything has been received already; confirm it, or name an amount to overpay")
    return subtract(required, payment.received)


def receive(payment: Payment, amount: Decimal, confirmations: int, now: float, *, late: bool) -> Payment:
    """Add a transfer of ``amount`` with ``confirmations`` confirmations; with ``late`` it counts after EXPIRED too."""
    require_payable(payment, late=late)
    coin, _ = chosen(payment)
    if decimal_places(amount) > coin.scale:
        raise invalid({"amount": f"Must have at most {coin.scale} decimal places for {coin.code}"})
    received = attrs.evolve(payment, received=add(payment.received, amount))
    return confirm(received, confirmations, now, late=late)


def confirm(payment: Payment, confirmations: int, now: float, *, late: bool) -> Payment:
    """Set the confirmations of the newest transfer, and complete the payment if they are enough."""
    require_payable(payment, late=late)
    coin, required = chosen(payment)
    if not payment.received:
        raise conflict("Nothing has been received for this payment yet")
    if confirmations < 0:
        raise invalid({"confirmations": "Must be at least 0"})
    payment = attrs.evolve(payment, confirmations=confirmations)
    expired = payment.status is PaymentStatus.EXPIRED
    if confirmations < coin.confirmations:
        return payment if expired else attrs.evolve(payment, status=PaymentStatus.PENDING)
    if payment.received < required:
        return payment if expired else attrs.evolve(payment, status=PaymentStatus.UNDERPAID)
    return attrs.evolve(payment, status=PaymentStatus.COMPLETED, completed_at=now)


def expire(payment: Payment, now: float) -> Payment:
    """End the payment's lifetime now."""
    require_open(payment)
    return attrs.evolve(payment, status=PaymentStatus.EXPIRED, expires_at=now)


def fail(payment: Payment) -> Payment:
    """Make the payment fail."""
    require_open(payment)
    return attrs.evolve(payment, status=PaymentStatus.FAILED)


def chosen(payment: Payment) -> tuple[Coin, Decimal]:
    """Return the coin of the payment and the amount required in it; raise 400 if the payer has not chosen yet."""
    if payment.coin is None or payment.required is None:
        raise invalid({"currency": f"The payer has not chosen one yet; name one of: {', '.join(COINS)}"})
    return payment.coin, payment.required


def require_payable(payment: Payment, *, late: bool) -> None:
    """Raise 409 for a payment that takes no transfer: an ended one, except an expired one where ``late`` ones count."""
    if late and payment.status is PaymentStatus.EXPIRED:
        if payment.coin is None:
            raise conflict("Payment is EXPIRED, and no coin was chosen: there is no address for a late transfer")
        return
    require_open(payment)


def require_open(payment: Payment) -> None:
    """Raise 409 for a payment that has ended."""
    if not payment.is_open:
        raise conflict(f"Payment is {payment.status} and cannot change any more")
