"""Plans, reports and the progress of payouts, for people and for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Iterable, Mapping
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from .exit_codes import ExitCode
from .output import facts, folded, note, plain
from .tables import fits, rendered, table

if TYPE_CHECKING:
    from ..payouts import PayoutProgress, PayoutReport, PayoutRow, Plan

LISTED: Final = 50
"""Rows that a confirmation lists."""


# --- for programs ---


def row_json(row: PayoutRow) -> str:
    """Return a row as JSON text."""
    return _json(_members(row))


def plan_json(plan: Plan) -> str:
    """Return a plan as JSON text."""
    members = {"batch": plan.batch, "digest": plan.digest, "sums": dict(plan.sums), "warnings": list(plan.warnings)}
    return _json({**members, "rows": [_members(row) for row in plan.rows]})


def report_json(report: PayoutReport) -> str:
    """Return a report as JSON text."""
    members = {
        "batch": report.batch,
        "isComplete": report.is_complete,
        "inUse": report.in_use or None,
        "stopped": report.stopped,
        "resumeAt": report.resume_at,
        "warnings": list(report.warnings),
        "rows": [_members(row) for row in report.rows],
    }
    return _json({name: value for name, value in members.items() if value is not None})


def _members(row: PayoutRow) -> dict[str, Any]:
    from attrs import asdict

    from .._json.structuring import camel

    return {camel(name): value for name, value in asdict(row).items() if value is not None}


def _json(members: Mapping[str, Any]) -> str:
    from .._json.model_text import write_model

    return write_model(members)


# --- for people ---


def plan_text(plan: Plan) -> str:
    """Return a plan with all its rows."""
    sums = ", ".join(_money(plan.sums)) or "nothing"
    head = facts(
        [
            ("batch", plan.batch),
            ("rows", len(plan.rows)),
            ("to be sent", f"{sums}, fees included"),
            ("digest", plan.digest),
            *(("look at", warning) for warning in plan.warnings),
        ]
    )
    return f"{_rows_table(plan.rows)}\n\n{head}"


def report_text(report: PayoutReport) -> str:
    """Return a report: totals by coin and state, then the rows that need a person."""
    if not report.rows:
        return "No payouts."
    totals = rendered(
        ("state", "rows", "amount", "fees", "coin"),
        [(one.status, one.count, one.amount, one.fee_amount, one.currency) for one in report.totals],
        right=("rows", "amount", "fees"),
    )
    parts = [totals]
    troubled = [
        row
        for row in report.rows
        if row.status in ("in doubt", "refused", "failed") or (row.status == "sending" and not report.in_use)
    ]
    if troubled:
        parts.append("\n".join(_problem(row) for row in troubled))
    ending = [
        ("in use", "a run is under way: another process has the journal open" if report.in_use else None),
        ("stopped", report.stopped),
        ("resume at", report.resume_at),
        *(("look at", warning) for warning in report.warnings),
    ]
    parts.append(facts(ending))
    return "\n\n".join(part for part in parts if part)


def row_text(row: PayoutRow) -> str:
    """Return one row."""
    return facts(
        [
            ("id", row.id),
            ("state", row.status),
            ("amount", f"{plain(row.amount)} {plain(row.currency)}"),
            ("to", row.destination_address),
            ("withdrawal", row.withdrawal_id),
            ("transaction", row.transaction_hash),
            ("reason", row.reason),
            ("settled by", row.settled_by),
            ("note", row.note),
        ]
    )


def planned_lines(rows: Iterable[PayoutRow]) -> str:
    """Return the rows that a confirmation lists: those that are still to be sent."""
    planned = [row for row in rows if row.status in ("planned", "in doubt", "sending")]
    text = _rows_table(planned[:LISTED])
    more = len(planned) - LISTED
    return text if more <= 0 else f"{text}\n... and {more} more rows; inventpay payouts check FILE lists all of them"


def sums_text(rows: Iterable[PayoutRow]) -> str:
    """Return the sums of the planned rows, by coin."""
    from ..payouts.planning import sums_of

    return ", ".join(_money(sums_of(rows))) or "nothing"


def _money(sums: Mapping[str, Any]) -> list[str]:
    return [f"{plain(total)} {plain(coin)}" for coin, total in sums.items()]


def _rows_table(rows: Iterable[PayoutRow]) -> str:
    names = ("id", "amount", "coin", "to", "state")
    cells = [
        tuple(plain(cell) for cell in (row.id, row.amount, row.currency, row.destination_address, row.status))
        for row in rows
    ]
    if fits([names, *cells]):
        return rendered(names, cells, right=("amount",))
    # An address that is cut in two lines is hard to compare: each row gets two lines instead.
    return "\n".join(f"{one}  {amount} {coin}  {state}\n    {to}" for one, amount, coin, to, state in cells)


def _problem(row: PayoutRow) -> str:
    text = f"{plain(row.id)}  {row.status}"
    return text if row.reason is None else folded(f"{text}: {plain(row.reason)}", 2)


# --- the run ---


def code_of_report(report: PayoutReport, *, interrupted_before: bool = False) -> ExitCode:
    """Return the exit code of a run: the worst row decides.

    ``interrupted_before`` is whether Ctrl-C came before anything was sent.
    """
    on_its_way = report.with_status("sending") if report.in_use else []
    if len(report.in_doubt) > len(on_its_way):
        return ExitCode.UNKNOWN
    if report.stopped == "interrupted" and interrupted_before:
        return ExitCode.INTERRUPTED
    # The row that replaced another one counts in its place.
    replaced = {row.replaces for row in report.rows}
    states = {row.status for row in report.rows if row.id not in replaced}
    if "refused" in states:
        return ExitCode.REFUSED
    if states & {"planned", "failed"} or on_its_way:
        return ExitCode.ENDED_OTHERWISE
    return ExitCode.DONE


@contextmanager
def live(*, as_json: bool) -> Generator[Callable[[PayoutProgress], object] | None, None, None]:
    """Show the progress of a run on stderr while the block runs: a live table in a terminal, else lines."""
    if as_json:
        yield None
        return
    if not sys.stderr.isatty():
        yield line_writer()
        return
    from rich.console import Console
    from rich.live import Live

    with Live(console=Console(file=sys.stderr, highlight=False), auto_refresh=False, transient=False) as shown:
        last: list[PayoutProgress] = []

        def show(progress: PayoutProgress) -> None:
            if progress.row is not None:
                last[:] = [progress]
            shown.update(progress_table(progress, last[0] if last else None), refresh=True)

        yield show


def progress_table(progress: PayoutProgress, last: PayoutProgress | None) -> Any:
    """Return the live table of a run."""
    total = progress.done + progress.left
    waiting = f"{progress.waiting:.0f} s for the limit of withdrawals" if progress.waiting else "no"
    end = "" if progress.expected_end is None else f"{progress.expected_end:%H:%M:%S} UTC"
    row = "" if last is None or last.row is None else f"{plain(last.row.id)} {last.row.status}"
    return table(
        ("payouts", ""),
        [
            ("done", f"{progress.done} of {total}"),
            ("left", progress.left),
            ("in doubt", progress.in_doubt),
            ("waiting", waiting),
            ("last row sent at", end),
            ("latest row", row),
            ("", "Ctrl-C ends the run after the row on the wire."),
        ],
    )


def line_writer() -> Callable[[PayoutProgress], None]:
    """Return a function that notes each row, and each wait for the rate limit at its beginning only."""
    waits = False

    def write_line(progress: PayoutProgress) -> None:
        nonlocal waits
        if progress.row is not None or (progress.waiting and not waits):
            note(str(progress))
        waits = progress.row is None

    return write_line
