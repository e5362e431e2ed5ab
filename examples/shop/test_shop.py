"""The shop against the sandbox: pip install pytest, then pytest."""

import json

import pytest
from fastapi.testclient import TestClient
from orders import Orders
from reconcile import reconcile
from shop import make_app

from inventpay.webhooks import sign


@pytest.fixture
def shop(inventpay_sandbox, monkeypatch, tmp_path):
    for name, value in inventpay_sandbox.environment.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", "whsec_of_the_tests")
    with TestClient(make_app(tmp_path), follow_redirects=False) as client:
        yield client


def order(shop):
    """Order a mug, and return the path of its payment page."""
    answer = shop.post("/orders")
    assert answer.status_code == 303
    return answer.headers["location"]


def deliver(shop, event, order_id, signed_with="whsec_of_the_tests"):
    body = json.dumps({"event": event, "paymentId": "pay_1", "orderId": order_id, "status": "COMPLETED"}).encode()
    return shop.post(
        "/webhooks/inventpay", content=body, headers={"X-Webhook-Signature": sign(body, signed_with)}
    ).status_code


def test_two_clicks_create_one_payment(shop):
    page = order(shop)
    assert shop.get(page).headers["location"] == shop.get(page).headers["location"]


def test_a_webhook_marks_the_order_paid(shop, tmp_path):
    order_id = order(shop).split("/")[2]
    assert deliver(shop, "payment.completed", order_id) == 200
    assert deliver(shop, "payment.confirmed", order_id) == 200  # the same payment under its other name
    assert Orders(tmp_path / "orders.sqlite3").get(order_id)["state"] == "paid"


def test_a_forged_webhook_changes_nothing(shop, tmp_path):
    order_id = order(shop).split("/")[2]
    assert deliver(shop, "payment.completed", order_id, signed_with="whsec_of_a_thief") == 401
    assert Orders(tmp_path / "orders.sqlite3").get(order_id)["state"] == "open"


def test_a_missed_webhook_is_found(shop, inventpay_sandbox, tmp_path):
    page = order(shop)
    shop.get(page)
    orders = Orders(tmp_path / "orders.sqlite3")
    order_id = page.split("/")[2]
    inventpay_sandbox.pay(orders.get(order_id)["payment_id"])  # nothing is delivered to this shop
    reconcile(tmp_path)
    assert orders.get(order_id)["state"] == "paid"


def test_an_outage_loses_no_order(shop, inventpay_sandbox):
    from inventpay.sandbox import Fault

    page = order(shop)
    inventpay_sandbox.faults.add(Fault.error(503), on="POST /v1/create_payment", times=3)
    assert shop.get(page).status_code == 503
    assert shop.get(page).status_code == 303  # the same order, once the API is back
