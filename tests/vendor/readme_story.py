"""The vendor's own Python SDK 1.2.1 runs its whole README, block by block as written, against the sandbox.

    python tests/vendor/readme_story.py OUR_PYTHON

Runs where the vendor's package is installed and ours is not (both are called inventpay); OUR_PYTHON is an interpreter
that has ours, with its sandbox. `nox -s vendor` makes both environments.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from importlib import metadata
from typing import Any

import requests
from flask import Flask, request
from werkzeug.serving import make_server

VENDOR_VERSION = "1.2.1"


@contextmanager
def sandbox(our_python: str) -> Iterator[Mapping[str, str]]:
    """Our sandbox in a process of its own, and the variables it says to set."""
    # In an empty folder: the working copy's own package must not hide the installed one.
    command = [our_python, "-m", "inventpay", "sandbox", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, cwd=os.environ.get("TMPDIR", "/tmp")) as process:
        try:
            assert process.stdout is not None
            variables: dict[str, str] = {}
            for line in process.stdout:
                if found := re.match(r"\s+export (\w+)=(\S+)", line):
                    variables[found[1]] = found[2]
                if "INVENTPAY_WEBHOOK_SECRET" in variables:
                    break
            assert variables, "the sandbox did not start"
            yield variables
        finally:
            process.terminate()


class World:
    """The surroundings of a merchant: buyers, payers, and a web server that gets webhooks."""

    def __init__(self, url: str) -> None:
        self.url = url

    def post(self, path: str, body: object = None) -> dict[str, Any]:
        answer = requests.post(f"{self.url}{path}", json=body or {}, timeout=10)
        assert answer.ok, answer.text
        return dict(answer.json()["data"])

    def pay(self, payment_id: str) -> None:
        self.post(f"/sandbox/payments/{payment_id}/pay")

    def buy(self, slug: str, product_id: str) -> str:
        """An order that is paid."""
        basket = {"items": [{"productId": product_id}], "currency": "USDT_BEP20", "customerEmail": "ada@example.com"}
        bought = self.post(f"/v1/store/{slug}/checkout", basket)
        self.pay(bought["payment"]["paymentId"])
        return str(bought["order"]["id"])


class Receiver:
    """Serves the README's own Flask application, and keeps what it was sent and how it answered."""

    def __init__(self, app: Flask) -> None:
        self.deliveries: list[tuple[str, str, int]] = []
        self.arrived = threading.Event()
        app.after_request(self._note)
        self._server = make_server("127.0.0.1", 0, app)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/inventpay"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def _note(self, response: Any) -> Any:
        body = request.get_data(as_text=True)
        self.deliveries.append((body, request.headers["X-Webhook-Signature"], response.status_code))
        self.arrived.set()
        return response

    def close(self) -> None:
        self._server.shutdown()


def blocks() -> list[str]:
    """The Python of the README, as the installed package carries it."""
    text = metadata.metadata("inventpay").get_payload()
    assert isinstance(text, str)
    return re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def main(our_python: str) -> None:
    """Runs the story, and says what came of each block."""
    assert metadata.version("inventpay") == VENDOR_VERSION
    with sandbox(our_python) as variables:
        os.environ.update(variables)
        world = World(variables["INVENTPAY_BASE_URL"])
        world.post("/sandbox/deposit", {"currency": "USDT_BEP20", "amount": 100})
        Story(world, variables["INVENTPAY_WEBHOOK_SECRET"]).run()
    print("The vendor's SDK completed its README against the sandbox.")


