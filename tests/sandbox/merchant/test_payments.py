"""The steps of a payment or invoice, from its creation to its end."""

from __future__ import annotations

from decimal import Decimal

import pytest

from inventpay.sandbox import ManualClock, Payment, PaymentStatus, Sandbox, SandboxError
from inventpay.sandbox.merchant.coins import COINS
from inventpay.sandbox.merchant.payments import NewPayment


@pytest.fixture
def clock() -> ManualClock:
    return ManualClock()


@pytest.fixture
def sandbox(clock: ManualClock) -> Sandbox:
    return Sandbox(clock=clock)


def payment_in(sandbox: Sandbox, currency: str | None, amount: str = "29.99") -> Payment:
    coin = None if currency is None else COINS[currency]
    new = NewPayment(amount=Decimal(amount), amount_currency="USD", coin=coin, lifetime=1800.0)
    return sandbox.state.create_payment(new)


def test_paying_all_completes_and_credits_exactly_the_amount(sandbox: Sandbox, clock: ManualClock) -> None:
    """A payment paid in full is COMPLETED at that time, and the balance rises by its amount, once."""
    payment = payment_in(sandbox, "USDT_BEP20")
    clock.advance(60)
    paid = sandbox.pay(payment.payment_id)
    assert paid.status is PaymentStatus.COMPLETED
    assert paid.completed_at == clock()
    assert paid.confirmations == 12
    assert sandbox.balance("USDT_BEP20").available == Decimal("29.99")
    assert sandbox.balance("USDT_BEP20").earned == Decimal("29.99")
    assert sandbox.balance("BTC").available == 0


def test_funds_without_confirmations_are_pending_until_confirmed(sandbox: Sandbox) -> None:
    """Received funds show at once, count as pending balance, and complete the payment when confirmed enough."""
    payment = payment_in(sandbox, "BTC", "41.5")
    seen = sandbox.pay(payment.payment_id, confirmations=0)
    assert (seen.status, seen.received, seen.confirmations) == (PaymentStatus.PENDING, Decimal("0.001"), 0)
    assert sandbox.state.balance(COINS["BTC"]).pending == Decimal("0.001")
    assert sandbox.state.balance(COINS["LTC"]).pending == 0
    assert sandbox.confirm(payment.payment_id, 2).status is PaymentStatus.PENDING
    assert sandbox.confirm(payment.payment_id).status is PaymentStatus.COMPLETED
    assert sandbox.state.balance(COINS["BTC"]).pending == 0
    assert sandbox.balance("BTC").available == Decimal("0.001")


def test_underpaid_payment_can_be_topped_up(sandbox: Sandbox) -> None:
    """Too little but confirmed is UNDERPAID; the missing rest completes it, and all of it is credited."""
    payment = payment_in(sandbox, "USDT_BEP20", "30")
    part = sandbox.underpay(payment.payment_id)
    assert (part.status, part.received) == (PaymentStatus.UNDERPAID, Decimal(15))
    assert sandbox.underpay(payment.payment_id, "14.5").received == Decimal("29.5")
    assert sandbox.pay(payment.payment_id).status is PaymentStatus.COMPLETED
    assert sandbox.balance("USDT_BEP20").available == Decimal(30)


@pytest.mark.parametrize("amount", [30, "30.01", None])
def test_underpaying_needs_less_than_is_missing(sandbox: Sandbox, amount: int | str | None) -> None:
    """An underpayment that would be enough, or that is too small to exist, is refused."""
    # One smallest unit cannot be halved.
    payment = payment_in(sandbox, "USDT_ERC20", "30" if amount else "0.000001")
    with pytest.raises(SandboxError, match="Must be less than the missing") as caught:
        sandbox.underpay(payment.payment_id, amount)
    assert caught.value.status == 400


def test_overpaying_credits_what_was_received(sandbox: Sandbox) -> None:
    """More than was asked completes the payment, and no part of it gets lost."""
    payment = payment_in(sandbox, "LTC")
    assert sandbox.pay(payment.payment_id, 2).status is PaymentStatus.COMPLETED
    assert sandbox.balance("LTC").available == Decimal(2)


