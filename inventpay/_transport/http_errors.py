"""Translate the HTTP libraries' exceptions, and find out whether a request was sent.

httpx and httpx2 use the same names for separate exception classes, so exceptions are recognized by name.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final, TypeVar

from .._core.error_chain import causes_of
from ..errors import APIConnectionError, APITimeoutError, ConnectionFailure, DecodeError, Outcome
from ..headers import Headers
from ..responses import APIResponse
from .response_body import ResponseBody

RAW_BODY: Final = "inventpay.raw_body"
"""Key in ``response.extensions`` for a body that was read before a response hook raised, as it was sent."""

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


_LIBRARIES: Final = frozenset(
    {
        "httpx",
        "httpx2",
        "httpcore",
        "httpcore2",
        "httpx_aiohttp",
        "aiohttp",
        "httptools",
        "h11",
        "ssl",
        "socksio",
        "anyio",
    }
)
"""Packages whose exceptions mean that a connection failed."""


def is_connection_failure(error: BaseException) -> bool:
    """Return whether an exception is one of the HTTP libraries or of the operating system.

    All others are foreign, and pass through as they are: the time limits of job queues are ordinary exceptions that a
    signal handler raises in the middle of a call.
    """
    if "StreamError" in _names(error):
        # A body that is used in the wrong order is a bug, of a hook or a transport.
        return False
    # The standard library has UnicodeError for host names that no resolver takes.
    return isinstance(error, (OSError, UnicodeError)) or any(
        kind.__module__.partition(".")[0] in _LIBRARIES for kind in type(error).__mro__
    )


def answer_in(error: BaseException, request: Any) -> APIResponse | None:
    """Return the answer to this request that an exception carries, as those of ``raise_for_status`` hooks do.

    Its body is empty where the hook raised before it was read.
    """
    response: Any = getattr(error, "response", None)
    status: object = getattr(response, "status_code", None)
    headers: Any = getattr(response, "headers", None)
    if type(status) is not int or not hasattr(headers, "multi_items"):
        return None
    try:
        if response.request is not request:
            # A hook may have sent a request of its own.
            return None
    except Exception:
        return None
    return answer_of(response)


def answer_of(response: Any) -> APIResponse:
    """Return the answer in a response of httpx; its body is empty where it was not read."""
    try:
        raw = response.extensions.get(RAW_BODY)
        body: bytes = response.content if raw is None else _inflated(raw, response.headers)
    except Exception:
        body = b""
    return APIResponse(response.status_code, Headers(response.headers.multi_items()), body)


def note_on_hook(error: BaseException, status: int) -> str:
    """Return the note on an exception that a response hook of a lent client raised."""
    note = f"inventpay: a response hook of http_client= raised this after the API had answered with status {status}."
    if "ResponseNotRead" in _names(error):
        note += " Hooks run before a body is read: call response.read() in the hook first, or await response.aread()."
    return note


def _inflated(raw: bytes, headers: Any) -> bytes:
    """Return a body without its compression, or the beginning of it where it breaks a bound."""
    body = ResponseBody(headers.get("content-encoding", ""))
    try:
        body.add(raw)
        return body.whole()
    except DecodeError:
        return body.beginning()


def outcome_of(error: BaseException, *, written: bool | None) -> Outcome:
    """Return the outcome of a request that ended with this exception.

    ``written`` says whether any of it was written, where the connection could watch that, else ``None``.
    """
    if written is not None:
        return "unknown" if written else "not_sent"
    for origin in (error, error.__cause__):
        if origin is not None and _is_of_aiohttp(origin):
            return "not_sent" if _names(origin) & _AIOHTTP_NO_CONNECTION else "unknown"
    return "not_sent" if _names(error) & _NO_CONNECTION else "unknown"


def translate(
    error: Exception, *, written: bool | None, handled: BaseException | None = None, base_url: str = "the API"
) -> APIConnectionError:
    """Return this package's error for an exception of the HTTP library or of a lower layer, which is its cause.

    ``handled`` is what ``without_frames`` must spare, ``base_url`` what the message names.
    """
    outcome = outcome_of(error, written=written)
    # aiohttp's adapter calls every lost connection a ConnectTimeout; what it made that of says more.
    origin = error.__cause__ if error.__cause__ is not None and _is_of_aiohttp(error.__cause__) else error
    names = _names(origin)
    said = f"{type(origin).__name__}: {str(origin) or 'no reason given'}"
    if names & {"TimeoutException", "TimeoutError"}:
        before = f"no connection to {base_url} in time" if outcome == "not_sent" else "no answer in time"
        failure: APIConnectionError = APITimeoutError(f"{before} ({said})", outcome=outcome)
    elif outcome == "not_sent":
        message = f"no connection to {base_url} could be made ({said})"
        failure = APIConnectionError(message, outcome=outcome, reason=_reason(error))
    else:
        what = "the answer could not be read" if names & _UNREADABLE else "the connection was lost"
        failure = APIConnectionError(f"{what} ({said})", outcome=outcome)
    # aiohttp's exceptions show the request's headers in their repr.
    failure.__cause__ = None if _is_of_aiohttp(error) else without_frames(error, handled)
    return failure


# The exceptions that show a reason: those of the sockets, and those of the libraries where they hide these.
_REASONS: Final[Mapping[ConnectionFailure, frozenset[str]]] = {
    "proxy": frozenset({"ProxyError", "ClientHttpProxyError", "ClientProxyConnectionError"}),
    "tls": frozenset({"SSLError", "CertificateError", "ClientSSLError"}),
    "dns": frozenset({"gaierror", "ClientConnectorDNSError"}),
    "refused": frozenset({"ConnectionRefusedError"}),
}


def _reason(error: BaseException) -> ConnectionFailure:
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
    for reason, known in _REASONS.items():
        if names & known:
            return reason
    return "other"


AnyError = TypeVar("AnyError", bound=BaseException)


def without_frames(error: AnyError, handled: BaseException | None = None) -> AnyError:
    """Remove everything that holds the request's headers, and so the keys, from an exception and its causes.

    That is: tracebacks, because error trackers print the local variables of their frames; requests; and exceptions of
    aiohttp. ``handled`` is the exception the caller was handling before, which Python links to every later one. It
    belongs to the user and is not changed.
    """
    for current in causes_of(error, handled):
        current.__traceback__ = None
        if "HTTPError" in _names(current):
            # The exceptions of httpx and httpx2 say "not set" when asked for a request of None.
            current.request = None  # type: ignore[attr-defined]
        if _is_of_aiohttp(current.__cause__):
            current.__cause__ = None
        if _is_of_aiohttp(current.__context__):
            current.__context__ = None
    return error
