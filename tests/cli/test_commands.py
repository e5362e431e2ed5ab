"""Every command, in a terminal of 80 columns, with --json, and without a terminal."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import pytest

from inventpay import Balances, Invoice, Payment, PaymentStatus, WebhookDelivery, Withdrawal
from inventpay._cli.output import ClosedPipe
from inventpay.sandbox import Sandbox
from inventpay.sandbox.webhook_inbox import WebhookInbox

from .conftest import ADDRESS, COLUMNS, Commands

CREATE = ("payments", "create", "--amount", "29.99", "--amount-currency", "USD", "--currency", "USDT_BEP20")
PAY_OUT = ("withdrawals", "create", "--amount", "10", "--currency", "USDT_BEP20", "--to", ADDRESS)


def payment(sandbox: Sandbox) -> str:
    """Return the id of a new payment."""
    with sandbox.client() as client:
        return client.payments.create(amount="30", amount_currency="USD", currency="USDT_BEP20").payment_id


def paid(sandbox: Sandbox) -> str:
    """Return the id of a paid payment."""
    return sandbox.pay(payment(sandbox)).payment_id


def withdrawal(sandbox: Sandbox) -> str:
    """Return the id of a completed withdrawal."""
    sandbox.deposit("USDT_BEP20", 100)
    with sandbox.client() as client:
        created = client.withdrawals.create(amount=10, currency="USDT_BEP20", destination_address=ADDRESS)
    return sandbox.complete_withdrawal(created.withdrawal_id).withdrawal_id


def accepted(sandbox: Sandbox) -> str:
    """Return the id of a pending withdrawal."""
    sandbox.deposit("USDT_BEP20", 100)
    with sandbox.client() as client:
        created = client.withdrawals.create(amount="10", currency="USDT_BEP20", destination_address=ADDRESS)
    return created.withdrawal_id


def logged(sandbox: Sandbox) -> str:
    """Return the id of a delivery that nothing accepted."""
    sandbox.webhooks.set_url("http://127.0.0.1:1/webhooks")
    payment(sandbox)
    (delivery,) = sandbox.webhooks.deliver_due()
    sandbox.webhooks.set_url(None)
    return delivery.delivery_id


def funded(sandbox: Sandbox) -> str:
    """Give the merchant money."""
    sandbox.deposit("USDT_BEP20", 100)
    return ""


def nothing(sandbox: Sandbox) -> str:
    """Prepare nothing."""
    return ""


Prepare = Callable[[Sandbox], str]
# The command ({} is the id that was prepared), its preparation, and words that people read.
TABLE: list[tuple[str, Prepare, list[str]]] = [
    (" ".join(CREATE), nothing, ["amount   29.99 USDT_BEP20", "address  0x", "expires  20"]),
    ("payments status {}", payment, ["status         PENDING", "received       0 of 30 USDT_BEP20"]),
    ("payments wait {}", paid, ["status         COMPLETED"]),
    ("payments watch {}", paid, ["COMPLETED   30 of 30 USDT_BEP20 received, 12 confirmations"]),
    (
        "invoices create --amount 49.99 --amount-currency USD --order-id order-7",
        nothing,
        ["amount         49.99 USD", "order          order-7", "in USDT_BEP20  49.99"],
    ),
    ("balances", funded, ["coin        available  pending  locked  earned  withdrawn", "USDT_BEP20        100"]),
    ("balances USDT_BEP20", funded, ["available      100", "daily limit    10000 of 10000 left, until 20"]),
    (" ".join(PAY_OUT) + " --yes", funded, ["status      PENDING", "arrives     9.949 USDT_BEP20", ADDRESS]),
    ("withdrawals get {}", withdrawal, ["status         COMPLETED", "transaction"]),
    ("withdrawals wait {}", withdrawal, ["status         COMPLETED", "fee            0.051 USDT_BEP20"]),
    ("request GET /v1/merchant/webhook-stats?days=3", nothing, ['"period": "3 days"', '\n  "success": true']),
    (
        "webhooks configure http://127.0.0.1:1/hook",
        nothing,
        ["url      http://127.0.0.1:1/hook", "secret   sandbox_webhook_secret"],
    ),
    ("webhooks config", nothing, ["url     none: events go nowhere", "(shown with --json)"]),
    ("webhooks deliveries", logged, ["delivery", "no answer"]),
    ("webhooks deliveries --succeeded", logged, ["No deliveries."]),
    ("webhooks delivery {}", logged, ["result        no answer, will be retried", '"event": "payment.created"']),
    ("webhooks retry {}", logged, ["delivery"]),
    ("webhooks stats --days 3", logged, ["period      3 days", "failed      1", "rate        0.00 %"]),
    ("webhooks delete", nothing, ["The webhook URL is deleted."]),
    ("sandbox pay {}", payment, ["is COMPLETED: 30 of 30 USDT_BEP20."]),
    ("sandbox pay {} 12.50 --confirmations 0", payment, ["is PENDING: 12.5 of 30 USDT_BEP20."]),
    ("sandbox underpay {}", payment, ["is UNDERPAID: 15 of 30 USDT_BEP20."]),
    ("sandbox overpay {} 31", payment, ["is COMPLETED: 31 of 30 USDT_BEP20."]),
    ("sandbox expire {}", payment, ["is EXPIRED: 0 of 30 USDT_BEP20."]),
    ("sandbox fail {}", payment, ["is FAILED: 0 of 30 USDT_BEP20."]),
    ("sandbox deposit BTC 0.25", nothing, ["The available balance is 0.25 BTC."]),
    ("sandbox complete {}", accepted, [" is COMPLETED."]),
    ("sandbox clock", nothing, ["speed   1.0", "frozen  no"]),
    ("sandbox clock freeze 2030-01-01T00:00:00Z", nothing, ["time    2030-01-01T00:00:00.000Z", "frozen  yes"]),
    ("sandbox clock advance 60", nothing, ["time    20"]),
    ("check", nothing, ["the API answers and takes the key", "  latency     0."]),
    ("check --idempotency", nothing, ["idempotency keys of payments are honoured", "  created     cm"]),
]
IDS = [command.partition(" --amount")[0] for command, _, _ in TABLE]


@pytest.mark.parametrize(("command", "prepare", "words"), TABLE, ids=IDS)
def test_people_read_it_in_a_terminal(
    command: str, prepare: Prepare, words: list[str], sandbox: Sandbox, run: Commands
) -> None:
    """No line is longer than the terminal, nothing is cut, and the words are there."""
    result = run.in_terminal(*command.format(prepare(sandbox)).split())
    plain = re.sub(r"\x1b\[[0-9;]*m", "", result.out)
    assert result.code == 0, plain
    for word in words:
        assert word in plain
    # URLs and hashes stand on lines of their own: a terminal wraps them, and copies them whole.
    tables = [line for line in plain.splitlines() if not re.match(r"(page|url|transaction|http|\s+\")", line)]
    assert max(map(len, tables), default=0) <= COLUMNS, plain
    assert "\u2026" not in plain


@pytest.mark.parametrize(("command", "prepare", "words"), TABLE, ids=IDS)
def test_people_read_it_without_a_terminal(
    command: str, prepare: Prepare, words: list[str], sandbox: Sandbox, run: Commands
) -> None:
    """Output that is not a terminal has the same text on stdout, nothing on stderr, and no colours."""
    result = run(*command.format(prepare(sandbox)).split())
    assert (result.code, result.err) == (0, "")
    assert "\x1b" not in result.out
    for word in words:
        assert word in result.out


@pytest.mark.parametrize(("command", "prepare", "words"), TABLE, ids=IDS)
def test_programs_read_one_document(
    command: str, prepare: Prepare, words: list[str], sandbox: Sandbox, run: Commands
) -> None:
    """With --json stdout is one JSON document on one line, and stderr is empty."""
    result = run(*command.format(prepare(sandbox)).split(), "--json")
    assert (result.code, result.err) == (0, ""), result
    assert result.out.count("\n") == 1
    assert isinstance(result.json, (dict, list, type(None)))


MODELS: list[tuple[str, Prepare, Any]] = [
    (" ".join(CREATE), nothing, Payment),
    ("payments status {}", payment, PaymentStatus),
    ("invoices create --amount 49.99 --amount-currency USD", nothing, Invoice),
    ("balances", funded, Balances),
    ("withdrawals get {}", withdrawal, Withdrawal),
    ("webhooks delivery {}", logged, WebhookDelivery),
]


@pytest.mark.parametrize(("command", "prepare", "model"), MODELS, ids=[case[0].split("--")[0] for case in MODELS])
def test_json_is_that_of_the_model(command: str, prepare: Prepare, model: Any, sandbox: Sandbox, run: Commands) -> None:
    """The document is to_json() of the library's model, exact numbers included."""
    text = run(*command.format(prepare(sandbox)).split(), "--json").out
    read = model.from_json(text)
    assert read.to_json() == text.rstrip("\n")


