# Generated from inventpay/_async/balances.py by tools/generate_sync.py. Do not edit.
"""``client.balances``: what was earned, what can be withdrawn, and the withdrawal limits."""

from __future__ import annotations

from .. import calls
from ..models import Balance, Balances
from ..options import CallOptions
from .transport import Transport


class BalanceCalls:
    """Balances and withdrawal limits."""

    def __init__(self, transport: Transport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    def get(self, currency: str) -> Balance:
        """The balance of one coin, with its withdrawal limits (docs: api-reference/get-balance-by-currency).

        >>> with InventPay() as client:
        ...     balance = client.balances.get("USDT_BEP20")
        ...     print(balance.available_balance)

        Raises BadRequestError for a coin the API does not know, and the errors of every call.
        """
        return self._transport.send(calls.balance(currency), self._options)

    def all(self) -> Balances:
        """All balances, as a mapping by coin (docs: api-reference/get-balances).

        >>> with InventPay() as client:
        ...     for currency, balance in (client.balances.all()).items():
        ...         print(currency, balance.available_balance)

        Raises the errors of every call.
        """
        return self._transport.send(calls.balances(), self._options)
