"""Commands in processes of their own, whose streams are a pseudo-terminal, and in shells."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from inventpay.sandbox import Fault, Sandbox
from inventpay.sandbox.webhook_inbox import WebhookInbox

from .conftest import ADDRESS, Commands
from .test_commands import PAY_OUT


def test_a_withdrawal_is_confirmed_at_a_prompt(sandbox: Sandbox, start: Any) -> None:
    """The whole story in a real terminal: a key that is typed and not shown, the question, the answer, the result."""
    sandbox.deposit("USDT_BEP20", 100)
    process = start(*PAY_OUT, INVENTPAY_API_KEY="")
    process.wait_for("API key (INVENTPAY_API_KEY is not set):")
    process.type(f"{sandbox.api_key}\n")
    process.wait_for("Send it? [y/N]")
    assert sandbox.api_key not in process.shown
    assert f"to        {ADDRESS}" in process.shown
    process.type("y\n")
    assert process.ended() == 0
    assert "status      PENDING" in process.shown


def test_ctrl_c_at_the_prompt_sends_nothing(sandbox: Sandbox, start: Any) -> None:
    """Ctrl-C at the prompt ends with exit code 130."""
    sandbox.deposit("USDT_BEP20", 100)
    process = start(*PAY_OUT)
    process.wait_for("Send it? [y/N]")
    process.type("\x03")
    assert process.ended() == 130
    assert "interrupted; nothing was changed" in process.shown
    assert sandbox.balance("USDT_BEP20").locked == 0


def test_ctrl_c_after_the_request_is_an_unknown_outcome(sandbox: Sandbox, start: Any) -> None:
    """Exit code 3, with the key under which the withdrawal can be looked up or repeated."""
    sandbox.deposit("USDT_BEP20", 100)
    sandbox.faults.add(Fault.slow_start(10), on="POST /v1/merchant/withdrawal/create")
    process = start(*PAY_OUT, "--yes", "--idempotency-key", "payout-9")
    process.wait_until(lambda: bool(sandbox.balance("USDT_BEP20").locked))
    process.type("\x03")
    assert process.ended() == 3
    assert "idempotency key: payout-9" in process.shown


@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP"])
def test_a_request_that_is_ended_by_a_signal_names_its_key(name: str, sandbox: Sandbox, start: Any) -> None:
    """As a time limit, a container or a closed terminal does it: the withdrawal may have been made."""
    sandbox.deposit("USDT_BEP20", 100)
    sandbox.faults.add(Fault.slow_start(10), on="POST /v1/merchant/withdrawal/create")
    process = start(*PAY_OUT, "--yes", "--json", "--idempotency-key", "payout-9")
    process.wait_until(lambda: bool(sandbox.balance("USDT_BEP20").locked))
    process.signal(getattr(signal, name))
    assert process.ended() == 3
    error = json.loads(process.shown)["error"]
    assert (error["outcome"], error["idempotencyKey"]) == ("unknown", "payout-9")


@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&-", ">&- 2>&- <&-"])
def test_streams_that_a_parent_closed_are_no_failure(sandbox: Sandbox, tmp_path: Path, closed: str) -> None:
    """The withdrawal is made and done; notes for stderr never go to stdout, nor results into a socket."""
    sandbox.deposit("USDT_BEP20", 100)
    shown = tmp_path / "shown"
    for command in (f"{' '.join(PAY_OUT)} --yes --json", "balances --json", "payouts run missing.csv"):
        code = subprocess.run(
            ["bash", "-c", f"{sys.executable} -m inventpay {command} > {shown} {closed}"],
            env={**os.environ, **sandbox.environment},
            capture_output=True,
            text=True,
            check=False,
        )
        if "payouts" in command:
            assert (code.returncode, shown.read_text()) == (2, "")
        else:
            assert (code.returncode, code.stderr) == (0, "")
            assert shown.read_text() == "" if ">&-" in closed.replace("2>&-", "") else json.loads(shown.read_text())
    assert sandbox.balance("USDT_BEP20").locked == 10


def test_a_pipe_to_head_is_quiet(sandbox: Sandbox) -> None:
    """A reader that leaves early, in a shell."""
    command = f"{sys.executable} -m inventpay request GET /v1/merchant/balance | head -1"
    environment = {**os.environ, **sandbox.environment}
    done = subprocess.run(
        ["bash", "-o", "pipefail", "-c", command], capture_output=True, text=True, env=environment, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "{\n", "")


def test_the_console_script_completes(sandbox: Sandbox) -> None:
    """The installed script is the same command, and answers a shell's questions for completions."""
    script = Path(sys.executable).with_name("inventpay")
    if not script.exists():
        pytest.skip("the package is not installed with its scripts")
    environment = {**os.environ, **sandbox.environment}
    asked = {"_INVENTPAY_COMPLETE": "complete_bash", "COMP_WORDS": "inventpay balances USDT_", "COMP_CWORD": "2"}
    done = subprocess.run([script], capture_output=True, text=True, env=environment | asked, check=False)
    assert done.stdout.split() == ["USDT_ERC20", "USDT_BEP20"]


def test_the_sandbox_prints_requests_and_deliveries(
    sandbox: Sandbox, inbox: WebhookInbox, start: Any, run: Commands
) -> None:
    """Its terminal has a line for each, refusals with their reason, and controls reach it by its URL."""
    process = start("sandbox", "--port", "0", "--webhook-url", inbox.url)
    process.wait_for("in a browser")
    (url,) = set(re.findall(r"INVENTPAY_BASE_URL=(\S+)", process.shown))
    from inventpay import InventPay

    with InventPay("pk_test_sandbox", base_url=url) as client:
        made = client.payments.create(amount=5, amount_currency="USD", currency="LTC")
    process.wait_for("POST /v1/create_payment  200")
    process.wait_for(f"payment.created -> {inbox.url}")
    with InventPay("pk_test_sandbox_wrong", base_url=url) as client:
        assert not client.check()
    process.wait_for("GET /v1/merchant/balance  401")
    process.wait_for("Invalid API key")
    assert run("sandbox", "expire", made.payment_id, "--url", url).code == 0
    process.wait_for("payment.expired ->")
    process.type("\x03")
    assert process.ended() == 0
