"""Ask for pages of lists, and read them."""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from .._core.json_values import is_array, is_object, kind
from ..errors import DecodeError, UnreadRow
from . import arguments
from .envelope import Json, check_length_at, enveloped, member, object_at
from .page_walk import MAX_PAGES, PageFacts, has_next


def page_query(page: int, limit: int | None, *, most: int, **more: str | None) -> str:
    """``?page=2&limit=50&search=x``; what is ``None`` is left out.

    The number of items of a page is the API's choice unless the caller names one: its maximum is not documented for
    every list.

    Raises InvalidArgumentError for a page below 1 or a limit beyond 1 to ``most``.
    """
    size = None if limit is None else str(arguments.whole(limit, "limit", 1, most))
    pairs = {"page": str(arguments.whole(page, "page", 1, MAX_PAGES)), "limit": size, **more}
    pairs = {name: value for name, value in pairs.items() if value is not None}
    return "?" + urlencode(pairs, quote_via=quote)


T = TypeVar("T")

_PATH: Final = "$.data.pagination"


def read_page(
    document: object,
    name: str,
    read: Callable[[Json, str], T],
    *,
    number: int,
    limit: int | None,
) -> PageFacts[T]:
    """Read page ``number`` of the list ``$.data.<name>``; ``read`` makes an item of a record, an object with an ``id``.

    Page and total come as ``{page, limit, total, pages}``, or as ``{page, limit, totalCount, totalPages, hasNext,
    hasPrev}`` (vendor's JavaScript SDK). A page past the end is empty, even where the API answers with its last one.
    A record that cannot be read is left out of the items and kept in ``unread``.
    """
    data = enveloped(document)
    path = f"$.data.{name}"
    found = member(data, name, "$.data")
    if not is_array(found):
        raise DecodeError(f"{path} is {kind(found)}, not a list", json_path=path)
    check_length_at(found, path)
    stated = data.get("pagination")
    facts = stated if is_object(stated) else {}
    answered = _count(facts, "page", at_least=1) or number
    # Without a word on its size, a page that has rows may be a full one.
    size = _count(facts, "limit", at_least=1) or limit or max(1, len(found))
    total = _count(facts, "totalCount", at_least=0)
    total = _count(facts, "total", at_least=0) if total is None else total
    count = _count(facts, "totalPages", at_least=0)
    count = _count(facts, "pages", at_least=0) if count is None else count
    if count is None and total is not None:
        count = -(-total // size)
    more = facts.get("hasNext")
    if answered != number:
        if count is None or number <= count:
            raise DecodeError(f"{_PATH}.page is {answered}, but page {number} was asked for", json_path=f"{_PATH}.page")
        found = []
    items: list[T] = []
    ids: list[Hashable] = []
    unread: list[UnreadRow] = []
    for index, record in enumerate(found):
        place = f"{path}[{index}]"
        try:
            items.append(read(object_at(record, place), place))
        except DecodeError as error:
            unread.append(UnreadRow(path=place, raw=record, problem=error.message, id=_id(record)))
        else:
            ids.append(_id(record))
    return PageFacts(
        items=tuple(items),
        ids=tuple(ids),
        number=number,
        limit=size,
        total=total,
        page_count=count,
        has_next=has_next(number, count, rows=len(found), limit=size, said=more if isinstance(more, bool) else None),
        raw=data,
        unread=tuple(unread),
        unread_members=tuple(path for item in items for path in getattr(item, "unread", ())),
    )


def _id(record: object) -> str | None:
    name = record.get("id") if is_object(record) else None
    return name if isinstance(name, str) else None


def _count(stated: Json, name: str, *, at_least: int) -> int | None:
    """Return a count of the page, ``None`` where it is absent or odd: a list is readable without."""
    value = stated.get(name)
    if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) <= _MAX_DIGITS:
        value = int(value)
    return value if type(value) is int and at_least <= value < 10**_MAX_DIGITS else None


_MAX_DIGITS: Final = 18
"""Digits of a count, at most."""
