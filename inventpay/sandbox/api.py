"""The endpoints of the API under /v1: what each one does once its caller, limits and body are checked."""

from __future__ import annotations

from attrs import evolve

from inventpay.sandbox import bodies, fields
from inventpay.sandbox.answers import Answer, bare, success
from inventpay.sandbox.assumptions import WITHDRAWAL_CREATED_MESSAGE
from inventpay.sandbox.coins import COINS
from inventpay.sandbox.endpoint import Call
from inventpay.sandbox.state import State


class Api:
    """Handlers over one state. Messages are the documented ones."""

    def __init__(self, state: State) -> None:
        self._state = state

    def create_payment(self, call: Call) -> Answer:
        payment = self._state.create_payment(evolve(fields.new_payment(call.body), origin=call.origin))
        shape = bodies.invoice_created if payment.coin is None else bodies.payment_created
        return success(shape(payment, call.origin), "Payment created successfully")

    def create_invoice(self, call: Call) -> Answer:
        invoice = self._state.create_payment(evolve(fields.new_invoice(call.body), origin=call.origin))
        return success(bodies.invoice_created(invoice, call.origin), "Invoice created successfully")

    def payment_status(self, call: Call) -> Answer:
        return bare(bodies.payment_status(self._state.payment(call.path_params["paymentId"])))

    def balances(self, call: Call) -> Answer:
        views = {code: self._state.balance(coin) for code, coin in COINS.items()}
        return success(bodies.all_balances(views), "Balances retrieved successfully")

    def balance(self, call: Call) -> Answer:
        view = self._state.balance(fields.coin(call.path_params["currency"]))
        return success(bodies.one_balance(view), "Balance retrieved successfully")

    def create_withdrawal(self, call: Call) -> Answer:
        withdrawal, after = self._state.create_withdrawal(fields.new_withdrawal(call.body))
        return success(bodies.withdrawal_created(withdrawal, after), WITHDRAWAL_CREATED_MESSAGE)

    def withdrawal(self, call: Call) -> Answer:
        withdrawal = self._state.withdrawal(call.path_params["withdrawalId"])
        return success(bodies.withdrawal(withdrawal), "Withdrawal retrieved successfully")
