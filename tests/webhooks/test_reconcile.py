"""Events that never arrived are handled from the API's delivery log, once, in both clients."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import AsyncInventPay, InvalidArgumentError, InventPay
from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.webhooks import MemorySeenStore, ReconcileReport, SQLiteSeenStore, WebhookReceiver, parse_event
from inventpay.webhooks.wall_clock import use_clock
from tests.support.deliveries import SECRET, flat, signed

URL = "http://shop.local/webhooks"


class Shop:
    """A shop in front of a sandbox, which can be down."""

    def __init__(self, seen: Any = None) -> None:
        self.down = False
        self.paid: list[str] = []
        self.clock = ManualClock()
        settings = WebhookSettings(url=URL, automatic=False, transport=httpx.MockTransport(self._receive))
        self.sandbox = Sandbox(clock=self.clock, webhooks=settings)
        self.receiver = WebhookReceiver(
            self.sandbox.webhooks.secret, seen=seen, clock=self.sandbox.clock, test="accept"
        )
        self.receiver.on_paid(lambda event: self.paid.append(event.payment_id))

    def _receive(self, request: httpx.Request) -> httpx.Response:
        if self.down:
            return httpx.Response(502)
        answer = self.receiver.handle(request.content, request.headers)
        return httpx.Response(answer.status, content=answer.body)

    def pay(self) -> str:
        """Create a payment and pay it, and deliver its events."""
        with InventPay(self.sandbox.api_key, transport=self.sandbox.transport()) as client:
            payment = client.payments.create(amount=5, amount_currency="USD", currency="BTC")
        self.sandbox.pay(payment.payment_id)
        self.sandbox.webhooks.deliver_due()
        return payment.payment_id


def blocking(shop: Shop, **options: Any) -> ReconcileReport:
    """Reconcile in the blocking client."""
    with InventPay(shop.sandbox.api_key, transport=shop.sandbox.transport()) as client:
        return shop.receiver.reconcile(client, **options)


def in_a_task(shop: Shop, **options: Any) -> ReconcileReport:
    """Reconcile in the async client."""

    async def reconcile() -> ReconcileReport:
        async with shop.sandbox.async_client() as client:
            return await shop.receiver.reconcile_async(client, **options)

    with shop.sandbox.run():
        return asyncio.run(reconcile())


@pytest.fixture(params=[blocking, in_a_task])
def reconcile(request: pytest.FixtureRequest) -> Callable[..., ReconcileReport]:
    """The way in which the log is walked."""
    reconcile: Callable[..., ReconcileReport] = request.param
    return reconcile


def test_payments_of_an_outage_are_fulfilled_once(reconcile: Callable[..., ReconcileReport]) -> None:
    """By the first walk; a second one, and late deliveries, are duplicates."""
    shop = Shop()
    before = shop.pay()
    shop.down = True
    missed = [shop.pay(), shop.pay()]
    shop.clock.advance(3600)
    shop.down = False
    assert shop.paid == [before]
    report = reconcile(shop)
    assert shop.paid == [before, *missed]
    assert (report.handled, report.failed, report.unavailable, report.dead_letters) == (2, (), (), ())
    assert report.looked_at >= 4
    again = reconcile(shop)
    assert (again.handled, again.looked_at) == (0, report.looked_at)
    shop.clock.advance(86_400)
    shop.sandbox.webhooks.deliver_due()
    assert shop.paid == [before, *missed]


def test_deliveries_that_were_answered_may_be_included(reconcile: Callable[..., ReconcileReport]) -> None:
    """The store was lost with the machine: the log has the deliveries that were answered 200, too."""
    shop = Shop()
    paid = shop.pay()
    shop.receiver._processor.store._entries.clear()  # type: ignore[attr-defined]
    assert reconcile(shop).looked_at == 0
    assert reconcile(shop, deliveries="all").handled == 1
    assert shop.paid == [paid, paid]


def test_old_deliveries_are_not_looked_at(reconcile: Callable[..., ReconcileReport]) -> None:
    """``since`` counts back from the receiver's clock."""
    shop = Shop()
    shop.down = True
    shop.pay()
    shop.clock.advance(7200)
    assert reconcile(shop, since=timedelta(hours=1)).looked_at == 0
    assert reconcile(shop, since=timedelta(hours=3)).handled == 1


