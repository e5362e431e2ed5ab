"""The README is true: its Python runs as it stands, and its commands are those that CI runs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import threading
from pathlib import Path

import pytest

from inventpay.sandbox import Sandbox, SandboxError
from tests.support.clients import new_key

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
BLOCKS = re.findall(r"^```python\n(.*?)^```", README, re.MULTILINE | re.DOTALL)


class Payer(threading.Thread):
    """Pays whatever is asked for, as soon as it is asked for."""

    def __init__(self, sandbox: Sandbox) -> None:
        super().__init__(daemon=True)
        self._sandbox = sandbox
        self._over = threading.Event()

    def run(self) -> None:
        while not self._over.wait(0.02):
            for payment in list(self._sandbox.state._payments.values()):
                try:
                    self._sandbox.pay(payment.payment_id)
                except SandboxError:
                    continue  # an invoice whose payer has not chosen, or paid already

    def stop(self) -> None:
        self._over.set()
        self.join()


@pytest.mark.parametrize("source", BLOCKS, ids=range(len(BLOCKS)))
def test_every_block_runs(source: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a user would paste it, with the keys in the environment, against the sandbox."""
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_the_readme")
    sandbox.deposit("USDT_BEP20", 100)
    payer = Payer(sandbox)
    with sandbox.run() as server:
        monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", "whsec_of_the_readme")
        monkeypatch.setenv("INVENTPAY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("INVENTPAY_WITHDRAWAL_KEY", sandbox.withdrawal_key)
        monkeypatch.setenv("INVENTPAY_BASE_URL", server.url)
        payer.start()
        try:
            code = compile(source, "README.md", "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
            outcome = eval(code, {})
            if inspect.iscoroutine(outcome):
                asyncio.run(outcome)
        finally:
            payer.stop()


def test_ci_runs_the_commands_of_the_readme() -> None:
    """What the README tells a new user to type is what CI types."""
    script = (ROOT / ".ci" / "run").read_text()
    demo, tests = re.findall(r"^```bash\n(python3 -m venv .*)\n```", README, re.MULTILINE)
    assert tests.endswith("&& .venv/bin/nox")
    assert tests.replace("pip install nox", "pip install --quiet nox") in script
    assert demo.endswith('.venv/bin/pip install ".[sandbox]" && .venv/bin/python -m inventpay demo')
    for step in ('bin/pip" install --quiet ".[sandbox]"', 'bin/python" -m inventpay demo'):
        assert step in script


def test_the_readme_warns_of_the_name() -> None:
    """Whoever installs by name gets the vendor's SDK, and is told so."""
    assert "belongs to the vendor's own SDK" in README
    assert "pip install inventpay" not in README
