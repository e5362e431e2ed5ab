# The source of tests/_sync/test_payouts.py; after a change run: python tools/generate_sync.py
"""Payouts: planned as a whole, sent once, and never reported as something that is not known."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from inventpay import (
    APIConnectionError,
    AsyncInventPay,
    ConfigurationError,
    InvalidArgumentError,
    LocalLimiter,
    RateLimits,
    RetryPolicy,
)
from inventpay._concurrency.tasks import AsyncBackend
from inventpay.payouts import (
    AsyncPayouts,
    JournalError,
    Payout,
    PayoutPlanError,
    PayoutProgress,
    PayoutRowChanged,
    read_payouts,
)
from inventpay.payouts.interrupts import CANCELLATION_PAUSE
from inventpay.sandbox import Fault, Sandbox, Unlimited
from tests.support.clients import new_key

COIN = "USDT_BEP20"
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
OTHER = "0x742d35Cc6634C0532925a3b844Bc454e4438f44e"
BITCOIN = "bc1qar0srrr7xfkvy5l643lydnw9re59gtzzwf5mdq"
CREATE = "POST /v1/merchant/withdrawal/create"
LIMITS = RateLimits(withdrawals=10**6, other=10**6)
TRUSTING = RetryPolicy(trust_idempotency=True)


class Later(AsyncBackend):
    """A clock that a test sets ahead, and pauses that take no time."""

    def __init__(self) -> None:
        self.ahead = timedelta()
        self.slept = 0.0

    def now(self) -> float:
        return super().now() + self.slept

    def wall(self) -> datetime:
        return datetime.now(UTC) + self.ahead

    async def sleep(self, seconds: float) -> None:
        self.slept += seconds
        self.ahead += timedelta(seconds=seconds)


@pytest.fixture
def sandbox() -> Sandbox:
    made = Sandbox(api_key=new_key(), rate_limits=Unlimited(), withdrawal_key="wk_live_of_payouts")
    made.deposit(COIN, 1000)
    return made


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "payouts.sqlite3"


def client_of(sandbox: Sandbox, **options: Any) -> AsyncInventPay:
    keys = {"api_key": sandbox.api_key, "withdrawal_key": sandbox.withdrawal_key}
    limits = LIMITS if isinstance(sandbox.rate_limits, Unlimited) else RateLimits()
    client = AsyncInventPay(**{"transport": sandbox.transport(), "limiter": LocalLimiter(limits), **keys, **options})
    later = Later()
    client._backend = client._transport._backend = later
    return client


def calls_of(payouts: AsyncPayouts) -> Any:
    """Return the calls that a run makes, for tests that replace one."""
    return payouts._account.client.withdrawals


def made_by(sandbox: Sandbox) -> list[Any]:
    """Return the withdrawals that were made."""
    return list(sandbox.state.records()[1])


def clock_of(client: AsyncInventPay) -> Later:
    assert isinstance(client._backend, Later)
    return client._backend


def write(path: Path, text: str) -> None:
    path.write_text(text)


def rows(count: int = 3, **changes: Any) -> list[Payout]:
    return [Payout(f"row{n}", 10 + n, COIN, ADDRESS, **changes) for n in range(count)]


async def test_a_plan_is_paid_once_however_often_it_runs(sandbox: Sandbox, path: Path) -> None:
    """Planning and running again sends nothing; the report is the whole journal, fees and states included."""
    seen: list[PayoutProgress] = []
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        plan = await payouts.plan(rows())
        assert plan.sums == {COIN: 33}
        report = await payouts.run(batch=plan.batch, digest=plan.digest, on_progress=seen.append)
        again = await payouts.plan(rows())
        assert (again.batch, again.digest, again.sums) == (plan.batch, plan.digest, {})
        await payouts.run(batch=plan.batch)
    assert [row.status for row in report.paid] == ["accepted"] * 3
    assert report.is_complete
    assert [(step.done, step.left) for step in seen] == [(1, 2), (2, 1), (3, 0)]
    assert len(made_by(sandbox)) == 3
    for row in report.rows:
        sandbox.complete_withdrawal(row.withdrawal_id or "")
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        report = await payouts.refresh()
        assert str(report) == "3 completed"
        assert report.rows[0].net_amount == report.rows[0].amount - (report.rows[0].fee_amount or 0)
        assert report.rows[0].transaction_hash is not None
        assert await payouts.run() == report


async def test_wait_follows_withdrawals_to_their_end(sandbox: Sandbox, path: Path) -> None:
    """``wait=True`` returns once each withdrawal is final: completed or failed."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run()
        first, second = made_by(sandbox)
        sandbox.complete_withdrawal(first.withdrawal_id)
        sandbox.fail_withdrawal(second.withdrawal_id)
        report = await payouts.run(batch=payouts.report().rows[0].batch, wait=True)
    assert sorted(row.status for row in report.rows) == ["completed", "failed"]
    assert report.failed[0].reason


