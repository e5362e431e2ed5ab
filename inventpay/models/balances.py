"""Models of balances and their withdrawal limits."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any, ClassVar, cast

from attrs import Factory, field, frozen

from .._core.decimals import subtract
from .._json.fields import strict
from ..errors import DecodeError
from .base import Model
from .enums import Currency

__all__ = ["Balance", "BalanceSummary", "Balances", "Limit", "MerchantInfo", "WithdrawalLimits"]


def _limit_minus_used(limit: Limit) -> Decimal:
    return subtract(limit.limit, limit.used)


@frozen(kw_only=True, repr=False)
class Limit(Model):
    """The amount that may be withdrawn in one period, in the balance's coin."""

    limit: Decimal
    """Amount that may be withdrawn in the period, in the balance's coin."""
    used: Decimal
    """Amount withdrawn in the period so far, in the balance's coin."""
    remaining: Decimal = field(default=Factory(_limit_minus_used, takes_self=True))
    """Amount left, in the balance's coin; ``limit`` minus ``used`` where the API leaves it out."""
    reset_at: datetime | None = None
    """Time at which ``used`` starts again at 0."""


@frozen(kw_only=True, repr=False)
class WithdrawalLimits(Model):
    """Withdrawal limits of one coin (docs: get-balance-by-currency; ``weekly``: vendor's JavaScript SDK only)."""

    daily: Limit | None = strict()
    """Limit of a day, in the balance's coin; ``None`` where the API names none."""
    weekly: Limit | None = strict()
    """Limit of a week, in the balance's coin; ``None`` where the API names none."""
    monthly: Limit | None = strict()
    """Limit of a month, in the balance's coin; ``None`` where the API names none."""


@frozen(kw_only=True, repr=False)
class MerchantInfo(Model):
    """The merchant that a balance belongs to."""

    business_name: str | None = None
    """Name of the merchant's business."""
    rate_limit_tier: str | None = None
    """Name of the tier that sets the merchant's rate limits."""


@frozen(kw_only=True, repr=False)
class Balance(Model):
    """The balance of one coin (docs: get-balance-by-currency). Money that the API did not name is ``None``, never 0."""

    currency: Currency | str
    """The coin, such as ``"USDT_BEP20"``."""
    available_balance: Decimal
    """Amount that can be withdrawn now, in the coin."""
    total_earned: Decimal
    """Amount received so far, in the coin."""
    total_withdrawn: Decimal
    """Amount withdrawn so far, in the coin."""
    pending_balance: Decimal | None = None
    """Amount received and not yet confirmed, in the coin."""
    locked_balance: Decimal | None = None
    """Amount held back for withdrawals under way, in the coin."""
    total_fees: Decimal | None = None
    """Fees paid so far, in the coin."""
    last_updated: datetime | None = None
    """Time of the last change."""
    limits: WithdrawalLimits | None = strict()
    """Withdrawal limits of the coin; ``None`` where the API names none."""
    merchant_info: MerchantInfo | None = None
    """The merchant that the balance belongs to."""


@frozen(kw_only=True, repr=False)
class BalanceSummary(Model):
    """Totals over all coins, where the API sends them. No source names their currency."""

    total_available: Decimal | None = None
    """Total that can be withdrawn now; the currency is not documented."""
    total_locked: Decimal | None = None
    """Total held back for withdrawals under way; the currency is not documented."""
    total_pending: Decimal | None = None
    """Total received and not yet confirmed; the currency is not documented."""
    total_earned: Decimal | None = None
    """Total received so far; the currency is not documented."""
    total_withdrawn: Decimal | None = None
    """Total withdrawn so far; the currency is not documented."""
    total_fees: Decimal | None = None
    """Total of all fees so far; the currency is not documented."""


def _cell(value: Decimal | str | None) -> str:
    """Return the text of a cell, amounts without exponents."""
    return "" if value is None else format(value, "f") if isinstance(value, Decimal) else str(value)


