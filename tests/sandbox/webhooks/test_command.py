"""The options of the command for webhooks, in a process of its own."""

from __future__ import annotations

import argparse
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from inventpay.sandbox import cli
from tests.support.receiver import Receiver
from tests.support.systems import needs_interrupts

ROOT = Path(__file__).parents[3]


def parse(*arguments: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    cli.add_arguments(parser)
    return parser.parse_args(arguments)


@needs_interrupts
def test_the_command_delivers_signed_events() -> None:
    """It prints the secret to set, and what happens through its routes reaches the receiver in the chosen shape."""
    with Receiver() as receiver:
        options = [
            "--port",
            "0",
            "--webhook-url",
            receiver.url,
            "--webhook-secret",
            "a secret",
            "--webhook-shape",
            "flat",
        ]
        with subprocess.Popen(
            [sys.executable, "-m", "inventpay", "sandbox", *options], cwd=ROOT, stdout=subprocess.PIPE, text=True
        ) as process:
            assert process.stdout is not None
            url = process.stdout.readline().split()[3]
            with httpx.Client(
                base_url=url, verify=False, trust_env=False, headers={"X-API-Key": "pk_test_sandbox"}
            ) as http:
                assert http.post("/v1/create_payment", json={"amount": 5, "currency": "BTC"}).status_code == 200
                end = time.monotonic() + 10
                while not receiver.received and time.monotonic() < end:
                    time.sleep(0.01)
            process.send_signal(signal.SIGINT)
            out = process.stdout.read()
        [received] = receiver.received
    assert process.returncode == 0
    assert "  export INVENTPAY_WEBHOOK_SECRET='a secret'\n" in out
    assert f"Webhooks go to:  {receiver.url}\n" in out
    assert re.search(r"\n\d\d:\d\d:\d\d  POST /v1/create_payment  200  \d+ ms\n", out)
    assert f"  payment.created -> {receiver.url}  delivered (200)\n" in out
    assert received.is_signed_with("a secret")
    assert (received.event, "data" in received.document) == ("payment.created", False)


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        (("--webhook-url", "shop.example"), "url must be an http or https URL with a host, not 'shop.example'.\n"),
        (("--webhook-secret", ""), "secret must not be empty.\n"),
    ],
)
def test_unusable_options_end_the_command(
    options: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 2 and one line that says what is wrong."""
    assert cli.main(parse(*options)) == 2
    assert capsys.readouterr().err == problem


def test_hosts_are_allowed_one_by_one() -> None:
    """The option may be repeated, and allows nothing by itself."""
    assert parse().webhook_allow == []
    assert parse("--webhook-allow", "app", "--webhook-allow", "web").webhook_allow == ["app", "web"]
