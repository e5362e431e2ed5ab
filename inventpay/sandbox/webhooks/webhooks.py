"""The interface to the sandbox's webhooks for Python code."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress

import anyio
import attrs
import httpx

from ..clock import Clock
from ..errors import SandboxError, invalid
from ..merchant.payments import Payment
from ..merchant.withdrawals import Withdrawal
from . import events, sender
from .background import Background
from .deliveries import Delivery
from .faults import FAULT_KINDS, LATE, Fault, FaultKind
from .outbox import Outbox
from .settings import Shape, WebhookSettings


class Webhooks:
    """``sandbox.webhooks``: signed events of payments and withdrawals, to the merchant's URL and ``callbackUrl``.

    A running server delivers them in the background. In tests it is often simpler to deliver explicitly::

        sandbox = Sandbox(clock=clock, webhooks=WebhookSettings(url=receiver_url, automatic=False))
        sandbox.pay(payment_id)
        for delivery in sandbox.webhooks.deliver_due():
            print(delivery.event, delivery.http_status)
        clock.advance(10)                    # failed deliveries are due again

    All methods are safe to call from any thread.
    """

    def __init__(self, clock: Clock, look: Callable[[str], object], settings: WebhookSettings) -> None:
        """Start with an empty log; ``look`` reads a payment, which detects its expiry."""
        self._clock = clock
        self._read_payment = look
        self._initial = settings
        self._settings = settings
        self._url = settings.url
        self._url_changed_at: float | None = None if settings.url is None else clock()
        self.outbox: Outbox = Outbox(clock, self._planned)
        self._is_served = False
        self._background = Background(self.outbox, clock, self._look)

    # Settings

    @property
    def settings(self) -> WebhookSettings:
        """The present settings."""
        return self._settings

    @property
    def url(self) -> str | None:
        """The URL that receives every event."""
        return self._url

    @property
    def secret(self) -> str:
        """The secret that signs bodies: a receiver's INVENTPAY_WEBHOOK_SECRET."""
        return self._settings.secret

    @property
    def url_changed_at(self) -> float | None:
        """The time at which the URL was set or removed, in Unix seconds."""
        return self._url_changed_at

    def configure(
        self,
        url: str | None = None,
        *,
        secret: str | None = None,
        shape: Shape | None = None,
        transport: httpx.AsyncBaseTransport | None = None,
        automatic: bool | None = None,
    ) -> None:
        """Change the settings that are given, for events from now on, until ``reset()``.

        ``transport`` and ``automatic`` apply also to a server that delivers in the background. Raises ``ValueError``
        for an invalid value.
        """
        old = self._settings
        self._settings = attrs.evolve(
            old,
            transport=old.transport if transport is None else transport,
            automatic=old.automatic if automatic is None else automatic,
            url=old.url if url is None else url,
            secret=old.secret if secret is None else secret,
            shape=old.shape if shape is None else shape,
        )
        if (old.transport, old.automatic) != (self._settings.transport, self._settings.automatic):
            self._apply()
        if url is not None:
            self.set_url(url)

    def set_url(self, url: str | None) -> None:
        """Set the URL as PUT and DELETE /v1/merchant/webhook-url do: unlike ``configure``, it allows no other host."""
        self._url = url
        self._url_changed_at = self._clock()
        self._planned()

    # Events

    def payment_changed(self, before: Payment | None, after: Payment, now: float) -> None:
        """Post the events of a payment's step; the state calls it, with ``before`` as ``None`` for a new payment."""
        if before is None:
            self.outbox.check_at(after.payment_id, after.expires_at)
        if self._url is not None or after.callback_url is not None:
            for event in events.of_payment(before, after, now):
                self._post(event)

    def withdrawal_changed(self, before: Withdrawal | None, after: Withdrawal, now: float) -> None:
        """Post the events of a withdrawal's step; see ``payment_changed``."""
        if self._url is not None:
            for event in events.of_withdrawal(before, after, now):
                self._post(event)

    def _post(self, event: events.Event) -> None:
        # A dict removes duplicates: both URLs may be the same.
        urls = [url for url in dict.fromkeys((self._url, event.callback_url)) if url is not None]
        self.outbox.post(event, urls, self._settings)

    # Faults

    def misdeliver(
        self, kind: FaultKind, *, count: int = 1, event: str | None = None, seconds: float | None = None
    ) -> None:
        """Plan a fault for the next ``count`` deliveries, or only for those of ``event``.

        ``kind`` is ``"twice"``, ``"late"`` (by ``seconds``), ``"out_of_order"`` (after the next event for the same
        URL), ``"wrong_signature"`` (at the first attempt), ``"lost"`` (neither sent nor logged) or ``"unlogged"``
        (sent, but missing in the log). Several can apply to one delivery. Raises ``SandboxError`` 400 for invalid
        values.
        """
        problems: dict[str, str] = {}
        if kind not in FAULT_KINDS:
            problems["fault"] = f"Must be one of: {', '.join(FAULT_KINDS)}"
        if count < 1:
            problems["count"] = "Must be at least 1"
        if event is not None and event not in events.EVENTS:
            problems["event"] = f"Must be one of: {', '.join(events.EVENTS)}"
        if seconds is not None and (kind != "late" or not 0 < seconds < float("inf")):
            problems["seconds"] = "Must be more than 0, and goes with the fault late"
        if problems:
            raise invalid(problems)
        self.outbox.add_fault(Fault(kind=kind, count=count, event=event, seconds=LATE if seconds is None else seconds))

    def clear_faults(self) -> None:
        """Remove all planned faults."""
        self.outbox.clear_faults()

    # Deliveries

    @property
    def deliveries(self) -> list[Delivery]:
        """Return the logged deliveries, oldest first."""
        return self.outbox.deliveries()

    def retry(self, delivery_id: str) -> Delivery:
        """Deliver it again, whether it has arrived or not. Raises ``SandboxError`` 404 for an unknown id."""
        return self.outbox.retry(delivery_id)

    def deliver_due(self) -> list[Delivery]:
        """Attempt all deliveries that are due on the sandbox's clock, and return them with their outcomes.

        Deliveries that follow from them are attempted too, such as those of API calls by a receiver. The result has
        only the attempts of this call: a server that delivers in the background may have made some before
        (``automatic=False`` stops it).

        It blocks: in async code, where the receiver may run in the same event loop, await ``deliver_due_async()``.
        """
        # The caller's thread may run an event loop already.
        with ThreadPoolExecutor(1, "inventpay-sandbox-deliveries") as pool:
            return pool.submit(anyio.run, self.deliver_due_async).result()

    async def deliver_due_async(self) -> list[Delivery]:
        """Attempt all due deliveries from asyncio or trio; see ``deliver_due``."""
        return await sender.deliver_due(self.outbox, self._look, self._settings.transport)

    @contextmanager
    def sending(self) -> Generator[None, None, None]:
        """Deliver in the background while the block runs, unless ``automatic=False`` is set."""
        self._is_served = True
        self._apply()
        try:
            yield
        finally:
            self._is_served = False
            self._background.close()

    def _apply(self) -> None:
        """Start, stop or change the background delivery according to the settings."""
        self._background.close()
        if self._is_served and self._settings.automatic:
            self._background.open(self._settings.transport)
            self._planned()

    def reset(self) -> None:
        """Restore the first settings, and empty the log."""
        changed = self._settings is not self._initial
        self._settings = self._initial
        self._url = self._initial.url
        self._url_changed_at = None if self._url is None else self._clock()
        self.outbox.clear()
        if changed:
            self._apply()

    def restore(self, url: str | None, log: Iterable[Delivery], payments: Iterable[Payment]) -> None:
        """Continue with a saved log: make planned attempts, and check ``payments`` at their expiry.

        A URL in the settings was chosen for this start, so it has precedence over the saved one.
        """
        self.set_url(self._initial.url or url)
        self.outbox.restore(log)
        for payment in payments:
            if payment.is_open:
                self.outbox.check_at(payment.payment_id, payment.expires_at)

    def _planned(self) -> None:
        # Without a URL there is nothing to send, so no thread is needed; expiries are detected when payments are read.
        if self._url is not None or self.outbox.planned:
            self._background.wake()

    def _look(self) -> None:
        for payment_id in self.outbox.take_checks():
            # The sandbox may have been reset meanwhile.
            with suppress(SandboxError):
                self._read_payment(payment_id)
