"""Tables for people."""

from __future__ import annotations

import io
import shutil
import sys
from collections.abc import Iterable, Sequence
from typing import Any, Final

from .output import plain

_ENDLESS: Final = 10_000
"""Columns of a line outside of a terminal: programs such as grep want a record on one line."""


def rendered(names: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> str:
    """Return a table. In a terminal it fits its columns, and long values are folded, never cut."""
    from rich.console import Console

    is_terminal = sys.stdout.isatty()
    columns = shutil.get_terminal_size().columns if is_terminal else _ENDLESS
    # Not the capture() of a console on stdout: it writes to stdout all the same, which may be full.
    drawn = io.StringIO()
    console = Console(file=drawn, force_terminal=is_terminal, width=columns, highlight=False, soft_wrap=False)
    console.print(table(names, rows, right=right))
    return "\n".join(line.rstrip() for line in drawn.getvalue().rstrip("\n").split("\n"))


def fits(rows: Sequence[Sequence[str]]) -> bool:
    """Return whether rows of text fit into the columns of the terminal; outside of one everything does."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return not sys.stdout.isatty() or sum(widths) + 2 * (len(widths) - 1) <= shutil.get_terminal_size().columns


def table(names: Sequence[str], rows: Iterable[Sequence[object]], *, right: Sequence[str] = ()) -> Any:
    """Return a table of rich."""
    from rich.table import Table
    from rich.text import Text

    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="bold")
    for name in names:
        made.add_column(name, justify="right" if name in right else "left", overflow="fold")
    for row in rows:
        # As Text, or brackets in values would be read as markup.
        made.add_row(*("" if value is None else Text(plain(value)) for value in row))
    return made
