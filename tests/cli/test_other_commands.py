"""A command that other tools have is answered with the one that does it here."""

from __future__ import annotations

import re

import pytest

from inventpay._cli.app import root
from inventpay._cli.other_commands import ADVICE
from tests.cli.conftest import Commands

CASES = [(group, command) for group, commands in ADVICE.items() for command in commands]


def names(group: str) -> set[str]:
    """Return the commands of a group, or of the root."""
    commands = root().commands
    return set(commands if group == "inventpay" else commands[group].commands)


@pytest.mark.parametrize(("group", "command"), CASES)
def test_advice_is_given_for_commands_that_are_not_there(group: str, command: str) -> None:
    """Every advised command is missing, and those that the advice names exist."""
    assert command not in names(group)
    for path in re.findall(r"'inventpay ((?:[a-z{}]+ ?)+)", ADVICE[group][command]):
        words = path.format(command).split()
        assert words[0] in names("inventpay")
        assert len(words) == 1 or words[1] in names(words[0])


@pytest.mark.parametrize(
    ("arguments", "advice"),
    [
        (("payments", "list"), "No such command 'list'. The API lists no payments: keep each id with its order."),
        (("invoices", "status", "cmh1"), "No such command 'status'. Use 'inventpay payments status'."),
        (("withdraw", "10"), "No such command 'withdraw'. Use 'inventpay withdrawals create'."),
        (("payments", "crate"), "No such command 'crate'. Did you mean 'create'?"),
    ],
)
def test_the_error_says_what_to_use(run: Commands, arguments: tuple[str, ...], advice: str) -> None:
    """The usage error ends with code 2 and has the advice; misspellings keep theirs."""
    result = run(*arguments)
    assert result.code == 2
    assert advice in result.err
