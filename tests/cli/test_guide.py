"""The commands of ``docs/command-line.md`` run, one after the other."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from inventpay._cli.without_extra import CONTROLS
from inventpay.sandbox import Sandbox
from inventpay.sandbox.webhook_inbox import WebhookInbox
from tests.support.documents import ROOT, blocks

from .conftest import ADDRESS, Commands
from .test_commands import accepted, logged, paid, payment, withdrawal

PAGE = ROOT / "docs" / "command-line.md"
LINES = [line for block in blocks(PAGE, "bash") for line in block.splitlines() if line]


@pytest.mark.parametrize("line", LINES)
def test_a_command_of_the_page_runs(
    line: str, sandbox: Sandbox, inbox: WebhookInbox, run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each with a payment, a withdrawal and a delivery of its own, and a receiver in place of the page's."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "november.csv").write_text(f"id,amount,currency,destination_address\nada,1,USDT_BEP20,{ADDRESS}\n")
    delivery_id = logged(sandbox)
    withdrawal_id = accepted(sandbox) if " sandbox " in line else withdrawal(sandbox)
    sandbox.webhooks.set_url(inbox.url)
    payment_id = payment(sandbox) if " sandbox " in line else paid(sandbox)
    line = line.replace("PAYMENT_ID", payment_id).replace("WITHDRAWAL_ID", withdrawal_id)
    line = line.replace("DELIVERY_ID", delivery_id).replace("http://localhost:8000/webhooks", inbox.url)
    program, *arguments = shlex.split(line)
    if "payouts status" in line or "payouts report" in line:
        assert run("payouts", "run", "november.csv", "--yes").code == 0
    result = run(*arguments)
    assert (program, result.code) == ("inventpay", 0), result


def test_every_command_is_on_the_page() -> None:
    """The page has each command of each group."""
    from inventpay._cli.app import SOURCES, Sources

    text = PAGE.read_text()
    sources = Sources()
    for name in SOURCES:
        children = CONTROLS if name == "sandbox" else tuple(getattr(sources[name], "commands", {}))
        for command in [f"{name} {child}" for child in children] or [name]:
            assert f"inventpay {command}" in text, command


def test_the_controls_are_those_of_the_sandbox() -> None:
    """The server's command and the group of controls share a name; the list that distinguishes them is complete."""
    from inventpay._cli.app import Sources

    assert set(Sources()["sandbox"].commands) == set(CONTROLS)
