"""The steps of a withdrawal, its fees and its limits."""

from __future__ import annotations

import contextlib
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from inventpay.sandbox import ManualClock, Sandbox, SandboxError, Withdrawal, WithdrawalStatus
from inventpay.sandbox.merchant.coins import COINS
from inventpay.sandbox.merchant.payments import NewPayment
from inventpay.sandbox.merchant.withdrawals import NewWithdrawal

DAY = 24 * 60 * 60


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(clock: ManualClock) -> Sandbox:
    sandbox = Sandbox(clock=clock)
    sandbox.deposit("USDT_BEP20", 50_000)
    return sandbox


def withdraw(sandbox: Sandbox, amount: int | str, currency: str = "USDT_BEP20") -> Withdrawal:
    new = NewWithdrawal(amount=Decimal(amount), coin=COINS[currency], destination_address="0x" + "a" * 40)
    return sandbox.state.create_withdrawal(new)[0]


def used(sandbox: Sandbox) -> tuple[Decimal, Decimal]:
    limits = sandbox.state.balance(COINS["USDT_BEP20"]).limits
    return limits["daily"].used, limits["monthly"].used


def test_fees_come_out_of_the_amount(sandbox: Sandbox) -> None:
    """10 USDT_BEP20 cost 0.001 + 0.5 %, as in the only known sample, and the rest is the net amount."""
    withdrawal = withdraw(sandbox, 10)
    assert (withdrawal.network_fee, withdrawal.service_fee) == (Decimal("0.001"), Decimal("0.05"))
    assert (withdrawal.fee, withdrawal.net) == (Decimal("0.051"), Decimal("9.949"))


def test_creating_locks_the_amount_and_completing_pays_it_out(sandbox: Sandbox) -> None:
    """The amount moves from available to locked, and from there to the destination and the fees."""
    withdrawal = withdraw(sandbox, 10)
    balance = sandbox.balance("USDT_BEP20")
    assert (balance.available, balance.locked, balance.withdrawn) == (49_990, 10, 0)
    assert sandbox.complete_withdrawal(withdrawal.withdrawal_id).status is WithdrawalStatus.COMPLETED
    balance = sandbox.balance("USDT_BEP20")
    assert (balance.available, balance.locked) == (49_990, 0)
    assert (balance.withdrawn, balance.fees) == (Decimal("9.949"), Decimal("0.051"))


def test_a_failed_withdrawal_gives_everything_back(sandbox: Sandbox) -> None:
    """The amount is available again, the limits are as before, and the reason is kept."""
    withdrawal = withdraw(sandbox, 10)
    assert used(sandbox) == (10, 10)
    assert sandbox.fail_withdrawal(withdrawal.withdrawal_id, "no gas").failure_reason == "no gas"
    balance = sandbox.balance("USDT_BEP20")
    assert (balance.available, balance.locked) == (50_000, 0)
    assert used(sandbox) == (0, 0)


def test_the_steps_of_a_withdrawal_have_their_times(sandbox: Sandbox, clock: ManualClock) -> None:
    """Processing and completion are dated when they happen, and there is a transaction hash from processing on."""
    withdrawal = withdraw(sandbox, 10)
    assert withdrawal.transaction_hash is None
    clock.advance(5)
    processing = sandbox.process_withdrawal(withdrawal.withdrawal_id)
    assert (processing.status, processing.processed_at) == (WithdrawalStatus.PROCESSING, clock())
    assert processing.transaction_hash is not None
    clock.advance(5)
    completed = sandbox.complete_withdrawal(withdrawal.withdrawal_id)
    assert (completed.processed_at, completed.completed_at) == (clock() - 5, clock())
    assert completed.transaction_hash == processing.transaction_hash


@pytest.mark.parametrize("end", ["complete_withdrawal", "fail_withdrawal"])
@pytest.mark.parametrize("then", ["process_withdrawal", "complete_withdrawal", "fail_withdrawal"])
def test_an_ended_withdrawal_does_not_change_any_more(sandbox: Sandbox, end: str, then: str) -> None:
    """Completed and failed withdrawals refuse every further step with 409, and money moves once only."""
    withdrawal_id = withdraw(sandbox, 10).withdrawal_id
    getattr(sandbox, end)(withdrawal_id)
    before = sandbox.balance("USDT_BEP20")
    with pytest.raises(SandboxError) as caught:
        getattr(sandbox, then)(withdrawal_id)
    assert caught.value.status == 409
    assert sandbox.balance("USDT_BEP20") == before


def test_more_than_is_available_is_refused(sandbox: Sandbox) -> None:
    """A withdrawal above the available balance is a 400 that says what is there, and locks nothing."""
    sandbox.deposit("BTC", "0.5")
    with pytest.raises(SandboxError, match=r"Insufficient balance \(amount: Only 0.5 BTC is available\)") as caught:
        withdraw(sandbox, "0.50000001", "BTC")
    assert caught.value.status == 400
    assert sandbox.balance("BTC").locked == 0


