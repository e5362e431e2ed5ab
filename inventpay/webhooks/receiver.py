"""A receiver: handlers by event name, each event handled once, and an answer for every delivery."""

from __future__ import annotations

import difflib
import os
import warnings
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal, Protocol, TypeVar, overload

from .._core.json_values import shown
from ..errors import ConfigurationError
from ..options import seconds
from .answers import WebhookAnswer
from .asgi import ASGIApplication
from .bodies import decode_event
from .events import (
    KNOWN_EVENTS,
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
from .memory_store import MemorySeenStore
from .parsing import TOLERANCE
from .procedure import run, run_async
from .processor import DeliveryProcessor, Respond, Route
from .request_headers import HeadersLike
from .secrets import SecretLike, read_secrets
from .seen import LEASE, SeenStore
from .signature import raw_body
from .wsgi import WSGIApplication

E = TypeVar("E")
R = TypeVar("R")

MAX_BODY: Final = 1_048_576
"""Bytes. Documented deliveries have under two thousand."""

_PAID: Final = ("payment.confirmed", "payment.completed")


class Registers(Protocol[E]):
    """What ``on`` returns: takes a handler, async or plain, and gives it back."""

    def __call__(self, handler: Callable[[E], R], /) -> Callable[[E], R]:
        """Registers the handler."""
        ...


class WebhookReceiver:
    """Receives deliveries: verifies them, parses them, and has each event handled once.

    >>> receiver = WebhookReceiver("whsec_1", seen=MemorySeenStore())
    >>> @receiver.on_paid
    ... async def fulfil(event):
    ...     print("ship", event.order_id)

    Mount ``receiver.asgi`` or ``receiver.wsgi``, or call :meth:`handle` from a view of your own. Handlers may be async
    or plain in either world; one that raises has its event delivered again.

    - ``secret``: the webhook's secret, or several while they are rotated; by default the environment variable
      ``INVENTPAY_WEBHOOK_SECRET``.
    - ``seen``: remembers handled events. In memory by default, which is good for one process; take a
      ``SQLiteSeenStore`` where there are several, or where a restart must forget nothing.
    - ``tolerance``: seconds an event may be old, by default 7 days; see :func:`parse_event`.
    - ``respond``: ``"last"`` answers when the handler is done, and has failures delivered again. The sender waits 5
      seconds (docs: webhooks/setup): where handlers take longer, ``"first"`` stores the body, answers, and then runs
      the handler; what fails, or is cut off, is tried again by :meth:`recover`. It needs a store that lasts.
    - ``lease``: seconds after which an event whose process died in the middle is free again: more than any handler
      takes.
    - ``max_body``: bytes of the largest body that is read.

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
        lease: float | timedelta = LEASE,
        max_body: int = MAX_BODY,
    ) -> None:
        secret = read_secrets(secret)
        secret.check()
        if seen is None:
            seen = MemorySeenStore()
        elif not isinstance(seen, SeenStore):  # pyright: ignore[reportUnnecessaryIsInstance]
            raise ConfigurationError(f"seen= takes a SeenStore such as MemorySeenStore(), not {type(seen).__name__}")
        if respond not in ("last", "first"):
            raise ConfigurationError(f'respond={shown(respond)} must be "last" or "first"')
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
        self._routes: dict[str, Route] = {}
        self._other: Route | None = None
        self._processor = DeliveryProcessor(
            secrets=secret,
            store=seen,
            tolerance=seconds(tolerance, "tolerance"),
            lease=lasts,
            max_body=max_body,
            respond=respond,
            route_of=self._route,
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
    def on(self, name: str, /, *names: str, once_per_payment: bool = False) -> Registers[Any]: ...
    def on(self, name: str, /, *names: str, once_per_payment: bool = False) -> Registers[Any]:
        """Registers the handler of one event name, or of several. A name has one handler.

        >>> @receiver.on("payment.underpaid")
        ... def remind(event):
        ...     print("still missing:", event.remaining_amount)

        With ``once_per_payment`` the handler runs once for each payment, whichever of these events comes first, and the
        others are answered as duplicates.

        Raises ConfigurationError for a name that has a handler, and warns of one that is nearly a known one.
        """
        chosen = (name, *names)
        self._check_names(chosen)
        self._check_free(chosen)
        if once_per_payment and not all(one.startswith("payment.") for one in chosen):
            raise ConfigurationError(f"on{chosen}, once_per_payment=True: these are not all events of a payment")
        folded = "+".join(sorted(chosen)) if once_per_payment else None

        def register(handler: Callable[[Any], R], /) -> Callable[[Any], R]:
            route = Route(handler=_checked(handler), folded=folded)
            self._check_free(chosen)
            self._routes.update(dict.fromkeys(chosen, route))
            return handler

        return register

    def on_paid(self, handler: Callable[[PaidEvent], R], /) -> Callable[[PaidEvent], R]:
        """Registers the handler that fulfils a payment: it runs once for each, however many events say it is paid.

        >>> @receiver.on_paid
        ... async def fulfil(event):
        ...     print("ship", event.order_id)

        One payment may yield ``payment.confirmed`` and ``payment.completed`` (vendor's JavaScript README), and every
        known consumer takes them for the same. Short for ``on`` with both names and ``once_per_payment=True``.
        """
        return self.on(*_PAID, once_per_payment=True)(handler)

    def on_other(self, handler: Callable[[WebhookEvent], R], /) -> Callable[[WebhookEvent], R]:
        """Registers the handler of all events that have none of their own, unknown ones included.

        Raises ConfigurationError if there is one. Without it such events are answered 200 and ignored.
        """
        if self._other is not None:
            raise ConfigurationError("on_other: there is a handler for all other events already")
        self._other = Route(handler=_checked(handler))
        return handler

    def handle(
        self,
        body: bytes | bytearray | memoryview,
        headers: HeadersLike,
        *,
        received_at: datetime | float | None = None,
    ) -> WebhookAnswer:
        """A delivery, from a view of your own: answer with ``status``, ``headers`` and ``body`` of what it returns.

        >>> answer = receiver.handle(b"{}", {"X-Webhook-Signature": "forged"})
        >>> answer.status, answer.outcome, answer.message
        (401, 'refused', 'the signature is malformed: it has 6 characters instead of 64 hexadecimal digits')

        With ``respond="first"`` the handler has not run then: call :meth:`recover` after the answer was sent. Where a
        queue lies in between, pass the time of the request as ``received_at``. Raises TypeError for a body that is not
        bytes; everything a sender can do wrong is in the answer.
        """
        return run(self._processor.deliver(raw_body(body), headers, received_at))

    async def handle_async(
        self,
        body: bytes | bytearray | memoryview,
        headers: HeadersLike,
        *,
        received_at: datetime | float | None = None,
    ) -> WebhookAnswer:
        """:meth:`handle` for tasks of asyncio and trio."""
        return await run_async(self._processor.deliver(raw_body(body), headers, received_at))

    def recover(self, most: int | None = None) -> int:
        """Handles what was answered before it was handled, and failed or was cut off; returns how many succeeded.

        For ``respond="first"``. Every delivery does this too, after its answer; call it when the process starts, and
        every minute or so where deliveries are rare. A handler that fails is tried again after 10 s, 20 s, 40 s and so
        on, up to an hour, for as long as it takes: what was answered is never dropped. ``most`` bounds how many are
        handled.
        """
        return run(self._processor.work(most))

    async def recover_async(self, most: int | None = None) -> int:
        """:meth:`recover` for tasks of asyncio and trio."""
        return await run_async(self._processor.work(most))

    def replay(self, file: str | os.PathLike[str]) -> WebhookAnswer:
        """Handles the body in a file as if it were delivered, genuine and just now; for tests, and for a second try.

        The file holds the JSON of a body, as a log or the sandbox shows it. Handlers run, and events that were handled
        are duplicates, as in any delivery. Raises OSError for a file that cannot be read, and EventDecodeError for one
        that holds no event.
        """
        body = Path(file).read_bytes()
        answer = run(self._processor.receive(decode_event(body), body))
        if answer.outcome == "accepted":
            self.recover()
        return answer

    async def replay_async(self, file: str | os.PathLike[str]) -> WebhookAnswer:
        """:meth:`replay` for tasks of asyncio and trio."""
        body = Path(file).read_bytes()  # noqa: ASYNC240 - a file of a test
        answer = await run_async(self._processor.receive(decode_event(body), body))
        if answer.outcome == "accepted":
            await self.recover_async()
        return answer

    def __repr__(self) -> str:
        names = [*self._routes, *(["all others"] if self._other else [])]
        return f"<WebhookReceiver of {', '.join(names) or 'nothing yet'}; seen: {self._processor.store!r}>"

    def _route(self, name: str) -> Route | None:
        return self._routes.get(name, self._other)

    def _check_names(self, names: tuple[object, ...]) -> None:
        for name in names:
            if not isinstance(name, str) or not name:
                hint = ': write @receiver.on("payment.completed")' if callable(name) else ""
                raise ConfigurationError(f"on({shown(name)}) takes the name of an event{hint}")
            near = difflib.get_close_matches(name, KNOWN_EVENTS, n=1, cutoff=0.9)
            if near and name not in KNOWN_EVENTS:
                warnings.warn(f"on({name!r}): no event is known by this name; did you mean {near[0]!r}?", stacklevel=3)
        if len(set(names)) < len(names):
            raise ConfigurationError(f"on{names}: a name is said twice")

    def _check_free(self, names: tuple[str, ...]) -> None:
        for name in names:
            if name in self._routes:
                raise ConfigurationError(f"on({name!r}): this event has a handler already; call both from one")


def _checked(handler: object) -> Callable[[Any], Any]:
    if not callable(handler):
        raise ConfigurationError(f"a handler is a function of one event, not {type(handler).__name__}")
    return handler
