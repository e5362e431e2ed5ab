"""Decide what an answer makes of a row, when a run stops, and whether a doubt may be repeated. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from email.utils import parsedate_to_datetime
from typing import Any, Final, Literal, NamedTuple

from attrs import frozen

from .._api.echoes import same_address, same_amount, same_coin
from .._core.decimals import EXACT, plain
from ..errors import (
    APIStatusError,
    ConfigurationError,
    InvalidArgumentError,
    InventPayError,
    LimiterUnavailableError,
    RateLimitedError,
    RateLimitTimeoutError,
)
from ..models import Balance, Withdrawal
from ..models.enums import FINAL_WITHDRAWAL_STATES, WithdrawalState
from .planning import exceeds
from .rows import PayoutRow, PayoutStatus

UNKNOWN_IN_A_ROW: Final = 5
"""Unknown outcomes in a row after which a run stops."""

UNSENT_IN_A_ROW: Final = 3
"""Rows in a row that could not be sent, after which a run stops."""

EQUAL_REFUSALS: Final = 5
"""Equal refusals in a row after which a run stops."""

WAITS_IN_A_ROW: Final = 30
"""Waits for the rate limit in a row, each as long as was asked for, after which a run stops."""

UNNAMED: Final = "an API key"
"""The account of a journal whose API named no merchant so far."""

REPEATABLE_FOR: Final = timedelta(hours=20)
"""Age up to which a key in doubt is repeated: the API forgets keys after 24 hours (docs)."""

CLOCK_ERROR: Final = timedelta(minutes=5)
"""Difference of clocks that says nothing: a clock further behind the journal was set back."""

REPLAY_AGE: Final = timedelta(minutes=5)
"""A withdrawal this much older than the first request for its row was made by another request."""

SETTLE_AFTER: Final = timedelta(minutes=30)
"""Least time after the last request before a row may be marked as unpaid: the request may still arrive."""

NOTHING: Final = Decimal(0)

Effect = Literal["paid", "unknown", "unsent", "wait", "refused", "stop", "raise"]
"""The consequence of an answer for the run."""


_WAITS: Final = (RateLimitTimeoutError, RateLimitedError, LimiterUnavailableError)
"""Errors of calls that only the rate limit kept from being sent, or from being served."""


@frozen(kw_only=True)
class Verdict:
    """The state that an error gives a row, and its consequence for the run."""

    status: PayoutStatus
    effect: Effect
    reason: str
    withdrawal_id: str | None = None


def judge(error: InventPayError) -> Verdict:
    """Return the verdict on the error of a row's call."""
    reason = error.message
    if error.outcome == "done" and error.resource_id is not None:
        return Verdict(status="accepted", effect="paid", reason=reason, withdrawal_id=error.resource_id)
    if error.outcome in ("done", "unknown"):
        return Verdict(status="in doubt", effect="unknown", reason=reason)
    if isinstance(error, _WAITS):
        return Verdict(status="planned", effect="wait", reason=reason)
    if isinstance(error, (ConfigurationError, InvalidArgumentError)):
        return Verdict(status="planned", effect="raise", reason=reason)
    if error.outcome == "not_sent":
        return Verdict(status="planned", effect="unsent", reason=reason)
    if isinstance(error, APIStatusError) and error.status in (401, 403):
        return Verdict(status="planned", effect="stop", reason=reason)
    return Verdict(status="refused", effect="refused", reason=reason)


class Step(NamedTuple):
    """The consequence of one row for the run."""

    effect: Effect
    reason: str = ""
    """The problem in words; for ``"stop"`` the words in which the run stops."""
    pause: float = 0.0
    """Seconds to wait before the row is tried again."""
    resume_at: datetime | None = None
    """Time from which a stopped run can go on, where it is known."""

    @property
    def is_to_be_tried_again(self) -> bool:
        """Whether the row was certainly not sent, and nothing speaks against sending it later."""
        return self.effect in ("wait", "unsent")


def key_refused(reason: str) -> Step:
    """Return the step of an answer that refuses the key: no further row can succeed."""
    return Step("stop", f"the API refused the key: {reason}")


def step_of(verdict: Verdict, error: InventPayError, *, doubtful: bool) -> Step:
    """Return the step of a call that failed. An attempt to repeat that is refused leaves the row in doubt."""
    if verdict.effect == "stop":
        return key_refused(verdict.reason)
    effect = "unknown" if doubtful and verdict.effect in ("refused", "raise") else verdict.effect
    return Step(effect, verdict.reason, error.repeat_after)


