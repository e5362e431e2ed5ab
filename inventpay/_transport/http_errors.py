"""What the HTTP libraries' exceptions say about a request: was a connection made, was it too slow?

httpx and httpx2 name their exceptions alike without sharing them, so they are told apart by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final, TypeVar

from ..errors import APIConnectionError, APITimeoutError, Outcome, Trouble

_NO_CONNECTION: Final = frozenset(
    {"ConnectError", "ConnectTimeout", "PoolTimeout", "ProxyError", "UnsupportedProtocol", "InvalidURL"}
)

# aiohttp's own names for "no connection was made". Its adapter for httpx files lost connections under ConnectTimeout
# as well, so under aiohttp the cause decides: repeating a withdrawal on the adapter's word could pay twice.
_AIOHTTP_NO_CONNECTION: Final = frozenset(
    {"ClientConnectorError", "ClientHttpProxyError", "ConnectionTimeoutError", "InvalidURL"}
)

_UNREADABLE: Final = frozenset({"DecodingError", "RemoteProtocolError", "ClientPayloadError", "ClientResponseError"})


def _names(error: BaseException) -> set[str]:
    return {kind.__name__ for kind in type(error).__mro__}


def _is_of_aiohttp(error: BaseException | None) -> bool:
    return type(error).__module__.partition(".")[0] == "aiohttp"


def outcome_of(error: BaseException, *, written: bool | None) -> Outcome:
    """What became of a request that ended with this exception.

    ``written`` says whether any of it was written, where the connection could watch that, else ``None``.
    """
    if written is not None:
        return "unknown" if written else "not_sent"
    for origin in (error, error.__cause__):
        if origin is not None and _is_of_aiohttp(origin):
            return "not_sent" if _names(origin) & _AIOHTTP_NO_CONNECTION else "unknown"
    return "not_sent" if _names(error) & _NO_CONNECTION else "unknown"


def translate(error: Exception, *, written: bool | None, handled: BaseException | None = None) -> APIConnectionError:
    """The error of this package for an exception of the HTTP library or of what lies under it, which is its cause.

    ``handled`` is what ``without_frames`` must spare.
    """
    outcome = outcome_of(error, written=written)
    # aiohttp's adapter calls every lost connection a ConnectTimeout; what it made that of says more.
    origin = error.__cause__ if error.__cause__ is not None and _is_of_aiohttp(error.__cause__) else error
    names = _names(origin)
    said = f"{type(origin).__name__}: {str(origin) or 'no reason given'}"
    if names & {"TimeoutException", "TimeoutError"}:
        before = "no connection in time" if outcome == "not_sent" else "no answer in time"
        failure: APIConnectionError = APITimeoutError(f"{before} ({said})", outcome=outcome)
    elif outcome == "not_sent":
        failure = APIConnectionError(f"no connection could be made ({said})", outcome=outcome, trouble=_trouble(error))
    else:
        what = "the answer could not be read" if names & _UNREADABLE else "the connection was lost"
        failure = APIConnectionError(f"{what} ({said})", outcome=outcome)
    # aiohttp's exceptions show the request's headers in their repr.
    failure.__cause__ = None if _is_of_aiohttp(error) else without_frames(error, handled)
    return failure


# Who says what was in the way: the sockets' own exceptions, and those of the libraries where they hide these.
_TROUBLES: Final[Mapping[Trouble, frozenset[str]]] = {
    "proxy": frozenset({"ProxyError", "ClientHttpProxyError", "ClientProxyConnectionError"}),
    "tls": frozenset({"SSLError", "CertificateError", "ClientSSLError"}),
    "dns": frozenset({"gaierror", "ClientConnectorDNSError"}),
    "refused": frozenset({"ConnectionRefusedError"}),
}


def _trouble(error: BaseException) -> Trouble:
    names: set[str] = set()
    pending: list[BaseException | None] = [error]
    seen: set[int] = set()
    while pending:
        current = pending.pop()
        if current is not None and id(current) not in seen:
            seen.add(id(current))
            names |= _names(current)
            # Where several addresses of a host were tried, each failed in its own way.
            several: Sequence[BaseException] = getattr(current, "exceptions", ())
            pending += [current.__cause__, current.__context__, getattr(current, "os_error", None), *several]
    for trouble, known in _TROUBLES.items():
        if names & known:
            return trouble
    return "other"


AnyError = TypeVar("AnyError", bound=BaseException)


def without_frames(error: AnyError, handled: BaseException | None = None) -> AnyError:
    """The exception without what holds the request's headers, and with them the keys: tracebacks, whose frames have
    local variables that error trackers print, requests, and exceptions of aiohttp. Its causes are rid of them too.

    ``handled`` is the exception the caller was handling before, which Python links to every one that follows. It is the
    user's, and stays as it is.
    """
    seen = {id(handled)}
    pending: list[BaseException | None] = [error]
    while pending:
        current = pending.pop()
        if current is None or id(current) in seen:
            continue
        seen.add(id(current))
        current.__traceback__ = None
        if "HTTPError" in _names(current):
            # The exceptions of httpx and httpx2 say "not set" when asked for a request of None.
            current.request = None  # type: ignore[attr-defined]
        if _is_of_aiohttp(current.__cause__):
            current.__cause__ = None
        if _is_of_aiohttp(current.__context__):
            current.__context__ = None
        pending += [current.__cause__, current.__context__]
    return error
