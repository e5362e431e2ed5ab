"""The examples run in their frameworks as they stand, each on a real server that gets real deliveries."""

from __future__ import annotations

import importlib.util
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from decimal import Decimal
from pathlib import Path
from types import ModuleType
from typing import Any

import httpx
import pytest

from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.sandbox.http import server as sandbox_server
from inventpay.sandbox.merchant.coins import COINS
from inventpay.sandbox.merchant.payments import NewPayment
from tests.support.deliveries import SECRET, flat, nested, signed
from tests.support.wsgi_servers import waitress

EXAMPLES = Path(__file__).parents[2] / "examples" / "webhooks"
PATH = "/webhooks/inventpay"


@contextmanager
def _uvicorn(app: Any) -> Iterator[str]:
    with sandbox_server.run_in_thread(app, "127.0.0.1", 0) as running:
        yield running.url


SERVERS: dict[str, tuple[Callable[[Any], AbstractContextManager[str]], str]] = {
    "starlette": (_uvicorn, "app"),
    "fastapi": (_uvicorn, "app"),
    "litestar": (_uvicorn, "app"),
    "flask": (waitress, "app"),
    "django": (waitress, "application"),
}
"""By framework: the server, and the name of the application in the example."""


def test_every_example_is_run() -> None:
    """Every example is run by a test."""
    assert {path.stem.removesuffix("_app") for path in EXAMPLES.glob("*.py")} == set(SERVERS)


class Example:
    """An example that is being served."""

    def __init__(self, module: ModuleType, url: str, client: httpx.Client) -> None:
        self.paid_orders: list[str] = module.paid_orders
        self.url = url
        self.client = client

    def deliver(self, body: bytes, **headers: str) -> httpx.Response:
        """One delivery over the network."""
        return self.client.post(self.url, content=body, headers={**signed(body), "Host": "localhost", **headers})


@pytest.fixture(scope="module", params=SERVERS)
def example(request: pytest.FixtureRequest) -> Iterator[Example]:
    """Each of them, with its secret in the environment."""
    name = request.param
    pytest.importorskip(name, reason=f"{name} is not installed: pip install {name}")
    serve, variable = SERVERS[name]
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("INVENTPAY_WEBHOOK_SECRET", SECRET)
        module = _load(EXAMPLES / f"{name}_app.py")
    with serve(getattr(module, variable)) as url, httpx.Client() as client:
        yield Example(module, url + PATH, client)


def _load(path: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location(f"example_{path.stem}", path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    with pytest.MonkeyPatch.context() as patch:
        # Django imports the URLs by the name of the module.
        patch.setitem(sys.modules, spec.name, module)
        spec.loader.exec_module(module)
    sys.modules[spec.name] = module
    return module


def test_a_payment_is_fulfilled_once(example: Example) -> None:
    """Confirmed and completed, flat and nested, delivered twice: one order is shipped."""
    order = f"order-{len(example.paid_orders)}"
    for body in (
        flat("payment.confirmed", order, orderId=order),
        flat("payment.completed", order, orderId=order, description="日本 🪙"),
        nested("payment.completed", order, orderId=order),
    ):
        for _ in range(2):
            answer = example.deliver(body)
            assert answer.status_code == 200, answer.text
            assert answer.headers["content-type"] == "application/json"
            assert answer.json()["received"] is True
    assert example.paid_orders.count(order) == 1


@pytest.mark.parametrize("shape", ["flat", "nested"])
def test_what_the_sandbox_delivers_ships_an_order_once(example: Example, shape: Any) -> None:
    """Four events, each twice at the same moment, one attempt forged; in the end all arrive."""
    clock = ManualClock(time.time())
    settings = WebhookSettings(url=example.url, secret=SECRET, shape=shape, automatic=False)
    sandbox = Sandbox(clock=clock, webhooks=settings)
    order = f"order-{len(example.paid_orders)}"
    new = NewPayment(amount=Decimal("29.90"), amount_currency="USD", coin=COINS["BTC"], lifetime=1800.0, order_id=order)
    payment = sandbox.state.create_payment(new)
    sandbox.pay(payment.payment_id)
    sandbox.webhooks.misdeliver("twice", count=10)
    sandbox.webhooks.misdeliver("wrong_signature", event="payment.created")
    sandbox.webhooks.deliver_due()
    for _ in range(3):
        clock.advance(60)
        sandbox.webhooks.deliver_due()
    assert sorted(one.event for one in sandbox.webhooks.deliveries if one.success) == [
        "payment.completed",
        "payment.confirmed",
        "payment.created",
        "payment.pending",
    ]
    assert example.paid_orders.count(order) == 1


def test_a_forged_delivery_ships_nothing(example: Example) -> None:
    """A forged delivery is answered with 401 and the reason."""
    before = list(example.paid_orders)
    answer = example.deliver(flat(payment_id="forged"), **{"X-Webhook-Signature": "0" * 64})
    assert answer.status_code == 401
    assert "does not match the body" in answer.json()["error"]
    assert example.paid_orders == before


def test_only_post_is_a_delivery(example: Example) -> None:
    """A request with another method is refused by the framework or the receiver."""
    for method in ("GET", "PUT"):
        answer = example.client.request(method, example.url, headers={"Host": "localhost"})
        assert answer.status_code == 405
        assert "POST" in answer.headers["allow"]


def test_a_body_that_is_too_large_is_refused(example: Example) -> None:
    """A megabyte and a byte, and the server still serves."""
    answer = example.deliver(b" " * 1_048_577)
    assert answer.status_code == 413
    assert example.deliver(flat("payment.created")).json()["outcome"] == "ignored"


def test_a_chunked_delivery_is_handled(example: Example) -> None:
    """A proxy may send a body without its length."""
    order = f"order-{len(example.paid_orders)}"
    body = flat(payment_id=order, orderId=order)
    headers = {name: value for name, value in signed(body).items() if name != "Content-Length"}
    parts = iter([body[:9], body[9:]])
    answer = example.client.post(example.url, content=parts, headers={**headers, "Host": "localhost"})
    assert answer.json()["outcome"] == "handled"
    assert example.paid_orders[-1] == order
