"""The commands that need no extra of the command line: demo, sandbox, and the version."""

from __future__ import annotations

import re
import sys

import pytest

from inventpay import __version__
from inventpay.__main__ import main


def test_the_demo_prints_every_step(capsys: pytest.CaptureFixture[str]) -> None:
    """Both clients see the payment COMPLETED, the balance rise by exactly its amount, and the withdrawal accepted."""
    assert main(["demo"]) == 0
    story = capsys.readouterr().out
    for chapter in story.split("\n\n")[1:]:
        assert re.search(r"Payment \w+ is PENDING: 0 of 29\.99 USDT_BEP20 received\.", chapter)
        assert re.search(r"Payment \w+ is COMPLETED: 29\.99 of 29\.99 USDT_BEP20 received\.", chapter)
        assert "by exactly 29.99 to" in chapter
        assert re.search(r"Withdrawal \w+ of 10 USDT_BEP20 is accepted \(PENDING\); 9\.949 will arrive", chapter)
    assert story.count("is accepted") == 2


def test_the_version(capsys: pytest.CaptureFixture[str]) -> None:
    """`--version` names the package."""
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"inventpay {__version__}\n"


@pytest.mark.parametrize("arguments", [["demo", "--loud"], ["sandbox", "--loud"], ["check", "--loud"]])
def test_misuse_is_explained(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """An unknown option is answered with the usage and exit code 2."""
    assert main(arguments) == 2
    assert "usage: inventpay" in capsys.readouterr().err


def test_an_unknown_command_of_the_sandbox_names_the_known_ones(capsys: pytest.CaptureFixture[str]) -> None:
    """`sandbox play` is answered with the usage of the sandbox, its commands and exit code 2."""
    assert main(["sandbox", "play"]) == 2
    assert "error: unknown: play; the commands of a running sandbox are pay, " in capsys.readouterr().err


def test_the_sandbox_command(capsys: pytest.CaptureFixture[str]) -> None:
    """Its options arrive: an address that cannot be listened on is a plain line and exit code 1."""
    assert main(["sandbox", "--host", "203.0.113.1", "--port", "1", "--allow-host", "shop"]) == 1
    assert "203.0.113.1" in capsys.readouterr().err


def test_without_the_extra_a_command_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Starlette is no dependency of the client; the demo without it says how to get it."""
    for name in [name for name in sys.modules if name.startswith("inventpay.sandbox")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "starlette", None)
    assert main(["demo"]) == 2
    assert 'pip install ".[sandbox]"' in capsys.readouterr().err
