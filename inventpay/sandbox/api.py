"""The endpoints of the API under /v1: the work of each after its caller, limits and body were checked."""

from __future__ import annotations

from attrs import evolve

from .assumptions import WITHDRAWAL_CREATED_MESSAGE
from .clock import Clock
from .http import fields
from .http.answers import Answer, bare, success
from .http.endpoint import Call
from .merchant.coins import COINS
from .merchant.state import State
from .shapes import alternative_bodies as other_bodies
from .shapes import bodies, variants
from .shapes.variants import Variants


class Api:
    """The handlers over one state. Messages are the documented ones."""

    def __init__(self, state: State, variants: Variants, clock: Clock) -> None:
        self._state = state
        self._variants = variants
        self._clock = clock

    def create_payment(self, call: Call) -> Answer:
        """Create a payment: POST /v1/create_payment."""
        payment = self._state.create_payment(evolve(fields.new_payment(call.body), origin=call.origin))
        if payment.coin is None:
            shape = other_bodies.INVOICE_SHAPES[self._variants.pick(variants.CREATE_INVOICE)]
        else:
            shape = other_bodies.PAYMENT_SHAPES[self._variants.pick(variants.CREATE_PAYMENT)]
        return success(shape(payment, call.origin), "Payment created successfully")

    def create_invoice(self, call: Call) -> Answer:
        """Create an invoice: POST /v1/create_invoice."""
        invoice = self._state.create_payment(evolve(fields.new_invoice(call.body), origin=call.origin))
        shape = other_bodies.INVOICE_SHAPES[self._variants.pick(variants.CREATE_INVOICE)]
        return success(shape(invoice, call.origin), "Invoice created successfully")

    def payment_status(self, call: Call) -> Answer:
        """Return the status of a payment: GET /v1/invoice/{paymentId}/status."""
        payment = self._state.payment(call.path_params["paymentId"])
        variant = self._variants.pick(variants.PAYMENT_STATUS)
        body = other_bodies.STATUS_SHAPES[variant](payment)
        return success(body, "Payment status retrieved successfully") if variant == "enveloped" else bare(body)

    def balances(self, call: Call) -> Answer:
        """Return all balances: GET /v1/merchant/balance."""
        views = {code: self._state.balance(coin) for code, coin in COINS.items()}
        body = other_bodies.all_balances(self._variants.pick(variants.BALANCES), views, self._clock())
        return success(body, "Balances retrieved successfully")

    def balance(self, call: Call) -> Answer:
        """Return one balance: GET /v1/merchant/balance/{currency}."""
        view = self._state.balance(fields.coin(call.path_params["currency"]))
        body = other_bodies.one_balance(self._variants.pick(variants.BALANCE), view, self._clock())
        return success(body, "Balance retrieved successfully")

    def create_withdrawal(self, call: Call) -> Answer:
        """Create a withdrawal: POST /v1/merchant/withdrawal/create."""
        withdrawal, after = self._state.create_withdrawal(fields.new_withdrawal(call.body))
        with_metadata = self._variants.pick(variants.CREATE_WITHDRAWAL) == "metadata"
        shape = other_bodies.withdrawal_created_with_metadata if with_metadata else bodies.withdrawal_created
        return success(shape(withdrawal, after), WITHDRAWAL_CREATED_MESSAGE)

    def withdrawal(self, call: Call) -> Answer:
        """Return a withdrawal: GET /v1/withdrawal/{withdrawalId}."""
        withdrawal = self._state.withdrawal(call.path_params["withdrawalId"])
        if self._variants.pick(variants.WITHDRAWAL) == "fee-breakdown":
            after = self._state.balance(withdrawal.coin).balance
            body = other_bodies.withdrawal_with_fee_breakdown(withdrawal, after)
        else:
            body = bodies.withdrawal(withdrawal)
        return success(body, "Withdrawal retrieved successfully")
