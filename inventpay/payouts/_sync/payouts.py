# Generated from inventpay/payouts/_async/payouts.py by tools/generate_sync.py. Do not edit.
"""Plan payouts, run them, and settle what is in doubt."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final

from ..._api.endpoints import CREATE_WITHDRAWAL
from ..._api.withdrawals import create_withdrawal
from ..._core.decimals import plain
from ..._core.logger import logger
from ..._transport import proofs
from ...errors import ConfigurationError, DecodeError, InvalidArgumentError, InventPayError, SentRequest, UnsettledError
from ...models import Balance, Balances, Withdrawal
from ...models.enums import FINAL_WITHDRAWAL_STATES, WithdrawalState
from ...options import RateClass
from .. import decisions, planning
from ..errors import JournalError, PayoutPlanError
from ..hooks import PayoutHook
from ..interrupts import Interrupts
from ..journal import Journal
from ..reports import PayoutProgress, PayoutReport, Plan
from ..rows import OPEN, RETRYABLE, Payout, PayoutRow, PayoutStatus, digest_of, key_of

if TYPE_CHECKING:
    from ... import InventPay

GLANCE: Final = 1.0
"""Seconds between looks at the rate limit while a run waits for it."""


class Payouts:
    """Payouts with a journal: each recipient is paid exactly once. See the guide ``docs/payouts.md``.

    >>> with InventPay() as client, Payouts(client, journal="payouts.sqlite3") as payouts:
    ...     plan = payouts.plan([Payout("1", 10, "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D")])
    ...     report = payouts.run(batch=plan.batch)
    ...     print(len(report.paid), len(report.in_doubt), len(report.refused))

    The journal is one SQLite file. Every row is written to it before its request is sent, so a run may be killed at any
    moment and started again. One process at a time may use it. It belongs to one base URL and one merchant.

    Raises JournalError for a journal that is in use, unreadable, or of another API.
    """

    def __init__(self, client: InventPay, journal: str | os.PathLike[str]) -> None:
        transport = client._transport  # pyright: ignore[reportPrivateUsage]
        self._client = client
        self._backend = client._backend  # pyright: ignore[reportPrivateUsage]
        self._base_url = client._base_url  # pyright: ignore[reportPrivateUsage]
        self._settling = transport.settling
        self._testnet = transport.testnet_addresses
        self._key_as_description = transport.key_as_description
        self._offset = timedelta()
        self._is_bound = False
        self._journal = Journal(journal)
        try:
            self._check_base_url()
        except BaseException:
            self._journal.close()
            raise

    def _check_base_url(self) -> None:
        found = self._journal.fact("base_url")
        if found is None:
            self._journal.write(facts={"base_url": self._base_url})
        elif found != self._base_url:
            raise JournalError(
                f"the journal {self._journal.path} belongs to {found}, and the client to {self._base_url}; use another "
                "journal for another API"
            )

    def __enter__(self) -> Payouts:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close the journal. The client stays open."""
        self._journal.close()

    # --- observing ---

    def row_counts(self) -> Mapping[tuple[PayoutStatus, str], int]:
        """Return the number of rows of the journal by state and currency."""
        return self._journal.row_counts()

    def add_hook(self, hook: PayoutHook) -> None:
        """Add a function that is called for every row that is written, with :class:`PayoutRowChanged`.

        Adding an equal one twice is the same as once.

        >>> payouts.add_hook(print)                                                  # doctest: +SKIP
        """
        if hook not in self._journal.hooks:
            self._journal.hooks.append(hook)

    # --- planning ---

    def check(self, payouts: Iterable[Payout]) -> Plan:
        """Check rows as :meth:`plan` does, and write nothing.

        Raises PayoutPlanError with every problem, and the errors of a call for the balances.
        """
        plan, _ = self._planned(payouts, None)
        return plan

    def plan(self, payouts: Iterable[Payout], *, batch: str | None = None) -> Plan:
        """Check rows and write all of them to the journal, or none. Nothing is sent, and no withdrawal key is needed.

        Planning the same rows again changes nothing. ``batch`` names a new batch; by default its name is made of the
        day and the rows. Rows that are added to a file join the batch of the others.

        Raises PayoutPlanError with every problem and its line, JournalError, and the errors of a call for the balances.
        """
        plan, new = self._planned(payouts, batch)
        if new:
            self._journal.add(new, self._now())
        return plan

    def _planned(self, payouts: Iterable[Payout], batch: str | None) -> tuple[Plan, list[PayoutRow]]:
        self._check_place()
        balances = self._bind()
        rows, problems = planning.read_rows(payouts, testnet=self._testnet)
        held = self._journal.rows()
        known = {row.id: row for row in held}
        problems += planning.compare(rows, known)
        if not rows and not problems:
            raise InvalidArgumentError("payouts is empty; pass at least one row", argument="payouts")
        if problems:
            raise PayoutPlanError(problems)
        batches = sorted({known[row.id].batch for row in rows if row.id in known})
        if len(batches) > 1 or (batch is not None and batches not in ([], [batch])):
            raise InvalidArgumentError(
                f"the rows belong to the batches {', '.join(batches)} already; plan each of them by itself, and leave "
                "batch= out",
                argument="batch",
            )
        now = self._now()
        name = batches[0] if batches else batch or f"{now:%Y-%m-%d}-{digest_of(rows)[:8]}"
        new = [_evolve(row, batch=name, planned_at=now) for row in rows if row.id not in known]
        planned = [known[row.id] for row in rows if row.id in known] + new
        whole = [row for row in held if row.batch == name] + new
        sums = planning.sums_of(whole)
        others = planning.sums_of([row for row in held if row.batch != name])
        problems, warnings = planning.weigh(sums, {coin: _one(balances, coin) for coin in sums})
        if problems:
            raise PayoutPlanError(problems)
        warnings += [
            f"{plain(total)} {coin} of other batches are still to be sent too" for coin, total in others.items()
        ]
        warnings = [*planning.warnings_of(rows, held), *warnings]
        plan = Plan(batch=name, digest=digest_of(whole), rows=tuple(planned), sums=sums, warnings=tuple(warnings))
        return plan, new

    # --- running ---

    def run(
        self,
        *,
        batch: str | None = None,
        digest: str | None = None,
        wait: bool = False,
        allow_other_withdrawals: bool = False,
        on_progress: Callable[[PayoutProgress], object] | None = None,
    ) -> PayoutReport:
        """Send the planned rows of a batch, one by one, doubts first. Kill it at any moment and run it again.

        ``batch`` may be left out where only one has rows left; ``digest`` is that of the plan which was approved, and
        any other batch is refused. ``wait=True`` follows the accepted rows until each withdrawal is final.
        ``on_progress`` is called after every row that was written, and while the run waits for the rate limit (10
        withdrawals a minute); an exception of it stops the run. Ctrl-C once ends the run after the row on the wire,
        twice at once.

        A row in doubt is repeated by itself only where the API is proven to honour idempotency keys for withdrawals
        (``client.check(idempotency="withdrawal", ...)``, or ``RetryPolicy(trust_idempotency=True)``) and its request is
        younger than 20 hours. The run stops, and the rest stays planned, at a withdrawal limit or the end of the
        balance, after five unknown outcomes, three unsent rows or five equal refusals in a row, and where the API
        refuses the key; ``report.stopped`` says why.

        Where more was withdrawn since the last run than the journal's rows explain (another journal, a restored backup,
        the dashboard), nothing is sent until ``allow_other_withdrawals=True``.

        Raises InvalidArgumentError for an unknown batch or another digest, JournalError where the journal cannot be
        written (``resource_id`` is then the withdrawal that was made), ConfigurationError without a withdrawal key, and
        the errors of the first call for the balances. Errors of rows are in the report.
        """
        self._check_place()
        balances = self._bind()
        name = self._chosen(batch, digest)
        self._find_interrupted()
        self._compare_totals(balances, allow_other_withdrawals)
        ended = _Ending()
        if name is not None:
            with Interrupts() as interrupts:
                self._send_all(name, on_progress, interrupts, ended)
            if wait and ended.stopped is None:
                self._follow(name)
        return self._report(name, ended)

    def _chosen(self, batch: str | None, digest: str | None) -> str | None:
        open_batches = list(dict.fromkeys(row.batch for row in self._journal.rows() if row.status in OPEN))
        if batch is None:
            if len(open_batches) > 1:
                raise InvalidArgumentError(
                    f"several batches have rows left: {', '.join(open_batches)}; name one with batch=", argument="batch"
                )
            batch = open_batches[0] if open_batches else None
            if batch is None and digest is None:
                return None
        rows = [] if batch is None else self._journal.rows(batch)
        if not rows:
            raise InvalidArgumentError(f"the journal has no batch {batch!r}; plan it first", argument="batch")
        if digest is not None and digest != (found := digest_of(rows)):
            raise InvalidArgumentError(
                f"batch {batch!r} has the digest {found}, not the approved {digest}: its rows changed since; look at "
                "the plan again",
                argument="digest",
            )
        return batch

    def _find_interrupted(self) -> None:
        for row in self._journal.rows():
            if row.status == "sending":
                reason = "the process ended while the request was on its way"
                self._journal.change(row.id, self._now(), status="in doubt", reason=reason)

    def _send_all(
        self,
        batch: str,
        on_progress: Callable[[PayoutProgress], object] | None,
        interrupts: Interrupts,
        ended: _Ending,
    ) -> None:
        counter = decisions.Counter()
        for doubtful in (True, False):
            wanted = "in doubt" if doubtful else "planned"
            queue = [row.id for row in self._journal.rows(batch) if row.status == wanted]
            while queue and ended.stopped is None:
                row = self._row(queue[0])
                if doubtful and (problem := self._why_not_repeated(row)) is not None:
                    self._journal.change(row.id, self._now(), reason=_waiting_for_a_person(row, problem))
                    queue.pop(0)
                    continue
                self._wait_for_token(batch, on_progress, interrupts)
                if interrupts.is_requested:
                    ended.stopped = "interrupted"
                    return
                step = self._send(row, doubtful, ended)
                ended.stopped = ended.stopped or counter.stopped_by(step.effect, step.reason)
                written = self._row(row.id)
                if not step.is_to_be_tried_again:
                    queue.pop(0)
                if on_progress is not None:
                    on_progress(self._progress(batch, written, 0.0))
                if interrupts.is_requested:
                    ended.stopped = ended.stopped or "interrupted"
                elif step.is_to_be_tried_again and ended.stopped is None:
                    self._backend.sleep(step.pause)

    def _wait_for_token(
        self, batch: str, on_progress: Callable[[PayoutProgress], object] | None, interrupts: Interrupts
    ) -> None:
        # A row that waits for the limit is not on the wire yet: it must not be in doubt if the process ends now.
        while not interrupts.is_requested:
            state = self._client.rate_limits[RateClass.WITHDRAWALS]
            if state.next_token <= 0.0:
                return
            if on_progress is not None:
                on_progress(self._progress(batch, None, state.next_token))
            self._backend.sleep(min(GLANCE, state.next_token))

    def _send(self, row: PayoutRow, doubtful: bool, ended: _Ending) -> decisions.Step:
        """Send one row, and return the consequence for the run."""
        try:
            balance = self._client.balances.get(row.currency)
        except (ConfigurationError, InvalidArgumentError):
            raise
        except InventPayError as error:
            problem = f"the balance of {row.currency} could not be read: {error.message}"
            return decisions.Step("unsent", problem, error.repeat_after)
        self._learn_time(balance)
        self._compare_one(row.currency, balance, allow=False)
        now = self._now()
        if not doubtful:
            reached = decisions.limit_reached(balance, row.amount, now)
            if reached is not None:
                ended.stopped, ended.resume_at = reached
                return decisions.Step("stop", reached[0])
            key = key_of(row)
            row = self._journal.change(
                row.id,
                now,
                status="sending",
                idempotency_key=key,
                key_account=self._settling.account,
                attempts=row.attempts + 1,
                first_sent_at=row.first_sent_at or now,
                last_sent_at=now,
                reason=None,
                evidence_before=decisions.evidence(balance, now),
            )
        else:
            row = self._journal.change(row.id, now, attempts=row.attempts + 1, last_sent_at=now)
        try:
            withdrawal = self._repeat(row) if doubtful else self._create(row)
        except InventPayError as error:
            return self._failed(row, doubtful, error)
        except BaseException:
            reason = "the run was cut off while the request was on its way"
            self._journal.change(row.id, self._now(), status="in doubt", reason=reason)
            raise
        return self._accepted(row, withdrawal)

    def _create(self, row: PayoutRow) -> Withdrawal:
        return self._client.withdrawals.create(
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
            key_as_description=self._key_as_description,
        )
        doubt = UnsettledError("the row is in doubt", method=call.endpoint.method, path=call.path)
        doubt.request = SentRequest(
            method=call.endpoint.method,
            path=call.path,
            body=call.body,
            idempotency_key=call.idempotency_key,
            # The client judges the age by its own clock.
            sent_at=None if row.first_sent_at is None else row.first_sent_at - self._offset,
            base_url=self._base_url,
            account=self._settling.account,
        )
        withdrawal: Withdrawal = self._client.repeat(doubt)
        return withdrawal

    def _accepted(self, row: PayoutRow, withdrawal: Withdrawal) -> decisions.Step:
        now = self._now()
        owner = self._journal.owner_of(withdrawal.withdrawal_id)
        if owner is not None and owner != row.id:
            reason = f"the answer names withdrawal {withdrawal.withdrawal_id}, which pays the row {owner!r}"
            self._journal.change(row.id, now, status="in doubt", reason=reason)
            return decisions.Step("unknown", reason)
        changes = self._facts_of(withdrawal, now)
        if decisions.is_replayed(row, withdrawal):
            changes["replayed"] = True
            changes["reason"] = (
                f"the withdrawal was made at {withdrawal.created_at:%Y-%m-%d %H:%M} UTC, before this row was sent: an "
                "earlier request with the same key made it"
            )
            logger.warning("inventpay: payout %r: %s", row.id, changes["reason"])
        self._record(row.id, withdrawal.withdrawal_id, {"accepted_at": now, "reason": None, **changes})
        return decisions.Step("paid")

    def _failed(self, row: PayoutRow, doubtful: bool, error: InventPayError) -> decisions.Step:
        verdict, now = decisions.judge(error), self._now()
        if doubtful and verdict.effect != "paid":
            # Nothing that an attempt to repeat learns settles the earlier request.
            effect = verdict.effect if verdict.effect in ("wait", "unsent", "stop") else "unknown"
            self._journal.change(row.id, now, reason=verdict.reason)
            return decisions.Step(effect, verdict.reason, error.repeat_after)
        if verdict.effect == "paid" and verdict.withdrawal_id is not None:
            owner = self._journal.owner_of(verdict.withdrawal_id)
            if owner is None or owner == row.id:
                made = {"status": "accepted", "accepted_at": now, "reason": verdict.reason}
                self._record(row.id, verdict.withdrawal_id, made)
                return decisions.Step("paid")
            verdict = decisions.Verdict(status="in doubt", effect="unknown", reason=verdict.reason)
        changes: dict[str, Any] = {"status": verdict.status, "reason": verdict.reason}
        if verdict.status == "planned":
            changes["first_sent_at"] = None
        if verdict.status == "refused":
            changes["ended_at"] = now
        self._journal.change(row.id, now, **changes)
        if verdict.effect == "raise":
            raise error
        if verdict.effect == "unknown":
            self._look_after(row)
        return decisions.Step(verdict.effect, verdict.reason, error.repeat_after)

    def _look_after(self, row: PayoutRow) -> None:
        try:
            balance = self._client.balances.get(row.currency)
        except InventPayError:
            # The evidence is for people; the next row reads the balance again.
            return
        self._learn_time(balance)
        after = decisions.evidence(balance, self._now())
        self._journal.change(row.id, self._now(), evidence_after=after)

    def _record(self, row_id: str, withdrawal_id: str, changes: Mapping[str, Any]) -> None:
        """Write an accepted withdrawal. If the disk is full, raise an error that contains the withdrawal's id."""
        try:
            self._journal.change(row_id, self._now(), withdrawal_id=withdrawal_id, **changes)
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

    # --- following, settling, changing the plan ---

    def refresh(self, *, batch: str | None = None) -> PayoutReport:
        """Ask for the state of every accepted row, within the rate limits, and return the report.

        Raises JournalError, and the errors of a call; what was learned until then is in the journal.
        """
        self._check_place()
        self._bind()
        for row in self._journal.rows(batch):
            if row.status == "accepted" and row.withdrawal_id is not None:
                self._update(row, self._client.withdrawals.get(row.withdrawal_id))
        return self.report(batch=batch)

    def _follow(self, batch: str) -> None:
        for row in self._journal.rows(batch):
            if row.status == "accepted" and row.withdrawal_id is not None:
                self._update(row, self._client.withdrawals.wait(row.withdrawal_id))

    def _update(self, row: PayoutRow, withdrawal: Withdrawal) -> None:
        differing = decisions.differences(row, withdrawal)
        if differing:
            reason = f"withdrawal {row.withdrawal_id} differs from the row: {'; '.join(differing)}"
            logger.warning("inventpay: payout %r: %s", row.id, reason)
            self._journal.change(row.id, self._now(), reason=reason)
            return
        self._journal.change(row.id, self._now(), **self._facts_of(withdrawal, self._now()))

    def report(self, *, batch: str | None = None) -> PayoutReport:
        """Return all rows of a batch, or of the journal. Sends nothing."""
        return self._report(batch, _Ending())

    def settle(
        self,
        row_id: str,
        *,
        withdrawal_id: str | None = None,
        not_paid: bool = False,
        by: str | None = None,
        note: str | None = None,
    ) -> PayoutRow:
        """Settle a row in doubt by what a person found: the withdrawal that pays it, or that nothing does.

        ``withdrawal_id`` is fetched and compared with the row. ``not_paid=True`` is refused in the first 30 minutes
        after the last request, which may still arrive. ``by`` and ``note`` are kept.

        Raises InvalidArgumentError where the row is not in doubt, the withdrawal differs from it or pays another row,
        or it is too early; and the errors of a call.
        """
        self._check_place()
        if (withdrawal_id is None) is not not_paid:
            raise InvalidArgumentError("pass either withdrawal_id= or not_paid=True", argument="not_paid")
        self._bind()
        self._find_interrupted()
        row = self._row(row_id)
        if row.status != "in doubt":
            raise InvalidArgumentError(
                f"row {row_id!r} is {row.status}, not in doubt; nothing to settle", argument="row_id"
            )
        now = self._now()
        people = {"settled_by": by, "note": note}
        if withdrawal_id is None:
            sent = row.last_sent_at
            if sent is not None and now - sent < decisions.SETTLE_AFTER:
                raise InvalidArgumentError(
                    f"row {row_id!r} was last sent at {sent:%H:%M} UTC, and its request may still arrive; wait until "
                    f"{sent + decisions.SETTLE_AFTER:%H:%M} UTC",
                    argument="not_paid",
                )
            return self._journal.change(row_id, now, status="not paid", ended_at=now, **people)
        owner = self._journal.owner_of(withdrawal_id)
        if owner is not None and owner != row_id:
            raise InvalidArgumentError(f"withdrawal {withdrawal_id} pays the row {owner!r}", argument="withdrawal_id")
        withdrawal = self._client.withdrawals.get(withdrawal_id)
        differing = decisions.differences(row, withdrawal)
        if differing:
            raise InvalidArgumentError(
                f"withdrawal {withdrawal_id} does not pay row {row_id!r}: {'; '.join(differing)}",
                argument="withdrawal_id",
            )
        changes = {"accepted_at": now, "reason": None, **people, **self._facts_of(withdrawal, now)}
        self._record(row_id, withdrawal_id, changes)
        return self._row(row_id)

    def cancel(self, row_id: str) -> PayoutRow:
        """Take a planned row out of the plan. Raises InvalidArgumentError for a row in another state."""
        self._check_place()
        row = self._row(row_id)
        if row.status != "planned":
            raise InvalidArgumentError(
                f"row {row_id!r} is {row.status}; only planned rows can be cancelled", argument="row_id"
            )
        return self._journal.change(row_id, self._now(), status="cancelled", ended_at=self._now())

    def retry(self, row_ids: Iterable[str]) -> list[PayoutRow]:
        """Plan refused, failed and unpaid rows again, each with a new idempotency key.

        Raises InvalidArgumentError, before anything is changed, where a row is in another state.
        """
        self._check_place()
        rows = [self._row(row_id) for row_id in row_ids]
        for row in rows:
            if row.status not in RETRYABLE:
                raise InvalidArgumentError(
                    f"row {row.id!r} is {row.status}; only refused, failed and unpaid rows can be tried again",
                    argument="row_ids",
                )
        return [
            self._journal.change(
                row.id,
                self._now(),
                status="planned",
                attempt=row.attempt + 1,
                idempotency_key=None,
                withdrawal_id=None,
                first_sent_at=None,
                last_sent_at=None,
                accepted_at=None,
                ended_at=None,
                reason=None,
            )
            for row in rows
        ]

    def adopt(self) -> None:
        """Make this host and path those of the journal, after it was moved or restored.

        Do it for one copy only: rows that another copy sends are unknown to this one.
        """
        self._journal.adopt()

    # --- inside ---

    def _report(self, batch: str | None, ended: _Ending) -> PayoutReport:
        rows = tuple(self._journal.rows(batch))
        warnings = [f"{row.id!r}: {row.reason}" for row in rows if row.replayed and row.reason is not None]
        return PayoutReport(
            batch=batch, rows=rows, stopped=ended.stopped, resume_at=ended.resume_at, warnings=tuple(warnings)
        )

    def _progress(self, batch: str, row: PayoutRow | None, waiting: float) -> PayoutProgress:
        rows = self._journal.rows(batch)
        left = sum(each.status == "planned" for each in rows)
        state = self._client.rate_limits[RateClass.WITHDRAWALS]
        turns = max(0, left - state.available)
        # assumed: one minute is the window of the limit, as everywhere in the documentation.
        seconds = waiting + 60.0 * turns / state.limit
        return PayoutProgress(
            row=row,
            done=len(rows) - left,
            left=left,
            in_doubt=sum(each.status in ("in doubt", "sending") for each in rows),
            waiting=waiting,
            expected_end=self._now() + timedelta(seconds=seconds) if left else None,
        )

    def _row(self, row_id: str) -> PayoutRow:
        row = self._journal.row(row_id)
        if row is None:
            raise InvalidArgumentError(
                f"the journal has no row {row_id!r}; see report() for its rows", argument="row_id"
            )
        return row

    def _facts_of(self, withdrawal: Withdrawal, now: datetime) -> dict[str, Any]:
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

    def _why_not_repeated(self, row: PayoutRow) -> str | None:
        now = self._now()
        return decisions.why_not_repeated(
            row,
            account=self._settling.account,
            proven=self._settling.is_proven(CREATE_WITHDRAWAL, self._backend.wall().timestamp()),
            now=now,
            clock_is_back=now < self._latest() - decisions.CLOCK_ERROR,
        )

    def _check_place(self) -> None:
        moved = self._journal.moved_from
        if moved is not None:
            raise JournalError(
                f"the journal {self._journal.path} was made at {moved}; if it was moved here, and no other copy is in "
                "use, call adopt() once (inventpay payouts adopt)"
            )

    def _bind(self) -> Balances:
        balances = self._client.balances.all()
        self._learn_time(balances)
        if self._is_bound:
            return balances
        account = self._settling.account
        merchant = f"merchant {balances.merchant_id}" if balances.merchant_id else f"API key {account}"
        found = self._journal.fact("account")
        if found is None:
            self._journal.write(facts={"account": merchant})
        elif found != merchant:
            raise JournalError(
                f"the journal {self._journal.path} belongs to {found}, and the client to {merchant}; use another "
                "journal for another account"
            )
        self._share_proofs()
        self._is_bound = True
        return balances

    def _share_proofs(self) -> None:
        """Take over the journal's proof that the API honours keys for withdrawals, and keep the process' own."""
        name = self._settling.proof_name("withdrawal")
        fact = "proof " + " ".join(name)
        kept, known = self._journal.fact(fact), proofs.proven_at(name)
        if kept is not None and (known is None or float(kept) > known):
            proofs.remember(name, float(kept))
        elif known is not None and (kept is None or known > float(kept)):
            self._journal.write(facts={fact: str(known)})

    def _compare_totals(self, balances: Balances, allow: bool) -> None:
        for coin in {row.currency for row in self._journal.rows()}:
            balance = _one(balances, coin)
            if balance is not None:
                self._compare_one(coin, balance, allow)

    def _compare_one(self, coin: str, balance: Balance, allow: bool) -> None:
        now, total = self._now(), balance.total_withdrawn
        seen = self._journal.fact(f"withdrawn {coin}")
        if seen is not None and not allow:
            before, at = seen.split(" ")
            rows = self._journal.rows()
            surplus = decisions.unexplained(rows, coin, Decimal(before), total, datetime.fromisoformat(at))
            if surplus:
                raise JournalError(
                    f"{plain(surplus)} {coin} more were withdrawn since {at[:16]} UTC than the journal's rows explain: "
                    "by the dashboard, another journal, or rows that a restored backup has lost. Find out, then run "
                    "with allow_other_withdrawals=True"
                )
        self._journal.write(facts={f"withdrawn {coin}": f"{plain(total)} {now.isoformat()}"})

    def _learn_time(self, answer: Balance | Balances) -> None:
        named = None if answer.meta is None else decisions.server_time(answer.meta.headers)
        if named is not None:
            self._offset = named - self._backend.wall()

    def _latest(self) -> datetime:
        times = [row.last_sent_at for row in self._journal.rows() if row.last_sent_at is not None]
        return max(times, default=datetime.min.replace(tzinfo=UTC))

    def _now(self) -> datetime:
        return self._backend.wall() + self._offset


class _Ending:
    """The reason why a run ended with rows left, and the time from which it can go on."""

    def __init__(self) -> None:
        self.stopped: str | None = None
        self.resume_at: datetime | None = None


def _one(balances: Balances, coin: str) -> Balance | None:
    try:
        return balances.get(coin)
    except DecodeError:
        return None


def _waiting_for_a_person(row: PayoutRow, problem: str) -> str:
    cause = (row.reason or "").partition("; not repeated, since ")[0]
    return f"{cause}; not repeated, since {problem}" if cause else f"not repeated, since {problem}"


def _evolve(row: PayoutRow, **changes: Any) -> PayoutRow:
    from attrs import evolve

    return evolve(row, **changes)
