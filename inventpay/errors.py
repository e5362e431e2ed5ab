"""Every error this package raises.

InventPayError
├── ConfigurationError            the client was set up wrongly; nothing was sent
├── InvalidArgumentError          an argument was refused before anything was sent (also a ValueError)
├── RateLimitTimeoutError         the wait for a token would exceed max_wait or timeout; nothing was sent
├── LimiterUnavailableError       the shared limiter cannot be asked for a token; nothing was sent
├── APIConnectionError            no answer: no connection, or the connection was lost
│   └── APITimeoutError           no answer in time
├── DecodeError                   an answer nobody documented
├── APIStatusError                the API answered with an error (3xx and unlisted statuses: this class itself)
│   ├── BadRequestError           400, 422
│   ├── AuthenticationError       401
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── ConflictError             409
│   ├── RateLimitedError          429
│   └── ServerError               5xx
├── WaitTimeoutError              payments.wait() saw no final status in time
├── KeyUploadError                keys.add() stopped after some of the keys were added
└── WebhookError
    ├── SignatureError            the body was not signed with this secret
    ├── StaleEventError           signed, but outside the tolerance
    └── EventDecodeError          signed, but unreadable (also a DecodeError)
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, Literal

from ._core.json_values import shown
from .headers import Headers

if TYPE_CHECKING:
    from .models import AddedKeys, PaymentStatus

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "DecodeError",
    "EventDecodeError",
    "InvalidArgumentError",
    "InventPayError",
    "KeyUploadError",
    "LimiterUnavailableError",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "RateLimitTimeoutError",
    "RateLimitedError",
    "ServerError",
    "SignatureError",
    "StaleEventError",
    "Trouble",
    "WaitTimeoutError",
    "WebhookError",
]

Outcome = Literal["not_sent", "refused", "unknown"]
"""What became of a call that failed.

- ``"not_sent"``: refused locally, or no connection was made. Nothing can have happened.
- ``"refused"``: the API answered with 3xx, 4xx or ``success: false``. Nothing happened.
- ``"unknown"``: a 408, 409, 5xx, a lost connection, a timeout, or a success that cannot be read. It may have taken
  effect: look it up, or repeat the call with the same ``idempotency_key``.
"""

Trouble = Literal["dns", "tls", "timeout", "proxy", "refused", "other"]
"""What was in the way of a connection.

- ``"dns"``: the host's name is unknown, or could not be looked up.
- ``"tls"``: no encrypted connection was made; the certificate is not trusted, or is another host's.
- ``"timeout"``: nobody answered in time.
- ``"proxy"``: the proxy refused.
- ``"refused"``: nobody listens there.
- ``"other"``: the connection was lost, or the library did not say.
"""

_EMPTY_HEADERS: Final = Headers()


class InventPayError(Exception):
    """The root of every error of this package.

    Errors of a call say which one it was and what became of it. All of them survive :mod:`pickle`, and none holds a
    live response, so they pass through Celery, multiprocessing and error trackers unharmed.
    """

    message: str
    """What went wrong, in words."""
    method: str | None
    """HTTP method of the call, ``None`` when no call was involved."""
    path: str | None
    """Path of the call as it was requested."""
    attempts: int
    """How many times the request was handed to the network."""
    idempotency_key: str | None
    """The key all attempts of this call carried. Pass it again to repeat the call without paying twice."""
    outcome: Outcome
    """What became of the call, see :data:`Outcome`."""

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        path: str | None = None,
        attempts: int = 0,
        idempotency_key: str | None = None,
        outcome: Outcome = "not_sent",
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.attempts = attempts
        self.idempotency_key = idempotency_key
        self.outcome = outcome

    def __str__(self) -> str:
        if self.method is None:
            return self.message
        facts = [f"outcome: {self.outcome}"]
        if self.attempts > 1:
            facts.append(f"attempts: {self.attempts}")
        if self.idempotency_key is not None and self.outcome == "unknown":
            facts.append(f"idempotency key: {self.idempotency_key}")
        return f"{self.method} {self.path}: {self.message} ({', '.join(facts)})"


class ConfigurationError(InventPayError):
    """The client was set up wrongly: a missing or malformed key, an unsafe URL, options that contradict each other."""


class InvalidArgumentError(InventPayError, ValueError):
    """An argument was refused before anything was sent; the message names it, its bound and what to do."""

    argument: str | None
    """Name of the argument that was refused."""

    def __init__(self, message: str, *, argument: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.argument = argument


class RateLimitTimeoutError(InventPayError):
    """The client-side rate limit would keep this call waiting longer than ``max_wait`` or ``timeout`` allows.

    Raised at once, before waiting; nothing was sent.
    """

    wait: float
    """Seconds until a token would be free."""

    def __init__(self, message: str, *, wait: float = 0.0, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.wait = wait


class LimiterUnavailableError(InventPayError):
    """The shared limiter cannot be asked for a token, and was told to fail then (``on_outage="error"``).

    Nothing was sent.
    """


class APIConnectionError(InventPayError):
    """No answer arrived: the connection could not be made (``outcome == "not_sent"``) or was lost (``"unknown"``)."""

    trouble: Trouble
    """What was in the way, see :data:`Trouble`."""

    def __init__(self, message: str, *, trouble: Trouble = "other", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.trouble = trouble


class APITimeoutError(APIConnectionError):
    """No answer arrived in time."""

    def __init__(self, message: str, *, trouble: Trouble = "timeout", **facts: Any) -> None:
        super().__init__(message, trouble=trouble, **facts)


class _AnswerError(InventPayError):
    """What errors that come with a response have in common."""

    status: int | None
    """HTTP status of the answer, ``None`` when the body came from elsewhere (a webhook)."""
    details: Mapping[str, Any] | None
    """The API's ``details``: field name to what is wrong with it."""
    retry_after: float | None
    """Seconds the API asked to wait, from ``Retry-After``."""
    headers: Headers
    """Response headers."""
    body: bytes
    """The response body as it arrived, cut after :data:`BODY_KEPT` bytes."""

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        details: Mapping[str, Any] | None = None,
        retry_after: float | None = None,
        headers: Headers = _EMPTY_HEADERS,
        body: bytes = b"",
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.status = status
        self.details = details
        self.retry_after = retry_after
        self.headers = headers
        self.body = body[:BODY_KEPT]


