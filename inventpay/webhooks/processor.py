"""The procedure of a delivery: verify, parse, claim, handle, finish. Written once for threads and tasks.

An event is claimed before it is handled and finished after, so two concurrent deliveries run its handler once.
A delivery that meets one that is being handled is answered 503, never 200: that one may still fail, and a sender that
got 200 would not deliver again.
"""

from __future__ import annotations

import contextlib
import hashlib
import logging
import time
from collections import Counter, deque
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import partial
from typing import Any, Final, Literal, TypeAlias, TypeVar

from attrs import Factory, field, frozen

from .._concurrency.steady_time import monotonic
from .._core.json_values import shown
from ..errors import EventDecodeError, SignatureError, WebhookError
from .answers import WebhookAnswer, length_required, too_large
from .caller_transaction import find_caller_transaction
from .contradictions import Contradiction, find_contradiction
from .events import WebhookEvent, order_id_of, payment_id_of, withdrawal_id_of
from .hooks import (
    DeliveryAnswered,
    DeliveryInterrupted,
    DeliveryReceived,
    DeliveryRefused,
    HandlerFailed,
    HandlerFinished,
    HandlerStarted,
    WebhookHook,
    emit,
)
from .keys import (
    COMPLETED,
    CONFIRMED,
    PAID_NAMES,
    TEST_EVENT,
    name_key,
    paid_keys,
)
from .leases import LeaseKeeper
from .parsing import parse_delivery
from .procedure import AskStore, Procedure, RunHandler, WorkerThreads, run, run_async, run_in_thread
from .request_headers import HeadersLike, read_headers
from .routes import Route
from .secrets import Secrets
from .seen import PAID_RETENTION, Claim, ClaimStatus, DeadLetter, SeenStore, is_transactional
from .stored_bodies import packed, unpacked

T = TypeVar("T")

logger: Final = logging.getLogger("inventpay.webhooks")

Respond: TypeAlias = Literal["last", "first"]
"""The time of the answer: after the handler, or before it."""

TestMode: TypeAlias = Literal["ignore", "only", "accept"]
"""Handling of events with ``test: true``."""

BUSY_PAUSE: Final = 30.0
"""Seconds after which a delivery that met another of its event may be repeated."""

FIRST_PAUSE: Final = 10.0
LONGEST_PAUSE: Final = 3600.0
"""Seconds before a stored event whose handler failed is tried again: doubled each time, up to the longest."""

WARN_EVERY: Final = 3600.0
"""Seconds between two warnings of the same thing."""


