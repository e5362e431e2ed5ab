"""Each event is handled once, failures are delivered again, and every delivery has its answer; in both worlds alike."""

from __future__ import annotations

import asyncio
import doctest
import functools
import json
import logging
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import anyio
import anyio.lowlevel
import pytest
import trio

from inventpay import ConfigurationError, EventDecodeError
from inventpay.webhooks import (
    MemorySeenStore,
    PaidEvent,
    SQLiteSeenStore,
    UnknownEvent,
    WebhookAnswer,
    WebhookReceiver,
)
from inventpay.webhooks import receiver as receiver_module
from tests.support.canaries import assert_silent, of_error, of_log, of_object
from tests.support.deliveries import OTHER_SECRET, SECRET, flat, nested, signed
from tests.support.documented import DIRECTORY

from .seen_store_contract import Clock

Deliver = Callable[..., WebhookAnswer]


def _blocking(receiver: WebhookReceiver, body: bytes, **headers: str) -> WebhookAnswer:
    return receiver.handle(body, signed(body, **headers))


def _asyncio(receiver: WebhookReceiver, body: bytes, **headers: str) -> WebhookAnswer:
    return asyncio.run(receiver.handle_async(body, signed(body, **headers)))


def _trio(receiver: WebhookReceiver, body: bytes, **headers: str) -> WebhookAnswer:
    return trio.run(receiver.handle_async, body, signed(body, **headers))


@pytest.fixture(params=[_blocking, _asyncio, _trio], ids=["blocking", "asyncio", "trio"])
def deliver(request: pytest.FixtureRequest) -> Deliver:
    """The two ways to handle a delivery: blocking and async."""
    chosen: Deliver = request.param
    return chosen


class Shop:
    """A shop that records the handled events."""

    def __init__(self, **options: Any) -> None:
        self.handled: list[Any] = []
        self.threads: list[int] = []
        self.failures = 0
        """Number of calls that will fail."""
        self.receiver = WebhookReceiver(SECRET, **options)

    def plain(self, event: Any) -> None:
        """A plain handler."""
        self.threads.append(threading.get_ident())
        if self.failures:
            self.failures -= 1
            raise RuntimeError("out of stock")
        self.handled.append(event)

    async def awaited(self, event: Any) -> None:
        """An async handler, which really waits."""
        await anyio.lowlevel.checkpoint()
        self.plain(event)


@pytest.fixture(params=["plain", "awaited"])
def shop(request: pytest.FixtureRequest) -> Shop:
    """A shop that handles completed payments, plainly or in a coroutine."""
    shop = Shop()
    shop.receiver.on("payment.completed")(getattr(shop, request.param))
    return shop


# Once


def test_an_event_is_handled(shop: Shop, deliver: Deliver) -> None:
    """Its handler gets it, typed, and the sender gets 200."""
    answer = deliver(shop.receiver, flat(amount=29.90), X_Webhook_ID="whd1")
    assert (answer.status, answer.outcome) == (200, "handled")
    assert answer.body == b'{"received":true,"outcome":"handled"}'
    assert answer.headers == [("Content-Type", "application/json"), ("Content-Length", "37")]
    assert shop.handled == [answer.event]
    assert shop.handled[0].payment_id == "cmh1"
    assert shop.handled[0].delivery_id == "whd1"


def test_an_event_is_handled_once_however_it_is_repeated(shop: Shop, deliver: Deliver) -> None:
    """Deliveries with the same bytes, a new timestamp, another shape or a new id are one event."""
    now = datetime.now(UTC)
    deliveries = [
        (flat(amount=1, timestamp=now.isoformat()), {"X_Webhook_ID": "whd1"}),
        (flat(amount=1, timestamp=now.isoformat()), {"X_Webhook_ID": "whd1"}),
        (flat(amount=1, timestamp=(now + timedelta(seconds=5)).isoformat()), {"X_Webhook_ID": "whd2"}),
        (nested(amount=1, timestamp=now.isoformat()), {}),
    ]
    answers = [deliver(shop.receiver, body, **headers) for body, headers in deliveries]
    assert [answer.outcome for answer in answers] == ["handled", "duplicate", "duplicate", "duplicate"]
    assert {answer.status for answer in answers} == {200}
    assert len(shop.handled) == 1


def test_other_events_are_handled_too(shop: Shop, deliver: Deliver) -> None:
    """Any difference in the signed body makes another event."""
    shop.receiver.on("payment.underpaid")(shop.plain)
    events = ("payment.underpaid", "cmh1"), ("payment.underpaid", "cmh2"), ("payment.completed", "cmh1")
    for body in (*(flat(*names) for names in events), flat("payment.underpaid", amount=2)):
        assert deliver(shop.receiver, body).outcome == "handled"
    assert len(shop.handled) == 4


def test_the_id_of_a_delivery_is_a_second_key(shop: Shop, deliver: Deliver) -> None:
    """A delivery that is repeated under its id is the same, even where the body says a little more."""
    assert deliver(shop.receiver, flat(confirmations=1), X_Webhook_ID="whd1").outcome == "handled"
    assert deliver(shop.receiver, flat(confirmations=2), X_Webhook_ID="whd1").outcome == "duplicate"
    assert len(shop.handled) == 1


def test_the_id_of_a_delivery_cannot_stand_for_another_event(shop: Shop, deliver: Deliver) -> None:
    """Nothing signs it: a genuine body sent under a foreign id must not make that other event a duplicate."""
    assert deliver(shop.receiver, flat(payment_id="cheap"), X_Webhook_ID="whd-of-dear").outcome == "handled"
    assert deliver(shop.receiver, flat(payment_id="dear"), X_Webhook_ID="whd-of-dear").outcome == "handled"
    assert deliver(shop.receiver, flat(payment_id="cheap"), X_Webhook_ID="whd-new").outcome == "duplicate"
    assert [event.payment_id for event in shop.handled] == ["cheap", "dear"]


