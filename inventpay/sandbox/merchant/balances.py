"""A merchant's balance of one coin and its withdrawal limits: pure functions on immutable records."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import attrs

from ..assumptions import (
    DAILY_WITHDRAWAL_LIMIT,
    INSUFFICIENT_BALANCE_ERROR,
    LIMIT_EXCEEDED_ERROR,
    MONTHLY_WITHDRAWAL_LIMIT,
    WEEKLY_WITHDRAWAL_LIMIT,
)
from ..errors import SandboxError
from .money import ZERO, add, plain, subtract
from .withdrawals import Withdrawal

_WEEK = 7 * 24 * 3600.0


@attrs.frozen
class Usage:
    """The amount withdrawn in the period that began at ``since`` (Unix seconds)."""

    since: float = 0.0
    used: Decimal = ZERO


@attrs.frozen
class Limit:
    """The state of a withdrawal limit: amounts in the coin, ``reset_at`` in Unix seconds."""

    limit: Decimal
    used: Decimal
    reset_at: float

    @property
    def remaining(self) -> Decimal:
        """The amount left of the limit."""
        return max(ZERO, subtract(self.limit, self.used))


@attrs.frozen(kw_only=True)
class Balance:
    """One coin of the merchant; at any time earned = available + locked + withdrawn + fees."""

    currency: str
    available: Decimal = ZERO
    locked: Decimal = ZERO
    earned: Decimal = ZERO
    withdrawn: Decimal = ZERO
    fees: Decimal = ZERO
    daily: Usage = Usage()
    weekly: Usage = Usage()
    monthly: Usage = Usage()


def earn(balance: Balance, amount: Decimal) -> Balance:
    """Add a received amount to the available balance."""
    return attrs.evolve(balance, available=add(balance.available, amount), earned=add(balance.earned, amount))


def limits(balance: Balance, now: float) -> dict[str, Limit]:
    """Return the limits at ``now``, under their names in the API."""
    day, next_day, month, next_month = _periods(now)
    return {
        "daily": Limit(DAILY_WITHDRAWAL_LIMIT, _used(balance.daily, day), next_day),
        "monthly": Limit(MONTHLY_WITHDRAWAL_LIMIT, _used(balance.monthly, month), next_month),
    }


def weekly_limit(balance: Balance, now: float) -> Limit:
    """Return the week's withdrawals; one variant of the answer shows them, and they are never enforced."""
    week = _week(now)
    return Limit(WEEKLY_WITHDRAWAL_LIMIT, _used(balance.weekly, week), week + _WEEK)


def lock(balance: Balance, withdrawal: Withdrawal) -> Balance:
    """Lock the withdrawal's amount; raise 400 if it exceeds the balance or a limit."""
    amount, coin = withdrawal.amount, withdrawal.coin.code
    if amount > balance.available:
        raise SandboxError(
            400, INSUFFICIENT_BALANCE_ERROR, {"amount": f"Only {plain(balance.available)} {coin} is available"}
        )
    now = withdrawal.created_at
    for name, limit in limits(balance, now).items():
        if amount > limit.remaining:
            raise SandboxError(
                400,
                LIMIT_EXCEEDED_ERROR,
                {"amount": f"Only {plain(limit.remaining)} {coin} is left of the {name} limit"},
            )
    day, _, month, _ = _periods(now)
    week = _week(now)
    return attrs.evolve(
        balance,
        available=subtract(balance.available, amount),
        locked=add(balance.locked, amount),
        daily=Usage(day, add(_used(balance.daily, day), amount)),
        weekly=Usage(week, add(_used(balance.weekly, week), amount)),
        monthly=Usage(month, add(_used(balance.monthly, month), amount)),
    )


def pay_out(balance: Balance, withdrawal: Withdrawal) -> Balance:
    """Pay out the locked amount: the net part to the destination, the rest as fees."""
    return attrs.evolve(
        balance,
        locked=subtract(balance.locked, withdrawal.amount),
        withdrawn=add(balance.withdrawn, withdrawal.net),
        fees=add(balance.fees, withdrawal.fee),
    )


def unlock(balance: Balance, withdrawal: Withdrawal) -> Balance:
    """Unlock the amount of a failed withdrawal, and give it back to the limits whose period has not ended."""
    day, _, month, _ = _periods(withdrawal.created_at)
    return attrs.evolve(
        balance,
        available=add(balance.available, withdrawal.amount),
        locked=subtract(balance.locked, withdrawal.amount),
        daily=_given_back(balance.daily, day, withdrawal.amount),
        weekly=_given_back(balance.weekly, _week(withdrawal.created_at), withdrawal.amount),
        monthly=_given_back(balance.monthly, month, withdrawal.amount),
    )


def _used(usage: Usage, period: float) -> Decimal:
    return usage.used if usage.since == period else ZERO


def _given_back(usage: Usage, period: float, amount: Decimal) -> Usage:
    return Usage(usage.since, subtract(usage.used, amount)) if usage.since == period else usage


def _week(now: float) -> float:
    """Return the beginning of this week, a Monday, in UTC."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    return (day - timedelta(days=day.weekday())).timestamp()


def _periods(now: float) -> tuple[float, float, float, float]:
    """Return the beginnings of this day, the next day, this month and the next month, in UTC."""
    day = datetime.fromtimestamp(now, UTC).replace(hour=0, minute=0, second=0, microsecond=0)
    month = day.replace(day=1)
    next_month = (month + timedelta(days=32)).replace(day=1)
    return day.timestamp(), (day + timedelta(days=1)).timestamp(), month.timestamp(), next_month.timestamp()
