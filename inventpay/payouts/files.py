"""Files of payouts: read with every problem at once, written for the accountant."""

from __future__ import annotations

import codecs
import csv
import io
import os
import re
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Final, Literal

from .._core.decimals import plain
from ..errors import InvalidArgumentError
from . import planning
from .errors import PayoutPlanError, PayoutProblem
from .reports import PayoutReport
from .rows import Payout, PayoutRow

__all__ = ["read_payouts", "write_report"]

REQUIRED: Final = ("id", "amount", "currency", "destination_address")
OPTIONAL: Final = ("description", "check_address", "replaces")
DELIMITERS: Final = (",", ";", "\t")
REPORT_COLUMNS: Final = (
    "id", "status", "currency", "amount", "fee_amount", "net_amount", "destination_address", "withdrawal_id",
    "transaction_hash", "accepted_at", "completed_at", "reason", "attempts",
)  # fmt: skip
"""Columns of a report, before the other columns of the file."""

_POINT: Final = re.compile(r"[0-9]+(\.[0-9]+)?", re.ASCII)
_COMMA: Final = re.compile(r"[0-9]+(,[0-9]+)?", re.ASCII)
_FORMULA: Final = ("=", "+", "-", "@", "\t", "\r")


def read_payouts(source: str | os.PathLike[str] | bytes, *, decimal: Literal[".", ","] = ".") -> list[Payout]:
    """Read a file of payouts: a path, or the bytes of one.

    UTF-8, or UTF-16 with a byte order mark; separated by commas, semicolons or tabs; the header has ``id``, ``amount``,
    ``currency`` and ``destination_address``, and may have ``description``, ``check_address`` (``true`` or ``false``)
    and ``replaces``. Other columns are kept for the report. Amounts are digits with one point, or with ``decimal=","``
    one comma; thousands separators, signs and exponents are refused, since ``1,234`` must never be guessed. Blank rows
    are skipped.

    >>> header, row = "id,amount,currency,destination_address", "1,10.5,BTC,1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    >>> read_payouts(f"{header}\\n{row}".encode())[0].amount
    Decimal('10.5')

    Raises PayoutPlanError with every problem and its line, OSError for a file that cannot be opened.
    """
    if decimal not in (".", ","):
        raise InvalidArgumentError(f"decimal={decimal!r} must be '.' or ','", argument="decimal")
    data = source if isinstance(source, bytes) else Path(source).read_bytes()
    lines = _rows(_text(data))
    if not lines:
        raise _refused("the file is empty; its first line must name the columns " + ", ".join(REQUIRED))
    header = [name.strip().lower() for name in lines[0][1]]
    twice = sorted({name for name in header if name and header.count(name) > 1})
    if twice:
        raise _refused(f"the header names {', '.join(twice)} twice; rename or remove one of them", lines[0][0])
    payouts: list[Payout] = []
    problems: list[PayoutProblem] = []
    for line, cells in lines[1:]:
        if any("\n" in cell or "\r" in cell for cell in cells) and _holds_a_row(cells, header, decimal):
            # A quote that is closed rows later: their recipients would be forgotten without a word.
            message = "has a cell that holds a whole row of the file; close its quote, or take the quote out"
            problems.append(PayoutProblem(message=message, line=line))
            continue
        if len(cells) != len(header):
            message = f"has {len(cells)} cells, and the header {len(header)}; quote cells that hold the delimiter"
            problems.append(PayoutProblem(message=message, line=line))
            continue
        payout = _payout(dict(zip(header, cells, strict=True)), lines[0][1], line, decimal, problems)
        if payout is not None:
            payouts.append(payout)
    if problems:
        # The other problems of the rows belong into the same list; what only the account knows comes with the plan.
        known = {(problem.line, problem.message.partition(" ")[0]) for problem in problems}
        _, further = planning.read_rows(payouts, testnet=True)
        problems += [each for each in further if (each.line, each.message.partition(" ")[0]) not in known]
        raise PayoutPlanError(sorted(problems, key=lambda problem: problem.line or 0), argument="source")
    return payouts


def _payout(
    cells: Mapping[str, str], titles: Sequence[str], line: int, decimal: str, problems: list[PayoutProblem]
) -> Payout | None:
    """Return a row as far as it can be read, ``None`` without an id; what cannot be read is added to the problems."""
    found: list[str] = []
    known = {name: cells.get(name, "").strip() for name in (*REQUIRED, *OPTIONAL)}
    if not known["id"]:
        problems.append(PayoutProblem(message="has no id; a row of totals must be taken out of the file", line=line))
        return None
    amount = _amount(known["amount"], decimal, found)
    checked = known["check_address"].lower()
    if checked not in ("", "true", "false"):
        found.append(f"check_address is {known['check_address']!r}; write true or false")
    problems += [PayoutProblem(message=message, line=line, id=known["id"]) for message in found]
    others = {title: cells[title.strip().lower()] for title in titles if title.strip().lower() not in known}
    return Payout(
        id=known["id"],
        # An amount in place of one that cannot be read, so that the other members are checked too.
        amount=Decimal(1) if amount is None else amount,
        currency=known["currency"],
        destination_address=known["destination_address"],
        description=known["description"] or None,
        check_address=checked != "false",
        replaces=known["replaces"] or None,
        line=line,
        columns={title: cell for title, cell in others.items() if title or cell},
    )


