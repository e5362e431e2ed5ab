"""The pytest plugin of inventpay's sandbox. It imports nothing of the package until one of its fixtures is used.

    def test_an_order_is_paid(inventpay_sandbox, inventpay_client):
        payment = inventpay_client.payments.create(amount="5", amount_currency="USD", currency="USDT_BEP20")
        inventpay_sandbox.pay(payment.payment_id)
        assert inventpay_client.payments.status(payment.payment_id).is_paid

It stands beside the package, not in it: pytest imports its plugins before anything else, and would import all of
`inventpay` with this one, in every test run, before coverage is measured.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Callable, Generator, Iterator
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from inventpay import AsyncInventPay, InventPay
    from inventpay.sandbox import AppDeliveries, Sandbox, WebhookInbox


_items_with_httpx_mock: list[str] = []


@pytest.hookimpl(wrapper=True)
def pytest_runtest_protocol(item: pytest.Item) -> Generator[None, object, object]:
    """Note whether pytest-httpx answers the requests of this test."""
    uses_mock = "httpx_mock" in getattr(item, "fixturenames", ())
    if uses_mock:
        _items_with_httpx_mock.append(item.nodeid)
    try:
        return (yield)
    finally:
        if uses_mock:
            _items_with_httpx_mock.pop()


def is_mocked() -> bool:
    """Return whether respx or pytest-httpx is active: clients without limits of their own do not wait then."""
    if _items_with_httpx_mock:
        return True
    respx = sys.modules.get("respx.mocks")
    registry = getattr(getattr(respx, "Mocker", None), "registry", {})
    return any(mocker.routers for mocker in registry.values())


@pytest.fixture(scope="session")
def _served_inventpay_sandbox() -> Iterator[Sandbox]:
    """One server for the whole session; each worker of pytest-xdist has its own, on a port of its own."""
    from inventpay.sandbox import running_sandbox

    with running_sandbox() as sandbox:
        yield sandbox


@pytest.fixture
def inventpay_sandbox(_served_inventpay_sandbox: Sandbox) -> Iterator[Sandbox]:
    """A sandbox of the InventPay API on a loopback port, like new for each test.

    `inventpay_sandbox.environment` has the variables for code that makes its own client. Webhook receivers of this
    process judge the age of events by its clock, so that they accept them after the clock was moved.
    """
    from inventpay.sandbox import renew
    from inventpay.webhooks.wall_clock import use_clock

    renew(_served_inventpay_sandbox)
    with use_clock(_served_inventpay_sandbox.clock):
        yield _served_inventpay_sandbox


@pytest.fixture
def inventpay_client(inventpay_sandbox: Sandbox) -> Iterator[InventPay]:
    """A blocking client of `inventpay_sandbox`."""
    with inventpay_sandbox.client() as client:
        yield client


@pytest.fixture
def async_inventpay_client(inventpay_sandbox: Sandbox) -> Iterator[AsyncInventPay]:
    """An async client of `inventpay_sandbox`, for tests under pytest-asyncio, anyio or pytest-trio alike."""
    client = inventpay_sandbox.async_client()
    yield client
    # Its connections ended with the test's event loop; this marks it closed.
    asyncio.run(client.aclose())


@pytest.fixture
def inventpay_webhooks(inventpay_sandbox: Sandbox) -> Iterator[WebhookInbox]:
    """A receiver to which `inventpay_sandbox` delivers every event: `.events`, `.wait_for("payment.completed")`."""
    from inventpay.sandbox import webhook_inbox

    with webhook_inbox(inventpay_sandbox) as inbox:
        yield inbox


@pytest.fixture
def inventpay_deliver_to(inventpay_sandbox: Sandbox) -> Callable[..., AppDeliveries]:
    """Returns a function that lets `inventpay_sandbox` deliver its webhooks into an application, in this process.

        def test_an_order_is_shipped(inventpay_sandbox, inventpay_client, inventpay_deliver_to):
            deliveries = inventpay_deliver_to(app, path="/webhooks/inventpay")   # ASGI or WSGI
            ...
            inventpay_sandbox.pay(payment.payment_id)
            deliveries.deliver()        # returns when the application has answered

    The receiver of the application needs the secret `inventpay_sandbox.webhooks.secret`.
    """
    from inventpay.sandbox import AppDeliveries

    def deliver_to(app: Any, *, path: str) -> AppDeliveries:
        return AppDeliveries(inventpay_sandbox, app, path=path)

    return deliver_to