async def test_a_plan_is_all_rows_or_none(sandbox: Sandbox, path: Path) -> None:
    """Every problem is named at once, with its line, and nothing is written."""
    wrong = [
        Payout("a", 10, COIN, ADDRESS, line=2),
        Payout("a", 11, COIN, OTHER, line=3),
        Payout("", 11, COIN, OTHER, line=4),
        Payout("b", -1, COIN, OTHER, line=5),
        Payout("c", "0.1234567", "USDT_ERC20", OTHER, line=6),
        Payout("d", 1, "BTC", OTHER, line=7),
        Payout("e", 1, COIN, ADDRESS, replaces="gone", line=8),
    ]
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        with pytest.raises(PayoutPlanError) as caught:
            await payouts.plan(wrong)
        assert [problem.line for problem in caught.value.problems] == [3, 4, 5, 6, 7, 8]
        assert "line 3, id 'a': the id stands in line 2 already" in str(caught.value)
        assert payouts.report().rows == ()
        with pytest.raises(InvalidArgumentError, match="at least one row"):
            await payouts.plan([])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"destination_address": "0x" + "0" * 40}, "line 7, id '1': destination_address"),
        ({"destination_address": "0x" + "ab" * 32}, "line 7, id '1': destination_address"),
        ({"destination_address": ADDRESS.replace("E", "e")}, "line 7, id '1': destination_address"),
        ({"destination_address": "0x1E3D68 48"}, "without spaces"),
        ({"destination_address": "ёлка"}, "line 7, id '1': destination_address"),
        ({"currency": "BTC", "destination_address": "tb1qw508d6qejxtdg4y5r3zarvary0c5xw7kxpjzsx"}, "line 7, id '1': "),
        ({"currency": "usdt"}, "did you mean 'USDT_ERC20' or 'USDT_BEP20'"),
        ({"amount": "nan"}, "line 7, id '1': amount"),
        ({"amount": -1}, "line 7, id '1': amount"),
        ({"amount": "1,5"}, "line 7, id '1': amount"),
        ({"amount": 0}, "line 7, id '1': amount"),
        ({"currency": "BTC", "destination_address": BITCOIN, "amount": "0.000000001"}, "line 7, id '1': amount"),
        ({"id": " 1"}, "line 7, id ' 1': id"),
        ({"id": "1\n"}, "control characters"),
        ({"id": 1}, "line 7: id must be a str"),
        ({"id": "x" * 201}, "at most 200"),
        ({"id": "\ud800"}, "surrogate"),
        ({"description": "x" * 501}, "line 7, id '1': description"),
        ({"check_address": "false"}, "check_address='false' must be True or False"),
        ({"replaces": 5}, "replaces=5 must be the id of a row"),
        ({"columns": {"a": 1}}, "columns"),
    ],
)
async def test_rows_that_cannot_be_paid_are_refused(
    changes: dict[str, Any], message: str, sandbox: Sandbox, path: Path
) -> None:
    """Each with its line and the remedy, and nothing is written."""
    facts: dict[str, Any] = {"id": "1", "amount": 1, "currency": COIN, "destination_address": ADDRESS, "line": 7}
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        payouts._account.testnet = False  # type: ignore[misc]
        with pytest.raises(PayoutPlanError) as caught:
            await payouts.plan([Payout(**{**facts, **changes})])
        assert message in str(caught.value)
        assert payouts.report().rows == ()


async def test_addresses_of_unknown_coins_and_on_demand_are_not_checked(sandbox: Sandbox, path: Path) -> None:
    """The server knows better, or the user takes the blame."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        plan = await payouts.check(
            [Payout("1", 1, "XMR", "4abc"), Payout("2", 1, COIN, ADDRESS.replace("E", "e"), check_address=False)]
        )
        assert len(plan.rows) == 2
        assert any("no balance of XMR" in text for text in plan.warnings)


async def test_a_run_pays_what_was_planned_and_not_the_file(sandbox: Sandbox, path: Path, tmp_path: Path) -> None:
    """A file that changes between plan and run changes no payout, and cannot be planned under the same ids."""
    file = tmp_path / "november.csv"
    text = f"id,amount,currency,destination_address\n1,10,{COIN},{ADDRESS}\n"
    write(file, text)
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        plan = await payouts.plan(read_payouts(file))
        write(file, text.replace("10", "900"))
        with pytest.raises(PayoutPlanError, match="line 2, id '1': the journal has this id with other data"):
            await payouts.plan(read_payouts(file))
        await payouts.run(batch=plan.batch, digest=plan.digest)
    assert [withdrawal.amount for withdrawal in made_by(sandbox)] == [10]


@pytest.mark.parametrize("batch", ["", " a", "a\n", "x" * 101])
async def test_names_of_batches_are_checked(batch: str, sandbox: Sandbox, path: Path) -> None:
    """They are typed by people, and shown to them."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        with pytest.raises(InvalidArgumentError, match="batch"):
            await payouts.plan(rows(1), batch=batch)


async def test_an_id_stands_for_one_payout(sandbox: Sandbox, path: Path) -> None:
    """An id with other data is refused; corrected data has a new id that replaces the old row."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        with pytest.raises(PayoutPlanError, match="other data"):
            await payouts.plan([Payout("row0", 11, COIN, ADDRESS)])
        with pytest.raises(PayoutPlanError, match="only refused, failed"):
            await payouts.plan([Payout("new", 10, COIN, OTHER, replaces="row0")])
        assert payouts.cancel("row0").status == "cancelled"
        plan = await payouts.plan([Payout("new", 10, COIN, ADDRESS, replaces="row0")])
        assert plan.warnings == ()
        with pytest.raises(InvalidArgumentError, match="is cancelled"):
            payouts.cancel("row0")


async def test_sums_and_similar_rows_are_reported(sandbox: Sandbox, path: Path) -> None:
    """More than the balance is an error, more than today's limit a warning, and so is a row that looks like another."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        with pytest.raises(PayoutPlanError, match="1000 are available"):
            await payouts.check([Payout("1", 1001, COIN, ADDRESS)])
        plan = await payouts.check([Payout("7", 10, COIN, ADDRESS), Payout("007", 10, COIN, ADDRESS)])
        assert any("leading zeros" in text for text in plan.warnings)
        assert any("same amount to the same address" in text for text in plan.warnings)
        assert payouts.report().rows == ()
        sandbox.deposit(COIN, 10**6)
        limit = (await client.balances.get(COIN)).limits
        assert limit is not None
        assert limit.daily is not None
        plan = await payouts.check([Payout("1", limit.daily.limit + 1, COIN, ADDRESS)])
        assert any("today's limit" in text for text in plan.warnings)


