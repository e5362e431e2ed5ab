"""The shop of the tutorial works as its pages say: its tests pass, and an order goes through its real server."""

from __future__ import annotations

import os
import re
import shutil
import socket
import subprocess
import sys
import time
from pathlib import Path

import httpx
import pytest

from inventpay.sandbox import Sandbox, WebhookSettings
from tests.support.documents import ROOT

SHOP = ROOT / "examples" / "shop"
PAGE = (ROOT / "docs" / "tutorial.md").read_text()

pytest.importorskip("fastapi")


def test_the_tutorial_shows_every_file() -> None:
    """Each file of the shop is included in the page, whole."""
    shown = re.findall(r"^```\{literalinclude\} \.\./examples/shop/(\S+)$", PAGE, re.MULTILINE)
    assert sorted(shown) == sorted(path.name for path in SHOP.glob("*.py"))


def test_the_tests_of_the_tutorial_pass(tmp_path: Path) -> None:
    """They pass in a folder of their own, with warnings as errors."""
    for path in SHOP.glob("*.py"):
        shutil.copy(path, tmp_path)
    # The test client of Starlette before 1.8 uses a name of anyio that is to go.
    warnings = ["-W", "error", "-W", "ignore:The anyio.abc.BlockingPortal alias:DeprecationWarning"]
    command = [sys.executable, "-m", "pytest", "-q", *warnings, "-p", "no:cacheprovider", "-p", "pytest_inventpay"]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
    done = subprocess.run(command, cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "5 passed" in done.stdout


def test_a_mug_is_bought_from_the_real_server(tmp_path: Path) -> None:
    """Over real HTTP: the buyer orders, pays on the sandbox's page, and the webhook marks the order paid."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    shop = f"http://127.0.0.1:{port}"
    sandbox = Sandbox(webhooks=WebhookSettings(url=f"{shop}/webhooks/inventpay"))
    with sandbox.run():
        environment = {**os.environ, **sandbox.environment, "PYTHONPATH": str(SHOP)}
        command = [
            sys.executable,
            "-m",
            "uvicorn",
            "--factory",
            "shop:make_app",
            "--port",
            str(port),
            "--no-access-log",
        ]
        with subprocess.Popen(command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, text=True) as server:
            try:
                order = buy(shop)
                page = httpx.get(f"{shop}{order}", follow_redirects=False, timeout=30).headers["location"]
                sandbox.pay(page.rpartition("/")[2])
                wait_for(lambda: "paid" in httpx.get(f"{shop}{order.removesuffix('/pay')}", timeout=30).text)
            finally:
                server.terminate()
                printed, _ = server.communicate(timeout=20)
    assert "pack a mug for" in printed


def buy(shop: str) -> str:
    """Order a mug as soon as the server answers, and return the path of its payment page."""

    def answers() -> bool:
        try:
            return httpx.get(shop, timeout=30).status_code == 200
        except httpx.TransportError:
            return False

    wait_for(answers)
    return httpx.post(f"{shop}/orders", follow_redirects=False, timeout=30).headers["location"]


def wait_for(condition: object) -> None:
    """Wait until a condition holds, for 50 seconds at most."""
    assert callable(condition)
    deadline = time.monotonic() + 50
    while not condition():
        assert time.monotonic() < deadline, "it did not happen within 50 seconds"
        time.sleep(0.1)