def test_a_handler_that_fails_is_in_the_report() -> None:
    """A failed event is in the report, and the next walk handles it."""
    shop = Shop()
    shop.down = True
    shop.pay()
    shop.receiver._routes.clear()
    failing = [True, True]
    shop.receiver.on_paid(lambda event: failing.pop() and 1 / 0 if failing else shop.paid.append(event.payment_id))
    report = blocking(shop)
    assert (len(report.failed), report.handled) == (2, 0)
    assert blocking(shop).handled == 1


def test_arguments_are_checked() -> None:
    """Invalid arguments are refused before a request is sent."""
    shop = Shop()
    with pytest.raises(InvalidArgumentError, match="since=5 must be a timedelta"):
        blocking(shop, since=5)
    with pytest.raises(InvalidArgumentError, match="deliveries='lost'"):
        blocking(shop, deliveries="lost")


def test_bytes_and_deliveries_can_be_replayed() -> None:
    """As a log or the API shows them; a row of a list has no payload."""
    shop = Shop(MemorySeenStore())
    shop.down = True
    paid = shop.pay()
    assert shop.receiver.replay(flat(payment_id="bytes")).outcome == "handled"
    with InventPay(shop.sandbox.api_key, transport=shop.sandbox.transport()) as client:
        rows = list(client.webhooks.deliveries())
        with pytest.raises(InvalidArgumentError, match="has no payload"):
            shop.receiver.replay(rows[0])
        for row in rows:
            shop.receiver.replay(client.webhooks.delivery(row.id))
    assert shop.paid == ["bytes", paid]


def test_the_clock_of_the_sandbox_makes_its_events_young(tmp_path: Any) -> None:
    """After its clock was moved on, the receiver with the same clock accepts them, and another does not."""
    for clock, status in ((True, 200), (False, 400)):
        shop = Shop(SQLiteSeenStore(tmp_path / str(clock)))
        if not clock:
            shop.receiver = WebhookReceiver(shop.sandbox.webhooks.secret)
        shop.clock.freeze(4_000_000_000.0)
        shop.pay()
        assert {delivery.http_status for delivery in shop.sandbox.webhooks.deliveries} == {status}


def test_the_age_is_that_of_the_clock() -> None:
    """Old, young and future timestamps are compared with the receiver's clock."""
    body = flat(timestamp="2024-01-01T12:00:00Z")
    for now, status in ((1_704_110_400.0, 200), (1_704_110_400.0 + 8 * 86_400, 400), (1_704_110_400.0 - 400, 400)):
        receiver = WebhookReceiver(SECRET, clock=lambda now=now: now)  # type: ignore[misc]
        receiver.on_other(lambda event: None)
        assert receiver.handle(body, signed(body)).status == status


def test_the_plugin_gives_receivers_the_clock_of_its_sandbox(inventpay_sandbox: Sandbox) -> None:
    """A receiver of the shop needs no argument, and real time is back after the test."""
    receiver = WebhookReceiver(SECRET)
    receiver.on_other(lambda event: None)
    inventpay_sandbox.clock.freeze(4_000_000_000.0)
    body = flat(timestamp="2096-10-02T07:06:40Z")
    assert receiver.handle(body, signed(body)).outcome == "handled"
    assert parse_event(body, signed(body), SECRET).timestamp
    with use_clock(lambda: 4_100_000_000.0):
        assert receiver.handle(body, signed(body)).outcome == "refused"
    inventpay_sandbox.clock.reset()
    assert receiver.handle(body, signed(body)).outcome == "refused"


# Logs with odd rows


