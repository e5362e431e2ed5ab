"""The receiver: handlers by event name, each event handled once, and an answer to every delivery."""

from __future__ import annotations

import difflib
import os
import warnings
from collections import deque
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final, Literal, Protocol, TypeVar, overload

from attrs import evolve

from .._core.callables import flaw_of_plain, has_yield
from .._core.json_values import shown
from .._core.names_advice import NamesAdvice
from .._core.unpicklable import Unpicklable
from ..errors import ConfigurationError, DecodeError
from ..options import seconds
from .answers import WebhookAnswer
from .asgi import ASGIApplication
from .contradictions import UNDERPAID_TOLERANCE, Contradiction
from .events import (
    KNOWN_EVENTS,
    EventName,
    PaidEvent,
    PaymentCompletedEvent,
    PaymentConfirmedEvent,
    PaymentCreatedEvent,
    PaymentExpiredEvent,
    PaymentFailedEvent,
    PaymentPendingEvent,
    PaymentTestEvent,
    PaymentUnderpaidEvent,
    WebhookEvent,
    WithdrawalCompletedEvent,
    WithdrawalCreatedEvent,
    WithdrawalFailedEvent,
    WithdrawalProcessingEvent,
)
from .hooks import WebhookHook
from .keys import PAID_NAMES
from .leases import LeaseKeeper
from .memory_store import MemorySeenStore
from .parsing import TOLERANCE
from .procedure import run
from .processor import DeliveryProcessor, Respond, TestMode
from .reconciling import ReconcileReport, Reconciliation, delivery_in, delivery_of
from .replays import read_replay
from .request_headers import HeadersLike
from .routes import Route
from .secrets import SecretLike, read_secrets
from .seen import LEASE, DeadLetter, SeenStore, is_transactional
from .signature import raw_body
from .wall_clock import wall_clock
from .wsgi import WSGIApplication

if TYPE_CHECKING:
    from .._async.client import AsyncInventPay
    from .._sync.client import InventPay
    from ..models.webhooks import WebhookDelivery

E = TypeVar("E")
R = TypeVar("R")

MAX_BODY: Final = 1_048_576
"""Bytes. Documented deliveries have under two thousand."""


class Registers(Protocol[E]):
    """Return type of ``on``: a decorator of a handler, async or plain."""

    def __call__(self, handler: Callable[[E], R], /) -> Callable[[E], R]:
        """Register the handler."""
        ...