BODY_KEPT: Final = 65_536
"""Bytes of a response body that an error keeps: enough to read, small enough to pickle into a task queue."""


class DecodeError(_AnswerError):
    """The answer has a shape no source documents; the message names the JSON path.

    Its ``outcome`` is ``"unknown"``: the API answered with a success nobody could read.
    """

    json_path: str | None
    """Where in the body, as ``$.data.balance.availableBalance``."""

    def __init__(
        self, message: str, *, json_path: str | None = None, outcome: Outcome = "unknown", **facts: Any
    ) -> None:
        super().__init__(message, outcome=outcome, **facts)
        self.json_path = json_path


class APIStatusError(_AnswerError):
    """The API answered with an error."""

    def __str__(self) -> str:
        text = super().__str__()
        if self.details:
            text += "".join(
                f"\n  {field}: {problem if isinstance(problem, str) else shown(problem)}"
                for field, problem in self.details.items()
            )
        return text


class BadRequestError(APIStatusError):
    """400 or 422: a field was refused; ``details`` names it."""


class AuthenticationError(APIStatusError):
    """401: the API key is missing, wrong or revoked."""


class PermissionDeniedError(APIStatusError):
    """403: the key may not do this; withdrawals need the withdrawal key."""


class NotFoundError(APIStatusError):
    """404: no such payment, withdrawal or path."""


class ConflictError(APIStatusError):
    """409: a request with the same idempotency key may still be running."""


class RateLimitedError(APIStatusError):
    """429: somebody else used up the budget of this key."""


class ServerError(APIStatusError):
    """5xx: the API failed. A write may have taken effect."""


class WaitTimeoutError(InventPayError):
    """``payments.wait()`` saw no final status in time."""

    last: PaymentStatus | None
    """The last status that was seen, ``None`` if none was."""

    def __init__(self, message: str, *, last: PaymentStatus | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.last = last


class KeyUploadError(InventPayError):
    """``keys.add()`` stopped after some of the keys were added; what stopped it is its ``__cause__``.

    Adding all keys once more does no harm: those that are there already are counted as duplicates. To go on from where
    it stopped, leave out the first ``progress.taken`` keys. ``outcome`` is that of the batch that failed.
    """

    progress: AddedKeys | None
    """What became of the keys before."""

    def __init__(self, message: str, *, progress: AddedKeys | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.progress = progress


class WebhookError(InventPayError):
    """A delivery that must not be acted on."""


class SignatureError(WebhookError):
    """The delivery was not signed with this secret."""


class StaleEventError(WebhookError):
    """The delivery is genuine, and older (or further ahead) than the tolerance allows."""


class EventDecodeError(WebhookError, DecodeError):
    """The delivery is genuine, and its body has a shape no source documents."""


_BY_STATUS: Final[Mapping[int, type[APIStatusError]]] = {
    400: BadRequestError,
    401: AuthenticationError,
    403: PermissionDeniedError,
    404: NotFoundError,
    409: ConflictError,
    422: BadRequestError,
    429: RateLimitedError,
}

# 408 and 409 say that an earlier or unfinished request may still be running.
_UNKNOWN_STATUSES: Final = frozenset({408, 409})


def class_for(status: int) -> type[APIStatusError]:
    """The error class of an HTTP status."""
    if 500 <= status < 600:
        return ServerError
    return _BY_STATUS.get(status, APIStatusError)


def outcome_of(status: int) -> Outcome:
    """What an answer with this status says about the effect of a call."""
    # 1xx is no final answer: whatever followed it never arrived.
    return "unknown" if status < 200 or status >= 500 or status in _UNKNOWN_STATUSES else "refused"
