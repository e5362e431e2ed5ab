"""Models of products."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from typing import Any

from attrs import field, frozen

from .._json.fields import strict
from .base import Model
from .enums import State

__all__ = ["ContentType", "DigitalContent", "Product"]


class ContentType(State):
    """Values of ``Product.content_type`` (vendor's MCP server and skill document)."""

    GENERAL = "GENERAL"
    """Anything."""
    SKILL = "SKILL"
    """A skill file for an AI agent, in ``skill_content``."""


@frozen(kw_only=True, repr=False)
class DigitalContent(Model):
    """The content that the buyer of a digital product gets (vendor's MCP server).

    It goes in the same way: ``digital_content=DigitalContent(text_content="Thank you!")``. Content that came from the
    API keeps the members that this version does not model when it is changed with ``attrs.evolve`` and sent back.
    """

    file_url: str | None = None
    """URL of the file."""
    file_name: str | None = None
    """Name of the file."""
    file_size: int | None = None
    """Size of the file in bytes."""
    license_key: str | None = field(default=None, repr=False)
    """Licence key. Not in the repr: it is as good as the product."""
    instructions: str | None = None
    """Words to the buyer on how to use it."""
    text_content: str | None = None
    """The content itself, where it is text."""


@frozen(kw_only=True, repr=False)
class Product(Model):
    """A product of the store (vendor's JavaScript SDK; the later members: its MCP server and skill document)."""

    id: str
    """Id of the product."""
    price: Decimal
    """Price in ``currency``."""
    name: str | None = None
    """Name of the product."""
    currency: str | None = strict()
    """Currency of ``price``, USDT where the API names none."""
    slug: str | None = None
    """Part of the page's address that names the product; made from the name."""
    description: str | None = None
    """Words on the product."""
    images: tuple[str, ...] = ()
    """URLs of images."""
    stock: int | None = strict()
    """Number of pieces left; ``None`` is without limit."""
    is_active: bool | None = None
    """Whether it can be bought."""
    digital_content: DigitalContent | None = None
    """Content that a buyer gets, of digital products."""
    content_type: ContentType | str | None = None
    """Kind of the content."""
    skill_meta: Mapping[str, Any] | None = field(default=None, hash=False)
    """Head of ``skill_content`` as the API read it; the content itself is never sent back."""
    variants: tuple[Any, ...] = field(default=(), hash=False)
    """Variants of the product, as you described them."""
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)
    """Your own members."""
    sort_order: int | None = None
    """Place in the store's list; the smallest comes first."""
    product_url: str | None = None
    """URL of the product's page."""
    store_id: str | None = None
    """Id of the store."""
    created_at: datetime | None = None
    """Time of creation."""
    updated_at: datetime | None = None
    """Time of the last change."""
