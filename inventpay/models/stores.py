"""Models of the store itself."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .._json.fields import strict
from .base import Model
from .enums import Currency

__all__ = ["Confirmation", "Store", "StoreAnalytics", "StoreSettings"]


@frozen(kw_only=True, repr=False)
class StoreSettings(Model):
    """The payments that the store accepts (vendor's JavaScript SDK). It goes in the same way it comes out.

    Settings that came from the API keep the members that this version does not model, when they are changed with
    ``attrs.evolve`` and sent back. A mapping with the API's own names is accepted too.
    """

    accepted_currencies: tuple[Currency | str, ...] | None = strict()
    """Coins that a buyer can pay in; ``None`` names none."""
    min_order_amount: Decimal | None = strict()
    """Smallest total of an order, in USDT; ``None`` is without a bound."""
    max_order_amount: Decimal | None = strict()
    """Largest total of an order, in USDT; ``None`` is without a bound."""


@frozen(kw_only=True, repr=False)
class Store(Model):
    """The store (vendor's JavaScript SDK; ``url``: its skill document)."""

    id: str
    """Id of the store."""
    slug: str
    """Part of the address that names the store, ``https://inventpay.io/store/{slug}``; made from the name."""
    name: str | None = None
    """Name of the store."""
    is_published: bool | None = None
    """Whether buyers see it; from ``isPublished`` or ``isActive``."""
    description: str | None = None
    """Words on the store."""
    logo: str | None = None
    """URL of the logo."""
    banner: str | None = None
    """URL of the banner."""
    settings: StoreSettings | None = strict()
    """The payments that the store accepts."""
    url: str | None = None
    """URL of the store's page."""
    product_count: int | None = None
    """Number of products; from ``productCount`` or ``_count.products``."""
    order_count: int | None = None
    """Number of orders; from ``orderCount`` or ``_count.orders``."""
    merchant_id: str | None = None
    """Id of the merchant."""
    created_at: datetime | None = None
    """Time of creation."""
    updated_at: datetime | None = None
    """Time of the last change."""


@frozen(kw_only=True, eq=False, repr=False)
class StoreAnalytics(Model, Mapping[str, Any]):
    """Figures of the store, by the names that the API gives them: no source shows which there are.

    Fractions are ``Decimal``.
    """

    figures: Mapping[str, Any] = field(hash=False)
    """The figures, by name."""

    def __getitem__(self, name: str) -> Any:
        return self.figures[name]

    # By figure, like any mapping, and not by attribute, like other models.
    def __iter__(self) -> Iterator[str]:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        return iter(self.figures)

    def __len__(self) -> int:
        return len(self.figures)

    @classmethod
    def _wire_names(cls, members: Mapping[str, Any]) -> dict[str, Any]:
        return dict(members["figures"]) if isinstance(members.get("figures"), Mapping) else dict(members)

    def _members(self, *, wire: bool, with_none: bool) -> dict[str, Any]:
        members = Model._members(self, wire=wire, with_none=with_none)
        return dict(members["figures"]) if wire else members


@frozen(kw_only=True, repr=False)
class Confirmation(Model):
    """The answer to a call that gives nothing back."""

    message: str | None = None
    """Words of the API."""
