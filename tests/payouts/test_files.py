"""Files of payouts are read exactly or refused with every line, and written so that no spreadsheet runs them."""

from __future__ import annotations

import contextlib
import csv
import sqlite3
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay import InvalidArgumentError
from inventpay.payouts import PayoutPlanError, PayoutReport, PayoutRow, read_payouts, write_report

HEADER = "id,amount,currency,destination_address"
ROW = "1,10.5,BTC,1BoatSLRHtKNngkdXEeobR76b53LETtpyT"


def problems(text: str | bytes, **options: str) -> list[str]:
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(PayoutPlanError) as caught:
        read_payouts(data, **options)  # type: ignore[arg-type]
    return [str(problem) for problem in caught.value.problems]


@pytest.mark.parametrize(
    "data",
    [
        f"{HEADER}\n{ROW}\n".encode(),
        f"{HEADER}\r\n{ROW}\r\n\r\n , ,,\r\n".encode(),
        f"\ufeff{HEADER}\n{ROW}".encode(),
        f"{HEADER}\n{ROW}".encode("utf-16"),
        f"{HEADER}\n{ROW}".replace(",", ";").encode(),
        f"{HEADER}\n{ROW}".replace(",", "\t").encode(),
        f'"Id","Amount","CURRENCY"," destination_address "\n{ROW}'.encode(),
        f"{HEADER},description,check_address,replaces\n{ROW},,,\n".encode(),
        f"{HEADER}\r{ROW}\r".encode(),
        f"{HEADER},,\n{ROW},,\n".encode(),
    ],
)
def test_common_forms_of_one_file_are_read_alike(data: bytes) -> None:
    """Encodings, line ends, delimiters, quotes and case of the header make no difference."""
    (payout,) = read_payouts(data)
    assert (payout.id, payout.amount, payout.currency) == ("1", Decimal("10.5"), "BTC")
    assert (payout.line, payout.description, payout.check_address) == (2, None, True)


def test_other_columns_are_kept() -> None:
    """With the title that the file gives them, for the report."""
    (payout,) = read_payouts(f"{HEADER},Cost Centre,check_address\n{ROW},layout,FALSE".encode())
    assert payout.columns == {"Cost Centre": "layout"}
    assert not payout.check_address


@pytest.mark.parametrize(
    "amount", ["1 234.5", "+5", "-5", "1e3", "€5", "5 BTC", "", "NaN", "1.", ".5", "0x1", "\u0661", "1.2.3", "1'000"]
)
def test_amounts_that_could_be_guessed_wrong_are_refused(amount: str) -> None:
    """No sign, grouping, exponent or currency."""
    (text,) = problems(f"{HEADER}\n1;{amount}".replace(",", ";") + ";BTC;1BoatSLRHtKNngkdXEeobR76b53LETtpyT")
    assert text.startswith("line 2, id '1': amount is")


def test_a_comma_is_a_decimal_sign_only_where_it_was_named() -> None:
    """``1,234`` is a thousand to some and a little more than one to others."""
    file = f"{HEADER}\n1;1,234;BTC;1BoatSLRHtKNngkdXEeobR76b53LETtpyT".replace(
        "id,amount,currency,dest", "id;amount;currency;dest"
    )
    assert 'decimal=","' in problems(file)[0]
    assert read_payouts(file.encode(), decimal=",")[0].amount == Decimal("1.234")
    assert "1234,56" in problems(file.replace("1,234", "1.234"), decimal=",")[0]
    assert "1234.56" in problems(file.replace("1,234", "1.234,5"))[0]
    with pytest.raises(InvalidArgumentError, match="decimal"):
        read_payouts(b"", decimal="x")  # type: ignore[arg-type]


def test_every_problem_is_named_with_its_line() -> None:
    """Rows of totals, torn rows, wrong flags, coins and addresses, all at once; lines count from the file's top."""
    address = "1BoatSLRHtKNngkdXEeobR76b53LETtpyT"
    rows = [
        f'"a",1,BTC,"{address}\n",',
        ",10,,,",
        "Total",
        "2,x,BTC,y,maybe",
        f"3,1,btc,{address},",
        f"3,1,BTC,{address},",
    ]
    found = problems("\n".join(["", f"{HEADER},check_address", *rows, ""]))
    assert found == [
        "line 5: has no id; a row of totals must be taken out of the file",
        "line 6: has 1 cells, and the header 5; quote cells that hold the delimiter",
        "line 7, id '2': amount is 'x'; write digits and at most one '.', such as 1234.56",
        "line 7, id '2': check_address is 'maybe'; write true or false",
        "line 7, id '2': destination_address='y' does not have the form of an address of Bitcoin; copy the address "
        "again, or pass check_address=False if it is right",
        "line 8, id '3': currency='btc' must be 2 to 32 characters of A-Z, 0-9 and _; did you mean 'BTC'?",
        "line 9, id '3': the id stands in line 8 already; give each payout an id of its own",
    ]


