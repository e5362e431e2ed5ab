"""What was asked of the API and how it was answered: the newest requests, for the dashboard and for tests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import attrs

KEPT: Final = 500
"""Requests that are remembered."""


@attrs.frozen
class LoggedRequest:
    """One request under /v1. `at` is when it arrived in real time (Unix seconds), to be found again in other logs;
    `seconds` the real time it took; `status` 0 where no answer was sent; `endpoint` None where the path leads nowhere;
    `note` what was special about it."""

    number: int
    at: float
    method: str
    path: str
    endpoint: str | None
    status: int
    seconds: float
    note: str | None = None


class RequestLog:
    """The newest requests, oldest first. Written by the server's thread, read from any."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        """Requests by method with path pattern, and status; those of the sandbox's own routes included."""
        self.listener: Callable[[LoggedRequest], None] | None = None
        """Called with each request, in the server's thread."""
        self.clear()

    def clear(self) -> None:
        self.total: int = 0
        self.counts.clear()
        self._newest: deque[LoggedRequest] = deque(maxlen=KEPT)

    def count(self, label: str, status: int) -> None:
        """Count one answer of an endpoint."""
        self.counts[label, status] += 1

    def add(
        self, at: float, method: str, path: str, endpoint: str | None, status: int, seconds: float, note: str | None
    ) -> None:
        self.total += 1
        entry = LoggedRequest(self.total, at, method, path, endpoint, status, seconds, note)
        self._newest.append(entry)
        if self.listener is not None:
            self.listener(entry)

    def newest(self, count: int = KEPT) -> list[LoggedRequest]:
        """The newest `count` requests, newest first."""
        while True:
            try:
                return list(self._newest)[: -count - 1 : -1]
            except RuntimeError:
                continue  # a request was added while the list was made
