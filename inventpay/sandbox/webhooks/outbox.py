"""The log of deliveries and the schedule of attempts, behind one lock."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Sequence
from itertools import islice

import attrs

from ..clock import Clock
from ..errors import not_found
from ..merchant.ids import new_id
from . import deliveries, wire
from .deliveries import Delivery, Outcome
from .events import Event
from .faults import Fault, handling
from .schedule import Plan, Schedule
from .settings import WebhookSettings

# Deliveries the log keeps; beyond that the oldest ones that need no further attempt are forgotten.
LOG_LENGTH = 10_000

# The secret of a forged signature.
_WRONG_SECRET = "not the secret"

NOT_ALLOWED = (
    "Not sent: this sandbox delivers to this machine only. Other hosts are allowed by "
    "WebhookSettings(allowed_hosts=...) or --webhook-allow"
)


@attrs.frozen(kw_only=True)
class DeliveryAttempt:
    """Requests that are sent together: one, or two for a duplicated delivery."""

    delivery_id: str
    url: str
    body: bytes
    headers: dict[str, str]
    copies: int
    plan: Plan


class Outbox:
    """All deliveries. Every method is one atomic step, safe to call from any thread; none sends or waits."""

    def __init__(self, clock: Clock, added: Callable[[], None]) -> None:
        """Start empty; ``added`` is called, without the lock, after each new plan."""
        self._clock = clock
        self._added = added
        self._lock = threading.Lock()
        self.listener: Callable[[Delivery], None] | None = None
        """Called with each delivery after an attempt, or if it is not sent at all."""
        self.clear()

    def clear(self) -> None:
        """Forget deliveries, plans and faults."""
        with self._lock:
            self._deliveries: dict[str, Delivery] = {}
            self._schedule = Schedule()
            self._faults: list[Fault] = []

    def restore(self, log: Iterable[Delivery]) -> None:
        """Replace all deliveries; planned attempts stay planned."""
        with self._lock:
            self._deliveries = {delivery.delivery_id: delivery for delivery in log}
            self._schedule = Schedule()
            for delivery in self._deliveries.values():
                if delivery.next_attempt_at is not None:
                    plan = Plan(delivery_id=delivery.delivery_id, url=delivery.url)
                    self._schedule.plan(plan, delivery.next_attempt_at)
        self._added()

    # Planning

    def post(self, event: Event, urls: Sequence[str], settings: WebhookSettings) -> None:
        """Plan a delivery of ``event`` to each of ``urls``."""
        body = wire.write(event, settings.shape)
        refused: list[Delivery] = []
        with self._lock:
            for url in urls:
                delivery = Delivery(
                    delivery_id=new_id(),
                    event=event.name,
                    payment_id=event.payment_id,
                    url=url,
                    body=body,
                    signature=wire.sign(body, settings.secret),
                    created_at=event.at,
                )
                if not settings.allows(url):
                    delivery = attrs.evolve(delivery, error_message=NOT_ALLOWED)
                    self._deliveries[delivery.delivery_id] = delivery
                    refused.append(delivery)
                    continue
                self._plan_delivery(delivery)
            self._forget_oldest()
        self._added()
        for delivery in refused:
            self._report(delivery)

    def _plan_delivery(self, delivery: Delivery) -> None:
        now = self._clock()
        chosen, self._faults = handling(self._faults, delivery.event)
        if chosen.lost:
            return
        delivery = attrs.evolve(delivery, is_logged=not chosen.unlogged)
        plan = Plan(delivery_id=delivery.delivery_id, url=delivery.url, copies=chosen.copies, forged=chosen.forged)
        at = now + chosen.delay
        if chosen.overtaken:
            at = self._schedule.plan_overtaken(plan, at)
        else:
            self._schedule.plan(plan, at)
            for delivery_id in self._schedule.release(delivery.url, at):
                released = self._deliveries[delivery_id]
                self._deliveries[delivery_id] = attrs.evolve(released, next_attempt_at=at)
        self._deliveries[delivery.delivery_id] = attrs.evolve(delivery, next_attempt_at=at)

    def retry(self, delivery_id: str) -> Delivery:
        """Plan an attempt for now, whether the delivery has arrived or not. Raises 404 for an unknown id."""
        with self._lock:
            delivery = self._known(delivery_id)
            now = self._clock()
            self._schedule.plan(Plan(delivery_id=delivery_id, url=delivery.url), now)
            delivery = self._deliveries[delivery_id] = attrs.evolve(delivery, next_attempt_at=now)
        self._added()
        return delivery

    def check_at(self, payment_id: str, at: float) -> None:
        """Plan a check of a payment, because its expiry must be detected to send its event."""
        with self._lock:
            self._schedule.check_at(payment_id, at)
        self._added()

    # Faults

    def add_fault(self, fault: Fault) -> None:
        """Plan a fault."""
        with self._lock:
            self._faults.append(fault)

    def clear_faults(self) -> None:
        """Remove all planned faults."""
        with self._lock:
            self._faults = []

    @property
    def faults(self) -> list[Fault]:
        """Return the planned faults."""
        with self._lock:
            return list(self._faults)

    # Sending

    def take(self) -> list[DeliveryAttempt]:
        """Return the due attempts, in order. Each must be passed to ``arrived`` or ``give_back`` later."""
        with self._lock:
            return [self._attempt(plan) for plan in self._schedule.take(self._clock())]

    def _attempt(self, plan: Plan) -> DeliveryAttempt:
        delivery = self._deliveries[plan.delivery_id]
        signature = wire.sign(delivery.body, _WRONG_SECRET) if plan.forged else delivery.signature
        return DeliveryAttempt(
            delivery_id=delivery.delivery_id,
            url=delivery.url,
            body=delivery.body,
            headers=wire.headers(delivery.event, delivery.delivery_id, signature),
            copies=plan.copies,
            plan=plan,
        )

    def take_checks(self) -> list[str]:
        """Return the payments to check now."""
        with self._lock:
            return self._schedule.take_checks(self._clock())

    def arrived(self, attempt: DeliveryAttempt, outcomes: Sequence[Outcome]) -> Delivery | None:
        """Record the outcomes of an attempt, and plan a retry if needed. Returns ``None`` after a reset."""
        with self._lock:
            delivery = self._deliveries.get(attempt.delivery_id)
            if delivery is None:
                return None
            # Another attempt may have been requested meanwhile; it stays planned.
            asked = delivery.next_attempt_at if self._schedule.has(attempt.delivery_id) else None
            delivery = deliveries.attempted(delivery, outcomes, self._clock())
            if asked is not None:
                delivery = attrs.evolve(delivery, next_attempt_at=asked)
            elif delivery.next_attempt_at is not None:
                plan = Plan(delivery_id=delivery.delivery_id, url=delivery.url)
                self._schedule.plan(plan, delivery.next_attempt_at)
            self._deliveries[delivery.delivery_id] = delivery
        # The sender may sleep, because nothing was planned during this attempt.
        self._added()
        self._report(delivery)
        return delivery

    def _report(self, delivery: Delivery) -> None:
        if self.listener is not None:
            self.listener(delivery)

    def give_back(self, attempt: DeliveryAttempt) -> None:
        """Make an attempt due again that was not sent, or whose outcome is unknown."""
        with self._lock:
            if attempt.delivery_id in self._deliveries and not self._schedule.has(attempt.delivery_id):
                self._schedule.plan(attempt.plan, self._clock())

    @property
    def next_at(self) -> float | None:
        """Return the time of the next attempt or check, in Unix seconds."""
        with self._lock:
            return self._schedule.next_at

    @property
    def planned(self) -> int:
        """Number of deliveries with a planned attempt."""
        with self._lock:
            return len(self._schedule)

    # The log

    def deliveries(self) -> list[Delivery]:
        """Return the logged deliveries, oldest first."""
        with self._lock:
            return [delivery for delivery in self._deliveries.values() if delivery.is_logged]

    def records(self) -> list[Delivery]:
        """Return all deliveries, including those that a fault keeps out of the log, oldest first."""
        with self._lock:
            return list(self._deliveries.values())

    @property
    def total(self) -> int:
        """Number of deliveries in the log."""
        with self._lock:
            return sum(delivery.is_logged for delivery in self._deliveries.values())

    def latest(self, count: int) -> list[Delivery]:
        """Return the newest ``count`` deliveries, newest first."""
        with self._lock:
            logged = (delivery for delivery in reversed(self._deliveries.values()) if delivery.is_logged)
            return list(islice(logged, count))

    def delivery(self, delivery_id: str) -> Delivery:
        """Return a logged delivery. Raises 404 for an unknown id."""
        with self._lock:
            return self._known(delivery_id)

    def _known(self, delivery_id: str) -> Delivery:
        delivery = self._deliveries.get(delivery_id)
        if delivery is None or not delivery.is_logged:
            raise not_found("Webhook delivery")
        return delivery

    def _forget_oldest(self) -> None:
        while len(self._deliveries) > LOG_LENGTH:
            oldest = next(iter(self._deliveries.values()))
            if oldest.next_attempt_at is not None:
                return
            del self._deliveries[oldest.delivery_id]
