"""Follow one call: report its events to hooks and logs, and complete the error that ends it."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final

from .._api.call import Call
from .._core.logger import logger
from .._limits.shared_doubts import DoubtStep
from ..errors import IdempotencyConflictError, InventPayError, UnreadRow
from ..responses import APIResponse
from .redaction import redact_error
from .settings import TransportSettings
from .settling import Settling

if TYPE_CHECKING:
    from ..hooks import Event, FinalOutcome
    from ..models.call_meta import Exchange


class CallRecord:
    """Follows one call from its first token to its end."""

    __slots__ = (
        "_call",
        "_event_fields",
        "_now",
        "_observed",
        "_settings",
        "_settling",
        "_started",
        "_wall",
        "arrived",
        "attempts",
        "doubt",
        "rate_class",
        "refused_wait",
        "waited",
    )

    def __init__(
        self,
        call: Call[Any],
        settings: TransportSettings,
        settling: Settling,
        now: Callable[[], float],
        wall: Callable[[], datetime],
    ) -> None:
        self._call: Final = call
        self._settings: Final = settings
        self._settling: Final = settling
        self._now: Final = now
        self._wall: Final = wall
        self._started: Final = now()
        self.doubt: Final = settling.doubt_about(call)
        self.attempts: int = 0
        self.waited: float = 0.0
        """Seconds in the queue so far, before the first token and after every 429."""
        self.refused_wait: float | None = None
        """Seconds that the call would have had to wait for another attempt, where that was too long."""
        self.arrived: Final = self._started
        self.rate_class: Final = settings.rate_class(call.endpoint)
        # Events are created only for hooks or debug logs: most calls have neither.
        self._observed = bool(settings.hooks) or logger.isEnabledFor(logging.DEBUG)
        self._event_fields: dict[str, Any] = {}
        if self._observed:
            from ..hooks import CallStarted

            self._name()
            self._emit(CallStarted(**self._event_fields))

    def wait_begins(self, expected: float, *, is_warning: bool) -> None:
        """Report that a wait for a token begins; with a warning, also where nothing else is observed."""
        if self._observed or is_warning:
            from ..hooks import TokenAwaited

            if not self._event_fields:
                self._name()
            self._emit(TokenAwaited(**self._event_fields, expected=expected), is_warning=is_warning)

    def token_leased(self, seconds: float) -> None:
        """Report a token that was leased after ``seconds``."""
        if self._observed:
            from ..hooks import TokenWaited

            self._emit(TokenWaited(**self._event_fields, seconds=seconds))

    def check_key(self) -> None:
        """Raise where an earlier call with the same idempotency key forbids this one, before it waits for a token."""
        if self.doubt is not None:
            now = self._wall().timestamp()
            earlier = self.doubt.earlier(now, is_asked=False)
            if earlier is not None:
                self._settling.permit(self._call, self.doubt, earlier, now)

    def begin(self) -> DoubtStep | None:
        """Return the step of the shared memory of doubts that precedes the next request, ``None`` for none."""
        if self.doubt is None:
            return None
        now = self._wall().timestamp()
        return self.doubt.begin(now, may_join=self._settling.may_join(self._call, now))

    def begun(self) -> None:
        """Raise as :meth:`check_key` does, where another process forbids the request."""
        if self.doubt is not None:
            self.doubt.begun()
            now = self._wall().timestamp()
            earlier = self.doubt.earlier(now)
            if earlier is not None:
                self._settling.permit(self._call, self.doubt, earlier, now)

    def ended(self, error: InventPayError) -> DoubtStep | None:
        """Return the step of the shared memory that the claim of an error waits for, ``None`` for none."""
        if self.doubt is None:
            return None
        claims_no_effect = error.outcome in ("not_sent", "refused")
        return self.doubt.ended(self._wall().timestamp(), needs_reply=claims_no_effect)

    def attempt_sent(self) -> None:
        """Count an attempt that is about to be handed to the network. From now on the call is in doubt.

        Raises as :meth:`check_key` does, when another call used the key meanwhile.
        """
        if self.doubt is not None:
            now = self._wall().timestamp()
            while (other := self.doubt.sending(now)) is not None:
                self._settling.permit(self._call, self.doubt, other, now)
        self.attempts += 1
        if self._observed:
            from ..hooks import AttemptSent

            self._emit(AttemptSent(**self._event_fields, attempt=self.attempts))

    def had_no_effect(self) -> None:
        """Record that the last attempt was not written, or was provably refused."""
        if self.doubt is not None:
            self.doubt.had_no_effect()

    def attempt_answered(self, status: int | None, started: float, error: BaseException | None) -> None:
        """Report the end of the attempt that began at ``started``."""
        if self._observed:
            from ..hooks import AttemptAnswered

            self._emit(
                AttemptAnswered(
                    **self._event_fields,
                    attempt=self.attempts,
                    status=status,
                    seconds=self._now() - started,
                    error=None if error is None else type(error).__name__,
                )
            )

    def retry_planned(self, delay: float, failure: InventPayError) -> None:
        """Report a failed attempt that will be retried. It is always logged: it is a warning."""
        from ..hooks import RetryPlanned

        if not self._event_fields:
            self._name()
        self._emit(RetryPlanned(**self._event_fields, attempt=self.attempts, delay=delay, reason=_reason(failure)))

    def read(self, result: object, response: APIResponse) -> None:
        """Attach the exchange to the result, and report the parts of it that could not be read."""
        unread: tuple[str | UnreadRow, ...] | None = getattr(result, "unread", None)
        if unread is None:
            # Nothing, or an unparsed answer.
            return
        seconds = self._now() - self._started
        exchange: Exchange = (response.status, response.headers, self.attempts, seconds, self._call.idempotency_key)
        object.__setattr__(result, "_exchange", exchange)
        # Pages have records that could not be read, and members of items. A model that is asked for a name that it does
        # not have looks for advice.
        if hasattr(type(result), "unread_members"):
            unread += getattr(result, "unread_members", ())
        if unread:
            self._report_unread(unread)

    def _report_unread(self, unread: tuple[str | UnreadRow, ...]) -> None:
        from .._json.unread import warn_rows, warn_unread
        from ..hooks import AnswerUnread

        source = self._call.endpoint.name
        rows = [row for row in unread if isinstance(row, UnreadRow)]
        members = [path for path in unread if isinstance(path, str)]
        if rows:
            warn_rows(source, [row.problem for row in rows])
        warn_unread(source, members)
        if self._observed:
            self._emit(AnswerUnread(**self._event_fields, paths=(*members, *(row.path for row in rows))))

    def succeeded(self, status: int) -> None:
        """Record that the call has its result. Its key stays in doubt if Ctrl-C in a hook takes the result away."""
        self._finish("ok", status, None)
        if self.doubt is not None:
            self.doubt.succeeded()

    def failed(self, error: InventPayError) -> None:
        """Complete the error that ends the call."""
        error.attempts = self.attempts
        now = self._wall().timestamp()
        if self.doubt is not None:
            self.doubt.earlier(now)
            if isinstance(error, IdempotencyConflictError) and error.status is not None:
                # The API said so, not our own memory.
                self.doubt.mark_conflict(now)
        self._settling.complete(error, self._call, self.doubt, now)
        redact_error(error, self._settings.keys)
        self._finish(error.outcome, error.status, error)

    def interrupted(self, interrupt: BaseException) -> None:
        """Add a note on what may have happened to the Ctrl-C, cancellation or foreign exception that ends the call."""
        if self.doubt is not None:
            now = self._wall().timestamp()
            # Not waited for: an event loop may be ending, and a second Ctrl-C must not meet this.
            self.doubt.ended(now)
            if (sent_at := self.doubt.first_sent_at) is not None:
                if self.doubt.is_settled:
                    # The interrupt takes the result of the success away.
                    self.doubt.adopt(sent_at, now)
                interrupt.add_note(self._settling.note(self._call, now))
        self._finish("cancelled", None, interrupt)

    def _finish(self, outcome: FinalOutcome, status: int | None, error: BaseException | None) -> None:
        if self._observed:
            from ..hooks import CallFinished

            # Ctrl-C in a hook is no second end of the call.
            self._observed = False
            self._emit(
                CallFinished(
                    **self._event_fields,
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
        self._event_fields = {
            "call_id": next_call_id(),
            "method": endpoint.method,
            "path_template": endpoint.template,
            "rate_class": self.rate_class,
        }

    def _emit(self, event: Event, *, is_warning: bool = False) -> None:
        from ..hooks import emit

        emit(self._settings.hooks, event, is_warning=is_warning)


def _reason(failure: InventPayError) -> str:
    return type(failure).__name__ if failure.status is None else f"status {failure.status}"
