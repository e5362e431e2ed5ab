"""``inventpay sandbox pay`` and others: play the payer, the chain and the clock of a sandbox that runs."""

from __future__ import annotations

import math
import os
from typing import Annotated, Any, Final
from urllib.parse import quote

import typer

from . import options
from .app import group
from .inputs import checked_url
from .output import facts, plain, show

app = group("Play the payer of a running sandbox; without a command: serve one (inventpay sandbox --help).")

DEFAULT_URL: Final = "http://127.0.0.1:8787"
"""Where ``inventpay sandbox`` listens by default."""

TIMEOUT: Final = 10.0
"""Seconds in which the sandbox must answer."""

PaymentId = Annotated[str, typer.Argument(metavar="PAYMENT_ID", show_default=False, help="Id of a payment or invoice.")]
AmountSent = Annotated[
    str | None, typer.Argument(metavar="AMOUNT", show_default=False, help="Amount that the payer sends, in the coin.")
]
Url = Annotated[
    str | None,
    typer.Option("--url", metavar="URL", help=f"The sandbox (default: INVENTPAY_BASE_URL, or {DEFAULT_URL})."),
]
ChosenCoin = Annotated[
    str | None,
    typer.Option(
        "--currency", metavar="COIN", help="The coin that an invoice's payer picks.", autocompletion=options.coins
    ),
]


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


