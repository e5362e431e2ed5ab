"""The sandbox's own routes under /sandbox/: they play the payer, the chain and the payout desk. No key, no limits."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..http.answers import Answer, success, text
from ..http.endpoint import Call
from ..http.fields import Fields
from ..merchant.coins import COINS
from ..merchant.money import plain
from ..merchant.payments import Payment
from ..merchant.withdrawals import Withdrawal
from ..shapes import bodies

if TYPE_CHECKING:
    from ..sandbox import Sandbox

# How many payments and withdrawals GET /sandbox/state lists, newest first.
_LISTED = 100

_MAX_REASON_LENGTH = 500


class Control:
    """Handlers that call the same methods of `Sandbox` that Python code calls."""

    def __init__(self, sandbox: Sandbox) -> None:
        self._sandbox = sandbox

    def pay(self, call: Call) -> Answer:
        """{amount?, currency?, confirmations?}: by default all that is missing, fully confirmed."""
        members = Fields(call.body)
        amount = members.amount("amount")
        currency = members.choice("currency", COINS)
        confirmations = members.confirmations("confirmations")
        members.check()
        return _payment(self._sandbox.pay(_payment_id(call), amount, currency=currency, confirmations=confirmations))

    def underpay(self, call: Call) -> Answer:
        """{amount?, currency?}: by default half of what is missing."""
        members = Fields(call.body)
        amount = members.amount("amount")
        currency = members.choice("currency", COINS)
        members.check()
        return _payment(self._sandbox.underpay(_payment_id(call), amount, currency=currency))

    def confirm(self, call: Call) -> Answer:
        """{confirmations?}: by default as many as the coin needs."""
        members = Fields(call.body)
        confirmations = members.confirmations("confirmations")
        members.check()
        return _payment(self._sandbox.confirm(_payment_id(call), confirmations))

    def select(self, call: Call) -> Answer:
        """{currency}: what the payer chooses on an invoice's page."""
        members = Fields(call.body)
        currency = members.required_choice("currency", COINS)
        members.check()
        return _payment(self._sandbox.select(_payment_id(call), currency))

    def expire(self, call: Call) -> Answer:
        return _payment(self._sandbox.expire(_payment_id(call)))

    def fail(self, call: Call) -> Answer:
        return _payment(self._sandbox.fail(_payment_id(call)))

    def process_withdrawal(self, call: Call) -> Answer:
        return _withdrawal(self._sandbox.process_withdrawal(_withdrawal_id(call)))

    def complete_withdrawal(self, call: Call) -> Answer:
        return _withdrawal(self._sandbox.complete_withdrawal(_withdrawal_id(call)))

    def fail_withdrawal(self, call: Call) -> Answer:
        """{reason?}"""
        members = Fields(call.body)
        reason = members.text("reason", _MAX_REASON_LENGTH)
        members.check()
        return _withdrawal(self._sandbox.fail_withdrawal(_withdrawal_id(call), reason))

    def deposit(self, call: Call) -> Answer:
        """{currency, amount}: gives the merchant a balance."""
        members = Fields(call.body)
        currency = members.required_choice("currency", COINS)
        amount = members.required_amount("amount")
        members.check()
        view = self._sandbox.state.deposit(COINS[currency], amount)
        return success(bodies.one_balance(view), "Balance raised")

    def reset(self, call: Call) -> Answer:
        self._sandbox.reset()
        return success({}, "Sandbox reset")

    def state(self, call: Call) -> Answer:
        """Everything there is: balances, the newest payments and withdrawals, how many requests got which status."""
        state = self._sandbox.state
        requests: dict[str, dict[str, int]] = {}
        for (label, status), count in sorted(self._sandbox.request_counts.items()):
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
        """What a payer's link leads to outside of a browser: the payment in words, and the command that pays it."""
        payment = self._sandbox.payment(call.path_params["paymentId"])
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


def _payment_id(call: Call) -> str:
    return call.path_params["paymentId"]


def _withdrawal_id(call: Call) -> str:
    return call.path_params["withdrawalId"]


def _payment(payment: Payment) -> Answer:
    return success(bodies.payment_status(payment), f"Payment is {payment.status}")


def _withdrawal(withdrawal: Withdrawal) -> Answer:
    return success(bodies.withdrawal(withdrawal), f"Withdrawal is {withdrawal.status}")