def _holds_a_row(cells: Sequence[str], header: Sequence[str], decimal: str) -> bool:
    """Return whether a line within a cell looks like a row: it has as many cells, and an amount in its place."""
    place, form = header.index("amount"), _POINT if decimal == "." else _COMMA
    within = (line for cell in cells for line in _LINE_END.split(cell)[1:])
    parts = (line.split(delimiter) for line in within for delimiter in DELIMITERS)
    return any(len(each) >= len(header) - 1 > 0 and form.fullmatch(_in_place(each, place)) for each in parts)


def _in_place(cells: Sequence[str], place: int) -> str:
    return cells[place].strip().strip('"') if place < len(cells) else ""


def _amount(text: str, decimal: str, found: list[str]) -> Decimal | None:
    form = _POINT if decimal == "." else _COMMA
    if form.fullmatch(text):
        return Decimal(text.replace(",", "."))
    example = "1234.56" if decimal == "." else "1234,56"
    hint = ""
    if decimal == "." and _COMMA.fullmatch(text):
        hint = '; if the comma is the decimal sign, read the file with decimal=","'
    found.append(f"amount is {text!r}; write digits and at most one {decimal!r}, such as {example}{hint}")
    return None


def _text(data: bytes) -> str:
    encoding = "utf-16" if data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)) else "utf-8-sig"
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        line = data[: error.start].count(b"\n") + 1
        raise _refused("is neither UTF-8 nor UTF-16 with a byte order mark; save the file as UTF-8", line) from None


def _rows(text: str) -> list[tuple[int, list[str]]]:
    """Return the rows that are not blank, with their lines, cut by the delimiter that fits the header."""
    head = next(((number, line) for number, line in enumerate(_LINE_END.split(text), 1) if line.strip(_BLANK)), None)
    if head is None:
        return []
    fitting = [delimiter for delimiter in DELIMITERS if set(REQUIRED) <= _names(head[1], delimiter)]
    if not fitting:
        best = max(DELIMITERS, key=lambda delimiter: len(set(REQUIRED) & _names(head[1], delimiter)))
        missing = ", ".join(name for name in REQUIRED if name not in _names(head[1], best))
        raise _refused(f"the header lacks {missing}; it must name {', '.join(REQUIRED)}", head[0])
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=fitting[0], strict=True)
    rows: list[tuple[int, list[str]]] = []
    try:
        begins = 1
        for cells in reader:
            if any(cell.strip() for cell in cells):
                rows.append((begins, cells))
            begins = reader.line_num + 1
    except csv.Error as error:
        raise _refused(f"cannot be read: {error}; close every quote", reader.line_num) from None
    return rows


_LINE_END: Final = re.compile(r"\r\n|\r|\n")
_BLANK: Final = " \t,;"


def _names(line: str, delimiter: str) -> set[str]:
    return {cell.strip().strip('"').strip().lower() for cell in line.split(delimiter)}


def _refused(message: str, line: int | None = None) -> PayoutPlanError:
    return PayoutPlanError([PayoutProblem(message=message, line=line)], argument="source")


def write_report(report: PayoutReport, path: str | os.PathLike[str], *, delimiter: str = ",") -> None:
    """Write all rows of a report as CSV in UTF-8, with the other columns of their file, and totals by coin and state.

    Cells that a spreadsheet would run as a formula get an apostrophe in front. Times are UTC.

    Raises OSError for a file that cannot be written, InvalidArgumentError for a database, such as a journal.
    """
    target = Path(os.path.realpath(path))
    if _is_database(target):
        raise InvalidArgumentError(
            f"path={str(path)!r} is a SQLite database, such as a journal of payouts; choose another file",
            argument="path",
        )
    others = list(dict.fromkeys(title for row in report.rows for title in row.columns))
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=delimiter)
    writer.writerow([*REPORT_COLUMNS, *map(_safe, others)])
    for row in report.rows:
        cells = [_cell(row, name) for name in REPORT_COLUMNS]
        writer.writerow([_safe(cell) for cell in (*cells, *(row.columns.get(title, "") for title in others))])
    for total in report.totals:
        amounts = [plain(total.amount), plain(total.fee_amount), plain(total.net_amount)]
        writer.writerow(
            ["total", total.status, total.currency, *amounts, f"{total.count} rows"]
            + [""] * (len(REPORT_COLUMNS) - 7 + len(others))
        )
    if target.exists() and not target.is_file():
        # A terminal or a pipe.
        target.write_text(file.getvalue(), encoding="utf-8", newline="")
        return
    # A full disk must not leave half of a report in the place of the last one.
    unfinished = target.with_name(f".{target.name}.unfinished")
    try:
        unfinished.write_text(file.getvalue(), encoding="utf-8", newline="")
        unfinished.replace(target)
    except OSError:
        unfinished.unlink(missing_ok=True)
        raise


def _is_database(path: Path) -> bool:
    if not path.is_file():
        return False
    with path.open("rb") as file:
        return file.read(len(_SQLITE)) == _SQLITE


_SQLITE: Final = b"SQLite format 3\0"
"""The bytes with which every SQLite database begins."""


def _cell(row: PayoutRow, name: str) -> str:
    value = getattr(row, name)
    if value is None:
        return ""
    if isinstance(value, Decimal):
        return plain(value)
    return value.isoformat(timespec="seconds") if hasattr(value, "isoformat") else str(value)


def _safe(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell
