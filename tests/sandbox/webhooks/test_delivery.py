"""Deliveries over real sockets: signed, retried, logged, misdelivered on demand, and never anywhere unasked."""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import threading
import time
from collections.abc import Callable, Iterator

import httpx
import pytest
import trio

from inventpay.sandbox import SandboxError, WebhookSettings, assumptions
from inventpay.sandbox.webhooks import outbox
from inventpay.sandbox.webhooks.schedule import OVERTAKEN_WITHIN
from tests.sandbox.shop import URL, Shop, in_memory
from tests.support.raw_server import Deed, Exchange, RawServer, drips, never_answers, resets, resets_mid_answer
from tests.support.receiver import Receiver, answers

SECRET = assumptions.WEBHOOK_SECRET


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    with Receiver() as running:
        yield running


@pytest.mark.parametrize("shape", ["nested", "flat"])
def test_a_delivery_is_what_the_documentation_says(receiver: Receiver, shape: str) -> None:
    """A POST of JSON with three headers, whose signature is the HMAC-SHA256 of the very bytes, in lower-case hex."""
    shop = Shop(url=receiver.url, shape=shape, secret="s3cret")
    payment_id = shop.create(description="Grüße")
    [delivery] = shop.sandbox.webhooks.deliver_due()
    [received] = receiver.received
    assert received.exchange.line == "POST /hooks HTTP/1.1"
    assert received.exchange.header("Content-Type") == "application/json"
    assert received.exchange.header("X-Webhook-Event") == received.event == "payment.created"
    assert (
        received.exchange.header("X-Webhook-Signature")
        == hmac.new(b"s3cret", received.body, hashlib.sha256).hexdigest()
    )
    assert received.delivery_id == delivery.delivery_id
    assert received.body == delivery.body
    assert (delivery.success, delivery.http_status, delivery.response, delivery.attempts) == (True, 200, "OK", 1)
    assert (delivery.payment_id, delivery.url) == (payment_id, receiver.url)
    assert (delivery.created_at, delivery.last_attempt_at, delivery.next_attempt_at) == (
        shop.clock(),
        shop.clock(),
        None,
    )


def test_a_payment_may_have_a_receiver_of_its_own(receiver: Receiver) -> None:
    """Its callbackUrl gets the events too, each URL in a delivery of its own; where both are the same it is one."""
    with Receiver() as own:
        shop = Shop(url=receiver.url)
        shop.create(callback_url=own.url)
        shop.create(callback_url=receiver.url)
        shop.sandbox.webhooks.deliver_due()
        assert (len(receiver.received), len(own.received)) == (2, 1)
        assert own.received[0].body == receiver.received[0].body
        assert own.received[0].delivery_id != receiver.received[0].delivery_id


def test_without_a_url_only_callbacks_are_delivered(receiver: Receiver) -> None:
    """Events without a URL are never delivered, not even after one is set."""
    shop = Shop()
    shop.sandbox.pay(shop.create())
    shop.create(callback_url=receiver.url)
    shop.withdraw()
    shop.sandbox.webhooks.configure(receiver.url)
    shop.sandbox.webhooks.deliver_due()
    assert receiver.events == ["payment.created"]


def test_failures_are_retried_with_the_same_bytes_and_id() -> None:
    """A failed delivery is retried after growing pauses until the receiver accepts it; the log has the last answer."""
    with Receiver(answers(500, b"Oops"), answers(503), answers(200)) as receiver:
        shop = Shop(url=receiver.url)
        shop.create()
        webhooks = shop.sandbox.webhooks
        [first] = webhooks.deliver_due()
        assert (first.success, first.response, first.error_message) == (False, "Oops", "The receiver answered 500")
        shop.clock.advance(9.9)
        assert webhooks.deliver_due() == []
        shop.clock.advance(0.1)
        assert webhooks.deliver_due()[0].next_attempt_at == shop.clock() + 30.0
        shop.clock.advance(30)
        [last] = webhooks.deliver_due()
        assert (last.success, last.attempts, last.error_message, last.next_attempt_at) == (True, 3, None, None)
        assert webhooks.deliveries == [last]
        shop.clock.advance(assumptions.WEBHOOK_RETRY_FOR)
        assert [one.event for one in webhooks.deliver_due()] == ["payment.expired"]
        assert len({(received.body, received.delivery_id) for received in receiver.received[:3]}) == 1