async def test_a_plan_needs_no_withdrawal_key_and_a_run_does(sandbox: Sandbox, path: Path) -> None:
    """Another person, who has the key, releases what the first one planned; a changed plan is refused."""
    async with client_of(sandbox, withdrawal_key=None) as client, AsyncPayouts(client, path) as payouts:
        plan = await payouts.plan(rows(2))
        with pytest.raises(ConfigurationError, match="withdrawal key"):
            await payouts.run()
        assert [row.status for row in payouts.report().rows] == ["planned"] * 2
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(3))
        with pytest.raises(InvalidArgumentError, match="not the approved"):
            await payouts.run(batch=plan.batch, digest=plan.digest)
        await payouts.plan([Payout("else", 1, COIN, OTHER)], batch="second")
        with pytest.raises(InvalidArgumentError, match="several batches"):
            await payouts.run()
        with pytest.raises(InvalidArgumentError, match="no batch 'third'"):
            await payouts.run(batch="third")
        with pytest.raises(InvalidArgumentError, match="already"):
            await payouts.plan([*rows(3), Payout("else", 1, COIN, OTHER)])
        assert (await payouts.run(batch="second")).is_complete
    assert len(made_by(sandbox)) == 1


async def test_a_lost_answer_is_a_doubt_that_proof_settles(sandbox: Sandbox, path: Path) -> None:
    """Without proof the row waits for a person; with it the next run repeats the request and finds the withdrawal."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows())
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        report = await payouts.run()
        (doubt,) = report.in_doubt
        assert (doubt.id, len(report.paid)) == ("row0", 2)
        assert doubt.evidence_before is not None
        assert doubt.evidence_after is not None
        report = await payouts.run()
        assert "not proven" in (report.in_doubt[0].reason or "")
    assert len(made_by(sandbox)) == 3
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        report = await payouts.run()
        assert len(report.paid) == 3
        assert report.paid[0].attempts == 2
    assert len(made_by(sandbox)) == 3


async def test_a_proof_is_kept_in_the_journal(sandbox: Sandbox, path: Path) -> None:
    """A proof of ``check`` in this process is used by the process that resumes the run."""
    from inventpay._transport import idempotency_proofs

    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        found = await client.check(
            idempotency="withdrawal", amount=1, currency=COIN, destination_address=OTHER, check_address=False
        )
        assert found.idempotency == "honoured"
        await payouts.plan(rows(1))
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        await payouts.run()
    idempotency_proofs._proven_at.clear()
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        report = await payouts.run(allow_other_withdrawals=True)
    assert [row.status for row in report.rows] == ["accepted"]


async def test_proving_keys_is_no_other_withdrawal(sandbox: Sandbox, path: Path) -> None:
    """The withdrawals of a proof are the journal's own, also where the API ignores keys and pays twice."""
    own = {"amount": 50, "currency": COIN, "destination_address": OTHER, "check_address": False}
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        await payouts.run()
        for honoured, verdict in ((True, "honoured"), (False, "ignored")):
            sandbox.idempotency.honoured = honoured
            assert (await payouts.prove(**own)).idempotency == verdict
        for withdrawal in made_by(sandbox):
            sandbox.complete_withdrawal(withdrawal.withdrawal_id)
        await payouts.plan(rows(2))
        assert (await payouts.run()).is_complete
        with pytest.raises(InvalidArgumentError, match="amount"):
            await payouts.prove(amount=0, currency=COIN, destination_address=OTHER)


@pytest.mark.parametrize(
    ("passed", "reason"), [(timedelta(hours=21), "older than 20 hours"), (timedelta(hours=-1), "behind the journal")]
)
async def test_a_doubt_that_is_too_old_or_a_clock_set_back_waits_for_a_person(
    passed: timedelta, reason: str, sandbox: Sandbox, path: Path
) -> None:
    """The API forgets keys after a day, and a clock that was set back cannot tell how old a request is."""
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        await payouts.run()
        clock_of(client).ahead += passed
        report = await payouts.run()
        assert reason in (report.in_doubt[0].reason or "")
    assert len(made_by(sandbox)) == 1


