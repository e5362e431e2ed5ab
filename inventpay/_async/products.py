# The source of inventpay/_sync/products.py; after a change run: python tools/generate_sync.py
"""``client.store.products``: what the store sells."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cached_property, partial
from typing import TYPE_CHECKING, Any

from .._api import products as calls
from .._api.amounts import Amount
from .._api.listing import async_listing
from .._api.page_walk import OnUnread
from .._api.page_walk import on_unread as unread_rule
from .._core.annotations import readable
from ..models.products import DigitalContent, Product
from ..models.stores import Confirmation
from ..options import UNSET, CallOptions, Unset
from .paging import AsyncPage, AsyncTurn
from .transport import AsyncTransport

if TYPE_CHECKING:
    from .key_pools import AsyncKeyPoolCalls


@readable
class AsyncProductCalls:
    """Products of the store."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    @cached_property
    def keys(self) -> AsyncKeyPoolCalls:
        """Keys of which each buyer gets one."""
        from .key_pools import AsyncKeyPoolCalls

        return AsyncKeyPoolCalls(self._transport, self._options)

    async def create(
        self,
        *,
        name: str,
        price: Amount,
        currency: str | None = "USD",
        description: str | None = None,
        images: Sequence[str] | None = None,
        stock: int | None = None,
        digital_content: DigitalContent | None = None,
        content_type: str | None = None,
        skill_content: str | None = None,
        variants: Sequence[Mapping[str, Any]] | None = None,
        metadata: Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Product:
        """Add a product (vendor's SDKs; bounds: its MCP server).

        ``name`` has 1 to 200 characters, ``description`` at most 5,000; ``price`` is 0.01 to 1,000,000, exact;
        ``images`` are at most 10 https URLs; ``stock`` is 0 to 999,999, and without it there is no limit.
        ``content_type`` ``"SKILL"`` goes with ``skill_content`` of at most 100,000 characters. The vendor's SDKs send
        the currency ``USD``, its MCP server none at all (``None``), since prices are in USDT.

        >>> async with AsyncInventPay() as client:
        ...     product = await client.store.products.create(name="Premium Template Pack", price="29.99", stock=100)
        ...     print(product.id, product.price)

        Raises InvalidArgumentError before anything is sent, and the errors of every call.
        """
        async with self._transport.building(idempotency_key):
            call = calls.create(
                name=name,
                price=price,
                currency=currency,
                description=description,
                images=images,
                stock=stock,
                digital_content=digital_content,
                content_type=content_type,
                skill_content=skill_content,
                variants=variants,
                metadata=metadata,
                idempotency_key=idempotency_key,
            )
        return await self._transport.send(call, self._options)

    async def update(
        self,
        product_id: str,
        *,
        name: str | Unset = UNSET,
        price: Amount | Unset = UNSET,
        currency: str | Unset = UNSET,
        description: str | Unset | None = UNSET,
        images: Sequence[str] | Unset | None = UNSET,
        stock: int | Unset | None = UNSET,
        is_active: bool | Unset = UNSET,
        digital_content: DigitalContent | Unset | None = UNSET,
        content_type: str | Unset = UNSET,
        skill_content: str | Unset | None = UNSET,
        variants: Sequence[Mapping[str, Any]] | Unset | None = UNSET,
        metadata: Mapping[str, Any] | Unset | None = UNSET,
        sort_order: int | Unset = UNSET,
    ) -> Product:
        """Change only the given values; ``None`` clears one: ``stock=None`` is stock without limit.

        Bounds are those of ``create``; ``sort_order`` is 0 to 9,999. A new name makes a new address, and the content
        type ``GENERAL`` clears what only a skill has (vendor's MCP server).

        >>> async with AsyncInventPay() as client:
        ...     product = await client.store.products.update("prod1", price="24.99", stock=None)
        ...     print(product.stock)

        Raises InvalidArgumentError for a change of nothing, NotFoundError for an unknown id, and the errors of every
        call.
        """
        call = calls.update(
            product_id,
            name=name,
            price=price,
            currency=currency,
            description=description,
            images=images,
            stock=stock,
            is_active=is_active,
            digital_content=digital_content,
            content_type=content_type,
            skill_content=skill_content,
            variants=variants,
            metadata=metadata,
            sort_order=sort_order,
        )
        return await self._transport.send(call, self._options)

    async def delete(self, product_id: str) -> Confirmation:
        """Take a product out of the store.

        One that was ordered is only made inactive, any other one is gone for good (vendor's skill document).

        >>> async with AsyncInventPay() as client:
        ...     print((await client.store.products.delete("prod1")).message)

        Raises NotFoundError for an unknown id, InvalidArgumentError for what is no id, and the errors of every call.
        """
        return await self._transport.send(calls.delete(product_id), self._options)

    @async_listing
    async def list(
        self, *, search: str | None = None, page: int = 1, limit: int | None = None, on_unread: OnUnread = "raise"
    ) -> AsyncPage[Product]:
        """Return the products, or those that match ``search`` (vendor's SDKs; bounds: its MCP server).

        Iterating gives all products from page ``page`` on; every request asks for ``limit`` of them, 1 to 50, or
        where it is left out for as many as the API chooses. The result of the call itself is the first page, with
        ``items`` and ``total``.

        >>> async with AsyncInventPay() as client:
        ...     async for product in client.store.products.list(search="mug"):
        ...         print(product.name, product.price)

        Raises InvalidArgumentError for a page or limit out of bounds, and the errors of every call.
        """
        build = partial(calls.page, search=search, limit=limit)
        return await AsyncTurn(self._transport, self._options, build, page, unread_rule(on_unread)).take()
