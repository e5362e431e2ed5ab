"""The shop ships each paid order once, in whatever way its webhooks come, or do not come."""

import httpx
import pytest
from sqlalchemy import delete, func, select

from fastapi_shop import shop
from fastapi_shop.database import Base, Order, Sessions, Shipment, Warehouse, engine, seen
from inventpay import InventPay
from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.webhooks import WebhookReceiver, sign

URL = "http://shop.local/webhooks/inventpay"


class World(httpx.AsyncBaseTransport):
    """The shop, and a sandbox that delivers to it."""

    def __init__(self):
        Base.metadata.drop_all(engine)
        Base.metadata.create_all(engine)
        self.clock, self.down, self.statuses = ManualClock(), False, []
        self.receiver = WebhookReceiver(seen=seen, clock=self.clock)
        self.receiver.on_paid(lambda event: shop.ship(event))
        self.app = httpx.ASGITransport(self.receiver.asgi)
        settings = WebhookSettings(url=URL, automatic=False, transport=self)
        self.sandbox = Sandbox(clock=self.clock, webhooks=settings)
        self.client = InventPay(self.sandbox.api_key, transport=self.sandbox.transport())
        with Sessions.begin() as session:
            session.add(Warehouse(id=shop.WAREHOUSE))

    async def handle_async_request(self, request):
        answer = httpx.Response(502) if self.down else await self.app.handle_async_request(request)
        self.statuses.append(answer.status_code)
        return answer

    def order(self, number="order-1"):
        payment = self.client.payments.create(
            amount=5, amount_currency="USD", currency="BTC", order_id=number, expiration_minutes=30
        )
        with Sessions.begin() as session:
            session.add(Order(number=number, amount=payment.amount, payment_id=payment.payment_id))
        return payment.payment_id

    def deliver(self, hours=0):
        for _ in range(1 + hours * 2):
            self.sandbox.webhooks.deliver_due()
            if hours:
                self.clock.advance(1800)

    def post(self, body):
        return self.receiver.handle(body, {"X-Webhook-Signature": sign(body)})

    def shipped(self):
        with Sessions() as session:
            return list(session.scalars(select(Shipment.order_number).order_by(Shipment.order_number)))


@pytest.fixture
def world():
    world = World()
    with world.client:
        yield world


def test_repeated_deliveries_ship_once(world):
    payment = world.order()
    world.sandbox.webhooks.misdeliver("twice", count=10)
    world.sandbox.pay(payment)
    world.deliver(hours=1)
    assert world.shipped() == ["order-1"]
    with Sessions() as session:
        assert session.get_one(Order, "order-1").is_paid


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
    payment = world.order()
    body = b'{"event":"payment.completed","test":true,"data":{"paymentId":"%s","orderId":"order-1"}}'
    assert world.post(body % payment.encode()).ignored == "test event"
    assert world.shipped() == []


def test_a_crash_in_the_handler_leaves_nothing_half_done(world, monkeypatch):
    payment = world.order()
    crashes = [True, True, True]
    ship = shop.ship

    def crash(event):
        ship(event)
        seen.session.flush()
        if crashes:
            crashes.pop()
            raise OSError("the mail server is down")

    monkeypatch.setattr(shop, "ship", crash)
    world.sandbox.pay(payment)
    world.sandbox.webhooks.deliver_due()
    assert 500 in world.statuses
    assert world.shipped() == []
    world.deliver(hours=3)
    assert world.shipped() == ["order-1"]


def test_a_failed_commit_loses_nothing(world):
    """The missing warehouse is found when the transaction commits, after the handler."""
    payment = world.order()
    with Sessions.begin() as session:
        session.execute(delete(Warehouse))
    world.sandbox.pay(payment)
    world.sandbox.webhooks.deliver_due()
    assert 500 in world.statuses
    with Sessions() as session:
        # Only events without a handler were answered 200, and they are not noted.
        assert session.scalar(select(func.count()).select_from(Base.metadata.tables["inventpay_seen_keys"])) == 0
    assert world.shipped() == []
    with Sessions.begin() as session:
        session.add(Warehouse(id=shop.WAREHOUSE))
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
    world.order()
    body = b'{"event":"payment.completed","data":{"paymentId":"cmh1","orderId":"order-1","status":"EXPIRED"}}'
    assert [world.post(body).status for _ in range(2)] == [200, 200]
    assert world.shipped() == []
    (letter,) = world.receiver.dead_letters()
    assert world.receiver.replay(letter).outcome == "handled"
    assert world.receiver.dead_letters() == []
    assert world.shipped() == ["order-1"]