async def test_a_person_settles_a_doubt(sandbox: Sandbox, path: Path) -> None:
    """By a withdrawal that pays it, and by no other; or as not paid, but not in the first half hour."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows())
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        sandbox.faults.add(Fault.reset(), on=CREATE)
        report = await payouts.run()
        assert [row.id for row in report.in_doubt] == ["row0", "row1"]
        lost, other = made_by(sandbox)[0].withdrawal_id, report.paid[0].withdrawal_id
        with pytest.raises(InvalidArgumentError, match="pays the row 'row2'"):
            await payouts.settle("row0", withdrawal_id=other)
        with pytest.raises(InvalidArgumentError, match="its amount is 10, not 11"):
            await payouts.settle("row1", withdrawal_id=lost)
        with pytest.raises(InvalidArgumentError, match="either"):
            await payouts.settle("row1")
        assert (await payouts.settle("row0", withdrawal_id=lost, by="Ada")).status == "accepted"
        with pytest.raises(InvalidArgumentError, match="not in doubt"):
            await payouts.settle("row0", not_paid=True)
        with pytest.raises(InvalidArgumentError, match="may still arrive"):
            await payouts.settle("row1", not_paid=True)
        clock_of(client).ahead -= timedelta(minutes=31)
        with pytest.raises(InvalidArgumentError, match="may still arrive"):
            await payouts.settle("row1", not_paid=True)
        with pytest.raises(InvalidArgumentError, match="no row 'nope'"):
            await payouts.settle("nope", not_paid=True)
        clock_of(client).ahead += timedelta(minutes=62)
        settled = await payouts.settle("row1", not_paid=True, by="Ada", note="the dashboard has nothing")
        assert (settled.status, settled.settled_by, settled.note) == ("not paid", "Ada", "the dashboard has nothing")
        first_key = settled.idempotency_key
        (again,) = payouts.retry(["row1"])
        assert (again.status, again.attempt) == ("planned", 2)
        report = await payouts.run()
        assert report.is_complete
        assert report.rows[1].idempotency_key != first_key
    assert len(made_by(sandbox)) == 3


async def test_refusals_end_rows_and_equal_ones_the_run(sandbox: Sandbox, path: Path) -> None:
    """A refused row is no doubt and can be tried again; five equal refusals stop the run, and so does a refused key."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(9))
        for _ in range(5):
            sandbox.faults.add(Fault.error(400), on=CREATE)
        report = await payouts.run()
        assert (len(report.refused), len(report.planned)) == (5, 4)
        assert "5 equal refusals" in (report.stopped or "")
        sandbox.faults.add(Fault.error(403), on=CREATE)
        report = await payouts.run()
        assert "refused the key" in (report.stopped or "")
        assert (len(report.refused), len(report.planned)) == (5, 4)
        payouts.retry([row.id for row in report.refused])
        assert (await payouts.run()).is_complete
    assert len(made_by(sandbox)) == 9


async def test_unknown_outcomes_stop_the_run(sandbox: Sandbox, path: Path) -> None:
    """Five in a row are an outage, in which every further row would be in doubt too."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(8))
        for _ in range(6):
            sandbox.faults.add(Fault.reset(), on=CREATE)
        report = await payouts.run()
        assert (len(report.in_doubt), len(report.planned)) == (5, 3)
        assert "5 unknown outcomes" in (report.stopped or "")


async def test_unsent_rows_stay_planned(sandbox: Sandbox, path: Path) -> None:
    """Rows that no request left are planned still, and three in a row stop the run."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run(batch=(await payouts.plan(rows(2))).batch)
        await payouts.plan([Payout("more", 1, COIN, OTHER)])

        async def refused(*_: object, **__: object) -> None:
            raise APIConnectionError("no connection was made", outcome="not_sent")

        calls_of(payouts).create = refused
        report = await payouts.run()
        assert "3 rows in a row could not be sent" in (report.stopped or "")
        (left,) = report.planned
        assert (left.first_sent_at, left.attempts) == (None, 3)


async def test_the_limit_of_the_day_stops_the_run(sandbox: Sandbox, path: Path) -> None:
    """The rest stays planned, and the report says when it can go on."""
    sandbox.deposit(COIN, 10**6)
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        limits = (await client.balances.get(COIN)).limits
        assert limits is not None
        assert limits.daily is not None
        most = limits.daily.limit
        await payouts.plan([Payout("1", most - 5, COIN, ADDRESS), Payout("2", 10, COIN, ADDRESS)])
        report = await payouts.run()
        assert (report.stopped, [row.id for row in report.planned]) == ("daily limit", ["2"])
        assert report.resume_at is not None
        assert report.resume_at > datetime.now(UTC)


async def test_a_balance_that_falls_as_rows_are_paid_stops_no_resumed_plan(sandbox: Sandbox, path: Path) -> None:
    """Sums count rows that are still to be sent; the plan is made again although less than its sum is left."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        many = [Payout(str(n), 300, COIN, ADDRESS) for n in range(3)]
        await payouts.plan(many)

        def stop(progress: PayoutProgress) -> None:
            if progress.done == 2:
                raise RuntimeError("stopped")

        with pytest.raises(RuntimeError):
            await payouts.run(on_progress=stop)
        assert [row.status for row in payouts.report().rows] == ["accepted", "accepted", "planned"]
        plan = await payouts.plan(many)
        assert plan.sums == {COIN: 300}
        assert (await payouts.run()).is_complete


async def test_other_withdrawals_stop_the_run(sandbox: Sandbox, path: Path) -> None:
    """A rise of the total withdrawn that the journal's rows do not explain is reported before anything is sent."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run()
        elsewhere = await client.withdrawals.create(amount=200, currency=COIN, destination_address=OTHER)
        for withdrawal in made_by(sandbox):
            sandbox.complete_withdrawal(withdrawal.withdrawal_id)
        await payouts.plan([Payout("next", 5, COIN, OTHER)])
        with pytest.raises(JournalError, match="allow_other_withdrawals"):
            await payouts.run()
        assert (await payouts.run(allow_other_withdrawals=True)).is_complete
        assert elsewhere.withdrawal_id not in {row.withdrawal_id for row in payouts.report().rows}


