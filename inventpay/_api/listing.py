"""The result of ``list(...)`` before it is awaited. The blocking client has no such type: it returns the first page."""

from __future__ import annotations

import functools
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Generator
from typing import TYPE_CHECKING, Any, Generic, ParamSpec, Self, TypeVar

if TYPE_CHECKING:
    from .._async.paging import AsyncPage

T = TypeVar("T")
F = TypeVar("F")
P = ParamSpec("P")


class AsyncListing(Generic[T]):
    """A list that is fetched on use: await it for its first page, or iterate over all its items.

    >>> async with AsyncInventPay() as client:
    ...     async for product in client.store.products.list(search="mug"):
    ...         print(product.name, product.price)
    ...     page = await client.store.products.list(limit=20)
    ...     print(page.total, page.items)

    Every ``await`` and every iteration sends new requests. Iterating raises the same errors as awaiting.
    """

    __slots__ = ("_ask",)

    def __init__(self, ask: Callable[[], Coroutine[Any, Any, AsyncPage[T]]]) -> None:
        self._ask = ask

    def __await__(self) -> Generator[Any, Any, AsyncPage[T]]:
        return self._ask().__await__()

    def __aiter__(self) -> AsyncIterator[T]:
        async def open_items() -> AsyncIterator[T]:
            return (await self._ask()).__aiter__()

        return _Opened(open_items)

    def pages(self) -> AsyncIterator[AsyncPage[T]]:
        """Return all pages, one by one.

        >>> async with AsyncInventPay() as client:
        ...     async for page in client.store.products.list(limit=50).pages():
        ...         print(page.number, len(page.items))

        Raises what awaiting raises.
        """

        async def open_pages() -> AsyncIterator[AsyncPage[T]]:
            return (await self._ask()).pages()

        return _Opened(open_pages)

    def __repr__(self) -> str:
        return "<AsyncListing, not asked for yet: await it for its first page, or iterate over it with async for>"

    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> object:
            raise AttributeError(
                f"an AsyncListing has no {name!r}; its pages have what the API said: (await ...list(...)).total",
                name=name,
                obj=self,
            )


class _Opened(AsyncIterator[T], Generic[T]):
    """An iterator that is made with its first step, and keeps nothing of what it was made from."""

    def __init__(self, make: Callable[[], Awaitable[AsyncIterator[T]]]) -> None:
        self._make = make
        self._made: AsyncIterator[T] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        if self._made is None:
            self._made = await self._make()
        return await self._made.__anext__()


def async_listing(ask: Callable[P, Coroutine[Any, Any, AsyncPage[T]]]) -> Callable[P, AsyncListing[T]]:
    """Let a call for the first page be iterated over without being awaited."""

    @functools.wraps(ask)
    def listed(*args: P.args, **kwargs: P.kwargs) -> AsyncListing[T]:
        return AsyncListing(functools.partial(ask, *args, **kwargs))

    return listed


def listing(ask: F) -> F:
    """Return the blocking counterpart: a page can be iterated over as it is."""
    return ask
