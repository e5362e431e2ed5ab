"""Describe the exchange that a result came from."""

from __future__ import annotations

from typing import TypeAlias

from attrs import field, frozen

from ..headers import Headers

__all__ = ["CallMeta"]


@frozen(kw_only=True)
class CallMeta:
    """The exchange that a result came from: ``payment.meta.status``.

    Callers whose reads were merged share its answer.
    """

    status: int
    """HTTP status of the answer."""
    headers: Headers = field(repr=False)
    """Headers of the answer."""
    attempts: int
    """Requests sent for the result, retries included; 0 where another caller's request gave the answer."""
    seconds: float
    """Seconds from the call to its result, waits for the rate limit included."""
    idempotency_key: str | None = None
    """Key that all attempts carried; ``None`` for calls without one."""

    @property
    def request_id(self) -> str | None:
        """Id of the request in the server's own log, ``None`` where no header names one.

        assumed: one of the headers in :data:`REQUEST_ID_HEADERS`; no source shows one.
        """
        return next((self.headers[name] for name in REQUEST_ID_HEADERS if name in self.headers), None)


Exchange: TypeAlias = tuple[int, Headers, int, float, str | None]
"""The values of a ``CallMeta`` in their order. Most results are never asked for theirs, so it is made when it is."""


def meta_of(exchange: Exchange) -> CallMeta:
    """Return the description of an exchange."""
    status, headers, attempts, seconds, key = exchange
    return CallMeta(status=status, headers=headers, attempts=attempts, seconds=seconds, idempotency_key=key)


REQUEST_ID_HEADERS = ("x-request-id", "request-id", "x-correlation-id", "cf-ray", "x-vercel-id")
"""assumed: names under which servers and their proxies number requests, the most common first."""
