"""Options that several commands have."""

from __future__ import annotations

from typing import Annotated

import typer

Json = Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")]
BaseUrl = Annotated[
    str | None,
    typer.Option("--base-url", metavar="URL", help="The API's address (default: INVENTPAY_BASE_URL, or the live API)."),
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", metavar="SECONDS", help="Bound of one call, retries included.")
]
IdempotencyKey = Annotated[
    str | None,
    typer.Option("--idempotency-key", metavar="KEY", help="Key of this operation; by default a new one is made."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask for confirmation.")]


def coins() -> list[str]:
    """Return the names of coins, for completion."""
    from ..models.enums import Currency

    return [str(coin) for coin in Currency]


def amount_currencies() -> list[str]:
    """Return the currencies of amounts, for completion."""
    from ..models.enums import AmountCurrency

    return [str(currency) for currency in AmountCurrency]


def states() -> list[str]:
    """Return the states of payments, for completion."""
    from ..models.enums import PaymentState

    return [str(state) for state in PaymentState]


def event_names() -> list[str]:
    """Return the names of events, for completion."""
    from ..webhooks.events import KNOWN_EVENTS

    return list(KNOWN_EVENTS)


Amount = Annotated[str, typer.Option("--amount", metavar="NUMBER", help="A decimal number, such as 29.99.")]
Coin = Annotated[
    str, typer.Option("--currency", metavar="COIN", help="Such as USDT_BEP20 or BTC.", autocompletion=coins)
]
AmountCurrency = Annotated[
    str,
    typer.Option(
        "--amount-currency",
        metavar="CODE",
        help="Currency of the amount, such as USD.",
        autocompletion=amount_currencies,
    ),
]
OrderId = Annotated[str | None, typer.Option("--order-id", metavar="ID", help="Your own id of the order.")]
Description = Annotated[str | None, typer.Option("--description", metavar="TEXT", help="Your own words on it.")]
CallbackUrl = Annotated[
    str | None, typer.Option("--callback-url", metavar="URL", help="Where its webhooks go as well (https).")
]
ExpirationMinutes = Annotated[
    int | None, typer.Option("--expiration-minutes", metavar="N", help="Minutes to pay in, 5 to 1440.")
]
