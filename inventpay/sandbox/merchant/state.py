"""The sandbox's records: one merchant's payments, withdrawals and balances, behind one lock.

The rules are in ``payments``, ``withdrawals`` and ``balances``; this file holds the records and keeps them consistent.
Records are immutable, so a returned record never changes.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from decimal import Decimal
from itertools import islice
from typing import Protocol

import attrs

from ..clock import Clock
from ..errors import invalid, not_found
from . import balances, payments, withdrawals
from .addresses import Addresses, address
from .balances import Balance
from .coins import COINS, Coin
from .ids import new_id
from .money import add, decimal_places, half, plain, total
from .payments import NewPayment, Payment, PaymentStatus
from .withdrawals import NewWithdrawal, Withdrawal


class Observer(Protocol):
    """The interface of a listener, called for each step of a record in order; ``before`` is ``None`` for a new one.

    It is called during the step, so it must neither wait nor call the state.
    """

    def payment_changed(self, before: Payment | None, after: Payment, now: float) -> None:
        """Take a step of a payment."""
        ...

    def withdrawal_changed(self, before: Withdrawal | None, after: Withdrawal, now: float) -> None:
        """Take a step of a withdrawal."""
        ...


@attrs.frozen
class BalanceView:
    """A balance with its time-dependent parts: ``pending`` (received but not yet credited) and the limits."""

    balance: Balance
    pending: Decimal
    limits: dict[str, balances.Limit]


class State:
    """The merchant's records. Every method is one atomic step and may be called from any thread.

    Raises ``SandboxError``: 404 for an unknown id, 409 when the record's status forbids the step, 400 for a bad amount.
    """

    def __init__(self, clock: Clock, *, addresses: Addresses = "safe", late_payments: bool = True) -> None:
        self._clock = clock
        self._addresses: Addresses = addresses
        self.late_payments: bool = late_payments
        """Whether transfers that arrive after a payment expired count."""
        self._lock = threading.RLock()
        self.observers: list[Observer] = []
        self.reset()

    def reset(self) -> None:
        """Delete all records."""
        with self._lock:
            self._payments: dict[str, Payment] = {}
            self._withdrawals: dict[str, Withdrawal] = {}
            self._balances = {code: Balance(currency=code) for code in COINS}
            # Open payments that have received something, so that a balance need not look at all payments.
            self._funded: set[str] = set()

    def records(self) -> tuple[list[Payment], list[Withdrawal], list[Balance]]:
        """Return all records, oldest first."""
        with self._lock:
            return list(self._payments.values()), list(self._withdrawals.values()), list(self._balances.values())

    def restore(
        self, payments: Iterable[Payment], withdrawals: Iterable[Withdrawal], balances: Iterable[Balance]
    ) -> None:
        """Replace all records, without calling the observer."""
        with self._lock:
            self.reset()
            self._payments = {payment.payment_id: payment for payment in payments}
            self._withdrawals = {withdrawal.withdrawal_id: withdrawal for withdrawal in withdrawals}
            self._balances.update({balance.currency: balance for balance in balances if balance.currency in COINS})
            self._funded = {one.payment_id for one in self._payments.values() if one.is_open and one.received}

    # Payments

    def create_payment(self, new: NewPayment) -> Payment:
        """Create a payment."""
        with self._lock:
            payment = payments.create(new_id(), new, self._clock(), self._address)
            self._payments[payment.payment_id] = payment
            self._emit_payment(None, payment)
            return payment

    def payment(self, payment_id: str) -> Payment:
        """Return the payment in its present state."""
        return self._change_payment(payment_id, lambda payment, now: payment)

    def select(self, payment_id: str, coin: Coin) -> Payment:
        """Set the coin that the payer chose."""
        return self._change_payment(payment_id, lambda payment, now: payments.select(payment, coin, self._address))

    def pay(self, payment_id: str, amount: Decimal | None, coin: Coin | None, confirmations: int | None) -> Payment:
        """Add a transfer: by default the missing amount, in the payment's coin, with enough confirmations."""

        def change(payment: Payment, now: float) -> Payment:
            payment = self._in_coin(payment, coin)
            required_confirmations = payments.chosen(payment)[0].confirmations
            return payments.receive(
                payment,
                payments.missing(payment, late=self.late_payments) if amount is None else amount,
                required_confirmations if confirmations is None else confirmations,
                now,
                late=self.late_payments,
            )

        return self._change_payment(payment_id, change)

    def underpay(self, payment_id: str, amount: Decimal | None, coin: Coin | None) -> Payment:
        """Add a confirmed transfer of less than the missing amount: by default half of it."""

        def change(payment: Payment, now: float) -> Payment:
            payment = self._in_coin(payment, coin)
            own_coin, _ = payments.chosen(payment)
            missing = payments.missing(payment, late=self.late_payments)
            part = half(missing, own_coin.scale) if amount is None else amount
            if not part or part >= missing:
                raise invalid({"amount": f"Must be less than the missing {plain(missing)} {own_coin.code}"})
            return payments.receive(payment, part, own_coin.confirmations, now, late=self.late_payments)

        return self._change_payment(payment_id, change)

    def overpay(self, payment_id: str, amount: Decimal | None, coin: Coin | None) -> Payment:
        """Add a confirmed transfer of more than the missing amount: by default 1.5 times."""

        def change(payment: Payment, now: float) -> Payment:
            payment = self._in_coin(payment, coin)
            own_coin, _ = payments.chosen(payment)
            missing = payments.missing(payment, late=self.late_payments)
            sent = add(missing, half(missing, own_coin.scale)) if amount is None else amount
            if sent <= missing:
                raise invalid({"amount": f"Must be more than the missing {plain(missing)} {own_coin.code}"})
            return payments.receive(payment, sent, own_coin.confirmations, now, late=self.late_payments)

        return self._change_payment(payment_id, change)

    def confirm(self, payment_id: str, confirmations: int | None) -> Payment:
        """Confirm the received transfers: by default with the number of confirmations that the coin needs."""

        def change(payment: Payment, now: float) -> Payment:
            payments.require_payable(payment, late=self.late_payments)
            enough = payments.chosen(payment)[0].confirmations
            number = enough if confirmations is None else confirmations
            return payments.confirm(payment, number, now, late=self.late_payments)

        return self._change_payment(payment_id, change)

    def _in_coin(self, payment: Payment, coin: Coin | None) -> Payment:
        """Return the payment in ``coin``: choose it if the payer has not done so; raise 400 for another coin."""
        payments.require_payable(payment, late=self.late_payments)
        if coin is None or payment.coin == coin:
            return payment
        if payment.coin is not None:
            raise invalid({"currency": f"Must be {payment.coin.code}, the currency of this payment"})
        return payments.select(payment, coin, self._address)

    def _address(self, coin: Coin, payment_id: str) -> str:
        return address(coin, payment_id, self._addresses)

    def expire(self, payment_id: str) -> Payment:
        """Expire the payment now."""
        return self._change_payment(payment_id, payments.expire)

    def fail(self, payment_id: str) -> Payment:
        """Make the payment fail."""
        return self._change_payment(payment_id, lambda payment, now: payments.fail(payment))

    def latest_payments(self, count: int) -> list[Payment]:
        """Return the newest ``count`` payments, newest first."""
        with self._lock:
            return [self.payment(payment_id) for payment_id in list(islice(reversed(self._payments), count))]

    def _change_payment(self, payment_id: str, change: Callable[[Payment, float], Payment]) -> Payment:
        with self._lock:
            payment = self._payments.get(payment_id)
            if payment is None:
                raise not_found("Payment")
            now = self._clock()
            current = payments.at(payment, now)
            if current is not payment:
                self._store(payment, current)
            changed = change(current, now)
            if changed is not current:
                self._store(current, changed)
            return changed

    def _emit_payment(self, before: Payment | None, after: Payment) -> None:
        for observer in self.observers:
            observer.payment_changed(before, after, self._clock())

    def _store(self, before: Payment, after: Payment) -> None:
        self._payments[after.payment_id] = after
        if after.is_open and after.received:
            self._funded.add(after.payment_id)
        else:
            self._funded.discard(after.payment_id)
        if after.status is PaymentStatus.COMPLETED and before.status is not PaymentStatus.COMPLETED:
            code = payments.chosen(after)[0].code
            self._balances[code] = balances.earn(self._balances[code], after.received)
        self._emit_payment(before, after)

    # Balances

    def deposit(self, coin: Coin, amount: Decimal) -> BalanceView:
        """Add to the available balance of a coin."""
        if decimal_places(amount) > coin.scale:
            raise invalid({"amount": f"Must have at most {coin.scale} decimal places for {coin.code}"})
        with self._lock:
            self._balances[coin.code] = balances.earn(self._balances[coin.code], amount)
            return self.balance(coin)

    def balance(self, coin: Coin) -> BalanceView:
        """Return the balance of a coin."""
        with self._lock:
            balance = self._balances[coin.code]
            funded = [self.payment(payment_id) for payment_id in list(self._funded)]
            pending = total(payment.received for payment in funded if payment.is_open and payment.coin == coin)
            return BalanceView(balance, pending, balances.limits(balance, self._clock()))

    # Withdrawals

    def create_withdrawal(self, new: NewWithdrawal) -> tuple[Withdrawal, Balance]:
        """Return the new withdrawal, and the balance after its amount was locked."""
        with self._lock:
            withdrawal = withdrawals.create(new_id(), new, self._clock())
            balance = balances.lock(self._balances[new.coin.code], withdrawal)
            self._balances[new.coin.code] = balance
            self._store_withdrawal(withdrawal)
            return withdrawal, balance

    def withdrawal(self, withdrawal_id: str) -> Withdrawal:
        """Return the withdrawal."""
        with self._lock:
            withdrawal = self._withdrawals.get(withdrawal_id)
            if withdrawal is None:
                raise not_found("Withdrawal")
            return withdrawal

    def process_withdrawal(self, withdrawal_id: str) -> Withdrawal:
        """Move the withdrawal to PROCESSING."""
        with self._lock:
            withdrawal = withdrawals.process(self.withdrawal(withdrawal_id), self._clock())
            self._store_withdrawal(withdrawal)
            return withdrawal

    def complete_withdrawal(self, withdrawal_id: str) -> Withdrawal:
        """Complete the withdrawal."""
        with self._lock:
            withdrawal = withdrawals.complete(self.withdrawal(withdrawal_id), self._clock())
            return self._settle_withdrawal(withdrawal, balances.pay_out)

    def fail_withdrawal(self, withdrawal_id: str, reason: str) -> Withdrawal:
        """Make the withdrawal fail, and unlock its amount."""
        with self._lock:
            withdrawal = withdrawals.fail(self.withdrawal(withdrawal_id), reason)
            return self._settle_withdrawal(withdrawal, balances.unlock)

    def latest_withdrawals(self, count: int) -> list[Withdrawal]:
        """Return the newest ``count`` withdrawals, newest first."""
        with self._lock:
            return list(islice(reversed(self._withdrawals.values()), count))

    def _settle_withdrawal(
        self, withdrawal: Withdrawal, settle: Callable[[Balance, Withdrawal], Balance]
    ) -> Withdrawal:
        code = withdrawal.coin.code
        self._balances[code] = settle(self._balances[code], withdrawal)
        self._store_withdrawal(withdrawal)
        return withdrawal

    def _store_withdrawal(self, after: Withdrawal) -> None:
        before = self._withdrawals.get(after.withdrawal_id)
        self._withdrawals[after.withdrawal_id] = after
        for observer in self.observers:
            observer.withdrawal_changed(before, after, self._clock())

    def counts(self) -> dict[str, int]:
        """Return the numbers of payments and withdrawals."""
        with self._lock:
            return {"payments": len(self._payments), "withdrawals": len(self._withdrawals)}
