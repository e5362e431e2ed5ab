"""What a page says of its list, and what a walk over all pages must notice."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from inventpay._api import page_walk as paging
from inventpay._api.page_walk import PageFacts, Walk, has_next
from inventpay._api.pagination import read_page
from inventpay.errors import DecodeError
from tests.support.documented import document


def listed(ids: Any, pagination: Any) -> dict[str, Any]:
    return {"success": True, "data": {"things": [{"id": name} for name in ids], "pagination": pagination}}


def read(body: Any, number: int = 1, limit: int = 2) -> PageFacts[str]:
    return read_page(body, "things", lambda item, path: str(item["id"]), number=number, limit=limit)


def facts(ids: str, number: int, *, page_count: int = 1_000, limit: int = 2) -> PageFacts[str]:
    return PageFacts(
        items=tuple(ids),
        ids=tuple(ids),
        number=number,
        limit=limit,
        total=page_count * limit,
        page_count=page_count,
        has_next=has_next(number, page_count, count=len(ids), said=None),
        raw={},
    )


# One page


def test_the_layout_of_the_store() -> None:
    """``{page, limit, total, pages}``, as the vendor's JavaScript SDK has it for products, keys and orders."""
    found = read(listed("ab", {"page": 2, "limit": 2, "total": 5, "pages": 3}), number=2)
    assert (found.items, found.ids) == (("a", "b"), ("a", "b"))
    assert (found.number, found.limit, found.total, found.page_count, found.has_next) == (2, 2, 5, 3, True)


def test_the_layout_of_the_webhooks() -> None:
    """``{page, limit, totalCount, totalPages, hasNext, hasPrev}``, as the same SDK has it for deliveries."""
    body = document("webhook_deliveries")
    found = read_page(body, "deliveries", lambda item, path: path, number=1, limit=10)
    assert found.items == ("$.data.deliveries[0]",)
    assert (found.number, found.limit, found.total, found.page_count, found.has_next) == (1, 10, 1, 1, False)
    assert found.raw == body["data"]


@pytest.mark.parametrize(
    ("pagination", "expected"),
    [
        ({"total": 5}, (1, 2, 5, 3, True)),
        ({"total": 5, "page": None, "limit": None, "pages": None}, (1, 2, 5, 3, True)),
        ({"total": 0, "pages": 0}, (1, 2, 0, 0, False)),
        ({"totalCount": 5, "limit": 1, "hasNext": None}, (1, 1, 5, 5, True)),
        ({"total": 5, "pages": 3, "hasNext": False}, (1, 2, 5, 3, False)),
        ({"total": 5, "pages": 1, "hasNext": True}, (1, 2, 5, 1, False)),
    ],
)
def test_what_is_not_said_follows_from_what_was_asked(pagination: Any, expected: tuple[Any, ...]) -> None:
    """Only the total must be there; and a list ends with the first sign of its end."""
    found = read(listed("ab", pagination))
    assert (found.number, found.limit, found.total, found.page_count, found.has_next) == expected


def test_an_empty_page_is_the_last() -> None:
    """Whatever the numbers say: nothing follows a page with nothing on it."""
    assert not read(listed("", {"page": 1, "limit": 2, "total": 5, "pages": 3, "hasNext": True})).has_next


def test_a_page_past_the_end_is_empty_even_where_the_api_gives_its_last_one() -> None:
    """A list that shrank while it was read ends; its last page is not read twice."""
    found = read(listed("ab", {"page": 2, "limit": 2, "total": 4, "pages": 2}), number=3)
    assert (found.items, found.number, found.has_next) == ((), 3, False)


@pytest.mark.parametrize(
    ("body", "problem"),
    [
        ({"data": {}}, "$.data.things is missing"),
        ({"data": {"things": None}}, "$.data.things is null, not a list"),
        ({"data": {"things": []}}, "$.data.pagination is missing"),
        ({"data": {"things": [], "pagination": []}}, "$.data.pagination is a list, not an object"),
        (listed("", {}), "$.data.pagination.total is missing"),
        (listed("", {"totalCount": None}), "$.data.pagination.totalCount is null, not a whole number"),
        (listed("", {"total": "5"}), "$.data.pagination.total is text, not a whole number"),
        (listed("", {"total": True}), "$.data.pagination.total is a boolean, not a whole number"),
        (listed("", {"total": -1}), "$.data.pagination.total is -1, which is less than 0"),
        (listed("", {"total": 1, "limit": 0}), "$.data.pagination.limit is 0, which is less than 1"),
        (listed("", {"total": 1, "totalPages": "1"}), "$.data.pagination.totalPages is text, not a whole number"),
        (listed("", {"total": 1, "hasNext": 1}), "$.data.pagination.hasNext is a number, not a boolean"),
        (listed("", {"total": 9, "page": 2, "pages": 5}), "$.data.pagination.page is 2, but page 1 was asked for"),
        ({"data": {"things": [1], "pagination": {"total": 1}}}, "$.data.things[0] is a number, not an object"),
    ],
)
def test_what_nobody_documents_is_named_with_its_path(body: Any, problem: str) -> None:
    """A page that cannot be understood is an error, never an end that comes too early."""
    with pytest.raises(DecodeError) as caught:
        read(body)
    assert str(caught.value) == problem


