# The source of inventpay/payouts/_sync/payouts.py; after a change run: python tools/generate_sync.py
"""Plan payouts, run them, and settle what is in doubt."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Generator, Iterable, Mapping
from datetime import datetime
from types import TracebackType
from typing import TYPE_CHECKING, Any

from ..._api.amounts import Amount
from ..._api.health_check import CheckResult
from ..._core.callables import flaw_of_plain
from ..._core.decimals import plain
from ..._core.json_values import shown
from ..._core.logger import logger
from ..._core.unpicklable import Unpicklable
from ...errors import ConfigurationError, DecodeError, InvalidArgumentError, InventPayError, NotFoundError
from ...models import Withdrawal
from .. import decisions, planning
from ..errors import JournalError, PayoutPlanError, RowChangedError
from ..hooks import PayoutHook
from ..interrupts import Interrupts
from ..journal import Journal
from ..reports import PayoutProgress, PayoutReport, Plan
from ..rows import RETRYABLE, Payout, PayoutRow, PayoutStatus, digest_of, with_changes
from .account import AsyncAccount, balance_in
from .sending import AsyncSending, record

if TYPE_CHECKING:
    from ... import AsyncInventPay


class AsyncPayouts(Unpicklable):
    """Payouts with a journal: each recipient is paid exactly once. See the guide ``docs/payouts.md``.

    >>> with InventPay() as client, Payouts(client, journal="payouts.sqlite3") as payouts:
    ...     plan = payouts.plan([Payout("1", 10, "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D")])
    ...     report = payouts.run(batch=plan.batch)
    ...     print(len(report.paid), len(report.in_doubt), len(report.refused))

    The journal is one SQLite file. Every row is written to it before its request is sent, so a run may be killed at any
    moment and started again. One process at a time may use it. It belongs to one base URL and one merchant.

    Raises JournalError for a journal that is in use, unreadable, or of another API.
    """

    def __init__(self, client: AsyncInventPay, journal: str | os.PathLike[str]) -> None:
        self._journal = Journal(journal)
        self._in_use = threading.Lock()
        try:
            self._account = AsyncAccount(client, self._journal)
            self._account.check_base_url()
        except BaseException:
            self._journal.close()
            raise

    @contextlib.contextmanager
    def _alone(self) -> Generator[None]:
        # Two runs at once, of threads or tasks, would send one row twice.
        if not self._in_use.acquire(blocking=False):
            raise JournalError(
                f"the journal {self._journal.path} is in use by another call of this object; wait for its end"
            )
        try:
            yield
        finally:
            self._in_use.release()

    async def __aenter__(self) -> AsyncPayouts:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Close the journal. The client stays open."""
        self._journal.close()

    # --- observing ---

    def row_counts(self) -> Mapping[tuple[PayoutStatus, str], int]:
        """Return the number of rows of the journal by state and currency."""
        return self._journal.row_counts()

    def add_hook(self, hook: PayoutHook) -> None:
        """Add a function that is called for every row that is written, with :class:`PayoutRowChanged`.

        Adding an equal one twice is the same as once. Raises ConfigurationError for one that is no plain function.

        >>> payouts.add_hook(print)                                                  # doctest: +SKIP
        """
        flaw = flaw_of_plain(hook)
        if flaw is not None:
            raise ConfigurationError(f"add_hook takes a plain function of one event; {shown(hook)} {flaw}")
        if hook not in self._journal.hooks:
            self._journal.hooks.append(hook)

    # --- planning ---

    async def check(self, payouts: Iterable[Payout]) -> Plan:
        """Check rows as :meth:`plan` does, and write nothing.

        Raises PayoutPlanError with every problem, and the errors of a call for the balances.
        """
        with self._alone():
            plan, _ = await self._planned(payouts, None)
        return plan

    async def plan(self, payouts: Iterable[Payout], *, batch: str | None = None) -> Plan:
        """Check rows and write all of them to the journal, or none. Nothing is sent, and no withdrawal key is needed.

        Planning the same rows again changes nothing. ``batch`` names a new batch; by default its name is made of the
        day and the rows. Rows that are added to a file join the batch of the others.

        Raises PayoutPlanError with every problem and its line, JournalError, and the errors of a call for the balances.
        """
        with self._alone():
            plan, new = await self._planned(payouts, batch)
            if new:
                self._journal.add(new, self._account.now())
        return plan

    async def _planned(self, payouts: Iterable[Payout], batch: str | None) -> tuple[Plan, list[PayoutRow]]:
        if batch is not None:
            planning.check_batch(batch)
        balances = await self._account.bind()
        rows, problems = planning.read_rows(payouts, testnet=self._account.testnet)
        if not rows and not problems:
            raise InvalidArgumentError("payouts is empty; pass at least one row", argument="payouts")
        held = self._journal.rows()
        known = {row.id: row for row in held}
        problems += planning.compare(rows, known)
        now = self._account.now()
        name = planning.batch_of(rows, known, batch) or f"{now:%Y-%m-%d}-{digest_of(rows)[:8]}"
        new = [with_changes(row, batch=name, planned_at=now) for row in rows if row.id not in known]
        planned = [known[row.id] for row in rows if row.id in known] + new
        whole = [row for row in held if row.batch == name] + new
        sums = planning.sums_of(whole)
        others = planning.sums_of([row for row in held if row.batch != name])
        too_much, warnings = planning.compare_with_balances(sums, {coin: balance_in(balances, coin) for coin in sums})
        problems += too_much
        if problems:
            raise PayoutPlanError(problems)
        warnings += [
            f"{plain(total)} {coin} of other batches are still to be sent too" for coin, total in others.items()
        ]
        warnings = [
            *planning.left_out(rows, whole),
            *planning.not_sent_again(planned, held),
            *planning.warnings_of(rows, held, now),
            *warnings,
        ]
        plan = Plan(batch=name, digest=digest_of(whole), rows=tuple(planned), sums=sums, warnings=tuple(warnings))
        return plan, new

    # --- running ---

    async def run(
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
        flaw = None if on_progress is None else flaw_of_plain(on_progress)
        if flaw is not None:
            raise InvalidArgumentError(
                f"on_progress={shown(on_progress)} {flaw}; pass a plain function", argument="on_progress"
            )
        with self._alone():
            self._account.check_place()
            name = planning.chosen_batch(self._journal.rows(), batch, digest)
            balances = await self._account.bind()
            self._find_interrupted()
            self._account.compare_all(balances, allow=allow_other_withdrawals)
            if name is None:
                return self._report(None)
            with Interrupts() as interrupts:
                sending = AsyncSending(self._account, self._journal, name, on_progress, interrupts)
                await sending.send_all()
            warnings: list[str] = []
            if wait and sending.stopped is None:
                sending.stopped = await self._follow(name, warnings)
            return self._report(name, sending.stopped, sending.resume_at, warnings)

    def _find_interrupted(self) -> None:
        for row in self._journal.rows():
            if row.status == "sending":
                reason = "the process ended while the request was on its way"
                self._journal.change(row.id, self._account.now(), status="in doubt", reason=reason)

    # --- proof ---

    async def prove(
        self, *, amount: Amount, currency: str, destination_address: str, check_address: bool = True
    ) -> CheckResult:
        """Find out with a real withdrawal whether the API honours idempotency keys, and keep the proof in the journal.

        It calls ``client.check(idempotency="withdrawal", ...)``: one withdrawal of ``amount`` of ``currency`` to
        ``destination_address``, which must be your own, repeated under its key. An API that ignores keys pays you
        twice. ``result.idempotency`` is ``"honoured"`` or ``"ignored"``; for the seven days after ``"honoured"`` runs
        repeat rows in doubt by themselves. Later runs, which compare the total withdrawn, know the amounts.

        >>> result = payouts.prove(amount=1, currency="USDT_BEP20", destination_address=my_own)  # doctest: +SKIP

        Failures of the check are results. Raises InvalidArgumentError for arguments that cannot be sent, JournalError,
        and the errors of a call for the balances.
        """
        with self._alone():
            await self._account.bind()
            return await self._account.prove(amount, currency, destination_address, check_address=check_address)

    # --- following, settling, changing the plan ---

    async def refresh(self, *, batch: str | None = None) -> PayoutReport:
        """Read the state of every accepted row, within the rate limits, and return the report.

        A withdrawal that cannot be found or read is a warning of the report. Raises JournalError, and the errors of a
        call; the journal has everything that was read until then.
        """
        with self._alone():
            await self._account.bind()
            warnings: list[str] = []
            for row in self._journal.rows(batch):
                if row.status == "accepted" and row.withdrawal_id is not None:
                    try:
                        self._update(row, await self._account.withdrawal(row.withdrawal_id))
                    except (NotFoundError, DecodeError) as error:
                        warnings.append(f"{row.id!r}: withdrawal {row.withdrawal_id}: {error.message}")
            return self._report(batch, warnings=warnings)

    async def _follow(self, batch: str, warnings: list[str]) -> str | None:
        """Wait until every accepted row is final; return the reason where that ends early."""
        for row in self._journal.rows(batch):
            if row.status != "accepted" or row.withdrawal_id is None:
                continue
            try:
                self._update(row, await self._account.final_withdrawal(row.withdrawal_id))
            except (NotFoundError, DecodeError) as error:
                warnings.append(f"{row.id!r}: withdrawal {row.withdrawal_id}: {error.message}")
            except JournalError:
                raise
            except InventPayError as error:
                return f"withdrawals could not be followed to their end: {error.message}"
        return None

    def _update(self, row: PayoutRow, withdrawal: Withdrawal) -> None:
        now = self._account.now()
        differing = decisions.differences(row, withdrawal)
        if not differing:
            self._journal.change(row.id, now, **decisions.facts_of(withdrawal, now))
            return
        reason = f"withdrawal {row.withdrawal_id} differs from the row: {'; '.join(differing)}"
        if reason != row.reason:
            logger.warning("inventpay: payout %r: %s", row.id, reason)
            self._journal.change(row.id, now, reason=reason)

    def report(self, *, batch: str | None = None) -> PayoutReport:
        """Return all rows of a batch, or of the journal. Sends nothing."""
        return self._report(batch)

    async def settle(
        self,
        row_id: str,
        *,
        withdrawal_id: str | None = None,
        not_paid: bool = False,
        by: str | None = None,
        note: str | None = None,
    ) -> PayoutRow:
        """Settle a row in doubt by what a person found: the withdrawal that pays it, or that nothing does.

        ``withdrawal_id`` is fetched and compared with the row; one that is older than the row's first request is taken,
        and marked as ``replayed`` with a warning in the report. ``not_paid=True`` is refused in the first 30 minutes
        after the last request, which may still arrive. ``by`` and ``note`` are kept.

        Raises InvalidArgumentError where the row is not in doubt, the withdrawal differs from it or pays another row,
        or it is too early; and the errors of a call.
        """
        if (withdrawal_id is None) is not not_paid:
            raise InvalidArgumentError("pass either withdrawal_id= or not_paid=True", argument="not_paid")
        with self._alone():
            await self._account.bind()
            self._find_interrupted()
            row = self._row(row_id)
            if row.status != "in doubt":
                raise InvalidArgumentError(
                    f"row {row_id!r} is {row.status}, not in doubt; nothing to settle", argument="row_id"
                )
            people: dict[str, Any] = {"settled_by": by, "note": note}
            if withdrawal_id is None:
                return self._settle_as_unpaid(row, people)
            owner = self._journal.owner_of(withdrawal_id)
            if owner is not None and owner != (row.id, row.attempt):
                which = "an earlier attempt of this row" if owner[0] == row.id else f"the row {owner[0]!r}"
                raise InvalidArgumentError(f"withdrawal {withdrawal_id} pays {which}", argument="withdrawal_id")
            withdrawal = await self._account.withdrawal(withdrawal_id)
            differing = decisions.differences(row, withdrawal)
            if differing:
                raise InvalidArgumentError(
                    f"withdrawal {withdrawal_id} does not pay row {row_id!r}: {'; '.join(differing)}",
                    argument="withdrawal_id",
                )
            now = self._account.now()
            changes = {"accepted_at": now, "reason": None, **people, **decisions.facts_of(withdrawal, now)}
            # Last month's withdrawal has the same amount and address.
            changes |= decisions.mark_of_age(row, withdrawal, "make sure that it pays nothing else")
            return record(self._journal, row_id, withdrawal.withdrawal_id, now, changes)

    def _settle_as_unpaid(self, row: PayoutRow, people: dict[str, Any]) -> PayoutRow:
        now, sent = self._account.now(), row.last_sent_at
        if sent is not None and now - sent < decisions.SETTLE_AFTER:
            raise InvalidArgumentError(
                f"row {row.id!r} was last sent at {sent:%H:%M} UTC, and its request may still arrive; wait until "
                f"{sent + decisions.SETTLE_AFTER:%H:%M} UTC",
                argument="not_paid",
            )
        return self._journal.change(row.id, now, status="not paid", ended_at=now, **people)

    def cancel(self, row_id: str) -> PayoutRow:
        """Take a planned row out of the plan. Raises InvalidArgumentError for a row in another state."""
        self._account.check_place()
        now = self._account.now()
        self._row(row_id)
        try:
            return self._journal.change(row_id, now, expected="planned", status="cancelled", ended_at=now)
        except RowChangedError:
            raise InvalidArgumentError(
                f"row {row_id!r} is {self._row(row_id).status}; only planned rows can be cancelled", argument="row_id"
            ) from None

    def retry(self, row_ids: Iterable[str]) -> list[PayoutRow]:
        """Plan refused, failed and unpaid rows again, each with a new idempotency key.

        Raises InvalidArgumentError, before anything is changed, where a row is in another state or was replaced.
        """
        if isinstance(row_ids, str):
            raise InvalidArgumentError("row_ids is one str; pass a list of ids", argument="row_ids")
        self._account.check_place()
        rows = [self._row(row_id) for row_id in dict.fromkeys(row_ids)]
        replacing = {row.replaces: row.id for row in self._journal.rows() if row.replaces is not None}
        for row in rows:
            if row.status not in RETRYABLE:
                after_all = f"; to pay it after all, plan it under a new id with replaces={row.id!r}"
                raise InvalidArgumentError(
                    f"row {row.id!r} is {row.status}; only refused, failed and unpaid rows can be tried again"
                    f"{after_all if row.status == 'cancelled' else ''}",
                    argument="row_ids",
                )
            if row.id in replacing:
                raise InvalidArgumentError(
                    f"row {row.id!r} was replaced by {replacing[row.id]!r}; retry that one", argument="row_ids"
                )
        now = self._account.now()
        with self._journal.transaction():
            return [
                self._journal.change(
                    row.id,
                    now,
                    expected=row.status,
                    status="planned",
                    attempt=row.attempt + 1,
                    idempotency_key=None,
                    withdrawal_id=None,
                    fee_amount=None,
                    net_amount=None,
                    transaction_hash=None,
                    first_sent_at=None,
                    last_sent_at=None,
                    accepted_at=None,
                    completed_at=None,
                    ended_at=None,
                    replayed=False,
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

    def _report(
        self,
        batch: str | None,
        stopped: str | None = None,
        resume_at: datetime | None = None,
        warnings: Iterable[str] = (),
    ) -> PayoutReport:
        rows = tuple(self._journal.rows(batch))
        replayed = [f"{row.id!r}: {row.reason}" for row in rows if row.replayed and row.reason is not None]
        return PayoutReport(
            batch=batch, rows=rows, stopped=stopped, resume_at=resume_at, warnings=(*replayed, *warnings)
        )

    def _row(self, row_id: str) -> PayoutRow:
        row = self._journal.row(row_id)
        if row is None:
            raise InvalidArgumentError(
                f"the journal has no row {row_id!r}; its rows are in report() and inventpay payouts report",
                argument="row_id",
            )
        return row
