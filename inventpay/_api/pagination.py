"""The query every list shares."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from . import arguments
from .page_walk import MAX_PAGES


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
