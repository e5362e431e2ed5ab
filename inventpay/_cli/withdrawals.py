"""``inventpay withdrawals``: pay out, and follow it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options
from .app import group
from .confirming import confirm
from .exit_codes import ExitCode
from .output import facts, plain, show
from .session import session

if TYPE_CHECKING:
    from ..models import Withdrawal

app = group("Pay out, and follow withdrawals. For many, see inventpay payouts.")

WithdrawalId = Annotated[str, typer.Argument(metavar="WITHDRAWAL_ID", show_default=False, help="Id of a withdrawal.")]


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


@app.command()
def create(
    amount: options.Amount,
    currency: options.Coin,
    destination_address: Annotated[
        str, typer.Option("--destination-address", "--to", metavar="ADDRESS", help="Where the money goes.")
    ],
    description: options.Description = None,
    check_address: Annotated[bool, typer.Option(help="Check the address's form and checksum.")] = True,
    idempotency_key: options.IdempotencyKey = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Pay out to an address. The amount includes the fee. Asks for confirmation."""
    with session(base_url, timeout, as_json=as_json, withdraws=True) as current:
        confirm(
            current,
            "Withdrawal",
            [("to", destination_address), ("amount", f"{amount} {currency}, fee included")],
            yes=yes,
        )
        withdrawal = current.client.withdrawals.create(
            amount=amount,
            currency=currency,
            destination_address=destination_address,
            description=description,
            check_address=check_address,
            idempotency_key=current.key(idempotency_key),
        )
    show(withdrawal.to_json() if as_json else _facts(withdrawal), as_json=as_json)


@app.command()
def get(
    withdrawal_id: WithdrawalId,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Show a withdrawal."""
    with session(base_url, timeout, as_json=as_json) as current:
        withdrawal = current.client.withdrawals.get(withdrawal_id)
    show(withdrawal.to_json() if as_json else _facts(withdrawal), as_json=as_json)


@app.command()
def wait(
    withdrawal_id: WithdrawalId,
    timeout: Annotated[float | None, typer.Option(metavar="SECONDS", help="Wait at most so long.")] = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Wait until a withdrawal is completed.

    Exits with 6 if it ends otherwise, or not in time.
    """
    with session(base_url, as_json=as_json) as current:
        final = current.client.withdrawals.wait(withdrawal_id, timeout=timeout)
    show(final.to_json() if as_json else _facts(final), as_json=as_json)
    return ExitCode.DONE if final.status == "COMPLETED" else ExitCode.ENDED_OTHERWISE


def _facts(withdrawal: Withdrawal) -> str:
    coin = plain(withdrawal.currency)

    def money(amount: object) -> str | None:
        return None if amount is None else f"{plain(amount)} {coin}"

    return facts(
        [
            ("withdrawal", withdrawal.withdrawal_id),
            ("status", withdrawal.status),
            ("amount", money(withdrawal.amount)),
            ("fee", money(withdrawal.fee_amount)),
            ("arrives", money(withdrawal.net_amount)),
            ("to", withdrawal.destination_address),
            ("transaction", withdrawal.transaction_hash),
            ("confirmations", withdrawal.confirmations),
            ("reason", withdrawal.failure_reason),
            ("description", withdrawal.description),
            ("created", withdrawal.created_at),
            ("completed", withdrawal.completed_at),
        ]
    )
