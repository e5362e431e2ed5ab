"""The store itself and its address."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from decimal import Decimal

import attrs

from ..._core.json_values import is_array
from ..errors import invalid
from ..merchant.money import plain


@attrs.frozen(kw_only=True)
class NewStore:
    """A merchant's request for a store."""

    name: str
    description: str | None = None
    logo: str | None = None
    banner: str | None = None
    is_published: bool = True
    settings: Mapping[str, object] = attrs.field(factory=dict[str, object])


@attrs.frozen(kw_only=True)
class Store:
    """The state of the store. Times are Unix seconds."""

    store_id: str
    slug: str
    name: str
    description: str | None
    logo: str | None
    banner: str | None
    is_published: bool
    settings: Mapping[str, object]
    created_at: float
    updated_at: float


def slug(name: str, otherwise: str) -> str:
    """Return a name as a part of a URL: ``Crème Brûlée!`` is ``creme-brulee``."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return "-".join(re.findall("[a-z0-9]+", plain)) or otherwise


def check_order(store: Store, amount: Decimal, currency: str | None) -> None:
    """Raise 400 for an order that the settings do not allow."""
    lowest, highest = (store.settings.get(name) for name in ("minOrderAmount", "maxOrderAmount"))
    if isinstance(lowest, Decimal) and amount < lowest:
        raise invalid({"items": f"Must be worth at least {plain(lowest)}"})
    if isinstance(highest, Decimal) and amount > highest:
        raise invalid({"items": f"Must be worth at most {plain(highest)}"})
    coins = store.settings.get("acceptedCurrencies")
    if is_array(coins) and coins and currency is not None and currency not in coins:
        raise invalid({"currency": f"Must be one of: {', '.join(coins)}"})
