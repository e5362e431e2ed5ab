# The source of tests/_sync/test_paging.py; after a change run: python tools/generate_sync.py
"""Lists: a typed page, and all items of all pages after it, asked for one page at a time."""

from __future__ import annotations

import json
import pickle
from decimal import Decimal

import httpx
import pytest

from inventpay import (
    AsyncInventPay,
    BadRequestError,
    DecodeError,
    InvalidArgumentError,
    RateLimits,
    UnreadRowsError,
)
from inventpay._api import products
from inventpay.sandbox import Sandbox, Unlimited
from inventpay.sandbox.store.products import NewProduct
from inventpay.sandbox.store.stores import NewStore
from tests.support.api import ScriptedAPI, answers
from tests.support.clients import new_key, scripted_async_client
from tests.support.clock import Clock
from tests.support.lists import ListAPI
from tests.support.live_objects import LiveObjects


async def test_iterating_gives_every_item_in_order() -> None:
    """Three pages, three requests, every product once."""
    served = ListAPI(5)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        names = [product.id async for product in client.store.products.list(search="a b&c", limit=2)]
    assert names == ["p1", "p2", "p3", "p4", "p5"]
    assert served.asked == [f"page={page}&limit=2&search=a%20b%26c" for page in (1, 2, 3)]


async def test_the_call_itself_gives_the_first_page() -> None:
    """With its items, and what the API says of the whole list; nothing more is asked for."""
    served = ListAPI(5)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        page = await client.store.products.list(limit=2)
        assert [product.name for product in page.items] == ["P1", "P2"]
        assert page.items[0].price == Decimal("1.50")
        assert (page.number, page.limit, page.total, page.page_count, page.has_next) == (1, 2, 5, 3, True)
        assert page.raw["pagination"]["total"] == 5
        assert served.asked == ["page=1&limit=2"]
        assert [product.id async for product in page] == ["p1", "p2", "p3", "p4", "p5"]
        assert len(served.asked) == 3


async def test_a_page_is_asked_for_when_the_one_before_is_used_up() -> None:
    """An iteration that stops early has requested no page too many."""
    served = ListAPI(6)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        items = (await client.store.products.list(limit=2)).__aiter__()
        for count, requests in ((1, 1), (2, 1), (3, 2), (4, 2)):
            assert (await items.__anext__()).id == f"p{count}"
            assert len(served.asked) == requests


async def test_pages_one_by_one() -> None:
    """``pages`` gives the pages themselves; ``next_page`` one step of them."""
    served = ListAPI(5)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        pages = [page async for page in (await client.store.products.list(page=2, limit=2)).pages()]
        assert [(page.number, len(page.items)) for page in pages] == [(2, 2), (3, 1)]
        last = await pages[0].next_page()
        assert last is not None
        assert (last.number, last.has_next) == (3, False)
        assert await last.next_page() is None
        assert [product.id async for product in last] == ["p5"]


async def test_an_empty_list() -> None:
    """An empty list has one page without items."""
    served = ListAPI(0)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        assert [product async for product in client.store.products.list()] == []
        page = await client.store.products.list()
        assert (page.items, page.total, page.page_count) == ((), 0, 0)
        assert [page.number async for page in page.pages()] == [1]


async def test_items_added_in_front_are_not_given_twice() -> None:
    """One new product before each page: the last of one page is the first of the next."""

    def add(names: list[str]) -> None:
        if len(names) < 8:
            names.insert(0, f"new{len(names)}")

    async with scripted_async_client(ScriptedAPI(ListAPI(5, add))) as client:
        names = [product.id async for product in client.store.products.list(limit=2)]
    assert names == ["p1", "p2", "p3", "p4", "p5"]


async def test_items_removed_meanwhile_end_the_list_sooner() -> None:
    """A list that shrinks below the page that is asked for next has ended."""
    async with scripted_async_client(ScriptedAPI(ListAPI(5, lambda names: names.clear()))) as client:
        assert [product.id async for product in client.store.products.list(limit=2)] == ["p1", "p2"]