def test_a_payment_expires_by_the_clock(sandbox: Sandbox, clock: ManualClock) -> None:
    """It is PENDING until just before its time is up and EXPIRED from then on, without anyone asking before."""
    payment = payment_in(sandbox, "BTC")
    clock.advance(1799.9)
    assert sandbox.payment(payment.payment_id).status is PaymentStatus.PENDING
    clock.advance(0.1)
    assert sandbox.payment(payment.payment_id).status is PaymentStatus.EXPIRED
    assert sandbox.payment(payment.payment_id).expires_at == payment.created_at + 1800


def test_what_an_expired_payment_received_is_neither_pending_nor_credited(sandbox: Sandbox, clock: ManualClock) -> None:
    """Funds of a payment that was not completed in time leave the pending balance and do not reach the merchant."""
    payment = payment_in(sandbox, "ETH")
    sandbox.underpay(payment.payment_id, "0.001")
    clock.advance(1800)
    assert sandbox.state.balance(COINS["ETH"]).pending == 0
    assert sandbox.balance("ETH").available == 0
    assert sandbox.payment(payment.payment_id).received == Decimal("0.001")


@pytest.mark.parametrize("end", ["expire", "fail", "pay"])
@pytest.mark.parametrize("then", ["pay", "underpay", "confirm", "expire", "fail"])
@pytest.mark.parametrize("currency", ["BTC", None])
def test_an_ended_payment_does_not_change_any_more(
    clock: ManualClock, end: str, then: str, currency: str | None
) -> None:
    """Without late payments, expired, failed and completed payments refuse every further step with 409."""
    sandbox = Sandbox(clock=clock, late_payments=False)
    payment_id = payment_in(sandbox, currency).payment_id
    if end == "pay":
        sandbox.pay(payment_id, currency="BTC")
    else:
        getattr(sandbox, end)(payment_id)
    before = sandbox.payment(payment_id)
    with pytest.raises(SandboxError, match="cannot change any more") as caught:
        getattr(sandbox, then)(payment_id)
    assert caught.value.status == 409
    assert sandbox.payment(payment_id) == before


def test_expiring_by_hand_ends_the_time_now(sandbox: Sandbox, clock: ManualClock) -> None:
    """The lifetime of a payment that is expired by a call ends at that time."""
    payment = payment_in(sandbox, "BTC")
    clock.advance(10)
    assert sandbox.expire(payment.payment_id).expires_at == clock()


def test_an_invoice_waits_for_its_payers_choice(sandbox: Sandbox) -> None:
    """Without a coin nothing can be paid; with one there is an address and an amount, and no second choice."""
    invoice = payment_in(sandbox, None, "150")
    assert invoice.address is None
    for step in (sandbox.pay, sandbox.underpay, sandbox.confirm):
        with pytest.raises(SandboxError, match="The payer has not chosen one yet"):
            step(invoice.payment_id)
    chosen = sandbox.select(invoice.payment_id, "SOL")
    assert (chosen.required, chosen.coin) == (Decimal(1), COINS["SOL"])
    assert chosen.address is not None
    with pytest.raises(SandboxError, match="already in SOL") as caught:
        sandbox.select(invoice.payment_id, "BTC")
    assert caught.value.status == 409


def test_paying_in_a_coin_chooses_it_or_must_match(sandbox: Sandbox) -> None:
    """Naming a currency selects it for an undecided invoice; for a payment it must be the payment's own."""
    invoice = payment_in(sandbox, None)
    assert sandbox.pay(invoice.payment_id, currency="LTC").status is PaymentStatus.COMPLETED
    payment = payment_in(sandbox, "BTC")
    with pytest.raises(SandboxError, match="Must be BTC, the currency of this payment"):
        sandbox.pay(payment.payment_id, currency="LTC")
    assert sandbox.pay(payment.payment_id, currency="BTC").status is PaymentStatus.COMPLETED


def test_confirming_needs_something_received(sandbox: Sandbox) -> None:
    """There is nothing to confirm before the first transfer, and confirmations are not negative."""
    payment = payment_in(sandbox, "BTC")
    with pytest.raises(SandboxError, match="Nothing has been received"):
        sandbox.confirm(payment.payment_id)
    with pytest.raises(SandboxError, match="confirmations: Must be at least 0"):
        sandbox.pay(payment.payment_id, confirmations=-1)
    assert sandbox.payment(payment.payment_id).received == 0