async def test_a_journal_belongs_to_one_account_place_and_process(sandbox: Sandbox, path: Path, tmp_path: Path) -> None:
    """In use, of another API, of another merchant, and moved elsewhere: each is refused with what to do."""
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path) as payouts:
            await payouts.plan(rows(1))
            with pytest.raises(JournalError, match="in use"):
                AsyncPayouts(client, path)
        copy = tmp_path / "copy.sqlite3"
        shutil.copy(path, copy)
        async with AsyncPayouts(client, copy) as moved:
            with pytest.raises(JournalError, match="adopt"):
                await moved.run()
            moved.adopt()
            assert (await moved.run()).is_complete
        with closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE facts SET value = 'merchant other' WHERE name = 'account'")
            database.commit()
        async with AsyncPayouts(client, path) as payouts:
            with pytest.raises(JournalError, match="merchant other"):
                await payouts.plan(rows(1))
    async with AsyncInventPay("pk_live_1", base_url="http://127.0.0.1:9") as client:
        with pytest.raises(JournalError, match="another API"):
            AsyncPayouts(client, path)
        not_a_journal = tmp_path / "text.txt"
        not_a_journal.write_text("no database" * 100)
        with pytest.raises(JournalError, match="no journal"):
            AsyncPayouts(client, not_a_journal)
        with pytest.raises(JournalError, match="folder"):
            AsyncPayouts(client, tmp_path / "missing" / "j.sqlite3")


async def test_an_answer_that_names_another_rows_withdrawal_is_a_doubt(sandbox: Sandbox, path: Path) -> None:
    """One withdrawal pays one row, even if an answer names the withdrawal of another row."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        create: Callable[..., Any] = calls_of(payouts).create
        first: list[Any] = []

        async def same(**asked: Any) -> Any:
            if not first:
                first.append(await create(**asked))
            return first[0]

        calls_of(payouts).create = same
        report = await payouts.run()
    assert [row.status for row in report.rows] == ["accepted", "in doubt"]
    assert "which pays the row 'row0'" in (report.rows[1].reason or "")


async def test_a_key_that_was_used_before_is_reported(sandbox: Sandbox, path: Path, tmp_path: Path) -> None:
    """A second journal with the same rows meets the first one's withdrawals, and marks them as replayed."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        await payouts.run()
    sandbox.clock.advance(600)
    async with client_of(sandbox) as client, AsyncPayouts(client, tmp_path / "second.sqlite3") as payouts:
        clock_of(client).ahead += timedelta(minutes=10)
        await payouts.plan(rows(1))
        report = await payouts.run()
        assert report.rows[0].replayed
        assert report.warnings
    assert len(made_by(sandbox)) == 1


