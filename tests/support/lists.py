"""A list of products that is served page by page, and may change between two requests."""

from __future__ import annotations

import json
from collections.abc import Callable

import httpx

from .clock import Clock

DEFAULT_LIMIT = 20
"""Items of a page where the caller names no number."""


class ListAPI:
    """Takes the place of a script: answers every request with the page it asks for."""

    def __init__(self, length: int, change: Callable[[list[str]], None] | None = None) -> None:
        self.names = [f"p{number}" for number in range(1, length + 1)]
        self.change = change
        self.asked: list[str] = []
        """The queries, in order."""
        self.refuse: list[int] = []
        """Numbers of requests, from 1, that are answered with 400."""

    def __call__(self, request: httpx.Request, clock: Clock) -> httpx.Response:
        del clock
        self.asked.append(request.url.query.decode())
        if len(self.asked) in self.refuse:
            return httpx.Response(400, json={"success": False, "error": "Not now", "statusCode": 400})
        page, limit = int(request.url.params["page"]), int(request.url.params.get("limit", DEFAULT_LIMIT))
        shown = self.names[(page - 1) * limit : page * limit]
        pages = -(-len(self.names) // limit)
        body = {
            "success": True,
            "data": {
                "products": [{"id": name, "name": name.upper(), "price": "1.50"} for name in shown],
                "pagination": {"page": page, "limit": limit, "total": len(self.names), "pages": pages},
            },
        }
        if self.change is not None:
            self.change(self.names)
        return httpx.Response(200, content=json.dumps(body))
