"""The help of every command, as a terminal of 80 columns shows it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import pytest

from inventpay._cli.app import SOURCES, root

COLUMNS = 80


def _commands() -> Iterator[tuple[list[str], Any]]:
    for name, command in root().commands.items():
        if SOURCES[name][0] == "plain_commands":
            continue
        yield [name], command
        for below, one in getattr(command, "commands", {}).items():
            yield [name, below], one


@pytest.fixture(params=_commands(), ids=lambda found: " ".join(found[0]))
def shown(request: pytest.FixtureRequest) -> tuple[Any, str]:
    """A command and its help."""
    words, command = request.param
    with command.make_context(" ".join(["inventpay", *words]), [], resilient_parsing=True) as context:
        context.terminal_width = COLUMNS
        return command, command.get_help(context)


def test_no_line_is_cut(shown: tuple[Any, str]) -> None:
    """Every summary of a command fits its line, and no line is longer than the terminal."""
    command, text = shown
    assert [line for line in text.splitlines() if len(line) > COLUMNS] == []
    for one in getattr(command, "commands", {}).values():
        summary = re.split(r"\.(?:\s|$)", one.help)[0]
        assert summary in text, f"{summary!r} is cut short; the first sentence must fit beside the command's name"


def test_every_argument_is_explained(shown: tuple[Any, str]) -> None:
    """Every argument and option has a help text, and brackets stand once."""
    command, text = shown
    assert [one.name for one in command.params if not one.help] == []
    assert "[[" not in text
