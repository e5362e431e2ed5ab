"""The state as a file: nothing is lost, no money changes, and a broken file changes nothing."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from decimal import Decimal
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox import ManualClock, Sandbox, StateFileError, WebhookSettings, cli, running_sandbox
from inventpay.sandbox.state_file import encode, kept, load
from tests.sandbox.conftest import EVM_ADDRESS
from tests.sandbox.http.test_server import interrupt_when_serving, parse

KEYED = {"X-API-Key": "pk_test_sandbox", "Idempotency-Key": "once"}


def fill(sandbox: Sandbox) -> dict[str, Any]:
    """A bit of everything, through the API; the answer to a request with an idempotency key."""
    sandbox.deposit("USDT_BEP20", "1000.000000000000000001")
    with sandbox.client() as client:
        payment = client.payments.create(
            amount="29.99", amount_currency="USD", currency="USDT_BEP20", callback_url="https://shop.example/hooks"
        )
        sandbox.pay(payment.payment_id, "0.1", confirmations=0)
        client.invoices.create(amount="0.00000001", amount_currency="BTC", description="Ünïcödé ₿")
        paid = client.payments.create(amount=5, amount_currency="USD", currency="LTC")
        sandbox.pay(paid.payment_id)
        made = client.withdrawals.create(amount="10.5", currency="USDT_BEP20", destination_address=EVM_ADDRESS)
        client.withdrawals.create(amount=1, currency="USDT_BEP20", destination_address=EVM_ADDRESS)
        sandbox.complete_withdrawal(made.withdrawal_id)
    http = httpx.Client(transport=sandbox.transport(), base_url="http://localhost", headers=KEYED)
    manage = "/v1/store/manage"
    settings = {"minOrderAmount": 0.5, "acceptedCurrencies": ["BTC"]}
    assert http.post(manage, json={"name": "Beans", "settings": settings}).status_code == 200
    product: Any = {"name": "Course", "price": 12.5, "digitalContent": {"textContent": "Hello"}}
    product_id = http.post(f"{manage}/products", json=product).json()["data"]["id"]
    http.post(f"{manage}/products/{product_id}/keys", json={"keys": ["one", "two"]})
    basket = {"items": [{"productId": product_id, "quantity": 2}], "customerEmail": "a@b.example"}
    assert http.post("/v1/store/beans/checkout", json=basket).status_code == 200
    answer: dict[str, Any] = http.post("/v1/create_invoice", json={"amount": 7}).json()
    return answer


def test_everything_survives(tmp_path: Path) -> None:
    """A sandbox from the file has the same records, answers a repeated request as before, and saves the same bytes."""
    sandbox = Sandbox(clock=ManualClock(), webhooks=WebhookSettings(url="http://127.0.0.1:9/"))
    answer = fill(sandbox)
    sandbox.save(tmp_path / "shop.json")
    other = Sandbox()
    other.load(tmp_path / "shop.json")
    assert other.state.records() == sandbox.state.records()
    assert other.webhooks.deliveries == sandbox.webhooks.deliveries
    assert other.webhooks.outbox.planned == sandbox.webhooks.outbox.planned > 0
    assert (other.clock(), other.clock.is_frozen) == (sandbox.clock(), True)
    assert encode(other.world) == encode(sandbox.world) == (tmp_path / "shop.json").read_bytes()
    with httpx.Client(transport=other.transport(), base_url="http://localhost", headers=KEYED) as http:
        again = http.post("/v1/create_invoice", json={"amount": 7})
    assert (again.json(), again.headers["idempotent-replayed"]) == (answer, "true")


def test_what_was_open_goes_on(tmp_path: Path) -> None:
    """A payment that was paid in part is topped up and completes; one that expires is noticed."""
    sandbox = Sandbox(clock=ManualClock())
    fill(sandbox)
    first = sandbox.state.latest_payments(100)[-1].payment_id
    sandbox.save(tmp_path / "shop.json")
    other = Sandbox(webhooks=WebhookSettings(url="http://127.0.0.1:9/"))
    other.load(tmp_path / "shop.json")
    assert other.state.balance(other.payment(first).coin).pending == Decimal("0.1")  # type: ignore[arg-type]
    before = other.balance("USDT_BEP20").available
    other.pay(first)
    assert other.balance("USDT_BEP20").available - before == Decimal("29.99")
    other.clock.advance(3600)
    other.webhooks.deliver_due()
    assert "payment.expired" in {delivery.event for delivery in other.webhooks.deliveries}


@given(st.decimals(min_value=Decimal("1e-18"), max_value=Decimal("1e29"), places=18))
def test_no_amount_changes(amount: Decimal) -> None:
    """Every digit of every amount comes back."""
    sandbox = Sandbox()
    sandbox.deposit("ETH", amount)
    path = Path(os.environ.get("TMPDIR", "/tmp")) / f"inventpay-{os.getpid()}.json"
    try:
        sandbox.save(path)
        sandbox.reset()
        load(sandbox.world, path)
    finally:
        path.unlink()
    assert sandbox.balance("ETH").available == amount


def broken(change: Any) -> bytes:
    sandbox = Sandbox(clock=ManualClock())
    fill(sandbox)
    document = json.loads(encode(sandbox.world), parse_float=Decimal)
    change(document)
    return json.dumps(document, default=float).encode()


def set_at(*path: Any) -> Any:
    *way, last, value = path

    def change(document: Any) -> None:
        for step in way:
            document = document[step]
        if value is None:
            del document[last]
        else:
            document[last] = value

    return change


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"", "it is not JSON"),
        (b'{"format": ', "it is not JSON"),
        (b"\xff", "it is not JSON"),
        (b"[" * 100_000, "it is not JSON"),
        (b"[]", "it does not begin with"),
        (b'{"format": "inventpay sandbox, 2"}', "it does not begin with"),
        (b'{"format": "inventpay sandbox, 1"}', "'clock' is missing"),
        (
            set_at("payments", 0, "base_amount", "much"),
            r"must be a number, not 'much' @ state\.payments\[0\]\.base_amount",
        ),
        (set_at("payments", 0, "coin", "DOGE"), r"must be one of BTC.*not 'DOGE' @ state\.payments\[0\]\.coin"),
        (set_at("payments", 0, "status", "LOST"), r"'LOST' is not a valid PaymentStatus.*payments\[0\]\.status"),
        (set_at("payments", 0, "order_id", 5), r"must be text, not '5'|order_id"),
        (set_at("payments", 0, "payment_id", None), r"'payment_id' is missing @ state\.payments\[0\]"),
        (set_at("payments", 0, "surprise", 1), r"surprise"),
        (set_at("answers", 0, "key", "?"), r"answers\[0\]\.key"),
        (set_at("balances", 0, "available", True), r"balances\[0\]\.available"),
        (set_at("deliveries", {"one": 1}), r"deliveries"),
    ],
)
def test_a_broken_file_is_refused_in_one_line_and_changes_nothing(tmp_path: Path, content: Any, problem: str) -> None:
    """The message names the file, what is wrong, where, and what to do."""
    path = tmp_path / "shop.json"
    path.write_bytes(content if isinstance(content, bytes) else broken(content))
    sandbox = Sandbox()
    sandbox.deposit("BTC", 1)
    with pytest.raises(StateFileError, match=problem) as caught:
        sandbox.load(path)
    assert str(caught.value).startswith(f"{path} is no state of a sandbox: ")
    assert str(caught.value).endswith("Repair it, or move it away to start empty.")
    assert "\n" not in str(caught.value)
    assert sandbox.balance("BTC").available == 1


def test_files_that_cannot_be_reached_are_named(tmp_path: Path) -> None:
    """Reading and writing say which file and why."""
    with pytest.raises(StateFileError, match=r"cannot be read from .*nothing\.json: No such file"):
        Sandbox().load(tmp_path / "nothing.json")
    with pytest.raises(StateFileError, match=r"cannot be written to .*shop\.json: No such file"):
        Sandbox().save(tmp_path / "nowhere" / "shop.json")


def test_a_file_is_replaced_whole_or_not_at_all(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """When writing fails in the middle the old file is still there, and no rest of the new one."""
    path = tmp_path / "shop.json"
    sandbox = Sandbox()
    sandbox.save(path)
    before = path.read_bytes()

    def fail(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", fail)
    sandbox.deposit("BTC", 1)
    with pytest.raises(StateFileError, match="No space left"):
        sandbox.save(path)
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_a_kept_file_follows_requests(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """The file exists from the start, follows changes, survives a full disk for a while, and is complete at the end."""
    path = tmp_path / "shop.json"
    sandbox = Sandbox()

    def held() -> Decimal:
        other = Sandbox()
        other.load(path)
        return other.balance("BTC").available

    def wait(condition: Any) -> None:
        until = time.monotonic() + 10
        while not condition() and time.monotonic() < until:
            time.sleep(0.01)
        assert condition()

    with (
        kept(sandbox.world, path, every=0.01),
        running_sandbox(sandbox),
        httpx.Client(base_url=sandbox.url or "") as http,
    ):
        assert held() == 0
        http.post("/sandbox/deposit", json={"currency": "BTC", "amount": 1})
        wait(lambda: held() == 1)
        path.rename(tmp_path / "away.json")
        path.mkdir()
        (path / "occupied").touch()
        http.post("/sandbox/deposit", json={"currency": "BTC", "amount": 1})
        wait(lambda: "cannot be written" in caplog.text)
        (path / "occupied").unlink()
        path.rmdir()
        sandbox.deposit("BTC", 1)
    assert held() == 3
    with kept(Sandbox().world, path):
        assert held() == 3


def test_the_command_starts_from_its_file_and_keeps_it(
    tmp_path: Path, unused_tcp_port: int, capsys: pytest.CaptureFixture[str]
) -> None:
    """`--state` loads what is there; a broken file ends the command with one line and exit code 2."""
    path = tmp_path / "shop.json"
    sandbox = Sandbox()
    sandbox.deposit("BTC", "0.5")
    sandbox.save(path)
    thread = interrupt_when_serving(unused_tcp_port, [])
    assert cli.main(parse("--port", str(unused_tcp_port), "--state", str(path))) == 0
    thread.join()
    other = Sandbox()
    other.load(path)
    assert other.balance("BTC").available == Decimal("0.5")
    capsys.readouterr()
    path.write_text("{}")
    assert cli.main(parse("--port", "0", "--state", str(path))) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"{path} is no state of a sandbox")


@pytest.mark.skipif(sys.platform == "win32", reason="TerminateProcess leaves no time for anything")
@pytest.mark.parametrize("name", ["SIGTERM", "SIGHUP", "SIGINT"])
def test_the_command_keeps_its_state_however_it_is_asked_to_end(name: str, tmp_path: Path) -> None:
    """By a container, a service manager, a closed terminal or Ctrl-C, right after a payment was created."""
    path = tmp_path / "shop.json"
    command = [sys.executable, "-m", "inventpay", "sandbox", "--port", "0", "--quiet", "--state", str(path)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        url = process.stdout.readline().split()[3]
        body = {"amount": 5, "amountCurrency": "USD", "currency": "BTC"}
        answer = httpx.post(f"{url}/v1/create_payment", json=body, headers=KEYED, trust_env=False)
        process.send_signal(getattr(signal, name))
        process.stdout.read()
    assert process.returncode == 0
    assert answer.json()["data"]["paymentId"] in path.read_text()