class OddLog:
    """A log of the API whose rows and single deliveries are what a test says."""

    def __init__(self, rows: list[Any], deliveries: dict[str, Any] | None = None, *, per_page: int = 100) -> None:
        self.rows = rows
        self.deliveries = deliveries or {}
        self.per_page = per_page
        self.pages_asked = 0

    def __call__(self, request: httpx.Request) -> httpx.Response:
        delivery_id = request.url.path.rpartition("/webhook-delivery/")[2]
        if delivery_id != request.url.path:
            found = self.deliveries.get(delivery_id)
            if found is None:
                return httpx.Response(404, json={"success": False, "error": "no such delivery", "statusCode": 404})
            # Not json=, which refuses lone surrogates and Infinity before the client sees them.
            return httpx.Response(200, content=json.dumps({"success": True, "data": found}).encode())
        self.pages_asked += 1
        number = int(request.url.params["page"])
        shown = self.rows[(number - 1) * self.per_page : number * self.per_page]
        pages = -(-len(self.rows) // self.per_page)
        pagination = {"page": number, "limit": self.per_page, "total": len(self.rows), "pages": pages}
        data = {"deliveries": shown, "pagination": pagination}
        return httpx.Response(200, content=json.dumps({"success": True, "data": data}))

    def reconciled(self, *, in_task: bool) -> tuple[ReconcileReport, list[str]]:
        """Walk it, and return the report and the payments that were fulfilled."""
        paid: list[str] = []
        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(lambda event: paid.append(event.payment_id))
        if not in_task:
            with InventPay("pk_live_1", transport=httpx.MockTransport(self)) as client:
                return receiver.reconcile(client), paid

        async def walk() -> ReconcileReport:
            async with AsyncInventPay("pk_live_1", transport=httpx.MockTransport(self)) as client:
                return await receiver.reconcile_async(client)

        return asyncio.run(walk()), paid


def paid_payload(payment_id: str) -> dict[str, Any]:
    """The payload of a paid event."""
    return {"event": "payment.completed", "paymentId": payment_id}


@pytest.mark.parametrize("in_task", [False, True])
def test_malformed_rows_do_not_stop_the_walk(in_task: bool) -> None:
    """Rows with a payload, or an id that leads to one, are handled; the others are in the report."""
    log = OddLog(
        [
            {"id": "d1", "success": False},
            {"id": "d2", "success": "maybe", "payload": paid_payload("in the row")},
            {"success": False, "payload": json.dumps(paid_payload("without an id"))},
            {"id": "d3", "success": []},
            {"id": "d4", "success": None},
            17,
            {"success": False},
            {"id": "d5", "success": False},
        ],
        {
            "d1": {"id": "d1", "success": False, "payload": paid_payload("fetched")},
            "d3": {"id": "d3", "success": False, "payload": paid_payload("of an odd row")},
            "d4": {"id": "d4", "success": "maybe", "payload": paid_payload("of an odd answer")},
            "d5": {"id": "d5", "success": False, "payload": {"event": 5}},
        },
        per_page=3,
    )
    report, paid = log.reconciled(in_task=in_task)
    assert log.pages_asked == 3
    assert sorted(paid) == ["fetched", "in the row", "of an odd answer", "of an odd row", "without an id"]
    assert (report.handled, report.looked_at, report.unavailable) == (5, 8, ("d5",))
    assert sorted(map(str, (row.raw for row in report.unread))) == ["17", "{'success': False}"]


JSON_VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | st.just("\ud800"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)
ODD_ROWS = JSON_VALUES | st.fixed_dictionaries(
    {},
    optional={
        "id": JSON_VALUES | st.sampled_from(["d1", "d2"]),
        "success": JSON_VALUES,
        "createdAt": JSON_VALUES,
        "payload": JSON_VALUES | st.text(max_size=5).map(paid_payload),
    },
)


@given(rows=st.lists(ODD_ROWS, max_size=6), fetched=ODD_ROWS)
def test_no_row_whatsoever_stops_the_walk(rows: list[Any], fetched: Any) -> None:
    """A good row beside any others is handled, once."""
    good = {"id": "good", "success": False, "payload": paid_payload("good")}
    report, paid = OddLog([*rows, good, *rows], {"d1": fetched}).reconciled(in_task=False)
    assert paid.count("good") == 1
    assert report.handled == len(paid)
