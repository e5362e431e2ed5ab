"""What calls about the store itself answer."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .enums import Currency
from .raw import raw_field

__all__ = ["Confirmation", "Store", "StoreAnalytics", "StoreSettings"]


@frozen(kw_only=True)
class StoreSettings:
    """What the store accepts (vendor's JavaScript SDK). It goes in the same way it comes out."""

    accepted_currencies: tuple[Currency | str, ...] | None = None
    """Coins a buyer can pay in; ``None`` says nothing about them."""
    min_order_amount: Decimal | None = None
    max_order_amount: Decimal | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Store:
    """The store (vendor's JavaScript SDK; ``url``: its skill document)."""

    id: str
    name: str
    slug: str
    """Its part of the address, ``https://inventpay.io/store/{slug}``; made from the name."""
    is_published: bool | None = None
    """Whether buyers see it; from ``isPublished`` or ``isActive``."""
    description: str | None = None
    logo: str | None = None
    """URL."""
    banner: str | None = None
    """URL."""
    settings: StoreSettings | None = None
    url: str | None = None
    product_count: int | None = None
    """From ``productCount`` or ``_count.products``."""
    order_count: int | None = None
    """From ``orderCount`` or ``_count.orders``."""
    merchant_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True, eq=False)
class StoreAnalytics(Mapping[str, Any]):
    """Figures of the store, by the names the API gives them: no source shows which there are.

    Fractions are ``Decimal``.
    """

    figures: Mapping[str, Any] = field(hash=False)
    raw: Mapping[str, Any] = raw_field()

    def __getitem__(self, name: str) -> Any:
        return self.figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)


@frozen(kw_only=True)
class Confirmation:
    """What the API says to a call that gives nothing back."""

    message: str | None = None
    raw: Mapping[str, Any] = raw_field()
