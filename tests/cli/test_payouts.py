"""``inventpay payouts``: every command, its exit codes, and the live table of a run."""

from __future__ import annotations

import csv
import io
import json
import re
from contextlib import closing
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from inventpay import ConfigurationError
from inventpay._cli.journal_place import default_journal, state_folder
from inventpay._cli.payout_views import code_of_report, line_writer, progress_table
from inventpay.payouts import PayoutProgress, PayoutReport, PayoutRow, decisions
from inventpay.payouts.journal import Journal
from inventpay.sandbox import Fault, Sandbox

from .conftest import ADDRESS, COLUMNS, Commands

OTHER = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e"


def rows_file(tmp_path: Path, count: int = 2, name: str = "november.csv") -> str:
    """Write a file with `count` rows of 1.50, 2.50 and so on; return its path."""
    lines = ["id,amount,currency,destination_address,team"]
    lines += [f"row-{n},{n}.50,USDT_BEP20,{ADDRESS if n % 2 else OTHER},blue" for n in range(1, count + 1)]
    path = tmp_path / name
    path.write_text("\n".join(lines) + "\n")
    return str(path)


@pytest.fixture
def file(sandbox: Sandbox, tmp_path: Path) -> str:
    """A file of two rows, for which there is money."""
    sandbox.deposit("USDT_BEP20", 100)
    return rows_file(tmp_path)


def locked(sandbox: Sandbox) -> Decimal:
    """Return the sum of the withdrawals under way."""
    return sandbox.balance("USDT_BEP20").locked


def in_doubt(sandbox: Sandbox, run: Commands, file: str) -> Any:
    """Run a file whose first answer is lost; return the result."""
    sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/merchant/withdrawal/create")
    return run("payouts", "run", file, "--yes", "--json")


def test_a_file_is_checked_and_nothing_written(sandbox: Sandbox, file: str, run: Commands) -> None:
    """The plan lists every row with its whole address, the sum and the digest; the journal stays empty."""
    shown = run.in_terminal("payouts", "check", file)
    assert shown.code == 0
    for words in (ADDRESS, OTHER, "to be sent  4.0 USDT_BEP20, fees included", "rows        2"):
        assert words in re.sub(r"\x1b\[[0-9;]*m", "", shown.out)
    plan = run.json("payouts", "check", file)
    assert (plan["sums"], [row["status"] for row in plan["rows"]]) == ({"USDT_BEP20": 4}, ["planned", "planned"])
    assert run.json("payouts", "status")["rows"] == []
    assert locked(sandbox) == 0


def test_a_file_is_paid_once(sandbox: Sandbox, file: str, tmp_path: Path, run: Commands) -> None:
    """A second run, also of a renamed file, sends nothing and says so."""
    report = run.json("payouts", "run", file, "--yes")
    assert (report["isComplete"], [row["status"] for row in report["rows"]]) == (True, ["accepted"] * 2)
    assert locked(sandbox) == 4
    for again in (file, rows_file(tmp_path, name="copy.csv")):
        result = run("payouts", "run", again, "--yes")
        assert (result.code, result.err) == (0, "nothing is left to be sent\n")
        assert "accepted     2     4.0" in result.out
    assert locked(sandbox) == 4


def test_a_run_without_a_terminal_reports_each_row_on_stderr(sandbox: Sandbox, file: str, run: Commands) -> None:
    """stdout has the report alone."""
    result = run("payouts", "run", file, "--yes")
    assert result.err.splitlines() == ["1 of 2: row-1 accepted", "2 of 2: row-2 accepted"]
    assert result.out.startswith("state     rows  amount")


def test_the_status_is_shown_during_a_run(sandbox: Sandbox, file: str, tmp_path: Path, run: Commands) -> None:
    """Rows on their way are no doubts: the exit code is 6 until the run ends. The run itself stays alone."""
    path = tmp_path / "journal.sqlite3"
    named = ("--journal", str(path))
    assert run("payouts", "plan", file, *named).code == 0
    with closing(Journal(path)) as journal:
        journal.change("row-1", datetime.now(UTC), status="sending")
        report = run("payouts", "status", file, "--json", *named)
        assert (report.code, json.loads(report.out)["inUse"]) == (6, True)
        shown = run("payouts", "status", *named)
        assert "a run is under way" in shown.out
        assert "row-1" not in shown.out
        assert "row-1" in run("payouts", "report", *named).out
        assert "is in use by another process" in run("payouts", "run", file, "--yes", *named).err
        journal.change("row-2", datetime.now(UTC), status="accepted", withdrawal_id="w")
        assert run("payouts", "status", *named).code == 6
        journal.change("row-2", datetime.now(UTC), status="in doubt")
        assert run("payouts", "status", *named).code == 3
    after = run("payouts", "status", "--json", *named)
    assert (after.code, "inUse" in json.loads(after.out)) == (3, False)