def test_lists_are_arrays(sandbox: Sandbox, run: Commands) -> None:
    """An empty list is [], and a limit bounds the number of rows over pages."""
    assert run.json("webhooks", "deliveries") == []
    for _ in range(3):
        logged(sandbox)
    assert len(run.json("webhooks", "deliveries")) == 3
    assert len(run.json("webhooks", "deliveries", "--limit", "2")) == 2
    assert len(run.json("webhooks", "deliveries", "--failed")) == 3


def test_a_watch_prints_one_document_a_line(sandbox: Sandbox, run: Commands) -> None:
    """Each line is a status, and the last one is final."""
    lines = run("payments", "watch", paid(sandbox), "--json").out.splitlines()
    assert [PaymentStatus.from_json(line).status for line in lines] == ["COMPLETED"]


def test_a_payment_has_a_qr_code_in_a_terminal(sandbox: Sandbox, run: Commands) -> None:
    """It is half blocks of at most 80 columns; --no-qr and a pipe leave it out, NO_COLOR its colours."""
    shown = run.in_terminal(*CREATE).out
    assert "\x1b[38;5;231;48;5;16m" in shown
    code = [line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines() if set(line) & set("\u2588\u2580\u2584")]
    assert 15 <= len(code) <= 30
    assert {len(line) for line in code} == {len(code[0])}
    assert len(code[0]) <= COLUMNS
    assert "\u2588" not in run.in_terminal(*CREATE, "--no-qr").out
    assert "\u2588" not in run(*CREATE).out


