"""The log of the newest requests and their status, for the dashboard and for tests."""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable
from typing import Final

import attrs

KEPT: Final = 500
"""Number of requests in the log."""


@attrs.frozen
class LoggedRequest:
    """One request under /v1.

    ``at`` is its real time of arrival (Unix seconds), to find it in other logs; ``seconds`` the real time it took;
    ``status`` is 0 if no answer was sent; ``endpoint`` is None for an unknown path; ``note`` is a remark, such as a
    refusal's reason.
    """

    number: int
    at: float
    method: str
    path: str
    endpoint: str | None
    status: int
    seconds: float
    note: str | None = None


class RequestLog:
    """The newest requests, oldest first. The server's thread writes it; any thread may read it."""

    def __init__(self) -> None:
        self.counts: Counter[tuple[str, int]] = Counter()
        """Number of requests by method with path pattern, and status; the sandbox's own routes are included."""
        self.listener: Callable[[LoggedRequest], None] | None = None
        """Called with each request, in the server's thread."""
        self.clear()

    def clear(self) -> None:
        """Delete all entries and counts."""
        self.total: int = 0
        self.counts.clear()
        self._newest: deque[LoggedRequest] = deque(maxlen=KEPT)

    def count(self, label: str, status: int) -> None:
        """Count one answer of an endpoint."""
        self.counts[label, status] += 1

    def add(
        self, at: float, method: str, path: str, endpoint: str | None, status: int, seconds: float, note: str | None
    ) -> None:
        """Add a request, and call the listener."""
        self.total += 1
        entry = LoggedRequest(self.total, at, method, path, endpoint, status, seconds, note)
        self._newest.append(entry)
        if self.listener is not None:
            self.listener(entry)

    def newest(self, count: int = KEPT) -> list[LoggedRequest]:
        """Return the newest ``count`` requests, newest first."""
        while True:
            try:
                return list(self._newest)[: -count - 1 : -1]
            except RuntimeError:
                continue  # a request was added while the list was made
