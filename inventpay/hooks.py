"""Events to observe: eight of a call, in the order in which they happen, and one of watching.

Every event of a call names it (``call_id`` is the same for all events of one call), so that they can feed
any metrics or tracing library; :mod:`inventpay.telemetry` feeds OpenTelemetry. Hooks are plain callables that run in
the task or thread of the call; one that raises is logged and harms no call.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable
from typing import Literal, TypeAlias

from attrs import frozen

from ._core.logger import logger
from ._core.signal_handlers import raised_by_handler
from .errors import Outcome
from .options import RateClass

__all__ = [
    "AnswerUnread",
    "AttemptAnswered",
    "AttemptSent",
    "CallFinished",
    "CallStarted",
    "Event",
    "Hook",
    "PollingStretched",
    "RetryPlanned",
    "TokenAwaited",
    "TokenWaited",
]


@frozen(kw_only=True)
class _Event:
    call_id: int
    """Number of the call within this process."""
    method: str
    path_template: str
    """``/v1/invoice/{paymentId}/status``: few values, fit for a metric's label."""
    rate_class: RateClass

    @property
    def _call(self) -> str:
        return f"call {self.call_id} {self.method} {self.path_template}"


@frozen(kw_only=True)
class CallStarted(_Event):
    """The call begins. :class:`CallFinished` follows, whatever happens."""

    def __str__(self) -> str:
        return f"{self._call} begins"


@frozen(kw_only=True)
class TokenAwaited(_Event):
    """The call begins to wait for a token of the rate limit, for 0.1 seconds or more."""

    expected: float
    """Seconds until its turn, at the least."""

    def __str__(self) -> str:
        return f"{self._call} waits for a token of class {self.rate_class}, for about {self.expected:.1f} s"


@frozen(kw_only=True)
class TokenWaited(_Event):
    """A token of the rate limit was leased."""

    seconds: float
    """Seconds for which the call waited for it."""

    def __str__(self) -> str:
        return f"{self._call} leased a token of class {self.rate_class} after {self.seconds:.3f} s"


@frozen(kw_only=True)
class AttemptSent(_Event):
    """An attempt is handed to the network."""

    attempt: int
    """1 for the first."""

    def __str__(self) -> str:
        return f"{self._call} sends attempt {self.attempt}"


@frozen(kw_only=True)
class AttemptAnswered(_Event):
    """An attempt ended: with a status, or without an answer."""

    attempt: int
    status: int | None
    """HTTP status; ``None`` when no answer came."""
    seconds: float
    """From sending to the end of the answer."""
    error: str | None
    """Class name of the failure when no answer came."""

    def __str__(self) -> str:
        answer = self.error if self.status is None else f"status {self.status}"
        return f"{self._call} attempt {self.attempt} got {answer} after {self.seconds:.3f} s"


@frozen(kw_only=True)
class RetryPlanned(_Event):
    """The call will be repeated."""

    attempt: int
    """The attempt that failed."""
    delay: float
    """Seconds until the next one."""
    reason: str
    """Status or class name of what failed."""

    def __str__(self) -> str:
        return f"{self._call} attempt {self.attempt} failed ({self.reason}); the next one follows in {self.delay:.2f} s"


FinalOutcome: TypeAlias = Outcome | Literal["ok", "cancelled"]
"""The end of a call: ``"ok"``, what its error says, or ``"cancelled"``."""


@frozen(kw_only=True)
class CallFinished(_Event):
    """The call is over."""

    attempts: int
    seconds: float
    """From the call to its end, waiting included."""
    status: int | None
    """HTTP status of the last answer."""
    outcome: FinalOutcome
    error: str | None
    """Class name of the error that was raised."""

    def __str__(self) -> str:
        ended = "ok" if self.error is None else f"{self.error}, outcome {self.outcome}"
        return f"{self._call} finished after {self.seconds:.3f} s (attempts: {self.attempts}): {ended}"


@frozen(kw_only=True)
class AnswerUnread(_Event):
    """The answer of a call was read, but for some members or records."""

    paths: tuple[str, ...]
    """JSON paths of members that read ``None``, and of records of a list that were left out."""

    def __str__(self) -> str:
        return f"{self._call} has an answer with {len(self.paths)} unread places: {', '.join(self.paths[:5])}"


@frozen(kw_only=True)
class PollingStretched:
    """Polls became rarer than is useful, because of the number of watchers. Reported once a minute at most.

    Belongs to no call. Webhooks report changes sooner; or spread the watching over several API keys.
    """

    rate_class: RateClass
    watchers: int
    """Number of watchers that wait for their turn."""
    seconds: float
    """Mean time between two polls of one of them."""

    def __str__(self) -> str:
        return f"{self.watchers} watchers share class {self.rate_class}: each is polled every {self.seconds:.0f} s"


Event: TypeAlias = (
    CallStarted
    | TokenAwaited
    | TokenWaited
    | AttemptSent
    | AttemptAnswered
    | RetryPlanned
    | AnswerUnread
    | CallFinished
    | PollingStretched
)
"""Any event that a hook receives."""
Hook: TypeAlias = Callable[[Event], object]
"""A callable that receives every event of a client; its result is ignored."""

_numbers = itertools.count(1)


def next_call_id() -> int:
    """Return a number for one more call of this process."""
    return next(_numbers)


def emit(hooks: Iterable[Hook], event: Event, *, is_warning: bool = False) -> None:
    """Pass an event to the logger and to every hook. An exception of a hook is logged: it must not break a payment."""
    if is_warning or isinstance(event, (RetryPlanned, PollingStretched)):
        logger.warning("%s", event)
    else:
        logger.debug("%s", event)
    for hook in hooks:
        try:
            hook(event)
        except Exception as error:
            if raised_by_handler(error) is not None:
                raise  # a signal came while it ran, such as the time limit of a job
            logger.exception("inventpay: a hook failed on %s; the call goes on", type(event).__name__)