def test_an_event_without_a_handler_is_answered_and_not_claimed(deliver: Deliver) -> None:
    """A handler that is added later gets it."""
    shop = Shop()
    assert deliver(shop.receiver, flat()).outcome == "ignored"
    shop.receiver.on("payment.completed")(shop.plain)
    assert deliver(shop.receiver, flat()).outcome == "handled"


def test_whatever_has_no_handler_goes_to_the_other(shop: Shop, deliver: Deliver) -> None:
    """Known and unknown events, but not those that have one."""
    rest: list[Any] = []

    @shop.receiver.on_other
    def keep(event: Any) -> None:
        rest.append(event)

    for name in ("payment.completed", "payment.created", "order.paid"):
        assert deliver(shop.receiver, flat(name)).outcome == "handled"
    assert [event.event for event in rest] == ["payment.created", "order.paid"]
    assert isinstance(rest[1], UnknownEvent)
    assert [event.event for event in shop.handled] == ["payment.completed"]


def test_every_press_of_the_test_button_is_seen(deliver: Deliver) -> None:
    """Two tests are two events, though they differ in their timestamp only."""
    shop = Shop(tolerance=None)
    shop.receiver.on("payment.test")(shop.plain)
    for second in (1, 2, 2):
        deliver(shop.receiver, flat("payment.test", timestamp=f"2024-01-01T12:00:0{second}Z"))
    assert len(shop.handled) == 2


# Folding


@pytest.mark.parametrize(
    "order", [("payment.confirmed", "payment.completed"), ("payment.completed", "payment.confirmed")]
)
def test_a_payment_is_fulfilled_once(order: tuple[str, str], deliver: Deliver) -> None:
    """Of the two events of a payment, the first one is handled, in either order."""
    shop = Shop()
    shop.receiver.on_paid(shop.plain)
    outcomes = [
        deliver(shop.receiver, flat(name, payment_id, confirmations=number)).outcome
        for payment_id in ("cmh1", "cmh2")
        for number, name in enumerate(order)
    ]
    assert outcomes == ["handled", "duplicate", "handled", "duplicate"]
    assert [(event.event, event.payment_id) for event in shop.handled] == [(order[0], "cmh1"), (order[0], "cmh2")]
    assert all(isinstance(event, PaidEvent) for event in shop.handled)


def test_a_fulfilment_that_failed_is_tried_by_the_other_event(deliver: Deliver) -> None:
    """The first raised, so the second is no duplicate."""
    shop = Shop()
    shop.failures = 1
    shop.receiver.on_paid(shop.awaited)
    assert deliver(shop.receiver, flat("payment.confirmed")).status == 500
    assert deliver(shop.receiver, flat("payment.completed")).outcome == "handled"
    assert deliver(shop.receiver, flat("payment.confirmed")).outcome == "duplicate"


def test_test_payments_fold_by_themselves(deliver: Deliver) -> None:
    """A test cannot use up a real payment."""
    shop = Shop(test="accept")
    shop.receiver.on_paid(shop.plain)
    assert deliver(shop.receiver, flat("payment.confirmed", test=True)).outcome == "handled"
    assert deliver(shop.receiver, flat("payment.completed", test=False)).outcome == "handled"


def test_without_folding_both_events_are_handled(deliver: Deliver) -> None:
    """One handler for several names gets each of them."""
    shop = Shop()
    shop.receiver.on("payment.confirmed", "payment.completed")(shop.plain)
    for name in ("payment.confirmed", "payment.completed"):
        assert deliver(shop.receiver, flat(name)).outcome == "handled"


# Failures


