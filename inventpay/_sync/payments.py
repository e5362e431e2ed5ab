# Generated from inventpay/_async/payments.py by tools/generate_sync.py. Do not edit.
"""``client.payments``: payments in one coin, and the status of payments and invoices."""

from __future__ import annotations

from .. import calls
from ..models import Payment, PaymentStatus
from ..money import Amount
from ..options import CallOptions
from .transport import Transport


class PaymentCalls:
    """Payments in one coin, and the status of payments and invoices."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
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
