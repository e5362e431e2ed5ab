"""Client against sandbox, the full product: every variant of every endpoint, coin, state and envelope is read right."""

from __future__ import annotations

import inspect
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from decimal import Decimal
from typing import Any

import pytest

from inventpay import AsyncInventPay, CheckoutItem, InventPay, LocalLimiter, RateLimits
from inventpay.sandbox import VARIANTS, ManualClock, Sandbox, SandboxError, Unlimited
from inventpay.sandbox.merchant.coins import AMOUNT_CURRENCIES, ANY_COIN, COINS
from inventpay.sandbox.shapes import variants as names
from inventpay.sandbox.store.orders import SETTABLE, TRANSITIONS, OrderStatus
from tests.sandbox.conftest import EVM_ADDRESS

LIMITS = RateLimits(payment_creation=10**6, status_checks=10**6, withdrawals=10**6, other=10**6)
SOLANA_ADDRESS = "So11111111111111111111111111111111111111112"
ADDRESSES = {
    "BTC": "1BoatSLRHtKNngkdXEeobR76b53LETtpyT",
    "LTC": "LaqLf11PKfDW9SbwW5i4jumGEwyMKtvidJ",
    "SOL": SOLANA_ADDRESS,
    "USDC_SOL": SOLANA_ADDRESS,
}

PAYMENT_STATES: dict[str, Callable[[Sandbox, str], object]] = {
    "waiting": lambda sandbox, payment_id: sandbox.payment(payment_id),
    "seen": lambda sandbox, payment_id: sandbox.pay(payment_id, confirmations=0),
    "underpaid": lambda sandbox, payment_id: sandbox.underpay(payment_id),
    "completed": lambda sandbox, payment_id: sandbox.pay(payment_id),
    "overpaid": lambda sandbox, payment_id: sandbox.pay(payment_id, 10**6),
    "expired": lambda sandbox, payment_id: sandbox.expire(payment_id),
    "expired underpaid": lambda sandbox, payment_id: (sandbox.underpay(payment_id), sandbox.expire(payment_id)),
    "late": lambda sandbox, payment_id: (sandbox.expire(payment_id), sandbox.pay(payment_id)),
    "failed": lambda sandbox, payment_id: sandbox.fail(payment_id),
}
WITHDRAWAL_STATES: dict[str, Callable[[Sandbox, str], object]] = {
    "PENDING": lambda sandbox, withdrawal_id: sandbox.withdrawal(withdrawal_id),
    "PROCESSING": lambda sandbox, withdrawal_id: sandbox.process_withdrawal(withdrawal_id),
    "COMPLETED": lambda sandbox, withdrawal_id: sandbox.complete_withdrawal(withdrawal_id),
    "FAILED": lambda sandbox, withdrawal_id: sandbox.fail_withdrawal(withdrawal_id),
}
# Statuses that a variant shows instead of the documented one.
OTHER_STATUSES = {
    ("pending-if-underpaid", "UNDERPAID"): "PENDING",
    ("other-statuses", "COMPLETED"): "SETTLED",
}


class Bench:
    """A sandbox whose answers are chosen, and one client of it, asked in the same way whether it is async or not."""

    def __init__(self, sandbox: Sandbox, client: Any) -> None:
        self.sandbox = sandbox
        self.client = client
        self.read = 0

    def envelopes(self, endpoint: str) -> Iterator[str]:
        """Choose each variant of the endpoint in each envelope, and name the variant."""
        for envelope, variant in itertools.product(VARIANTS[names.ENVELOPE], VARIANTS[endpoint]):
            self.sandbox.variants.clear()
            self.sandbox.variants.use(names.ENVELOPE, envelope)
            self.sandbox.variants.use(endpoint, variant)
            yield variant

    async def ask(self, answer: Any) -> Any:
        self.read += 1
        return await answer if inspect.isawaitable(answer) else answer

    def address(self, code: str) -> str:
        return ADDRESSES.get(code, EVM_ADDRESS)