def test_a_handler_that_raises_lets_the_next_delivery_try_again(
    shop: Shop, deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender gets 500 without the exception's text; the log has the whole traceback."""
    shop.failures = 2
    for _ in range(2):
        answer = deliver(shop.receiver, flat(), X_Webhook_ID="whd1")
        assert (answer.status, answer.outcome) == (500, "failed")
        assert b"stock" not in answer.body
        assert json.loads(answer.body)["error"] == "the handler failed; deliver it again"
        assert isinstance(answer.error, RuntimeError)
    assert deliver(shop.receiver, flat(), X_Webhook_ID="whd1").outcome == "handled"
    assert len(shop.handled) == 1
    errors = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert len(errors) == 2
    assert errors[0].name == "inventpay.webhooks"
    assert errors[0].getMessage() == (
        "the handler of 'payment.completed' (payment 'cmh1', delivery 'whd1') failed; the next delivery tries again"
    )
    assert errors[0].exc_info is not None
    assert "out of stock" in str(errors[0].exc_info[1])


@pytest.mark.parametrize("deliver", [_blocking], ids=["blocking"])
@pytest.mark.parametrize("stop", [KeyboardInterrupt, SystemExit])
def test_a_terminated_process_releases_its_claims(stop: type[BaseException], shop: Shop, deliver: Deliver) -> None:
    """Ctrl-C and a server's timeout go through, and the next delivery need not wait for the lease."""
    calls: list[Any] = []

    @shop.receiver.on("payment.failed")
    def slow(event: Any) -> None:
        calls.append(event)
        if len(calls) == 1:
            raise stop

    with pytest.raises(stop):
        deliver(shop.receiver, flat("payment.failed"))
    assert deliver(shop.receiver, flat("payment.failed")).outcome == "handled"


@pytest.mark.parametrize("store", ["memory", "sqlite"])
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_cancelled_handler_frees_what_it_claimed(backend: str, store: str, tmp_path: Path) -> None:
    """The server is stopped in the middle: cancellation goes through, and the next delivery tries again."""
    seen = MemorySeenStore() if store == "memory" else SQLiteSeenStore(tmp_path / "seen.sqlite3")
    receiver = WebhookReceiver(SECRET, seen=seen)
    handled: list[Any] = []

    @receiver.on("payment.completed")
    async def slow(event: Any) -> None:
        if not handled:
            handled.append("cancelled")
            await anyio.sleep(60)
        handled.append(event)

    async def story() -> None:
        with anyio.move_on_after(0.05) as scope:
            await receiver.handle_async(flat(), signed(flat()))
        assert scope.cancelled_caught
        assert (await receiver.handle_async(flat(), signed(flat()))).outcome == "handled"

    anyio.run(story, backend=backend)
    assert len(handled) == 2


def test_a_task_that_is_dropped_leaves_its_claim_to_the_lease() -> None:
    """Nothing can be awaited any more, and nothing complains."""
    clock = Clock()
    shop = Shop(seen=MemorySeenStore(clock=clock), lease=60)

    @shop.receiver.on("payment.completed")
    async def waits(event: Any) -> None:
        await Never()

    delivery = shop.receiver.handle_async(flat(), signed(flat()))
    delivery.send(None)
    delivery.close()
    assert shop.receiver.handle(flat(), signed(flat())).outcome == "busy"
    clock.advance(61)
    shop.receiver._routes["payment.completed"] = receiver_module.Route(handler=shop.plain)
    assert shop.receiver.handle(flat(), signed(flat())).outcome == "handled"


class Never:
    """Waits for ever."""

    def __await__(self) -> Iterator[None]:
        yield


class BrokenStore(MemorySeenStore):
    """A store whose disk is full for some of its methods."""

    def __init__(self, *broken: str) -> None:
        super().__init__()
        self.broken = broken

    def claim(self, *args: Any, **options: Any) -> Any:
        self._check("claim")
        return super().claim(*args, **options)

    def finish(self, *args: Any) -> bool:
        self._check("finish")
        return super().finish(*args)

    def release(self, *args: Any, **options: Any) -> bool:
        self._check("release")
        return super().release(*args, **options)

    def due(self, lease: float) -> Any:
        self._check("due")
        return super().due(lease)

    def _check(self, name: str) -> None:
        if name in self.broken:
            raise OSError("disk full")


def test_a_store_that_cannot_claim_has_nothing_handled(deliver: Deliver, caplog: pytest.LogCaptureFixture) -> None:
    """Without it an event could be handled twice: 500, and it is delivered again."""
    store = BrokenStore("claim")
    shop = Shop(seen=store)
    shop.receiver.on("payment.completed")(shop.plain)
    answer = deliver(shop.receiver, flat())
    assert (answer.status, answer.message) == (500, "the store of handled events failed; deliver it again")
    assert isinstance(answer.error, OSError)
    assert "was not handled: the store of handled events failed" in caplog.text
    assert not shop.handled
    store.broken = ()
    assert deliver(shop.receiver, flat()).outcome == "handled"


def test_a_store_that_cannot_finish_does_not_make_a_failure_of_a_success(
    deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """The handler ran: the answer is 200, and the log says that it may run again."""
    shop = Shop(seen=BrokenStore("finish"))
    shop.receiver.on("payment.completed")(shop.plain)
    assert deliver(shop.receiver, flat()).outcome == "handled"
    assert "was handled, but the store of handled events failed: it may be handled again" in caplog.text


def test_a_store_that_cannot_release_leaves_the_event_to_its_lease(
    deliver: Deliver, caplog: pytest.LogCaptureFixture
) -> None:
    """The sender gets the handler's failure all the same."""
    shop = Shop(seen=BrokenStore("release"))
    shop.receiver.on("payment.completed")(shop.plain)
    shop.failures = 1
    answer = deliver(shop.receiver, flat())
    assert answer.status == 500
    assert isinstance(answer.error, RuntimeError)
    assert "the event is free when its lease of 300 s ends" in caplog.text


def test_a_handler_that_outlives_its_lease_is_reported(caplog: pytest.LogCaptureFixture) -> None:
    """Another delivery took over, so the log says what to change."""
    clock = Clock()
    shop = Shop(seen=MemorySeenStore(clock=clock), lease=60)
    again: list[WebhookAnswer] = []

    @shop.receiver.on("payment.completed")
    def slow(event: Any) -> None:
        if not again:
            clock.advance(61)
            again.append(WebhookAnswer(status=0, outcome="busy"))
            again.append(shop.receiver.handle(flat(), signed(flat())))

    assert shop.receiver.handle(flat(), signed(flat())).outcome == "handled"
    assert again[1].outcome == "handled"
    assert "took longer than its lease of 60 s, and another delivery took over" in caplog.text
    assert "pass a longer lease=" in caplog.text


# At the same moment


def test_two_deliveries_at_the_same_moment_run_the_handler_once() -> None:
    """In threads: the second delivery is answered with a request to repeat it, since the first may still fail."""
    shop = Shop()
    inside, go_on = threading.Event(), threading.Event()

    @shop.receiver.on("payment.completed")
    def slow(event: Any) -> None:
        inside.set()
        assert go_on.wait(10)
        shop.handled.append(event)

    first: list[WebhookAnswer] = []
    thread = threading.Thread(target=lambda: first.append(_blocking(shop.receiver, flat())))
    thread.start()
    assert inside.wait(10)
    second = _blocking(shop.receiver, flat())
    assert (second.status, second.outcome) == (503, "busy")
    assert ("Retry-After", "30") in second.headers
    assert second.message == "another delivery of this event is being handled; deliver it again"
    go_on.set()
    thread.join()
    assert first[0].outcome == "handled"
    assert _blocking(shop.receiver, flat()).outcome == "duplicate"
    assert len(shop.handled) == 1


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("kind", ["plain", "awaited"])
def test_a_crowd_of_deliveries_runs_the_handler_once(backend: str, kind: str, tmp_path: Path) -> None:
    """In tasks, on a store that blocks; afterwards every repeat is a duplicate."""
    shop = Shop(seen=SQLiteSeenStore(tmp_path / "seen.sqlite3"))
    shop.receiver.on("payment.completed")(getattr(shop, kind))
    outcomes: list[str] = []

    async def one() -> None:
        outcomes.append((await shop.receiver.handle_async(flat(), signed(flat()))).outcome)

    async def story() -> None:
        async with anyio.create_task_group() as group:
            for _ in range(20):
                group.start_soon(one)
        await one()

    anyio.run(story, backend=backend)
    assert outcomes.count("handled") == 1
    assert set(outcomes) <= {"handled", "busy", "duplicate"}
    assert outcomes[-1] == "duplicate"
    assert len(shop.handled) == 1


# Where handlers run


@pytest.mark.parametrize("run", [_asyncio, _trio])
def test_plain_handlers_and_blocking_stores_stay_off_the_event_loop(run: Deliver, tmp_path: Path) -> None:
    """They run in worker threads; async handlers, and stores that never wait, on the loop."""
    where: list[int] = []

    class Watched(SQLiteSeenStore):
        """Notes its threads."""

        def claim(self, *args: Any, **options: Any) -> Any:
            where.append(threading.get_ident())
            return super().claim(*args, **options)

    shop = Shop(seen=Watched(tmp_path / "seen.sqlite3"))
    shop.receiver.on("payment.completed")(shop.plain)
    shop.receiver.on("payment.created")(shop.awaited)
    run(shop.receiver, flat())
    run(shop.receiver, flat("payment.created"))
    loop = threading.get_ident()
    assert loop not in where
    assert shop.threads[0] != loop
    assert shop.threads[1] == loop


def test_an_async_handler_works_without_a_loop_and_inside_one() -> None:
    """A blocking view called from a task, as in a test of the user's, finds a loop running in its thread."""
    shop = Shop()
    shop.receiver.on("payment.completed")(shop.awaited)

    async def inside() -> None:
        assert shop.receiver.handle(flat(payment_id="cmh2"), signed(flat(payment_id="cmh2"))).outcome == "handled"
        shop.failures = 1
        assert shop.receiver.handle(flat(payment_id="cmh3"), signed(flat(payment_id="cmh3"))).outcome == "failed"

    assert _blocking(shop.receiver, flat()).outcome == "handled"
    asyncio.run(inside())
    trio.run(inside_trio, shop)
    assert [event.payment_id for event in shop.handled] == ["cmh1", "cmh2", "cmh4"]


async def inside_trio(shop: Shop) -> None:
    """Handle a delivery in trio."""
    assert shop.receiver.handle(flat(payment_id="cmh4"), signed(flat(payment_id="cmh4"))).outcome == "handled"


def test_every_kind_of_callable_is_a_handler(deliver: Deliver) -> None:
    """Methods, partials, objects that are called, plain functions that return something to await."""
    seen: list[str] = []

    async def append(name: str, event: Any) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(name)

    class Called:
        async def __call__(self, event: Any) -> None:
            await append("object", event)

    receiver = WebhookReceiver(SECRET)
    receiver.on("payment.created")(functools.partial(append, "partial"))
    receiver.on("payment.pending")(Called())
    receiver.on("payment.failed")(lambda event: append("lambda", event))
    for name in ("payment.created", "payment.pending", "payment.failed"):
        assert deliver(receiver, flat(name)).outcome == "handled"
    assert seen == ["partial", "object", "lambda"]


def yielding(event: object) -> Iterator[object]:
    """Return a generator, of which nothing runs."""
    yield event


async def yielding_async(event: object) -> AsyncIterator[object]:
    """Return an async generator, of which nothing runs."""
    yield event


class Yielding:
    """An object whose call makes a generator."""

    def __call__(self, event: object) -> Iterator[object]:
        yield event


@pytest.mark.parametrize(
    "handler",
    [yielding, yielding_async, Yielding(), functools.partial(yielding)],
    ids=["plain", "async", "object", "partial"],
)
def test_a_handler_with_a_yield_is_never_taken_for_done(deliver: Deliver, handler: Callable[[Any], Any]) -> None:
    """A call of it runs nothing: it is refused at import time, and behind another function the event fails."""
    receiver = WebhookReceiver(SECRET)
    for register in (receiver.on("payment.created"), receiver.on_paid, receiver.on_other, receiver.on_contradiction):
        with pytest.raises(ConfigurationError, match="has a yield"):
            register(handler)
    receiver.on_paid(lambda event: handler(event))
    answer = deliver(receiver, flat())
    assert (answer.status, answer.outcome) == (500, "failed")
    assert "generator, so nothing of its body ran" in str(answer.error)


def test_an_async_handler_that_returns_a_coroutine_is_run_to_its_end(deliver: Deliver) -> None:
    """A forgotten ``await`` must not make an event count as handled while nothing ran."""
    seen: list[str] = []

    async def fulfil(event: Any) -> None:
        await anyio.lowlevel.checkpoint()
        seen.append(event.payment_id)

    async def without_await(event: Any) -> Any:
        return fulfil(event)

    async def without_await_twice(event: Any) -> Any:
        return without_await(event)

    class Called:
        async def __call__(self, event: Any) -> Any:
            return fulfil(event)

    handlers: list[Callable[[Any], Any]] = [
        without_await,
        without_await_twice,
        Called(),
        lambda event: without_await(event),
    ]
    for number, handler in enumerate(handlers):
        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(handler)
        assert deliver(receiver, flat(payment_id=f"cmh{number}")).outcome == "handled"
    assert seen == ["cmh0", "cmh1", "cmh2", "cmh3"]


def test_an_async_handler_that_returns_a_generator_has_failed(deliver: Deliver) -> None:
    """Such as an async wrapper round a handler with a yield: nothing of it ran."""

    async def wrapped(event: Any) -> Any:
        return yielding(event)

    async def wrapped_async(event: Any) -> Any:
        return yielding_async(event)

    for handler in (wrapped, wrapped_async):
        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(handler)
        answer = deliver(receiver, flat())
        assert (answer.status, answer.outcome) == (500, "failed")
        assert "generator, so nothing of its body ran" in str(answer.error)


def test_a_task_that_a_handler_returns_is_awaited() -> None:
    """Its failure is the handler's: under WSGI it would be cancelled with its loop, and yet count as handled."""

    async def fail(event: Any) -> None:
        await asyncio.sleep(0.01)
        raise RuntimeError("out of stock")

    async def in_background(event: Any) -> Any:
        return asyncio.create_task(fail(event))

    for deliver in (_blocking, _asyncio):
        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(in_background)
        answer = deliver(receiver, flat())
        assert (answer.status, str(answer.error)) == (500, "out of stock")


def test_a_handler_that_is_cancelled_from_inside_has_failed() -> None:
    """A thread cannot be cancelled from outside; the exception would end the worker of a WSGI server."""

    async def awaits_a_cancelled_task(event: Any) -> None:
        task = asyncio.create_task(asyncio.sleep(60))
        await asyncio.sleep(0)
        task.cancel()
        await task

    def raises(event: Any) -> None:
        raise asyncio.CancelledError

    for handler in (awaits_a_cancelled_task, raises):
        receiver = WebhookReceiver(SECRET)
        receiver.on_paid(handler)
        answer = _blocking(receiver, flat())
        assert (answer.status, str(answer.error)) == (500, "the handler was cancelled by something that it awaited")


# Refusals


def test_refusals_have_a_status_and_a_reason(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    """401 for what is not genuine, 400 for what is stale or unreadable, 413 for what is too large."""
    old = flat(timestamp="2024-01-01T12:00:00Z")
    large = b" " * 1_048_577
    cases: list[tuple[bytes, dict[str, str], int, str]] = [
        (flat(), signed(flat(), OTHER_SECRET), 401, "the signature does not match the body"),
        (flat(), {}, 401, "the header X-Webhook-Signature is missing"),
        (old, signed(old), 400, "days old"),
        (large, signed(large), 413, "the body is larger than 1,048,576 bytes"),
    ]
    for body, headers, status, reason in cases:
        answer = shop.receiver.handle(body, headers)
        assert (answer.status, answer.outcome) == (status, "refused")
        assert reason in (answer.message or "")
        assert json.loads(answer.body) == {"received": False, "outcome": "refused", "error": answer.message}
    assert not shop.handled
    assert caplog.text.count("a delivery was refused: ") == 4
    assert {record.levelname for record in caplog.records} == {"WARNING"}


def test_a_body_that_is_not_bytes_is_the_views_mistake(shop: Shop) -> None:
    """No answer could tell the sender what is wrong with the receiver."""
    with pytest.raises(TypeError, match="body must be the raw bytes of the request, not dict"):
        shop.receiver.handle({"event": "payment.completed"}, signed(flat()))  # type: ignore[arg-type]
    with pytest.raises(TypeError, match="not str"):
        asyncio.run(shop.receiver.handle_async("{}", signed(flat())))  # type: ignore[arg-type]


def test_a_queue_says_when_it_received_the_request() -> None:
    """A strict tolerance counts from there."""
    shop = Shop(tolerance=300)
    shop.receiver.on("payment.completed")(shop.plain)
    sent = datetime(2024, 1, 1, 12, tzinfo=UTC)
    body = flat(timestamp=sent.isoformat())
    assert shop.receiver.handle(body, signed(body)).status == 400
    answer = shop.receiver.handle(body, signed(body), received_at=sent + timedelta(seconds=299))
    assert answer.outcome == "handled"


# Answering first


@pytest.fixture
def queue(tmp_path: Path) -> Iterator[tuple[Shop, Clock]]:
    """A shop that answers first, and its clock."""
    clock = Clock()
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3", clock=clock)
    shop = Shop(seen=store, respond="first", lease=60)
    shop.receiver.on("payment.completed")(shop.plain)
    yield shop, clock
    store.close()


def test_answered_first_is_stored_and_handled_after(queue: tuple[Shop, Clock], deliver: Deliver) -> None:
    """With its delivery id, once, and a repeat is a duplicate."""
    shop, _ = queue
    answer = deliver(shop.receiver, flat(amount=29.90), X_Webhook_ID="whd1")
    assert (answer.status, answer.outcome) == (200, "accepted")
    assert not shop.handled
    assert deliver(shop.receiver, flat(amount=29.90), X_Webhook_ID="whd1").outcome == "accepted"
    assert shop.receiver.recover() == 1
    assert shop.receiver.recover() == 0
    assert [(event.payment_id, event.delivery_id) for event in shop.handled] == [("cmh1", "whd1")]
    assert shop.handled[0] == answer.event
    assert shop.handled[0].raw == answer.event.raw  # type: ignore[union-attr]
    assert deliver(shop.receiver, flat(amount=29.90)).outcome == "duplicate"


def test_what_was_answered_survives_the_death_of_the_process(queue: tuple[Shop, Clock], tmp_path: Path) -> None:
    """Another process handles it: at once if no handler had started, and after the lease if one had."""
    shop, clock = queue
    _blocking(shop.receiver, flat())
    successor = Shop(seen=SQLiteSeenStore(tmp_path / "seen.sqlite3", clock=clock), respond="first", lease=60)
    calls: list[Any] = []

    @successor.receiver.on("payment.completed")
    def dies(event: Any) -> None:
        calls.append(event)
        if len(calls) == 1:
            raise SystemExit

    # SystemExit releases; a kill does not: take the claim by hand and forget it.
    assert shop.receiver._processor.store.due(60) is not None
    assert successor.receiver.recover() == 0
    clock.advance(61)
    with pytest.raises(SystemExit):
        successor.receiver.recover()
    clock.advance(3600)
    assert asyncio.run(successor.receiver.recover_async()) == 1
    assert len(calls) == 2


def test_a_stored_event_that_fails_is_tried_again_with_growing_pauses(
    queue: tuple[Shop, Clock], caplog: pytest.LogCaptureFixture
) -> None:
    """After 10, 20, 40 seconds and so on, up to an hour, and never dropped."""
    shop, clock = queue
    store = shop.receiver._processor.store
    shop.failures = 12
    _blocking(shop.receiver, flat())
    pauses: list[int] = []
    while not shop.handled:
        shop.receiver.recover()
        pauses.append(0)
        while not shop.handled and not _is_due(store):
            clock.advance(5)
            pauses[-1] += 5
    assert pauses == [10, 20, 40, 80, 160, 320, 640, 1280, 2560, 3600, 3600, 3600, 0]
    assert "it is tried again by itself" in caplog.text


def _is_due(store: Any) -> bool:
    """Return whether something is due, without claiming it."""
    query = "SELECT 1 FROM entries WHERE due_at <= ? AND leased_until <= ?"
    found = store._run(lambda database, now: database.execute(query, (now, now)).fetchone())
    return found is not None


def test_a_stored_event_in_work_is_answered_200() -> None:
    """A stored body need not be delivered again; one that is not stored must be."""
    clock = Clock()
    store = MemorySeenStore(clock=clock)
    first = Shop(seen=Lasting(store), respond="first", lease=60)
    answers: list[WebhookAnswer] = []

    @first.receiver.on("payment.completed")
    def handle(event: Any) -> None:
        answers.append(_blocking(first.receiver, flat()))
        answers.append(_blocking(last.receiver, flat()))

    last = Shop(seen=store, lease=60)
    last.receiver.on("payment.completed")(handle)
    assert _blocking(first.receiver, flat()).outcome == "accepted"
    assert first.receiver.recover() == 1
    assert [answer.outcome for answer in answers] == ["accepted", "busy"]
    # Claimed by a receiver that answers last, so its body is not stored.
    _blocking(last.receiver, flat(payment_id="cmh2"))
    answers.clear()

    @last.receiver.on("payment.created")
    def meanwhile(event: Any) -> None:
        first.receiver.on("payment.created")(handle)
        answers.append(_blocking(first.receiver, flat("payment.created")))

    _blocking(last.receiver, flat("payment.created"))
    assert [answer.outcome for answer in answers] == ["busy"]


class Lasting:
    """A store in memory that says it lasts."""

    def __init__(self, store: MemorySeenStore) -> None:
        self.claim = store.claim
        self.finish = store.finish
        self.release = store.release
        self.due = store.due
        self.renew = store.renew
        self.add_dead_letter = store.add_dead_letter
        self.dead_letters = store.dead_letters
        self.drop_dead_letter = store.drop_dead_letter
        self.blocking = False
        self.durable = True


def test_what_is_recovered_may_be_bounded(queue: tuple[Shop, Clock]) -> None:
    """So that a caller keeps control of its time."""
    shop, _ = queue
    for number in range(5):
        _blocking(shop.receiver, flat(payment_id=f"cmh{number}"))
    assert shop.receiver.recover(2) == 2
    assert shop.receiver.recover() == 3
    assert [event.payment_id for event in shop.handled] == [f"cmh{number}" for number in range(5)]


def test_a_stored_event_without_handler_stays_stored(
    queue: tuple[Shop, Clock], caplog: pytest.LogCaptureFixture
) -> None:
    """A process that has no handler (yet) takes it from none that has one, and a warning counts what waits."""
    shop, _ = queue
    for number in range(3):
        _blocking(shop.receiver, flat(payment_id=f"cmh{number}"))
    routes = dict(shop.receiver._routes)
    shop.receiver._routes.clear()
    shop.receiver.on("payment.failed")(shop.plain)
    assert asyncio.run(shop.receiver.recover_async()) == 0
    assert shop.receiver.recover(2) == 0
    assert caplog.text.count("stored events 'payment.completed' wait for a handler") == 1
    assert "3 stored events" in caplog.text
    shop.receiver._routes.update(routes)
    assert shop.receiver.recover() == 3
    assert sorted(event.payment_id for event in shop.handled) == ["cmh0", "cmh1", "cmh2"]


def test_events_without_handler_do_not_stand_before_others(queue: tuple[Shop, Clock]) -> None:
    """However many wait, those that can be handled get their turn."""
    shop, clock = queue
    shop.receiver.on("payment.failed")(shop.plain)
    for number in range(30):
        _blocking(shop.receiver, flat("payment.failed", payment_id=f"old{number}"))
    del shop.receiver._routes["payment.failed"]
    _blocking(shop.receiver, flat(payment_id="new"))
    handled = 0
    for _ in range(4):
        clock.advance(1)
        handled += shop.receiver.recover(10)
    assert handled == 1


def test_a_stored_event_that_cannot_be_read_stays(queue: tuple[Shop, Clock], caplog: pytest.LogCaptureFixture) -> None:
    """Another release stored it; the next ones are handled all the same."""
    shop, clock = queue
    shop.receiver._processor.store.claim(["event:x"], 0, b"null\nnot an event")
    _blocking(shop.receiver, flat())
    assert shop.receiver.recover() == 1
    assert "a stored event cannot be read; it stays stored" in caplog.text
    clock.advance(11)
    assert shop.receiver._processor.store.due(60) is not None


def test_a_store_that_fails_ends_the_recovery(caplog: pytest.LogCaptureFixture) -> None:
    """Stored events wait for the next delivery."""
    store = BrokenStore("due")
    shop = Shop(seen=Lasting(MemorySeenStore()), respond="first")
    object.__setattr__(shop.receiver._processor, "store", store)
    assert shop.receiver.recover() == 0
    assert "stored events wait: the store of handled events failed" in caplog.text


# Replay


def test_a_file_can_be_replayed(deliver: Deliver) -> None:
    """However old the event is, and with whatever shape; handled once, like any delivery."""
    shop = Shop()
    shop.receiver.on("payment.created")(shop.awaited)
    replay = (
        shop.receiver.replay if deliver is _blocking else lambda file: asyncio.run(shop.receiver.replay_async(file))
    )
    assert replay(DIRECTORY / "webhook.payment_created.flat.json").outcome == "handled"
    assert replay(str(DIRECTORY / "webhook.payment_created.nested.json")).outcome == "duplicate"
    assert [event.order_id for event in shop.handled] == ["order-12345"]


def test_a_replay_answers_first_and_handles_at_once(queue: tuple[Shop, Clock], tmp_path: Path) -> None:
    """A replay runs the handler even in test modes that ignore the event."""
    shop, _ = queue
    for number, replay in enumerate([shop.receiver.replay, lambda file: asyncio.run(shop.receiver.replay_async(file))]):
        file = tmp_path / "body.json"
        file.write_bytes(flat(payment_id=f"cmh{number}"))
        assert replay(file).outcome == "accepted"
        assert len(shop.handled) == number + 1


def test_a_file_that_holds_no_event_is_an_error(tmp_path: Path) -> None:
    """A replay raises the handler's exception, since no sender waits for an answer."""
    file = tmp_path / "body.json"
    with pytest.raises(FileNotFoundError):
        WebhookReceiver(SECRET).replay(file)
    file.write_text("{}")
    with pytest.raises(EventDecodeError, match=r"\$\.event is missing"):
        WebhookReceiver(SECRET).replay(file)


# Setting up


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"secret": ""}, "secret is empty"),
        ({"seen": {}}, r"seen= takes a SeenStore such as MemorySeenStore\(\), not dict"),
        ({"seen": MemorySeenStore}, r"seen= takes a SeenStore such as MemorySeenStore\(\), not the class Memory"),
        ({"respond": "never"}, 'respond=\'never\' must be "last" or "first"'),
        ({"respond": "first"}, "what it stores must survive this process: pass seen=SQLiteSeenStore"),
        ({"lease": 0}, "lease=0 must be a finite number of seconds above 0"),
        ({"lease": float("inf")}, "lease=inf must be a finite number of seconds above 0"),
        ({"lease": "1"}, "lease is seconds as a number or a timedelta, not str"),
        ({"tolerance": -1}, "tolerance must be 0 or more seconds"),
        ({"max_body": 0}, "max_body=0 must be a whole number of bytes"),
        ({"max_body": True}, "max_body=True must be"),
        ({"max_body": 1e6}, "max_body=1000000.0 must be"),
    ],
)
def test_options_that_cannot_work_are_refused(options: dict[str, Any], problem: str) -> None:
    """When the receiver is made, not when the first delivery comes."""
    with pytest.raises(ConfigurationError, match=problem):
        WebhookReceiver(**{"secret": SECRET, **options})