async def test_an_iteration_goes_on_after_an_error() -> None:
    """A page that failed is requested again, and nothing is lost."""
    served = ListAPI(4)
    served.refuse = [2]
    async with scripted_async_client(ScriptedAPI(served)) as client:
        items = (await client.store.products.list(limit=2)).__aiter__()
        names = [(await items.__anext__()).id, (await items.__anext__()).id]
        with pytest.raises(BadRequestError, match="Not now"):
            await items.__anext__()
        names += [product.id async for product in items]
    assert names == ["p1", "p2", "p3", "p4"]


async def test_a_server_that_ignores_the_page_is_found_out() -> None:
    """It says itself that it gave another page: an error that names both, instead of the first page for ever."""
    first = ScriptedAPI(
        answers(
            200,
            {
                "data": {
                    "products": [{"id": "p1", "name": "P", "price": 1}],
                    "pagination": {"page": 1, "total": 3, "limit": 1},
                }
            },
        )
    )
    async with scripted_async_client(first) as client:
        items = (await client.store.products.list(limit=1)).__aiter__()
        await items.__anext__()
        with pytest.raises(DecodeError, match="page is 1, but page 2 was asked for") as caught:
            await items.__anext__()
        assert (caught.value.method, caught.value.path) == ("GET", "/v1/store/manage/products?page=2&limit=1")


async def test_a_list_without_end_is_found_out() -> None:
    """A server that gives the same products under every number; the error says which call it was."""
    endless = ListAPI(10_000)
    endless.names = ["same"] * 10_000
    async with scripted_async_client(ScriptedAPI(endless)) as client:
        items = (await client.store.products.list(limit=1)).__aiter__()
        assert (await items.__anext__()).id == "same"
        with pytest.raises(DecodeError, match="the list does not end") as caught:
            await items.__anext__()
        assert (caught.value.method, caught.value.path) == ("GET", "/v1/store/manage/products?page=11&limit=1")
        assert len(endless.asked) == 11


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"page": 0}, "page=0 must be between 1 and 100000"),
        ({"page": True}, "page must be a whole number, not bool"),
        ({"limit": 0}, "limit=0 must be between 1 and 50"),
        ({"limit": 51}, "limit=51 must be between 1 and 50"),
        ({"limit": 2.0}, "limit must be a whole number, not float"),
        ({"search": 1}, "search must be a str, not int"),
        ({"search": "x" * 201}, "search has 201 characters; at most 200 are allowed"),
    ],
)
async def test_bounds_are_kept_locally(options: dict[str, object], problem: str) -> None:
    """A value out of bounds is refused with the bound, and nothing is sent."""
    api = ScriptedAPI(ListAPI(1))
    async with scripted_async_client(api) as client:
        with pytest.raises(InvalidArgumentError) as caught:
            await client.store.products.list(**options)
    assert caught.value.message == problem
    assert (caught.value.method, caught.value.path) == ("GET", "/v1/store/manage/products")
    assert api.requests == []


async def test_pages_show_themselves_and_stay_at_home() -> None:
    """The repr says where a page stands; it leads back to its client, so it is not pickled."""
    async with scripted_async_client(ScriptedAPI(ListAPI(5))) as client:
        page = await client.store.products.list(limit=2)
    assert repr(page) == f"<{type(page).__name__} 1 of 3: 2 of 5 items>"
    with pytest.raises(TypeError, match="pickle its items"):
        pickle.dumps(page)
    assert pickle.loads(pickle.dumps(page.items)) == page.items


