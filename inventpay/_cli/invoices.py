"""``inventpay invoices``: payments whose coin the payer picks."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import typer

from . import options
from .app import group
from .output import facts, plain, show
from .session import session

if TYPE_CHECKING:
    from ..models import Invoice

app = group("Create invoices, whose coin the payer picks. Follow them with inventpay payments.")


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


@app.command()
def create(
    amount: options.Amount,
    amount_currency: options.AmountCurrency,
    order_id: options.OrderId = None,
    description: options.Description = None,
    callback_url: options.CallbackUrl = None,
    expiration_minutes: options.ExpirationMinutes = 60,
    idempotency_key: options.IdempotencyKey = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Create an invoice."""
    with session(base_url, timeout, as_json=as_json) as current:
        invoice = current.client.invoices.create(
            amount=amount,
            amount_currency=amount_currency,
            order_id=order_id,
            description=description,
            callback_url=callback_url,
            expiration_minutes=expiration_minutes,
            idempotency_key=current.key(idempotency_key),
        )
    show(invoice.to_json() if as_json else _created(invoice), as_json=as_json)


def _created(invoice: Invoice) -> str:
    prices = [
        (str(coin), f"{plain(rate.crypto_amount)} {plain(coin)}") for coin, rate in invoice.conversion_rates.items()
    ]
    return facts(
        [
            ("invoice", invoice.payment_id),
            ("amount", f"{plain(invoice.base_amount)} {plain(invoice.base_currency)}"),
            ("page", invoice.invoice_url),
            ("expires", invoice.expires_at),
            ("order", invoice.order_id),
            *((f"in {plain(coin)}", price) for coin, price in prices),
        ]
    )