def test_the_qr_code_holds_the_text_of_the_payment(sandbox: Sandbox, run: Commands) -> None:
    """A scanner reads it from the terminal's cells."""
    import zxingcpp
    from PIL import Image

    shown = run.in_terminal(*CREATE).out
    address = re.search(r"address  (\S+)", shown)
    assert address is not None
    lines = [
        line for line in re.sub(r"\x1b\[[0-9;]*m", "", shown).splitlines() if set(line) & set("\u2588\u2580\u2584")
    ]
    halves = {"\u2588": (255, 255), "\u2580": (255, 0), "\u2584": (0, 255), " ": (0, 0)}
    width, scale = len(lines[0]), 8
    image = Image.new("L", (width, 2 * len(lines)), 255)
    for row, line in enumerate(lines):
        for column, cell in enumerate(line):
            upper, lower = halves[cell]
            image.putpixel((column, 2 * row), upper)
            image.putpixel((column, 2 * row + 1), lower)
    image = image.resize((width * scale, 2 * len(lines) * scale), Image.Resampling.NEAREST)
    (found,) = zxingcpp.read_barcodes(image)
    assert found.text == f"usdt_bep20:{address[1]}?amount=29.99"


def test_no_color_is_respected(sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """With NO_COLOR a terminal gets no escape sequences of colours."""
    assert "\x1b[1m" in run.in_terminal("balances").out
    monkeypatch.setenv("NO_COLOR", "1")
    for command in (CREATE, ("webhooks", "deliveries"), ("payments", "status", payment(sandbox))):
        assert "\x1b[3" not in run.in_terminal(*command).out


def test_a_request_sends_any_body(sandbox: Sandbox, run: Commands, tmp_path: Any) -> None:
    """--data is text, a file, or stdin; numbers go out and come back exact; a query may stand in the path."""
    body = '{"amount": 29.990000000000000001, "amountCurrency": "USD", "currency": "ETH"}'
    file = tmp_path / "body.json"
    file.write_text(body)
    for data, stdin in ((body, b""), (f"@{file}", b""), ("-", body.encode())):
        result = run("request", "post", "/v1/create_payment", "--data", data, "--json", stdin=stdin)
        assert result.code == 0, result
        assert result.json["data"]["baseAmount" if "baseAmount" in result.json["data"] else "amount"]
    wrong = run("request", "POST", "/v1/create_payment", "--data", "{")
    assert (wrong.code, "--data" in wrong.err) == (2, True)
    missing = run("request", "POST", "/v1/create_payment", "--data", f"@{tmp_path / 'none'}")
    assert (missing.code, "No such file" in missing.err) == (2, True)
    twice = run("request", "GET", "/v1/merchant/webhook-stats?days=1&days=2")
    assert (twice.code, "has a name twice" in twice.err) == (2, True)


def test_a_request_that_moves_money_asks(sandbox: Sandbox, run: Commands) -> None:
    """A withdrawal through the escape hatch, and a POST to an unknown path, need a confirmation; a read does not."""
    sandbox.deposit("USDT_BEP20", 100)
    body = f'{{"amount": 10, "currency": "USDT_BEP20", "destinationAddress": "{ADDRESS}"}}'
    request = ("request", "POST", "/v1/merchant/withdrawal/create", "--data", body)
    assert run(*request).code == 4
    assert run("request", "POST", "/v1/unheard/of").code == 4
    assert sandbox.balance("USDT_BEP20").locked == 0
    assert run(*request, "--yes").code == 0
    assert sandbox.balance("USDT_BEP20").locked == 10


def test_the_confirmation_shows_everything(sandbox: Sandbox, run: Commands) -> None:
    """Host, mode, merchant, the whole address and the sum are shown; only a yes sends."""
    sandbox.deposit("USDT_BEP20", 100)
    for answer, code, locked in (("\n", 4, 0), ("no\n", 4, 0), ("y\n", 0, 10)):
        result = run.in_terminal(*PAY_OUT, answer=answer)
        assert (result.code, sandbox.balance("USDT_BEP20").locked) == (code, Decimal(locked)), result.out
        for words in (
            f"host      {sandbox.url}",
            "mode      sandbox",
            "merchant  Sandbox Business, cm",
            f"to        {ADDRESS}",
            "amount    10 USDT_BEP20, fee included",
        ):
            assert words in result.out


def test_events_are_sent_without_a_sandbox(inbox: WebhookInbox, run: Commands, monkeypatch: pytest.MonkeyPatch) -> None:
    """webhooks send signs a sample of every event; a receiver verifies and reads it, and members can be replaced."""
    from inventpay.webhooks import KNOWN_EVENTS

    monkeypatch.delenv("INVENTPAY_API_KEY")
    for name in KNOWN_EVENTS:
        sent = run.json("webhooks", "send", name, "--to", inbox.url)
        assert (sent["event"], sent["status"], sent["success"]) == (name, 200, True)
    assert inbox.refused == []
    assert [type(event) for event in inbox.events] == list(KNOWN_EVENTS.values())
    assert [event.unread for event in inbox.events] == [()] * len(KNOWN_EVENTS)
    assert {event.event for event in inbox.events if event.is_test} == {"payment.test"}
    data = '{"orderId": "order-7", "amount": 0.10}'
    assert run("webhooks", "send", "payment.completed", "--to", inbox.url, "--test", "--data", data).code == 0
    last: Any = inbox.events[-1]
    assert (last.order_id, last.amount, last.is_test) == ("order-7", Decimal("0.10"), True)


def test_a_delivery_is_replayed(sandbox: Sandbox, inbox: WebhookInbox, run: Commands, tmp_path: Any) -> None:
    """A delivery of the log, a file and stdin arrive signed at another endpoint."""
    delivery_id = logged(sandbox)
    body = sandbox.webhooks.outbox.delivery(delivery_id).body
    file = tmp_path / "body.json"
    file.write_bytes(body)
    assert run.json("webhooks", "replay", delivery_id, "--to", inbox.url)["deliveryId"] == delivery_id
    assert run("webhooks", "replay", str(file), "--to", inbox.url).code == 0
    assert run("webhooks", "replay", "-", "--to", inbox.url, stdin=body).code == 0
    assert [event.event for event in inbox.events] == ["payment.created"] * 3
    assert len({event.key for event in inbox.events}) == 1
    assert run("webhooks", "replay", "nope", "--to", inbox.url).code == 5


def test_missed_events_are_brought(sandbox: Sandbox, inbox: WebhookInbox, run: Commands) -> None:
    """webhooks reconcile brings what no receiver accepted, oldest first, and says what it could not bring."""
    first, second = logged(sandbox), logged(sandbox)
    nowhere = run("webhooks", "reconcile", "--to", "http://127.0.0.1:1/x", "--json")
    assert (nowhere.code, nowhere.json) == (6, {"delivered": 0, "failed": [first, second], "unavailable": []})
    brought = run("webhooks", "reconcile", "--to", inbox.url)
    assert (brought.code, brought.out.splitlines()[-1]) == (0, "2 delivered, 0 not accepted.")
    assert [event.delivery_id for event in inbox.events] == [first, second]
    assert run.json("webhooks", "reconcile", "--to", inbox.url, "--since", "0001s")["delivered"] in (0, 1, 2)
    assert run("webhooks", "reconcile", "--to", inbox.url, "--since", "week").code == 2


def test_the_api_sends_a_test_event(sandbox: Sandbox, inbox: WebhookInbox, run: Commands) -> None:
    """webhooks test shows the receiver's answer, and exits with 6 where there is no acceptance."""
    result = run("webhooks", "test", inbox.url)
    assert (result.code, "status  200" in result.out) == (0, True)
    assert run.json("webhooks", "test", inbox.url)["statusCode"] == 200
    assert inbox.events[-1].event == "payment.test"
    assert run("webhooks", "test", "http://127.0.0.1:1/x").code in (5, 6)


@pytest.mark.parametrize("way", ["terminal", "json", "plain"])
@pytest.mark.parametrize("command", ["send payment.completed", "replay {delivery}", "reconcile", "test {url}"])
def test_deliveries_in_every_way(command: str, way: str, sandbox: Sandbox, inbox: WebhookInbox, run: Commands) -> None:
    """Commands that deliver to an endpoint, in a terminal, as JSON, and without a terminal."""
    words = ("webhooks", *command.format(delivery=logged(sandbox), url=inbox.url).split())
    words = words if command.startswith("test") else (*words, "--to", inbox.url)
    if way == "json":
        assert isinstance(run.json(*words), dict)
        return
    result = run.in_terminal(*words) if way == "terminal" else run(*words)
    assert (result.code, result.err, "200" in result.out) == (0, "", True)


@pytest.mark.parametrize("command", ["balances", "balances USDT_BEP20"])
def test_a_watch_of_balances_goes_on(
    command: str, sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each change is a document, or a table for people, until the reader is gone."""
    lines = []

    def keep(text: str) -> None:
        lines.append(text)
        if len(lines) == 2:
            raise ClosedPipe
        sandbox.deposit("USDT_BEP20", 7)

    monkeypatch.setattr("inventpay._cli.balances.write_json", keep)
    monkeypatch.setattr("inventpay._cli.balances.write", keep)
    assert run(*command.split(), "--watch", "--every", "0.05", "--json").code == 0
    assert '"availableBalance":7' in lines[1]
    lines.clear()
    assert run(*command.split(), "--watch", "--every", "0.05").code == 0
    assert "14" in lines[1]


def test_ids_are_not_cut_in_a_terminal(sandbox: Sandbox, run: Commands) -> None:
    """Both ids of a delivery stand on one line of 80 columns, where they can be copied."""
    delivery_id = logged(sandbox)
    (line,) = [line for line in run.in_terminal("webhooks", "deliveries").out.splitlines() if delivery_id in line]
    assert line.rstrip().endswith(sandbox.webhooks.outbox.delivery(delivery_id).payment_id or "?")


def test_a_watch_prints_each_change_and_ends(sandbox: Sandbox, run: Commands) -> None:
    """A line for the payment as it stands, and one when it is paid, which ends the command."""
    payment_id = payment(sandbox)
    payer = threading.Timer(0.3, sandbox.pay, [payment_id])
    payer.start()
    lines = run("payments", "watch", payment_id).out.splitlines()
    payer.join()
    assert [line.split()[1] for line in lines] == ["PENDING", "COMPLETED"]


def test_balances_change_in_place_in_a_terminal(
    sandbox: Sandbox, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A live table moves the cursor back up; the last state stays."""
    with sandbox.client() as client:
        before = client.balances.get("USDT_BEP20")
        sandbox.deposit("USDT_BEP20", "12.5")
        after = client.balances.get("USDT_BEP20")
    changes = iter([before, after])
    monkeypatch.setattr("inventpay._sync.balances.BalanceCalls.watch", lambda *_, **__: changes)
    shown = run.in_terminal("balances", "USDT_BEP20", "--watch").out
    assert "\x1b[1A" in shown
    assert "12.5" in shown.rpartition("\x1b[1A")[2]


def test_events_are_followed(
    sandbox: Sandbox, inbox: WebhookInbox, run: Commands, monkeypatch: pytest.MonkeyPatch
) -> None:
    """--follow brings what was missed, then what is missed from now on, and again what was not accepted."""
    ids = [logged(sandbox)]
    secret = sandbox.webhooks.secret

    def sleep(seconds: float) -> None:
        # The second event is not accepted in its first round: the receiver has another secret then.
        if len(inbox.events) == 2:
            raise KeyboardInterrupt
        if len(ids) == 1:
            ids.append(logged(sandbox))
            sandbox.webhooks.configure(secret="another")
        else:
            sandbox.webhooks.configure(secret=secret)

    monkeypatch.setattr("inventpay._cli.webhooks.sleep", sleep)
    result = run("webhooks", "reconcile", "--to", inbox.url, "--follow", "--every", "0.1", "--json")
    assert result.code == 130
    assert [event.delivery_id for event in inbox.events] == ids
    assert [json.loads(line)["success"] for line in result.out.splitlines()] == [True, False, True]


def test_amounts_of_a_running_sandbox_are_exact(sandbox: Sandbox, run: Commands) -> None:
    """More digits than a double has, in the document for programs and in the line for people."""
    amount = "12345678901234567.123456789012345678"
    assert run("sandbox", "deposit", "ETH", amount).out == f"The available balance is {amount} ETH.\n"
    small = run("sandbox", "deposit", "ETH", "0.000000000000000001", "--json")
    assert '"availableBalance":12345678901234567.123456789012345679,' in small.out