def step_without_evidence(currency: str, error: InventPayError) -> Step:
    """Return the step of a row whose balance could not be read: it is not sent."""
    if isinstance(error, APIStatusError) and error.status in (401, 403):
        return key_refused(error.message)
    effect: Effect = "wait" if isinstance(error, _WAITS) else "unsent"
    return Step(effect, f"the balance of {currency} could not be read: {error.message}", error.repeat_after)


class Counter:
    """Counts what follows in a row, and says when a run stops."""

    def __init__(self) -> None:
        self._unknown = self._unsent = self._waits = self._refusals = 0
        self._reason: str | None = None

    def stopped_by(self, effect: Effect, reason: str) -> str | None:
        """Count one step; return the words in which the run stops, ``None`` where it goes on."""
        self._unknown = self._unknown + 1 if effect == "unknown" else 0
        self._unsent = self._unsent + 1 if effect == "unsent" else 0
        self._waits = self._waits + 1 if effect == "wait" else 0
        same = effect == "refused" and reason == self._reason
        self._refusals = self._refusals + 1 if same else int(effect == "refused")
        self._reason = reason
        if effect == "stop":
            return reason
        if self._unknown >= UNKNOWN_IN_A_ROW:
            return f"{UNKNOWN_IN_A_ROW} unknown outcomes in a row, the last one: {reason}"
        if self._unsent >= UNSENT_IN_A_ROW:
            return f"{UNSENT_IN_A_ROW} rows in a row could not be sent, the last one: {reason}"
        if self._refusals >= EQUAL_REFUSALS:
            return f"{EQUAL_REFUSALS} equal refusals in a row: {reason}"
        if self._waits >= WAITS_IN_A_ROW:
            return f"the rate limit permitted no call after {WAITS_IN_A_ROW} waits: {reason}"
        return None


def limit_reached(balance: Balance, amount: Decimal, now: datetime) -> Step | None:
    """Return the step of a row that cannot be sent now: a withdrawal limit is reached, or the balance too small."""
    limits = balance.limits
    named = () if limits is None else (("daily", limits.daily), ("weekly", limits.weekly), ("monthly", limits.monthly))
    for name, limit in named:
        if limit is not None and exceeds(amount, limit.remaining):
            resume_at = limit.reset_at if limit.reset_at is not None and limit.reset_at > now else None
            if resume_at is None and name == "daily":
                # assumed where the API names no time: days end at midnight UTC.
                resume_at = (now + timedelta(days=1)).replace(hour=0, minute=0, second=0, microsecond=0)
            return Step("stop", f"{name} limit", resume_at=resume_at)
    if exceeds(amount, balance.available_balance):
        return Step("stop", "balance")
    return None


def belongs(found: str | None, *, merchant: str | None, is_known_key: bool) -> tuple[bool, str | None]:
    """Return whether a journal belongs to the client's account, and the account to write into it.

    ``found`` is the account that the journal names. The merchant decides where the API names one, so that a new key of
    the same merchant opens the journal; else the key must be one that opened it before.
    """
    named = None if merchant is None else f"merchant {merchant}"
    if found is None:
        return True, named or UNNAMED
    if named is None or found == UNNAMED:
        return is_known_key, named if is_known_key and found == UNNAMED else None
    return found == named, None


def why_not_repeated(row: PayoutRow, *, sent_as: str, proven: bool, now: datetime, clock_is_back: bool) -> str | None:
    """Return why a row in doubt waits for a person, ``None`` where its request may be repeated."""
    if row.first_sent_at is None or row.idempotency_key is None:
        return "the journal has no request of it"
    if row.key_account != sent_as:
        return "it was sent with another API key, withdrawal key or idempotency header"
    if not proven:
        return "the API is not proven to honour idempotency keys for withdrawals"
    if clock_is_back:
        return "the clock is behind the journal"
    if now - row.first_sent_at > REPEATABLE_FOR:
        return "its request is older than 20 hours, and the API forgets keys after 24"
    return None


def facts_of(withdrawal: Withdrawal, now: datetime) -> dict[str, Any]:
    """Return the members of a row that its withdrawal knows."""
    facts: dict[str, Any] = {
        "status": "accepted",
        "fee_amount": withdrawal.fee_amount,
        "net_amount": withdrawal.net_amount,
        "transaction_hash": withdrawal.transaction_hash,
    }
    if withdrawal.status == WithdrawalState.COMPLETED:
        facts |= {"status": "completed", "completed_at": withdrawal.completed_at or now, "ended_at": now}
    elif withdrawal.status in FINAL_WITHDRAWAL_STATES:
        reason = withdrawal.failure_reason or f"the API says {withdrawal.status}"
        facts |= {"status": "failed", "reason": reason, "ended_at": now}
    return {name: value for name, value in facts.items() if value is not None}


