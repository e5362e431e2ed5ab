# The source of inventpay/_sync/paging.py; after a change run: python tools/generate_sync.py
"""One page of a list, and the way from there to all that follow."""

from __future__ import annotations

from collections import deque
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, Self, TypeVar

from attrs import evolve, frozen

from .._api.call import Call
from .._api.page_walk import OnUnread, PageFacts, Walk, unread_rows
from .._core.annotations import readable
from ..errors import DecodeError, UnreadRow
from ..options import CallOptions
from .transport import AsyncTransport

if TYPE_CHECKING:
    from ..models.call_meta import CallMeta

T = TypeVar("T")


@frozen
class AsyncTurn(Generic[T]):
    """Request one page."""

    transport: AsyncTransport
    options: CallOptions
    build: Callable[[int], Call[PageFacts[T]]]
    """The call for the page of a number."""
    number: int
    on_unread: OnUnread = "raise"

    async def ask(self) -> PageFacts[T]:
        """Send the call."""
        return await self.transport.send(self.build(self.number), self.options)

    def after(self, facts: PageFacts[T]) -> AsyncTurn[T] | None:
        """Return the request for the next page, ``None`` where there is none."""
        return evolve(self, number=self.number + 1) if facts.has_next else None

    async def take(self) -> AsyncPage[T]:
        """Ask for the page, and return it with the way from there."""
        facts = await self.ask()
        return AsyncPage(facts, self.after(facts), self.on_unread)


@readable
class AsyncPage(Generic[T]):
    """One page of a list. ``items`` are its own; iterating goes on through all pages that follow.

    >>> async with AsyncInventPay() as client:
    ...     page = await client.store.products.list(limit=20)
    ...     print(f"{len(page.items)} of {page.total} products")
    ...     async for product in page:  # all of them
    ...         print(product.name, product.price)

    A page is asked for when the one before it has been used up, never sooner, and no page is kept. The list may change
    meanwhile: an item that was pushed from one page to the next is not given twice, one that was pulled forward by a
    removal is missed. A record that cannot be read is left out and kept in ``unread``, and a walk over all items raises
    UnreadRowsError after the last one, unless ``list`` was called with ``on_unread="skip"``. An iteration that an error
    ended can be taken up again where it stopped, with another ``next``.
    """

    __slots__ = (
        "__weakref__",
        "_on_unread",
        "_page_facts",
        "_turn",
        "has_next",
        "items",
        "limit",
        "meta",
        "number",
        "page_count",
        "raw",
        "total",
        "unread",
    )

    def __init__(self, facts: PageFacts[T], turn: AsyncTurn[T] | None, on_unread: OnUnread = "raise") -> None:
        self._page_facts = facts
        self._turn = turn
        self._on_unread: OnUnread = on_unread
        self.items: Final[tuple[T, ...]] = facts.items
        """Items of this page."""
        self.unread: Final[tuple[UnreadRow, ...]] = facts.unread
        """Records of this page that could not be read, and so are no items."""
        self.number: Final[int] = facts.number
        """Number of the page, from 1."""
        self.limit: Final[int] = facts.limit
        """Number of items on a full page."""
        self.total: Final[int | None] = facts.total
        """Number of items in the whole list; ``None`` where the answer has none."""
        self.page_count: Final[int | None] = facts.page_count
        """Number of pages in the whole list; ``None`` where the answer has none."""
        self.has_next: Final[bool] = facts.has_next
        """Whether another page follows."""
        self.meta: Final[CallMeta | None] = facts.meta
        """Exchange that the page came from: status, headers, attempts."""
        self.raw: Final[Mapping[str, Any]] = facts.raw
        """JSON object that the page was made from."""

    async def next_page(self) -> AsyncPage[T] | None:
        """Return the page after this one, ``None`` after the last.

        >>> async with AsyncInventPay() as client:
        ...     second = await (await client.store.products.list(limit=20)).next_page()

        Raises the errors of the call that gave this page.
        """
        return None if self._turn is None else await self._turn.take()

    def pages(self) -> AsyncPages[T]:
        """Yield this page, and then all following pages, in the order of the API.

        >>> async with AsyncInventPay() as client:
        ...     async for page in client.store.products.list().pages():
        ...         print(page.number, len(page.items))

        Raises the errors of the call that gave this page, and DecodeError for a list that has no end.
        """
        return AsyncPages(self._page_facts, self._turn, self._on_unread)

    def __aiter__(self) -> AsyncItems[T]:
        return AsyncItems(AsyncPages(self._page_facts, self._turn), self._on_unread)

    def __repr__(self) -> str:
        pages, total = ("?" if count is None else count for count in (self.page_count, self.total))
        return f"<{type(self).__name__} {self.number} of {pages}: {len(self.items)} of {total} items>"

    def __reduce__(self) -> NoReturn:
        raise TypeError("a page leads back to its client, so it cannot be pickled; pickle its items")


@readable
class AsyncPages(AsyncIterator[AsyncPage[T]], Generic[T]):
    """Page after page, asked for one at a time."""

    def __init__(self, first: PageFacts[T], turn: AsyncTurn[T] | None, on_unread: OnUnread = "raise") -> None:
        self._walk = Walk()
        self._on_unread: OnUnread = on_unread
        self._first: PageFacts[T] | None = first
        self._turn = turn

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> AsyncPage[T]:
        facts, _ = await self.advance()
        return AsyncPage(facts, self._turn, self._on_unread)

    async def advance(self) -> tuple[PageFacts[T], Sequence[T]]:
        """Return the next page, and its items without those that the page before it held."""
        facts, self._first = self._first, None
        if facts is not None:
            return facts, self._walk.arrived(facts)
        turn = self._turn
        if turn is None:
            raise StopAsyncIteration
        facts = await turn.ask()
        try:
            fresh = self._walk.arrived(facts)
        except DecodeError as error:
            call = turn.build(turn.number)
            error.method, error.path = call.endpoint.method, call.path
            raise
        self._turn = turn.after(facts)
        return facts, fresh

    def raise_unread(self) -> None:
        """Raise UnreadRowsError, once, where records of the walk could not be read."""
        rows, self._walk.unread = tuple(self._walk.unread), []
        if rows:
            raise unread_rows(rows)


@readable
class AsyncItems(AsyncIterator[T], Generic[T]):
    """Item after item, through all pages."""

    def __init__(self, pages: AsyncPages[T], on_unread: OnUnread) -> None:
        self._pages = pages
        self._on_unread = on_unread
        self._left = deque[T]()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> T:
        while not self._left:
            try:
                _, fresh = await self._pages.advance()
            except StopAsyncIteration:
                if self._on_unread == "raise":
                    self._pages.raise_unread()
                raise
            self._left.extend(fresh)
        return self._left.popleft()
