"""Inputs that webhook receivers once got wrong, as functions of a ``World``: a store behind a real gateway interface.

Each function asserts the right value. ``tests/webhooks/test_cases.py`` runs them over ASGI and WSGI on every store, and
``tests.support.django_cases`` on a store of Django's ORM.
"""

from __future__ import annotations

import asyncio
import io
import json
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final, Literal

from attrs import define, field

from inventpay import ConfigurationError
from inventpay.webhooks import WebhookReceiver

from .deliveries import SECRET, flat, nested, signed

DAY: Final = 86_400.0

Gateway = Literal["asgi", "wsgi"]


class Clock:
    """Seconds that pass when a test moves them."""

    def __init__(self) -> None:
        self.now = datetime.now(UTC).timestamp()

    def __call__(self) -> float:
        return self.now


@define
class World:
    """A store, and the way to the receivers on it."""

    store: Callable[[], Any]
    """Opens the store, as another process would."""
    gateway: Gateway
    clock: Clock = field(factory=Clock)
    """Clock of the store."""
    persists: bool = True
    """Whether it survives the process."""
    transactional: bool = False
    handled: list[Any] = field(factory=list[Any])

    def receiver(self, **options: Any) -> WebhookReceiver:
        """Return the receiver of a new process."""
        return WebhookReceiver(SECRET, **{"seen": self.store(), "clock": self.clock, **options})

    def fulfilling(self, **options: Any) -> WebhookReceiver:
        """Return a receiver whose ``on_paid`` notes what it handled."""
        receiver = self.receiver(**options)
        receiver.on_paid(self.handled.append)
        return receiver

    def deliver(self, receiver: WebhookReceiver, body: bytes, **headers: str) -> str:
        """Deliver a signed body; return the outcome that the sender reads."""
        status, text = (_by_asgi if self.gateway == "asgi" else _by_wsgi)(receiver, body, signed(body, **headers))
        answer = json.loads(text)
        assert answer["received"] is (status == 200)
        return f"{status} {answer.get('outcome') or answer.get('ignored') or ''}"