def is_replayed(row: PayoutRow, withdrawal: Withdrawal) -> bool:
    """Return whether a withdrawal is older than this row's first request, and so was made by another one."""
    created, sent = withdrawal.created_at, row.first_sent_at
    return created is not None and sent is not None and created < sent - REPLAY_AGE


def mark_of_age(row: PayoutRow, withdrawal: Withdrawal, cause: str) -> dict[str, Any]:
    """Return the members of a row whose withdrawal is older than its first request, none for others."""
    if not is_replayed(row, withdrawal):
        return {}
    made = f"{withdrawal.created_at:%Y-%m-%d %H:%M} UTC"
    return {"replayed": True, "reason": f"the withdrawal was made at {made}, before this row was sent: {cause}"}


def differences(row: PayoutRow, withdrawal: Withdrawal) -> list[str]:
    """Return how a withdrawal differs from the row that it is said to pay, by the rules for echoes of a request."""
    found: list[str] = []
    if not same_amount(row.amount, withdrawal.amount, currency=row.currency):
        found.append(f"its amount is {plain(withdrawal.amount)}, not {plain(row.amount)}")
    if not same_coin(row.currency, str(withdrawal.currency), withdrawal.raw.get("network")):
        found.append(f"its coin is {withdrawal.currency}, not {row.currency}")
    if not same_address(row.destination_address, withdrawal.destination_address):
        found.append(f"its address is {withdrawal.destination_address}, not {row.destination_address}")
    return found


class SeenTotal(NamedTuple):
    """A total withdrawn, and the time at which it was seen."""

    total: Decimal
    at: datetime

    @classmethod
    def read(cls, text: str) -> SeenTotal:
        """Return the total and time that were written as text."""
        total, at = text.split()
        return cls(Decimal(total), datetime.fromisoformat(at))

    def __str__(self) -> str:
        return f"{plain(self.total)} {self.at.astimezone(UTC).isoformat()}"


def unexplained(
    rows: Iterable[PayoutRow], currency: str, seen: SeenTotal, now: Decimal, checked: Decimal = NOTHING
) -> Decimal:
    """Return by how much the total withdrawn rose, since it was seen, beyond what the journal's rows can explain.

    Rows that were sent, and had not come to an end when the total was seen, may have been counted since then: no source
    says whether the API counts a withdrawal when it is made or when it is complete. ``checked`` is the amount that
    checks of idempotency keys may have withdrawn.
    """
    possible = checked
    for row in rows:
        was_sent = row.first_sent_at is not None and row.status not in ("planned", "refused")
        if row.currency != currency:
            continue
        if was_sent and (row.ended_at is None or row.ended_at >= seen.at):
            possible = EXACT.add(possible, row.amount)
        # Earlier attempts may have been counted too.
        possible = EXACT.add(possible, EXACT.multiply(row.amount, Decimal(row.attempt - 1)))
    surplus = EXACT.subtract(EXACT.subtract(now, seen.total), possible)
    return surplus if exceeds(now, EXACT.subtract(now, surplus)) else Decimal(0)


def evidence(balance: Balance, at: datetime) -> dict[str, str]:
    """Return what a balance shows of withdrawals, in words. It is shown to people, and decides nothing."""
    facts: dict[str, Decimal | None] = {
        "available": balance.available_balance,
        "locked": balance.locked_balance,
        "withdrawn": balance.total_withdrawn,
    }
    if balance.limits is not None:
        for name, limit in (("used today", balance.limits.daily), ("used this month", balance.limits.monthly)):
            facts[name] = None if limit is None else limit.used
    held = {name: plain(value) for name, value in facts.items() if value is not None}
    return {**held, "at": at.astimezone(UTC).isoformat(timespec="seconds")}


def server_time(headers: Mapping[str, str]) -> datetime | None:
    """Return the time in a ``Date`` header, ``None`` where there is none that can be read."""
    try:
        read = parsedate_to_datetime(headers["date"])
        known = read.replace(tzinfo=UTC) if read.tzinfo is None else read.astimezone(UTC)
    except (KeyError, TypeError, ValueError, OverflowError):
        return None
    # Nothing may be added to the last years of the calendar, nor taken from the first.
    return known if _FIRST_YEAR <= known.year <= _LAST_YEAR else None


_FIRST_YEAR: Final = 1970
_LAST_YEAR: Final = 2999
