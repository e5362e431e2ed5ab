"""The fixtures for users' tests: free until they are used, with a reset sandbox for each test."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import unittest
from collections.abc import Sequence
from pathlib import Path

import pytest

from inventpay import AsyncInventPay, InventPay
from inventpay.sandbox import Sandbox, running_sandbox

PLUGINS = ("pytest_inventpay", "pytest_asyncio.plugin", "xdist.plugin")

SUITE = """
    import pytest

    CREATE = {"amount": "5", "amount_currency": "USD", "currency": "USDT_BEP20"}

    @pytest.mark.parametrize("number", range(4))
    def test_each_test_finds_it_empty(inventpay_sandbox, inventpay_client, number):
        assert inventpay_sandbox.state.counts() == {"payments": 0, "withdrawals": 0}
        assert inventpay_client.rate_limits["payment_creation"].available == 100
        payment = inventpay_client.payments.create(**CREATE)
        inventpay_sandbox.clock.advance(60)
        inventpay_sandbox.pay(payment.payment_id)
        assert inventpay_client.payments.status(payment.payment_id).is_paid

    def test_code_that_makes_its_own_client(inventpay_sandbox, monkeypatch):
        from inventpay import InventPay
        for name, value in inventpay_sandbox.environment.items():
            monkeypatch.setenv(name, value)
        with InventPay() as client:
            assert client.balances.get("BTC").available_balance == 0

    def test_webhooks_reach_an_application_in_process(inventpay_sandbox, inventpay_client, inventpay_deliver_to):
        from inventpay.webhooks import MemorySeenStore, WebhookReceiver
        receiver = WebhookReceiver(inventpay_sandbox.webhooks.secret, seen=MemorySeenStore())
        paid = []
        receiver.on_paid(lambda event: paid.append(event.payment_id))
        deliveries = inventpay_deliver_to(receiver.wsgi, path="/hooks")
        payment = inventpay_client.payments.create(**CREATE)
        inventpay_sandbox.pay(payment.payment_id)
        assert {one.http_status for one in deliveries.deliver()} == {200}
        assert paid == [payment.payment_id]

    async def test_under_pytest_asyncio(inventpay_sandbox, async_inventpay_client):
        payment = await async_inventpay_client.payments.create(**CREATE)
        inventpay_sandbox.pay(payment.payment_id)
        assert (await async_inventpay_client.payments.wait(payment.payment_id)).is_paid
"""

ANYIO_SUITE = """
    import pytest

    @pytest.fixture(params=["asyncio", "trio"])
    def anyio_backend(request):
        return request.param

    @pytest.mark.anyio
    async def test_under_anyio(async_inventpay_client):
        assert (await async_inventpay_client.balances.get("BTC")).available_balance == 0
"""

IDLE_SUITE = """
    import sys

    def test_nothing_was_imported():
        assert "pytest_inventpay" in sys.modules
        assert [name for name in sys.modules if name.split(".")[0] == "inventpay"] == []
"""


def run_pytest(folder: Path, *arguments: str, only: Sequence[str] = (), **modules: str) -> str:
    """A user's test run in a process of its own, where warnings are errors; with `only` these plugins, quickly."""
    for name, suite in modules.items():
        (folder / f"test_{name}.py").write_text(textwrap.dedent(suite))
    scope = "asyncio_default_fixture_loop_scope=function"
    switches = ["-q", "-W", "error", "-p", "no:cacheprovider", "-o", scope]
    environment = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"} if only else dict(os.environ)
    switches += [switch for plugin in only for switch in ("-p", plugin)]
    command = [sys.executable, "-m", "pytest", *switches, *arguments, *(f"test_{name}.py" for name in modules)]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, timeout=50)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_fixtures_serve_blocking_and_async_tests_in_parallel(tmp_path: Path) -> None:
    """Each worker has its own server, each test an empty sandbox and fresh limits, and nothing is left open."""
    output = run_pytest(tmp_path, "-n", "2", "-o", "asyncio_mode=auto", only=PLUGINS, shop=SUITE)
    assert "7 passed" in output


def test_the_plugin_costs_nothing_until_it_is_used_and_works_under_anyio_too(tmp_path: Path) -> None:
    """At pytest's start the package is not imported, for coverage and start-up time; and the async client closes."""
    assert "3 passed" in run_pytest(tmp_path, "-o", "asyncio_mode=strict", idle=IDLE_SUITE, anyio=ANYIO_SUITE)


def test_the_plugin_serves_this_suite_too(
    inventpay_sandbox: Sandbox, inventpay_client: InventPay, async_inventpay_client: AsyncInventPay
) -> None:
    """All three fixtures are those of one sandbox."""
    assert inventpay_sandbox.url is not None
    inventpay_sandbox.deposit("BTC", 1)
    assert inventpay_client.balances.get("BTC").available_balance == 1
    assert isinstance(async_inventpay_client, AsyncInventPay)


class UnittestOfAShop(unittest.TestCase):
    """The context manager, as the guide shows it."""

    def setUp(self) -> None:
        self.sandbox = self.enterContext(running_sandbox())
        self.client = self.enterContext(self.sandbox.client())

    def test_a_payment_is_paid(self) -> None:
        """`enterContext` is all that unittest needs."""
        payment = self.client.payments.create(amount="5", amount_currency="USD", currency="USDT_BEP20")
        self.sandbox.pay(payment.payment_id)
        assert self.client.payments.status(payment.payment_id).is_paid


def test_a_sandbox_of_one_s_own_can_be_run() -> None:
    """With its own settings, served while the block runs."""
    sandbox = Sandbox(api_key="pk_mine")
    with running_sandbox(sandbox) as served:
        assert served is sandbox
        assert served.environment["INVENTPAY_API_KEY"] == "pk_mine"
    assert sandbox.url is None


@pytest.mark.parametrize("number", [1, 2])
def test_renewed_keys_are_not_those_of_the_test_before(inventpay_sandbox: Sandbox, number: int) -> None:
    """So that clients which share limits by key do not wait for another test's calls."""
    assert inventpay_sandbox.api_key not in _seen
    _seen.add(inventpay_sandbox.api_key)


_seen: set[str] = set()
