"""``python -m inventpay demo``: show a payment from its creation to the payout, with both clients."""

from __future__ import annotations

import asyncio
from decimal import Decimal

from .. import AsyncInventPay, Balance, InventPay, Payment, PaymentStatus, Withdrawal
from .sandbox import Sandbox

COIN = "USDT_BEP20"
SHOP_ADDRESS = "0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
PRICE = "29.99"


def run_demo() -> int:
    """Start a sandbox on a free port, run the steps with both clients, and return the exit code 0."""
    sandbox = Sandbox()
    with sandbox.run() as server:
        print(f"A sandbox of the InventPay API runs at {server.url}; no account, no real coin.")
        print("\nThe async client:")
        asyncio.run(_async_story(sandbox, server.url))
        print("\nThe blocking client, the same without await:")
        _blocking_story(sandbox, server.url)
    return 0


async def _async_story(sandbox: Sandbox, url: str) -> None:
    async with AsyncInventPay(sandbox.api_key, withdrawal_key=sandbox.withdrawal_key, base_url=url) as client:
        before = await client.balances.get(COIN)
        payment = await client.payments.create(
            amount=PRICE, amount_currency="USD", currency=COIN, order_id="order-1", description="Premium plan"
        )
        _print_created(payment, client.payment_link(payment.payment_id))
        async for status in client.payments.watch(payment.payment_id):
            _print_status(status)
            if not status.is_final:
                _pay(sandbox, payment)
        _print_balance(before, await client.balances.get(COIN))
        _print_withdrawal(await client.withdrawals.create(amount="10", currency=COIN, destination_address=SHOP_ADDRESS))


def _blocking_story(sandbox: Sandbox, url: str) -> None:
    with InventPay(sandbox.api_key, withdrawal_key=sandbox.withdrawal_key, base_url=url) as client:
        before = client.balances.get(COIN)
        payment = client.payments.create(
            amount=PRICE, amount_currency="USD", currency=COIN, order_id="order-2", description="Premium plan"
        )
        _print_created(payment, client.payment_link(payment.payment_id))
        for status in client.payments.watch(payment.payment_id):
            _print_status(status)
            if not status.is_final:
                _pay(sandbox, payment)
        _print_balance(before, client.balances.get(COIN))
        _print_withdrawal(client.withdrawals.create(amount="10", currency=COIN, destination_address=SHOP_ADDRESS))


def _pay(sandbox: Sandbox, payment: Payment) -> None:
    sandbox.pay(payment.payment_id)
    print(f"  The payer sends {payment.amount} {payment.currency}.")


def _print_created(payment: Payment, link: str) -> None:
    print(f"  Payment {payment.payment_id} asks for {payment.amount} {payment.currency} to {payment.address}.")
    print(f"  The payer's page would be {link}")


def _print_status(status: PaymentStatus) -> None:
    received = f"{status.current_balance} of {status.required_amount} {status.currency} received"
    print(f"  Payment {status.payment_id} is {status.status}: {received}.")


def _print_balance(before: Balance, after: Balance) -> None:
    risen: Decimal = after.available_balance - before.available_balance
    print(f"  The balance rose from {before.available_balance} by exactly {risen} to {after.available_balance} {COIN}.")


def _print_withdrawal(withdrawal: Withdrawal) -> None:
    print(
        f"  Withdrawal {withdrawal.withdrawal_id} of {withdrawal.amount} {withdrawal.currency} is accepted "
        f"({withdrawal.status}); {withdrawal.net_amount} will arrive, {withdrawal.fee_amount} is the fee."
    )
