# Generated from inventpay/_async/payments.py by tools/generate_sync.py. Do not edit.
"""``client.payments``: payments in one coin, and the status of payments and invoices."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from datetime import timedelta
from typing import TYPE_CHECKING

from .._api import payments as calls
from .._api.amounts import Amount
from .._api.arguments import duration, states
from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from .._watching.payment_status import known_status
from ..errors import WaitTimeoutError
from ..models import Invoice, Payment, PaymentStatus
from ..models.enums import AmountCurrencyName, CurrencyName, PaymentStateName
from ..options import CallOptions
from .polling import Polling, DeadlinePassed
from .transport import Transport
from .watch import Watch

if TYPE_CHECKING:
    from .payment_statuses import PaymentStatuses


@readable
class PaymentCalls(NamesAdvice):
    """Payments in one coin, and the status of payments and invoices.

    The API has no list of payments: keep the ``payment_id`` with your order.
    """

    def __init__(self, transport: Transport, polling: Polling, options: CallOptions, page: str) -> None:
        self._transport = transport
        self._polling = polling
        self._options = options
        self._page = page

    def create(
        self,
        *,
        amount: Amount,
        amount_currency: AmountCurrencyName | str,
        currency: CurrencyName | str,
        order_id: str | None = None,
        description: str | None = None,
        callback_url: str | None = None,
        expiration_minutes: int | None = 30,
        idempotency_key: str | None = None,
    ) -> Payment:
        """Create a payment in one coin to one address (docs: api-reference/create-payment).

        ``amount`` is in ``amount_currency``; the answer's ``amount`` is in ``currency``, the coin. ``order_id`` has at
        most 100 characters, ``description`` 500; ``callback_url`` is https; ``expiration_minutes`` is 5 to 1440. The
        call is repeated on failures under one ``idempotency_key``, which is made for you unless you pass one.

        >>> with InventPay() as client:
        ...     payment = client.payments.create(
        ...         amount="29.99", amount_currency="USD", currency="USDT_BEP20", order_id="order-1"
        ...     )
        ...     print(payment.address, payment.amount)

        Raises InvalidArgumentError before anything is sent, and the errors of every call: RateLimitTimeoutError,
        APIConnectionError, APIStatusError, DecodeError.
        """
        with self._transport.building(idempotency_key):
            call = calls.create_payment(
                amount=amount,
                amount_currency=amount_currency,
                currency=currency,
                order_id=order_id,
                description=description,
                callback_url=callback_url,
                expiration_minutes=expiration_minutes,
                idempotency_key=idempotency_key,
                page=self._page,
            )
        return self._transport.send(call, self._options)

    def status(self, payment_id: str | Payment | Invoice | PaymentStatus) -> PaymentStatus:
        """Return the status of a payment or invoice (docs: api-reference/get-payment-status). Sent without any key.

        Pass its id, or the payment or invoice itself.

        >>> with InventPay() as client:
        ...     status = client.payments.status("cmh123abc456def")
        ...     print(status.status, status.current_balance, status.is_final)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return self._transport.send(calls.payment_status(payment_id), self._options)

    def watch(self, payment: str | Payment | Invoice | PaymentStatus) -> Watch[PaymentStatus]:
        """Yield how a payment or invoice stands now, and again at every change, until its status is final.

        Pass its id, or the created payment itself: then nothing is asked at once, and the first status is the first
        change. Payments are polled most often while payers usually pay, around their expiry, and once funds were seen;
        ``watch_settings`` of the client says what is assumed of payers. Polling yields to direct calls and uses at most
        four fifths of the rate limit; where that is not enough for all watchers, every interval is stretched by the
        same factor. Iterators of the same client that watch the same payment share its polls. A status never goes
        backwards. Outages are waited out for ten minutes. Webhooks are sooner, where you can receive them: see
        ``client.feed``.

        >>> with InventPay() as client:
        ...     for status in client.payments.watch("cmh123abc456def"):
        ...         print(status.status, status.current_balance, status.confirmations)

        Raises the API's own refusals; NotFoundError after 30 seconds without one good answer; the error of an outage
        that lasts longer than ten minutes; and UnknownStateError for a state that this version does not know, more
        than an hour after the payment's expiry.
        """
        return self._watch(payment, None)

    def wait(
        self,
        payment: str | Payment | Invoice | PaymentStatus,
        *,
        until: PaymentStateName | str | Collection[PaymentStateName | str] | None = None,
        timeout: float | timedelta | None = None,
    ) -> PaymentStatus:
        """Watch a payment until its status is final, or one of ``until``, and return the last status.

        ``timeout`` is in seconds; outages are waited out until then. Without a ``timeout`` the call ends when the API
        ends the payment: it expires after 24 hours at the latest, unless funds are being confirmed.

        >>> with InventPay() as client:
        ...     final = client.payments.wait("cmh123abc456def", timeout=1800)
        ...     print(final.status, final.is_paid)

        Raises WaitTimeoutError, whose ``last`` is the last status seen and whose ``outage`` is the latest failure where
        polls failed, and the errors of ``watch``.
        """
        wanted = states(until)
        seconds = None if timeout is None else duration(timeout, "timeout")
        deadline = None if seconds is None else self._polling.backend.now() + seconds
        watch = self._watch(payment, deadline)
        status = watch.last
        try:
            while status is None or not (status.is_final or status.status in wanted):
                status = watch.__next__()
            return status
        except DeadlinePassed:
            seen = "no status was seen" if watch.last is None else f"it is {watch.last.status}"
            outage = watch.failure
            failing = "" if outage is None else f"; the latest poll failed: {outage.message}"
            raise WaitTimeoutError(
                f"the payment was not final within {seconds:g} s; {seen}{failing}",
                last=watch.last,
                outage=outage,
                method=watch.call.endpoint.method,
                path=watch.call.path,
            ) from outage

    def reconcile(self, payments: Iterable[str | Payment | Invoice | PaymentStatus]) -> PaymentStatuses:
        """Yield the status of each of many payments: of open orders whose webhooks may never have come.

        Pass ids, or the payments themselves; each is one call of ``status``. They are asked for one after the other,
        behind direct calls, and with watchers within four fifths of the rate limit: at most 240 a minute, 10,000 in 42
        minutes. A payment whose status cannot be read never ends the iteration: its error is in ``failed`` of the
        result, by payment id. Pass ``failed`` to the next ``reconcile`` to ask again.

        >>> with InventPay() as client:
        ...     statuses = client.payments.reconcile(["cmh123abc456def", "cmh789abc456def"])
        ...     for status in statuses:
        ...         print(status.payment_id, status.status)
        ...     for payment_id, error in statuses.failed.items():
        ...         print("ask again:", payment_id, error)

        Raises InvalidArgumentError for what is no id, before anything is sent; in the iteration the error of an outage
        that lasts for ten minutes, and ConfigurationError where the client was closed.
        """
        from .payment_statuses import PaymentStatuses

        return PaymentStatuses(self._polling, payments, self._options)

    def _watch(
        self, payment: str | Payment | Invoice | PaymentStatus, deadline: float | None
    ) -> Watch[PaymentStatus]:
        call = calls.payment_status(payment)
        known = None if isinstance(payment, str) else known_status(payment)
        return Watch(self._polling, call, self._options, self._polling.payment, known=known, deadline=deadline)
