"""Subjects of watching: a payment or withdrawal until it is final, one balance or all balances for ever."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final, Generic, Protocol, TypeVar

from ..models.enums import PaymentState
from .payment_status import AFTER_EXPIRY, LONGEST_EXPIRY, goes_backwards, is_funded, poll_interval
from .schedule import Watcher

if TYPE_CHECKING:
    from .._concurrency.wait_queue import Waker
    from ..errors import InventPayError
    from ..models import Balance, Balances, PaymentStatus, Withdrawal
    from ..webhooks.events import WebhookEvent
    from .payers import Payers

T = TypeVar("T")

UNKNOWN_STATE_PATIENCE: Final = timedelta(hours=1)
"""Seconds after its expiry for which a payment may stay in a state that this version does not know."""


class Watched(Watcher, Generic[T]):
    """One watched thing, shared by all iterators that watch it: its place in the schedule, and the latest answer.

    One iterator at a time drives it: waits for its turn and polls. The others wait for its answer.
    """

    __slots__ = ("answer", "driver", "failure", "funded_at", "number", "place", "waiters")

    def __init__(self, place: Hashable) -> None:
        super().__init__()
        self.place = place
        """Where its iterators run: an event loop, or any thread."""
        self.driver: object | None = None
        self.waiters: tuple[Waker, ...] = ()
        self.answer: T | None = None
        self.number = 0
        """Counts the answers."""
        self.failure: InventPayError | None = None
        """The latest failure, until there is an answer again."""
        self.funded_at: float | None = None
        """When funds were first seen."""


class Subject(Protocol[T]):
    """A kind of watched thing: when to poll it again, what counts as an update, and when it is over."""

    pace: float
    """Iterators share polls only where this is equal: the interval that was asked for, 0 where none was."""

    def wanted(self, last: T | None, now: datetime, watched: float, funded: float | None) -> float:
        """Return the seconds until the next poll, ``watched`` seconds after the first."""
        ...

    def appointment(self, last: T | None) -> datetime | None:
        """Return a moment at which to poll in any case."""
        ...

    def is_update(self, last: T, new: T) -> bool:
        """Return whether the answer differs from the last one, and is not older."""
        ...

    def is_over(self, last: T) -> bool:
        """Return whether nothing can follow."""
        ...

    def is_in_unknown_state(self, last: T, now: datetime) -> bool:
        """Return whether the state is unknown to this version, so that waiting for its end is pointless."""
        ...

    def is_funded(self, last: T) -> bool:
        """Return whether money has arrived."""
        ...

    def learn(self, last: T, now: datetime) -> None:
        """Use how long it took until money arrived for things that are watched later."""
        ...

    def merge_events(self, known: T | None, events: Sequence[WebhookEvent]) -> T | None:
        """Return the last answer, together with what webhook events say."""
        ...


class PaymentSubject:
    """A payment: updates until it is final, and a poll just after it expires."""

    __slots__ = ("_payers",)

    pace = 0.0

    def __init__(self, payers: Payers) -> None:
        self._payers = payers

    def wanted(self, last: PaymentStatus | None, now: datetime, watched: float, funded: float | None) -> float:
        """See :func:`poll_interval`."""
        return poll_interval(last, now=now, watched=watched, settings=self._payers.belief, funded=funded)

    def appointment(self, last: PaymentStatus | None) -> datetime | None:
        """Just after its expiry."""
        if last is None or last.expires_at is None:
            return None
        try:
            return last.expires_at + AFTER_EXPIRY
        except OverflowError:
            # The year 9999 stands for "never".
            return None

    def is_update(self, last: PaymentStatus, new: PaymentStatus) -> bool:
        """Return whether anything changed, and not backwards."""
        return new != last and not goes_backwards(last, new)

    def is_over(self, last: PaymentStatus) -> bool:
        """Return whether the status is final."""
        return last.is_final

    def is_in_unknown_state(self, last: PaymentStatus, now: datetime) -> bool:
        """Return whether the state is unknown to this version, and the payment expired more than an hour ago."""
        if last.is_final or isinstance(last.status, PaymentState):
            return False
        since = last.expires_at
        if since is None:
            if last.created_at is None:
                return False
            since = last.created_at + timedelta(seconds=LONGEST_EXPIRY)
        return now - since > UNKNOWN_STATE_PATIENCE

    def is_funded(self, last: PaymentStatus) -> bool:
        """Return whether funds were seen."""
        return is_funded(last)

    def learn(self, last: PaymentStatus, now: datetime) -> None:
        """Count the age at which funds were seen."""
        if last.created_at is not None:
            self._payers.paid((now - last.created_at).total_seconds())

    def merge_events(self, known: PaymentStatus | None, events: Sequence[WebhookEvent]) -> PaymentStatus | None:
        """Return what is known, together with what events say."""
        if not events:
            return known
        # A client that is fed no events does not import them.
        from .event_updates import merge_events

        return merge_events(known, events)


B = TypeVar("B", "Balance", "Balances")


class BalanceSubject(Generic[B]):
    """One balance, or all of them: never final, polled in even intervals."""

    def __init__(self, every: float) -> None:
        self.pace: float = every

    def wanted(self, last: B | None, now: datetime, watched: float, funded: float | None) -> float:
        """At once, then at the interval that was asked for."""
        return 0.0 if last is None else self.pace

    def appointment(self, last: B | None) -> datetime | None:
        """None."""
        return None

    def is_update(self, last: B, new: B) -> bool:
        """Return whether anything changed."""
        return new != last

    def is_over(self, last: B) -> bool:
        """Never."""
        return False

    def is_in_unknown_state(self, last: B, now: datetime) -> bool:
        """Never."""
        return False

    def is_funded(self, last: B) -> bool:
        """Never: a balance is no payment."""
        return False

    def learn(self, last: B, now: datetime) -> None:
        """Learn nothing."""

    def merge_events(self, known: B | None, events: Sequence[WebhookEvent]) -> B | None:
        """Return what is known: no event says how a balance stands."""
        del events
        return known


WITHDRAWAL_POLL_INTERVAL: Final = (3.0, 60.0)
"""assumed: withdrawals take from seconds to days. One is polled after a tenth of the time that it has been waited for,
within these bounds in seconds; no source says how long each state lasts."""


class WithdrawalSubject:
    """A withdrawal: updates until it is final, polled more rarely the longer it takes."""

    pace = WITHDRAWAL_POLL_INTERVAL[0]

    def wanted(self, last: Withdrawal | None, now: datetime, watched: float, funded: float | None) -> float:
        """At once, then after a tenth of the time that it has been waited for."""
        shortest, longest = WITHDRAWAL_POLL_INTERVAL
        return 0.0 if last is None else min(max(shortest, watched / 10), longest)

    def appointment(self, last: Withdrawal | None) -> datetime | None:
        """None: a withdrawal does not expire."""
        return None

    def is_update(self, last: Withdrawal, new: Withdrawal) -> bool:
        """Return whether anything changed."""
        return new != last

    def is_over(self, last: Withdrawal) -> bool:
        """Return whether the status is final."""
        return last.is_final

    def is_in_unknown_state(self, last: Withdrawal, now: datetime) -> bool:
        """Never: an approval may take days."""
        return False

    def is_funded(self, last: Withdrawal) -> bool:
        """Never: it pays out."""
        return False

    def learn(self, last: Withdrawal, now: datetime) -> None:
        """Learn nothing."""

    def merge_events(self, known: Withdrawal | None, events: Sequence[WebhookEvent]) -> Withdrawal | None:
        """Return what is known: only events of payments are fed to watchers."""
        del events
        return known
