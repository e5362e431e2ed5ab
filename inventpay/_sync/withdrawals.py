# Generated from inventpay/_async/withdrawals.py by tools/generate_sync.py. Do not edit.
"""``client.withdrawals``: paying out."""

from __future__ import annotations

from datetime import timedelta

from .._api import withdrawals as calls
from .._api.amounts import Amount
from .._api.arguments import duration
from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from .._watching.subjects import WithdrawalSubject
from ..errors import WaitTimeoutError
from ..models import Withdrawal
from ..models.enums import CurrencyName
from ..options import CallOptions
from .polling import Polling, DeadlinePassed
from .transport import Transport
from .watch import Watch


@readable
class WithdrawalCalls(NamesAdvice):
    """Paying out to an address. Creating a withdrawal needs the withdrawal key.

    The API has no list of withdrawals: keep the ``withdrawal_id`` of each, or pay through :mod:`inventpay.payouts`.
    """

    def __init__(self, transport: Transport, polling: Polling, options: CallOptions) -> None:
        self._transport = transport
        self._polling = polling
        self._options = options

    def create(
        self,
        *,
        amount: Amount,
        currency: CurrencyName | str,
        destination_address: str,
        description: str | None = None,
        idempotency_key: str | None = None,
        check_address: bool = True,
    ) -> Withdrawal:
        """Pay ``amount`` of ``currency`` out, fee included (vendor's SDKs; the documentation page is not public).

        It moves money, so it is retried only when it certainly had no effect: no connection was made, or the answer
        was 429. Where ``error.outcome`` is ``"unknown"`` it may have been paid, and paying again may pay twice: repeat
        it only where ``error.safe_to_repeat`` is true, with ``client.repeat(error)``; else look it up first, as
        ``error.evidence_hint`` says. A withdrawal without a description carries its idempotency key as one (see
        :class:`RetryPolicy`).

        >>> with InventPay() as client:
        ...     withdrawal = client.withdrawals.create(
        ...         amount="10", currency="USDT_BEP20", destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
        ...     )
        ...     print(withdrawal.status, withdrawal.net_amount)

        The address must have the form and the checksum of the coin's chain, where this version knows the coin;
        addresses of test networks pass with test keys and on loopback hosts. ``check_address=False`` leaves the
        check to the server. An amount with more digits after the point than the coin has is refused always.

        Raises ConfigurationError without a withdrawal key, InvalidArgumentError before anything is sent, and the errors
        of every call.
        """
        with self._transport.building(idempotency_key):
            call = calls.create_withdrawal(
                amount=amount,
                currency=currency,
                destination_address=destination_address,
                description=description,
                idempotency_key=idempotency_key,
                key_as_description=self._transport.key_as_description,
                check_address=check_address,
                testnet=self._transport.testnet_addresses,
            )
        return self._transport.send(call, self._options)

    def get(self, withdrawal_id: str | Withdrawal) -> Withdrawal:
        """Return a withdrawal with its status (docs: api-reference/get-withdrawal).

        Pass its id, or an earlier answer.

        >>> with InventPay() as client:
        ...     withdrawal = client.withdrawals.get("cmh789ghi012jkl")
        ...     print(withdrawal.status, withdrawal.transaction_hash)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return self._transport.send(calls.withdrawal(withdrawal_id), self._options)

    def wait(self, withdrawal: str | Withdrawal, *, timeout: float | timedelta | None = None) -> Withdrawal:
        """Poll a withdrawal until its status is final, and return the last answer.

        ``timeout`` is in seconds; outages are waited out until then. A withdrawal that needs an approval may take days,
        and without a ``timeout`` the call lasts as long. Polls yield to direct calls, like those of ``payments.wait``.

        >>> with InventPay() as client:
        ...     final = client.withdrawals.wait("cmh789ghi012jkl", timeout=3600)
        ...     print(final.status, final.failure_reason)

        Raises WaitTimeoutError, whose ``last`` is the last answer and whose ``outage`` is the latest failure where
        polls failed; the API's own refusals; and without a ``timeout`` the error of an outage that lasts longer than
        ten minutes.
        """
        seconds = None if timeout is None else duration(timeout, "timeout")
        deadline = None if seconds is None else self._polling.backend.now() + seconds
        call = calls.withdrawal(withdrawal)
        known = None if isinstance(withdrawal, str) else withdrawal
        watch = Watch(self._polling, call, self._options, WithdrawalSubject(), known=known, deadline=deadline)
        last = watch.last
        try:
            while last is None or not last.is_final:
                last = watch.__next__()
            return last
        except DeadlinePassed:
            seen = "no answer was seen" if watch.last is None else f"it is {watch.last.status}"
            outage = watch.failure
            failing = "" if outage is None else f"; the latest poll failed: {outage.message}"
            raise WaitTimeoutError(
                f"the withdrawal was not final within {seconds:g} s; {seen}{failing}",
                last=watch.last,
                outage=outage,
                method=call.endpoint.method,
                path=call.path,
            ) from outage