def garbage(exchange: Exchange) -> None:
    """Answers something that is not HTTP."""
    exchange.connection.sendall(b"\xff\x00 what?\r\n\r\n" * 100)
    exchange.reset()


def endless(exchange: Exchange) -> None:
    """Sends bytes as long as they are taken."""
    exchange.connection.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n")
    while not exchange.over.is_set():
        exchange.connection.sendall(b"\xc3\xa4" * 50_000)


def bomb(exchange: Exchange) -> None:
    """Claims that its body is compressed."""
    exchange.say(200, b"no gzip", Content_Encoding="gzip")


@pytest.mark.parametrize(
    ("deed", "status", "problem"),
    [
        (never_answers, None, "No answer within 0.3 s"),
        (drips, None, "No answer within 0.3 s"),
        (resets, None, "Could not be delivered: "),
        (resets_mid_answer, None, "Could not be delivered: "),
        (garbage, None, "Could not be delivered: "),
        (answers(301), 301, "The receiver answered 301"),
        (endless, 200, None),
        (bomb, 200, None),
        (answers(204), 204, None),
    ],
)
def test_no_receiver_can_do_harm(
    deed: Deed, status: int | None, problem: str | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Silence, resets, garbage and floods end in the log, within the documented time, with at most 1,000 characters."""
    monkeypatch.setattr(assumptions, "WEBHOOK_TIMEOUT", 0.3)
    with RawServer(deed) as server:
        shop = Shop(url=server.url)
        shop.create()
        began = time.monotonic()
        [delivery] = shop.sandbox.webhooks.deliver_due()
        assert time.monotonic() - began < 10
        assert delivery.http_status == status
        assert (delivery.error_message or "").startswith(problem or "")
        assert delivery.success is (problem is None)
        assert len(delivery.response or "") <= 1000
        assert server.connections == 1


def test_a_refused_connection_is_a_failed_delivery() -> None:
    """A refused connection is logged and retried."""
    with Receiver() as gone:
        url = gone.url
    shop = Shop(url=url)
    shop.create()
    [delivery] = shop.sandbox.webhooks.deliver_due()
    assert (delivery.success, delivery.attempts) == (False, 1)
    assert (delivery.error_message or "").startswith("Could not be delivered: ")
    assert delivery.next_attempt_at == shop.clock() + 10


@pytest.mark.parametrize(
    "url", ["https://shop.example/hooks", "https://127.0.0.1.shop.example", "https://10.0.0.1", "https://mün.example"]
)
def test_an_account_without_a_configuration_gets_no_delivery(url: str) -> None:
    """A callbackUrl that leads off this machine is not sent to, is not retried, and the log says what to do."""
    sent: list[httpx.Request] = []
    transport = httpx.MockTransport(lambda request: sent.append(request) or httpx.Response(200))
    shop = Shop(transport=transport)
    shop.create(callback_url=url)
    assert shop.sandbox.webhooks.deliver_due() == []
    [logged] = shop.sandbox.webhooks.deliveries
    assert (logged.success, logged.attempts, logged.next_attempt_at) == (False, 0, None)
    assert logged.error_message == outbox.NOT_ALLOWED
    assert not sent


@pytest.mark.parametrize(
    "settings",
    [{"url": "https://shop.example/"}, {"allowed_hosts": ["shop.example"]}, {"allowed_hosts": "*"}],
)
def test_other_hosts_can_be_allowed(settings: dict[str, object]) -> None:
    """By naming them, by naming all, or by being where everything goes anyway."""
    shop = Shop(transport=in_memory(), **settings)
    shop.create(callback_url="https://SHOP.example/own")
    assert all(delivery.success for delivery in shop.sandbox.webhooks.deliver_due())
    assert shop.sandbox.webhooks.deliveries


def test_redirects_and_proxies_lead_nowhere(receiver: Receiver, monkeypatch: pytest.MonkeyPatch) -> None:
    """A receiver cannot send us elsewhere, and neither can the environment."""
    with Receiver() as elsewhere:

        def redirects(exchange: Exchange) -> None:
            exchange.say(307, b"", Location=elsewhere.url)

        with RawServer(redirects) as server:
            monkeypatch.setenv("HTTP_PROXY", elsewhere.url)
            monkeypatch.setenv("ALL_PROXY", elsewhere.url)
            shop = Shop(url=server.url)
            shop.create()
            shop.sandbox.webhooks.deliver_due()
            assert (len(server.exchanges), elsewhere.received) == (1, [])


@pytest.mark.parametrize(
    "settings",
    [
        {"url": "ftp://127.0.0.1/"},
        {"url": "http://"},
        {"url": "http://127.0.0.1:0/"},
        {"url": "http://[::1"},
        {"url": "http://shop example/"},
        {"secret": ""},
        {"shape": "round"},
    ],
)
def test_unusable_settings_are_refused(settings: dict[str, str]) -> None:
    """With the name of the setting, when they are made and when they are changed."""
    name = next(iter(settings))
    with pytest.raises(ValueError, match=name):
        WebhookSettings(**settings)  # type: ignore[arg-type]
    shop = Shop()
    with pytest.raises(ValueError, match=name):
        shop.sandbox.webhooks.configure(**settings)  # type: ignore[arg-type]


def test_settings_change_what_follows(receiver: Receiver) -> None:
    """Secret, shape and URL hold for events from then on; a reset brings the first ones back."""
    shop = Shop(url=receiver.url)
    webhooks = shop.sandbox.webhooks
    shop.create()
    webhooks.configure(secret="another", shape="flat")
    shop.create()
    webhooks.deliver_due()
    before, after = receiver.received
    assert before.is_signed_with(SECRET)
    assert after.is_signed_with("another")
    assert "data" in before.document
    assert "data" not in after.document
    assert "another" not in repr(webhooks.settings)
    shop.create()
    webhooks.misdeliver("twice")
    shop.sandbox.reset()
    assert (webhooks.secret, webhooks.settings.shape, webhooks.url) == (SECRET, "nested", receiver.url)
    assert (webhooks.deliveries, webhooks.outbox.faults, webhooks.deliver_due()) == ([], [], [])


def test_a_delivery_may_come_twice(receiver: Receiver) -> None:
    """Two requests of the same bytes and id at the same moment."""
    shop = Shop(url=receiver.url)
    shop.sandbox.webhooks.misdeliver("twice")
    shop.create()
    shop.create()
    first, second = shop.sandbox.webhooks.deliver_due()
    assert (first.attempts, second.attempts) == (2, 1)
    arrived = receiver.received
    assert arrived[0].body == arrived[1].body != arrived[2].body
    assert arrived[0].delivery_id == arrived[1].delivery_id


def test_a_delivery_may_come_late(receiver: Receiver) -> None:
    """A late delivery arrives the given seconds after its event, with the event's own time in it."""
    shop = Shop(url=receiver.url)
    shop.sandbox.webhooks.misdeliver("late", seconds=400, event="payment.completed")
    shop.sandbox.pay(shop.create())
    assert len(shop.received()) == 3
    shop.clock.advance(399)
    assert shop.received() == []
    shop.clock.advance(1)
    [late] = shop.received()
    assert (late["event"], late["timestamp"]) == ("payment.completed", "2024-01-01T12:00:00.000Z")


def test_deliveries_may_come_out_of_order(receiver: Receiver) -> None:
    """One lets the next event pass; without a next one it comes a minute later."""
    shop = Shop(url=receiver.url)
    shop.sandbox.webhooks.misdeliver("out_of_order", event="payment.confirmed")
    shop.sandbox.pay(shop.create())
    assert {one.next_attempt_at for one in shop.sandbox.webhooks.deliveries} == {shop.clock()}
    shop.sandbox.webhooks.deliver_due()
    assert receiver.events == ["payment.created", "payment.pending", "payment.completed", "payment.confirmed"]
    shop.sandbox.webhooks.misdeliver("out_of_order")
    shop.create()
    assert shop.received() == []
    assert shop.sandbox.webhooks.deliveries[-1].next_attempt_at == shop.clock() + OVERTAKEN_WITHIN
    shop.clock.advance(OVERTAKEN_WITHIN)
    assert len(shop.received()) == 1


def test_a_signature_may_be_wrong_once() -> None:
    """The first attempt looks right but is signed with something else; once refused, the genuine one follows."""

    def verifies(exchange: Exchange) -> None:
        body = exchange.request.partition(b"\r\n\r\n")[2]
        signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
        exchange.say(200 if exchange.header("X-Webhook-Signature") == signature else 401, b"")

    with Receiver(verifies) as receiver:
        shop = Shop(url=receiver.url)
        shop.sandbox.webhooks.misdeliver("wrong_signature")
        shop.create()
        assert shop.sandbox.webhooks.deliver_due()[0].http_status == 401
        shop.clock.advance(10)
        assert shop.sandbox.webhooks.deliver_due()[0].http_status == 200
        forged, genuine = receiver.received
        assert len(forged.exchange.header("X-Webhook-Signature")) == 64
        assert forged.body == genuine.body
        assert (forged.is_signed_with(SECRET), genuine.is_signed_with(SECRET)) == (False, True)


@pytest.mark.parametrize(
    ("fault", "member"),
    [
        ({"kind": "never"}, "fault"),
        ({"kind": "late", "seconds": 0}, "seconds"),
        ({"kind": "late", "seconds": float("nan")}, "seconds"),
        ({"kind": "twice", "seconds": 5}, "seconds"),
        ({"kind": "twice", "count": 0}, "count"),
        ({"kind": "twice", "event": "payment.lost"}, "event"),
    ],
)
def test_faults_that_make_no_sense_are_refused(fault: dict[str, object], member: str) -> None:
    """With the name of what is wrong; and faults can be taken back."""
    shop = Shop()
    with pytest.raises(SandboxError) as caught:
        shop.sandbox.webhooks.misdeliver(**fault)  # type: ignore[arg-type]
    assert (caught.value.status, list(caught.value.details or {})) == (400, [member])
    shop.sandbox.webhooks.misdeliver("twice", count=5)
    shop.sandbox.webhooks.clear_faults()
    assert shop.sandbox.webhooks.outbox.faults == []


def test_a_delivery_can_be_asked_for_again(receiver: Receiver) -> None:
    """It goes out with the same id although it had arrived; an unknown id is a 404."""
    shop = Shop(url=receiver.url)
    shop.create()
    [delivery] = shop.sandbox.webhooks.deliver_due()
    assert shop.sandbox.webhooks.retry(delivery.delivery_id).next_attempt_at == shop.clock()
    [again] = shop.sandbox.webhooks.deliver_due()
    assert (again.attempts, again.success) == (2, True)
    assert receiver.received[0].delivery_id == receiver.received[1].delivery_id
    with pytest.raises(SandboxError, match="not found"):
        shop.sandbox.webhooks.retry("nobody")


@pytest.mark.parametrize("status", [200, 500])
def test_asking_again_while_an_attempt_is_under_way_is_not_forgotten(status: int) -> None:
    """A retry that is requested during an attempt is planned after its answer, success or not."""
    shop = Shop()

    def asks_again(exchange: Exchange) -> None:
        shop.sandbox.webhooks.retry(exchange.header("X-Webhook-ID"))
        exchange.say(status, b"")

    with Receiver(asks_again, answers(200)) as receiver:
        shop.sandbox.webhooks.configure(receiver.url)
        shop.create()
        assert [one.attempts for one in shop.sandbox.webhooks.deliver_due()] == [1, 2]


def test_what_a_receiver_causes_is_delivered_too() -> None:
    """A receiver that pays a payment when it hears of it gets the rest of the story in the same call."""
    shop = Shop()

    def pays(exchange: Exchange) -> None:
        shop.sandbox.pay(shop.sandbox.state.latest_payments(1)[0].payment_id)
        exchange.say(200, b"")

    with Receiver(pays, answers(200)) as receiver:
        shop.sandbox.webhooks.configure(receiver.url)
        shop.create()
        assert [one["event"] for one in shop.received()] == [
            *("payment.created", "payment.pending", "payment.confirmed", "payment.completed")
        ]


def test_a_reset_under_way_leaves_nothing_behind() -> None:
    """A delivery whose sandbox is reset before the answer comes is not written down."""
    shop = Shop()

    def resets_the_sandbox(exchange: Exchange) -> None:
        shop.sandbox.reset()
        exchange.say(500, b"")

    with Receiver(resets_the_sandbox) as receiver:
        shop.sandbox.webhooks.configure(receiver.url)
        shop.create()
        assert shop.sandbox.webhooks.deliver_due() == []
        assert shop.sandbox.webhooks.deliveries == []


def test_the_log_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    """The oldest that need no attempt are forgotten; one that does is kept, and those after it."""
    monkeypatch.setattr(outbox, "LOG_LENGTH", 3)
    shop = Shop(url=URL, transport=in_memory())
    for _ in range(5):
        shop.create()
    assert len(shop.sandbox.webhooks.deliveries) == 5
    shop.sandbox.webhooks.deliver_due()
    shop.create()
    assert len(shop.sandbox.webhooks.deliveries) == 3


def run_asyncio(main: Callable[[], object]) -> None:
    async def run() -> None:
        await main()  # type: ignore[misc]

    asyncio.run(run())


@pytest.mark.parametrize("run", [run_asyncio, trio.run])
def test_delivering_in_async_code(run: Callable[[Callable[[], object]], None]) -> None:
    """Under asyncio and trio, into an application in the same event loop."""
    paths: list[str] = []

    async def app(scope, receive, send):  # type: ignore[no-untyped-def]
        paths.append(scope["path"])
        await send({"type": "http.response.start", "status": 200, "headers": []})
        await send({"type": "http.response.body", "body": b"done"})

    shop = Shop(url="http://127.0.0.1/hooks", transport=httpx.ASGITransport(app))

    async def main() -> None:
        shop.create()
        [delivery] = await shop.sandbox.webhooks.deliver_due_async()
        assert (delivery.success, delivery.response) == (True, "done")

    run(main)
    assert paths == ["/hooks"]


def test_a_delivery_that_is_interrupted_is_due_again() -> None:
    """Cancelling gives back what had not been answered, and what waited behind it."""
    with RawServer(never_answers, answers(200)) as server:
        shop = Shop(url=server.url)
        shop.create()
        shop.create()

        async def main() -> None:
            task = asyncio.create_task(shop.sandbox.webhooks.deliver_due_async())
            await asyncio.to_thread(server.arrived.wait, 5)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

        asyncio.run(main())
        assert shop.sandbox.webhooks.outbox.planned == 2
        assert [one.attempts for one in shop.sandbox.webhooks.deliver_due()] == [1, 1]


_OTHERS: list[threading.Thread] = []
"""Threads of sandboxes of other tests, which may still run in this process."""


@pytest.fixture(autouse=True)
def _other_threads() -> None:
    _OTHERS[:] = threading.enumerate()


def background_threads() -> list[str]:
    now = [thread for thread in threading.enumerate() if thread not in _OTHERS]
    return [thread.name for thread in now if thread.name == "inventpay-sandbox-webhooks"]


def wait_for(condition: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < end, "it did not happen"
        time.sleep(0.005)


def test_a_running_server_delivers_by_itself() -> None:
    """At once, and what failed when the sandbox's clock says so, however it gets there."""
    with Receiver(answers(500), answers(200)) as receiver:
        shop = Shop(url=receiver.url, automatic=True)
        with shop.sandbox.run():
            shop.create()
            wait_for(lambda: [one.attempts for one in shop.sandbox.webhooks.deliveries] == [1])
            shop.clock.advance(10)
            wait_for(lambda: shop.sandbox.webhooks.deliveries[0].success)
            shop.clock.advance(1800)
            wait_for(lambda: receiver.events[-1] == "payment.expired")
        assert background_threads() == []


def test_a_retry_is_not_overslept() -> None:
    """Where nothing else is planned than what an attempt under way will plan when it fails."""
    with Receiver(answers(500), answers(200)) as receiver:
        shop = Shop(url=receiver.url, automatic=True)
        with shop.sandbox.run():
            shop.withdraw()
            wait_for(lambda: shop.sandbox.webhooks.deliveries[0].attempts == 1)
            shop.clock.advance(10)
            wait_for(lambda: shop.sandbox.webhooks.deliveries[0].success)


def test_a_slow_receiver_does_not_delay_others(receiver: Receiver) -> None:
    """Different URLs are delivered to at the same time; and leaving does not wait for the slow one."""
    with RawServer(never_answers) as slow:
        shop = Shop(url=receiver.url, automatic=True)
        with shop.sandbox.run():
            shop.create(callback_url=slow.url)
            slow.arrived.wait(5)
            shop.create(callback_url=slow.url)
            wait_for(lambda: sum(delivery.success for delivery in shop.sandbox.webhooks.deliveries) == 2)
            began = time.monotonic()
        assert time.monotonic() - began < 3
        assert len(receiver.received) == 2
        assert shop.sandbox.webhooks.outbox.planned == 2


def test_no_thread_runs_without_need(receiver: Receiver) -> None:
    """A sandbox without any webhook URL starts no thread; the first callbackUrl or URL does."""
    shop = Shop(automatic=True)
    with shop.sandbox.run():
        shop.sandbox.pay(shop.create())
        assert background_threads() == []
        shop.create(callback_url=receiver.url)
        assert background_threads() == ["inventpay-sandbox-webhooks"]
        wait_for(lambda: len(receiver.received) == 1)
    assert background_threads() == []
    shop.create(callback_url=receiver.url)
    assert background_threads() == []
    with shop.sandbox.webhooks.sending():
        # The server may have been stopped before it saw the first answer: then the first delivery comes again.
        wait_for(lambda: len(receiver.received) >= 2)


def test_nothing_is_delivered_in_the_background_unless_wanted(receiver: Receiver) -> None:
    """With `automatic=False` only `deliver_due` delivers."""
    shop = Shop(url=receiver.url)
    with shop.sandbox.run():
        shop.create()
        assert background_threads() == []
        assert [one.success for one in shop.sandbox.webhooks.deliver_due()] == [True]


def test_many_deliveries_to_many_receivers(receiver: Receiver) -> None:
    """Per URL in order, and every one exactly once but the three that come twice."""
    shop = Shop(url=receiver.url, automatic=True)
    with shop.sandbox.run():
        shop.sandbox.webhooks.misdeliver("twice", count=3)
        for number in range(60):
            shop.create(order_id=f"order-{number}", callback_url=f"{receiver.url}/{number % 7}")
        wait_for(lambda: all(one.success for one in shop.sandbox.webhooks.deliveries))
    per_path: dict[str, list[str]] = {}
    for one in receiver.received:
        per_path.setdefault(one.path, []).append(one.document["data"]["orderId"])
    for orders in per_path.values():
        assert list(dict.fromkeys(orders)) == sorted(set(orders), key=lambda order: int(order.partition("-")[2]))
    assert sorted(map(len, per_path.values())) == [8, 8, 8, 9, 9, 9, 10, 62]


def test_a_lost_delivery_leaves_no_trace() -> None:
    """It is neither sent nor logged nor counted; the next one is, and the payment's status shows what happened."""
    shop = Shop(url=URL, transport=in_memory())
    shop.sandbox.webhooks.misdeliver("lost", event="payment.completed")
    payment_id = shop.create()
    shop.sandbox.pay(payment_id)
    sent = [delivery.event for delivery in shop.sandbox.webhooks.deliver_due()]
    assert sent == [delivery.event for delivery in shop.sandbox.webhooks.deliveries]
    assert "payment.completed" not in sent
    assert shop.sandbox.payment(payment_id).status == "COMPLETED"
    shop.sandbox.pay(shop.create())
    assert "payment.completed" in [delivery.event for delivery in shop.sandbox.webhooks.deliver_due()]


def test_an_unlogged_delivery_arrives_and_is_not_in_the_log() -> None:
    """The receiver gets it; the log, its counts and the delivery's own page do not have it."""
    shop = Shop(url=URL, transport=in_memory())
    shop.sandbox.webhooks.misdeliver("unlogged", event="payment.created")
    shop.create()
    (arrived,) = shop.sandbox.webhooks.deliver_due()
    assert (arrived.event, arrived.success) == ("payment.created", True)
    assert shop.sandbox.webhooks.deliveries == shop.sandbox.webhooks.outbox.latest(5) == []
    assert shop.sandbox.webhooks.outbox.total == 0
    with pytest.raises(SandboxError, match="not found"):
        shop.sandbox.webhooks.retry(arrived.delivery_id)
