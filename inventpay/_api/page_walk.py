"""Pages of a list: where one stands, and what a walk over all of them must notice. Arithmetic only, nothing is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import Any, Final, Generic, TypeVar

from attrs import frozen

from ..errors import DecodeError

T = TypeVar("T")

MAX_PAGES: Final = 100_000
"""assumed: no list is longer; at 60 calls a minute a walk over so many pages takes more than a day."""

REMEMBERED_PAGES: Final = 10
"""Items are known again while fewer pages than this were added in front of them between two requests."""

BARREN_PAGES: Final = 10
"""So many pages in a row without a new item are a server that repeats itself, or a list that grows faster than it is
read."""


@frozen(kw_only=True)
class PageFacts(Generic[T]):
    """One page as it was read."""

    items: tuple[T, ...]
    ids: tuple[Hashable, ...]
    """What tells the items apart, in their order."""
    number: int
    """Its number, from 1."""
    limit: int
    """How many items a full page holds."""
    total: int
    """How many items the whole list had when the page was made."""
    page_count: int
    """How many pages that is."""
    has_next: bool
    raw: Mapping[str, Any]
    """The JSON object it was made from."""


class Walk:
    """What to remember while all pages of a list are read: no item, and the ids of the last few pages.

    The API counts pages, so a list that changes moves under its reader. Items added in front push others onto the next
    page, where they are recognised and left out; items removed pull others onto a page that was read already, and those
    are missed. Nothing but a cursor, which the API does not have, could do better.
    """

    def __init__(self) -> None:
        self._count = 0
        self._barren = 0
        self._recent: deque[frozenset[Hashable]] = deque(maxlen=REMEMBERED_PAGES)

    def arrived(self, page: PageFacts[T]) -> Sequence[T]:
        """The items of a page that none of the last few pages held.

        Raises DecodeError for a list without end: too long to be one, or giving the same pages again and again.
        """
        self._count += 1
        fresh = [
            item
            for item, name in zip(page.items, page.ids, strict=True)
            if not any(name in known for known in self._recent)
        ]
        self._recent.append(frozenset(page.ids))
        self._barren = 0 if fresh else self._barren + 1
        if page.has_next:
            if self._barren == BARREN_PAGES:
                raise _endless(f"its last {BARREN_PAGES} pages held only items of pages before")
            if self._count == MAX_PAGES:
                raise _endless(f"after {MAX_PAGES} pages it promises another one")
        return fresh


def _endless(reason: str) -> DecodeError:
    return DecodeError(f"the list does not end: {reason}", json_path="$.data")


def has_next(number: int, page_count: int, *, count: int, said: bool | None) -> bool:
    """Whether another page is worth asking for: the first sign of an end counts.

    ``count`` items are on this page; ``said`` is the API's own word on it, where it gives one.
    """
    return count > 0 and number < page_count and said is not False
