"""Entries of the tree for the commands that run without the extra, for its help and for completion."""

from __future__ import annotations

from typing import Any

import typer

from . import without_extra
from .app import SOURCES, new_app


def command(name: str) -> Any:
    """Return the entry of a command. :mod:`inventpay._cli.main` runs the command itself."""
    app = new_app(add_completion=False)

    @app.command(
        help=SOURCES[name][1],
        add_help_option=False,
        context_settings={"allow_extra_args": True, "ignore_unknown_options": True},
    )
    def run(context: typer.Context) -> int:
        return without_extra.main([name, *context.args])

    return typer.main.get_command(app)