@pytest.mark.parametrize(
    ("seen", "kind"), [({}, "dict"), ("redis://localhost", "str"), (MemorySeenStore, "the class MemorySeenStore")]
)
def test_a_store_of_one_delivery_that_is_none_is_refused(seen: Any, kind: str) -> None:
    """It is the view's mistake, and would fail each delivery with an error of another place."""
    receiver = WebhookReceiver(SECRET)
    receiver.on_paid(print)
    with pytest.raises(ConfigurationError, match=f"seen= takes a SeenStore .*, not {kind}"):
        receiver.handle(flat(), signed(flat()), seen=seen)


def test_a_body_is_stored_only_where_recover_looks_for_it(tmp_path: Path) -> None:
    """With ``respond="first"`` a store of one delivery would answer 200 and keep the event for ever."""
    store = SQLiteSeenStore(tmp_path / "seen.sqlite3")
    shop = Shop(seen=store, respond="first")
    shop.receiver.on_paid(shop.plain)
    for other in (MemorySeenStore(), SQLiteSeenStore(tmp_path / "other.sqlite3")):
        with pytest.raises(ConfigurationError, match=r"seen= of one delivery .* leave seen= out"):
            shop.receiver.handle(flat(), signed(flat()), seen=other)
    assert shop.receiver.handle(flat(), signed(flat()), seen=store).outcome == "accepted"
    assert shop.receiver.recover() == len(shop.handled) == 1
    store.close()


