"""Every error this package raises.

InventPayError
├── ConfigurationError            the client was set up wrongly; nothing was sent
├── InvalidArgumentError          an argument was refused before anything was sent (also a ValueError)
├── RateLimitTimeoutError         the wait for a token would exceed max_wait or timeout; nothing was sent
├── LimiterUnavailableError       the shared limiter is out of reach; nothing was sent
├── UnsettledError                an earlier request may have taken effect; nothing was sent this time
├── APIConnectionError            no answer: no connection, or the connection was lost
│   └── APITimeoutError           no answer in time
├── DecodeError                   an answer of a shape no source documents
│   ├── AnswerMismatchError       an answer that contradicts the request
│   └── UnreadRowsError           a walk over a list left out records that could not be read
├── APIStatusError                an error status; this class itself for 3xx and unlisted ones
│   ├── BadRequestError           400, 422
│   ├── AuthenticationError       401
│   ├── PermissionDeniedError     403
│   ├── NotFoundError             404
│   ├── ConflictError             409
│   │   └── IdempotencyConflictError  a key used before for other data
│   ├── RateLimitedError          429
│   └── ServerError               5xx
├── WaitTimeoutError              wait() saw no final status in time
├── UnknownStateError             a watched payment stays in a state that this version does not know
├── KeyUploadError                keys.add() stopped after some of the keys were added
└── WebhookError
    ├── SignatureError            the body was not signed with this secret
    ├── StaleEventError           signed, but outside the tolerance
    └── EventDecodeError          signed, but unreadable (also a DecodeError)
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any, ClassVar, Final, Literal

from attrs import field, frozen

from ._core.json_values import printable, shown
from ._core.names_advice import NamesAdvice
from .headers import Headers

if TYPE_CHECKING:
    from .models import AddedKeys, PaymentStatus, Withdrawal

__all__ = [
    "APIConnectionError",
    "APIStatusError",
    "APITimeoutError",
    "AnswerMismatchError",
    "AuthenticationError",
    "BadRequestError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailure",
    "DecodeError",
    "EventDecodeError",
    "IdempotencyConflictError",
    "InvalidArgumentError",
    "InventPayError",
    "KeyUploadError",
    "LimiterUnavailableError",
    "NotFoundError",
    "Outcome",
    "PermissionDeniedError",
    "RateLimitTimeoutError",
    "RateLimitedError",
    "SentRequest",
    "ServerError",
    "SignatureError",
    "StaleEventError",
    "UnknownStateError",
    "UnreadRow",
    "UnreadRowsError",
    "UnsettledError",
    "WaitTimeoutError",
    "WebhookError",
]

Outcome = Literal["not_sent", "refused", "done", "unknown"]
"""The fate of the operation of a call that failed, earlier requests with the same idempotency key included.

- ``"not_sent"``: no request with this key left this process. Nothing can have happened.
- ``"refused"``: the API said no, in an answer that is only given before any effect. Nothing happened; correct the
  request and send it under a new key.
- ``"done"``: the API said yes, but its answer could not be read in full. ``resource_id`` names what was made; do not
  repeat the call.
- ``"unknown"``: anything else. It may have taken effect: see ``safe_to_repeat``.

What each of them permits is explained in ``docs/outcomes.md``.
"""

ConnectionFailure = Literal["dns", "tls", "timeout", "proxy", "refused", "other"]
"""The reason why there was no connection.

