"""What product calls answer."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any

from attrs import field, frozen

from .raw import raw_field

__all__ = ["ContentType", "DigitalContent", "Product"]


class ContentType(StrEnum):
    """What ``Product.content_type`` can be (vendor's MCP server and skill document)."""

    GENERAL = "GENERAL"
    SKILL = "SKILL"
    """A skill file for an AI agent, in ``skill_content``."""


@frozen(kw_only=True)
class DigitalContent:
    """What the buyer of a digital product gets (vendor's MCP server).

    It goes in the same way: ``digital_content=DigitalContent(text_content="Thank you!")``.
    """

    file_url: str | None = None
    file_name: str | None = None
    file_size: int | None = None
    """Bytes."""
    license_key: str | None = field(default=None, repr=False)
    """Not in the repr: whoever has it has the product."""
    instructions: str | None = None
    text_content: str | None = None
    raw: Mapping[str, Any] = raw_field()


@frozen(kw_only=True)
class Product:
    """A product of the store (vendor's JavaScript SDK; the later members: its MCP server and skill document)."""

    id: str
    name: str
    price: Decimal
    """What it costs in ``currency``, which is USDT where the API names none."""
    currency: str | None = None
    slug: str | None = None
    """Its part of the page's address; made from the name."""
    description: str | None = None
    images: tuple[str, ...] = ()
    """URLs."""
    stock: int | None = None
    """How many are left; ``None`` is without limit."""
    is_active: bool | None = None
    """Whether it can be bought."""
    digital_content: DigitalContent | None = None
    content_type: ContentType | str | None = None
    skill_meta: Mapping[str, Any] | None = field(default=None, hash=False)
    """What the API read from the head of ``skill_content``, which itself is never sent back."""
    variants: tuple[Any, ...] = field(default=(), hash=False)
    metadata: Mapping[str, Any] | None = field(default=None, hash=False)
    sort_order: int | None = None
    product_url: str | None = None
    store_id: str | None = None
    created_at: datetime | None = None
    updated_at: datetime | None = None
    raw: Mapping[str, Any] = raw_field()
