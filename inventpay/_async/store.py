# The source of inventpay/_sync/store.py; after a change run: python tools/generate_sync.py
"""``client.store``: the store, its products and orders."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import TYPE_CHECKING, Any

from .._api import orders
from .._api import stores as calls
from .._core.annotations import readable
from ..models.checkout import CheckoutItem
from ..models.orders import Checkout
from ..models.stores import Store, StoreAnalytics, StoreSettings
from ..options import UNSET, CallOptions, Unset
from .transport import AsyncTransport

if TYPE_CHECKING:
    from .orders import AsyncOrderCalls
    from .products import AsyncProductCalls


@readable
class AsyncStoreCalls:
    """The store, its products and orders. A merchant has one."""

    def __init__(self, transport: AsyncTransport, options: CallOptions) -> None:
        self._transport = transport
        self._options = options

    @cached_property
    def products(self) -> AsyncProductCalls:
        """Products of the store."""
        from .products import AsyncProductCalls

        return AsyncProductCalls(self._transport, self._options)

    @cached_property
    def orders(self) -> AsyncOrderCalls:
        """Orders of the store."""
        from .orders import AsyncOrderCalls

        return AsyncOrderCalls(self._transport, self._options)

    async def get(self) -> Store:
        """Return the store (vendor's SDKs).

        >>> async with AsyncInventPay() as client:
        ...     store = await client.store.get()
        ...     print(store.name, store.is_published, store.product_count)

        Raises NotFoundError where there is none yet, and the errors of every call.
        """
        return await self._transport.send(calls.get(), self._options)

    async def create(
        self,
        *,
        name: str,
        description: str | None = None,
        logo: str | None = None,
        banner: str | None = None,
        settings: StoreSettings | Mapping[str, Any] | None = None,
        idempotency_key: str | None = None,
    ) -> Store:
        """Open the store (vendor's SDKs; bounds: its MCP server). Its address is made from the name.

        ``name`` has 2 to 100 characters, ``description`` at most 1,000; ``logo`` and ``banner`` are https URLs.

        >>> async with AsyncInventPay() as client:
        ...     store = await client.store.create(name="My Digital Shop", description="Premium digital products")
        ...     print(store.slug)

        Raises InvalidArgumentError before anything is sent, and the errors of every call. How the API refuses a second
        store, no source says; the sandbox raises BadRequestError.
        """
        async with self._transport.building(idempotency_key):
            call = calls.create(
                name=name,
                description=description,
                logo=logo,
                banner=banner,
                settings=settings,
                idempotency_key=idempotency_key,
            )
        return await self._transport.send(call, self._options)

    async def update(
        self,
        *,
        name: str | Unset = UNSET,
        description: str | Unset | None = UNSET,
        logo: str | Unset | None = UNSET,
        banner: str | Unset | None = UNSET,
        is_published: bool | Unset = UNSET,
        settings: StoreSettings | Mapping[str, Any] | Unset | None = UNSET,
    ) -> Store:
        """Change only the given values; ``None`` clears one. Bounds are those of ``create``.

        A new name makes a new address. Settings that came from the API and were changed with ``attrs.evolve`` keep the
        members that this version does not model; a mapping is sent as it is.

        >>> async with AsyncInventPay() as client:
        ...     store = await client.store.update(description=None, is_published=True)
        ...     print(store.description)

        Raises InvalidArgumentError for a change of nothing, and the errors of every call.
        """
        call = calls.update(
            name=name,
            description=description,
            logo=logo,
            banner=banner,
            is_published=is_published,
            settings=settings,
        )
        return await self._transport.send(call, self._options)

    async def analytics(self) -> StoreAnalytics:
        """Return figures of the store by the API's own names (vendor's skill document, which shows none of them).

        >>> async with AsyncInventPay() as client:
        ...     for name, figure in (await client.store.analytics()).items():
        ...         print(name, figure)

        Raises the errors of every call.
        """
        return await self._transport.send(calls.analytics(), self._options)

    async def checkout(
        self,
        slug: str,
        *,
        items: Iterable[CheckoutItem],
        customer_email: str | None = None,
        customer_name: str | None = None,
        currency: str | None = None,
        idempotency_key: str | None = None,
    ) -> Checkout:
        """Create an order and its payment, as a buyer does (vendor's skill document).

        ``slug`` is the store's part of its address; ``currency`` the coin to pay in. Sent without any key.

        >>> async with AsyncInventPay() as client:
        ...     checkout = await client.store.checkout(
        ...         "my-digital-shop", items=[CheckoutItem("prod_1", quantity=2)], customer_email="ada@example.com"
        ...     )
        ...     print(checkout.invoice_url)

        Raises InvalidArgumentError before anything is sent, and the errors of every call.
        """
        async with self._transport.building(idempotency_key):
            call = orders.checkout(
                slug,
                items=items,
                customer_email=customer_email,
                customer_name=customer_name,
                currency=currency,
                idempotency_key=idempotency_key,
            )
        return await self._transport.send(call, self._options)
