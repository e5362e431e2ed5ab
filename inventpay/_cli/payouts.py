"""``inventpay payouts``: pay the rows of a file, each of them once."""

from __future__ import annotations

import getpass
import tempfile
from collections.abc import Callable, Generator, Iterable
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from . import options
from .app import group
from .confirming import confirm
from .journal_place import default_journal
from .output import note, show, write
from .payout_views import (
    code_of_report,
    live,
    plan_json,
    plan_text,
    planned_lines,
    report_json,
    report_text,
    row_json,
    row_text,
    sums_text,
)
from .progress import PROGRESS
from .session import Session, session

if TYPE_CHECKING:
    from ..payouts import Payout, PayoutReport, PayoutRow, Payouts

app = group("Pay the rows of a file, each of them once. The guide is docs/payouts.md.")

File = Annotated[Path, typer.Argument(metavar="FILE", show_default=False, help="id, amount, currency, ... (CSV).")]
OptionalFile = Annotated[
    Path | None, typer.Argument(metavar="FILE", show_default=False, help="A file of payouts; without it all rows.")
]
JournalPath = Annotated[
    Path | None,
    typer.Option("--journal", metavar="PATH", help="The journal (default: one for the account, in your state folder)."),
]
DecimalSign = Annotated[str, typer.Option("--decimal", metavar="SIGN", help="Decimal sign of the file: . or ,")]
FileToRun = Annotated[
    Path | None,
    typer.Argument(
        metavar="FILE", show_default=False, help="A file of payouts; or give the --batch of an earlier plan."
    ),
]
RowId = Annotated[str, typer.Argument(metavar="ID", show_default=False, help="Your id of the row.")]
RowIds = Annotated[list[str], typer.Argument(metavar="ID", show_default=False, help="Your ids of the rows.")]


def command(name: str) -> Any:
    """Return the group."""
    return typer.main.get_command(app)


