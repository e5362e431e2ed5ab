"""The query every list shares."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final, TypeVar
from urllib.parse import quote, urlencode

from .._core.json_values import is_array, kind
from ..errors import DecodeError
from . import arguments
from .envelope import Json, enveloped, member, object_at
from .page_walk import MAX_PAGES, PageFacts, has_next


def page_query(page: int, limit: int, *, most: int, **more: str | None) -> str:
    """``?page=2&limit=50&search=x``; ``more`` that is ``None`` is left out.

    Raises InvalidArgumentError for a page below 1 or a limit beyond 1 to ``most``.
    """
    pairs = {
        "page": str(arguments.whole(page, "page", 1, MAX_PAGES)),
        "limit": str(arguments.whole(limit, "limit", 1, most)),
        **{name: value for name, value in more.items() if value is not None},
    }
    return "?" + urlencode(pairs, quote_via=quote)


T = TypeVar("T")

_PATH: Final = "$.data.pagination"


def read_page(
    document: object,
    name: str,
    read: Callable[[Json, str], T],
    *,
    number: int,
    limit: int,
) -> PageFacts[T]:
    """Page ``number`` of the list ``$.data.<name>``, whose items, objects with an ``id``, ``read`` makes.

    Page and total come as ``{page, limit, total, pages}``, or as ``{page, limit, totalCount, totalPages, hasNext,
    hasPrev}`` (vendor's JavaScript SDK). A page past the end is empty, even where the API answers with its last one.
    """
    data = enveloped(document)
    path = f"$.data.{name}"
    found = member(data, name, "$.data")
    if not is_array(found):
        raise DecodeError(f"{path} is {kind(found)}, not a list", json_path=path)
    stated = object_at(member(data, "pagination", "$.data"), _PATH)
    answered = _whole(stated, "page", at_least=1, otherwise=number)
    size = _whole(stated, "limit", at_least=1, otherwise=limit)
    total = _whole(stated, "totalCount" if "totalCount" in stated else "total", at_least=0)
    count = _whole(stated, "totalPages" if "totalPages" in stated else "pages", at_least=0, otherwise=-(-total // size))
    more = stated.get("hasNext")
    if more is not None and not isinstance(more, bool):
        raise DecodeError(f"{_PATH}.hasNext is {kind(more)}, not a boolean", json_path=f"{_PATH}.hasNext")
    if answered != number:
        if number <= count:
            raise DecodeError(f"{_PATH}.page is {answered}, but page {number} was asked for", json_path=f"{_PATH}.page")
        found = []
    items: list[T] = []
    for index, item in enumerate(found):
        place = f"{path}[{index}]"
        items.append(read(object_at(item, place), place))
    return PageFacts(
        items=tuple(items),
        ids=tuple([str(item["id"]) for item in found]),
        number=number,
        limit=size,
        total=total,
        page_count=count,
        has_next=has_next(number, count, count=len(items), said=more),
        raw=data,
    )


def _whole(stated: Json, name: str, *, at_least: int, otherwise: int | None = None) -> int:
    path = f"{_PATH}.{name}"
    value = stated.get(name)
    if value is None and otherwise is not None:
        return otherwise
    if name not in stated:
        raise DecodeError(f"{path} is missing", json_path=path)
    if type(value) is not int:
        raise DecodeError(f"{path} is {kind(value)}, not a whole number", json_path=path)
    if value < at_least:
        raise DecodeError(f"{path} is {value}, which is less than {at_least}", json_path=path)
    return value
