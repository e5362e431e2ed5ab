# Generated from inventpay/_async/payment_statuses.py by tools/generate_sync.py. Do not edit.
"""The iterator over the statuses of many payments: what ``client.payments.reconcile`` returns."""

from __future__ import annotations

from collections.abc import Iterator, Iterable
from typing import Self

from .._api import payments as calls
from .._api.call import Call
from .._core.annotations import readable
from .._watching.schedule import OUTAGE
from ..errors import ConfigurationError, InventPayError
from ..models import Invoice, Payment, PaymentStatus
from ..options import CallOptions
from .polling import Polling
from .watch import Watch


@readable
class PaymentStatuses(Iterator[PaymentStatus]):
    """The statuses of many payments, one after the other."""

    failed: dict[str, InventPayError]
    """Errors by payment id: the payment is unknown, its answer cannot be read, or there was none."""

    def __init__(
        self,
        polling: Polling,
        payments: Iterable[str | Payment | Invoice | PaymentStatus],
        options: CallOptions,
    ) -> None:
        self._polling = polling
        self._options = options
        # All are checked before the first one is sent; one that stands twice is asked for once.
        self._open: dict[str, Call[PaymentStatus]] = {}
        for payment in payments:
            payment_id = calls.payment_id_of(payment)
            self._open[payment_id] = calls.payment_status(payment_id)
        self.failed = {}
        self._failing_since: float | None = None

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> PaymentStatus:
        """Return the next status. Raises the error of an outage that lasts for ten minutes, and ConfigurationError."""
        while self._open:
            # It stays open until there is a result: the next look after a cancelled one is at the same payment.
            payment_id, call = next(iter(self._open.items()))
            try:
                status = Watch(self._polling, call, self._options, self._polling.payment).look()
            except InventPayError as error:
                self._raise_if_final(error)
                self.failed[payment_id] = error
                del self._open[payment_id]
            else:
                self._failing_since = None
                del self._open[payment_id]
                return status
        raise StopIteration

    def _raise_if_final(self, error: InventPayError) -> None:
        """Raise the error of a client that is closed, or of an outage that lasts."""
        if isinstance(error, ConfigurationError):
            raise error
        now = self._polling.backend.now()
        if error.outcome == "refused":
            # The API answered.
            self._failing_since = None
        elif self._failing_since is None:
            self._failing_since = now
        elif now - self._failing_since >= OUTAGE:
            raise error