def test_a_run_is_confirmed(sandbox: Sandbox, file: str, run: Commands) -> None:
    """The rows, the host, the mode, the merchant and the sum are shown; without a yes nothing is planned or sent."""
    assert run("payouts", "run", file).code == 4
    refused = run.in_terminal("payouts", "run", file, answer="n\n")
    assert refused.code == 4
    assert run.json("payouts", "status")["rows"] == []
    agreed = run.in_terminal("payouts", "run", file, answer="y\n")
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", agreed.out)
    assert (agreed.code, locked(sandbox)) == (0, 4)
    for words in (
        f"row-1     1.5  USDT_BEP20  {ADDRESS}  planned",
        f"host      {sandbox.url}",
        "mode      sandbox",
        "merchant  Sandbox Business, cm",
        "rows      2",
        "amount    4.0 USDT_BEP20, fees included",
        "done              2 of 2",
        "latest row        row-2 accepted",
    ):
        assert words in plain, plain
    assert max(map(len, plain.replace("\r", "\n").splitlines())) <= COLUMNS


def test_a_row_that_was_taken_out_of_the_file_is_confirmed(
    sandbox: Sandbox, file: str, tmp_path: Path, run: Commands
) -> None:
    """The run sends the whole batch, so the question lists all of it and a warning names the row."""
    assert run("payouts", "plan", file).code == 0
    shorter = rows_file(tmp_path, 1, "shorter.csv")
    asked = run.in_terminal("payouts", "run", shorter, answer="n\n")
    assert asked.code == 4
    assert "4.0 USDT_BEP20, fees included" in asked.out
    assert OTHER in asked.out
    assert "a run sends them too (2.5 USDT_BEP20): 'row-2'" in " ".join(asked.out.split())
    assert run("payouts", "cancel", "row-2").code == 0
    result = run("payouts", "run", shorter, "--yes")
    assert (result.code, "sends them too" in result.err) == (0, False)
    assert locked(sandbox) == Decimal("1.5")


def test_another_digest_leaves_nothing_planned(sandbox: Sandbox, file: str, run: Commands) -> None:
    """A file that was not approved is refused before its rows are in the journal."""
    result = run("payouts", "run", file, "--yes", "--digest", "0" * 64)
    assert (result.code, result.out) == (2, "")
    assert "not the approved 000" in result.err
    assert run.json("payouts", "status")["rows"] == []
    approved = run.json("payouts", "check", file)["digest"]
    assert run("payouts", "run", file, "--yes", "--digest", approved).code == 0
    assert locked(sandbox) == 4


def test_a_second_person_releases_a_plan(sandbox: Sandbox, file: str, run: Commands) -> None:
    """plan writes the rows; run pays the batch under its digest, and no other."""
    plan = run.json("payouts", "plan", file, "--batch", "november")
    assert (plan["batch"], locked(sandbox)) == ("november", 0)
    assert run("payouts", "status", file).code == 6
    wrong = run("payouts", "run", "--batch", "november", "--digest", "0" * 64, "--yes")
    assert (wrong.code, "its rows changed since" in wrong.err, locked(sandbox)) == (2, True, 0)
    assert run("payouts", "run", "--batch", "november", "--digest", plan["digest"], "--yes").code == 0
    assert locked(sandbox) == 4
    assert run("payouts", "run", "--yes").code == 2
    assert run("payouts", "run", file, "--batch", "november", "--yes").code == 2


def test_bad_files_are_refused_with_every_line(sandbox: Sandbox, tmp_path: Path, run: Commands) -> None:
    """Exit code 2; each problem has its line."""
    file = tmp_path / "bad.csv"
    file.write_text(f'id,amount,currency,destination_address\n1,"1,5",BTC,x\n1,1.5,USDT_BEP20,{ADDRESS[:-1]}\n')
    for command in ("check", "plan", "run"):
        result = run("payouts", command, str(file))
        assert (result.code, result.out) == (2, "")
    assert "line 2" in result.err
    assert run("payouts", "check", str(tmp_path / "none.csv")).code == 2
    comma = tmp_path / "comma.csv"
    comma.write_text(f"id;amount;currency;destination_address\n1;1,5;USDT_BEP20;{ADDRESS}\n")
    sandbox.deposit("USDT_BEP20", 100)
    assert run.json("payouts", "check", str(comma), "--decimal", ",")["rows"][0]["amount"] == 1.5
    assert run("payouts", "check", str(comma), "--decimal", "'").code == 2