def test_the_daily_limit_is_used_up_and_returns_at_midnight(sandbox: Sandbox, clock: ManualClock) -> None:
    """The last unit of the day's 10,000 passes, the next does not, and after midnight UTC it does."""
    withdraw(sandbox, 9_000)
    withdraw(sandbox, 1_000)
    with pytest.raises(SandboxError, match="Only 0 USDT_BEP20 is left of the daily limit") as caught:
        withdraw(sandbox, 1)
    assert caught.value.status == 400
    # The clock starts at noon.
    clock.advance(DAY / 2 - 1)
    assert used(sandbox) == (10_000, 10_000)
    clock.advance(1)
    assert used(sandbox) == (0, 10_000)
    withdraw(sandbox, 1)


def test_the_monthly_limit_returns_with_the_next_month(sandbox: Sandbox, clock: ManualClock) -> None:
    """100,000 in a month is the end until the first of the next one."""
    sandbox.deposit("USDT_BEP20", 100_000)
    for _ in range(10):
        withdraw(sandbox, 10_000)
        clock.advance(DAY)
    with pytest.raises(SandboxError, match="left of the monthly limit"):
        withdraw(sandbox, 1)
    clock.advance(21 * DAY)
    withdraw(sandbox, 1)
    assert used(sandbox) == (1, 1)


def test_a_failure_in_a_later_period_gives_back_nothing_of_it(sandbox: Sandbox, clock: ManualClock) -> None:
    """Yesterday's failed withdrawal does not raise today's limit, but it does raise the month's."""
    yesterday = withdraw(sandbox, 10)
    clock.advance(DAY)
    withdraw(sandbox, 5)
    sandbox.fail_withdrawal(yesterday.withdrawal_id)
    assert used(sandbox) == (5, 5)


@pytest.mark.parametrize(
    ("amount", "complaint"),
    [("0.0000000000000000001", "at most 18 decimal places"), ("0.001", "greater than the fee, which is 0.001005")],
)
def test_amounts_that_cannot_be_sent_are_refused(sandbox: Sandbox, amount: str, complaint: str) -> None:
    """An amount finer than the coin, or eaten up by its fees, is a 400 with the rule."""
    with pytest.raises(SandboxError, match=complaint) as caught:
        withdraw(sandbox, amount)
    assert caught.value.status == 400


def test_an_unknown_withdrawal_is_not_found(sandbox: Sandbox) -> None:
    """Each step on an id that names no withdrawal is a 404."""
    for step in (sandbox.withdrawal, sandbox.process_withdrawal, sandbox.complete_withdrawal, sandbox.fail_withdrawal):
        with pytest.raises(SandboxError, match="Withdrawal not found") as caught:
            step("cmh0")
        assert caught.value.status == 404


def test_a_deposit_must_fit_its_coin(sandbox: Sandbox) -> None:
    """A deposit finer than the coin's smallest unit is refused."""
    with pytest.raises(SandboxError, match="at most 8 decimal places for BTC"):
        sandbox.deposit("BTC", "0.000000001")


steps = st.lists(
    st.tuples(
        st.sampled_from(["deposit", "pay", "underpay", "withdraw", "process", "complete", "fail", "tick"]),
        st.integers(0, 5),
        st.decimals(Decimal("0.00000001"), Decimal(9000), places=8),
    ),
    max_size=30,
)


@given(steps)
def test_money_is_neither_made_nor_lost(actions: list[tuple[str, int, Decimal]]) -> None:
    """For any steps, earned = available + locked + withdrawn + fees, no part is negative, and limits hold."""
    clock = ManualClock()
    sandbox = Sandbox(clock=clock)
    payments: list[str] = []
    withdrawals: list[str] = []
    for action, index, amount in actions:
        with contextlib.suppress(SandboxError):
            if action == "deposit":
                sandbox.deposit("BTC", amount)
            elif action in ("pay", "underpay"):
                new = NewPayment(amount=amount, amount_currency="BTC", coin=COINS["BTC"], lifetime=1800.0)
                payments.append(sandbox.state.create_payment(new).payment_id)
                getattr(sandbox, action)(payments[index % len(payments)])
            elif action == "withdraw":
                withdrawals.append(withdraw(sandbox, str(amount), "BTC").withdrawal_id)
            elif action == "tick":
                clock.advance(index * 6 * 60 * 60)
            elif withdrawals:
                getattr(sandbox, f"{action}_withdrawal")(withdrawals[index % len(withdrawals)])
        balance = sandbox.balance("BTC")
        view = sandbox.state.balance(COINS["BTC"])
        parts = (balance.available, balance.locked, balance.withdrawn, balance.fees)
        assert sum(parts) == balance.earned
        assert min(parts) >= 0
        assert view.pending >= 0
        for limit in view.limits.values():
            assert 0 <= limit.used <= limit.limit
            assert limit.reset_at > clock()