class WebhookReceiver(NamesAdvice, Unpicklable):
    """Receives deliveries: verifies them, parses them, and handles each event once.

    >>> receiver = WebhookReceiver("whsec_1", seen=MemorySeenStore())
    >>> @receiver.on_paid
    ... async def fulfil(event):
    ...     print("ship", event.order_id)

    Mount ``receiver.asgi`` or ``receiver.wsgi``, or call :meth:`handle` from a view of your own. Handlers may be async
    or plain in either world; the event of one that raises is delivered again.

    Args:
        secret: The webhook's secret, or several while they are rotated; by default the environment variable
            ``INVENTPAY_WEBHOOK_SECRET``.
        seen: Store of handled events. In memory by default, which is enough for one process; a ``SQLiteSeenStore`` is
            for several, or for notes that outlive a restart, and a ``SQLAlchemySeenStore`` is part of the handler's
            own transaction.
        tolerance: Seconds that an event may be old, by default 7 days; see :func:`parse_event`.
        respond: ``"last"`` answers when the handler is done, so that failures are delivered again. The sender waits 5
            seconds (docs: webhooks/setup): where handlers take longer, ``"first"`` stores the body, answers, and then
            runs the handler; a failure is tried again by :meth:`recover`. It needs a durable store.
        test: ``"ignore"`` answers events with ``test: true`` and runs no handler; ``"accept"`` handles them like
            others, which a shop with test keys needs; ``"only"`` ignores all others. ``payment.test`` is always
            handled.
        underpaid_tolerance: Share of the required amount that a paid event may lack; see :meth:`on_contradiction`.
        hooks: Functions that get the events of :mod:`inventpay.webhooks.hooks`.
        clock: Function that returns the time in Unix seconds, for the age of events; in tests
            ``sandbox.clock``. The pytest plugin sets that by itself.
        lease: Seconds after which an event whose process died is free again. It is renewed while a handler runs.
        max_body: Bytes of the largest body that is read.

    Raises ConfigurationError for a secret that is missing or empty, and for options that cannot work.
    """

    asgi: ASGIApplication
    """The ASGI application: Starlette, FastAPI, Litestar, Quart, or by itself under uvicorn."""
    wsgi: WSGIApplication
    """The WSGI application: Flask, or by itself under gunicorn."""

    def __init__(
        self,
        secret: SecretLike = None,
        *,
        seen: SeenStore | None = None,
        tolerance: float | timedelta | None = TOLERANCE,
        respond: Respond = "last",
        test: TestMode = "ignore",
        underpaid_tolerance: float | Decimal = UNDERPAID_TOLERANCE,
        hooks: Iterable[WebhookHook] = (),
        clock: Callable[[], float] = wall_clock,
        lease: float | timedelta = LEASE,
        max_body: int = MAX_BODY,
    ) -> None:
        secret = read_secrets(secret)
        secret.check()
        if seen is None:
            seen = MemorySeenStore()
        else:
            _check_store(seen)
        if respond not in ("last", "first"):
            raise ConfigurationError(f'respond={shown(respond)} must be "last" or "first"')
        if respond == "first" and is_transactional(seen):
            raise ConfigurationError(
                'respond="first" stores the body in a transaction of its own, and this store handles in the '
                'transaction of the handler: use respond="last", and let the handler store a job for slow work'
            )
        if test not in ("ignore", "only", "accept"):
            raise ConfigurationError(f'test={shown(test)} must be "ignore", "only" or "accept"')
        if not callable(clock):
            raise ConfigurationError(f"clock={shown(clock)} must be a function that returns Unix seconds")
        if respond == "first" and not seen.durable:
            raise ConfigurationError(
                'respond="first" answers before the handler ran, so what it stores must survive this process: '
                'pass seen=SQLiteSeenStore("webhooks.sqlite3")'
            )
        if isinstance(max_body, bool) or not isinstance(max_body, int) or max_body < 1:  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"max_body={shown(max_body)} must be a whole number of bytes, 1 or more")
        lasts = seconds(lease, "lease")
        if not lasts:
            raise ConfigurationError(f"lease={shown(lease)} must be a finite number of seconds above 0")
        self._hooks = [_checked_hook(hook) for hook in hooks]
        self._routes: dict[str, Route] = {}
        self._contradiction: Callable[[Any], Any] | None = None
        self._other: Route | None = None
        self._processor = DeliveryProcessor(
            secrets=secret,
            store=seen,
            tolerance=seconds(tolerance, "tolerance"),
            lease=lasts,
            max_body=max_body,
            respond=respond,
            test=test,
            underpaid_tolerance=_share(underpaid_tolerance),
            clock=clock,
            hooks=self._hooks,
            route_of=self._route,
            contradiction_handler=lambda: self._contradiction,
        )
        self.asgi = ASGIApplication(self._processor)
        self.wsgi = WSGIApplication(self._processor)

    @overload
    def on(self, name: Literal["payment.created"], /) -> Registers[PaymentCreatedEvent]: ...
    @overload
    def on(self, name: Literal["payment.pending"], /) -> Registers[PaymentPendingEvent]: ...
    @overload
    def on(self, name: Literal["payment.confirmed"], /) -> Registers[PaymentConfirmedEvent]: ...
    @overload
    def on(self, name: Literal["payment.completed"], /) -> Registers[PaymentCompletedEvent]: ...
    @overload
    def on(self, name: Literal["payment.underpaid"], /) -> Registers[PaymentUnderpaidEvent]: ...
    @overload
    def on(self, name: Literal["payment.expired"], /) -> Registers[PaymentExpiredEvent]: ...
    @overload
    def on(self, name: Literal["payment.failed"], /) -> Registers[PaymentFailedEvent]: ...
    @overload
    def on(self, name: Literal["payment.test"], /) -> Registers[PaymentTestEvent]: ...
    @overload
    def on(self, name: Literal["withdrawal.created"], /) -> Registers[WithdrawalCreatedEvent]: ...
    @overload
    def on(self, name: Literal["withdrawal.processing"], /) -> Registers[WithdrawalProcessingEvent]: ...
    @overload
    def on(self, name: Literal["withdrawal.completed"], /) -> Registers[WithdrawalCompletedEvent]: ...
    @overload
    def on(self, name: Literal["withdrawal.failed"], /) -> Registers[WithdrawalFailedEvent]: ...
    @overload
    def on(
        self, name: EventName | str, /, *names: EventName | str, once_per_payment: bool = False
    ) -> Registers[Any]: ...
    def on(self, name: EventName | str, /, *names: EventName | str, once_per_payment: bool = False) -> Registers[Any]:
        """Register the handler of one event name, or of several. A name has one handler.

        >>> @receiver.on("payment.underpaid")
        ... def remind(event):
        ...     print("still missing:", event.remaining_amount)

        A handler of ``payment.confirmed`` or ``payment.completed`` runs once for each payment and name, and handlers of
        different names do not affect each other; use :meth:`on_paid` to fulfil. Other events may happen again with
        equal content, and are handled each time: see :attr:`WebhookEvent.key`.

        With ``once_per_payment`` the handler runs once for each payment, whichever of these events comes first, and the
        others are answered as duplicates.

        Raises ConfigurationError for a name that has a handler, and warns of one that is nearly a known one.
        """
        chosen = (name, *names)
        self._check_names(chosen)
        self._check_free(chosen)
        if once_per_payment and not all(one.startswith("payment.") for one in chosen):
            raise ConfigurationError(f"on{chosen}, once_per_payment=True: these are not all events of a payment")
        once: Literal["payment", "folded", "name"] = "name"
        if once_per_payment:
            once = "payment" if set(chosen) <= set(PAID_NAMES) else "folded"
        return self._register(chosen, once)

    @overload
    def on_paid(self, handler: Callable[[PaidEvent], R], /) -> Callable[[PaidEvent], R]: ...
    @overload
    def on_paid(
        self, handler: None = None, /, *, once_per: Literal["payment", "order"] = "payment"
    ) -> Registers[PaidEvent]: ...
    def on_paid(
        self,
        handler: Callable[[PaidEvent], Any] | None = None,
        /,
        *,
        once_per: Literal["payment", "order"] = "payment",
    ) -> Any:
        """Register the handler that fulfils a payment: it runs once for each, however many events name it as paid.

        >>> @receiver.on_paid
        ... async def fulfil(event):
        ...     print("ship", event.order_id)

        One payment may yield ``payment.confirmed`` and ``payment.completed`` (vendor's JavaScript README), and every
        known consumer treats them alike. Persistent stores remember a fulfilled payment for 400 days. An event that
        contradicts itself does not reach the handler: see :meth:`on_contradiction`.

        ``@receiver.on_paid(once_per="order")`` fulfils two payments of one order once. An order id that is used again
        for another order is not fulfilled then; a WARNING names it. Events without an order id count by payment.
        """
        if once_per not in ("payment", "order"):
            raise ConfigurationError(f'on_paid(once_per={shown(once_per)}) must be "payment" or "order"')
        register = self._register(PAID_NAMES, once_per)
        return register if handler is None else register(handler)

    def on_other(self, handler: Callable[[WebhookEvent], R], /) -> Callable[[WebhookEvent], R]:
        """Register the handler of all events that have none of their own, unknown ones included.

        Raises ConfigurationError if there is one. Without it such events are answered 200 and ignored.
        """
        if self._other is not None:
            raise ConfigurationError("on_other: there is a handler for all other events already")
        self._other = Route(handler=_checked(handler))
        return handler

    def on_contradiction(self, handler: Callable[[Contradiction], R], /) -> Callable[[Contradiction], R]:
        """Register the handler of paid events that contradict themselves, instead of ``on_paid``.

        >>> @receiver.on_contradiction
        ... def look(contradiction):
        ...     print(contradiction.event.payment_id, contradiction.reason)

        A contradiction is a status of EXPIRED, FAILED, CANCELLED or UNDERPAID, a ``requiredAmount``,
        ``currentBalance``, ``status`` or ``test`` that cannot be read, or a ``currentBalance`` that is below
        ``requiredAmount`` by more than ``underpaid_tolerance``. Without this handler the event is logged as an ERROR
        and kept as a dead letter, see :meth:`dead_letters`.

        Raises ConfigurationError if there is one.
        """
        if self._contradiction is not None:
            raise ConfigurationError("on_contradiction: there is a handler of contradictions already")
        self._contradiction = _checked(handler)
        return handler

    def handle(
        self,
        body: bytes | bytearray | memoryview,
        headers: HeadersLike,
        *,
        received_at: datetime | float | None = None,
        seen: SeenStore | None = None,
    ) -> WebhookAnswer:
        """Process a delivery in a view of your own: answer with the result's ``status``, ``headers`` and ``body``.

        >>> answer = receiver.handle(b"{}", {"X-Webhook-Signature": "forged"})
        >>> answer.status, answer.outcome, answer.message
        (401, 'refused', 'the signature is malformed: it has 6 characters instead of 64 hexadecimal digits')

        With ``respond="first"`` the handler has not run then: call :meth:`recover` after the answer was sent. Where a
        queue lies in between, pass the time of the request as ``received_at``. ``seen`` is a store for this delivery
        only, such as one of the request's database session. Raises TypeError for a body that is not bytes, and
        ConfigurationError for a ``seen`` that is no store, or with ``respond="first"``: what it stores would be handled
        by no call of :meth:`recover`. Everything a sender can do wrong is in the answer.
        """
        return run(self._processor_with(seen).deliver(raw_body(body), headers, received_at))

    async def handle_async(
        self,
        body: bytes | bytearray | memoryview,
        headers: HeadersLike,
        *,
        received_at: datetime | float | None = None,
        seen: SeenStore | None = None,
    ) -> WebhookAnswer:
        """:meth:`handle` for tasks of asyncio and trio."""
        processor = self._processor_with(seen)
        return await processor.run_async(processor.deliver(raw_body(body), headers, received_at))

    def recover(self, most: int | None = None) -> int:
        """Handle events that were answered before they were handled, and failed or were interrupted.

        For ``respond="first"``. Every delivery does this too, after its answer; call it when the process starts, after
        the handlers are registered, and every minute or so where deliveries are rare. A handler that fails is tried
        again after 10 s, 20 s, 40 s and so on, up to an hour, without an end. Events without a handler in this process
        stay stored, and a WARNING counts them. ``most`` bounds the number of events. Returns how many handlers
        succeeded.
        """
        return run(self._processor.work(most))

    async def recover_async(self, most: int | None = None) -> int:
        """:meth:`recover` for tasks of asyncio and trio."""
        return await self._processor.run_async(self._processor.work(most))

    def dead_letters(self) -> list[DeadLetter]:
        """Return the genuine deliveries that no handler got, oldest first.

        >>> for letter in receiver.dead_letters():
        ...     print(letter.received_at, letter.reason)

        A delivery becomes one if its body cannot be read, if it contradicts itself and there is no
        :meth:`on_contradiction`, or if it may have been fulfilled under another registration. It is answered 200 if the
        store is durable, and otherwise 503, so that it is delivered again. In async code call it in a thread.
        """
        return self._processor.store.dead_letters()

    def discard(self, letter: DeadLetter) -> None:
        """Remove a dead letter."""
        self._processor.store.drop_dead_letter(letter.id)

    def replay(self, source: str | os.PathLike[str] | bytes | DeadLetter | WebhookDelivery) -> WebhookAnswer:
        """Handle a body as if it were delivered, genuine and just now; for tests, and for a second try.

        ``source`` is the path of a file, or bytes, with the JSON of a body, as a log or the sandbox shows it; a dead
        letter, whose contradiction is ignored, and which is removed when it was handled; or a delivery with its
        payload, as ``client.webhooks.delivery(id)`` returns it. Handlers run, and events that were handled are
        duplicates, as in any delivery.

        >>> receiver.replay(b'{"event": "payment.created", "paymentId": "cmh1"}').outcome
        'ignored'

        Raises OSError for a file that cannot be read, EventDecodeError for a body that holds no event, and
        InvalidArgumentError for a delivery without a payload.
        """
        replay = read_replay(source)
        answer = run(self._processor.receive(replay.event, replay.body, believe=replay.believe))
        if answer.outcome == "accepted":
            self.recover()
        if replay.is_done(answer):
            self._processor.store.drop_dead_letter(replay.letter_id)
        return answer

    async def replay_async(
        self, source: str | os.PathLike[str] | bytes | DeadLetter | WebhookDelivery
    ) -> WebhookAnswer:
        """:meth:`replay` for tasks of asyncio and trio."""
        replay = read_replay(source)
        answer = await self._processor.run_async(
            self._processor.receive(replay.event, replay.body, believe=replay.believe)
        )
        if answer.outcome == "accepted":
            await self.recover_async()
        if replay.is_done(answer):
            await self._processor.threads.run(lambda: self._processor.store.drop_dead_letter(replay.letter_id), "store")
        return answer

    def reconcile(
        self,
        client: InventPay,
        *,
        since: timedelta | datetime = timedelta(days=7),
        deliveries: Literal["failed", "all"] = "failed",
    ) -> ReconcileReport:
        """Handle the events that the API's delivery log holds and this receiver has not handled.

        For use after an outage. Each delivery takes one call to ``client.webhooks.delivery``, within the rate limit;
        its payload goes to the handlers once, as if it had arrived. ``deliveries="all"`` includes those that were
        answered 200, for a store that was lost. ``since`` is how far to look back.

        >>> report = receiver.reconcile(client)                                      # doctest: +SKIP
        >>> print(report.handled, report.duplicates, report.unavailable)             # doctest: +SKIP

        A row of the log that cannot be read is handled if it holds a payload or an id that leads to one, and else it is
        in ``report.unread``. The log may not contain every delivery (its completeness is assumed, not documented): ask
        for the status of payments that stay open, too. Raises the errors of ``client.webhooks.deliveries``.
        """
        walk = Reconciliation(since, self._processor.clock())
        found = client.webhooks.deliveries(success=walk.filter_of(deliveries), on_unread="skip")
        for page in found.pages():
            if not walk.add_page(page.items, page.unread):
                break
        for row in walk.rows():
            with walk.noting(row):
                delivery = delivery_in(row)
                if delivery is None:
                    try:
                        delivery = client.webhooks.delivery(str(row.id))
                    except DecodeError as error:
                        delivery = delivery_of(error, row)
                walk.note(row, self.replay(delivery))
        return walk.report()

    async def reconcile_async(
        self,
        client: AsyncInventPay,
        *,
        since: timedelta | datetime = timedelta(days=7),
        deliveries: Literal["failed", "all"] = "failed",
    ) -> ReconcileReport:
        """:meth:`reconcile` for tasks of asyncio and trio."""
        walk = Reconciliation(since, self._processor.clock())
        found = client.webhooks.deliveries(success=walk.filter_of(deliveries), on_unread="skip")
        async for page in found.pages():
            if not walk.add_page(page.items, page.unread):
                break
        for row in walk.rows():
            with walk.noting(row):
                delivery = delivery_in(row)
                if delivery is None:
                    try:
                        delivery = await client.webhooks.delivery(str(row.id))
                    except DecodeError as error:
                        delivery = delivery_of(error, row)
                walk.note(row, await self.replay_async(delivery))
        return walk.report()

    def add_hook(self, hook: WebhookHook) -> None:
        """Add a function that gets the events of :mod:`inventpay.webhooks.hooks` from now on, as ``hooks=`` does.

        >>> receiver.add_hook(print)

        Adding an equal one twice is the same as once. Raises ConfigurationError for one that is no plain function.
        """
        if _checked_hook(hook) not in self._hooks:
            self._hooks.append(hook)

    def __repr__(self) -> str:
        names = [*self._routes, *(["all others"] if self._other else [])]
        return f"<WebhookReceiver of {', '.join(names) or 'nothing yet'}; seen: {self._processor.store!r}>"

    def _processor_with(self, seen: SeenStore | None) -> DeliveryProcessor:
        if seen is None or seen is self._processor.store:
            return self._processor
        _check_store(seen)
        if self._processor.respond == "first":
            raise ConfigurationError(
                'seen= of one delivery cannot be used with respond="first", since recover() finds stored events in the '
                "store of the receiver only: leave seen= out"
            )
        # Claims belong to the store that made them.
        keeper = LeaseKeeper(seen, self._processor.lease)
        return evolve(self._processor, store=seen, keeper=keeper, rolled_back=deque())

    def _route(self, name: str) -> Route | None:
        return self._routes.get(name, self._other)

    def _register(
        self, chosen: tuple[str, ...], once: Literal["payment", "order", "folded", "name"]
    ) -> Callable[[Callable[[Any], R]], Callable[[Any], R]]:
        self._check_free(chosen)

        def register(handler: Callable[[Any], R], /) -> Callable[[Any], R]:
            route = Route(handler=_checked(handler), once=once, names=tuple(sorted(chosen)))
            self._check_free(chosen)
            self._routes.update(dict.fromkeys(chosen, route))
            return handler

        return register

    def _check_names(self, names: tuple[object, ...]) -> None:
        for name in names:
            if not isinstance(name, str) or not name:
                hint = ': write @receiver.on("payment.completed")' if callable(name) else ""
                raise ConfigurationError(f"on({shown(name)}) takes the name of an event{hint}")
            near = difflib.get_close_matches(name, KNOWN_EVENTS, n=1, cutoff=0.9)
            if near and name not in KNOWN_EVENTS:
                warnings.warn(f"on({name!r}): no event is known by this name; did you mean {near[0]!r}?", stacklevel=3)
        if len(set(names)) < len(names):
            raise ConfigurationError(f"on{names}: duplicate event name")

    def _check_free(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self._routes:
                raise ConfigurationError(f"on({name!r}): this event has a handler already; call both from one")


def _checked(handler: object) -> Callable[[Any], Any]:
    if not callable(handler):
        raise ConfigurationError(f"a handler is a function of one event, not {type(handler).__name__}")
    if has_yield(handler):
        raise ConfigurationError(
            f"the handler {shown(handler)} has a yield, so a call would run nothing of it; take the yield out"
        )
    return handler


def _check_store(seen: object) -> None:
    # A class has the methods of its instances.
    if isinstance(seen, type) or not isinstance(seen, SeenStore):
        kind = f"the class {seen.__name__}" if isinstance(seen, type) else type(seen).__name__
        raise ConfigurationError(f"seen= takes a SeenStore such as MemorySeenStore(), not {kind}")


def _checked_hook(hook: WebhookHook) -> WebhookHook:
    flaw = flaw_of_plain(hook) if callable(hook) else "cannot be called"
    if flaw is not None:
        raise ConfigurationError(f"hooks= takes plain functions of one event; {shown(hook)} {flaw}")
    return hook


def _share(value: object) -> Decimal:
    if isinstance(value, bool) or not isinstance(value, (int, float, Decimal)) or not 0 <= value < 1:
        raise ConfigurationError(f"underpaid_tolerance={shown(value)} must be a share from 0 to below 1, such as 0.05")
    return Decimal(str(value))