def test_a_doubt_is_settled(sandbox: Sandbox, file: str, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A lost answer ends with 3; settle names the withdrawal, or says not paid after half an hour."""
    result = in_doubt(sandbox, run, file)
    assert (result.code, [row["status"] for row in result.json["rows"]]) == (3, ["in doubt", "accepted"])
    assert run("payouts", "status", file).code == 3
    assert "row-1  in doubt" in run("payouts", "status").out
    early = run("payouts", "settle", "row-1", "--not-paid")
    assert (early.code, "its request may still arrive" in early.err) == (2, True)
    assert run("payouts", "settle", "row-1").code == 2
    (made,) = [one for one in sandbox.state.latest_withdrawals(10) if one.amount == Decimal("1.5")]
    command = ("payouts", "settle", "row-1", "--withdrawal", made.withdrawal_id, "--by", "ada", "--note", "dashboard")
    row = run.json(*command)
    assert (row["status"], row["settledBy"], row["note"]) == ("accepted", "ada", "dashboard")
    assert run("payouts", "status", file).code == 0


def test_an_unpaid_row_is_retried(sandbox: Sandbox, file: str, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """not paid, then planned again under a new key, then paid by the next run."""
    monkeypatch.setattr(decisions, "SETTLE_AFTER", timedelta(days=-1))
    in_doubt(sandbox, run, file)
    assert run.json("payouts", "settle", "row-1", "--not-paid")["status"] == "not paid"
    (row,) = run.json("payouts", "retry", "row-1")
    assert (row["status"], row["attempt"]) == ("planned", 2)
    assert run("payouts", "run", file, "--yes").code == 0


def test_planned_rows_are_cancelled(sandbox: Sandbox, file: str, run: Commands) -> None:
    """A cancelled row is never sent; only planned rows can be cancelled."""
    run.json("payouts", "plan", file)
    assert [row["status"] for row in run.json("payouts", "cancel", "row-1")] == ["cancelled"]
    assert run("payouts", "cancel", "row-1").code == 2
    assert run("payouts", "run", file, "--yes").code == 0
    assert locked(sandbox) == Decimal("2.5")


def test_accepted_rows_are_refreshed(sandbox: Sandbox, file: str, run: Commands) -> None:
    """refresh asks for their state: completed and failed rows end."""
    first, second = (row["withdrawalId"] for row in run.json("payouts", "run", file, "--yes")["rows"])
    sandbox.complete_withdrawal(first)
    sandbox.fail_withdrawal(second, "no gas")
    result = run("payouts", "refresh", "--json")
    assert (result.code, [row["status"] for row in result.json["rows"]]) == (6, ["completed", "failed"])
    assert "row-2  failed: no gas" in run("payouts", "status").out


def test_the_accountant_gets_a_file(sandbox: Sandbox, file: str, tmp_path: Path, run: Commands) -> None:
    """CSV on stdout or in a file, with the file's other columns and totals."""
    run.json("payouts", "run", file, "--yes")
    rows = list(csv.DictReader(io.StringIO(run("payouts", "report", file).out)))
    assert [row["id"] for row in rows] == ["row-1", "row-2", "total"]
    assert rows[0]["team"] == "blue"
    place = tmp_path / "report.csv"
    result = run("payouts", "report", file, "-o", str(place), "--delimiter", ";")
    assert (result.code, result.out) == (0, "")
    assert place.read_text().startswith("id;status;")
    assert len(run.json("payouts", "report")["rows"]) == 2
    assert run("payouts", "report", "--delimiter", ";;").code == 2
    assert run("payouts", "report", "-o", str(tmp_path / "none" / "report.csv")).code == 2


def test_the_report_is_written_wherever_it_is_asked_for(
    sandbox: Sandbox, file: str, tmp_path: Path, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside the document of --json too; ``-`` is stdout, and no file of that name."""
    monkeypatch.chdir(tmp_path)
    run.json("payouts", "run", file, "--yes")
    result = run("payouts", "report", file, "-o", "report.csv", "--json")
    assert (result.code, len(result.json["rows"])) == (0, 2)
    assert Path("report.csv").read_text().startswith("id,status,")
    assert run("payouts", "report", file, "-o", "-").out == Path("report.csv").read_text()
    assert not Path("-").exists()


@pytest.mark.parametrize("options", [(), ("--json",)])
def test_a_report_never_replaces_the_file_of_the_payouts(
    sandbox: Sandbox, file: str, tmp_path: Path, run: Commands, options: tuple[str, ...]
) -> None:
    """Its rows that were not planned yet would be lost, also behind another name of the file."""
    before = Path(file).read_bytes()
    link = tmp_path / "link.csv"
    link.symlink_to(file)
    for place in (file, str(link)):
        result = run("payouts", "report", file, "--output", place, *options)
        assert (result.code, "is the file of the payouts" in result.err) == (2, True)
    assert Path(file).read_bytes() == before


def test_rows_that_were_never_planned_are_counted(sandbox: Sandbox, file: str, tmp_path: Path, run: Commands) -> None:
    """status of a file shows its own rows, and says which part of it the journal lacks."""
    run.json("payouts", "run", file, "--yes")
    longer = rows_file(tmp_path, 5, "longer.csv")
    result = run("payouts", "status", longer)
    assert "3 rows of the file are not in the journal" in result.err
    assert "accepted     2" in result.out


def test_a_refused_row_decides_the_exit_code(sandbox: Sandbox, file: str, run: Commands) -> None:
    """5 for a refusal, with its reason."""
    sandbox.faults.add(Fault.error(400), on="POST /v1/merchant/withdrawal/create")
    result = run("payouts", "run", file, "--yes")
    assert (result.code, "row-1  refused: " in result.out) == (5, True)


def test_a_proof_is_kept_in_the_journal(sandbox: Sandbox, file: str, run: Commands) -> None:
    """After prove, the next run repeats a row in doubt by itself, in another process too."""
    from inventpay._transport import idempotency_proofs

    command = ("payouts", "prove", "--amount", "1", "--currency", "USDT_BEP20", "--to", ADDRESS)
    assert run(*command).code == 4
    assert run.json(*command, "--yes")["idempotency"] == "honoured"
    in_doubt(sandbox, run, file)
    idempotency_proofs._proven_at.clear()
    again = run("payouts", "run", file, "--yes", "--json")
    assert (again.code, [row["status"] for row in again.json["rows"]]) == (0, ["accepted", "accepted"])
    assert locked(sandbox) == 1 + 4


def test_a_moved_journal_is_adopted(sandbox: Sandbox, file: str, tmp_path: Path, run: Commands) -> None:
    """A copy elsewhere refuses until adopt."""
    journal, moved = tmp_path / "one.sqlite3", tmp_path / "two.sqlite3"
    run.json("payouts", "run", file, "--yes", "--journal", str(journal))
    moved.write_bytes(journal.read_bytes())
    refused = run("payouts", "run", file, "--yes", "--journal", str(moved))
    assert (refused.code, "payouts adopt" in refused.err) == (2, True)
    assert run.json("payouts", "adopt", "--journal", str(moved))["isComplete"]
    assert run("payouts", "run", file, "--yes", "--journal", str(moved)).code == 0


def test_each_account_has_a_journal(
    sandbox: Sandbox, file: str, run: Commands, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """It is in the state folder, which only its owner can read, and a rotated key of the merchant finds it."""
    run.json("payouts", "run", file, "--yes")
    (journal,) = (tmp_path / "state" / "inventpay").glob("payouts-*.sqlite3")
    assert journal.parent.stat().st_mode & 0o077 == 0
    sandbox.api_key = "pk_test_sandbox_rotated"
    monkeypatch.setenv("INVENTPAY_API_KEY", sandbox.api_key)
    assert len(run.json("payouts", "status")["rows"]) == 2
    blocked = tmp_path / "file"
    blocked.write_text("")
    monkeypatch.setenv("XDG_STATE_HOME", str(blocked))
    result = run("payouts", "status")
    assert (result.code, "name a journal with --journal" in result.err) == (2, True)


def test_a_rotated_key_meets_the_journal_of_a_key_without_merchant() -> None:
    """Once the API has named the merchant of a key, other keys of the merchant find the journal of that key."""
    session: Any = SimpleNamespace(base_url="https://api.example", fingerprint="first")
    session.client = SimpleNamespace(balances=SimpleNamespace(all=lambda: SimpleNamespace(merchant_id=None)))
    first = default_journal(session)
    first.touch()
    merchant = SimpleNamespace(all=lambda: SimpleNamespace(merchant_id="cmf1"))
    session.client = SimpleNamespace(balances=merchant)
    assert default_journal(session) == first
    session.fingerprint = "second"
    assert default_journal(session) == first
    session.base_url = "https://other.example"
    assert default_journal(session) != first


def test_two_journals_of_one_account_are_not_chosen_from() -> None:
    """Where the key and its merchant have journals of their own, a person names the right one."""
    session: Any = SimpleNamespace(base_url="https://api.example", fingerprint="key")
    paths: list[Path] = []
    for merchant_id, fingerprint in ((None, "key"), ("cmf1", "other key")):
        session.fingerprint = fingerprint
        found = SimpleNamespace(merchant_id=merchant_id)
        session.client = SimpleNamespace(balances=SimpleNamespace(all=lambda found=found: found))
        paths.append(default_journal(session))
        paths[-1].touch()
    session.fingerprint = "key"
    with pytest.raises(ConfigurationError, match="--journal") as caught:
        default_journal(session)
    assert all(str(path) in caught.value.message for path in paths)


def test_the_state_folder_follows_the_platform(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """XDG_STATE_HOME where it is absolute, else the platform's place."""
    assert state_folder() == tmp_path / "state" / "inventpay"
    monkeypatch.setenv("XDG_STATE_HOME", "relative")
    monkeypatch.setenv("LOCALAPPDATA", str(tmp_path / "local"))
    for platform, place in (
        ("linux", Path.home() / ".local/state/inventpay"),
        ("darwin", Path.home() / "Library/Application Support/inventpay"),
        ("win32", tmp_path / "local/inventpay"),
    ):
        monkeypatch.setattr("sys.platform", platform)
        assert state_folder() == place


COMMANDS = [
    ("check {file}", ""),
    ("plan {file}", ""),
    ("run {file} --yes", ""),
    ("status {file}", "run {file} --yes"),
    ("status", "run {file} --yes"),
    ("report {file}", "run {file} --yes"),
    ("refresh", "run {file} --yes"),
    ("cancel row-1 row-2", "plan {file}"),
    ("retry row-1", "refused"),
    ("settle row-1 --not-paid", "in doubt"),
    ("adopt", ""),
    ("prove --amount 1 --currency USDT_BEP20 --to {address} --yes", ""),
]


@pytest.mark.parametrize(("command", "before"), COMMANDS, ids=[command for command, _ in COMMANDS])
@pytest.mark.parametrize("way", ["terminal", "json", "plain"])
def test_every_command_in_every_way(
    command: str,
    before: str,
    way: str,
    sandbox: Sandbox,
    file: str,
    run: Commands,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """In a terminal no line is longer than 80 columns; with --json stdout is one document; both end with 0."""
    monkeypatch.setattr(decisions, "SETTLE_AFTER", timedelta(days=-1))
    if before == "in doubt":
        in_doubt(sandbox, run, file)
    elif before == "refused":
        sandbox.faults.add(Fault.error(400), on="POST /v1/merchant/withdrawal/create")
        run("payouts", "run", file, "--yes")
    elif before:
        run("payouts", *before.format(file=file).split())
    arguments = ("payouts", *command.format(file=file, address=ADDRESS).split())
    if way == "json":
        assert isinstance(run.json(*arguments), (dict, list))
        return
    result = run.in_terminal(*arguments) if way == "terminal" else run(*arguments)
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", result.out).replace("\r", "\n")
    assert (result.code, bool(plain)) == (0, True), result
    if way == "plain":
        assert "\x1b" not in result.out
    elif not command.startswith(("report", "prove")):
        digests = [line for line in plain.splitlines() if not line.startswith("digest")]
        assert max(map(len, digests)) <= COLUMNS, plain


def row(**facts: Any) -> PayoutRow:
    """Return a row in some state."""
    return PayoutRow(
        **{"id": "1", "batch": "b", "amount": Decimal(1), "currency": "BTC", "destination_address": "x", **facts}
    )


@pytest.mark.parametrize(
    ("statuses", "stopped", "code"),
    [
        (["accepted", "completed", "cancelled", "not paid"], None, 0),
        (["accepted", "planned"], "daily limit", 6),
        (["accepted", "failed"], None, 6),
        (["planned", "refused"], "5 equal refusals", 5),
        (["planned", "refused", "in doubt"], None, 3),
        (["sending"], None, 3),
        (["planned"], "interrupted", 130),
    ],
)
def test_the_worst_row_decides(statuses: list[Any], stopped: str | None, code: int) -> None:
    """The exit code of the worst row is used: 3 before 5 before 6."""
    report = PayoutReport(batch="b", rows=tuple(row(status=one) for one in statuses), stopped=stopped)
    assert code_of_report(report, interrupted_before=True) == code


@pytest.mark.parametrize("ended", ["refused", "failed"])
def test_a_row_that_was_replaced_does_not_count(ended: Any) -> None:
    """The row in its place decides: once that is paid, everything is."""
    rows = row(status=ended), row(id="2", replaces="1", status="planned")
    assert code_of_report(PayoutReport(batch="b", rows=rows)) == 6
    rows = row(status=ended), row(id="2", replaces="1", status="accepted")
    assert code_of_report(PayoutReport(batch="b", rows=rows)) == 0


def test_the_live_table_shows_the_wait_and_the_end() -> None:
    """Done, left, in doubt, the wait for the limit, and the time at which the last row is sent."""
    from rich.console import Console

    end = datetime(2026, 11, 28, 10, 23, 10, tzinfo=UTC)
    last = PayoutProgress(row=row(status="accepted"), done=12, left=38, in_doubt=1)
    waiting = PayoutProgress(row=None, done=12, left=38, in_doubt=1, waiting=35.0, expected_end=end)
    console = Console(width=COLUMNS, file=io.StringIO())
    with console.capture() as captured:
        console.print(progress_table(waiting, last))
    lines = [line.rstrip() for line in captured.get().splitlines()]
    assert lines[1:7] == [
        "done              12 of 50",
        "left              38",
        "in doubt          1",
        "waiting           35 s for the limit of withdrawals",
        "last row sent at  10:23:10 UTC",
        "latest row        1 accepted",
    ]


def test_a_log_names_each_wait_once(capsys: pytest.CaptureFixture[str]) -> None:
    """Without a terminal a wait for the rate limit is one line, not one a second, and the next wait is another."""
    write_line = line_writer()
    for done, seconds in ((1, 0), (1, 60), (1, 59), (2, 0), (2, 30)):
        seen = None if seconds else row(status="accepted")
        write_line(PayoutProgress(row=seen, done=done, left=3 - done, in_doubt=0, waiting=float(seconds)))
    assert capsys.readouterr().err.splitlines() == [
        "1 of 3: 1 accepted",
        "1 of 3: waiting 60 s for the rate limit",
        "2 of 3: 1 accepted",
        "2 of 3: waiting 30 s for the rate limit",
    ]


def test_ctrl_c_ends_a_run_and_the_next_one_goes_on(
    sandbox: Sandbox, tmp_path: Path, start: Any, run: Commands
) -> None:
    """A real terminal: ten rows go out, the eleventh waits for the limit; Ctrl-C leaves it planned, exit code 6."""
    sandbox.deposit("USDT_BEP20", 100)
    process = start("payouts", "run", rows_file(tmp_path, 11), "--yes", "--journal", str(tmp_path / "j.sqlite3"))
    process.wait_for("s for the limit of withdrawals")
    process.type("\x03")
    assert process.ended() == 6
    assert "stopped  interrupted" in process.shown
    status = run("payouts", "status", "--json", "--journal", str(tmp_path / "j.sqlite3"))
    assert status.code == 6
    rows = status.json["rows"]
    assert [one["status"] for one in rows] == ["accepted"] * 10 + ["planned"]


def test_addresses_are_not_cut_in_a_terminal(sandbox: Sandbox, tmp_path: Path, run: Commands) -> None:
    """Where a table does not fit, each row has a line for its address."""
    sandbox.deposit("USDT_BEP20", 100)
    file = tmp_path / "long.csv"
    file.write_text(f"id,amount,currency,destination_address\n2026-11-a-long-name,1.5,USDT_BEP20,{ADDRESS}\n")
    shown = run.in_terminal("payouts", "check", str(file)).out
    assert f"2026-11-a-long-name  1.5 USDT_BEP20  planned\n    {ADDRESS}\n" in shown
    assert f"2026-11-a-long-name     1.5  USDT_BEP20  {ADDRESS}" in run("payouts", "check", str(file)).out