def test_paying_again_while_unconfirmed_needs_an_amount(sandbox: Sandbox) -> None:
    """When everything has arrived, a second default payment is refused instead of paying nothing or twice."""
    payment = payment_in(sandbox, "BTC")
    sandbox.pay(payment.payment_id, confirmations=1)
    with pytest.raises(SandboxError, match="Everything has been received already") as caught:
        sandbox.pay(payment.payment_id)
    assert caught.value.status == 409


@pytest.mark.parametrize("amount", ["0.000000001", 0, -1, 0.5, "x"])
def test_impossible_transfers_are_refused(sandbox: Sandbox, amount: object) -> None:
    """A transfer finer than the coin's smallest unit, or no positive exact number, is a 400."""
    payment = payment_in(sandbox, "BTC")
    with pytest.raises(SandboxError, match="amount: Must") as caught:
        sandbox.pay(payment.payment_id, amount)  # type: ignore[arg-type]
    assert caught.value.status == 400


def test_unknown_ids_and_coins_are_refused(sandbox: Sandbox) -> None:
    """An id that names no payment is a 404, a coin that does not exist a 400."""
    with pytest.raises(SandboxError, match="Payment not found") as caught:
        sandbox.pay("cmh0")
    assert caught.value.status == 404
    with pytest.raises(SandboxError, match="Invalid currency") as caught:
        sandbox.select(payment_in(sandbox, None).payment_id, "DOGE")
    assert caught.value.status == 400


def test_a_late_transfer_completes_an_expired_payment(sandbox: Sandbox, clock: ManualClock) -> None:
    """All of the amount after EXPIRED completes the payment then, and is credited exactly."""
    payment = payment_in(sandbox, "USDT_BEP20", "30")
    clock.advance(3600)
    assert sandbox.payment(payment.payment_id).status is PaymentStatus.EXPIRED
    clock.advance(60)
    late = sandbox.pay(payment.payment_id)
    assert (late.status, late.completed_at, late.received) == (PaymentStatus.COMPLETED, clock(), Decimal(30))
    assert sandbox.balance("USDT_BEP20").available == Decimal(30)


def test_a_late_transfer_that_is_too_little_is_shown_and_not_credited(sandbox: Sandbox) -> None:
    """The payment stays EXPIRED until the rest is there, confirmed; then all of it is credited once."""
    payment = payment_in(sandbox, "USDT_BEP20", "30")
    sandbox.underpay(payment.payment_id, 10)
    sandbox.expire(payment.payment_id)
    for received in (Decimal(15), Decimal(20)):
        part = sandbox.underpay(payment.payment_id, 5)
        assert (part.status, part.received) == (PaymentStatus.EXPIRED, received)
    assert sandbox.balance("USDT_BEP20").available == 0
    assert sandbox.pay(payment.payment_id, confirmations=0).status is PaymentStatus.EXPIRED
    assert sandbox.confirm(payment.payment_id).status is PaymentStatus.COMPLETED
    assert sandbox.balance("USDT_BEP20").available == Decimal(30)
    with pytest.raises(SandboxError, match="COMPLETED and cannot change"):
        sandbox.pay(payment.payment_id, 1)


@pytest.mark.parametrize("play", ["pay", "underpay", "confirm"])
def test_late_payments_can_be_switched_off(play: str, clock: ManualClock) -> None:
    """Then an expired payment refuses transfers with 409, and nothing changes."""
    sandbox = Sandbox(clock=clock, late_payments=False)
    payment = payment_in(sandbox, "BTC", "41.5")
    sandbox.underpay(payment.payment_id)
    expired = sandbox.expire(payment.payment_id)
    with pytest.raises(SandboxError, match="Payment is EXPIRED") as caught:
        getattr(sandbox, play)(payment.payment_id)
    assert (caught.value.status, sandbox.payment(payment.payment_id)) == (409, expired)


def test_an_invoice_that_expired_without_a_coin_has_no_address_to_pay_to(sandbox: Sandbox) -> None:
    """Choosing a coin is refused after the end, late payments or not."""
    invoice = payment_in(sandbox, None)
    sandbox.expire(invoice.payment_id)
    with pytest.raises(SandboxError, match="EXPIRED, and no coin was chosen: there is no address"):
        sandbox.pay(invoice.payment_id, currency="BTC")
