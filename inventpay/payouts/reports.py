"""The results of planning and running payouts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime
from decimal import Decimal
from typing import Final

from attrs import frozen

from .._core.decimals import EXACT, plain
from .rows import PAID, PayoutRow, PayoutStatus

__all__ = ["PayoutProgress", "PayoutReport", "PayoutTotals", "Plan"]

FEES: Final = "amounts include the fee, which no endpoint quotes: of 10 about 9.949 arrives"
"""The reminder that every plan carries (assumed from the vendor's example: a fee of 0.051 on 10)."""


@frozen(kw_only=True)
class Plan:
    """A batch as it stands in the journal, or would stand there after ``check``."""

    batch: str
    """Name of the batch, for ``run(batch=)``."""
    digest: str
    """Digest of all rows of the batch: of what is paid to whom. ``run(digest=)`` refuses any other."""
    rows: tuple[PayoutRow, ...]
    """The planned rows, those that the journal had already included."""
    sums: Mapping[str, Decimal]
    """Sums of the rows that are still to be sent, by coin. The fee is part of each amount."""
    warnings: tuple[str, ...]
    """Problems that a person should check before the run."""
    fees: str = FEES
    """The treatment of fees, in words: no endpoint quotes one, so the sums are gross."""

    def __str__(self) -> str:
        sums = ", ".join(f"{plain(total)} {coin}" for coin, total in self.sums.items()) or "nothing"
        return f"{self.batch}: {len(self.rows)} rows, to be sent: {sums} ({self.fees})"


@frozen(kw_only=True)
class PayoutTotals:
    """The sums of one coin and state."""

    currency: str
    """The coin."""
    status: PayoutStatus
    """The state."""
    count: int
    """Number of rows."""
    amount: Decimal
    """Sum of the amounts, fees included, in the coin."""
    fee_amount: Decimal
    """Sum of the fees that are known, in the coin."""
    net_amount: Decimal
    """Sum of the amounts that arrive, where they are known, in the coin."""


@frozen(kw_only=True)
class PayoutReport:
    """All rows of a batch, or of the journal where no batch was named, whichever run sent them."""

    batch: str | None
    """Name of the batch, ``None`` for the whole journal."""
    rows: tuple[PayoutRow, ...]
    """The rows, in the order in which they were planned."""
    stopped: str | None = None
    """The reason why the run ended with rows left, in words."""
    resume_at: datetime | None = None
    """Time from which the rest can be sent, UTC, where it is known."""
    warnings: tuple[str, ...] = ()
    """Problems that a person should check."""
    in_use: bool = False
    """Whether another process had the journal open: its rows change, and one in state ``"sending"`` is on its way.
    Only :func:`read_journal` reads such a journal."""

    def with_status(self, *statuses: PayoutStatus) -> list[PayoutRow]:
        """Return the rows in these states."""
        return [row for row in self.rows if row.status in statuses]

    @property
    def paid(self) -> list[PayoutRow]:
        """Rows that the API accepted or completed."""
        return [row for row in self.rows if row.status in PAID]

    @property
    def in_doubt(self) -> list[PayoutRow]:
        """Rows that may have been paid. Settle each of them before you pay it in another way."""
        return self.with_status("in doubt", "sending")

    @property
    def refused(self) -> list[PayoutRow]:
        """Rows to which the API said no before any effect."""
        return self.with_status("refused")

    @property
    def failed(self) -> list[PayoutRow]:
        """Rows whose withdrawal failed or was cancelled."""
        return self.with_status("failed")

    @property
    def planned(self) -> list[PayoutRow]:
        """Rows that were not sent yet."""
        return self.with_status("planned")

    @property
    def is_complete(self) -> bool:
        """Whether no row is left to be sent or in doubt."""
        return not self.planned and not self.in_doubt

    @property
    def totals(self) -> list[PayoutTotals]:
        """The sums by coin and state."""
        held: dict[tuple[str, PayoutStatus], list[PayoutRow]] = {}
        for row in self.rows:
            held.setdefault((row.currency, row.status), []).append(row)
        return [
            PayoutTotals(
                currency=currency,
                status=status,
                count=len(rows),
                amount=_sum(row.amount for row in rows),
                fee_amount=_sum(row.fee_amount for row in rows),
                net_amount=_sum(row.net_amount for row in rows),
            )
            for (currency, status), rows in sorted(held.items())
        ]

    def __str__(self) -> str:
        held: dict[str, int] = {}
        for row in self.rows:
            held[row.status] = held.get(row.status, 0) + 1
        text = ", ".join(f"{count} {status}" for status, count in held.items()) or "no rows"
        if self.in_use:
            text += "; a run is under way"
        if self.stopped is not None:
            text += f"; stopped: {self.stopped}"
        return text if self.resume_at is None else f"{text}; resume at {self.resume_at:%Y-%m-%d %H:%M} UTC"


@frozen(kw_only=True)
class PayoutProgress:
    """The state of a run after one row, or while it waits."""

    row: PayoutRow | None
    """The row that was written last; ``None`` while the run waits for the rate limit."""
    done: int
    """Rows of the batch that are not left to be sent."""
    left: int
    """Rows that are still to be sent."""
    in_doubt: int
    """Rows in doubt."""
    waiting: float = 0.0
    """Seconds until the rate limit permits the next withdrawal."""
    expected_end: datetime | None = None
    """Time at which the last row is sent at the pace of the rate limit, UTC."""

    def __str__(self) -> str:
        text = f"{self.done} of {self.done + self.left}"
        if self.row is not None:
            text += f": {self.row.id} {self.row.status}"
            if self.row.reason is not None and self.row.status != "accepted":
                text += f" ({self.row.reason})"
        elif self.waiting:
            text += f": waiting {self.waiting:.0f} s for the rate limit"
        return text


def _sum(values: Iterable[Decimal | None]) -> Decimal:
    total = Decimal(0)
    for value in values:
        if value is not None:
            total = EXACT.add(total, value)
    return total
