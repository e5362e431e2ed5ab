"""The items of a basket, for ``client.store.checkout``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from attrs import field, frozen

__all__ = ["CheckoutItem"]


@frozen
class CheckoutItem:
    """A quantity of one product.

    >>> CheckoutItem("prod_1", quantity=2).quantity
    2
    """

    product_id: str
    quantity: int = 1
    variant: Mapping[str, Any] | None = field(default=None, hash=False)
    """The chosen variant, as the product's ``variants`` describe it."""