async def test_a_full_disk_loses_nothing(sandbox: Sandbox, path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Before the request nothing is sent; after it the id is in the error and in the log, and the row in doubt."""
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        database = payouts._journal._database
        create: Callable[..., Any] = calls_of(payouts).create

        async def fills_up(**asked: Any) -> Any:
            made = await create(**asked)
            database.execute("PRAGMA query_only = ON")
            return made

        calls_of(payouts).create = fills_up
        with pytest.raises(JournalError) as caught:
            await payouts.run()
        (made,) = made_by(sandbox)
        assert caught.value.resource_id == made.withdrawal_id
        assert made.withdrawal_id in caplog.text
        with pytest.raises(JournalError):
            await payouts.run()
        assert len(made_by(sandbox)) == 1
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        report = await payouts.run()
        assert report.is_complete
    assert len(made_by(sandbox)) == 2


async def test_two_calls_at_once_are_refused(sandbox: Sandbox, path: Path) -> None:
    """A call of another thread or task would send the same row; ``cancel`` and ``report`` may run meanwhile."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(3))
        found: list[str] = []

        def meddle(progress: PayoutProgress) -> None:
            if progress.done == 1:
                payouts.cancel("row1")
                with pytest.raises(JournalError, match="another call"), payouts._alone():
                    found.append("two at once")

        report = await payouts.run(on_progress=meddle)
        assert [row.status for row in report.rows] == ["accepted", "cancelled", "accepted"]
        assert not found
    assert len(made_by(sandbox)) == 2


class Cut(BaseException):
    """Ends a run as a cancellation or a second Ctrl-C does."""


@pytest.mark.parametrize("moment", ["written", "before the request"])
@pytest.mark.parametrize("is_doubtful", [False, True])
async def test_a_run_that_ends_before_a_request_leaves_no_new_doubt(
    sandbox: Sandbox, path: Path, moment: str, is_doubtful: bool
) -> None:
    """A cancellation while a row is written is no reason to call it sent: it is as it was, and paid later."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        if is_doubtful:
            sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE, times=1)
            assert len((await payouts.run()).in_doubt) == 1
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        before = payouts.report().rows
        cuts = [Cut()]

        def cut(change: PayoutRowChanged) -> None:
            if moment == "written" and cuts:
                raise cuts.pop()

        async def sleep(seconds: float) -> None:
            if moment == "before the request" and seconds == CANCELLATION_PAUSE and cuts:
                raise cuts.pop()

        payouts.add_hook(cut)
        clock_of(client).sleep = sleep  # type: ignore[method-assign]
        with pytest.raises(Cut):
            await payouts.run()
        assert payouts.report().rows == before
        report = await payouts.run()
        assert [row.status for row in report.rows] == ["accepted"]
    assert len(made_by(sandbox)) == 1


async def test_a_row_that_is_cancelled_while_its_balance_is_read_is_not_sent(sandbox: Sandbox, path: Path) -> None:
    """The state is checked in the transaction that writes the row before its request."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        account = payouts._account
        read = account.balance

        async def cancelled(currency: str) -> Any:
            if payouts.report().rows[0].status == "planned":
                payouts.cancel("row0")
            return await read(currency)

        account.balance = cancelled  # type: ignore[method-assign]
        report = await payouts.run()
        assert [row.status for row in report.rows] == ["cancelled", "accepted"]
    assert len(made_by(sandbox)) == 1


async def test_a_row_is_not_cancelled_in_a_transaction_of_the_run(sandbox: Sandbox, path: Path) -> None:
    """A thread that cancels while the run writes waits for its end, and meets the row as it is then."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        journal, now = payouts._journal, payouts._account.now()
        ended: list[object] = []

        def cancel() -> None:
            try:
                ended.append(payouts.cancel("row0"))
            except InvalidArgumentError as error:
                ended.append(error.message)

        thread = threading.Thread(target=cancel)
        with journal.transaction():
            thread.start()
            thread.join(0.2)
            assert thread.is_alive()
            journal.change("row0", now, expected="planned", status="sending")
        thread.join(10)
        assert ended == ["row 'row0' is sending; only planned rows can be cancelled"]
        assert payouts.report().rows[0].status == "sending"


async def test_a_doubt_settled_by_an_older_withdrawal_is_marked(sandbox: Sandbox, path: Path) -> None:
    """Last month's withdrawal of the same amount to the same address is not taken for this one without a word."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        row = rows(1)[0]
        former = await client.withdrawals.create(
            amount=row.amount, currency=row.currency, destination_address=row.destination_address
        )
        sandbox.clock.advance(3600)
        clock_of(client).ahead += timedelta(hours=1)
        await payouts.plan([row])
        sandbox.faults.add(Fault.reset(), on=CREATE)
        await payouts.run(allow_other_withdrawals=True)
        settled = await payouts.settle("row0", withdrawal_id=former.withdrawal_id)
        assert (settled.status, settled.replayed) == ("accepted", True)
        assert "before this row was sent" in str(settled.reason)
        assert any("row0" in warning for warning in payouts.report().warnings)


async def test_a_cancelled_row_is_paid_under_a_new_id(sandbox: Sandbox, path: Path) -> None:
    """A cancelled row is not tried again; the error says how it is paid after all, and that works."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        payouts.cancel("row0")
        with pytest.raises(InvalidArgumentError, match=r"is cancelled; .* plan it under a new id with replaces='row0'"):
            payouts.retry(["row0"])
        await payouts.plan([Payout("row0-2", 10, COIN, OTHER, replaces="row0")])
        assert [row.id for row in (await payouts.run()).paid] == ["row0-2"]
    assert len(made_by(sandbox)) == 1


async def test_a_row_is_replaced_once_and_never_tried_again(sandbox: Sandbox, path: Path) -> None:
    """Two rows in the place of one would pay twice, and so would the row beside the one that replaced it."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        sandbox.faults.add(Fault.error(400), on=CREATE)
        await payouts.run()
        first, second = (Payout(name, 10, COIN, OTHER, replaces="row0") for name in ("first", "second"))
        with pytest.raises(PayoutPlanError, match="'first' replaces already"):
            await payouts.plan([first, second])
        await payouts.plan([first])
        with pytest.raises(PayoutPlanError, match="'first' replaces already"):
            await payouts.plan([second])
        with pytest.raises(InvalidArgumentError, match="replaced by 'first'"):
            payouts.retry(["row0"])
        with pytest.raises(InvalidArgumentError, match="a list of ids"):
            payouts.retry("row0")
        assert len((await payouts.run()).paid) == 1
    assert len(made_by(sandbox)) == 1


async def test_a_withdrawal_of_an_earlier_attempt_pays_no_later_one(sandbox: Sandbox, path: Path) -> None:
    """An API that answers with the failed withdrawal again leaves the row in doubt; a person cannot settle by it."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        await payouts.run()
        (failed,) = made_by(sandbox)
        sandbox.fail_withdrawal(failed.withdrawal_id)
        assert [row.status for row in (await payouts.refresh()).rows] == ["failed"]
        payouts.retry(["row0", "row0"])
        assert payouts.report().rows[0].attempt == 2

        async def same(**_: Any) -> Any:
            return await client.withdrawals.get(failed.withdrawal_id)

        calls_of(payouts).create = same
        report = await payouts.run()
        assert "attempt 1 of this row" in (report.in_doubt[0].reason or "")
        with pytest.raises(InvalidArgumentError, match="an earlier attempt"):
            await payouts.settle("row0", withdrawal_id=failed.withdrawal_id)


async def test_a_rise_that_accepted_rows_explained_once_is_not_explained_again(sandbox: Sandbox, path: Path) -> None:
    """Rows that were accepted and never refreshed hide no second journal's withdrawals."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run()
        for withdrawal in made_by(sandbox):
            sandbox.complete_withdrawal(withdrawal.withdrawal_id)
        await payouts.plan([Payout("next", 5, COIN, OTHER)])
        assert (await payouts.run()).is_complete
        elsewhere = await client.withdrawals.create(amount=20, currency=COIN, destination_address=OTHER)
        for made in (made_by(sandbox)[2], elsewhere):
            sandbox.complete_withdrawal(made.withdrawal_id)
        await payouts.plan([Payout("last", 5, COIN, OTHER)])
        with pytest.raises(JournalError, match=r"^1[0-9.]+ USDT_BEP20 more were withdrawn"):
            await payouts.run()
        assert (await payouts.run(allow_other_withdrawals=True)).is_complete


async def test_a_withdrawal_elsewhere_in_the_middle_stops_the_run(sandbox: Sandbox, path: Path) -> None:
    """The rest stays planned, and the report says why."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(3))

        read = payouts._account.balance
        seen: list[Any] = []

        async def more(currency: str) -> Any:
            balance = await read(currency)
            seen.append(balance)
            return balance if len(seen) < 2 else evolve(balance, total_withdrawn=balance.total_withdrawn + 500)

        payouts._account.balance = more  # type: ignore[method-assign]
        report = await payouts.run()
        assert "more were withdrawn" in (report.stopped or "")
        assert [row.status for row in report.rows] == ["accepted", "planned", "planned"]


async def test_keys_and_header_of_a_doubt_are_those_of_its_request(sandbox: Sandbox, path: Path) -> None:
    """Under another withdrawal key or header the API would not find the key, and pay again."""
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        await payouts.run()
    other = RetryPolicy(trust_idempotency=True, idempotency_header="X-Request-Id")
    for options in ({"retry": other}, {"retry": TRUSTING, "withdrawal_key": "wk_live_another"}):
        async with client_of(sandbox, **options) as client, AsyncPayouts(client, path) as payouts:
            report = await payouts.run()
            assert "another API key, withdrawal key or idempotency header" in (report.in_doubt[0].reason or "")
    assert len(made_by(sandbox)) == 1


async def test_a_check_that_refutes_a_proof_ends_the_journals_proof_too(sandbox: Sandbox, path: Path) -> None:
    """Also where the check is made while the journal is open; an older proof in the file does not come back."""
    asked = {"amount": 1, "currency": COIN, "destination_address": OTHER, "check_address": False}
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path) as payouts:
            await payouts.plan(rows(1))
            assert (await client.check(idempotency="withdrawal", **asked)).idempotency == "honoured"
            sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
            await payouts.run()
        clock_of(client).ahead += timedelta(seconds=2)
        sandbox.idempotency.honoured = False
        assert (await client.check(idempotency="withdrawal", **asked)).idempotency == "ignored"
        async with AsyncPayouts(client, path) as payouts:
            report = await payouts.run(allow_other_withdrawals=True)
            assert "not proven" in (report.in_doubt[0].reason or "")


async def test_a_journal_is_found_through_links_and_kept_from_others(sandbox: Sandbox, path: Path) -> None:
    """Two names of one file are one journal; other people cannot read it; another program's database is refused."""
    link = path.with_name("link.sqlite3")
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path):
            link.symlink_to(path)
            with pytest.raises(JournalError, match="in use"):
                AsyncPayouts(client, link)
            assert os.stat(path).st_mode & 0o077 == 0
        other = path.with_name("app.sqlite3")
        with closing(sqlite3.connect(other)) as database:
            database.execute("CREATE TABLE payouts (id)")
        with pytest.raises(JournalError, match="another program"):
            AsyncPayouts(client, other)


