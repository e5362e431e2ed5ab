"""What balance calls answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import Factory, field, frozen

from .._core.decimals import subtract
from .enums import Currency
from .raw import raw_field

__all__ = ["Balance", "BalanceSummary", "Balances", "Limit", "MerchantInfo", "WithdrawalLimits"]


def _limit_minus_used(limit: Limit) -> Decimal:
    return subtract(limit.limit, limit.used)


@frozen(kw_only=True)
class Limit:
    """How much may be withdrawn in one period, in the balance's coin."""

    limit: Decimal
    used: Decimal
    remaining: Decimal = field(default=Factory(_limit_minus_used, takes_self=True))
    """``limit`` minus ``used`` where the API leaves it out."""
    reset_at: datetime | None = None
    """When ``used`` starts again at 0."""
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class WithdrawalLimits:
    """Withdrawal limits of one coin (docs: get-balance-by-currency; ``weekly``: vendor's JavaScript SDK only)."""

    daily: Limit | None = None
    weekly: Limit | None = None
    monthly: Limit | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class MerchantInfo:
    """The merchant a balance belongs to."""

    business_name: str | None = None
    rate_limit_tier: str | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Balance:
    """The balance of one coin (docs: get-balance-by-currency). Money the API did not name is ``None``, never 0."""

    currency: Currency | str
    available_balance: Decimal
    """What can be withdrawn now."""
    total_earned: Decimal
    total_withdrawn: Decimal
    pending_balance: Decimal | None = None
    """Received and not yet confirmed."""
    locked_balance: Decimal | None = None
    """Held back for withdrawals under way."""
    total_fees: Decimal | None = None
    last_updated: datetime | None = None
    limits: WithdrawalLimits | None = None
    merchant_info: MerchantInfo | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class BalanceSummary:
    """Totals over all coins, where the API sends them."""

    total_available: Decimal | None = None
    total_locked: Decimal | None = None
    total_pending: Decimal | None = None
    total_earned: Decimal | None = None
    total_withdrawn: Decimal | None = None
    total_fees: Decimal | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True, eq=False)
class Balances(Mapping[str, Balance]):
    """All balances, by coin (docs: get-balances): ``balances["BTC"].available_balance``."""

    by_currency: Mapping[str, Balance]
    merchant_id: str | None = None
    business_name: str | None = None
    summary: BalanceSummary | None = None
    timestamp: datetime | None = None
    raw: Mapping[str, Any] = raw_field()

    def __getitem__(self, currency: str) -> Balance:
        return self.by_currency[currency]

    def __iter__(self) -> Iterator[str]:
        return iter(self.by_currency)

    def __len__(self) -> int:
        return len(self.by_currency)
