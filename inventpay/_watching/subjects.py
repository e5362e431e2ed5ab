"""What can be watched: a payment until it is final, a balance for ever."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol, TypeVar

from .payment_status import AFTER_EXPIRY, goes_backwards, poll_interval

if TYPE_CHECKING:
    from ..models import Balance, PaymentStatus
    from ..webhooks.events import WebhookEvent

T = TypeVar("T")


class Subject(Protocol[T]):
    """What is watched: when to look again, what counts as news, and when it is over."""

    def wanted(self, last: T | None, now: datetime, watched: float) -> float:
        """Seconds until the next look, ``watched`` seconds after the first."""
        ...

    def appointment(self, last: T | None) -> datetime | None:
        """A moment at which to look in any case."""
        ...

    def is_update(self, last: T, new: T) -> bool:
        """Whether the answer says something new."""
        ...

    def is_over(self, last: T) -> bool:
        """Whether nothing can follow."""
        ...

    def merge_events(self, known: T | None, events: Sequence[WebhookEvent]) -> T | None:
        """What is known, together with what events say."""
        ...


class PaymentSubject:
    """A payment: news until it is final, and a look just after it expires."""

    def wanted(self, last: PaymentStatus | None, now: datetime, watched: float) -> float:
        """See :func:`poll_interval`."""
        return poll_interval(last, now=now, watched=watched)

    def appointment(self, last: PaymentStatus | None) -> datetime | None:
        """Just after its expiry."""
        if last is None or last.expires_at is None:
            return None
        return last.expires_at + AFTER_EXPIRY

    def is_update(self, last: PaymentStatus, new: PaymentStatus) -> bool:
        """Whether anything changed, and not backwards."""
        return new != last and not goes_backwards(last, new)

    def is_over(self, last: PaymentStatus) -> bool:
        """Whether the status is final."""
        return last.is_final

    def merge_events(self, known: PaymentStatus | None, events: Sequence[WebhookEvent]) -> PaymentStatus | None:
        """What is known, together with what events say."""
        if not events:
            return known
        # Whoever receives no events does not import them.
        from .event_updates import merge_events

        return merge_events(known, events)


class BalanceSubject:
    """A balance: never final, looked at in even intervals."""

    def __init__(self, every: float) -> None:
        self._every = every

    def wanted(self, last: Balance | None, now: datetime, watched: float) -> float:
        """At once, then every so many seconds."""
        return 0.0 if last is None else self._every

    def appointment(self, last: Balance | None) -> datetime | None:
        """None."""
        return None

    def is_update(self, last: Balance, new: Balance) -> bool:
        """Whether anything changed."""
        return new != last

    def is_over(self, last: Balance) -> bool:
        """Never."""
        return False

    def merge_events(self, known: Balance | None, events: Sequence[WebhookEvent]) -> Balance | None:
        """What is known: no event says how a balance stands."""
        del events
        return known