- ``"dns"``: the host's name is unknown, or could not be looked up.
- ``"tls"``: no encrypted connection was made; the certificate is not trusted, or belongs to another host.
- ``"timeout"``: there was no answer in time.
- ``"proxy"``: the proxy refused.
- ``"refused"``: no server listens at this address.
- ``"other"``: the connection was lost, or the HTTP library gave no reason.
"""

_EMPTY_HEADERS: Final = Headers()


@frozen(kw_only=True)
class SentRequest:
    """The request behind an error: everything that ``client.repeat()`` needs, in any process that has the same keys."""

    method: str
    """HTTP method."""
    path: str
    """Percent-encoded path and query."""
    body: bytes | None = field(repr=False)
    """The JSON body; ``None`` where there was none."""
    idempotency_key: str | None
    """The key that every request of this operation carried."""
    sent_at: datetime | None
    """When the first request with this key was written; ``None`` if none was."""
    base_url: str
    """The API it was meant for."""
    account: str
    """A fingerprint of the API key. The key cannot be computed from it."""


class InventPayError(NamesAdvice, Exception):
    """The root of every error of this package.

    Errors of a call name the call and what became of it. All of them survive :mod:`pickle`, and none holds a live
    response, so they pass through Celery, multiprocessing and error trackers.
    """

    message: str
    """The problem in words."""
    method: str | None
    """HTTP method of the call, ``None`` when no call was involved."""
    path: str | None
    """Path of the call as it was requested."""
    attempts: int
    """Number of times the request was handed to the network."""
    idempotency_key: str | None
    """The key all attempts of this call carried."""
    outcome: Outcome
    """The fate of the operation, see :data:`Outcome`."""
    safe_to_repeat: bool = False
    """Whether ``client.repeat(error)`` can have no effect that one successful call would not have had.

    True for what was not sent (unless an argument or the configuration is wrong), for a 429, and for reads, payments
    and invoices whose outcome is unknown; for a withdrawal or checkout in doubt only when the API was proven to honour
    idempotency keys (``client.check(idempotency=...)``), or ``RetryPolicy(trust_idempotency=True)`` says so.
    """
    repeat_after: float = 1.0
    """Seconds to wait before repeating, where that is safe. Never 0."""
    evidence_hint: str | None = None
    """Where to look up what became of a withdrawal, a checkout or an unknown POST in doubt that must not be repeated;
    ``None`` for all other failures.
    """
    resource_id: str | None = None
    """The id that the API gave to what was created, where its answer could be read that far."""
    request: SentRequest | None = None
    """The request, for ``client.repeat(error)``; ``None`` when no call was involved."""
    status: int | None = None
    """HTTP status of the answer, ``None`` where there was none. Where a 2xx holds ``"success": false`` with a
    ``statusCode`` of its own, that one."""
    retry_after: float | None = None
    """Seconds the API asked to wait, from ``Retry-After``; ``None`` where it named none."""

    # The outcome of an error that is made without one. Celery makes errors again from their class and message, where
    # its results are JSON: one that a request may stand behind must not come back as "not_sent".
    _OUTCOME_UNSAID: ClassVar[Outcome] = "not_sent"

    def __init__(
        self,
        message: str,
        *,
        method: str | None = None,
        path: str | None = None,
        attempts: int = 0,
        idempotency_key: str | None = None,
        outcome: Outcome | None = None,
    ) -> None:
        super().__init__(message)
        self.message = message
        self.method = method
        self.path = path
        self.attempts = attempts
        self.idempotency_key = idempotency_key
        self.outcome = self._OUTCOME_UNSAID if outcome is None else outcome

    def __str__(self) -> str:
        if self.method is None and self.idempotency_key is None:
            return self.message
        facts = [f"outcome: {self.outcome}"]
        if self.attempts > 1:
            facts.append(f"attempts: {self.attempts}")
        if self.resource_id is not None:
            facts.append(f"id: {self.resource_id}")
        if self.idempotency_key is not None and self.outcome == "unknown":
            facts.append(f"idempotency key: {self.idempotency_key}")
        call = "" if self.method is None else f"{self.method} {self.path}: "
        text = f"{call}{self.message} ({', '.join(facts)})"
        return text if self.evidence_hint is None else f"{text}\n  {self.evidence_hint}"


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
    """The shared limiter is out of reach, and is configured to fail then (``on_outage="error"``).

    Nothing was sent.
    """


class UnsettledError(InventPayError):
    """A call under an idempotency key whose earlier request may have taken effect, where repeating is not proven safe.

    Nothing was sent this time; ``outcome`` is ``"unknown"`` because of the earlier request. Look up what became of that
    one: ``evidence_hint`` says where.
    """

    _OUTCOME_UNSAID = "unknown"


class APIConnectionError(InventPayError):
    """No answer arrived: the connection could not be made (``outcome == "not_sent"``) or was lost (``"unknown"``)."""

    reason: ConnectionFailure
    """The reason, see :data:`ConnectionFailure`."""

    _OUTCOME_UNSAID = "unknown"

    def __init__(self, message: str, *, reason: ConnectionFailure = "other", **facts: Any) -> None:
        super().__init__(message, **facts)
        self.reason = reason


class APITimeoutError(APIConnectionError):
    """No answer arrived in time."""

    def __init__(self, message: str, *, reason: ConnectionFailure = "timeout", **facts: Any) -> None:
        super().__init__(message, reason=reason, **facts)


class _AnswerError(InventPayError):
    """The attributes of errors that come with a response."""

    details: Mapping[str, Any] | None
    """The API's ``details``: field name to what is wrong with it."""
    headers: Headers
    """Response headers."""
    body: bytes
    """The response body as it arrived, cut after :data:`BODY_KEPT` bytes."""

    _OUTCOME_UNSAID = "unknown"

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


DETAILS_SHOWN: Final = 20
"""Fields of ``details`` that the text of an error shows; the attribute has all."""

BODY_KEPT: Final = 65_536
"""Bytes of a response body that an error keeps: enough to read, small enough to pickle into a task queue."""