@pytest.fixture(params=["async", "blocking"])
async def bench(request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    sandbox = Sandbox(clock=ManualClock(), rate_limits=Unlimited())
    options: dict[str, Any] = {"rate_limits": LIMITS, "limiter": LocalLimiter(LIMITS), "max_retries": 0}
    for code in COINS:
        sandbox.deposit(code, 10**9)
    if request.param == "async":
        async with sandbox.async_client(**options) as client:
            assert isinstance(client, AsyncInventPay)
            yield Bench(sandbox, client)
    else:
        with sandbox.client(**options) as blocking:
            assert isinstance(blocking, InventPay)
            yield Bench(sandbox, blocking)


async def payments(bench: Bench) -> None:
    """Each coin in each currency of the amount."""
    for currency, amount_currency in itertools.product(COINS, AMOUNT_CURRENCIES):
        for _ in bench.envelopes(names.CREATE_PAYMENT):
            create = bench.client.payments.create
            payment = await bench.ask(create(amount="0.3", amount_currency=amount_currency, currency=currency))
            record = bench.sandbox.payment(payment.payment_id)
            assert (payment.amount, payment.currency) == (record.required, currency)
            assert payment.address == record.address


async def invoices(bench: Bench) -> None:
    """Each currency of the amount; the rates of every coin are exact."""
    for amount_currency in AMOUNT_CURRENCIES:
        for _ in bench.envelopes(names.CREATE_INVOICE):
            invoice = await bench.ask(bench.client.invoices.create(amount="0.3", amount_currency=amount_currency))
            record = bench.sandbox.payment(invoice.payment_id)
            assert invoice.base_amount == record.base_amount
            for code, coin in COINS.items():
                expected = coin.converted(record.base_amount, record.base_currency)
                assert invoice.conversion_rates[code].crypto_amount == expected


async def payments_in_any_coin(bench: Bench) -> None:
    """MULTI: the payer picks the coin, so that only the base amount is known."""
    for amount_currency in AMOUNT_CURRENCIES:
        for _ in bench.envelopes(names.CREATE_INVOICE):
            create = bench.client.payments.create
            payment = await bench.ask(create(amount="0.3", amount_currency=amount_currency, currency=ANY_COIN))
            record = bench.sandbox.payment(payment.payment_id)
            assert (payment.base_amount, payment.currency, payment.address) == (record.base_amount, ANY_COIN, None)


async def statuses(bench: Bench) -> None:
    """Each state of a payment in each coin, and that of an invoice without one."""
    for code, (state, play) in itertools.product(COINS, PAYMENT_STATES.items()):
        bench.sandbox.variants.clear()
        create = bench.client.payments.create
        payment = await bench.ask(create(amount="0.3", amount_currency="BTC", currency=code))
        play(bench.sandbox, payment.payment_id)
        record = bench.sandbox.payment(payment.payment_id)
        for variant in bench.envelopes(names.PAYMENT_STATUS):
            status = await bench.ask(bench.client.payments.status(payment.payment_id))
            shown = OTHER_STATUSES.get((variant, str(record.status)), str(record.status))
            if variant == "other-statuses" and state == "seen":
                shown = "CONFIRMING"
            assert (status.payment_id, status.status) == (payment.payment_id, shown)
            assert status.current_balance == record.received
            assert status.is_paid == (record.status == "COMPLETED")
    invoice = await bench.ask(bench.client.invoices.create(amount="5", amount_currency="USD"))
    for _ in bench.envelopes(names.PAYMENT_STATUS):
        assert (await bench.ask(bench.client.payments.status(invoice.payment_id))).status == "PENDING"


async def balances(bench: Bench) -> None:
    """All coins at once, and each one alone."""
    for _ in bench.envelopes(names.BALANCES):
        every = await bench.ask(bench.client.balances.all())
        assert {code: every[code].available_balance for code in COINS} == dict.fromkeys(COINS, Decimal(10**9))
    for code in COINS:
        for _ in bench.envelopes(names.BALANCE):
            one = await bench.ask(bench.client.balances.get(code))
            assert (one.currency, one.available_balance) == (code, 10**9)


async def withdrawals(bench: Bench) -> None:
    """Each coin in each state, as the creation and as a later look show it."""
    for code, (state, play) in itertools.product(COINS, WITHDRAWAL_STATES.items()):
        for _ in bench.envelopes(names.CREATE_WITHDRAWAL):
            create = bench.client.withdrawals.create
            created = await bench.ask(create(amount="3.5", currency=code, destination_address=bench.address(code)))
            record = bench.sandbox.withdrawal(created.withdrawal_id)
            assert (created.amount, created.net_amount, created.fee_amount) == (record.amount, record.net, record.fee)
        play(bench.sandbox, created.withdrawal_id)
        for _ in bench.envelopes(names.WITHDRAWAL):
            seen = await bench.ask(bench.client.withdrawals.get(created.withdrawal_id))
            assert (seen.status, seen.currency, seen.amount) == (state, code, record.amount)
            assert (seen.net_amount, seen.destination_address) == (record.net, record.destination_address)


async def store(bench: Bench) -> None:
    """The store, a product of each kind, its keys, and an order in each state that a merchant can set."""
    client, sandbox = bench.client, bench.sandbox
    await bench.ask(client.store.create(name="Beans"))
    bag = await bench.ask(client.store.products.create(name="Bag", price="12.50"))
    skill = await bench.ask(
        client.store.products.create(name="Skill", price="1", content_type="SKILL", skill_content="---\nname: x\n---")
    )
    for _ in bench.envelopes(names.STORE):
        assert (await bench.ask(client.store.get())).name == "Beans"
        assert (await bench.ask(client.store.update(description="Coffee"))).description == "Coffee"
    for _ in bench.envelopes(names.PRODUCT):
        listed = (await bench.ask(client.store.products.list())).items
        assert {product.id: product.price for product in listed} == {bag.id: Decimal("12.5"), skill.id: 1}
        assert (await bench.ask(client.store.products.update(bag.id, price="12.5"))).price == Decimal("12.5")
    for number, _ in enumerate(bench.envelopes(names.ADD_KEYS)):
        added = await bench.ask(client.store.products.keys.add(skill.id, [f"A{number}", f"B{number}"]))
        assert (added.added, added.duplicates) == (2, 0)
    for status in (OrderStatus.PENDING, OrderStatus.PAID, *SETTABLE):
        sandbox.variants.clear()
        checkout = await bench.ask(client.store.checkout("beans", items=[CheckoutItem(product_id=bag.id, quantity=2)]))
        order = await bench.ask(client.store.orders.get(checkout.order_id))
        if status is not OrderStatus.PENDING:
            sandbox.pay(sandbox.shop.order(order.id).payment_id, currency="LTC")
        if status in TRANSITIONS[OrderStatus.PAID]:
            await bench.ask(client.store.orders.update_status(order.id, status))
        for _ in bench.envelopes(names.ORDER):
            seen = await bench.ask(client.store.orders.get(order.id))
            assert (seen.status, seen.total_amount) == (status, 25)
            assert order.id in [one.id for one in (await bench.ask(client.store.orders.list())).items]


async def webhooks(bench: Bench) -> None:
    """The configuration in each layout, set and shown."""
    for endpoint in (names.SET_WEBHOOK, names.WEBHOOK_CONFIG):
        for _ in bench.envelopes(endpoint):
            await bench.ask(bench.client.webhooks.configure("https://shop.example/hooks"))
            assert (await bench.ask(bench.client.webhooks.config())).url == "https://shop.example/hooks"


Part = Callable[[Bench], Awaitable[None]]
PARTS: dict[Part, int] = {
    payments: 280,
    payments_in_any_coin: 90,
    invoices: 90,
    statuses: 1_300,
    balances: 80,
    withdrawals: 300,
    store: 100,
    webhooks: 30,
}


@pytest.mark.parametrize("part", PARTS, ids=lambda part: str(part.__name__))
async def test_every_answer_is_read_right(bench: Bench, part: Part) -> None:
    """No combination fails, none contradicts its question, and the money is exactly that of the sandbox's records."""
    await part(bench)
    assert bench.read >= PARTS[part]


def test_a_payment_or_withdrawal_stands_for_its_id() -> None:
    """Models of the client and records of the sandbox are played with as their ids are; other objects are refused."""
    sandbox = Sandbox()
    with InventPay(sandbox.api_key, withdrawal_key=sandbox.withdrawal_key, transport=sandbox.transport()) as client:
        payment = client.payments.create(amount="5", amount_currency="USD", currency="USDT_BEP20")
        assert sandbox.underpay(payment, "2").status == "UNDERPAID"
        assert sandbox.pay(client.payments.status(payment)).status == "COMPLETED"
        invoice = client.invoices.create(amount="5", amount_currency="USD")
        assert sandbox.expire(sandbox.select(invoice, "BTC")).status == "EXPIRED"
        sandbox.deposit("USDT_BEP20", 10)
        withdrawal = client.withdrawals.create(
            amount="5", currency="USDT_BEP20", destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D"
        )
        assert sandbox.complete_withdrawal(withdrawal).status == "COMPLETED"
    for given in (None, 5, {"payment_id": payment.payment_id}):
        with pytest.raises(SandboxError, match="payment_id: Must be an id"):
            sandbox.pay(given)  # type: ignore[arg-type]
