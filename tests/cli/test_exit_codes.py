"""Every exit code, and what stands on stderr then."""

from __future__ import annotations

import errno
import io
import sys
from pathlib import Path
from typing import Any

import pytest

from inventpay import errors
from inventpay._cli import main as entry
from inventpay._cli.exit_codes import ExitCode, code_of
from inventpay._cli.failures import ended
from inventpay._cli.main import main
from inventpay._cli.progress import PROGRESS
from inventpay.payouts import JournalError
from inventpay.sandbox import Fault, Sandbox
from inventpay.sandbox.webhook_inbox import WebhookInbox
from tests.support.raw_server import closed_port

from .conftest import ADDRESS, Commands
from .test_commands import CREATE, PAY_OUT, payment, withdrawal


def error_of(result: Any) -> dict[str, Any]:
    """Return the one JSON object on stderr."""
    import json

    (line,) = result.err.splitlines()
    found: dict[str, Any] = json.loads(line)["error"]
    assert set(found) == {"type", "message", "outcome", "idempotencyKey", "status"}
    return found


def test_1_a_read_that_failed(sandbox: Sandbox, run: Commands) -> None:
    """An answer that cannot be read is no unknown outcome where nothing was to be changed."""
    sandbox.faults.add(Fault.html(), on="GET /v1/merchant/balance")
    result = run("balances", "--json")
    assert (result.code, result.out) == (1, "")
    assert error_of(result)["type"] == "DecodeError"


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("fly",), "No such command 'fly'"),
        (("payments",), "Usage: inventpay payments"),
        (("payments", "create"), "Missing option"),
        ((*CREATE, "--amount", "ten"), "amount='ten'"),
        ((*CREATE, "--loud"), "No such option"),
        ((*CREATE, "--expiration-minutes", "x"), "Invalid value"),
        ((*PAY_OUT, "--yes", "--to", "0x12"), "destination_address"),
        (("balances", "--base-url", "ftp://x"), "base_url"),
        (("webhooks", "send", "payment.paid", "--to", "http://localhost:1"), "no event is called 'payment.paid'"),
        (("webhooks", "send", "payment.completed", "--to", "localhost"), "must start with http://"),
        (("webhooks", "send", "payment.completed", "--to", "http://[::1"), "--to"),
        (("webhooks", "send", "payment.completed", "--to", "http://x", "--data", "[]"), "must be a JSON object"),
        (("webhooks", "send", "payment.completed", "--to", "http://a..b"), "--to http://a..b"),
        (("webhooks", "send", "payment.completed", "--to", f"http://{'a' * 80}.example"), "label"),
        (("webhooks", "send", "payment.completed", "--to", "http://xn--zzz--"), "--to http://xn--zzz--"),
        (("webhooks", "send", "payment.completed", "--to", "http://shop one"), "must not hold spaces"),
        (("webhooks", "send", "payment.completed", "--to", "http://shop:99999"), "from 1 to 65535"),
        (
            ("webhooks", "send", "payment.completed", "--to", "http://x", "--data", '"\udcff"'),
            "that are no text",
        ),
        (("webhooks", "replay", "-", "--to", "http://localhost:1"), "it is empty"),
        (("webhooks", "deliveries", "--failed", "--succeeded"), "exclude each other"),
        (("sandbox", "clock", "back"), "is no step of the clock"),
        (("sandbox", "clock", "advance"), "needs the number of seconds"),
        (("sandbox", "clock", "advance", "nan"), "no finite number"),
        (("sandbox", "clock", "advance", "inf"), "no finite number"),
        (("sandbox", "clock", "reset", "1"), "takes no value"),
        (("sandbox", "pay", "x", "--url", "http://a..b"), "--url http://a..b"),
        (("sandbox", "pay", "x", "--url", "http://\u2603.example"), "--url http://\u2603.example"),
        (("sandbox", "pay", "x", "--url", "http://localhost/?x=1"), "no query"),
        (("sandbox", "--fly"), "--fly"),
        (("demo", "--fly"), "--fly"),
        (("check", "--fly"), "--fly"),
        (("check", "--timeout", "x"), "invalid float value: 'x'"),
        (("request", "POST", "/v1/create_payment", "--data", '"\udcff"'), "that are no text"),
        (("request", "FETCH", "/v1/x"), "method='FETCH'"),
        (("check", "--idempotency", "withdrawal", "--yes"), "idempotency"),
    ],
    ids=lambda value: " ".join(value[:3]) if isinstance(value, tuple) else "",
)
def test_2_usage(arguments: tuple[str, ...], words: str, sandbox: Sandbox, run: Commands) -> None:
    """A wrong command line names what is wrong; nothing is sent, and with --json stderr is one object."""
    result = run(*arguments)
    assert (result.code, result.out, words in result.err) == (2, "", True), result
    assert "Traceback" not in result.err
    as_json = run(*arguments, "--json")
    assert (as_json.code, error_of(as_json)["outcome"]) == (2, "not_sent")
    assert not [entry for entry in sandbox.request_log.newest() if entry.method != "GET"]


