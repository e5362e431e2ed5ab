"""The result of ``list(...)`` where calls are awaited: no request is sent before it is awaited or iterated over."""

from __future__ import annotations

import inspect

import pytest

from inventpay import AsyncListing, InvalidArgumentError
from tests.support.api import ScriptedAPI
from tests.support.clients import scripted_async_client
from tests.support.lists import ListAPI


async def test_nothing_is_asked_for_before_it_is_wanted() -> None:
    """A listing is a question; each ``await`` and each iteration asks it again, from the first page."""
    served = ListAPI(3)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        listing = client.store.products.list(limit=2)
        assert isinstance(listing, AsyncListing)
        assert served.asked == []
        assert (await listing).total == 3
        assert served.asked == ["page=1&limit=2"]
        for _ in range(2):
            assert [product.id async for product in listing] == ["p1", "p2", "p3"]
        assert served.asked == ["page=1&limit=2", *["page=1&limit=2", "page=2&limit=2"] * 2]


async def test_pages_of_a_listing() -> None:
    """``pages`` needs no ``await`` either."""
    async with scripted_async_client(ScriptedAPI(ListAPI(3))) as client:
        pages = client.store.products.list(limit=2).pages()
        assert [(page.number, page.total) async for page in pages] == [(1, 3), (2, 3)]


async def test_iterating_raises_what_awaiting_raises() -> None:
    """Arguments are checked when the question is asked."""
    async with scripted_async_client(ScriptedAPI()) as client:
        listing = client.store.products.list(limit=51)
        with pytest.raises(InvalidArgumentError, match="limit=51 must be between 1 and 50"):
            await listing
        with pytest.raises(InvalidArgumentError, match="limit=51 must be between 1 and 50"):
            _ = [product async for product in listing]


async def test_a_forgotten_await_is_explained() -> None:
    """An attribute that only a page has raises an error on a listing, which says how to get at it."""
    async with scripted_async_client(ScriptedAPI()) as client:
        listing = client.store.products.list()
        with pytest.raises(AttributeError, match="no 'total'; its pages have what the API said"):
            _ = listing.total  # type: ignore[attr-defined]
    assert repr(listing) == (
        "<AsyncListing, not asked for yet: await it for its first page, or iterate over it with async for>"
    )


def test_the_call_keeps_its_name_and_its_documentation() -> None:
    """``help`` and IDEs show what was written."""
    from inventpay._async.products import AsyncProductCalls

    assert AsyncProductCalls.list.__name__ == "list"
    assert list(inspect.signature(AsyncProductCalls.list).parameters) == [
        "self",
        "search",
        "page",
        "limit",
        "on_unread",
    ]
    assert (AsyncProductCalls.list.__doc__ or "").startswith("Return the products")