@pytest.mark.parametrize(
    ("data", "text"),
    [
        (b"", "the file is empty"),
        (b"\xef\xbb\xbf\n\n", "the file is empty"),
        (b"id,amount\n1,2\n", "lacks currency, destination_address"),
        (f"{HEADER},ID\n".encode(), "names id twice"),
        (f"{HEADER}\n{ROW}\n2,\xe4".encode("latin-1"), "line 3: is neither UTF-8 nor"),
        (f'{HEADER}\n"1,2,3\n'.encode(), "close every quote"),
    ],
)
def test_files_that_cannot_be_read_say_why(data: bytes, text: str) -> None:
    """Empty, without columns, in another encoding, or torn."""
    assert text in problems(data)[0]


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_a_quote_that_is_closed_rows_later_forgets_no_row(delimiter: str, end: str) -> None:
    """Rows within a cell are an error; a note of several lines is not."""
    header = ["id", "amount", "currency", "destination_address", "name"]
    rows = [
        ["1", "10", "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D", '"Ann'],
        ["2", "20", "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D", "Bob"],
    ]
    text = end.join(
        delimiter.join(cells)
        for cells in [header, *rows, ["3", "30", "USDT_BEP20", "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D", 'Cy"']]
    )
    with pytest.raises(PayoutPlanError, match="line 2: has a cell that holds a whole row"):
        read_payouts(text.encode())
    note = delimiter.join(
        [
            "1",
            "10",
            "USDT_BEP20",
            "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
            f'"Ann{end}Road 1, 10 Town; {end}{delimiter}thanks"',
        ]
    )
    assert len(read_payouts(end.join([delimiter.join(header), note]).encode())) == 1


@given(st.binary(max_size=300))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    """No file raises anything but PayoutPlanError."""
    with contextlib.suppress(PayoutPlanError):
        read_payouts(data)


@given(st.decimals(min_value=0, max_value=10**12, allow_nan=False, places=8), st.sampled_from([".", ","]))
def test_an_amount_is_read_exactly(amount: Decimal, sign: str) -> None:
    """The digits of the file are the amount."""
    file = f"id;amount;currency;destination_address\n1;{format(amount, 'f').replace('.', sign)};BTC;x"
    assert read_payouts(file.encode(), decimal=sign)[0].amount == amount  # type: ignore[arg-type]


def test_a_report_runs_in_no_spreadsheet(tmp_path: Path) -> None:
    """Cells that begin like a formula get an apostrophe; totals stand below by coin and state."""
    noon = datetime(2026, 11, 28, 12, tzinfo=UTC)
    facts = {
        "batch": "b",
        "amount": Decimal("1E+1"),
        "currency": "BTC",
        "destination_address": "x",
        "accepted_at": noon,
    }
    rows = (
        PayoutRow(id="=1+1", status="accepted", columns={"@note": "+5", "b": "-1"}, **facts),  # type: ignore[arg-type]
        PayoutRow(id="2", status="accepted", reason="\tx", fee_amount=Decimal("0.1"), **facts),  # type: ignore[arg-type]
    )
    path = tmp_path / "report.csv"
    write_report(PayoutReport(batch="b", rows=rows), path)
    with path.open(newline="", encoding="utf-8") as file:
        found = list(csv.reader(file))
    assert found[0][-2:] == ["'@note", "b"]
    assert found[1][0] == "'=1+1"
    assert found[1][3:5] == ["10", ""]
    assert found[1][-2:] == ["'+5", "'-1"]
    assert found[2][11] == "'\tx"
    assert found[3][:6] == ["total", "accepted", "BTC", "20", "0.1", "0"]
    assert {len(cells) for cells in found} == {15}


def test_a_report_does_not_replace_a_database(tmp_path: Path) -> None:
    """Without its journal a file would be paid a second time; any other file is replaced."""
    place = tmp_path / "payouts.sqlite3"
    with contextlib.closing(sqlite3.connect(place)) as database:
        database.execute("CREATE TABLE payouts (id)")
    kept = place.read_bytes()
    link = tmp_path / "report.csv"
    link.symlink_to(place)
    for path in (place, link):
        with pytest.raises(InvalidArgumentError, match="is a SQLite database"):
            write_report(PayoutReport(batch=None, rows=()), path)
    assert place.read_bytes() == kept
    for content in (b"", b"SQLite format", b"id\n1\n"):
        place.write_bytes(content)
        write_report(PayoutReport(batch=None, rows=()), place)
        assert place.read_bytes().startswith(b"id,status")