@frozen(kw_only=True)
class DeliveryProcessor:
    """The rules of one receiver."""

    secrets: Secrets
    store: SeenStore
    tolerance: float | None
    lease: float
    max_body: int
    respond: Respond
    test: TestMode
    underpaid_tolerance: Decimal
    clock: Callable[[], float]
    hooks: list[WebhookHook]
    route_of: Callable[[str], Route | None]
    contradiction_handler: Callable[[], Callable[[Any], Any] | None]
    keeper: LeaseKeeper = field(default=Factory(lambda self: LeaseKeeper(self.store, self.lease), takes_self=True))
    threads: WorkerThreads = field(factory=WorkerThreads)
    warned: dict[str, float] = field(factory=dict[str, float])
    """Times of the last warnings, by subject."""
    rolled_back: deque[Claim] = field(factory=deque[Claim])
    """Claims whose work was undone by the caller's transaction after the answer."""

    @property
    def is_transactional(self) -> bool:
        """Whether the store's claims are transactions of the application's database."""
        return is_transactional(self.store)

    async def run_async(self, procedure: Procedure[T]) -> T:
        """Run a procedure from a task."""
        drive = run_in_thread if self.is_transactional else run_async
        return await drive(procedure, self.threads)

    def refuse(self, answer: WebhookAnswer) -> WebhookAnswer:
        """Report a refusal, and return it."""
        logger.warning("a delivery was refused: %s", answer.message)
        emit(self.hooks, DeliveryRefused(status=answer.status, reason=answer.message or ""))
        return answer

    def deliver(
        self, body: bytes, headers: HeadersLike, received_at: datetime | float | None = None
    ) -> Procedure[WebhookAnswer]:
        """Process a delivery from its bytes to its answer."""
        emit(self.hooks, DeliveryReceived(size=len(body)))
        try:
            return (yield from self._deliver(body, headers, received_at))
        except BaseException as interrupt:
            emit(self.hooks, DeliveryInterrupted(error=type(interrupt).__name__))
            raise

    def _deliver(
        self, body: bytes, headers: HeadersLike, received_at: datetime | float | None
    ) -> Procedure[WebhookAnswer]:
        begun = time.perf_counter()
        if len(body) > self.max_body:
            return self.refuse(too_large(self.max_body))
        found = read_headers(headers)
        if not body and found.is_chunked:
            return self.refuse(length_required())
        now = self.clock() if received_at is None else received_at
        try:
            event = parse_delivery(body, found, self.secrets, self.tolerance, now)
        except EventDecodeError as error:
            # The signature was checked before.
            answer = yield from self._store_dead_letter(body, found.delivery_id, error.message, error=error)
        except WebhookError as error:
            status = 401 if isinstance(error, SignatureError) else 400
            return self.refuse(WebhookAnswer(status=status, outcome="refused", message=error.message, error=error))
        else:
            answer = yield from self.receive(event, body)
        self._report(answer, time.perf_counter() - begun)
        return answer

    def receive(self, event: WebhookEvent, body: bytes, *, believe: bool = False) -> Procedure[WebhookAnswer]:
        """Process a genuine event and the body of its delivery. ``believe``: in spite of contradictions."""
        unwanted = self._unwanted(event)
        if unwanted is not None:
            return WebhookAnswer(status=200, outcome="ignored", event=event, ignored=unwanted)
        route = self._route(event, believe=believe)
        if route is None:
            _debug(event, "has no handler")
            return WebhookAnswer(status=200, outcome="ignored", event=event)
        if isinstance(route, str):
            return (yield from self._store_dead_letter(body, event.delivery_id, route, event))
        if self.rolled_back:
            yield from self._release_rolled_back()
        keys, first = route.keys(event), self.respond == "first"
        claim = partial(
            self.store.claim,
            keys.claims,
            0.0 if first else self.lease,
            packed(event, body, believe=believe) if first else None,
            notes=keys.notes,
            aliases=keys.aliases,
        )
        try:
            found: Claim | ClaimStatus = yield self._ask(claim)
            if found is ClaimStatus.HANDLED and route.once == "order":
                yield from self._warn_of_reused_order(event)
        except Exception as error:
            logger.exception("%s was not handled: the store of handled events failed", _named(event))
            return _failed(event, error, "the store of handled events failed; deliver it again")
        if found is ClaimStatus.HANDLED:
            _debug(event, "was handled before")
            return WebhookAnswer(status=200, outcome="duplicate", event=event)
        if first and found is not ClaimStatus.BUSY:
            _debug(event, "is stored")
            return WebhookAnswer(status=200, outcome="accepted", event=event)
        if isinstance(found, ClaimStatus):
            logger.info("%s is being handled by another delivery", _named(event))
            message = "another delivery of this event is being handled; deliver it again"
            return WebhookAnswer(
                status=503, outcome="busy", message=message, event=event, retry_after=min(self.lease, BUSY_PAUSE)
            )
        if _is_doubtful(route, event, found) and not believe:
            yield from self._release(found)
            return (yield from self._store_dead_letter(body, event.delivery_id, _DOUBT, event))
        failure = yield from self._handle(route, event, found)
        if failure is not None:
            return _failed(event, failure, "the handler failed; deliver it again")
        return WebhookAnswer(status=200, outcome="handled", event=event)

    def work(self, most: int | None = None) -> Procedure[int]:
        """Handle at most ``most`` stored events that are due; return the number of handlers that succeeded."""
        yield from self._release_rolled_back()
        handled = taken = 0
        # Kept in claims until the end, since they would be due again at once.
        without_handler: list[tuple[Claim, str]] = []
        try:
            while most is None or taken < most:
                claim = yield from self._due()
                if claim is None:
                    break
                taken += 1
                handled += yield from self._work_on(claim, without_handler)
        except GeneratorExit:
            raise
        except BaseException:
            yield from self._release_all(without_handler)
            raise
        yield from self._release_all(without_handler)
        if without_handler:
            waiting = Counter(name for _, name in without_handler)
            for name, number in sorted(waiting.items()):
                self._warn(
                    f"stored {name}",
                    f"{number} stored events {shown(name)} wait for a handler: none is registered for this name here",
                )
        return handled

    def _due(self) -> Procedure[Claim | None]:
        try:
            claim: Claim | None = yield self._ask(partial(self.store.due, self.lease))
        except Exception:
            logger.exception("stored events wait: the store of handled events failed")
            return None
        return claim

    def _work_on(self, claim: Claim, without_handler: list[tuple[Claim, str]]) -> Procedure[bool]:
        """Handle one stored event; return whether its handler succeeded."""
        try:
            event, body, believe = unpacked(claim.body or b"")
        except EventDecodeError:
            # Another version stored it; one that can read it may be started again.
            logger.exception("a stored event cannot be read; it stays stored")
            yield from self._release(claim)
            return False
        route = self._route(event, believe=believe)
        if route is None:
            without_handler.append((claim, event.event))
            return False
        if isinstance(route, str) or (_is_doubtful(route, event, claim) and not believe):
            reason = route if isinstance(route, str) else _DOUBT
            answer = yield from self._store_dead_letter(body, event.delivery_id, reason, event)
            yield from self._release(claim, forget=answer.status == 200)
            return False
        return (yield from self._handle(route, event, claim)) is None

    def _release_all(self, claims: list[tuple[Claim, str]]) -> Procedure[None]:
        for claim, _ in claims:
            yield from self._release(claim, pause=0.0)

    def _route(self, event: WebhookEvent, *, believe: bool) -> Route | str | None:
        """Return the route of an event; for one that contradicts itself, that of contradictions or the reason."""
        route = self.route_of(event.event)
        if route is None or not route.is_paid or believe:
            return route
        reason = find_contradiction(event, self.underpaid_tolerance)
        if reason is None:
            return route
        handler = self.contradiction_handler()
        if handler is None:
            return reason
        return Route(handler=partial(_pass_contradiction, handler, reason))

    def _unwanted(self, event: WebhookEvent) -> str | None:
        """Return the kind of an event that this receiver does not handle in its test mode."""
        if event.event == TEST_EVENT or self.test == "accept" or event.test == (self.test == "only"):
            return None
        kind = "test event" if event.test else "live event"
        self._warn(
            kind,
            f"{_named(event)} is ignored: it is a {kind}, and this receiver has test={self.test!r}. A merchant with "
            f'test keys gets test events only: WebhookReceiver(test="accept") handles both kinds',
        )
        return kind

    def _warn(self, subject: str, message: str) -> None:
        """Log a warning, once an hour for each subject."""
        now = monotonic()
        if now - self.warned.get(subject, -WARN_EVERY) >= WARN_EVERY:
            self.warned[subject] = now
            logger.warning("%s", message)

    def _warn_of_reused_order(self, event: WebhookEvent) -> Procedure[None]:
        """Note another payment of an order that was fulfilled, and log a warning."""
        payment_id, order_id = payment_id_of(event), order_id_of(event)
        if payment_id is None or order_id is None:
            return
        keys = paid_keys(event.event, payment_id, test=event.test)
        found = yield self._ask(partial(self.store.claim, keys.claims, self.lease, notes=keys.notes))
        if isinstance(found, Claim):
            yield self._ask(partial(self.store.finish, found, PAID_RETENTION))
            logger.warning(
                "%s pays order %s, which was fulfilled before by another payment or under a reused order id: it is not "
                "fulfilled again (once_per='order')",
                _named(event),
                shown(order_id),
            )

    def _store_dead_letter(
        self,
        body: bytes,
        delivery_id: str | None,
        reason: str,
        event: WebhookEvent | None = None,
        error: BaseException | None = None,
    ) -> Procedure[WebhookAnswer]:
        """Store a delivery that no handler gets. Only a durable store is answered 200."""
        letter = DeadLetter(
            id=hashlib.sha256(body).hexdigest(),
            body=body,
            reason=reason,
            received_at=datetime.fromtimestamp(self.clock(), UTC),
            delivery_id=delivery_id,
        )
        name = "a delivery" if event is None else _named(event)
        try:
            yield self._ask(partial(self.store.add_dead_letter, letter))
        except Exception as failure:
            logger.exception("%s is genuine and was not handled (%s), and cannot be stored", name, reason)
            return WebhookAnswer(
                status=503, outcome="dead_letter", message="it cannot be stored; deliver it again", error=failure
            )
        logger.error(
            "%s is genuine and was not handled: %s. It is kept as dead letter %s: see receiver.dead_letters() and "
            "receiver.replay(letter)",
            name,
            reason,
            letter.id[:12],
        )
        kept = self.store.durable
        return WebhookAnswer(
            status=200 if kept else 503,
            outcome="dead_letter",
            message=reason if kept else f"{reason}; it is kept in memory only, so deliver it again",
            event=event,
            error=error,
            retry_after=None if kept else LONGEST_PAUSE,
        )

    def _handle(self, route: Route, event: WebhookEvent, claim: Claim) -> Procedure[Exception | None]:
        """Run the handler and end the claim; return the handler's exception."""
        begun = time.perf_counter()
        transaction = None if self.is_transactional else find_caller_transaction()
        emit(self.hooks, HandlerStarted(event=event.event))
        held = contextlib.nullcontext() if self.is_transactional else self.keeper.hold(claim)
        try:
            with held, contextlib.nullcontext() if transaction is None else transaction.savepoint():
                yield RunHandler(route.handler, event)
        except Exception as error:
            again = "it is tried again by itself" if claim.body is not None else "the next delivery tries again"
            logger.exception("the handler of %s failed; %s", _named(event), again)
            self._report_failure(event, begun, error)
            yield from self._release(claim)
            return error
        except GeneratorExit as dropped:
            # The task was dropped: nothing can be awaited any more. The event is free when the lease ends.
            self._report_failure(event, begun, dropped)
            raise
        except BaseException as interrupt:
            # Cancelled, or the process is to exit.
            self._report_failure(event, begun, interrupt)
            yield from self._release(claim)
            raise
        emit(self.hooks, HandlerFinished(event=event.event, seconds=time.perf_counter() - begun))
        if transaction is None:
            return (yield from self._finish(route, claim, event))
        transaction.at_end(lambda: run(self._finish(route, claim, event)), partial(self.rolled_back.append, claim))
        return None

    def _finish(self, route: Route, claim: Claim, event: WebhookEvent) -> Procedure[Exception | None]:
        keep = PAID_RETENTION if route.is_paid or (route.once == "name" and event.event in PAID_NAMES) else None
        try:
            still_ours: bool = yield self._ask(partial(self.store.finish, claim, keep))
        except Exception as error:
            if self.is_transactional:
                logger.exception(
                    "%s was not handled: its transaction failed; the next delivery tries again",
                    _named(event),
                )
                return error
            logger.exception(
                "%s was handled, but the store of handled events failed: it may be handled again", _named(event)
            )
            return None
        if still_ours:
            _debug(event, "was handled")
        else:
            logger.warning(
                "%s took longer than its lease of %g s, and another delivery took over: it may have been handled "
                "twice; pass a longer lease=",
                _named(event),
                self.lease,
            )
        return None

    def _release(self, claim: Claim, *, pause: float | None = None, forget: bool = False) -> Procedure[None]:
        if pause is None:
            pause = min(LONGEST_PAUSE, FIRST_PAUSE * 2 ** min(max(claim.attempts - 1, 0), 20))
        try:
            yield self._ask(partial(self.store.release, claim, pause, forget=forget))
        except Exception:
            logger.exception(
                "the store of handled events failed: the event is free when its lease of %g s ends", self.lease
            )

    def _release_rolled_back(self) -> Procedure[None]:
        with contextlib.suppress(IndexError):  # another thread took the last one
            while self.rolled_back:
                yield from self._release(self.rolled_back.popleft())

    def _report_failure(self, event: WebhookEvent, begun: float, error: BaseException) -> None:
        seconds = time.perf_counter() - begun
        emit(self.hooks, HandlerFailed(event=event.event, seconds=seconds, error=type(error).__name__))

    def _report(self, answer: WebhookAnswer, seconds: float) -> None:
        if self.hooks:
            sent = None if answer.event is None else answer.event.timestamp
            emit(
                self.hooks,
                DeliveryAnswered(
                    event=None if answer.event is None else answer.event.event,
                    status=answer.status,
                    outcome=answer.outcome,
                    seconds=seconds,
                    is_duplicate=answer.outcome == "duplicate",
                    age=None if sent is None else self.clock() - sent.timestamp(),
                ),
            )

    def _ask(self, call: Callable[[], Any]) -> AskStore:
        return AskStore(call, self.store.blocking)