class DecodeError(_AnswerError):
    """The answer has a shape no source documents; the message names the JSON path.

    After a write its ``outcome`` is ``"done"`` when the API said yes and named what it made (``resource_id``), else
    ``"unknown"``.
    """

    json_path: str | None
    """The place in the body, as ``$.data.balance.availableBalance``."""

    def __init__(self, message: str, *, json_path: str | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.json_path = json_path


class AnswerMismatchError(DecodeError):
    """The answer belongs to another request: it contradicts what was asked.

    A reused idempotency key and an answer that arrived twice on one connection both look like this. The call is never
    repeated, its ``outcome`` is ``"unknown"``, and its connections are not used again. ``resource_id`` is the id in the
    answer, which may be that of another customer's payment or withdrawal.

    Create a payment or invoice again under a new key: the one that may exist is never paid, and expires. Look a
    withdrawal or checkout up, as ``evidence_hint`` says.
    """

    contradictions: tuple[str, ...]
    """Each contradiction in words, with both values."""
    answer: Any
    """The model as it was read, ``None`` where it could not be."""

    def __init__(self, message: str, *, contradictions: tuple[str, ...] = (), answer: Any = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.contradictions = contradictions
        self.answer = answer


@frozen(kw_only=True)
class UnreadRow:
    """A record of a list that could not be read."""

    path: str
    """Place in the page, as ``$.data.orders[3]``."""
    raw: Any = field(repr=False)
    """The record as the API sent it, parsed."""
    problem: str
    """Reason for which it could not be read, with the JSON path of the odd value."""
    id: str | None = None
    """Id of the record, where it has one."""


class UnreadRowsError(DecodeError):
    """A walk over a list is complete, and some of its records could not be read; the items before were all others.

    Raised after the last item. Pass ``on_unread="skip"`` to ``list`` to go without them: they are in ``page.unread``.
    """

    rows: tuple[UnreadRow, ...]
    """The records that could not be read, at most 1,000."""

    def __init__(self, message: str, *, rows: tuple[UnreadRow, ...] = (), **facts: Any) -> None:
        super().__init__(message, **facts)
        self.rows = rows


class APIStatusError(_AnswerError):
    """The API answered with an error."""

    def __str__(self) -> str:
        text = super().__str__()
        if self.details:
            text += "".join(
                f"\n  {printable(str(field))}: {printable(problem) if isinstance(problem, str) else shown(problem)}"
                for field, problem in itertools.islice(self.details.items(), DETAILS_SHOWN)
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
    """409: the request meets another one; one with the same idempotency key may still be running."""


class IdempotencyConflictError(ConflictError):
    """The idempotency key was used before, for a request with other data.

    Repeating cannot help. Look up what became of the earlier request; use a new key for a new operation only.
    """


class RateLimitedError(APIStatusError):
    """429: the rate limit of this key is used up, by this process or another one."""


class ServerError(APIStatusError):
    """5xx: the API failed. A write may have taken effect."""


class _WaitError(InventPayError):
    """The end of a wait. Its text names no outcome: that of the polls says nothing of what was waited for."""

    def __str__(self) -> str:
        return self.message if self.method is None else f"{self.method} {self.path}: {self.message}"


class WaitTimeoutError(_WaitError):
    """``payments.wait()`` or ``withdrawals.wait()`` saw no final status in time."""

    last: PaymentStatus | Withdrawal | None
    """The last answer that was seen, ``None`` if none was."""
    outage: InventPayError | None
    """The failure of the latest poll, ``None`` where it was answered. Failures that are not the API's own word, such as
    lost connections and pages of a proxy, are waited out."""

    def __init__(
        self,
        message: str,
        *,
        last: PaymentStatus | Withdrawal | None = None,
        outage: InventPayError | None = None,
        **facts: Any,
    ) -> None:
        super().__init__(message, **facts)
        self.last = last
        self.outage = outage


class UnknownStateError(_WaitError):
    """A watched payment is in a state that this version does not know, more than an hour after its expiry.

    It may be final; only a newer version of the package, or a person in the dashboard, can tell.
    """

    last: PaymentStatus | None
    """The last status that was seen."""

    def __init__(self, message: str, *, last: PaymentStatus | None = None, **facts: Any) -> None:
        super().__init__(message, **facts)
        self.last = last


class KeyUploadError(InventPayError):
    """``keys.add()`` stopped after some of the keys were added; what stopped it is its ``__cause__``.

    Adding all keys again does no harm: those that are there already are counted as duplicates. To go on from where
    it stopped, leave out the first ``progress.taken`` keys. ``outcome`` is that of the batch that failed.
    """

    progress: AddedKeys | None
    """The keys before, by what became of them."""

    _OUTCOME_UNSAID = "unknown"

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


def class_for(status: int) -> type[APIStatusError]:
    """Return the error class of an HTTP status."""
    if 500 <= status < 600:
        return ServerError
    return _BY_STATUS.get(status, APIStatusError)
