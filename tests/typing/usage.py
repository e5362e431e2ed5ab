"""Typical uses that type checkers must accept, with the types they must see. Never run."""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from decimal import Decimal
from typing import Literal, assert_type

import httpx
from starlette.applications import Starlette
from starlette.routing import Route
from starlette.types import ASGIApp

from inventpay import (
    UNSET,
    AddedKeys,
    APIResponse,
    AsyncInventPay,
    AsyncListing,
    AsyncPage,
    Balance,
    Balances,
    CallFinished,
    Checkout,
    CheckoutItem,
    CheckResult,
    ClassSnapshot,
    Confirmation,
    Currency,
    DigitalContent,
    Event,
    InventPay,
    InventPayError,
    Invoice,
    KeyStats,
    LocalLimiter,
    Order,
    Outcome,
    Page,
    Payment,
    PaymentState,
    PaymentStatus,
    Product,
    ProductKey,
    RateClass,
    RateLimits,
    RemovedKeys,
    RetryPolicy,
    Store,
    StoreAnalytics,
    StoreSettings,
    Withdrawal,
)
from inventpay.webhooks import (
    MemorySeenStore,
    PaidEvent,
    PaymentEvent,
    PaymentUnderpaidEvent,
    SeenStore,
    SQLiteSeenStore,
    UnknownEvent,
    WebhookAnswer,
    WebhookEvent,
    WebhookReceiver,
    WithdrawalCompletedEvent,
    WithdrawalCreatedEvent,
    WithdrawalFailedEvent,
    parse_event,
    sign,
    verify_signature,
)


def on_event(event: Event) -> None:
    if isinstance(event, CallFinished):
        print(event.method, event.path_template, event.outcome, event.seconds)


async def awaited() -> None:
    async with AsyncInventPay(
        "pk_live_1",
        withdrawal_key="wk_live_1",
        base_url="https://api.inventpay.io",
        timeout=timedelta(seconds=30),
        attempt_timeout=10,
        max_wait=None,
        max_retries=3,
        retry=RetryPolicy(max_delay=4),
        rate_limits=RateLimits(
            other=30, counting="window", classes={"GET /v1/withdrawal/{withdrawalId}": "status_checks"}
        ),
        limiter=LocalLimiter(),
        coalesce=False,
        max_connections=10,
        transport="aiohttp",
        headers={"X-Tenant": "7"},
        hooks=[on_event],
    ) as client:
        payment = await client.payments.create(amount="29.99", amount_currency="USD", currency=Currency.USDT_BEP20)
        assert_type(payment, Payment)
        assert_type(payment.amount, Decimal | None)
        assert_type(await client.invoices.create(amount=Decimal(5), amount_currency="USD"), Invoice)
        assert_type(await client.payments.status(payment.payment_id), PaymentStatus)
        async for status in client.payments.watch(payment.payment_id):
            assert_type(status, PaymentStatus)
        async for reconciled in client.payments.reconcile(["cmh1"]):
            assert_type(reconciled, PaymentStatus)
        assert_type(client.payments.reconcile([]).failed, dict[str, InventPayError])
        assert_type(await client.payments.wait("cmh1", until={PaymentState.COMPLETED, "SETTLED"}), PaymentStatus)
        balance = await client.balances.get("BTC", max_age=2.0)
        assert_type(balance, Balance)
        if balance.limits is not None and balance.limits.daily is not None:
            assert_type(balance.limits.daily.remaining, Decimal)
        assert_type(await client.balances.all(), Balances)
        async for change in client.balances.watch("BTC", every=timedelta(seconds=5)):
            assert_type(change, Balance)
        withdrawal = await client.withdrawals.create(amount=10, currency="BTC", destination_address="bc1q")
        assert_type(withdrawal, Withdrawal)
        assert_type(await client.withdrawals.get(withdrawal.withdrawal_id), Withdrawal)
        assert_type(await client.request("GET", "/v1/anything", params={"page": 1, "all": True}), APIResponse)
        assert_type(client.with_options(timeout=None, max_wait=0.5, max_retries=0), AsyncInventPay)
        assert_type(client.rate_limits[RateClass.WITHDRAWALS], ClassSnapshot)