@app.command()
def check(
    file: File,
    decimal: DecimalSign = ".",
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Check a file, and list its rows. Nothing is written or sent."""
    rows = _read(file, decimal)
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        plan = payouts.check(rows)
    show(plan_json(plan) if as_json else plan_text(plan), as_json=as_json)


@app.command()
def plan(
    file: File,
    batch: Annotated[str | None, typer.Option(metavar="NAME", help="Name of a new batch.")] = None,
    decimal: DecimalSign = ".",
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Write a file's rows to the journal, for another person to run.

    All rows are written or none. Nothing is sent.
    """
    rows = _read(file, decimal)
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        planned = payouts.plan(rows, batch=batch)
    show(plan_json(planned) if as_json else plan_text(planned), as_json=as_json)


@app.command()
def run(
    file: FileToRun = None,
    batch: Annotated[str | None, typer.Option(metavar="NAME", help="A planned batch, in place of a file.")] = None,
    digest: Annotated[str | None, typer.Option(metavar="DIGEST", help="Refuse any other digest than this.")] = None,
    wait: Annotated[bool, typer.Option("--wait", help="Wait until each withdrawal is final.")] = False,
    allow_other_withdrawals: Annotated[
        bool, typer.Option("--allow-other-withdrawals", help="Go on although more was withdrawn than the journal says.")
    ] = False,
    trust_idempotency: Annotated[
        bool,
        typer.Option("--trust-idempotency", help="Your own word that the API honours idempotency keys; see the guide."),
    ] = False,
    decimal: DecimalSign = ".",
    journal: JournalPath = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Pay the rows of a file that were not paid yet. Start it again after any end: no row is paid twice."""
    if (file is None) == (batch is None):
        raise typer.BadParameter("name either a FILE or a --batch that was planned before")
    rows = None if file is None else _read(file, decimal)
    with _opened(base_url, journal, as_json=as_json, withdraws=True, trust=trust_idempotency) as (current, payouts):
        if rows is None:
            known, approved = list(payouts.report(batch=batch).rows), digest
        else:
            checked = payouts.check(rows)
            if digest not in (None, checked.digest):
                # Before anything is written: the rows of a plan that was not approved must not stay open.
                raise typer.BadParameter(
                    f"the plan of {file} has the digest {checked.digest}, not the approved {digest}; look at it again"
                )
            # The run sends the whole batch, also rows that were taken out of the file since they were planned.
            listed = {row.id for row in checked.rows}
            others = [row for row in payouts.report(batch=checked.batch).rows if row.id not in listed]
            known, approved = [*checked.rows, *others], digest or checked.digest
            for warning in checked.warnings:
                note(f"look at: {warning}")
        open_rows = [row for row in known if row.status in ("planned", "in doubt", "sending")]
        if open_rows:
            _confirm(current, open_rows, yes=yes)
        elif not as_json:
            note("nothing is left to be sent")
        if rows is not None:
            # The journal is written only now: a plan that was not confirmed leaves no open rows.
            batch = payouts.plan(rows).batch
        with live(as_json=as_json) as on_progress:
            report = payouts.run(
                batch=batch,
                digest=approved,
                wait=wait,
                allow_other_withdrawals=allow_other_withdrawals,
                on_progress=on_progress,
            )
    show(report_json(report) if as_json else report_text(report), as_json=as_json)
    return code_of_report(report, interrupted_before=not PROGRESS.write_began)


@app.command()
def status(
    file: OptionalFile = None,
    decimal: DecimalSign = ".",
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Show the state of a file's rows, or of all rows, also during a run. Nothing is sent; see refresh.

    Exits with 6 while rows are left to be sent, with 3 while some are in doubt.
    """
    report = _reported(file, decimal, journal, base_url, as_json=as_json)
    show(report_json(report) if as_json else report_text(report), as_json=as_json)
    return code_of_report(report)


@app.command("report")
def write_csv(
    file: OptionalFile = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="PATH", help="By default, and for -, stdout.")
    ] = None,
    delimiter: Annotated[str, typer.Option(metavar="SIGN", help="Between cells.")] = ",",
    decimal: DecimalSign = ".",
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Write a file's rows, or all rows, as CSV for the accountant. Works during a run, too."""
    to_stdout = output is None or str(output) == "-"
    if output is not None and file is not None and output.exists() and output.samefile(file):
        # Rows that were never planned would be lost.
        raise typer.BadParameter(f"--output {output} is the file of the payouts; choose another one")
    report = _reported(file, decimal, journal, base_url, as_json=as_json)
    if output is not None and not to_stdout:
        _write_report(report, output, delimiter)
        note(f"{len(report.rows)} rows are in {output}")
    if as_json:
        show(report_json(report), as_json=True)
    elif to_stdout:
        with tempfile.TemporaryDirectory() as folder:
            place = Path(folder) / "report.csv"
            _write_report(report, place, delimiter)
            write(place.read_text(encoding="utf-8").rstrip("\n"))


@app.command()
def settle(
    row_id: RowId,
    withdrawal_id: Annotated[
        str | None, typer.Option("--withdrawal", metavar="ID", help="The withdrawal that pays the row.")
    ] = None,
    not_paid: Annotated[bool, typer.Option("--not-paid", help="No withdrawal pays the row.")] = False,
    by: Annotated[str | None, typer.Option(metavar="NAME", help="By default your user name.")] = None,
    note_text: Annotated[str | None, typer.Option("--note", metavar="TEXT", help="Kept with the row.")] = None,
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Settle a row in doubt: by its withdrawal, or as not paid."""
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        row = payouts.settle(row_id, withdrawal_id=withdrawal_id, not_paid=not_paid, by=by or _user(), note=note_text)
    _show_rows([row], as_json=as_json, one=True)


@app.command()
def cancel(
    row_ids: RowIds,
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Take planned rows out of the plan."""
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        rows = [payouts.cancel(row_id) for row_id in row_ids]
    _show_rows(rows, as_json=as_json)


@app.command()
def retry(
    row_ids: RowIds,
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Plan refused, failed and unpaid rows again, for the next run."""
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        rows = payouts.retry(row_ids)
    _show_rows(rows, as_json=as_json)


@app.command()
def refresh(
    batch: Annotated[str | None, typer.Option(metavar="NAME", help="Only the rows of one batch.")] = None,
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Ask the API for the state of every accepted row."""
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        report = payouts.refresh(batch=batch)
    show(report_json(report) if as_json else report_text(report), as_json=as_json)
    return code_of_report(report)


@app.command()
def adopt(
    journal: JournalPath = None,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> None:
    """Use a journal that was moved here, or restored from a backup. Do it for one copy only."""
    with _opened(base_url, journal, as_json=as_json) as (_, payouts):
        payouts.adopt()
        report = payouts.report()
    show(report_json(report) if as_json else report_text(report), as_json=as_json)


@app.command()
def prove(
    amount: options.Amount,
    currency: options.Coin,
    destination_address: Annotated[
        str, typer.Option("--destination-address", "--to", metavar="ADDRESS", help="An address of your own.")
    ],
    journal: JournalPath = None,
    yes: options.Yes = False,
    as_json: options.Json = False,
    base_url: options.BaseUrl = None,
) -> int:
    """Prove by one withdrawal that the API honours idempotency keys.

    It goes to an address of your own, and the journal keeps the proof. Where keys are ignored, you pay twice to
    yourself. For seven days, runs then repeat rows in doubt by themselves.
    """
    from ..payouts import Payouts
    from .check import exit_code, result_json, result_text

    with session(base_url, as_json=as_json, withdraws=True) as current:
        money = f"{amount} {currency}, fee included; twice if keys are ignored"
        details = [("to", destination_address), ("amount", money)]
        confirm(current, "Proof of idempotency keys by a withdrawal", details, yes=yes)
        with Payouts(current.client, journal or default_journal(current)) as payouts:
            result = payouts.prove(amount=amount, currency=currency, destination_address=destination_address)
    show(result_json(result) if as_json else result_text(result), as_json=as_json)
    return exit_code(result, with_keys=True)


@contextmanager
def _opened(
    base_url: str | None, journal: Path | None, *, as_json: bool, withdraws: bool = False, trust: bool = False
) -> Generator[tuple[Session, Payouts], None, None]:
    from ..payouts import Payouts

    with (
        session(base_url, as_json=as_json, withdraws=withdraws, trust_idempotency=trust) as current,
        Payouts(current.client, _place(current, journal)) as payouts,
    ):
        yield current, payouts


def _place(current: Session, journal: Path | None) -> Path:
    from ..errors import ConfigurationError

    try:
        return journal or default_journal(current)
    except OSError as error:
        raise ConfigurationError(
            f"the folder of the journal cannot be made: {error}; name a journal with --journal"
        ) from None


def _read(file: Path, decimal: str) -> list[Payout]:
    from ..payouts import read_payouts

    try:
        return read_payouts(file, decimal=cast(Literal[".", ","], decimal))
    except OSError as error:
        raise typer.BadParameter(f"{file} cannot be read: {error.strerror or error}") from None


def _reported(
    file: Path | None, decimal: str, journal: Path | None, base_url: str | None, *, as_json: bool
) -> PayoutReport:
    from attrs import evolve

    from ..payouts import read_journal

    ids = None if file is None else {payout.id for payout in _read(file, decimal)}
    with session(base_url, as_json=as_json) as current:
        report = read_journal(_place(current, journal), base_url=current.base_url)
    if ids is None:
        return report
    missing = len(ids - {row.id for row in report.rows})
    if missing:
        note(f"{missing} rows of the file are not in the journal: they were never planned")
    return evolve(report, rows=tuple(row for row in report.rows if row.id in ids))


def _confirm(current: Session, open_rows: list[PayoutRow], *, yes: bool) -> None:
    in_doubt = len(open_rows) - sum(row.status == "planned" for row in open_rows)
    details: list[tuple[str, object]] = [
        ("rows", len(open_rows)),
        ("amount", f"{sums_text(open_rows)}, fees included"),
        ("in doubt", in_doubt or None),
    ]
    confirm(current, "Payouts", details, yes=yes, listing=lambda: planned_lines(open_rows))


def _show_rows(rows: Iterable[PayoutRow], *, as_json: bool, one: bool = False) -> None:
    known = list(rows)
    if as_json:
        text = row_json(known[0]) if one else f"[{','.join(row_json(row) for row in known)}]"
    else:
        text = "\n\n".join(row_text(row) for row in known)
    show(text, as_json=as_json)


def _write_report(report: PayoutReport, place: Path, delimiter: str) -> None:
    from ..payouts import write_report

    if len(delimiter) != 1:
        raise typer.BadParameter(f"--delimiter {delimiter!r} must be one sign, such as ;")
    try:
        write_report(report, place, delimiter=delimiter)
    except OSError as error:
        raise typer.BadParameter(f"{place} cannot be written: {error.strerror or error}") from None


def _user(name: Callable[[], str] = getpass.getuser) -> str | None:
    try:
        return name()
    except (OSError, KeyError):
        return None