class OddBalances(Mapping[str, Balance]):
    """Balances by coin, some of which could not be read: those raise their DecodeError when they are asked for."""

    __slots__ = ("_entries",)

    def __init__(self, entries: Mapping[str, Balance | DecodeError]) -> None:
        self._entries = dict(entries)

    def __getitem__(self, currency: str) -> Balance:
        entry = self._entries[currency]
        if isinstance(entry, DecodeError):
            # A new one each time: an exception that is raised again collects tracebacks.
            raise DecodeError(entry.message, json_path=entry.json_path)
        return entry

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)

    def __contains__(self, currency: object) -> bool:
        return currency in self._entries

    def __eq__(self, other: object) -> bool:
        # Those that cannot be read are compared, not raised.
        return isinstance(other, OddBalances) and self._words() == other._words()

    __hash__ = None  # type: ignore[assignment]

    def _words(self) -> dict[str, Balance | str]:
        return {name: str(entry) if isinstance(entry, DecodeError) else entry for name, entry in self._entries.items()}

    def __repr__(self) -> str:
        shown = {name: "unread" if isinstance(entry, DecodeError) else entry for name, entry in self._entries.items()}
        return repr(shown)


@frozen(kw_only=True, eq=False, repr=False)
class Balances(Model, Mapping[str, Balance]):
    """All balances, by coin (docs: get-balances): ``balances["BTC"].available_balance``.

    A balance that cannot be read raises its DecodeError when it is asked for, and when all are iterated over.
    """

    by_currency: Mapping[str, Balance]
    """The balances, by coin."""
    merchant_id: str | None = None
    """Id of the merchant."""
    business_name: str | None = None
    """Name of the merchant's business."""
    summary: BalanceSummary | None = None
    """Totals over all coins, where the API sends them."""
    timestamp: datetime | None = None
    """Time at which the balances were read."""

    def __eq__(self, other: object) -> bool:
        # Like any mapping, and unlike other models: equal to a dict of the same balances.
        return self.by_currency == (other.by_currency if isinstance(other, Balances) else other)

    __hash__: ClassVar[None] = None  # type: ignore[assignment]

    def __getitem__(self, currency: str) -> Balance:
        try:
            return self.by_currency[currency]
        except KeyError as error:
            error.add_note(f"There are balances of: {', '.join(self.by_currency) or 'no coin'}")
            raise

    # By coin, like any mapping, and not by attribute, like other models.
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return iter(self.by_currency)

    def __len__(self) -> int:
        return len(self.by_currency)

    def __contains__(self, currency: object) -> bool:
        return currency in self.by_currency

    def _repr_html_(self) -> str:
        # Jupyter calls it.
        from html import escape

        names = {
            "available_balance": "available",
            "pending_balance": "pending",
            "locked_balance": "locked",
            "total_earned": "earned",
            "total_withdrawn": "withdrawn",
        }
        try:
            rows = [(balance.currency, *(getattr(balance, name) for name in names)) for balance in self.values()]
        except DecodeError:
            return f"<pre>{escape(repr(self))}</pre>"
        cells = "".join(f"<tr>{''.join(f'<td>{escape(_cell(value))}</td>' for value in row)}</tr>" for row in rows)
        head = "".join(f"<th>{name}</th>" for name in ("coin", *names.values()))
        return f"<table><thead><tr>{head}</tr></thead><tbody>{cells}</tbody></table>"

    @classmethod
    def _wire_names(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        from .._json.model_text import wire_names

        renamed = wire_names(cls, members)
        held = renamed.pop("byCurrency", None)
        if isinstance(held, Mapping):
            renamed["balances"] = {
                "balances": list(cast("Mapping[str, Any]", held).values()),
                "summary": renamed.pop("summary", None),
            }
        return renamed

    def _members(self, *, wire: bool, with_none: bool) -> dict[str, Any]:
        # super() does not find its class in methods of slotted attrs classes before Python 3.14.
        members = Model._members(self, wire=wire, with_none=with_none)
        if wire:
            # The variant that has a place for everything: a list beside its totals.
            held: dict[str, Any] = {"balances": list(members.pop("byCurrency").values())}
            if "summary" in members:
                held["summary"] = members.pop("summary")
            members["balances"] = held
        return members
