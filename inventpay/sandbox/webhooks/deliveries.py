"""The delivery of one event to one URL: pure functions from one immutable record to the next."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from .. import assumptions


@attrs.frozen(kw_only=True)
class Delivery:
    """An event for a URL, and the state of its delivery. Times are Unix seconds.

    ``body`` holds the exact bytes that are signed and sent, the same at each attempt. ``next_attempt_at`` is ``None``
    if no attempt is planned: it arrived, or it was given up. ``signature`` is that of the body, even if a fault sent a
    wrong one.
    """

    delivery_id: str
    event: str
    payment_id: str | None
    url: str
    body: bytes = attrs.field(repr=False)
    signature: str = attrs.field(repr=False)
    created_at: float
    attempts: int = 0
    success: bool = False
    http_status: int | None = None
    response: str | None = None
    error_message: str | None = None
    last_attempt_at: float | None = None
    next_attempt_at: float | None = None
    is_logged: bool = True
    """False if a fault keeps it out of the log."""


@attrs.frozen(kw_only=True)
class Outcome:
    """The outcome of one request: a status and the beginning of the answer, or the reason why there was none."""

    status: int | None = None
    response: str | None = None
    error: str | None = None

    @property
    def is_success(self) -> bool:
        """Whether the receiver accepted the delivery."""
        return self.status is not None and 200 <= self.status < 300

    @property
    def problem(self) -> str | None:
        """The reason of a failure, in one sentence."""
        if self.is_success:
            return None
        return self.error if self.status is None else f"The receiver answered {self.status}"


def attempted(delivery: Delivery, outcomes: Sequence[Outcome], now: float) -> Delivery:
    """Return the delivery after requests that were sent together; one success is enough."""
    reported = next((outcome for outcome in outcomes if outcome.is_success), outcomes[-1])
    attempts = delivery.attempts + len(outcomes)
    return attrs.evolve(
        delivery,
        attempts=attempts,
        success=reported.is_success,
        http_status=reported.status,
        response=reported.response,
        error_message=reported.problem,
        last_attempt_at=now,
        next_attempt_at=None if reported.is_success else retry_at(delivery.created_at, attempts, now),
    )


def retry_at(created_at: float, attempts: int, now: float) -> float | None:
    """Return the time of the retry after ``attempts`` failures, or ``None`` after 7 days (page webhooks/security)."""
    # After many attempts the power would overflow, and the pause is the longest anyway.
    growth = assumptions.WEBHOOK_PAUSE_FACTOR ** min(attempts - 1, 50)
    at = now + min(assumptions.WEBHOOK_FIRST_PAUSE * growth, assumptions.WEBHOOK_LONGEST_PAUSE)
    return at if at <= created_at + assumptions.WEBHOOK_RETRY_FOR else None