def test_2_configuration(run: Commands, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Without a key, with a file that is not there, and with two sources of one key."""
    assert "set the environment variable INVENTPAY_API_KEY, or INVENTPAY_API_KEY_FILE" in run("balances").err
    monkeypatch.setenv("INVENTPAY_API_KEY_FILE", str(tmp_path / "none"))
    missing = run("balances", "--json")
    assert (missing.code, error_of(missing)["type"]) == (2, "ConfigurationError")
    assert "cannot be read: No such file" in error_of(missing)["message"]
    monkeypatch.setenv("INVENTPAY_API_KEY", "pk_1")
    assert "are both set" in run("balances").err
    assert run("webhooks", "send", "payment.completed", "--to", "http://127.0.0.1:1").code == 2


def test_3_an_unknown_outcome_names_its_key(sandbox: Sandbox, run: Commands) -> None:
    """A withdrawal whose answer was lost may have been paid; the key is printed, made for it or given."""
    sandbox.deposit("USDT_BEP20", 100)
    for given in ((), ("--idempotency-key", "payout-7")):
        sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/merchant/withdrawal/create")
        result = run(*PAY_OUT, "--yes", "--json", *given)
        assert (result.code, result.out) == (3, "")
        found = error_of(result)
        assert (found["outcome"], bool(found["idempotencyKey"])) == ("unknown", True)
        assert given == () or found["idempotencyKey"] == "payout-7"
    sandbox.faults.add(Fault.reset(after_effect=True), on="POST /v1/merchant/withdrawal/create")
    assert "idempotency key: payout-8" in run(*PAY_OUT, "--yes", "--idempotency-key", "payout-8").err


def test_3_a_crash_after_a_write_began(sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A fault of the program itself is an unknown outcome then, and 1 before; a traceback shows no values."""

    def fail(*arguments: Any, **more: Any) -> None:
        raise RuntimeError("a fault of the program")

    monkeypatch.setattr("inventpay._cli.payments.show", fail)
    result = run(*CREATE, "--idempotency-key", "order-7")
    assert (result.code, "idempotency key: order-7" in result.err) == (3, True)
    assert "Traceback" in result.err
    assert sandbox.api_key not in result.err
    as_json = run(*CREATE, "--idempotency-key", "order-8", "--json")
    assert (as_json.code, error_of(as_json)["idempotencyKey"]) == (3, "order-8")
    read = run("payments", "status", payment(sandbox), "--json")
    assert (read.code, error_of(read)["type"], error_of(read)["outcome"]) == (1, "RuntimeError", None)


def test_3_the_document_of_an_error_has_the_outcome_of_the_command(
    sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A journal that fails after a withdrawal was sent is no error of which nothing was sent."""

    def fail(*arguments: Any, **more: Any) -> None:
        raise JournalError("the journal cannot be written: the disk is full")

    monkeypatch.setattr("inventpay._cli.payments.show", fail)
    result = run(*CREATE, "--json")
    assert (result.code, error_of(result)["outcome"]) == (3, "unknown")
    read = run("payments", "status", payment(sandbox), "--json")
    assert (read.code, error_of(read)["outcome"]) == (2, "not_sent")


def test_3_an_interrupt_after_a_write_began(sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Ctrl-C is 130 before a write, and 3 with the key after it."""

    def interrupt(*arguments: Any, **more: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("inventpay._cli.payments.show", interrupt)
    assert run("payments", "status", payment(sandbox)).code == 130
    result = run(*CREATE, "--idempotency-key", "order-7", "--json")
    assert (result.code, error_of(result)["outcome"], error_of(result)["idempotencyKey"]) == (3, "unknown", "order-7")


def test_4_not_sent(run: Commands, sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """No server, no confirmation, a receiver that is not there."""
    assert run(*PAY_OUT, "--json").code == 4
    assert error_of(run(*PAY_OUT, "--json"))["type"] == "NotConfirmed"
    assert "pass --yes" in run(*PAY_OUT).err
    assert run("webhooks", "send", "payment.completed", "--to", "http://127.0.0.1:1").code == 4
    with closed_port() as url:
        result = run(*PAY_OUT, "--yes", "--json", "--base-url", url)
        assert (result.code, error_of(result)["outcome"]) == (4, "not_sent")
        assert run("balances", "--base-url", url, "--timeout", "1").code == 4
        assert "start one with: inventpay sandbox" in run("sandbox", "pay", "x", "--url", url).err
        assert run("sandbox", "pay", "x", "--url", url).code == 4
        assert run("check", "--base-url", url).code == 4


def test_5_refused(sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """The API says no before any effect: an unknown id, a key it does not take, a payment that is over."""
    for command in (
        ("payments", "status", "nope"),
        ("withdrawals", "get", "nope"),
        ("webhooks", "delivery", "nope"),
        ("sandbox", "pay", "nope"),
        (*PAY_OUT, "--yes"),
    ):
        result = run(*command, "--json")
        assert (result.code, error_of(result)["outcome"], error_of(result)["status"] >= 400) == (5, "refused", True)
    monkeypatch.setenv("INVENTPAY_API_KEY", "pk_test_sandbox_wrong")
    assert run("balances").code == 5
    assert run("check").code == 5


@pytest.mark.filterwarnings("default")
def test_a_warning_is_one_line_for_people(sandbox: Sandbox, run: Commands) -> None:
    """A state that this version does not know is waited for, with a warning that has no place in the code."""
    expired = sandbox.expire(payment(sandbox)).payment_id
    result = run("payments", "wait", expired, "--until", "PAID")
    assert result.code == 6
    assert result.err.startswith("warning: until='PAID' is none of the payment states")
    assert len(result.err.splitlines()) == 1


def test_6_a_wait_that_ended_otherwise(sandbox: Sandbox, run: Commands) -> None:
    """Expired, failed, or not in time; the result is printed all the same, and --until widens what is asked for."""
    expired = sandbox.expire(payment(sandbox)).payment_id
    result = run("payments", "wait", expired, "--json")
    assert (result.code, result.json["status"], result.err) == (6, "EXPIRED", "")
    assert run("payments", "wait", expired, "--until", "EXPIRED").code == 0
    assert run("payments", "wait", expired, "--until", "expired").code == 0
    late = run("payments", "wait", payment(sandbox), "--timeout", "0.05", "--json")
    assert (late.code, late.out, error_of(late)["type"]) == (6, "", "WaitTimeoutError")
    sandbox.deposit("USDT_BEP20", 100)
    with sandbox.client() as client:
        created = client.withdrawals.create(amount=10, currency="USDT_BEP20", destination_address=ADDRESS)
    assert run("withdrawals", "wait", created.withdrawal_id, "--timeout", "0.05").code == 6
    sandbox.fail_withdrawal(created.withdrawal_id)
    assert run("withdrawals", "wait", created.withdrawal_id).code == 6


def test_6_a_receiver_that_says_no(inbox: WebhookInbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery that was answered with anything but 2xx ended otherwise than asked; the answer is shown."""
    monkeypatch.setenv("INVENTPAY_WEBHOOK_SECRET", "another_secret")
    result = run("webhooks", "send", "payment.completed", "--to", inbox.url)
    assert (result.code, "401" in result.out, "signature" in result.out) == (6, True, True)
    assert len(inbox.refused) == 1


def test_6_keys_that_are_ignored(sandbox: Sandbox, run: Commands) -> None:
    """check --idempotency is done only where keys are honoured."""
    sandbox.idempotency.honoured = False
    result = run("check", "--idempotency", "--json")
    assert (result.code, result.json["idempotency"], len(result.json["createdIds"])) == (6, "ignored", 3)


def test_0_done_although_the_answer_was_unreadable(
    sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A 2xx with an id is success: the id is on stdout, the problem on stderr, and nothing is repeated."""
    error = errors.DecodeError("$.data.amount is text", outcome="done", method="POST", path="/v1/create_payment")
    error.resource_id = "cmh7"

    def fail(*arguments: Any, **more: Any) -> None:
        raise error

    monkeypatch.setattr("inventpay._sync.payments.PaymentCalls.create", fail)
    result = run(*CREATE)
    assert (result.code, result.out, "DecodeError" in result.err) == (0, "cmh7\n", True)
    as_json = run(*CREATE, "--json")
    assert (as_json.code, as_json.json, error_of(as_json)["outcome"]) == (0, {"paymentId": "cmh7"}, "done")
    error.path = "/v1/merchant/withdrawal/create"
    assert run(*CREATE, "--json").json == {"withdrawalId": "cmh7"}


CODES: list[tuple[errors.InventPayError, ExitCode]] = [
    (errors.ConfigurationError("x"), ExitCode.USAGE),
    (errors.InvalidArgumentError("x"), ExitCode.USAGE),
    (errors.WebhookError("x"), ExitCode.ERROR),
    (errors.RateLimitTimeoutError("x", method="POST"), ExitCode.NOT_SENT),
    (errors.APITimeoutError("x", method="POST", outcome="unknown"), ExitCode.UNKNOWN),
    (errors.APITimeoutError("x", method="GET", outcome="unknown"), ExitCode.ERROR),
    (errors.UnsettledError("x", method="POST"), ExitCode.UNKNOWN),
    (errors.RateLimitedError("x", method="POST", status=429, outcome="refused"), ExitCode.REFUSED),
    (errors.WaitTimeoutError("x", method="GET"), ExitCode.ENDED_OTHERWISE),
    (errors.UnknownStateError("x", method="GET", outcome="unknown"), ExitCode.ERROR),
    (errors.DecodeError("x", method="POST", outcome="done"), ExitCode.DONE),
]


@pytest.mark.parametrize(("error", "code"), CODES, ids=[f"{type(e).__name__} {e.method}" for e, _ in CODES])
def test_the_code_of_an_error(error: errors.InventPayError, code: ExitCode) -> None:
    """The outcome decides for writes; a read has no unknown outcome."""
    assert code_of(error) is code


class Closed(io.StringIO):
    """A stream whose reader is gone."""

    def write(self, text: str) -> int:
        raise BrokenPipeError(errno.EPIPE, "Broken pipe")


def test_a_closed_pipe_is_quiet(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Finished work stays done, a watch ends, and no error is printed."""
    paid = sandbox.pay(payment(sandbox)).payment_id
    for command in (("balances",), ("payments", "watch", paid), CREATE, ("withdrawals", "wait", withdrawal(sandbox))):
        said = io.StringIO()
        monkeypatch.setattr(sys, "stdout", Closed())
        monkeypatch.setattr(sys, "stderr", said)
        assert main([*command, "--json"]) == 0
        assert said.getvalue() == ""


class Full(io.StringIO):
    """A file on a full disk."""

    def write(self, text: str) -> int:
        raise OSError(errno.ENOSPC, "No space left on device")


@pytest.mark.parametrize("options", [["--json"], []])
def test_the_result_of_a_write_is_not_lost_where_stdout_is_full(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, options: list[str]
) -> None:
    """The withdrawal was made: it is no unknown outcome, and its id goes to stderr. A read ends with one line."""
    said = io.StringIO()
    sandbox.deposit("USDT_BEP20", 100)
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", said)
    assert main([*PAY_OUT, "--yes", *options]) == 0
    (made,) = sandbox.state.records()[1]
    assert made.withdrawal_id in said.getvalue()
    for command in (("balances",), ("payments", "watch", sandbox.pay(payment(sandbox)).payment_id)):
        said.truncate(0)
        said.seek(0)
        assert main([*command, *options]) == 1
        assert "stdout cannot be written: No space left on device" in said.getvalue()
        assert said.getvalue().count("\n") == 1


def test_an_answer_that_was_done_names_its_id_where_stdout_is_full(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The one thing that is known of it goes to stderr."""
    said = io.StringIO()
    monkeypatch.setattr(sys, "stdout", Full())
    monkeypatch.setattr(sys, "stderr", said)

    def fail() -> int:
        PROGRESS.write_began = True
        odd = errors.DecodeError("odd", method="POST", path="/w", outcome="done")
        odd.resource_id = "w-17"
        raise odd

    assert ended(fail, as_json=False) == 0
    assert said.getvalue().splitlines()[:2] == [
        "stdout cannot be written: No space left on device; the result is:",
        "w-17",
    ]


def test_json_survives_a_narrow_encoding(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where stdout cannot encode a letter, JSON escapes it, and people get a question mark."""
    import json

    words = "Überweisung \U0001fa99"
    raw = io.BytesIO()
    for options, expected in ((["--json"], words), ([], "?berweisung ?")):
        raw = io.BytesIO()
        monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(raw, encoding="ascii", write_through=True))
        assert main([*CREATE, "--order-id", words, *options]) == 0
        text = raw.getvalue().decode("ascii")
        assert json.loads(text)["orderId"] == expected if options else f"order    {expected}" in text


def test_a_servers_text_does_not_rule_the_terminal(sandbox: Sandbox, run: Commands) -> None:
    """Control characters of an order id are shown as signs of replacement."""
    result = run.in_terminal(*CREATE, "--no-qr", "--order-id", "a\x1b[2Jb")
    assert "order    a\ufffd[2Jb" in result.out


def test_without_the_extra_one_line_explains(run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every command but three names the extra; help says which commands there are without it."""
    monkeypatch.setattr(entry, "find_spec", lambda name: None if name in ("typer", "rich") else object())
    for command in ("payments create", "balances", "sandbox pay x", "payouts run x"):
        result = run(*command.split())
        assert (result.code, result.out, result.err.count("\n")) == (2, "", 1)
        assert 'needs the extra "cli" (typer, rich missing); from a clone: pip install ".[cli]"' in result.err
        as_json = run(*command.split(), "--json")
        assert (as_json.code, error_of(as_json)["type"]) == (2, "UsageError")
    assert "inventpay demo, inventpay sandbox, inventpay check" in run("--help").err
    assert run("--version").code == 0
    assert run("check", "--help").code == 0
    assert run("sandbox", "--help").code == 0


def test_the_check_runs_without_the_packages_of_the_extra(sandbox: Sandbox) -> None:
    """typer, rich and segno cannot be imported, and the check answers all the same."""
    import os
    import subprocess

    script = (
        "import sys\n"
        "sys.modules.update(dict.fromkeys(('typer', 'rich', 'segno')))\n"
        "from inventpay.__main__ import main\n"
        "sys.exit(main(['check', '--idempotency', '--json']))\n"
    )
    environment = {**os.environ, **sandbox.environment}
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, env=environment, check=False)
    assert (done.returncode, done.stderr, '"idempotency": "honoured"' in done.stdout) == (0, "", True)


def test_help_imports_little(run: Commands) -> None:
    """Help costs no more than typer itself: neither httpx nor rich nor the models nor a group of commands."""
    import subprocess

    script = (
        "import sys\n"
        "from inventpay.__main__ import main\n"
        "assert main(['--help']) == 0\n"
        "loaded = [n for n in sys.modules if n.startswith(('httpx', 'rich.', 'attr', 'inventpay', 'argparse'))]\n"
        "print(*sorted(loaded), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("Usage: inventpay [OPTIONS] COMMAND")
    own = {name for name in done.stderr.split() if name.startswith("inventpay")}
    assert own == {
        "inventpay",
        "inventpay.__main__",
        "inventpay._concurrency",
        "inventpay._concurrency.termination",
        "inventpay._cli",
        "inventpay._cli.app",
        "inventpay._cli.exit_codes",
        "inventpay._cli.failures",
        "inventpay._cli.main",
        "inventpay._cli.output",
        "inventpay._cli.progress",
        "inventpay._cli.without_extra",
        "inventpay._core",
        "inventpay._core.lazy_exports",
        "inventpay.version",
    }
    assert not [name for name in done.stderr.split() if name.startswith(("httpx", "attr", "argparse"))]