# All pages


def test_an_item_pushed_onto_the_next_page_is_not_given_twice() -> None:
    """One added in front moves the last of each page to the next."""
    walk = Walk()
    assert walk.arrived(facts("ab", 1)) == ["a", "b"]
    assert walk.arrived(facts("bc", 2)) == ["c"]
    assert walk.arrived(facts("de", 3)) == ["d", "e"]


def test_a_whole_page_added_in_front_is_no_end() -> None:
    """The page after it is the one before it once more, and nothing is wrong with that."""
    walk = Walk()
    assert [walk.arrived(facts(ids, number)) for number, ids in enumerate(("ab", "ab", "cd"), 1)] == [
        ["a", "b"],
        [],
        ["c", "d"],
    ]


@pytest.mark.parametrize("cycle", [("ab",), ("ab", "cd", "ef")])
def test_a_list_that_repeats_itself_ends_with_an_error(cycle: tuple[str, ...]) -> None:
    """Right numbers and old items for ever: after ten such pages it is over."""
    walk = Walk()
    pages = [facts(ids, number) for number, ids in enumerate(cycle * 20, 1)]
    fresh = [item for page in pages[: len(cycle)] for item in walk.arrived(page)]
    assert fresh == list("".join(cycle))
    assert [walk.arrived(page) for page in pages[len(cycle) : len(cycle) + 9]] == [[]] * 9
    with pytest.raises(DecodeError, match="does not end: its last 10 pages held only items of pages before"):
        walk.arrived(pages[-1])


def test_a_list_that_only_promises_more_ends_with_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """New items for ever: there is a bound for that too."""
    monkeypatch.setattr(paging, "MAX_PAGES", 5)
    walk = Walk()
    for number in range(1, 5):
        assert walk.arrived(facts(f"{2 * number}{2 * number + 1}"[:2], number))
    with pytest.raises(DecodeError, match="does not end: after 5 pages it promises another one"):
        walk.arrived(facts("xy", 5))


def test_the_last_page_is_no_promise(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list that is exactly as long as the bound can be read to its end."""
    monkeypatch.setattr(paging, "MAX_PAGES", 2)
    walk = Walk()
    walk.arrived(facts("ab", 1, page_count=2))
    assert walk.arrived(facts("cd", 2, page_count=2)) == ["c", "d"]


class Changing:
    """A list that others add to and remove from while it is read, newest first."""

    def __init__(self, length: int, limit: int, jitter: random.Random, removing: bool) -> None:
        self.items = list(range(length))[::-1]
        self.limit = limit
        self.jitter = jitter
        self.removing = removing
        self.next = length

    def page(self, number: int) -> dict[str, Any]:
        """One page as it stands, in a list that has changed once it is given."""
        start = (number - 1) * self.limit
        ids = [str(item) for item in self.items[start : start + self.limit]]
        pages = -(-len(self.items) // self.limit)
        body = listed(ids, {"page": number, "limit": self.limit, "total": len(self.items), "pages": pages})
        for _ in range(self.jitter.randrange(3)):
            self.items.insert(0, self.next)
            self.next += 1
        for _ in range(self.jitter.randrange(3) if self.removing else 0):
            if self.items:
                self.items.pop(self.jitter.randrange(len(self.items)))
        return body


@given(st.integers(0, 60), st.integers(3, 7), st.integers(0, 2**32), st.booleans())
@settings(max_examples=200, deadline=None)
def test_a_list_that_changes_is_read_to_its_end(length: int, limit: int, seed: int, removing: bool) -> None:
    """Whatever is added and removed meanwhile: no error, no item twice; what is only added costs none."""
    changing = Changing(length, limit, random.Random(seed), removing)
    walk = Walk()
    seen: list[str] = []
    number, more = 1, True
    while more:
        found = read(changing.page(number), number=number, limit=limit)
        seen += walk.arrived(found)
        number, more = number + 1, found.has_next
    assert len(seen) == len(set(seen))
    if not removing:
        assert set(map(str, range(length))) <= set(seen)
