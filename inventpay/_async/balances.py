# The source of inventpay/_sync/balances.py; after a change run: python tools/generate_sync.py
"""``client.balances``: what was earned, what can be withdrawn, and the withdrawal limits."""

from __future__ import annotations

from .. import calls
from ..models import Balance, Balances
from ..options import CallOptions
from .transport import AsyncTransport


class AsyncBalanceCalls:
    """Balances and withdrawal limits."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    async def get(self, currency: str) -> Balance:
        """The balance of one coin, with its withdrawal limits (docs: api-reference/get-balance-by-currency).

        >>> async with AsyncInventPay() as client:
        ...     balance = await client.balances.get("USDT_BEP20")
        ...     print(balance.available_balance)

        Raises BadRequestError for a coin the API does not know, and the errors of every call.
        """
        return await self._transport.send(calls.balance(currency), self._options)

    async def all(self) -> Balances:
        """All balances, as a mapping by coin (docs: api-reference/get-balances).

        >>> async with AsyncInventPay() as client:
        ...     for currency, balance in (await client.balances.all()).items():
        ...         print(currency, balance.available_balance)

        Raises the errors of every call.
        """
        return await self._transport.send(calls.balances(), self._options)
