# Generated from inventpay/_async/balances.py by tools/generate_sync.py. Do not edit.
"""``client.balances``: what was earned, what can be withdrawn, and the withdrawal limits."""

from __future__ import annotations

from datetime import timedelta
from typing import overload

from .._api import balances as calls
from .._api.arguments import duration
from .._core.annotations import readable
from .._core.names_advice import NamesAdvice
from .._watching.subjects import BalanceSubject
from ..models import Balance, Balances
from ..models.enums import CurrencyName
from ..options import CallOptions
from .polling import Polling
from .transport import Transport
from .watch import Watch


@readable
class BalanceCalls(NamesAdvice):
    """Balances and withdrawal limits."""

    def __init__(self, transport: Transport, polling: Polling, options: CallOptions) -> None:
        self._transport = transport
        self._polling = polling
        self._options = options

    def get(self, currency: CurrencyName | str, *, max_age: float | timedelta | None = None) -> Balance:
        """Return the balance of one coin, with its withdrawal limits (docs: api-reference/get-balance-by-currency).

        With ``max_age`` an answer that is at most this many seconds old will do, and nothing may be sent.

        >>> with InventPay() as client:
        ...     balance = client.balances.get("USDT_BEP20")
        ...     print(balance.available_balance)

        Raises BadRequestError for a coin the API does not know, and the errors of every call.
        """
        age = None if max_age is None else duration(max_age, "max_age")
        return self._transport.send(calls.balance(currency), self._options, max_age=age)

    def all(self, *, max_age: float | timedelta | None = None) -> Balances:
        """Return all balances, as a mapping by coin (docs: api-reference/get-balances). ``max_age`` is that of ``get``.

        >>> with InventPay() as client:
        ...     for currency, balance in (client.balances.all()).items():
        ...         print(currency, balance.available_balance)

        Raises the errors of every call.
        """
        age = None if max_age is None else duration(max_age, "max_age")
        return self._transport.send(calls.balances(), self._options, max_age=age)

    @overload
    def watch(self, currency: CurrencyName | str, *, every: float | timedelta = 5.0) -> Watch[Balance]: ...
    @overload
    def watch(self, currency: None = None, *, every: float | timedelta = 5.0) -> Watch[Balances]: ...
    def watch(
        self, currency: CurrencyName | str | None = None, *, every: float | timedelta = 5.0
    ) -> Watch[Balance] | Watch[Balances]:
        """Yield the balance of one coin now, and again whenever it has changed; without a coin, all balances.

        ``every`` is the interval of polls in seconds. All balances cost one call a round, as much as one of them.
        Polling yields to direct calls and uses at most four fifths of their rate limit; where that is not enough for
        all watchers, polls become rarer. Iterators of the same client that watch the same share its polls. Short
        outages are waited out. It never ends by itself.

        >>> with InventPay() as client:
        ...     for balance in client.balances.watch("USDT_BEP20", every=5.0):
        ...         print(balance.available_balance)
        ...         break

        Raises the errors of ``get``, and those of an outage when it lasts longer than ten minutes.
        """
        seconds = duration(every, "every", above_zero=True)
        if currency is None:
            return Watch(self._polling, calls.balances(), self._options, BalanceSubject[Balances](seconds))
        return Watch(self._polling, calls.balance(currency), self._options, BalanceSubject[Balance](seconds))
