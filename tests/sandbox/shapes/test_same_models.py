"""Both clients build the same models from every shape of an answer."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import attrs
import pytest

from inventpay import AsyncInventPay, CheckoutItem, InventPay, LocalLimiter, RateLimits
from inventpay.sandbox import VARIANTS, ManualClock, Sandbox, Unlimited
from inventpay.sandbox.shapes.variants import ADD_KEYS, ORDER, PRODUCT, SET_WEBHOOK, STORE, WEBHOOK_CONFIG
from tests.sandbox.conftest import EVM_ADDRESS

ALL = [(endpoint, variant) for endpoint, variants in VARIANTS.items() for variant in variants]
NEW = [one for one in ALL if one[0] in (STORE, PRODUCT, ORDER, ADD_KEYS, SET_WEBHOOK, WEBHOOK_CONFIG)]
LIMITS = RateLimits(payment_creation=10_000, status_checks=10_000, withdrawals=10_000, other=10_000)
HOOKS = "https://shop.example/hooks"
# Members that a source does not show, and those that grow with every payment.
UNSHOWN = {
    (PRODUCT, "short"): {"content_type", "product_url", "sort_order", "variants"},
    (WEBHOOK_CONFIG, "flat"): {"secret", "last_updated", "supported_events", "statistics"},
    (WEBHOOK_CONFIG, "events"): {"last_updated", "statistics"},
    (SET_WEBHOOK, "secret"): {"last_updated", "supported_events", "statistics"},
}
GROWING = "recent_deliveries"

Client = InventPay | AsyncInventPay
Settle = Callable[[Any], Awaitable[Any]]


@pytest.fixture
def sandbox() -> Sandbox:
    """A shop with a product and an order, and money to pay out, at a time that stands still."""
    sandbox = Sandbox(clock=ManualClock(), rate_limits=Unlimited(), seed=1)
    sandbox.deposit("USDT_BEP20", 100)
    with sandbox.client() as client:
        client.store.create(name="Beans", description="Coffee")
        bag = client.store.products.create(name="Bag", price="12.50", stock=3)
        client.store.checkout("beans", items=[CheckoutItem(product_id=bag.id, quantity=2)])
    return sandbox


async def story(client: Client, settle: Settle, key: str) -> dict[str, Any]:
    """Return the result of each call; creating calls with one `key` are one call."""
    products = (await settle(client.store.products.list())).items
    orders = (await settle(client.store.orders.list())).items
    configured = await settle(client.webhooks.configure(HOOKS))
    price, once = {"amount": 5, "amount_currency": "USD"}, {"idempotency_key": key}
    payment = await settle(client.payments.create(**price, currency="USDT_BEP20", **once))
    invoice = await settle(client.invoices.create(**price, **once))
    payout = {"amount": 1, "currency": "USDT_BEP20", "destination_address": EVM_ADDRESS}
    withdrawal = await settle(client.withdrawals.create(**payout, **once))
    added = await settle(client.store.products.keys.add(products[0].id, ["A", "B"]))
    await settle(client.store.products.keys.remove_available(products[0].id))
    return {
        "store": await settle(client.store.get()),
        "store changed": await settle(client.store.update(description="Coffee")),
        "product": products[0],
        "product changed": await settle(client.store.products.update(products[0].id, stock=3)),
        "order": orders[0],
        "order asked for": await settle(client.store.orders.get(orders[0].id)),
        "keys": added,
        "configured": configured,
        "configuration": await settle(client.webhooks.config()),
        "payment": payment,
        "status": await settle(client.payments.status(payment.payment_id)),
        "invoice": invoice,
        "withdrawal": withdrawal,
        "withdrawal asked for": await settle(client.withdrawals.get(withdrawal.withdrawal_id)),
        "balance": await settle(client.balances.get("USDT_BEP20")),
        "balances": dict(await settle(client.balances.all())),
    }


async def at_once(result: object) -> object:
    return result


async def awaited(result: Any) -> object:
    return await result


def blocking(sandbox: Sandbox, key: str) -> dict[str, Any]:
    with InventPay(transport=sandbox.transport(), **options(sandbox)) as client:
        return asyncio.run(story(client, at_once, key))


def with_asyncio(sandbox: Sandbox, key: str) -> dict[str, Any]:
    async def run() -> dict[str, Any]:
        async with AsyncInventPay(transport=sandbox.transport(), **options(sandbox)) as client:
            return await story(client, awaited, key)

    return asyncio.run(run())


def options(sandbox: Sandbox) -> dict[str, Any]:
    return {"api_key": sandbox.api_key, "withdrawal_key": sandbox.withdrawal_key, "limiter": LocalLimiter(LIMITS)}


@pytest.mark.parametrize(("endpoint", "variant"), ALL)
def test_both_clients_read_the_same(sandbox: Sandbox, endpoint: str, variant: str) -> None:
    """Every model of the blocking client equals that of the async one, to the last member."""
    sandbox.variants.use(endpoint, variant)
    first = blocking(sandbox, "once")
    second = with_asyncio(sandbox, "once")
    assert first.pop("configured").url == second.pop("configured").url
    for name, model in first.items():
        assert model == second[name], name


@pytest.mark.parametrize(("endpoint", "variant"), NEW)
def test_a_shape_changes_nothing_that_is_read(sandbox: Sandbox, endpoint: str, variant: str) -> None:
    """Models are equal in all shapes of an answer, except for members that a source does not show."""
    documented = blocking(sandbox, "first")
    sandbox.variants.use(endpoint, variant)
    other = blocking(sandbox, "second")
    ignored = {GROWING, *UNSHOWN.get((endpoint, variant), ())}
    for name in list(documented)[: list(documented).index("payment")]:
        for field in attrs.fields(type(documented[name])):
            if field.eq and field.name not in ignored:
                assert getattr(other[name], field.name) == getattr(documented[name], field.name), (name, field.name)
