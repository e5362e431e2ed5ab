# Generated from inventpay/_async/payments.py by tools/generate_sync.py. Do not edit.
"""``client.payments``: payments in one coin, and the status of payments and invoices."""

from __future__ import annotations

from collections.abc import Collection
from datetime import timedelta

from .._api import payments as calls
from .._api.amounts import Amount
from .._api.arguments import duration, states
from .._api.call import Call
from .._watching.subjects import PaymentSubject
from ..errors import WaitTimeoutError
from ..models import Payment, PaymentStatus
from ..options import CallOptions
from .polling import Polling, Watch, DeadlinePassed
from .transport import Transport


class PaymentCalls:
    """Payments in one coin, and the status of payments and invoices."""

    def __init__(self, transport: Transport, polling: Polling, options: CallOptions) -> None:
        self._transport = transport
        self._polling = polling
        self._options = options

    def create(
        self,
        *,
        amount: Amount,
        amount_currency: str,
        currency: str,
        order_id: str | None = None,
        description: str | None = None,
        callback_url: str | None = None,
        expiration_minutes: int | None = 30,
        idempotency_key: str | None = None,
    ) -> Payment:
        """Asks for a payment in one coin to one address (docs: api-reference/create-payment).

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
        call = calls.create_payment(
            amount=amount,
            amount_currency=amount_currency,
            currency=currency,
            order_id=order_id,
            description=description,
            callback_url=callback_url,
            expiration_minutes=expiration_minutes,
            idempotency_key=idempotency_key,
        )
        return self._transport.send(call, self._options)

    def status(self, payment_id: str) -> PaymentStatus:
        """How a payment or invoice stands (docs: api-reference/get-payment-status). Sent without any key.

        >>> with InventPay() as client:
        ...     status = client.payments.status("cmh123abc456def")
        ...     print(status.status, status.current_balance, status.is_final)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return self._transport.send(calls.payment_status(payment_id), self._options)

    def watch(self, payment_id: str) -> Watch[PaymentStatus]:
        """How a payment or invoice stands now, and again at every change, until its status is final.

        It is polled often at first, near its expiry, just after it, and once funds were seen; more rarely in between.
        Polling stands back behind direct calls and never uses more than four fifths of the rate limit; where that is
        not enough for all who watch, every interval is stretched by the same factor. A status never goes backwards.
        Short outages are waited out. Webhooks tell sooner, where you can receive them: see ``client.feed``.

        >>> with InventPay() as client:
        ...     for status in client.payments.watch("cmh123abc456def"):
        ...         print(status.status, status.current_balance, status.confirmations)

        Raises the errors of ``status``, and those of an outage when it lasts longer than ten minutes.
        """
        return self._watch(payment_id, calls.payment_status(payment_id), None)

    def wait(
        self,
        payment_id: str,
        *,
        until: str | Collection[str] | None = None,
        timeout: float | timedelta | None = None,
    ) -> PaymentStatus:
        """Watches a payment until its status is final, or one of ``until``, and returns the last status.

        ``timeout`` is in seconds; a payment expires after 24 hours at the latest, so without one it ends all the same.

        >>> with InventPay() as client:
        ...     final = client.payments.wait("cmh123abc456def", timeout=1800)
        ...     print(final.status, final.is_paid)

        Raises WaitTimeoutError, whose ``last`` is the last status seen, and the errors of ``watch``.
        """
        wanted = states(until)
        call = calls.payment_status(payment_id)
        seconds = None if timeout is None else duration(timeout, "timeout")
        deadline = None if seconds is None else self._polling.backend.now() + seconds
        watch = self._watch(payment_id, call, deadline)
        try:
            while True:
                status = watch.__next__()
                if status.is_final or status.status in wanted:
                    return status
        except DeadlinePassed:
            seen = "no status was seen" if watch.last is None else f"it is {watch.last.status}"
            raise WaitTimeoutError(
                f"the payment was not final within {seconds:g} s; {seen}",
                last=watch.last,
                method=call.endpoint.method,
                path=call.path,
            ) from None

    def _watch(self, payment_id: str, call: Call[PaymentStatus], deadline: float | None) -> Watch[PaymentStatus]:
        watch = Watch(self._polling, call, self._options, PaymentSubject(), deadline=deadline)
        self._polling.enlist(payment_id, watch.watcher)
        return watch
