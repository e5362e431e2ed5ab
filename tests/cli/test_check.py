"""``inventpay check`` prints the result of ``client.check()``, and ends with the exit code of its state."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from inventpay import CheckResult, CheckState
from inventpay.__main__ import main
from inventpay._cli.check import exit_code, lines
from inventpay.sandbox import Sandbox
from tests.support.clients import new_key
from tests.support.raw_server import closed_port


@pytest.fixture(autouse=True)
def no_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("INVENTPAY_API_KEY", "INVENTPAY_WITHDRAWAL_KEY", "INVENTPAY_BASE_URL"):
        monkeypatch.delenv(name, raising=False)


def test_all_is_well(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 0; the key comes from the environment."""
    sandbox = Sandbox(api_key=new_key())
    with sandbox.run() as server:
        monkeypatch.setenv("INVENTPAY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("INVENTPAY_BASE_URL", server.url)
        assert main(["check"]) == 0
    printed = capsys.readouterr().out.splitlines()
    assert printed[0] == f"{server.url}: the API answers and takes the key"
    assert printed[1].startswith("  latency     0.")
    assert printed[-1].startswith("  rate limit  59 of 60 calls left, whole again in ")
    assert sandbox.api_key not in "".join(printed)


def test_something_is_wrong(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 4 where nothing was reached, 5 where the key is refused, and the reason."""
    monkeypatch.setenv("INVENTPAY_API_KEY", new_key())
    with closed_port() as url:
        assert main(["check", "--base-url", url, "--timeout", "5"]) == 4
        assert capsys.readouterr().out.startswith(f"{url}: no server listens there: ")
    with Sandbox(api_key=new_key()).run() as server:
        assert main(["check", "--base-url", server.url]) == 5
        assert "does not take the key (401, 'Invalid API key')" in capsys.readouterr().out


def test_the_question_cannot_be_asked(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """Exit code 2, and what to set."""
    assert main(["check"]) == 2
    assert "set the environment variable INVENTPAY_API_KEY" in capsys.readouterr().err
    monkeypatch.setenv("INVENTPAY_API_KEY", new_key())
    assert main(["check", "--base-url", "ftp://x"]) == 2
    assert 'must start with "https://"' in capsys.readouterr().err


def test_it_needs_no_extra(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    """The check runs without the sandbox's extra."""
    for name in [name for name in sys.modules if name.startswith("inventpay.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert main(["check"]) == 2
    assert "INVENTPAY_API_KEY" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("facts", "printed"),
    [
        ({}, []),
        ({"clock_skew": 0.9}, ["  clock       the server's is within a second of ours"]),
        ({"clock_skew": 90.4}, ["  clock       the server's is 90 s ahead of ours"]),
        ({"clock_skew": -5.0}, ["  clock       the server's is 5 s behind ours"]),
        ({"limit": 60, "remaining": 3}, ["  rate limit  3 of 60 calls left"]),
        ({"limit": 60}, []),
        ({"proxy": "http://proxy.corp:3128"}, ["  proxy       http://proxy.corp:3128"]),
        ({"retry_after": 7.0}, ["  come back   in 7 s"]),
        ({"latency": 0.1234}, ["  latency     0.123 s, a new connection included"]),
        ({"created_ids": ("cm1", "cm2")}, ["  created     cm1", "  created     cm2"]),
    ],
)
def test_only_known_facts_are_printed(facts: dict[str, Any], printed: list[str]) -> None:
    """Each known fact has one line, and unknown facts have none."""
    result = CheckResult(state=CheckState.OK, message="well", base_url="https://x.example", **facts)
    assert lines(result) == ["https://x.example: well", *printed]


@pytest.mark.parametrize(
    ("state", "facts", "with_keys", "code"),
    [
        (CheckState.OK, {}, False, 0),
        (CheckState.OK, {"idempotency": "honoured"}, True, 0),
        (CheckState.OK, {"idempotency": "ignored"}, True, 6),
        (CheckState.OK, {"idempotency": "unclear"}, True, 6),
        (CheckState.OK, {}, True, 1),
        (CheckState.KEY_REFUSED, {}, False, 5),
        (CheckState.UNREACHABLE, {}, False, 4),
        (CheckState.RATE_LIMITED, {}, False, 4),
        (CheckState.RATE_LIMITED, {"status": 429}, False, 5),
        (CheckState.NOT_ASKED, {}, False, 2),
        (CheckState.NOT_THE_API, {}, False, 1),
        (CheckState.SERVER_ERROR, {}, True, 1),
    ],
)
def test_the_exit_code_of_a_state(state: CheckState, facts: dict[str, Any], with_keys: bool, code: int) -> None:
    """Each state has the code that the same outcome of a call has."""
    result = CheckResult(state=state, message="well", base_url="https://x.example", **facts)
    assert exit_code(result, with_keys=with_keys) == code


def test_keys_are_checked_by_a_withdrawal_after_a_confirmation(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without --yes and a terminal nothing is sent; with it the withdrawal is made once where keys are honoured."""
    sandbox = Sandbox()
    sandbox.deposit("USDT_BEP20", 100)
    address = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
    command = ["check", "--idempotency=withdrawal", "--amount", "1", "--currency", "USDT_BEP20", "--to", address]
    with sandbox.run():
        for name, value in sandbox.environment.items():
            monkeypatch.setenv(name, value)
        assert main(command) == 4
        assert sandbox.balance("USDT_BEP20").locked == 0
        assert main([*command, "--yes"]) == 0
        assert sandbox.balance("USDT_BEP20").locked == 1
    assert "idempotency keys of withdrawals are honoured" in capsys.readouterr().out
