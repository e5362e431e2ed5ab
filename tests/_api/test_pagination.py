"""The numbers of a page, and what a walk over all pages must notice."""

from __future__ import annotations

import random
from typing import Any

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from inventpay._api import page_walk as paging
from inventpay._api.page_walk import PageFacts, Walk, has_next
from inventpay._api.pagination import read_page
from inventpay.errors import DecodeError, InvalidArgumentError, UnreadRow
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
        has_next=has_next(number, page_count, rows=len(ids), limit=limit, said=None),
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
    """Nothing follows an empty page, also where its numbers say otherwise."""
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
        (listed("", {"total": 9, "page": 2, "pages": 5}), "$.data.pagination.page is 2, but page 1 was asked for"),
        (listed("", {"page": 2}), "$.data.pagination.page is 2, but page 1 was asked for"),
    ],
)
def test_a_page_of_something_else_is_an_error(body: Any, problem: str) -> None:
    """A page that is none, or another one, is an error, never an end that comes too early."""
    with pytest.raises(DecodeError) as caught:
        read(body)
    assert str(caught.value) == problem


@pytest.mark.parametrize(
    ("pagination", "expected"),
    [
        ({"page": "1", "limit": "2", "total": "5", "pages": "3"}, (1, 2, 5, 3, True)),
        ({"totalCount": "5", "totalPages": None}, (1, 2, 5, 3, True)),
        ({"total": "many", "pages": 3}, (1, 2, None, 3, True)),
        ({"total": True, "pages": 1}, (1, 2, None, 1, False)),
        ({"total": -1, "pages": []}, (1, 2, None, None, True)),
        ({"total": 5, "limit": 0}, (1, 2, 5, 3, True)),
        ({"total": 5, "hasNext": "no"}, (1, 2, 5, 3, True)),
        ({"total": 10**400}, (1, 2, None, None, True)),
        ({"total": "9" * 400}, (1, 2, None, None, True)),
        ({"hasNext": True}, (1, 2, None, None, True)),
        ({"hasNext": False}, (1, 2, None, None, False)),
        ({}, (1, 2, None, None, True)),
        ([], (1, 2, None, None, True)),
        (None, (1, 2, None, None, True)),
    ],
)
def test_counts_that_cannot_be_read_harm_no_list(pagination: Any, expected: tuple[Any, ...]) -> None:
    """Counts may be text; odd ones are ``None``, and a full page is then followed by another request."""
    found = read(listed("ab", pagination))
    assert (found.number, found.limit, found.total, found.page_count, found.has_next) == expected


def test_without_counts_a_page_that_is_not_full_is_the_last() -> None:
    """The end is judged by the records received, readable or not."""
    assert not read(listed("a", None)).has_next
    assert read({"data": {"things": [{"id": "a"}, 5]}}).has_next


def test_a_record_that_cannot_be_read_is_left_out_and_kept() -> None:
    """The items are the readable ones; the others are there as they came, with the reason."""

    def odd(item: dict[str, Any], path: str) -> str:
        if item["id"] == "b":
            raise DecodeError(f"{path}.price is null, not money", json_path=f"{path}.price")
        return str(item["id"])

    body = listed("abc", {"total": 4, "pages": 1})
    body["data"]["things"].insert(1, 5)
    found = read_page(body, "things", odd, number=1, limit=4)
    assert (found.items, found.ids) == (("a", "c"), ("a", "c"))
    assert found.unread == (
        UnreadRow(path="$.data.things[1]", raw=5, problem="$.data.things[1] is a number, not an object"),
        UnreadRow(
            path="$.data.things[2]", raw={"id": "b"}, problem="$.data.things[2].price is null, not money", id="b"
        ),
    )


# All pages


def row(name: str | None, raw: Any = None) -> UnreadRow:
    return UnreadRow(path="$.data.things[0]", raw={"id": name} if raw is None else raw, problem="odd", id=name)


def test_a_walk_keeps_records_that_cannot_be_read_once() -> None:
    """One that was pushed onto the next page is known by its id, or by its own words where it has none."""
    walk = Walk()
    rows = (row("x"), row(None, 5))
    walk.arrived(evolve(facts("ab", 1), unread=rows))
    walk.arrived(evolve(facts("cd", 2), unread=(*rows, row("y"))))
    assert [(kept.id, kept.raw) for kept in walk.unread] == [("x", {"id": "x"}), (None, 5), ("y", {"id": "y"})]


def test_pages_of_unreadable_records_are_no_repetition(monkeypatch: pytest.MonkeyPatch) -> None:
    """A list whose records are all odd is walked to its end, and not all of them are kept."""
    monkeypatch.setattr(paging, "UNREAD_KEPT", 15)
    walk = Walk()
    for number in range(1, 30):
        assert walk.arrived(evolve(facts("", number), has_next=True, unread=(row(f"x{number}"),))) == []
    assert [kept.id for kept in walk.unread] == [f"x{number}" for number in range(1, 16)]


@pytest.mark.parametrize("value", ["Raise", None, True, ""])
def test_the_rule_for_malformed_records_is_one_of_two(value: Any) -> None:
    """Anything else is refused before a request."""
    with pytest.raises(InvalidArgumentError, match='must be "raise" or "skip"'):
        paging.on_unread(value)


def test_an_item_pushed_onto_the_next_page_is_not_given_twice() -> None:
    """One added in front moves the last of each page to the next."""
    walk = Walk()
    assert walk.arrived(facts("ab", 1)) == ["a", "b"]
    assert walk.arrived(facts("bc", 2)) == ["c"]
    assert walk.arrived(facts("de", 3)) == ["d", "e"]


def test_a_whole_page_added_in_front_is_no_end() -> None:
    """The page after it is the one before it again, and nothing is wrong with that."""
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
def test_a_list_that_changes_is_read_to_its_end(length: int, limit: int, seed: int, removing: bool) -> None:
    """Items that are added and removed meanwhile cause no error and no item twice; added ones cost none."""
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
