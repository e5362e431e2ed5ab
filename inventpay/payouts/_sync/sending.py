# Generated from inventpay/payouts/_async/sending.py by tools/generate_sync.py. Do not edit.
"""Send the rows of a batch, one at a time, doubts first; each is written before its request and after its answer."""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Final

from ..._api.withdrawals import create_withdrawal
from ..._core.logger import logger
from ...errors import ConfigurationError, InvalidArgumentError, InventPayError
from ...models import Balance, Withdrawal
from ...options import RateClass
from .. import decisions
from ..decisions import Step
from ..errors import JournalError, RowChangedError
from ..interrupts import CANCELLATION_PAUSE, Interrupts
from ..journal import Journal
from ..reports import PayoutProgress
from ..rows import PayoutRow, PayoutStatus, key_of
from .account import Account

INTERRUPT_CHECK_EVERY: Final = 1.0
"""Seconds between two checks for Ctrl-C while a run waits."""

_WRITTEN_BEFORE: Final = (
    "status", "idempotency_key", "key_account", "attempts", "first_sent_at", "last_sent_at", "reason",
    "evidence_before", "evidence_after",
)  # fmt: skip
"""Members of a row that are written before its request."""


class Sending:
    """One run over a batch."""

    def __init__(
        self,
        account: Account,
        journal: Journal,
        batch: str,
        on_progress: Callable[[PayoutProgress], object] | None,
        interrupts: Interrupts,
    ) -> None:
        self._account = account
        self._journal = journal
        self._batch = batch
        self._on_progress = on_progress
        self._interrupts = interrupts
        self._counter = decisions.Counter()
        self.stopped: str | None = None
        """The reason why the run ended with rows left."""
        self.resume_at: datetime | None = None
        """Time from which the rest can be sent, where it is known."""

    def send_all(self) -> None:
        """Send every row that can be sent, until the run stops."""
        statuses: tuple[PayoutStatus, ...] = ("in doubt", "planned")
        for status in statuses:
            for row_id in [row.id for row in self._journal.rows(self._batch) if row.status == status]:
                self._send_until_written(row_id, status)
                if self.stopped is not None:
                    return

    def _send_until_written(self, row_id: str, status: PayoutStatus) -> None:
        while self.stopped is None:
            row = self._journal.row(row_id)
            if row is None or row.status != status:
                # It was cancelled meanwhile.
                return
            if status == "in doubt" and (problem := self._account.why_not_repeated(row)) is not None:
                self._leave_in_doubt(row, problem)
                return
            self._wait_for_token()
            if self._interrupts.is_requested:
                self.stopped = "interrupted"
                return
            step = self._send(row)
            if self.stopped is None:
                self.stopped, self.resume_at = self._counter.stopped_by(step.effect, step.reason), step.resume_at
            self._report(self._journal.row(row_id), 0.0)
            if self._interrupts.is_requested and self.stopped is None:
                self.stopped = "interrupted"
            if not step.is_to_be_tried_again:
                return
            if self.stopped is None:
                self._pause(step.pause)

    def _leave_in_doubt(self, row: PayoutRow, problem: str) -> None:
        cause = (row.reason or "").partition("; not repeated, since ")[0]
        reason = f"{cause}; not repeated, since {problem}" if cause else f"not repeated, since {problem}"
        if reason != row.reason:
            self._journal.change(row.id, self._account.now(), reason=reason)

    # --- waiting ---

    def _wait_for_token(self) -> None:
        while not self._interrupts.is_requested:
            state = self._account.client.rate_limits[RateClass.WITHDRAWALS]
            if state.next_token <= 0.0:
                return
            self._sleep_until_next_check(state.next_token)

    def _pause(self, seconds: float) -> None:
        # Counted, not read from a clock, which a debugger or a test may have stopped.
        left = seconds
        while left > 0.0 and not self._interrupts.is_requested:
            self._sleep_until_next_check(left)
            left -= INTERRUPT_CHECK_EVERY

    def _sleep_until_next_check(self, left: float) -> None:
        # A row that waits for the limit is not on the wire yet: it must not be in doubt if the process ends now.
        self._report(None, left)
        self._account.backend.sleep(min(INTERRUPT_CHECK_EVERY, left))

    # --- one row ---

    def _send(self, row: PayoutRow) -> Step:
        """Send one row, and return the consequence for the run."""
        try:
            balance = self._account.balance(row.currency)
        except (ConfigurationError, InvalidArgumentError):
            raise
        except InventPayError as error:
            return decisions.step_without_evidence(row.currency, error)
        surplus = self._account.other_withdrawals(balance, row.currency)
        if surplus is not None:
            return Step("stop", surplus)
        if self._interrupts.is_requested:
            return Step("stop", "interrupted")
        doubtful = row.status == "in doubt"
        reached = None if doubtful else decisions.limit_reached(balance, row.amount, self._account.now())
        if reached is not None:
            return reached
        former = row
        try:
            row = self._write_before(row, balance)
            self._account.backend.sleep(CANCELLATION_PAUSE)
        except RowChangedError:
            return Step("paid")
        except JournalError:
            raise
        except BaseException:
            self._take_back(former)
            raise
        try:
            withdrawal = self._repeat(row) if doubtful else self._create(row)
        except InventPayError as error:
            return self._failed(row, doubtful, error)
        except BaseException:
            reason = "the run was cut off while the request was on its way"
            self._journal.change(row.id, self._account.now(), status="in doubt", reason=reason)
            raise
        return self._accepted(row, withdrawal)

    def _write_before(self, row: PayoutRow, balance: Balance) -> PayoutRow:
        now = self._account.now()
        if row.status == "in doubt":
            return self._journal.change(row.id, now, expected="in doubt", attempts=row.attempts + 1, last_sent_at=now)
        return self._journal.change(
            row.id,
            now,
            expected="planned",
            status="sending",
            idempotency_key=key_of(row),
            key_account=self._account.sent_as,
            attempts=row.attempts + 1,
            first_sent_at=now,
            last_sent_at=now,
            reason=None,
            evidence_before=decisions.evidence(balance, now),
            evidence_after=None,
        )

    def _take_back(self, former: PayoutRow) -> None:
        """Write a row as it was before its request, which was not begun."""
        changes = {name: getattr(former, name) for name in _WRITTEN_BEFORE}
        expected: PayoutStatus = "in doubt" if former.status == "in doubt" else "sending"
        with contextlib.suppress(RowChangedError):
            self._journal.change(former.id, self._account.now(), expected=expected, **changes)

    def _create(self, row: PayoutRow) -> Withdrawal:
        return self._account.client.withdrawals.create(
            amount=row.amount,
            currency=row.currency,
            destination_address=row.destination_address,
            description=row.description,
            idempotency_key=row.idempotency_key,
            check_address=row.check_address,
        )

    def _repeat(self, row: PayoutRow) -> Withdrawal:
        call = create_withdrawal(
            amount=row.amount,
            currency=row.currency,
            destination_address=row.destination_address,
            description=row.description,
            idempotency_key=row.idempotency_key,
            key_as_description=self._account.key_as_description,
        )
        doubt = self._account.doubt_about(row, call.path, call.body)
        return self._account.client.repeat(doubt, Withdrawal)

    # --- answers ---

    def _accepted(self, row: PayoutRow, withdrawal: Withdrawal) -> Step:
        now = self._account.now()
        other = self._other_owner(row, withdrawal.withdrawal_id)
        if other is not None:
            self._journal.change(row.id, now, status="in doubt", reason=other)
            return Step("unknown", other)
        changes = decisions.facts_of(withdrawal, now)
        mark = decisions.mark_of_age(row, withdrawal, "an earlier request with the same key made it")
        if mark:
            changes |= mark
            logger.warning("inventpay: payout %r: %s", row.id, mark["reason"])
        record(self._journal, row.id, withdrawal.withdrawal_id, now, {"accepted_at": now, "reason": None, **changes})
        return Step("paid")

    def _failed(self, row: PayoutRow, doubtful: bool, error: InventPayError) -> Step:
        verdict, now = decisions.judge(error), self._account.now()
        if verdict.effect == "paid" and verdict.withdrawal_id is not None:
            other = self._other_owner(row, verdict.withdrawal_id)
            if other is None:
                made = {"status": "accepted", "accepted_at": now, "reason": verdict.reason}
                record(self._journal, row.id, verdict.withdrawal_id, now, made)
                return Step("paid")
            verdict = decisions.Verdict(status="in doubt", effect="unknown", reason=other)
        step = decisions.step_of(verdict, error, doubtful=doubtful)
        changes: dict[str, Any] = {"reason": verdict.reason}
        if not doubtful:
            # Nothing that an attempt to repeat learns settles the earlier request.
            changes["status"] = verdict.status
            if verdict.status == "planned":
                changes["first_sent_at"] = None
            if verdict.status == "refused":
                changes["ended_at"] = now
        self._journal.change(row.id, now, **changes)
        if verdict.effect == "raise" and not doubtful:
            raise error
        if step.effect == "unknown":
            self._note_balance_after(row)
        return step

    def _other_owner(self, row: PayoutRow, withdrawal_id: str) -> str | None:
        """Return the problem, in words, where a withdrawal pays another row, or an earlier attempt of this one."""
        owner = self._journal.owner_of(withdrawal_id)
        if owner is None or owner == (row.id, row.attempt):
            return None
        if owner[0] == row.id:
            return f"the answer names withdrawal {withdrawal_id}, which was attempt {owner[1]} of this row"
        return f"the answer names withdrawal {withdrawal_id}, which pays the row {owner[0]!r}"

    def _note_balance_after(self, row: PayoutRow) -> None:
        try:
            balance = self._account.balance(row.currency)
        except InventPayError:
            # The evidence is for people; the next row reads the balance again.
            return
        now = self._account.now()
        self._journal.change(row.id, now, evidence_after=decisions.evidence(balance, now))

    # --- progress ---

    def _report(self, row: PayoutRow | None, waiting: float) -> None:
        if self._on_progress is not None:
            self._on_progress(self._progress(row, waiting))

    def _progress(self, row: PayoutRow | None, waiting: float) -> PayoutProgress:
        rows = self._journal.rows(self._batch)
        left = sum(each.status == "planned" for each in rows)
        state = self._account.client.rate_limits[RateClass.WITHDRAWALS]
        # The next row goes when the wait is over.
        turns = max(0, left - state.available - (waiting > 0.0))
        # assumed: one minute is the window of the limit, as everywhere in the documentation.
        seconds = waiting + 60.0 * turns / state.limit
        return PayoutProgress(
            row=row,
            done=len(rows) - left,
            left=left,
            in_doubt=sum(each.status in ("in doubt", "sending") for each in rows),
            waiting=waiting,
            expected_end=self._account.now() + timedelta(seconds=seconds) if left else None,
        )


def record(journal: Journal, row_id: str, withdrawal_id: str, now: datetime, changes: Mapping[str, Any]) -> PayoutRow:
    """Write an accepted withdrawal. It must not be lost silently: the error and the log carry its id."""
    try:
        return journal.change(row_id, now, withdrawal_id=withdrawal_id, **changes)
    except JournalError as error:
        logger.critical(
            "inventpay: payout %r was accepted as withdrawal %s, and the journal could not be written: %s",
            row_id,
            withdrawal_id,
            error.message,
        )
        error.resource_id = withdrawal_id
        error.add_note(f"payout {row_id!r} was accepted as withdrawal {withdrawal_id}; write it down")
        raise
