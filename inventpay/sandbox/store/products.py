"""A product: an immutable record, and its changes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from enum import StrEnum

import attrs


class ContentType(StrEnum):
    """The types of a product's content."""

    GENERAL = "GENERAL"
    SKILL = "SKILL"


@attrs.frozen(kw_only=True)
class NewProduct:
    """A merchant's request for a product. Without ``stock`` there is no limit."""

    name: str
    price: Decimal
    currency: str
    description: str | None = None
    images: Sequence[str] = ()
    stock: int | None = None
    digital_content: Mapping[str, object] | None = None
    content_type: ContentType = ContentType.GENERAL
    skill_content: str | None = None
    variants: Sequence[object] = ()
    metadata: Mapping[str, object] | None = None


@attrs.frozen(kw_only=True)
class Product:
    """The state of a product. Times are Unix seconds."""

    product_id: str
    slug: str
    name: str
    price: Decimal
    currency: str
    description: str | None
    images: Sequence[str]
    stock: int | None
    digital_content: Mapping[str, object] | None
    content_type: ContentType
    skill_content: str | None
    variants: Sequence[object]
    metadata: Mapping[str, object] | None
    created_at: float
    updated_at: float
    is_active: bool = True
    sort_order: int = 0

    @property
    def is_digital(self) -> bool:
        """Whether it is delivered with the payment."""
        return self.digital_content is not None or self.content_type is ContentType.SKILL

    @property
    def skill_meta(self) -> dict[str, str] | None:
        """The front matter of the skill's file."""
        return None if self.skill_content is None else _front_matter(self.skill_content)

    def matches(self, search: str) -> bool:
        """Return whether the name or description contains the text, in any case."""
        wanted = search.casefold()
        return wanted in self.name.casefold() or wanted in (self.description or "").casefold()


def without_skill(product: Product) -> Product:
    """Return the product without the members that only a skill has, after a change to GENERAL (official MCP server)."""
    return product if product.content_type is ContentType.SKILL else attrs.evolve(product, skill_content=None)


def _front_matter(text: str) -> dict[str, str]:
    first, *lines = text.splitlines() or [""]
    members: dict[str, str] = {}
    if first.strip() != "---":
        return members
    for line in lines:
        if line.strip() == "---":
            return members
        name, colon, value = line.partition(":")
        if colon and name.strip():
            members[name.strip()] = value.strip().strip("\"'")
    return {}
