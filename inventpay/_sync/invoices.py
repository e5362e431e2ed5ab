# Generated from inventpay/_async/invoices.py by tools/generate_sync.py. Do not edit.
"""``client.invoices``: payments whose coin the payer picks."""

from __future__ import annotations

from .._api import payments as calls
from .._api.amounts import Amount
from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from ..models import Invoice
from ..models.enums import AmountCurrencyName
from ..options import CallOptions
from .transport import Transport


@readable
class InvoiceCalls(NamesAdvice):
    """Payments whose coin the payer picks. Their status is read with ``client.payments.status``."""

    def __init__(self, transport: Transport, options: CallOptions, page: str) -> None:
        self._transport = transport
        self._options = options
        self._page = page

    def create(
        self,
        *,
        amount: Amount,
        amount_currency: AmountCurrencyName | str,
        order_id: str | None = None,
        description: str | None = None,
        callback_url: str | None = None,
        expiration_minutes: int | None = 60,
        idempotency_key: str | None = None,
    ) -> Invoice:
        """Create a payment in a coin that the payer picks on ``invoice_url`` (docs: api-reference/create-invoice).

        Bounds and retries are those of ``payments.create``. The documentation accepts USD and USDT as
        ``amount_currency``; others go to the API, which decides.

        >>> with InventPay() as client:
        ...     invoice = client.invoices.create(amount="49.99", amount_currency="USD")
        ...     print(invoice.invoice_url, invoice.conversion_rates["BTC"].crypto_amount)

        Raises InvalidArgumentError before anything is sent, and the errors of every call.
        """
        with self._transport.building(idempotency_key):
            call = calls.create_invoice(
                amount=amount,
                amount_currency=amount_currency,
                order_id=order_id,
                description=description,
                callback_url=callback_url,
                expiration_minutes=expiration_minutes,
                idempotency_key=idempotency_key,
                page=self._page,
            )
        return self._transport.send(call, self._options)
