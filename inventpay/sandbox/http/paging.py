"""Pages of a list: the page that a query asks for, and its position."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TypeVar

import attrs

from .. import assumptions
from ..errors import invalid

T = TypeVar("T")


@attrs.frozen
class Page:
    """The requested part of a list."""

    number: int
    limit: int

    @property
    def start(self) -> int:
        """Index of the first item."""
        return (self.number - 1) * self.limit

    def of(self, items: Sequence[T]) -> list[T]:
        """Return the items of this page."""
        return list(items[self.start : self.start + self.limit])

    def pagination(self, total: int) -> dict[str, object]:
        """Return the ``pagination`` of the store's lists (official JS client)."""
        return {"page": self.number, "limit": self.limit, "total": total, "pages": -(-total // self.limit)}


def asked_page(query: Mapping[str, str], *, limit: int, most: int) -> Page:
    """Return the page in ``?page=`` (by default 1) and ``?limit=``. Raises 400 for values out of bounds."""
    problems: dict[str, str] = {}

    def whole(name: str, otherwise: int, highest: int) -> int:
        text = query.get(name)
        if text is None:
            return otherwise
        if text.isascii() and text.isdecimal() and len(text) < 20 and 1 <= int(text) <= highest:
            return int(text)
        problems[name] = f"Must be a whole number from 1 to {highest}"
        return otherwise

    page = Page(whole("page", 1, assumptions.LAST_PAGE), whole("limit", limit, most))
    if problems:
        raise invalid(problems)
    return page
