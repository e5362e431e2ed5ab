"""``inventpay payments``: create payments, and follow their status."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options
from .app import group
from .exit_codes import ExitCode
from .output import facts, plain, plain_warnings, show, write, write_json
from .session import session

if TYPE_CHECKING:
    from ..models import Payment, PaymentStatus

app = group("Create payments, and follow their status.")

PaymentId = Annotated[str, typer.Argument(metavar="PAYMENT_ID", show_default=False, help="Id of a payment or invoice.")]


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


@app.command()
def create(
    amount: options.Amount,
    amount_currency: options.AmountCurrency,
    currency: options.Coin,
    order_id: options.OrderId = None,
    description: options.Description = None,
    callback_url: options.CallbackUrl = None,
    expiration_minutes: options.ExpirationMinutes = 30,
    idempotency_key: options.IdempotencyKey = None,
    qr: Annotated[bool, typer.Option(help="Show a QR code for the payer in a terminal.")] = True,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Create a payment in one coin to one address."""
    with session(base_url, timeout, as_json=as_json) as current:
        payment = current.client.payments.create(
            amount=amount,
            amount_currency=amount_currency,
            currency=currency,
            order_id=order_id,
            description=description,
            callback_url=callback_url,
            expiration_minutes=expiration_minutes,
            idempotency_key=current.key(idempotency_key),
        )
    show(payment.to_json() if as_json else _created(payment, qr=qr), as_json=as_json)


@app.command()
def status(
    payment_id: PaymentId,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Show the status of a payment or invoice."""
    with session(base_url, timeout, as_json=as_json) as current:
        answer = current.client.payments.status(payment_id)
    show(answer.to_json() if as_json else status_facts(answer), as_json=as_json)


@app.command()
def watch(
    payment_id: PaymentId,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Print every change of a payment or invoice.

    Ends when the status is final. With --json one document a line.
    """
    with session(base_url, as_json=as_json) as current:
        for answer in current.client.payments.watch(payment_id):
            if as_json:
                write_json(answer.to_json())
            else:
                write(_change(answer))


@app.command()
def wait(
    payment_id: PaymentId,
    until: Annotated[
        list[str] | None,
        typer.Option(metavar="STATE", help="Also end at this state; may be repeated.", autocompletion=options.states),
    ] = None,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Wait at most so long.")] = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Wait until a payment or invoice is paid.

    Exits with 6 if it ends otherwise, or not in time.
    """
    with session(base_url, as_json=as_json) as current, plain_warnings():
        final = current.client.payments.wait(payment_id, until=until or None, timeout=timeout)
    show(final.to_json() if as_json else status_facts(final), as_json=as_json)
    # The states of an answer are in capital letters; those of the command may be in any.
    asked = {state.upper() for state in until or ()}
    return ExitCode.DONE if final.is_paid or final.status.upper() in asked else ExitCode.ENDED_OTHERWISE


def status_facts(answer: PaymentStatus) -> str:
    """Return a status for people."""
    return facts(
        [
            ("payment", answer.payment_id),
            ("status", answer.status),
            ("received", _received(answer)),
            ("missing", answer.remaining_amount if answer.is_underpaid else None),
            ("over", answer.overpaid_amount if answer.is_overpaid else None),
            ("confirmations", answer.confirmations),
            ("address", answer.address),
            ("expires", answer.expires_at),
            ("completed", answer.completed_at),
            ("test", True if answer.test else None),
        ]
    )


def _received(answer: PaymentStatus) -> str:
    required = "" if answer.required_amount is None else f" of {plain(answer.required_amount)}"
    coin = "" if answer.currency is None else f" {plain(answer.currency)}"
    return f"{plain(answer.current_balance)}{required}{coin}"


def _change(answer: PaymentStatus) -> str:
    import time

    confirmations = "" if not answer.confirmations else f", {answer.confirmations} confirmations"
    return f"{time.strftime('%H:%M:%S')}  {plain(answer.status):<10}  {_received(answer)} received{confirmations}"


def _created(payment: Payment, *, qr: bool) -> str:
    from .qr_code import qr_lines

    code = qr_lines(payment.qr_code) if qr else ""
    amount = None if payment.amount is None else f"{plain(payment.amount)} {plain(payment.currency)}"
    text = facts(
        [
            ("payment", payment.payment_id),
            ("amount", amount or f"in a coin of the payer's choice ({plain(payment.currency)})"),
            ("address", payment.address),
            ("page", payment.invoice_url),
            ("expires", payment.expires_at),
            ("order", payment.order_id),
        ]
    )
    return f"{text}\n\n{code}" if code else text
