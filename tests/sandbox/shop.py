"""A sandbox with a manual clock, and payments made without HTTP."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

import httpx

from inventpay.sandbox import ManualClock, Sandbox, WebhookSettings
from inventpay.sandbox.merchant.coins import COINS
from inventpay.sandbox.merchant.payments import NewPayment
from inventpay.sandbox.merchant.withdrawals import NewWithdrawal

URL = "https://shop.example/hooks"
ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"


def in_memory() -> httpx.MockTransport:
    """A receiver that takes everything, without a socket."""
    return httpx.MockTransport(lambda request: httpx.Response(200))


class Shop:
    """A merchant's sandbox; `settings` are those of its webhooks."""

    def __init__(self, **settings: Any) -> None:
        self.clock = ManualClock()
        self.sandbox = Sandbox(clock=self.clock, webhooks=WebhookSettings(**{"automatic": False, **settings}))

    def create(self, currency: str | None = "USDT_BEP20", **members: Any) -> str:
        new = NewPayment(
            **{
                "amount": Decimal("29.99"),
                "amount_currency": "USD",
                "coin": None if currency is None else COINS[currency],
                "lifetime": 1800.0,
                "order_id": "order-12345",
                **members,
            }
        )
        return self.sandbox.state.create_payment(new).payment_id

    def withdraw(self) -> str:
        self.sandbox.deposit("USDT_BEP20", 100)
        new = NewWithdrawal(amount=Decimal(10), coin=COINS["USDT_BEP20"], destination_address=ADDRESS)
        return self.sandbox.state.create_withdrawal(new)[0].withdrawal_id

    def received(self) -> list[dict[str, Any]]:
        """The bodies of the events that were due."""
        return [json.loads(delivery.body) for delivery in self.sandbox.webhooks.deliver_due()]