async def test_a_journal_that_was_deleted_while_open_sends_nothing(sandbox: Sandbox, path: Path) -> None:
    """SQLite would write on into a file that no later run finds."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        os.rename(path, path.with_name("elsewhere.sqlite3"))
        with pytest.raises(JournalError, match="deleted or replaced"):
            await payouts.run()
    assert made_by(sandbox) == []


async def test_a_damaged_journal_is_refused(sandbox: Sandbox, path: Path) -> None:
    """A torn copy is found when it is opened, before anything is planned or sent by it."""
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path) as payouts:
            await payouts.plan([Payout(f"row{n}", 1, COIN, ADDRESS) for n in range(60)])
        with path.open("r+b") as file:
            file.seek(4096 * 2)
            file.write(bytes(4096 * 2))
        with pytest.raises(JournalError, match=r"damaged|cannot be used"):
            AsyncPayouts(client, path)


async def test_a_closed_journal_says_so(sandbox: Sandbox, path: Path) -> None:
    """Instead of an error of SQLite."""
    async with client_of(sandbox) as client:
        payouts = AsyncPayouts(client, path)
        await payouts.aclose()
        with pytest.raises(JournalError, match="is closed"):
            payouts.report()


async def test_the_same_file_next_month_is_reported_as_paid(sandbox: Sandbox, path: Path) -> None:
    """Ids that were paid are not paid again, and the plan says so."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run()
        assert (await payouts.plan(rows(2))).warnings == ()
        clock_of(client).ahead += timedelta(days=30)
        sandbox.clock.advance(30 * 86400)
        plan = await payouts.plan(rows(2))
        assert "2 of 2 rows were paid already, such as 'row0' on" in plan.warnings[0]
        assert "amounts include the fee" in str(plan)


async def test_a_withdrawal_that_cannot_be_read_holds_no_other_back(sandbox: Sandbox, path: Path) -> None:
    """The rest is refreshed, and the report names the row."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        await payouts.run()
        for row in payouts.report().rows:
            sandbox.complete_withdrawal(row.withdrawal_id or "")
        sandbox.faults.add(Fault.error(404), on="GET /v1/withdrawal/{withdrawalId}")
        report = await payouts.refresh()
        assert [row.status for row in report.rows] == ["accepted", "completed"]
        assert report.warnings[0].startswith("'row0': withdrawal")


async def test_a_refused_key_stops_the_run_before_a_row_is_sent(sandbox: Sandbox, path: Path) -> None:
    """Also where the reading of the balance is refused."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        sandbox.faults.add(Fault.error(401), on="GET /v1/merchant/balance/{currency}")
        report = await payouts.run()
        assert "refused the key" in (report.stopped or "")
        assert len(report.planned) == 2


