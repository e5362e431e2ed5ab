"""Following the README and ``docs/outcomes.md`` to the letter pays once, whatever happens to the answers."""

from __future__ import annotations

import json
from typing import Any

import httpx
import pytest

from inventpay import InventPay, InventPayError, UnsettledError
from inventpay.sandbox import Fault, Sandbox
from tests.support.clients import new_key
from tests.support.documents import ROOT, blocks, reader, run

WITHDRAW = "POST /v1/merchant/withdrawal/create"
PAY = "POST /v1/create_payment"
PAYOUT: dict[str, Any] = {
    "amount": 10,
    "currency": "USDT_BEP20",
    "destination_address": "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
}
(LOOP,) = blocks(ROOT / "docs" / "outcomes.md")
(README_BLOCK,) = (block for block in blocks(ROOT / "README.md") if "withdrawals.create" in block)


@pytest.fixture(params=[True, False], ids=["honours keys", "ignores keys"])
def sandbox(request: pytest.FixtureRequest) -> Sandbox:
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_the_guide")
    sandbox.idempotency.honoured = request.param
    sandbox.deposit("USDT_BEP20", 1000)
    return sandbox


def pays_as_the_readme_says(client: InventPay) -> None:
    """The advice of ``docs/outcomes.md``: repeat where that is safe, else look."""
    try:
        client.withdrawals.create(**PAYOUT)
    except InventPayError as error:
        if error.safe_to_repeat:
            client.repeat(error)


@pytest.mark.parametrize("first", [None, Fault.reset(after_effect=True), Fault.error(504, after_effect=True)])
@pytest.mark.parametrize("second", [None, Fault.error(429, retry_after=1), Fault.error(400)])
def test_the_block_of_the_readme(
    sandbox: Sandbox,
    first: Fault | None,
    second: Fault | None,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The block is run again only where the table of ``docs/outcomes.md`` permits it: one payment, on both ledgers."""
    for fault in (first, second):
        if fault is not None:
            sandbox.faults.add(fault, on=WITHDRAW)
    with sandbox.run() as server:
        monkeypatch.setenv("INVENTPAY_API_KEY", sandbox.api_key)
        monkeypatch.setenv("INVENTPAY_WITHDRAWAL_KEY", sandbox.withdrawal_key)
        monkeypatch.setenv("INVENTPAY_BASE_URL", server.url)
        for _ in range(5):
            run(README_BLOCK, "README.md", {})
            _, *failed = capsys.readouterr().out.splitlines()
            if not failed or failed[0].split()[0] not in ("not_sent", "refused"):
                break
    assert sandbox.balance("USDT_BEP20").locked == 10


@pytest.mark.parametrize("second", [Fault.error(429, retry_after=120), Fault.error(400), Fault.reset()])
def test_a_lost_answer_and_then_a_limit(sandbox: Sandbox, second: Fault) -> None:
    """The answer of a paid withdrawal is lost, and whatever follows is refused: one payment."""
    sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
    sandbox.faults.add(second, on=WITHDRAW)
    with sandbox.client() as client:
        pays_as_the_readme_says(client)
    assert sandbox.balance("USDT_BEP20").locked == 10


def test_a_lost_answer_at_the_end_of_the_limit(sandbox: Sandbox) -> None:
    """The tenth withdrawal of a minute loses its answer; the local limit stops what follows: one payment."""
    with sandbox.client(max_wait=1) as client:
        for _ in range(9):
            client.withdrawals.create(**{**PAYOUT, "amount": 1})
        sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
        pays_as_the_readme_says(client)
    assert sandbox.balance("USDT_BEP20").locked == 9 + 10


def test_an_answer_with_malformed_decoration() -> None:
    """An API that knows no keys, and writes a time as prose: the withdrawal is not made a second time."""
    paid: list[bytes] = []

    def serve(request: httpx.Request) -> httpx.Response:
        asked = json.loads(request.content)
        paid.append(request.content)
        data = {
            "withdrawalId": f"w{len(paid)}",
            "amount": str(asked["amount"]),
            "currency": asked["currency"],
            "destinationAddress": asked["destinationAddress"],
            "status": "PENDING",
            "estimatedCompletion": "Within 30 minutes",
        }
        return httpx.Response(200, json={"success": True, "data": data})

    with InventPay(new_key(), withdrawal_key="wk_live_1", transport=httpx.MockTransport(serve)) as client:
        pays_as_the_readme_says(client)
    assert len(paid) == 1


def test_the_loop_of_the_page(sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch) -> None:
    """A payment whose answer is lost again and again is made once where keys are honoured, and each repeat waits."""
    names: dict[str, Any] = {}
    with reader(monkeypatch):
        run(LOOP, "outcomes.md", names)
    slept: list[float] = []
    monkeypatch.setattr("time.sleep", slept.append)
    sandbox.faults.add(Fault.reset(after_effect=True), on=PAY, times=3)
    with sandbox.client(max_retries=0) as client:
        payment = names["create_payment"](client, "1", "29.99")
    assert payment.payment_id
    assert sandbox.state.counts()["payments"] == (1 if sandbox.idempotency.honoured else 4)
    assert len(slept) == 3
    assert min(slept) > 0


def test_a_proof_settles_a_withdrawal(sandbox: Sandbox) -> None:
    """Before the proof a withdrawal in doubt is not repeated; after it, the repeat pays nothing more.

    Where keys are ignored the proof fails, pays twice to oneself, and the doubt stays.
    """
    sandbox.faults.add(Fault.reset(after_effect=True), on=WITHDRAW)
    with sandbox.client() as client:
        with pytest.raises(InventPayError) as caught:
            client.withdrawals.create(**PAYOUT)
        with pytest.raises(UnsettledError):
            client.repeat(caught.value)
        result = client.check(idempotency="withdrawal", **{**PAYOUT, "amount": 1})
        if sandbox.idempotency.honoured:
            assert result.idempotency == "honoured"
            client.repeat(caught.value)
        else:
            assert result.idempotency == "ignored"
            with pytest.raises(UnsettledError):
                client.repeat(caught.value)
    assert sandbox.balance("USDT_BEP20").locked == 10 + (1 if sandbox.idempotency.honoured else 2)
