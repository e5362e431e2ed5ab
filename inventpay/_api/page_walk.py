"""Follow a walk over the pages of a list. Arithmetic only, nothing is sent."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final, Generic, Literal, TypeAlias, TypeVar

from attrs import field, frozen

from ..errors import DecodeError, UnreadRow, UnreadRowsError
from .arguments import refused_value

if TYPE_CHECKING:
    from ..models.call_meta import CallMeta, Exchange

T = TypeVar("T")

MAX_PAGES: Final = 100_000
"""assumed: no list is longer; at 60 calls a minute such a walk takes more than a day."""

REMEMBERED_PAGES: Final = 10
"""Items are known again while fewer pages than this were added in front of them between two requests."""

BARREN_PAGES: Final = 10
"""Pages in a row without a new item after which a walk ends: the server repeats itself, or the list grows too fast."""


@frozen(kw_only=True)
class PageFacts(Generic[T]):
    """One page as it was read."""

    items: tuple[T, ...]
    ids: tuple[Hashable, ...]
    """The identities of the items, in their order."""
    number: int
    """Its number, from 1."""
    limit: int
    """Number of items of a full page."""
    total: int | None
    """Number of items that the whole list had when the page was made; ``None`` where the answer has none."""
    page_count: int | None
    """Number of pages of the whole list; ``None`` where the answer has none."""
    has_next: bool
    """Whether another page is worth asking for."""
    raw: Mapping[str, Any]
    """The JSON object that the page was made from."""
    unread: tuple[UnreadRow, ...] = ()
    """Records of this page that could not be read."""
    unread_members: tuple[str, ...] = ()
    """JSON paths of members of the items that could not be read."""
    _exchange: Exchange | None = field(default=None, eq=False, repr=False)

    @property
    def meta(self) -> CallMeta | None:
        """Exchange that the page came from."""
        if self._exchange is None:
            return None
        from ..models.call_meta import meta_of

        return meta_of(self._exchange)


OnUnread: TypeAlias = Literal["raise", "skip"]
"""The end of a walk over a list with records that cannot be read: UnreadRowsError, or nothing."""


def on_unread(value: object) -> OnUnread:
    """Check how a walk ends that met records that cannot be read."""
    if value == "raise":
        return "raise"
    if value == "skip":
        return "skip"
    raise refused_value("on_unread", value, 'must be "raise" or "skip"')


def unread_rows(rows: tuple[UnreadRow, ...]) -> UnreadRowsError:
    """Return the error for a walk that met records that cannot be read."""
    first = rows[0]
    return UnreadRowsError(
        f"{len(rows)} records of the list could not be read and were left out; the first: {first.problem}. They are in "
        'error.rows; pass on_unread="skip" to go without them',
        rows=rows,
        json_path=first.path,
    )


class Walk:
    """The ids of the last few pages while all pages of a list are read, and the records that could not be read.

    The API counts pages, so a list that changes moves under its reader. Items added in front push others onto the next
    page, where they are recognised and left out; items removed pull others onto a page that was read already, and those
    are missed. Nothing but a cursor, which the API does not have, could do better.
    """

    def __init__(self) -> None:
        self._count = 0
        self._barren = 0
        self._recent: deque[frozenset[Hashable]] = deque(maxlen=REMEMBERED_PAGES)
        self.unread: list[UnreadRow] = []
        """Records that could not be read so far, at most :data:`UNREAD_KEPT`."""

    def arrived(self, page: PageFacts[T]) -> Sequence[T]:
        """Return the items of a page that none of the last few pages held.

        Raises DecodeError for a list without end: too long to be one, or giving the same pages again and again.
        """
        self._count += 1
        fresh = [item for item, name in zip(page.items, page.ids, strict=True) if not self._is_known(name)]
        odd = [(_row_id(row), row) for row in page.unread]
        odd = [(name, row) for name, row in odd if not self._is_known(name)]
        self.unread += [row for _, row in odd][: UNREAD_KEPT - len(self.unread)]
        self._recent.append(frozenset((*page.ids, *map(_row_id, page.unread))))
        self._barren = 0 if fresh or odd else self._barren + 1
        if page.has_next:
            if self._barren == BARREN_PAGES:
                raise _endless(f"its last {BARREN_PAGES} pages held only items of pages before")
            if self._count == MAX_PAGES:
                raise _endless(f"after {MAX_PAGES} pages it promises another one")
        return fresh

    def _is_known(self, name: Hashable) -> bool:
        return any(name in known for known in self._recent)


UNREAD_KEPT: Final = 1_000
"""Unread records that a walk keeps. A list with more of them is from another API."""


def _row_id(row: UnreadRow) -> Hashable:
    # Records without an id are known by their own words.
    return row.id if row.id is not None else repr(row.raw)


def _endless(reason: str) -> DecodeError:
    return DecodeError(f"the list does not end: {reason}", json_path="$.data")


def has_next(number: int, page_count: int | None, *, rows: int, limit: int, said: bool | None) -> bool:
    """Return whether another page is worth asking for: the first sign of an end counts.

    ``rows`` records were received on this page, readable or not; ``said`` is the API's own word, where it gives one.
    """
    if rows == 0 or said is False:
        return False
    if page_count is not None:
        return number < page_count
    return said is True or rows >= limit