async def test_a_429_of_the_balance_is_waited_out(sandbox: Sandbox, path: Path) -> None:
    """More of them than rows may be unsent in a row."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        for _ in range(5):
            sandbox.faults.add(Fault.error(429), on="GET /v1/merchant/balance/{currency}")
        assert (await payouts.run()).is_complete


async def test_a_429_leaves_the_row_planned_while_it_waits(sandbox: Sandbox, path: Path) -> None:
    """A process that ends in such a wait has no row on the wire."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        sandbox.faults.add(Fault.error(429), on=CREATE)
        states: list[str] = []

        def note(progress: PayoutProgress) -> None:
            if progress.waiting:
                states.extend(row.status for row in payouts.report().rows)

        assert (await payouts.run(on_progress=note)).is_complete
        assert set(states) == {"planned"}


async def test_a_journal_without_merchant_belongs_to_the_keys_that_opened_it(sandbox: Sandbox, path: Path) -> None:
    """A balance may name the merchant in one answer and not in another; an unknown key is refused."""
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path) as payouts:
            await payouts.plan(rows(1))
        with closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE facts SET value = 'an API key' WHERE name = 'account'")
            database.commit()
        async with AsyncPayouts(client, path) as payouts:
            await payouts.plan(rows(1))
        with closing(sqlite3.connect(path)) as database:
            (account,) = database.execute("SELECT value FROM facts WHERE name = 'account'").fetchone()
            assert account.startswith("merchant ")
            database.execute("UPDATE facts SET value = 'an API key' WHERE name = 'account'")
            database.execute("DELETE FROM facts WHERE name LIKE 'key %'")
            database.commit()
        async with AsyncPayouts(client, path) as payouts:
            with pytest.raises(JournalError, match="another account"):
                await payouts.plan(rows(1))


async def test_the_run_waits_for_the_rate_limit_without_a_row_on_the_wire(path: Path) -> None:
    """The eleventh row waits for its token while it is still planned, and the progress says how long."""
    sandbox = Sandbox(api_key=new_key(), withdrawal_key="wk_live_of_payouts")
    sandbox.deposit(COIN, 1000)
    waits: list[PayoutProgress] = []
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(12))

        def note(progress: PayoutProgress) -> None:
            if progress.row is None:
                waits.append(progress)
                assert all(row.status != "sending" for row in payouts.report().rows)
                # No request was begun for them: the journal never called them sent.
                assert [row.attempts for row in payouts.report().planned] == [0, 0]
                raise RuntimeError("seen")

        with pytest.raises(RuntimeError):
            await payouts.run(on_progress=note)
    (wait,) = waits
    assert (wait.done, wait.left) == (10, 2)
    assert wait.waiting > 50
    assert wait.expected_end is not None
    # The next row goes after the wait, and the last one a tenth of a minute later.
    assert abs(wait.expected_end - datetime.now(UTC) - timedelta(seconds=wait.waiting + 6)) < timedelta(seconds=3)
    assert "waiting" in str(wait)


async def test_ctrl_c_ends_the_run_after_the_row_on_the_wire(sandbox: Sandbox, path: Path) -> None:
    """Once: the row is written and the rest stays planned. Twice: the run is aborted at once."""
    former = signal.getsignal(signal.SIGINT)
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(3))
        create: Callable[..., Any] = calls_of(payouts).create
        presses = 1

        async def pressed(**asked: Any) -> Any:
            for _ in range(presses):
                signal.raise_signal(signal.SIGINT)
            return await create(**asked)

        calls_of(payouts).create = pressed
        signal.signal(signal.SIGINT, signal.default_int_handler)
        try:
            report = await payouts.run()
            assert report.stopped == "interrupted"
            assert [row.status for row in report.rows] == ["accepted", "planned", "planned"]
            presses = 2
            with pytest.raises(KeyboardInterrupt):
                await payouts.run()
            assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
        finally:
            signal.signal(signal.SIGINT, former)
        assert [row.status for row in payouts.report().rows] == ["accepted", "in doubt", "planned"]


async def test_a_new_key_of_the_same_merchant_opens_the_journal(sandbox: Sandbox, path: Path) -> None:
    """Rows in doubt that were sent with the old key wait for a person: the new one is another name at the API."""
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(2))
        sandbox.faults.add(Fault.reset(after_effect=True), on=CREATE)
        await payouts.run()
    sandbox.api_key = new_key()
    async with client_of(sandbox, retry=TRUSTING) as client, AsyncPayouts(client, path) as payouts:
        report = await payouts.run()
        assert "another API key" in (report.in_doubt[0].reason or "")
        assert len(report.paid) == 1


async def test_a_later_format_is_refused(sandbox: Sandbox, path: Path) -> None:
    """A journal of a version to come is left as it is."""
    async with client_of(sandbox) as client:
        async with AsyncPayouts(client, path):
            pass
        with closing(sqlite3.connect(path)) as database:
            database.execute("UPDATE facts SET value = '9' WHERE name = 'format'")
            database.commit()
        with pytest.raises(JournalError, match="format 9"):
            AsyncPayouts(client, path)


async def test_every_change_is_noted(sandbox: Sandbox, path: Path) -> None:
    """The table of changes has the history of each row."""
    async with client_of(sandbox) as client, AsyncPayouts(client, path) as payouts:
        await payouts.plan(rows(1))
        await payouts.run()
    with closing(sqlite3.connect(path)) as database:
        assert [status for (status,) in database.execute("SELECT status FROM changes ORDER BY number")] == [
            "planned",
            "sending",
            "accepted",
        ]