async def selling(client: AsyncInventPay) -> None:
    settings = StoreSettings(accepted_currencies=("BTC", Currency.LTC), min_order_amount=Decimal(5))
    assert_type(await client.store.create(name="Shop", settings=settings), Store)
    assert_type(await client.store.get(), Store)
    assert_type(await client.store.update(description=None, logo=UNSET, is_published=True), Store)
    assert_type(await client.store.analytics(), StoreAnalytics)
    content = DigitalContent(text_content="Thank you")
    product = await client.store.products.create(name="Mug", price="9.50", digital_content=content, metadata={"a": 1})
    assert_type(product, Product)
    assert_type(await client.store.products.update(product.id, price=5, stock=None), Product)
    assert_type(client.store.products.list(), AsyncListing[Product])
    assert_type(await client.store.products.list(search="mug", page=2, limit=20), AsyncPage[Product])
    async for found in client.store.products.list():
        assert_type(found, Product)
    async for page in client.store.products.list().pages():
        assert_type(page, AsyncPage[Product])
        assert_type(page.items, tuple[Product, ...])
        assert_type(await page.next_page(), AsyncPage[Product] | None)
    keys = client.store.products.keys
    assert_type(await keys.add(product.id, (str(number) for number in range(9)), on_progress=print), AddedKeys)
    async for key in keys.list(product.id, status="AVAILABLE"):
        assert_type(key, ProductKey)
    assert_type(await keys.stats(product.id), KeyStats)
    assert_type(await keys.remove_available(product.id), RemovedKeys)
    assert_type(await client.store.checkout("shop", items=[CheckoutItem(product.id, 2)]), Checkout)
    async for order in client.store.orders.list(status="PAID"):
        assert_type(await client.store.orders.update_status(order.id, "SHIPPED", notes=None), Order)
    assert_type(await client.store.products.delete(product.id), Confirmation)
    result = await client.check()
    assert_type(result, CheckResult)
    assert_type(result.latency, float | None)


def selling_blocking(client: InventPay) -> None:
    assert_type(client.store.products.list(limit=20), Page[Product])
    for product in client.store.products.list():
        assert_type(product, Product)
    assert_type([page.total for page in client.store.orders.list().pages()], list[int | None])
    assert_type(client.store.products.keys.add("prod1", ["a"]), AddedKeys)
    assert_type(client.check(), CheckResult)


async def again(client: AsyncInventPay, blocking: InventPay, error: InventPayError) -> None:
    assert_type(await client.repeat(error, Payment), Payment)
    assert_type(blocking.repeat(error, Withdrawal), Withdrawal)
    assert_type(blocking.repeat(error, APIResponse).status, int)
    payment: Payment = await client.repeat(error)
    print(payment.payment_id)


def blocking() -> None:
    with InventPay(transport=httpx.HTTPTransport(), verify=True) as client:
        assert_type(client.payments.create(amount=29.99, amount_currency="USD", currency="BTC"), Payment)
        for status in client.payments.watch("cmh1"):
            assert_type(status, PaymentStatus)
        for reconciled in client.payments.reconcile(["cmh1"]):
            assert_type(reconciled, PaymentStatus)
        assert_type(client.payments.wait("cmh1", timeout=1800), PaymentStatus)
        assert_type(client.with_options(headers={"X-Tenant": "7"}), InventPay)
        assert_type(client.payment_link("cmh1"), str)
    InventPay(http_client=httpx.Client(), proxy=None)
    InventPay(verify=ssl.create_default_context(), proxy="http://127.0.0.1:3128")


def failed(error: InventPayError) -> Outcome:
    if error.outcome == "unknown" and error.idempotency_key is not None:
        print(f"repeat with {error.idempotency_key}")
    return error.outcome


receiver = WebhookReceiver(["whsec_new", "whsec_old"], seen=SQLiteSeenStore("seen.sqlite3"), respond="first", lease=60)


@receiver.on_paid
async def fulfil(event: PaidEvent) -> None:
    assert_type(event.settlement_amount, Decimal | None)


@receiver.on("payment.underpaid")
def remind(event: PaymentUnderpaidEvent) -> str:
    assert_type(event.event, Literal["payment.underpaid"])
    return event.payment_id


@receiver.on("withdrawal.completed", "withdrawal.failed")
def note(event: WithdrawalCompletedEvent | WithdrawalFailedEvent) -> None:
    assert_type(event.withdrawal_id, str)


@receiver.on_other
async def rest(event: WebhookEvent) -> None:
    match event:
        case UnknownEvent():
            print(event.event, event.raw)
        case PaymentEvent(payment_id=payment_id):
            print(payment_id)
        case _:
            if event.event == "withdrawal.created":
                assert_type(event, WithdrawalCreatedEvent)


# A handler of another event is no handler of this one.
receiver.on("payment.created")(remind)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


def view(body: bytes, headers: Mapping[str, str]) -> tuple[int, bytes]:
    verify_signature(body, headers.get("X-Webhook-Signature"), "whsec_1")
    assert_type(parse_event(body, headers, "whsec_1", tolerance=timedelta(minutes=5)), WebhookEvent)
    assert_type(parse_event(body, [(b"x-webhook-signature", b"")], received_at=1_704_110_400.0), WebhookEvent)
    assert_type(sign(body, "whsec_1"), str)
    answer = receiver.handle(body, headers)
    assert_type(answer, WebhookAnswer)
    assert_type(receiver.recover(), int)
    return answer.status, answer.body


mounted = Starlette(routes=[Route("/webhooks/inventpay", receiver.asgi, methods=["POST"])])
served: ASGIApp = receiver.asgi
store: SeenStore = MemorySeenStore(most_keys=10)