_DOUBT: Final = (
    "payment.confirmed of this payment was handled by a handler of that name, which may or may not have fulfilled it; "
    "on_paid is registered for payment.completed now"
)


def _is_doubtful(route: Route, event: WebhookEvent, claim: Claim) -> bool:
    """Return whether an earlier handler of ``payment.confirmed`` may have fulfilled the payment.

    ``on_paid`` notes both names with its claim. A name that the claim did not get is another's.
    """
    payment_id = payment_id_of(event)
    if not route.is_paid or event.event != COMPLETED or payment_id is None:
        return False
    return name_key(CONFIRMED, payment_id, test=event.test) not in claim.keys


def _pass_contradiction(handler: Callable[[Any], Any], reason: str, event: WebhookEvent) -> Any:
    return handler(Contradiction(event=event, reason=reason))


def _failed(event: WebhookEvent, error: Exception, message: str) -> WebhookAnswer:
    return WebhookAnswer(status=500, outcome="failed", message=message, event=event, error=error)


def _debug(event: WebhookEvent, message: str) -> None:
    # The name of an event takes longer to write than a duplicate to find.
    if logger.isEnabledFor(logging.DEBUG):
        logger.debug("%s %s", _named(event), message)


def _named(event: WebhookEvent) -> str:
    """Return the name and the ids of an event, for logs."""
    facts = [
        f"{name} {shown(value)}"
        for name, value in (
            ("payment", payment_id_of(event)),
            ("withdrawal", withdrawal_id_of(event)),
            ("delivery", event.delivery_id),
        )
        if value is not None
    ]
    return f"{shown(event.event)} ({', '.join(facts)})" if facts else shown(event.event)
