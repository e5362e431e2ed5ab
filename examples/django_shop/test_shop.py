"""The shop ships each paid order once, in whatever way its webhooks come, or do not come."""

import threading
from concurrent.futures import ThreadPoolExecutor

import httpx
import pytest
from django.db import connection
from django.test import Client

from inventpay import InventPay
from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.webhooks import WebhookReceiver


class World:
    """The shop, and a sandbox that delivers to it."""

    def __init__(self):
        from django_shop import models, webhooks

        self.models, self.webhooks = models, webhooks
        models.Warehouse.objects.create(id=webhooks.WAREHOUSE, name="main")
        self.clock, self.down, self.statuses = ManualClock(), False, []
        settings = WebhookSettings(
            url="http://shop.local/webhooks/inventpay", automatic=False, transport=httpx.MockTransport(self.receive)
        )
        self.sandbox = Sandbox(clock=self.clock, webhooks=settings)
        self.client = InventPay(self.sandbox.api_key, transport=self.sandbox.transport())
        self.webhooks.receiver = self.receiver = WebhookReceiver(seen=webhooks.DjangoSeenStore(), clock=self.clock)
        self.receiver.on_paid(lambda event: webhooks.ship(event))

    def receive(self, request):
        if self.down:
            return httpx.Response(502)
        # Django's database refuses to work in the thread of an event loop, such as the sandbox's.
        with ThreadPoolExecutor(1) as pool:
            headers = request.headers["X-Webhook-Signature"], request.headers["X-Webhook-ID"]
            return pool.submit(self.post, request.content, *headers).result()

    def post(self, body, signature, delivery_id):
        headers = {"X-Webhook-Signature": signature, "X-Webhook-ID": delivery_id}
        answer = Client(raise_request_exception=False).post(
            "/webhooks/inventpay", body, content_type="application/json", headers=headers
        )
        self.statuses.append(answer.status_code)
        if threading.current_thread() is not threading.main_thread():
            connection.close()
        return httpx.Response(answer.status_code, content=answer.content)

    def order(self, number="order-1"):
        payment = self.client.payments.create(
            amount=5, amount_currency="USD", currency="BTC", order_id=number, expiration_minutes=30
        )
        self.models.Order.objects.create(number=number, amount=payment.amount, payment_id=payment.payment_id)
        return payment.payment_id

    def deliver(self, hours=0):
        for _ in range(1 + hours * 2):
            self.sandbox.webhooks.deliver_due()
            if hours:
                self.clock.advance(1800)

    def shipped(self):
        return sorted(shipment.order.number for shipment in self.models.Shipment.objects.select_related("order"))


@pytest.fixture
def world(database):
    world = World()
    with world.client:
        yield world


def test_repeated_deliveries_ship_once(world):
    payment = world.order()
    world.sandbox.webhooks.misdeliver("twice", count=10)
    world.sandbox.pay(payment)
    world.deliver(hours=1)
    assert world.shipped() == ["order-1"]
    for delivery in world.client.webhooks.deliveries():
        world.client.webhooks.retry(delivery.id)
    assert world.shipped() == ["order-1"]
    assert world.models.Order.objects.get().is_paid


def test_deliveries_out_of_order_ship_once(world):
    payments = [world.order(f"order-{number}") for number in range(3)]
    world.sandbox.webhooks.misdeliver("out_of_order", count=6)
    for payment in payments:
        world.sandbox.pay(payment)
    world.deliver(hours=2)
    assert world.shipped() == ["order-0", "order-1", "order-2"]


def test_a_late_delivery_ships_once(world):
    payment = world.order()
    world.sandbox.webhooks.misdeliver("late", seconds=3 * 3600, count=10)
    world.sandbox.pay(payment)
    world.deliver(hours=1)
    assert world.shipped() == []
    world.deliver(hours=4)
    assert world.shipped() == ["order-1"]


def test_a_payment_after_its_expiry_ships_once(world):
    payment = world.order()
    world.clock.advance(31 * 60)
    world.deliver()
    assert world.client.payments.status(payment).status == "EXPIRED"
    world.sandbox.webhooks.misdeliver("twice", count=10)
    world.sandbox.pay(payment)
    world.deliver(hours=1)
    assert world.client.payments.status(payment).is_paid
    assert world.shipped() == ["order-1"]


def test_test_events_ship_nothing(world):
    from inventpay.webhooks import sign

    world.order()
    body = b'{"event":"payment.completed","test":true,"data":{"paymentId":"cmh1","orderId":"order-1"}}'
    assert world.post(body, sign(body), "whd1").json() == {"received": True, "ignored": "test event"}
    assert world.shipped() == []


def test_a_crash_in_the_handler_leaves_nothing_half_done(world, monkeypatch):
    payment = world.order()
    crashes = [True, True, True]
    save = world.models.Shipment.objects.create

    def create(**values):
        save(**values)
        if crashes:
            crashes.pop()
            raise OSError("the mail server is down")

    monkeypatch.setattr(world.models.Shipment.objects, "create", create)
    world.sandbox.pay(payment)
    world.sandbox.webhooks.deliver_due()
    assert 500 in world.statuses
    assert world.shipped() == []
    assert not world.models.Order.objects.get().is_paid
    world.deliver(hours=3)
    assert world.shipped() == ["order-1"]


def test_a_failed_commit_loses_nothing(world):
    """The missing warehouse is found at the commit: after the handler and, with ATOMIC_REQUESTS, after the view."""
    payment = world.order()
    world.models.Warehouse.objects.all().delete()
    world.sandbox.pay(payment)
    world.sandbox.webhooks.deliver_due()
    assert 500 in world.statuses
    assert world.shipped() == []
    assert world.models.SeenKey.objects.count() == 0
    world.models.Warehouse.objects.create(id=world.webhooks.WAREHOUSE, name="repaired")
    world.deliver(hours=3)
    assert world.shipped() == ["order-1"]


def test_an_hour_of_being_down_is_reconciled(world):
    world.sandbox.pay(world.order("before"))
    world.deliver()
    world.down = True
    for number in range(3):
        world.sandbox.pay(world.order(f"order-{number}"))
        world.deliver()
        world.clock.advance(20 * 60)
    world.down = False
    report = world.receiver.reconcile(world.client)
    assert (report.handled, report.failed, report.unavailable) == (3, (), ())
    world.deliver(hours=24)
    assert world.receiver.reconcile(world.client).handled == 0
    assert world.shipped() == ["before", "order-0", "order-1", "order-2"]


def test_a_contradiction_is_kept_for_a_person(world):
    from inventpay.webhooks import sign

    world.order()
    body = b'{"event":"payment.completed","data":{"paymentId":"cmh1","orderId":"order-1","status":"EXPIRED"}}'
    for _ in range(2):
        assert world.post(body, sign(body), "whd1").status_code == 200
    assert world.shipped() == []
    (letter,) = world.receiver.dead_letters()
    assert world.receiver.replay(letter).outcome == "handled"
    assert world.receiver.dead_letters() == []
    assert world.shipped() == ["order-1"]
