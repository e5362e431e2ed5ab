"""The payer's page of one payment or invoice, with the sandbox's buttons below it."""

from __future__ import annotations

from decimal import Decimal
from enum import StrEnum

import attrs
from starlette.types import ASGIApp, Receive, Scope, Send

from .. import assumptions
from ..clock import SandboxClock
from ..errors import SandboxError
from ..http.answers import Answer
from ..merchant import payments
from ..merchant.addresses import caution
from ..merchant.coins import Coin
from ..merchant.money import ZERO, add, half, multiply, plain, round_up, subtract
from ..merchant.payments import Payment, PaymentStatus
from ..merchant.state import State
from ..shapes import bodies
from . import accepts, qr, rendering
from .coin_names import COIN_NAMES, CoinName
from .live import Sections

# Share by which "Pay too much" exceeds the missing amount.
_EXCESS = Decimal("0.1")


class Stage(StrEnum):
    """The stage of a payment, as the payer's page shows it."""

    CHOOSE = "choose"
    WAITING = "waiting"
    CONFIRMING = "confirming"
    UNDERPAID = "underpaid"
    PAID = "paid"
    EXPIRED = "expired"
    FAILED = "failed"


@attrs.frozen(kw_only=True)
class CoinChoice:
    """One row of the coin picker."""

    code: str
    name: CoinName
    amount: Decimal
    price: Decimal


@attrs.frozen(kw_only=True)
class Transfer:
    """A button that plays the payer: it sends an amount, confirmed at once or not."""

    label: str
    amount: Decimal
    unit: str

    def body(self, confirmed: bool) -> str:
        """Return the request's JSON, with an exact number."""
        confirmations = "" if confirmed else ', "confirmations": 0'
        return f'{{"amount": {plain(self.amount)}{confirmations}}}'


@attrs.frozen(kw_only=True)
class InvoiceView:
    """The contents of the page."""

    payment: Payment
    stage: Stage
    business: str
    coin: Coin | None
    coin_name: CoinName | None
    choices: tuple[CoinChoice, ...]
    missing: Decimal
    excess: Decimal
    payment_string: str | None
    qr_code: str | None
    caution: str | None
    transfers: tuple[Transfer, ...]


class InvoicePage:
    """GET /invoice/{paymentId}: the page for browsers; the answer of ``plain_text`` for others."""

    def __init__(self, state: State, clock: SandboxClock, plain_text: ASGIApp) -> None:
        self._state = state
        self._clock = clock
        self._plain_text = plain_text

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request."""
        if accepts.html(scope):
            await self._page(scope).send(send)
        else:
            await self._plain_text(scope, receive, send)

    def sections(self, scope: Scope) -> Sections:
        """Return the sections of the page that change."""
        return self._sections(self._view(scope["path_params"]["paymentId"]))

    def _view(self, payment_id: str) -> InvoiceView:
        return invoice_view(self._state.payment(payment_id), late=self._state.late_payments)

    def _sections(self, view: InvoiceView) -> Sections:
        return {name: rendering.fragment(f"invoice_{name}.html", view=view) for name in ("card", "controls")}

    def _page(self, scope: Scope) -> Answer:
        payment_id: str = scope["path_params"]["paymentId"]
        try:
            view = self._view(payment_id)
        except SandboxError:
            return rendering.page("missing.html", status=404, what="payment", name=payment_id)
        clock = self._clock
        return rendering.page(
            "invoice.html", view=view, sections=self._sections(view), now=clock() * 1000, speed=clock.speed
        )


def invoice_view(payment: Payment, *, late: bool) -> InvoiceView:
    """Return the page's contents for ``payment``; with ``late``, transfers to an expired payment count."""
    stage = _stage(payment)
    coin, required = payment.coin, payment.required
    missing = ZERO if required is None else max(ZERO, subtract(required, payment.received))
    payable = payment.is_open or (late and stage is Stage.EXPIRED)
    open_to_pay = stage in (Stage.WAITING, Stage.UNDERPAID) and coin is not None
    payment_string = bodies.payment_string(coin, payment.address, missing) if open_to_pay and coin else None
    return InvoiceView(
        payment=payment,
        stage=stage,
        business=assumptions.BUSINESS_NAME,
        coin=coin,
        coin_name=None if coin is None else COIN_NAMES[coin.code],
        choices=_choices(payment) if stage is Stage.CHOOSE else (),
        missing=missing,
        excess=ZERO if required is None else max(ZERO, subtract(payment.received, required)),
        payment_string=payment_string,
        caution=None if payment.address is None else caution(payment.address),
        qr_code=None if payment_string is None else qr.svg(payment_string),
        transfers=_transfers(coin, required, missing) if coin and required and payable else (),
    )


def _stage(payment: Payment) -> Stage:
    match payment.status:
        case PaymentStatus.COMPLETED:
            return Stage.PAID
        case PaymentStatus.EXPIRED:
            return Stage.EXPIRED
        case PaymentStatus.FAILED:
            return Stage.FAILED
        case PaymentStatus.UNDERPAID:
            return Stage.UNDERPAID
        case PaymentStatus.PENDING if payment.coin is None:
            return Stage.CHOOSE
        case PaymentStatus.PENDING:
            return Stage.CONFIRMING if payment.received else Stage.WAITING


def _choices(payment: Payment) -> tuple[CoinChoice, ...]:
    return tuple(
        CoinChoice(code=code, name=COIN_NAMES[code], amount=amount, price=price)
        for code, (amount, price) in payments.conversions(payment).items()
    )


def _transfers(coin: Coin, required: Decimal, missing: Decimal) -> tuple[Transfer, ...]:
    unit = COIN_NAMES[coin.code].unit
    excess = max(Decimal(1).scaleb(-coin.scale), round_up(multiply(missing or required, _EXCESS), coin.scale))
    transfers = [
        Transfer(label="Pay in full", amount=missing, unit=unit),
        Transfer(label="Pay part", amount=half(missing, coin.scale), unit=unit),
        Transfer(label="Pay too much", amount=add(missing, excess), unit=unit),
    ]
    # After everything was received, there are no buttons for the missing amount or a part of it.
    return tuple(transfer for transfer in transfers if transfer.amount)