@pytest.mark.parametrize("count", [1_000, pytest.param(10_000, marks=pytest.mark.soak)])
async def test_a_long_list_never_fills_more_than_two_pages(count: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Over pages of 50: exactly one request for each, and at most 100 products alive at any moment."""
    live_objects = LiveObjects()
    monkeypatch.setattr(products, "read_one", live_objects.counts(products.read_one))
    sandbox = Sandbox(api_key=new_key(), rate_limits=Unlimited())
    sandbox.shop.create(NewStore(name="Large shop"))
    for number in range(count):
        sandbox.shop.create_product(NewProduct(name=f"Product {number}", price=Decimal(1), currency="USD"))
    names: set[str] = set()
    with sandbox.run() as server:
        limits = RateLimits(other=1_000)
        async with AsyncInventPay(sandbox.api_key, base_url=server.url, rate_limits=limits) as client:
            async for product in client.store.products.list(limit=50):
                names.add(product.id)
            del product
    assert len(names) == live_objects.made == count
    assert sandbox.request_counts == {("GET /v1/store/manage/products", 200): count // 50}
    assert 50 <= live_objects.most <= 100
    assert live_objects.alive == 0


def malformed_page(request: httpx.Request, clock: Clock) -> httpx.Response:
    """Two pages of three records, one of which on each page is odd, and no counts."""
    del clock
    page = int(request.url.params["page"])
    records: list[object] = [{"id": f"p{page}", "price": "1.50"}, {"id": f"odd{page}", "price": None}]
    records += [5, {"id": f"q{page}", "price": 1, "createdAt": "soon"}] if page == 1 else []
    data = {"products": records, "pagination": {"total": "6", "pages": 2}}
    return httpx.Response(200, content=json.dumps({"success": True, "data": data}))


async def test_a_malformed_record_does_not_take_its_list_along(caplog: pytest.LogCaptureFixture) -> None:
    """All others are given, to the end of the list; then an error names those that were left out."""
    async with scripted_async_client(ScriptedAPI(malformed_page)) as client:
        items = (await client.store.products.list(limit=4)).__aiter__()
        names = [(await items.__anext__()).id for _ in range(3)]
        with pytest.raises(UnreadRowsError) as caught:
            await items.__anext__()
        # The walk is over: it is not an error for ever.
        with pytest.raises(StopAsyncIteration):
            await items.__anext__()
    assert names == ["p1", "q1", "p2"]
    assert [(row.id, row.path) for row in caught.value.rows] == [
        ("odd1", "$.data.products[1]"),
        (None, "$.data.products[2]"),
        ("odd2", "$.data.products[1]"),
    ]
    assert caught.value.rows[1].raw == 5
    assert caught.value.message.startswith(
        "3 records of the list could not be read and were left out; the first: "
        "$.data.products[1].price is null, not money."
    )
    assert pickle.loads(pickle.dumps(caught.value)).rows == caught.value.rows
    warnings = [record.getMessage() for record in caplog.records if "records of" in record.getMessage()]
    assert len(warnings) == 2
    assert "$.data.products[1].price is null, not money; $.data.products[2] is a number" in warnings[0]


async def test_malformed_records_can_be_skipped() -> None:
    """Skipped odd records are in ``page.unread``."""
    async with scripted_async_client(ScriptedAPI(malformed_page)) as client:
        listing = client.store.products.list(limit=4, on_unread="skip")
        assert [product.id async for product in listing] == ["p1", "q1", "p2"]
        page = await client.store.products.list(limit=4)
        assert [product.id for product in page.items] == ["p1", "q1"]
        assert [row.id for row in page.unread] == ["odd1", None]
        assert page.items[1].unread == ("$.data.products[3].createdAt",)
        assert [len(each.unread) async for each in page.pages()] == [2, 1]
        assert page.total == 6


async def test_an_unknown_rule_for_malformed_records_is_refused() -> None:
    """An unknown rule is refused before anything is sent."""
    async with scripted_async_client(ScriptedAPI(malformed_page)) as client:
        with pytest.raises(InvalidArgumentError, match='on_unread=\'ignore\' must be "raise" or "skip"'):
            await client.store.products.list(on_unread="ignore")  # type: ignore[arg-type]


async def test_a_walk_without_a_limit_follows_the_pages_of_the_api() -> None:
    """The API chooses the size of a page, which no source documents for every list; all items come, once each."""
    served = ListAPI(45)
    async with scripted_async_client(ScriptedAPI(served)) as client:
        names = [product.id async for product in client.store.products.list()]
        assert names == served.names
        assert served.asked == [f"page={page}" for page in (1, 2, 3)]