def test_the_secret_may_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    """And one that is not there is missed at once."""
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", SECRET)
    receiver = WebhookReceiver()
    receiver.on_other(print)
    assert receiver.handle(flat(), signed(flat())).outcome == "handled"
    monkeypatch.delenv("INVENTPAY_WEBHOOK_SECRET")
    with pytest.raises(ConfigurationError, match="pass secret=, or set the environment variable"):
        WebhookReceiver()


def test_both_secrets_are_accepted_while_they_are_rotated() -> None:
    """During a rotation both secrets are accepted, and no third one."""
    receiver = WebhookReceiver([SECRET, OTHER_SECRET])
    receiver.on_other(lambda event: None)
    assert receiver.handle(flat(), signed(flat())).outcome == "handled"
    assert receiver.handle(flat(amount=2), signed(flat(amount=2), OTHER_SECRET)).outcome == "handled"
    assert receiver.handle(flat(), signed(flat(), "third")).status == 401


def test_a_name_has_one_handler() -> None:
    """A second one is refused, by whichever way, before any name of it is taken."""
    receiver = WebhookReceiver(SECRET)
    receiver.on("payment.completed")(print)
    for register in (
        lambda: receiver.on("payment.completed"),
        lambda: receiver.on_paid(print),
        lambda: receiver.on("payment.failed", "payment.completed"),
    ):
        with pytest.raises(ConfigurationError, match=r"on\('payment.completed'\): this event has a handler already"):
            register()
    receiver.on("payment.confirmed")(print)
    receiver.on("payment.failed")(print)
    receiver.on_other(print)
    with pytest.raises(ConfigurationError, match="a handler for all other events already"):
        receiver.on_other(print)
    late = receiver.on("payment.created")
    receiver.on("payment.created")(print)
    with pytest.raises(ConfigurationError, match="has a handler already"):
        late(print)


