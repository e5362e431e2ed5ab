"""The rows of a journal are counted by state and coin, as they are written."""

from __future__ import annotations

import asyncio
import gc
import logging
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from inventpay.payouts import AsyncPayouts, Payout, PayoutRowChanged, Payouts
from inventpay.sandbox import Fault, Sandbox, Unlimited
from tests.support.telemetry import Telemetry

ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


def rows() -> list[Payout]:
    """Return a plan of three rows."""
    return [Payout(str(number), Decimal(number), "USDT_BEP20", ADDRESS) for number in (10, 11, 12)]


@pytest.fixture
def sandbox() -> Sandbox:
    """A sandbox with money, in which the second withdrawal fails."""
    sandbox = Sandbox(rate_limits=Unlimited())
    sandbox.deposit("USDT_BEP20", "100")
    return sandbox


def counted(telemetry: Telemetry) -> dict[str, int]:
    """Return the rows by state."""
    points = telemetry.metrics().get("inventpay.payouts.rows", {})
    assert all(dict(key)["currency"] == "USDT_BEP20" for key in points)
    return {str(dict(key)["state"]): count for key, count in points.items() if count}


def test_rows_are_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    """From the plan to the end, in this process and after another one opened the journal."""
    telemetry = Telemetry()
    journal = tmp_path / "payouts.sqlite3"
    seen: list[PayoutRowChanged] = []
    with sandbox.client() as client, Payouts(client, journal) as payouts:
        telemetry.watch(telemetry.watch(payouts))
        payouts.add_hook(seen.append)
        assert counted(telemetry) == {}
        plan = payouts.plan(rows())
        assert counted(telemetry) == {"planned": 3}
        assert seen == [PayoutRowChanged(before=None, after="planned", currency="USDT_BEP20")] * 3
        payouts.cancel("12")
        sandbox.faults.add(Fault.error(422), on="POST /v1/merchant/withdrawal/create", times=1)
        payouts.run(batch=plan.batch)
        assert counted(telemetry) == {"accepted": 1, "refused": 1, "cancelled": 1}
        assert payouts.row_counts()["accepted", "USDT_BEP20"] == 1
    del payouts
    gc.collect()
    assert counted(telemetry) == {}
    with sandbox.client() as client, Payouts(client, journal) as again:
        telemetry.watch(again)
        assert counted(telemetry) == {"accepted": 1, "refused": 1, "cancelled": 1}


def test_rows_of_async_payouts_are_counted(sandbox: Sandbox, tmp_path: Path) -> None:
    """Rows are counted from a task too; the calls of the run are spans if its client is instrumented."""
    telemetry = Telemetry()

    async def main() -> None:
        async with (
            telemetry.watch(sandbox.async_client()) as client,
            AsyncPayouts(client, tmp_path / "payouts.sqlite3") as payouts,
        ):
            telemetry.watch(payouts)
            plan = await payouts.plan(rows())
            await payouts.run(batch=plan.batch)
            assert counted(telemetry) == {"accepted": 3}

    asyncio.run(main())
    assert [span.name for span in telemetry.spans()].count("inventpay create_withdrawal") == 3


def test_a_failing_hook_causes_no_second_payment(
    sandbox: Sandbox, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Its exception is logged, and the run goes on."""

    def broken(event: Any) -> None:
        raise RuntimeError("metrics are down")

    with sandbox.client() as client, Payouts(client, tmp_path / "payouts.sqlite3") as payouts:
        payouts.add_hook(broken)
        plan = payouts.plan(rows())
        assert len(payouts.run(batch=plan.batch).paid) == 3
    failures = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert {record.getMessage() for record in failures} == {"inventpay: a hook of payouts failed; the payouts go on"}
