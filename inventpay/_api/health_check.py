"""Whether the API can be reached and takes the key: what one answer, or the lack of one, says. Nothing here is sent."""

from __future__ import annotations

from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from enum import StrEnum
from typing import Any

from attrs import frozen

from .._core import rate_limit_headers
from .._core.json_values import is_object, shown
from ..errors import APIConnectionError, DecodeError, InventPayError, RateLimitTimeoutError, Trouble
from ..responses import APIResponse
from .call import Call
from .endpoints import BALANCES

__all__ = ["CheckResult", "CheckState"]


class CheckState(StrEnum):
    """What ``client.check()`` found."""

    OK = "ok"
    """The API answered, and takes the key."""
    KEY_REFUSED = "key_refused"
    """The API answered, and does not take the key."""
    RATE_LIMITED = "rate_limited"
    """The API, or the client's own rate limit, says: later."""
    UNREACHABLE = "unreachable"
    """Nobody answered; ``trouble`` says what was in the way."""
    NOT_THE_API = "not_the_api"
    """Somebody answered who is not the API: a wrong ``base_url``, a proxy, the page of a hotel's wireless network."""
    SERVER_ERROR = "server_error"
    """The API, or what stands in front of it, failed: 5xx."""


@frozen(kw_only=True)
class CheckResult:
    """What ``client.check()`` found; true in an ``if`` when all is well."""

    state: CheckState
    message: str
    """The same in words, for people."""
    base_url: str
    """Who was asked."""
    trouble: Trouble | None = None
    """What was in the way, where the API is unreachable."""
    status: int | None = None
    """HTTP status of the answer."""
    latency: float | None = None
    """Seconds from sending the request to the end of the answer; a new connection, where one was needed, included."""
    clock_skew: float | None = None
    """Seconds by which the server's clock is ahead of this machine's, good to about a second; ``None`` where the server
    does not say."""
    limit: int | None = None
    """Calls of this class in one window, as the server sees it; ``None`` where it does not say."""
    remaining: int | None = None
    """How many of them are left, as the server sees it."""
    reset_in: float | None = None
    """Seconds until they are whole again, as the server sees it."""
    retry_after: float | None = None
    """Seconds to wait before the next call, where somebody asks for that."""

    @property
    def ok(self) -> bool:
        """Whether the API answered and takes the key."""
        return self.state is CheckState.OK

    def __bool__(self) -> bool:
        return self.ok


def probe() -> Call[APIResponse]:
    """One cheap call that needs the key and changes nothing: ``GET /v1/merchant/balance``."""
    return Call(endpoint=BALANCES, path=BALANCES.template, read=lambda response: response)


def judge(response: APIResponse, *, base_url: str, latency: float, now: datetime) -> CheckResult:
    """What an answer says that came at ``now``."""
    state, message = _verdict(response)
    facts: dict[str, Any] = {}
    # Headers of a stranger say nothing about the API.
    if state is not CheckState.NOT_THE_API:
        view = rate_limit_headers.read(response.headers, wall_now=now.timestamp())
        if view is not None:
            facts = {name: getattr(view, name) for name in ("limit", "remaining", "reset_in", "retry_after")}
        facts["clock_skew"] = _skew(response.headers.get("date"), latency, now)
    return CheckResult(
        state=state, message=message, base_url=base_url, status=response.status, latency=latency, **facts
    )


def judge_failure(error: InventPayError, *, base_url: str) -> CheckResult | None:
    """What it says that there was no answer; ``None`` where the error is no answer to the question."""
    if isinstance(error, RateLimitTimeoutError):
        return CheckResult(
            state=CheckState.RATE_LIMITED,
            message=f"nothing was asked: {error.message}",
            base_url=base_url,
            retry_after=error.wait,
        )
    if isinstance(error, APIConnectionError):
        return CheckResult(
            state=CheckState.UNREACHABLE,
            message=f"{_IN_THE_WAY[error.trouble]}: {error.message}",
            base_url=base_url,
            trouble=error.trouble,
        )
    if isinstance(error, DecodeError):
        # Longer than any answer of the API, or broken off.
        return CheckResult(state=CheckState.NOT_THE_API, message=error.message, base_url=base_url)
    return None


_IN_THE_WAY: dict[Trouble, str] = {
    "dns": "the host's name cannot be looked up",
    "tls": "no encrypted connection can be made",
    "timeout": "nobody answers in time",
    "proxy": "the proxy refuses",
    "refused": "nobody listens there",
    "other": "there is no connection",
}


def _verdict(response: APIResponse) -> tuple[CheckState, str]:
    status = response.status
    document = _document(response)
    said = next((text for name in ("error", "message") if isinstance(text := document.get(name), str) and text), None)
    reason = f"{status}, {said!r}" if said else str(status)
    if status == 429:
        return CheckState.RATE_LIMITED, f"the rate limit of this key is used up ({reason})"
    if 500 <= status < 600:
        return CheckState.SERVER_ERROR, f"the server failed ({reason})"
    if document.get("success") is True and is_object(document.get("data")) and 200 <= status < 300:
        return CheckState.OK, "the API answers and takes the key"
    if status in (401, 403) and document.get("success") is False:
        return CheckState.KEY_REFUSED, f"the API answers, but does not take the key ({reason})"
    if 300 <= status < 400:
        return CheckState.NOT_THE_API, f"the answer leads elsewhere: {status} to {response.headers.get('location')!r}"
    start = response.body[:60].decode("utf-8", "replace").strip()
    body = f"its body starts with {shown(start)}" if start else "its body is empty"
    return CheckState.NOT_THE_API, f"the answer is not one of the API: status {status}, {body}"


def _document(response: APIResponse) -> dict[str, Any]:
    try:
        document = response.json()
    except DecodeError:
        return {}
    return document if is_object(document) else {}


def _skew(date: str | None, latency: float, now: datetime) -> float | None:
    if date is None:
        return None
    try:
        server = parsedate_to_datetime(date)
    except ValueError:
        return None
    if server.tzinfo is None:
        server = server.replace(tzinfo=UTC)
    # The header is cut to the second, and was written while the answer was on its way.
    return (server - now).total_seconds() + 0.5 + latency / 2