def _by_asgi(receiver: WebhookReceiver, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    sent: list[Any] = []

    async def receive() -> dict[str, Any]:
        return {"type": "http.request", "body": body, "more_body": False}

    async def send(message: Any) -> None:
        sent.append(message)

    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    scope = {"type": "http", "method": "POST", "path": "/", "headers": raw, "query_string": b""}
    asyncio.run(receiver.asgi(scope, receive, send))
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def _by_wsgi(receiver: WebhookReceiver, body: bytes, headers: dict[str, str]) -> tuple[int, bytes]:
    statuses: list[int] = []

    def start_response(status: str, headers: Any, error: Any = None) -> Any:
        statuses.append(int(status.split()[0]))

    named = {f"HTTP_{name.upper().replace('-', '_')}": value for name, value in headers.items()}
    environ = {**named, "REQUEST_METHOD": "POST", "CONTENT_LENGTH": str(len(body)), "wsgi.input": io.BytesIO(body)}
    answer = receiver.wsgi(environ, start_response)
    try:
        return statuses[0], b"".join(answer)
    finally:
        close = getattr(answer, "close", None)
        if close is not None:
            close()


def stamped(seconds: float) -> str:
    """Return a timestamp that is some seconds old."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).isoformat()


# The cases, by the names of their files


def c01_stored_events_wait_for_their_handlers(world: World) -> None:
    """``recover`` before handlers are registered drops nothing; stores that cannot keep a body refuse the mode."""
    if not world.persists or world.transactional:
        try:
            world.receiver(respond="first")
        except ConfigurationError:
            return
        raise AssertionError("respond='first' was accepted")
    first = world.receiver(respond="first")
    first.on_paid(lambda event: 1 / 0)
    assert world.deliver(first, flat()) == "200 accepted"
    world.clock.now += 60
    second = world.receiver(respond="first")
    assert second.recover() == 0
    second.on_paid(world.handled.append)
    assert second.recover() == 1
    assert world.deliver(second, flat()) == "200 duplicate"
    assert len(world.handled) == 1


def c04_tests_are_not_money(world: World) -> None:
    """A signed test fulfils nothing, in whatever form it says that it is one; ``payment.test`` is handled."""
    receiver = world.fulfilling()
    receiver.on("payment.test")(world.handled.append)
    for flag in (True, 1, "yes", "false", {}):
        assert world.deliver(receiver, flat(test=flag)) == "200 test event"
        assert world.deliver(receiver, nested(test=flag)) == "200 test event"
    inner = json.dumps({"event": "payment.completed", "test": False, "data": {"paymentId": "cmh1", "test": True}})
    assert world.deliver(receiver, inner.encode()) == "200 test event"
    assert not world.handled
    assert world.deliver(receiver, flat("payment.test", test=True)) == "200 handled"
    assert world.deliver(receiver, flat()) == "200 handled"
    only = world.receiver(test="only")
    assert world.deliver(only, flat(payment_id="cmh2")) == "200 live event"


def c12_another_registration_fulfils_once(world: World) -> None:
    """A deploy that changes how the handler is registered, in either direction, fulfils no payment again."""
    old, shipped = world.receiver(), list[Any]()
    seen = old._processor.store
    old.on("payment.completed")(shipped.append)
    new = world.fulfilling(seen=seen)
    assert world.deliver(old, flat()) == "200 handled"
    assert world.deliver(new, flat()) == "200 duplicate"
    assert world.deliver(new, flat(payment_id="cmh2")) == "200 handled"
    assert world.deliver(old, flat(payment_id="cmh2")) == "200 duplicate"
    assert len(shipped) == len(world.handled) == 1


def c12_confirmed_by_name_and_then_completed(world: World) -> None:
    """It is unknown whether the handler of the name fulfilled it: the event becomes a dead letter for a person."""
    old, confirmed = world.receiver(), list[Any]()
    seen = old._processor.store
    old.on("payment.confirmed")(confirmed.append)
    new = world.fulfilling(seen=seen)
    assert world.deliver(old, flat("payment.confirmed")) == "200 handled"
    assert world.deliver(new, flat()) == f"{200 if world.persists else 503} dead_letter"
    (letter,) = new.dead_letters()
    assert not world.handled
    assert new.replay(letter).outcome == "handled"
    assert (len(world.handled), new.dead_letters()) == (1, [])


def c12_a_payment_is_remembered_for_400_days(world: World) -> None:
    """A body without a time that comes again a year later ships nothing; stores in memory last as their process."""
    receiver = world.fulfilling(tolerance=None)
    assert world.deliver(receiver, flat()) == "200 handled"
    for days in (9, 300, 89):
        world.clock.now += days * DAY
        if world.persists or days == 9:
            # A store in memory forgets after 8 days.
            expected = "200 duplicate" if world.persists else "200 handled"
            assert world.deliver(receiver, flat()) == expected


def c12_orders_are_folded_on_request(world: World) -> None:
    """Two payments of one order ship it once."""
    receiver = world.receiver()
    receiver.on_paid(world.handled.append, once_per="order")
    assert world.deliver(receiver, flat(orderId="o1")) == "200 handled"
    assert world.deliver(receiver, flat(payment_id="cmh2", orderId="o1")) == "200 duplicate"
    assert world.deliver(receiver, flat(payment_id="cmh3", orderId="o2")) == "200 handled"


def c17_contradictions_ship_nothing(world: World) -> None:
    """They are dead letters, 200 only where those are durable; amounts in another coin contradict nothing."""
    receiver = world.fulfilling()
    odd: list[dict[str, Any]] = [
        {"status": "FAILED"},
        {"status": "EXPIRED"},
        {"status": "underpaid"},
        {"status": "Cancelled"},
        {"currentBalance": "3", "requiredAmount": "29.99"},
        {"currentBalance": "much"},
        {"status": 7},
    ]
    for number, members in enumerate(odd):
        answer = world.deliver(receiver, nested(payment_id=f"odd{number}", **members))
        assert answer == f"{200 if world.persists else 503} dead_letter", (members, answer)
    assert not world.handled
    assert len(receiver.dead_letters()) == len(odd)
    fine: list[dict[str, Any]] = [{"status": "COMPLETED", "currentBalance": "3", "amount": 29.99}, {"status": "odd"}]
    for number, members in enumerate(fine):
        assert world.deliver(receiver, nested(payment_id=f"fine{number}", **members)) == "200 handled"


def c18_a_handler_that_fails_is_tried_again(world: World) -> None:
    """Until it succeeds, and then never again."""
    receiver, failing = world.receiver(), [True, True]

    @receiver.on_paid
    def ship(event: Any) -> None:
        if failing:
            failing.pop()
            raise OSError("the mail server is down")
        world.handled.append(event)

    answers = [world.deliver(receiver, flat()) for _ in range(4)]
    assert answers == ["500 failed", "500 failed", "200 handled", "200 duplicate"]
    assert len(world.handled) == 1


def c18_a_note_that_fails(world: World) -> None:
    """In a transaction the work is undone and done again; elsewhere it was done, and may be done again."""
    receiver = world.fulfilling()
    store = receiver._processor.store
    failing = [True]

    class Failing(type(store)):  # type: ignore[misc]
        def finish(self, claim: Any, keep: float | None = None) -> bool:
            if failing:
                failing.pop()
                if world.transactional:
                    self.release(claim)
                raise OSError("connection lost")
            done: bool = super().finish(claim, keep)
            return done

    store.__class__ = Failing
    assert world.deliver(receiver, flat()) == ("500 failed" if world.transactional else "200 handled")
    again = world.deliver(receiver, flat())
    assert again == ("200 handled" if world.transactional else "503 busy")
    store.__class__ = Failing.__mro__[1]


def m18_a_forged_id_hides_no_event(world: World) -> None:
    """A replay under the id of an event that is still to come: both are handled."""
    receiver = world.receiver()
    receiver.on_other(world.handled.append)
    assert world.deliver(receiver, flat("payment.pending"), X_Webhook_ID="of-the-next") == "200 handled"
    assert world.deliver(receiver, flat("payment.failed"), X_Webhook_ID="of-the-next") == "200 handled"


def sameness_of_events(world: World) -> None:
    """Equal content is new only with a new timestamp and a new id: underpaid by 10, by 20, by 10 again."""
    receiver = world.receiver()
    receiver.on("payment.underpaid")(world.handled.append)

    def balance(amount: int, age: float, delivery_id: str) -> str:
        body = flat("payment.underpaid", currentBalance=amount, timestamp=stamped(age))
        return world.deliver(receiver, body, X_Webhook_ID=delivery_id)

    first = flat("payment.underpaid", currentBalance=10, timestamp=stamped(50))
    assert world.deliver(receiver, first, X_Webhook_ID="a") == "200 handled"
    assert balance(20, 40, "b") == "200 handled"
    assert balance(10, 30, "c") == "200 handled"
    assert world.deliver(receiver, first, X_Webhook_ID="forged") == "200 duplicate"
    assert balance(10, 20, "c") == "200 duplicate"
    assert len(world.handled) == 3


def names_do_not_suppress_each_other(world: World) -> None:
    """One shows "confirming", the other ships: both run, once."""
    receiver, confirming = world.receiver(), list[Any]()
    receiver.on("payment.confirmed")(confirming.append)
    receiver.on("payment.completed")(world.handled.append)
    for name in ("payment.confirmed", "payment.completed") * 2:
        world.deliver(receiver, flat(name))
    assert len(confirming) == len(world.handled) == 1


def the_clock_of_tests(world: World) -> None:
    """An event of a moved clock is refused on real time and accepted with the same clock."""
    body = flat(timestamp=stamped(-1800))
    assert world.deliver(world.receiver(), body) == "400 refused"
    world.clock.now += 1800
    assert world.deliver(world.fulfilling(), body) == "200 handled"


def unreadable_deliveries_are_kept(world: World) -> None:
    """A genuine delivery that cannot be read is stored, once, and answered 200 only where that is durable."""
    receiver = world.fulfilling()
    body = nested(amount="much")
    for _ in range(2):
        assert world.deliver(receiver, body, X_Webhook_ID="whd1") == f"{200 if world.persists else 503} dead_letter"
    (letter,) = receiver.dead_letters()
    assert (letter.body, letter.delivery_id) == (body, "whd1")
    receiver.discard(letter)
    assert receiver.dead_letters() == []


CASES: Final[tuple[Callable[[World], None], ...]] = (
    c01_stored_events_wait_for_their_handlers,
    c04_tests_are_not_money,
    c12_another_registration_fulfils_once,
    c12_confirmed_by_name_and_then_completed,
    c12_a_payment_is_remembered_for_400_days,
    c12_orders_are_folded_on_request,
    c17_contradictions_ship_nothing,
    c18_a_handler_that_fails_is_tried_again,
    c18_a_note_that_fails,
    m18_a_forged_id_hides_no_event,
    sameness_of_events,
    names_do_not_suppress_each_other,
    the_clock_of_tests,
    unreadable_deliveries_are_kept,
)
