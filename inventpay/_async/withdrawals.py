# The source of inventpay/_sync/withdrawals.py; after a change run: python tools/generate_sync.py
"""``client.withdrawals``: paying out."""

from __future__ import annotations

from .._api import withdrawals as calls
from .._api.amounts import Amount
from ..models import Withdrawal
from ..options import CallOptions
from .transport import AsyncTransport


class AsyncWithdrawalCalls:
    """Paying out to an address. Creating a withdrawal needs the withdrawal key."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    async def create(
        self,
        *,
        amount: Amount,
        currency: str,
        destination_address: str,
        description: str | None = None,
        idempotency_key: str | None = None,
    ) -> Withdrawal:
        """Pays ``amount`` of ``currency`` out, fee included (vendor's SDKs; the documentation page is not public).

        It moves money, so it is retried only when it certainly had no effect: no connection was made, or the answer
        was 429. Where ``error.outcome`` is ``"unknown"`` it may have been paid, and paying again may pay twice: repeat
        it only where ``error.safe_to_repeat`` is true, with ``client.repeat(error)``; else look it up first, as
        ``error.evidence_hint`` says. A withdrawal without a description carries its idempotency key as one (see
        :class:`RetryPolicy`).

        >>> async with AsyncInventPay() as client:
        ...     withdrawal = await client.withdrawals.create(
        ...         amount="10", currency="USDT_BEP20", destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
        ...     )
        ...     print(withdrawal.status, withdrawal.net_amount)

        Raises ConfigurationError without a withdrawal key, InvalidArgumentError before anything is sent, and the errors
        of every call.
        """
        call = calls.create_withdrawal(
            amount=amount,
            currency=currency,
            destination_address=destination_address,
            description=description,
            idempotency_key=idempotency_key,
            key_as_description=self._transport.key_as_description,
        )
        return await self._transport.send(call, self._options)

    async def get(self, withdrawal_id: str) -> Withdrawal:
        """Return a withdrawal with its status (docs: api-reference/get-withdrawal).

        >>> async with AsyncInventPay() as client:
        ...     withdrawal = await client.withdrawals.get("cmh789ghi012jkl")
        ...     print(withdrawal.status, withdrawal.transaction_hash)

        Raises NotFoundError for an unknown id, and the errors of every call.
        """
        return await self._transport.send(calls.withdrawal(withdrawal_id), self._options)