@pytest.mark.parametrize(
    ("register", "problem"),
    [
        (
            lambda receiver: receiver.on(print),
            'takes the name of an event: write @receiver.on\\("payment.completed"\\)',
        ),
        (lambda receiver: receiver.on(""), r"on\(''\) takes the name of an event"),
        (lambda receiver: receiver.on("payment.failed", "payment.failed"), "duplicate event name"),
        (lambda receiver: receiver.on("withdrawal.failed", once_per_payment=True), "not all events of a payment"),
        (lambda receiver: receiver.on("payment.failed")(5), "a handler is a function of one event, not int"),
        (lambda receiver: receiver.on_other(None), "a handler is a function of one event, not NoneType"),
    ],
)
def test_a_wrong_registration_is_refused(register: Callable[[WebhookReceiver], object], problem: str) -> None:
    """A wrong registration is refused at import time."""
    with pytest.raises(ConfigurationError, match=problem):
        register(WebhookReceiver(SECRET))


def test_a_misspelt_name_is_warned_of() -> None:
    """A misspelt name of an event warns, because its handler would never run; a new name does not."""
    receiver = WebhookReceiver(SECRET)
    with pytest.warns(UserWarning, match=r"no event is known by this name; did you mean 'payment.completed'\?"):
        receiver.on("payment.complete")
    receiver.on("order.paid")
    receiver.on("payment.refunded")


