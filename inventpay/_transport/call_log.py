"""The story of one call: what hooks and logs are told of it, and what its error says."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final

from .._api.call import Call
from .._core.logger import logger
from ..errors import DecodeError, InventPayError, outcome_of
from .redaction import redact_error
from .settings import TransportSettings

if TYPE_CHECKING:
    from ..hooks import Event, FinalOutcome


class CallRecord:
    """Follows one call from its first token to its end."""

    __slots__ = (
        "_call",
        "_facts",
        "_in_doubt",
        "_now",
        "_observed",
        "_settings",
        "_started",
        "_unknown",
        "attempts",
        "rate_class",
    )

    def __init__(self, call: Call[Any], settings: TransportSettings, now: Callable[[], float]) -> None:
        self._call: Final = call
        self._settings: Final = settings
        self._now: Final = now
        self._started: Final = now()
        # Whether an attempt that is over, or (in doubt) the last one, may have taken effect.
        self._unknown = self._in_doubt = False
        self.attempts: int = 0
        self.rate_class: Final = settings.rate_class(call.endpoint)
        # Events are made only when somebody listens: most calls have nobody.
        self._observed = bool(settings.hooks) or logger.isEnabledFor(logging.DEBUG)
        self._facts: dict[str, Any] = {}
        if self._observed:
            self._name()

    def token_leased(self, seconds: float) -> None:
        """A token was leased after so many seconds."""
        if self._observed:
            from ..hooks import TokenWaited

            self._tell(TokenWaited(**self._facts, seconds=seconds))

    def attempt_sent(self) -> None:
        """One more attempt goes out."""
        self.attempts += 1
        if self._observed:
            from ..hooks import AttemptSent

            self._tell(AttemptSent(**self._facts, attempt=self.attempts))

    def may_have_had_effect(self) -> None:
        """The attempt was at least partly written and got no answer."""
        self._unknown = True

    def attempt_answered(self, status: int | None, started: float, error: BaseException | None) -> None:
        """The attempt that began at ``started`` ended."""
        self._in_doubt = status is not None and (status < 300 or outcome_of(status) == "unknown")
        if self._observed:
            from ..hooks import AttemptAnswered

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
        from ..hooks import RetryPlanned

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
        redact_error(error, self._settings.keys)
        self._finish(error.outcome, getattr(error, "status", None), error)

    def interrupted(self, interrupt: BaseException) -> None:
        """Ctrl-C, cancellation or a foreign error ends the call: its note says what may have happened."""
        if (self._unknown or self._in_doubt) and self._call.endpoint.safety != "read":
            interrupt.add_note(
                f"inventpay: {self._call.endpoint.name} was cut off after it may have been received; its outcome is "
                f"unknown. Repeat it with idempotency_key={self._call.idempotency_key!r}, or look it up first."
            )
        self._finish("cancelled", None, interrupt)

    def _finish(self, outcome: FinalOutcome, status: int | None, error: BaseException | None) -> None:
        if self._observed:
            from ..hooks import CallFinished

            # Ctrl-C in a hook is no second end of the call.
            self._observed = False
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
        from ..hooks import next_call_id

        endpoint = self._call.endpoint
        self._facts = {
            "call_id": next_call_id(),
            "method": endpoint.method,
            "path_template": endpoint.template,
            "rate_class": self.rate_class,
        }

    def _tell(self, event: Event) -> None:
        from ..hooks import emit

        emit(self._settings.hooks, event)


def _reason(failure: InventPayError) -> str:
    status = getattr(failure, "status", None)
    return type(failure).__name__ if status is None else f"status {status}"