class Story:
    """The blocks in their order, and after each what must be true. All share their names, as in a notebook."""

    def __init__(self, world: World, secret: str) -> None:
        self.world = world
        self.secret = secret
        self.names: dict[str, Any] = {"__name__": "__main__"}
        self.placeholders = {"https://api.inventpay.io": world.url}
        self.steps: list[tuple[str, Callable[[], None]]] = [
            ("sdk.test_connection()", self.connected),
            ("payment = sdk.create_payment(PaymentRequest(\n    amount=29.99", self.paid),
            ("sdk.create_invoice(", self.invoiced),
            ("sdk.get_payment_status(", self.looked_up),
            ("sdk.get_balances()", self.balanced),
            ("sdk.create_withdrawal(", self.withdrawn),
            ("sdk.create_store(", self.opened),
            ("sdk.create_product(", self.stocked),
            ("sdk.list_products(", self.listed),
            ("sdk.list_orders(", self.fulfilled),
            ("sdk.update_product(", self.deleted),
            ("sdk.add_product_keys(", self.keyed),
            ("sdk.configure_webhook(", self.configured),
            ("app = Flask(", self.received),
            ("except AuthenticationError", self.refused),
            ("config = SDKConfig(", self.finished),
        ]

    def run(self) -> None:
        """Fails at the first thing that is not as the README promises."""
        found = blocks()
        assert len(found) >= len(self.steps)
        left = list(self.steps)
        # The README shows the handler after the URL that leads to it.
        self.serve_the_handler(next(block for block in found if "app = Flask(" in block))
        for block in found:
            if "app = Flask(" not in block:
                self.execute(block)
            title = block.strip().splitlines()[0]
            for mark, then in list(left):
                if mark in block:
                    then()
                    left.remove((mark, then))
                    title = mark.strip()
            print(f"ok  {title.splitlines()[0]}")
        assert not left, left

    def execute(self, block: str) -> None:
        for placeholder, value in self.placeholders.items():
            block = block.replace(placeholder, value)
        if "base_url" not in block:
            # Left out, it is the address of the live service.
            block = block.replace("SDKConfig(\n", f"SDKConfig(\n    base_url={self.world.url!r},\n")
        exec(compile(block, "README", "exec"), self.names)

    def serve_the_handler(self, block: str) -> None:
        self.execute(block.replace('"your-webhook-secret-from-dashboard"', repr(self.secret)))
        self.receiver = Receiver(self.names["app"])
        self.placeholders["https://yourapp.com/webhooks/inventpay"] = self.receiver.url

    def connected(self) -> None:
        assert self.names["result"] == {"success": True, "message": "API connection successful"}

    def paid(self) -> None:
        self.payment_id = self.names["payment"].data["paymentId"]
        assert self.names["payment"].data["orderId"] == "order-12345"
        self.placeholders["your-payment-id"] = self.payment_id
        self.world.pay(self.payment_id)

    def invoiced(self) -> None:
        assert self.names["invoice"].data["baseAmount"] == 49.99

    def looked_up(self) -> None:
        status = self.names["status"]
        assert (status.status, status.current_balance) == ("COMPLETED", "29.99")

    def balanced(self) -> None:
        assert self.names["usdt"].data["balance"]["availableBalance"] == 129.99

    def withdrawn(self) -> None:
        made = self.names["withdrawal"].data
        assert (made["status"], made["netAmount"]) == ("PENDING", "9.949")
        read = self.names["sdk"].get_withdrawal(made["withdrawalId"]).data
        assert (read["withdrawalId"], read["description"]) == (made["withdrawalId"], "Monthly payout")

    def opened(self) -> None:
        assert self.names["store"].data["slug"] == "my-digital-shop"
        assert self.names["sdk"].get_store().data == self.names["store"].data

    def stocked(self) -> None:
        product = self.names["product"].data
        assert (product["price"], product["stock"], product["isActive"]) == ("29.99", 100, True)
        slug = self.names["store"].data["slug"]
        ship = self.names["CreateProductRequest"](name="Mug", price=9.5)
        self.mug = self.names["sdk"].create_product(ship).data["id"]
        self.order_id = self.world.buy(slug, self.mug)
        self.placeholders["order-id"] = self.order_id
        self.placeholders["product-id"] = self.mug
        assert self.names["sdk"].get_order(self.world.buy(slug, product["id"])).data["status"] == "COMPLETED"

    def listed(self) -> None:
        assert [product["name"] for product in self.names["products"].data["products"]] == [
            "Mug",
            "Premium Template Pack",
        ]

    def fulfilled(self) -> None:
        assert [order["id"] for order in self.names["orders"].data["orders"]] == [self.order_id]
        assert self.names["order"].data["totalAmount"] == "9.5"
        assert self.names["sdk"].get_order(self.order_id).data["status"] == "COMPLETED"

    def deleted(self) -> None:
        # It was ordered: it is only made inactive, at its new price.
        products = self.names["sdk"].list_products().data["products"]
        (mug,) = [product for product in products if product["id"] == self.mug]
        assert (mug["price"], mug["stock"], mug["isActive"]) == ("24.99", 50, False)

    def keyed(self) -> None:
        assert self.names["result"]["data"] == {"added": 3, "duplicates": 0}
        assert self.names["stats"]["data"]["available"] == 3
        assert len(self.names["keys"]["data"]["keys"]) == 3
        assert self.names["sdk"].get_key_pool_stats(self.mug)["data"]["available"] == 0

    def configured(self) -> None:
        sdk = self.names["sdk"]
        assert sdk.get_webhook_config()["data"]["webhook"]["url"] == self.receiver.url
        sdk.create_payment(self.names["PaymentRequest"](amount=5, currency="BTC"))
        assert self.receiver.arrived.wait(10)

    def received(self) -> None:
        body, signature, status = self.receiver.deliveries[0]
        verify = self.names["verify_webhook_signature"]
        assert verify(body, signature, self.secret), "the vendor's own check of the text as it arrived"
        # The README's handler re-serialises what it parsed, so that genuine deliveries fail; nothing here fixes that.
        assert status == 401
        sdk = self.names["sdk"]
        # The sandbox writes an attempt down when the receiver's answer is there, a moment after it was given.
        deadline = time.monotonic() + 10
        while sdk.get_webhook_stats()["data"]["summary"]["total"] < 1:
            assert time.monotonic() < deadline, "the delivery is not in the statistics"
            time.sleep(0.5)
        deliveries = sdk.get_webhook_deliveries(success=False)["data"]
        assert deliveries["deliveries"][0]["httpStatus"] == 401
        assert deliveries["pagination"]["totalCount"] >= 1

    def refused(self) -> None:
        wrong = self.names["SDKConfig"](api_key="pk_live_wrong", base_url=self.world.url)
        request = self.names["PaymentRequest"](amount=25, currency="BTC")
        refusal = error_of(lambda: self.names["PaymentSDK"](wrong).create_payment(request))
        assert type(refusal) is self.names["AuthenticationError"]
        assert refusal.message == "Invalid API key"
        refusal = error_of(lambda: self.names["sdk"].get_balance("DOGE"))
        assert type(refusal) is self.names["ValidationError"]
        assert "currency" in refusal.details

    def finished(self) -> None:
        sdk = self.names["sdk"]
        update = __import__("inventpay").types.UpdateStoreRequest
        assert sdk.update_store(update(description="New", is_published=False)).data["isPublished"] is False
        assert sdk.delete_webhook()["success"] is True
        assert sdk.get_webhook_config()["data"]["webhook"]["isConfigured"] is False
        self.receiver.close()


def error_of(call: Callable[[], object]) -> Any:
    """Return what the call raises."""
    try:
        call()
    except Exception as error:
        return error
    raise AssertionError("nothing was raised")


if __name__ == "__main__":
    main(sys.argv[1])