def test_a_handler_stays_what_it_is() -> None:
    """Decorated functions can be called, and tested, by themselves."""
    receiver = WebhookReceiver(SECRET)

    @receiver.on_paid
    def fulfil(event: Any) -> str:
        return f"shipped {event}"

    assert fulfil("it") == "shipped it"


def test_a_receiver_says_what_it_handles_and_no_secret(caplog: pytest.LogCaptureFixture) -> None:
    """In its repr, in whatever it holds, in its log and in the errors it logs."""
    caplog.set_level(logging.DEBUG)
    receiver = WebhookReceiver([SECRET, OTHER_SECRET])
    assert repr(receiver) == "<WebhookReceiver of nothing yet; seen: <MemorySeenStore with 0 keys>>"

    @receiver.on("payment.completed")
    def fail(event: Any) -> None:
        raise RuntimeError("out of stock")

    receiver.on_other(fail)
    assert repr(receiver) == ("<WebhookReceiver of payment.completed, all others; seen: <MemorySeenStore with 0 keys>>")
    assert (repr(receiver.asgi), repr(receiver.wsgi)) == ("<receiver.asgi>", "<receiver.wsgi>")
    for body, secret in ((flat(), SECRET), (flat(), "forged"), (b"[]", SECRET)):
        answer = receiver.handle(body, signed(body, secret))
        assert answer.error is not None
        assert_silent([*of_error(answer.error), *of_object(receiver), repr(answer), answer.body.decode()])
    assert_silent(of_log(caplog.records))


def test_the_examples_of_the_receiver_say_what_happens() -> None:
    """Every example in its docstrings runs and prints what it shows."""
    for example in doctest.DocTestFinder(exclude_empty=True).find(receiver_module):
        example.globs["receiver"] = WebhookReceiver("whsec_1")
        report: list[str] = []
        assert doctest.DocTestRunner().run(example, out=report.append).failed == 0, "".join(report)