@app.command()
def pay(
    payment_id: PaymentId,
    amount: AmountSent = None,
    currency: ChosenCoin = None,
    confirmations: Annotated[int | None, typer.Option(metavar="N", help="By default enough of them.")] = None,
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Pay a payment: by default all that is missing."""
    _change_payment(payment_id, "pay", url, as_json, amount=amount, currency=currency, confirmations=confirmations)


@app.command()
def underpay(
    payment_id: PaymentId,
    amount: AmountSent = None,
    currency: ChosenCoin = None,
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Pay less than is missing: by default half of it."""
    _change_payment(payment_id, "underpay", url, as_json, amount=amount, currency=currency)


@app.command()
def overpay(
    payment_id: PaymentId,
    amount: AmountSent = None,
    currency: ChosenCoin = None,
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Pay more than is missing: by default half as much again."""
    _change_payment(payment_id, "overpay", url, as_json, amount=amount, currency=currency)


@app.command()
def expire(payment_id: PaymentId, url: Url = None, as_json: options.Json = False) -> None:
    """End the time to pay now."""
    _change_payment(payment_id, "expire", url, as_json)


@app.command()
def fail(payment_id: PaymentId, url: Url = None, as_json: options.Json = False) -> None:
    """Let a payment fail."""
    _change_payment(payment_id, "fail", url, as_json)


@app.command()
def deposit(
    currency: Annotated[
        str, typer.Argument(metavar="COIN", autocompletion=options.coins, show_default=False, help="Such as BTC.")
    ],
    amount: Annotated[str, typer.Argument(metavar="AMOUNT", show_default=False, help="Amount, in the coin.")],
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Give the merchant a balance, to withdraw from."""
    data = _call("POST", "/sandbox/deposit", {"currency": currency, "amount": amount}, url)
    available = plain(data.get("balance", {}).get("availableBalance"))
    text = f"The available balance is {available} {plain(data.get('currency'))}."
    show(_written(data) if as_json else text, as_json=as_json)


@app.command()
def complete(
    withdrawal_id: Annotated[
        str, typer.Argument(metavar="WITHDRAWAL_ID", show_default=False, help="Id of a withdrawal.")
    ],
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Complete a withdrawal: its money has arrived."""
    data = _call("POST", f"/sandbox/withdrawals/{quote(withdrawal_id, safe='')}/complete", {}, url)
    text = f"Withdrawal {plain(data.get('withdrawalId', withdrawal_id))} is {plain(data.get('status'))}."
    show(_written(data) if as_json else text, as_json=as_json)


_STEPS: Final = {"advance": "seconds", "freeze": "at", "run": "speed", "reset": None}
"""The operations that move the clock, and the name of their value."""


@app.command()
def clock(
    step: Annotated[
        str | None,
        typer.Argument(metavar="STEP", show_default=False, help="One of advance, freeze, run and reset."),
    ] = None,
    value: Annotated[
        str | None, typer.Argument(metavar="VALUE", show_default=False, help="Seconds, time or speed of the step.")
    ] = None,
    url: Url = None,
    as_json: options.Json = False,
) -> None:
    """Show or move the sandbox's clock.

    advance SECONDS, freeze [TIME in ISO 8601], run [SPEED], reset; without a step the clock is shown.
    """
    if step is None:
        _show_clock(_call("GET", "/sandbox/clock", None, url), as_json=as_json)
        return
    if step not in _STEPS:
        raise typer.BadParameter(f"{step!r} is no step of the clock; there are {', '.join(_STEPS)}")
    member = _STEPS[step]
    if value is not None and member is None:
        raise typer.BadParameter(f"clock {step} takes no value")
    if value is None and step == "advance":
        raise typer.BadParameter("clock advance needs the number of seconds")
    body: dict[str, Any] = {}
    if value is not None and member is not None:
        body[member] = value if member == "at" else _number(value)
    _show_clock(_call("POST", f"/sandbox/clock/{step}", body, url), as_json=as_json)


def _number(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise typer.BadParameter(f"{text!r} is no finite number")
    return number


def _show_clock(data: dict[str, Any], *, as_json: bool) -> None:
    lines = facts([("time", data.get("now")), ("speed", data.get("speed")), ("frozen", data.get("frozen"))])
    show(_written(data) if as_json else lines, as_json=as_json)


def _change_payment(payment_id: str, step: str, url: str | None, as_json: bool, **members: object) -> None:
    body = {name: value for name, value in members.items() if value is not None}
    data = _call("POST", f"/sandbox/payments/{quote(payment_id, safe='')}/{step}", body, url)
    text = f"Payment {plain(data.get('paymentId', payment_id))} is {plain(data.get('status'))}: "
    text += f"{plain(data.get('currentBalance'))} of {plain(data.get('requiredAmount'))} {plain(data.get('currency'))}."
    show(_written(data) if as_json else text, as_json=as_json)


def _written(data: dict[str, Any]) -> str:
    """Return the answer as JSON text, with its numbers as they came."""
    from .._json.converter import write_json

    return write_json(data).decode()


def _object(body: bytes) -> dict[str, Any]:
    from .._core.json_values import is_object
    from .._json.converter import read_json
    from ..errors import DecodeError

    try:
        document = read_json(body)
    except DecodeError:
        return {}
    return document if is_object(document) else {}


def _call(method: str, path: str, body: dict[str, Any] | None, url: str | None) -> dict[str, Any]:
    """Return the ``data`` of an answer of the sandbox. No key is sent."""
    import httpx

    from .._credentials import BASE_URL_VARIABLE
    from ..errors import APIConnectionError, BadRequestError, InventPayError, class_for

    base = (url or os.environ.get(BASE_URL_VARIABLE) or DEFAULT_URL).rstrip("/")
    source = "--url" if url else BASE_URL_VARIABLE
    if any(sign in base for sign in "?#"):
        raise typer.BadParameter(f"{source} {base}: it must have no query and no fragment")
    checked_url(base, source)
    facts_of_call: dict[str, Any] = {"method": method, "path": path}
    try:
        answer = httpx.request(method, f"{base}{path}", json=body, timeout=TIMEOUT, trust_env=False)
    except httpx.ConnectError as error:
        message = f"no sandbox answers at {base} ({error}); start one with: inventpay sandbox"
        raise APIConnectionError(message, outcome="not_sent", **facts_of_call) from None
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise APIConnectionError(f"{base}: {error}", outcome="unknown", **facts_of_call) from None
    document = _object(answer.content)
    if "success" not in document:
        raise InventPayError(f"{base} answers with {answer.status_code}, and not as a sandbox does")
    if answer.is_success:
        return dict(document["data"])
    kind = class_for(answer.status_code) if answer.status_code >= 400 else BadRequestError
    raise kind(
        str(document.get("error") or document.get("message")),
        status=answer.status_code,
        details=document.get("details"),
        outcome="refused",
        **facts_of_call,
    )
