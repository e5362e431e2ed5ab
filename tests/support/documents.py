"""The Python of README and docs, run as a reader would paste it: with keys in the environment, against a sandbox."""

from __future__ import annotations

import ast
import asyncio
import inspect
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from inventpay.sandbox import Sandbox, SandboxError

from .clients import new_key

ROOT = Path(__file__).parents[2]


def blocks(page: Path, language: str = "python") -> list[str]:
    """Return the code of a page in one language, block by block, without the blocks that are exempt.

    A block is exempt if the line before it is ``<!-- not run: REASON -->``.
    """
    found = re.findall(
        rf"^(<!-- not run: .+ -->\n)?```{language}\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL
    )
    return [source for exempt, source in found if not exempt]


def run(source: str, name: str, names: dict[str, Any]) -> None:
    """Runs one block; an `await` at its top level is run to its end, as in a notebook."""
    code = compile(source, name, "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = eval(code, names)
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


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


@contextmanager
def reader(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Be a reader with an account, some balance, and buyers who pay at once."""
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_the_readme")
    sandbox.deposit("USDT_BEP20", 100)
    payer = Payer(sandbox)
    with sandbox.run() as server:
        monkeypatch.setenv("INVENTPAY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("INVENTPAY_WITHDRAWAL_KEY", sandbox.withdrawal_key)
        monkeypatch.setenv("INVENTPAY_BASE_URL", server.url)
        monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", "whsec_of_the_readme")
        payer.start()
        try:
            yield
        finally:
            payer.stop()
