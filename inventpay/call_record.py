"""The story of one call: what hooks and logs are told of it, and what its error says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any, Final

from .calls import Call
from .errors import DecodeError, InventPayError
from .headers import Headers
from .hooks import (
    AttemptAnswered,
    AttemptSent,
    CallFinished,
    Event,
    FinalOutcome,
    RetryPlanned,
    TokenWaited,
    emit,
    logger,
    next_call_id,
)
from .json_values import is_array, is_object
from .settings import TransportSettings


class CallRecord:
    """Follows one call from its first token to its end."""

    __slots__ = ("_call", "_facts", "_now", "_observed", "_settings", "_started", "_unknown", "attempts", "rate_class")

    def __init__(self, call: Call[Any], settings: TransportSettings, now: Callable[[], float]) -> None:
        self._call: Final = call
        self._settings: Final = settings
        self._now: Final = now
        self._started: Final = now()
        self._unknown = False
        self.attempts = 0
        self.rate_class: Final = settings.rate_class(call.endpoint)
        # Events are made only when somebody listens: most calls have nobody.
        self._observed = bool(settings.hooks) or logger.isEnabledFor(logging.DEBUG)
        self._facts: dict[str, Any] = {}
        if self._observed:
            self._name()

    def token_leased(self, seconds: float) -> None:
        """A token was leased after so many seconds."""
        if self._observed:
            self._tell(TokenWaited(**self._facts, seconds=seconds))

    def attempt_sent(self) -> None:
        """One more attempt goes out."""
        self.attempts += 1
        if self._observed:
            self._tell(AttemptSent(**self._facts, attempt=self.attempts))

    def may_have_had_effect(self) -> None:
        """The attempt was at least partly written and got no answer."""
        self._unknown = True

    def attempt_answered(self, status: int | None, started: float, error: BaseException | None) -> None:
        """The attempt that began at ``started`` ended."""
        if self._observed:
            self._tell(
                AttemptAnswered(
                    **self._facts,
                    attempt=self.attempts,
                    status=status,
                    seconds=self._now() - started,
                    error=None if error is None else type(error).__name__,
                )
            )

    def retry_planned(self, delay: float, failure: InventPayError) -> None:
        """The attempt failed and will be followed by another one. Always told: it is a warning."""
        if failure.outcome == "unknown":
            self._unknown = True
        if not self._facts:
            self._name()
        self._tell(RetryPlanned(**self._facts, attempt=self.attempts, delay=delay, reason=_reason(failure)))

    def succeeded(self, status: int) -> None:
        """The call has its result."""
        self._finish("ok", status, None)

    def failed(self, error: InventPayError) -> None:
        """Completes the error that ends the call."""
        error.method = self._call.endpoint.method
        error.path = self._call.path
        error.attempts = self.attempts
        error.idempotency_key = self._call.idempotency_key
        if isinstance(error, DecodeError):
            error.outcome = "unknown"
        elif self._unknown:
            # An earlier attempt may have taken effect, whatever became of the last one.
            error.outcome = "unknown"
        self._redact(error)
        self._finish(error.outcome, getattr(error, "status", None), error)

    def interrupted(self, interrupt: BaseException) -> None:
        """Ctrl-C, cancellation or a foreign error ends the call: its note says what may have happened."""
        if self._unknown and self._call.endpoint.safety != "read":
            interrupt.add_note(
                f"inventpay: {self._call.endpoint.name} was cut off after it may have been received; its outcome is "
                f"unknown. Repeat it with idempotency_key={self._call.idempotency_key!r}, or look it up first."
            )
        self._finish("cancelled", None, interrupt)

    def _finish(self, outcome: FinalOutcome, status: int | None, error: BaseException | None) -> None:
        if self._observed:
            self._tell(
                CallFinished(
                    **self._facts,
                    attempts=self.attempts,
                    seconds=self._now() - self._started,
                    status=status,
                    outcome=outcome,
                    error=None if error is None else type(error).__name__,
                )
            )

    def _name(self) -> None:
        endpoint = self._call.endpoint
        self._facts = {
            "call_id": next_call_id(),
            "method": endpoint.method,
            "path_template": endpoint.template,
            "rate_class": self.rate_class,
        }

    def _tell(self, event: Event) -> None:
        emit(self._settings.hooks, event)

    def _redact(self, error: InventPayError) -> None:
        """Takes the keys out of what the API, or a proxy, echoed."""
        for secret in (self._settings.api_key, self._settings.withdrawal_key):
            if secret is None:
                continue
            key = secret.reveal()
            if key in repr(error.__dict__):
                error.args = tuple(_without(key, part) for part in error.args)
                error.__dict__.update({name: _without(key, value) for name, value in error.__dict__.items()})


def _without(key: str, value: Any) -> Any:
    if isinstance(value, str):
        return value.replace(key, "***")
    if isinstance(value, bytes):
        return value.replace(key.encode(), b"***")
    if isinstance(value, Headers):
        return Headers((name, text.replace(key, "***")) for name, text in value.items())
    if is_object(value):
        return {_without(key, name): _without(key, item) for name, item in value.items()}
    if is_array(value):
        return [_without(key, item) for item in value]
    return value


def _reason(failure: InventPayError) -> str:
    status = getattr(failure, "status", None)
    return type(failure).__name__ if status is None else f"status {status}"
