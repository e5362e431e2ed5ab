"""The sandbox's own routes under /sandbox/: they play the payer, the chain and the payout desk. No key, no limits."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from ..http.answers import Answer, success, text
from ..http.endpoint import Call
from ..http.fields import Fields
from ..http.request_log import RequestLog
from ..merchant.coins import COINS, Coin
from ..merchant.money import from_python, plain
from ..merchant.payments import Payment
from ..merchant.state import State
from ..merchant.withdrawals import CONTROL_FAILURE, Withdrawal
from ..shapes import bodies

# Number of payments and withdrawals that GET /sandbox/state lists, newest first.
_LISTED = 100

_MAX_REASON_LENGTH = 500


class ControlFields(Fields):
    """The members of control calls, which accept amounts as text too, like the methods of ``Sandbox``."""

    def _read_amount(self, value: object) -> Decimal:
        return from_python(value)


class Control:
    """Handlers that call the same methods of the state that the methods of ``Sandbox`` call."""

    def __init__(self, state: State, log: RequestLog, reset: Callable[[], None]) -> None:
        self._state = state
        self._log = log
        self._reset = reset

    def pay(self, call: Call) -> Answer:
        """{amount?, currency?, confirmations?}: by default all that is missing, fully confirmed."""
        members = ControlFields(call.body)
        amount = members.amount("amount")
        currency = members.choice("currency", COINS)
        confirmations = members.confirmations("confirmations")
        members.check()
        return _payment(self._state.pay(_payment_id(call), amount, _coin(currency), confirmations))

    def underpay(self, call: Call) -> Answer:
        """{amount?, currency?}: by default half of what is missing."""
        members = ControlFields(call.body)
        amount = members.amount("amount")
        currency = members.choice("currency", COINS)
        members.check()
        return _payment(self._state.underpay(_payment_id(call), amount, _coin(currency)))

    def overpay(self, call: Call) -> Answer:
        """{amount?, currency?}: by default half as much again as is missing."""
        members = ControlFields(call.body)
        amount = members.amount("amount")
        currency = members.choice("currency", COINS)
        members.check()
        return _payment(self._state.overpay(_payment_id(call), amount, _coin(currency)))

    def confirm(self, call: Call) -> Answer:
        """{confirmations?}: by default as many as the coin needs."""
        members = ControlFields(call.body)
        confirmations = members.confirmations("confirmations")
        members.check()
        return _payment(self._state.confirm(_payment_id(call), confirmations))

    def select(self, call: Call) -> Answer:
        """{currency}: the payer's choice on an invoice's page."""
        members = ControlFields(call.body)
        currency = members.required_choice("currency", COINS)
        members.check()
        return _payment(self._state.select(_payment_id(call), COINS[currency]))

    def expire(self, call: Call) -> Answer:
        """Expire the payment."""
        return _payment(self._state.expire(_payment_id(call)))

    def fail(self, call: Call) -> Answer:
        """Make the payment fail."""
        return _payment(self._state.fail(_payment_id(call)))

    def process_withdrawal(self, call: Call) -> Answer:
        """Move the withdrawal to PROCESSING."""
        return _withdrawal(self._state.process_withdrawal(_withdrawal_id(call)))

    def complete_withdrawal(self, call: Call) -> Answer:
        """Complete the withdrawal."""
        return _withdrawal(self._state.complete_withdrawal(_withdrawal_id(call)))

    def fail_withdrawal(self, call: Call) -> Answer:
        """{reason?}: make the withdrawal fail."""
        members = ControlFields(call.body)
        reason = members.text("reason", _MAX_REASON_LENGTH)
        members.check()
        return _withdrawal(self._state.fail_withdrawal(_withdrawal_id(call), reason or CONTROL_FAILURE))

    def deposit(self, call: Call) -> Answer:
        """{currency, amount}: add to the merchant's balance."""
        members = ControlFields(call.body)
        currency = members.required_choice("currency", COINS)
        amount = members.required_amount("amount")
        members.check()
        view = self._state.deposit(COINS[currency], amount)
        return success(bodies.one_balance(view), "Balance raised")

    def reset(self, call: Call) -> Answer:
        """Delete all records, and restore the first settings."""
        self._reset()
        return success({}, "Sandbox reset")

    def state(self, call: Call) -> Answer:
        """Return the balances, the newest payments and withdrawals, and the counts of requests by status."""
        state = self._state
        requests: dict[str, dict[str, int]] = {}
        for (label, status), count in sorted(self._log.counts.items()):
            requests.setdefault(label, {})[str(status)] = count
        data = {
            **bodies.all_balances({code: state.balance(coin) for code, coin in COINS.items()}),
            "counts": state.counts(),
            "payments": [bodies.payment_status(payment) for payment in state.latest_payments(_LISTED)],
            "withdrawals": [bodies.withdrawal(withdrawal) for withdrawal in state.latest_withdrawals(_LISTED)],
            "requests": requests,
        }
        return success(data, "Sandbox state")

    def invoice_page(self, call: Call) -> Answer:
        """Return the page behind a payer's link as text: the payment, and the command that pays it."""
        payment = self._state.payment(call.path_params["paymentId"])
        lines = ["InventPay sandbox: no real money moves here.", ""]
        lines.append(f"Payment {payment.payment_id} is {payment.status}.")
        if payment.coin is None or payment.required is None:
            lines.append(f"{plain(payment.base_amount)} {payment.base_currency}, in a coin of the payer's choice.")
            body = """ -d '{"currency": "USDT_BEP20"}'"""
        else:
            lines.append(f"{plain(payment.required)} {payment.coin.code} to {payment.address}.")
            body = ""
        if payment.is_open:
            lines += ["", f"Pay it:  curl -X POST{body} {call.origin}/sandbox/payments/{payment.payment_id}/pay"]
        return text("\n".join(lines) + "\n")


def _coin(code: str | None) -> Coin | None:
    return None if code is None else COINS[code]


def _payment_id(call: Call) -> str:
    return call.path_params["paymentId"]


def _withdrawal_id(call: Call) -> str:
    return call.path_params["withdrawalId"]


def _payment(payment: Payment) -> Answer:
    return success(bodies.payment_status(payment), f"Payment is {payment.status}")


def _withdrawal(withdrawal: Withdrawal) -> Answer:
    return success(bodies.withdrawal(withdrawal), f"Withdrawal is {withdrawal.status}")
