"""``inventpay balances``."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from . import options
from .app import new_app
from .output import facts, plain, show, write, write_json
from .session import session
from .tables import rendered, table

if TYPE_CHECKING:
    from ..models import Balance, Balances, Limit

app = new_app(add_completion=False)


def command(name: str) -> Any:
    """Return the command."""
    return typer.main.get_command(app)


@app.command()
def balances(
    currency: Annotated[
        str | None,
        typer.Argument(
            metavar="CURRENCY",
            autocompletion=options.coins,
            show_default=False,
            help="One coin, such as BTC; without it all.",
        ),
    ] = None,
    watch: Annotated[bool, typer.Option("--watch", help="Go on until Ctrl-C, and show every change.")] = False,
    every: Annotated[float, typer.Option(metavar="SECONDS", help="Interval of --watch.")] = 5.0,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
    timeout: options.Timeout = None,
) -> None:
    """Show the balances of all coins, or that of one with its withdrawal limits."""
    with session(base_url, timeout, as_json=as_json) as current:
        client = current.client
        if watch:
            watches = client.balances
            changes = watches.watch(every=every) if currency is None else watches.watch(currency, every=every)
            _follow(changes, as_json=as_json)
            return
        answer = client.balances.all() if currency is None else client.balances.get(currency)
    show(answer.to_json() if as_json else _shown(answer), as_json=as_json)


def _follow(changes: Iterable[Balance | Balances], *, as_json: bool) -> None:
    if as_json or not sys.stdout.isatty():
        for answer in changes:
            (write_json if as_json else write)(answer.to_json() if as_json else f"{_shown(answer)}\n")
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(highlight=False), auto_refresh=False) as live:
        for answer in changes:
            live.update(table(*_table(_rows(answer)), right=_AMOUNTS), refresh=True)


_AMOUNTS = ("available", "pending", "locked", "earned", "withdrawn")


def _rows(answer: Balance | Balances) -> list[Balance]:
    from ..models import Balance

    return [answer] if isinstance(answer, Balance) else list(answer.values())


def _table(rows: Iterable[Balance]) -> tuple[tuple[str, ...], list[tuple[object, ...]]]:
    return ("coin", *_AMOUNTS), [
        (
            row.currency,
            row.available_balance,
            row.pending_balance,
            row.locked_balance,
            row.total_earned,
            row.total_withdrawn,
        )
        for row in rows
    ]


def _shown(answer: Balance | Balances) -> str:
    from ..models import Balance

    if not isinstance(answer, Balance):
        return rendered(*_table(_rows(answer)), right=_AMOUNTS) if len(answer) else "No balances."
    limits = answer.limits
    return facts(
        [
            ("coin", answer.currency),
            ("available", answer.available_balance),
            ("pending", answer.pending_balance),
            ("locked", answer.locked_balance),
            ("earned", answer.total_earned),
            ("withdrawn", answer.total_withdrawn),
            ("fees", answer.total_fees),
            *(
                []
                if limits is None
                else [
                    ("daily limit", _limit(limits.daily)),
                    ("weekly limit", _limit(limits.weekly)),
                    ("monthly limit", _limit(limits.monthly)),
                ]
            ),
        ]
    )


def _limit(limit: Limit | None) -> str | None:
    if limit is None:
        return None
    reset = "" if limit.reset_at is None else f", until {plain(limit.reset_at)}"
    return f"{plain(limit.remaining)} of {plain(limit.limit)} left{reset}"
