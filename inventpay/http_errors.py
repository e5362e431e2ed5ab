"""What the HTTP libraries' exceptions say about a request: was a connection made, was it too slow?

httpx and httpx2 name their exceptions alike without sharing them, so they are told apart by name.
"""

from __future__ import annotations

from typing import Final

from .errors import APIConnectionError, APITimeoutError, Outcome

_NO_CONNECTION: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL"}
)

# aiohttp's own names for "no connection was made". Its adapter for httpx files lost connections under ConnectTimeout
# as well, so under aiohttp the cause decides: repeating a withdrawal on the adapter's word could pay twice.
_AIOHTTP_NO_CONNECTION: Final = frozenset(
    {"ClientConnectorError", "ClientProxyConnectionError", "ConnectionTimeoutError", "InvalidURL"}
)


def _names(error: BaseException | None) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def outcome_of(error: BaseException, *, written: bool | None) -> Outcome:
    """What became of a request that ended with this exception.

    ``written`` says whether any of it was written, where the connection could watch that, else ``None``.
    """
    if written is not None:
        return "unknown" if written else "not_sent"
    cause = error.__cause__
    if cause is not None and type(cause).__module__.partition(".")[0] == "aiohttp":
        return "not_sent" if _names(cause) & _AIOHTTP_NO_CONNECTION else "unknown"
    return "not_sent" if _names(error) & _NO_CONNECTION else "unknown"


def translate(error: Exception, *, written: bool | None) -> APIConnectionError:
    """The error of this package for an exception of the HTTP library or of what lies under it."""
    outcome = outcome_of(error, written=written)
    names = _names(error)
    said = str(error) or "no reason given"
    if names & {"TimeoutException", "TimeoutError"} and (outcome == "not_sent" or "ConnectTimeout" not in names):
        before = "no connection in time" if outcome == "not_sent" else "no answer in time"
        return APITimeoutError(f"{before} ({type(error).__name__}: {said})", outcome=outcome)
    what = "no connection could be made" if outcome == "not_sent" else "the connection was lost"
    return APIConnectionError(f"{what} ({type(error).__name__}: {said})", outcome=outcome)


def without_frames(error: Exception) -> Exception:
    """The exception without tracebacks, its causes included: frames of the HTTP libraries hold the request's headers,
    and with them the keys, in local variables that error trackers print."""
    seen: set[int] = set()
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            current.__traceback__ = None
            pending += [current.__cause__, current.__context__]
    return error
