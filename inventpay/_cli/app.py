"""The tree of commands. A group is imported when one of its commands runs, so that help costs no more than typer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache
from importlib import import_module
from typing import Annotated, Any, Final

import typer
from typer.core import TyperGroup

from ..version import VERSION
from .output import write

SOURCES: Final[Mapping[str, tuple[str, str]]] = {
    "demo": ("plain_commands", "Run the whole story of a payment against a local sandbox."),
    "sandbox": ("sandbox", "Serve a local sandbox, or play the payer of a running one."),
    "check": ("plain_commands", "Find out whether the API answers and takes the key."),
    "payments": ("payments", "Create payments, and follow their status."),
    "invoices": ("invoices", "Create invoices, whose coin the payer picks."),
    "balances": ("balances", "Show balances."),
    "withdrawals": ("withdrawals", "Pay out, and follow withdrawals."),
    "payouts": ("payouts", "Pay the rows of a file, each of them once."),
    "webhooks": ("webhooks", "Configure, inspect, send and replay webhooks."),
    "request": ("request", "Call any path of the API."),
}
"""The module of each command, and its help."""


USAGE_ERROR: Final[type[Exception]] = typer.BadParameter.__mro__[1]
"""The base of BadParameter, which typer does not export."""


class Sources(Mapping[str, Any]):
    """The commands by name, each imported when it is asked for."""

    def __getitem__(self, name: str) -> Any:
        if name not in SOURCES:
            raise KeyError(name)
        return _loaded(name)

    def __iter__(self) -> Iterator[str]:
        return iter(SOURCES)

    def __len__(self) -> int:
        return len(SOURCES)


@cache
def _loaded(name: str) -> Any:
    command = import_module(f".{SOURCES[name][0]}", __package__).command(name)
    command.name = name
    return command


class Group(TyperGroup):
    """A group of commands that gives advice for the commands of other tools."""

    def resolve_command(self, ctx: Any, args: list[str]) -> Any:
        """Return the command that the arguments name."""
        try:
            return super().resolve_command(ctx, args)
        except USAGE_ERROR as error:
            # Imported for a failed look-up only.
            from .other_commands import ADVICE

            advice = ADVICE.get(str(ctx.info_name), {}).get(args[0]) if args else None
            if advice is not None:
                command = args[0]
                error.message = f"No such command {command!r}. {advice.format(command)}"  # type: ignore[attr-defined]
            raise


class Root(Group):
    """The command ``inventpay``."""

    def __init__(self, **attributes: Any) -> None:
        super().__init__(**attributes)
        self.commands: Any = Sources()

    def list_commands(self, ctx: Any) -> list[str]:
        """Return the names in the order of the help."""
        return list(SOURCES)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Write the section of commands, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, help_text) for name, (_, help_text) in SOURCES.items()])


def new_app(**options: Any) -> typer.Typer:
    """Return a node of the tree: plain help, and no values of locals in tracebacks."""
    return typer.Typer(
        rich_markup_mode=None,
        pretty_exceptions_enable=False,
        pretty_exceptions_show_locals=False,
        context_settings={"help_option_names": ["-h", "--help"]},
        **options,
    )


def group(help_text: str) -> typer.Typer:
    """Return a group of commands."""
    app = new_app(cls=Group, help=help_text, no_args_is_help=True, add_completion=False)
    # With a callback it stays a group, also with one command.
    app.callback()(_nothing)
    return app


def _nothing() -> None:
    pass


def _version(wanted: bool) -> None:
    if wanted:
        write(f"inventpay {VERSION}")
        raise typer.Exit


def root() -> Any:
    """Return the command ``inventpay``."""
    app = new_app(cls=Root, no_args_is_help=True)

    @app.callback()
    def inventpay(
        version: Annotated[
            bool, typer.Option("--version", help="Print the version.", callback=_version, is_eager=True)
        ] = False,
    ) -> None:
        """Tools of the inventpay SDK: payments, payouts, webhooks, and a local sandbox.

        Keys come from INVENTPAY_API_KEY and INVENTPAY_WITHDRAWAL_KEY, or from the files that INVENTPAY_API_KEY_FILE and
        INVENTPAY_WITHDRAWAL_KEY_FILE name. INVENTPAY_BASE_URL leads to a sandbox.
        """

    return typer.main.get_command(app)
