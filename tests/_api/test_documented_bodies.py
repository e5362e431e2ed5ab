"""Every documented body decodes to exactly what it says; a body without an entry here fails the suite."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Any, Final

import pytest

from inventpay._api import balances, payments, withdrawals
from inventpay._api.status_errors import from_response
from inventpay._json.converter import read_json
from inventpay.errors import APIStatusError, AuthenticationError, BadRequestError
from inventpay.headers import Headers
from inventpay.models import (
    AmountCurrency,
    Balance,
    BalanceAfterLock,
    BalanceSummary,
    ConversionRate,
    Currency,
    FeeBreakdown,
    Invoice,
    Limit,
    MerchantInfo,
    Payment,
    PaymentState,
    PaymentStatus,
    Withdrawal,
    WithdrawalLimits,
    WithdrawalState,
)
from inventpay.responses import APIResponse
from tests.support.documented import NAMES, body

D = Decimal


def noon(day: int = 1, hour: int = 12, minute: int = 0, month: int = 1) -> datetime:
    """A time of the examples."""
    return datetime(2024, month, day, hour, minute, tzinfo=UTC)


def payment(response: APIResponse) -> Payment:
    return payments.create_payment(
        amount=1,
        amount_currency="USD",
        currency="USDT_BEP20",
        order_id=None,
        description=None,
        callback_url=None,
        expiration_minutes=None,
        idempotency_key=None,
    ).read(response)


def invoice(response: APIResponse) -> Invoice:
    return payments.create_invoice(
        amount=1,
        amount_currency="USD",
        order_id=None,
        description=None,
        callback_url=None,
        expiration_minutes=None,
        idempotency_key=None,
    ).read(response)


def status(response: APIResponse) -> PaymentStatus:
    return payments.payment_status("cmh123abc456def").read(response)


def balance(response: APIResponse) -> Balance:
    return balances.balance("USDT_BEP20").read(response)


def created_withdrawal(response: APIResponse) -> Withdrawal:
    return withdrawals.create_withdrawal(
        amount="10", currency="USDT_BEP20", destination_address="0x1", description=None, idempotency_key=None
    ).read(response)


def withdrawal(response: APIResponse) -> Withdrawal:
    return withdrawals.withdrawal("cmh789ghi012jkl").read(response)


def all_balances(response: APIResponse) -> dict[str, Any]:
    """All there is to all balances, as one comparable value."""
    answer = balances.balances().read(response)
    return {
        "by_currency": dict(answer),
        "merchant_id": answer.merchant_id,
        "business_name": answer.business_name,
        "summary": answer.summary,
        "timestamp": answer.timestamp,
    }


def error(response: APIResponse) -> tuple[type[APIStatusError], str, Mapping[str, Any] | None]:
    status = {"balance.error-400": 400, "error-401": 401}
    name = next(name for name in status if body(name) == response.body)
    refusal = from_response(APIResponse(status[name], Headers(), response.body))
    return type(refusal), refusal.message, refusal.details


def parsed(response: APIResponse) -> Any:
    """In bodies that no model exists for yet, every number stays exact."""
    return read_json(response.body)


ADDRESS: Final = "0x742d35Cc6634C0532925a3b844Bc9e7595f0bEb"
PAGE: Final = "https://inventpay.io/invoice/cmh123abc456def"
QR_CODE: Final = f"usdt_bep20:{ADDRESS}?amount=29.99"

LIMITS: Final = WithdrawalLimits(
    daily=Limit(limit=D(10000), used=D(1500), remaining=D(8500)),
    monthly=Limit(limit=D(100000), used=D(15000), remaining=D(85000)),
)

CREATED: Final[dict[str, Any]] = {
    "orderId": "order-12345",
    "amount": D("29.99"),
    "baseAmount": D("29.99"),
    "baseCurrency": "USD",
    "currency": "USDT_BEP20",
    "address": ADDRESS,
    "invoiceUrl": PAGE,
    "qrCode": QR_CODE,
    "description": "Premium Plan Subscription",
    "status": "PENDING",
    "expiresAt": "2024-01-01T12:30:00.000Z",
    "createdAt": "2024-01-01T12:00:00.000Z",
}

SAYS: Final[dict[str, tuple[Callable[[APIResponse], Any], Any]]] = {
    "create_payment": (
        payment,
        Payment(
            payment_id="cmh123abc456def",
            amount=D("29.99"),
            currency=Currency.USDT_BEP20,
            address=ADDRESS,
            invoice_url=PAGE,
            qr_code=QR_CODE,
            expires_at=noon(),
            order_id="order-12345",
            description="Premium Plan Subscription",
        ),
    ),
    "create_invoice": (
        invoice,
        Invoice(
            payment_id="cmh456",
            base_amount=D("49.99"),
            base_currency=AmountCurrency.USD,
            conversion_rates={
                "BTC": ConversionRate(crypto_amount=D("0.0012"), price=D(41500)),
                "ETH": ConversionRate(crypto_amount=D("0.032"), price=D(3200)),
                "LTC": ConversionRate(crypto_amount=D("0.71"), price=D("70.4")),
                "USDT_ERC20": ConversionRate(crypto_amount=D("49.99"), price=D(1)),
                "USDT_BEP20": ConversionRate(crypto_amount=D("49.99"), price=D(1)),
            },
            available_currencies=(
                Currency.BTC,
                Currency.ETH,
                Currency.LTC,
                Currency.USDT_ERC20,
                Currency.USDT_BEP20,
            ),
            invoice_url="https://inventpay.io/invoice/cmh456",
            allow_currency_selection=True,
            order_id="order-67890",
            expires_at=noon(hour=13),
        ),
    ),
    "payment_status.pending": (
        status,
        PaymentStatus(
            payment_id="cmh123abc456def",
            status=PaymentState.PENDING,
            current_balance=D(0),
            confirmations=0,
            required_amount=D("29.99"),
            currency=Currency.USDT_BEP20,
            address=ADDRESS,
            expires_at=noon(minute=30),
            created_at=noon(),
        ),
    ),
    "payment_status.completed": (
        status,
        PaymentStatus(
            payment_id="cmh123abc456def",
            status=PaymentState.COMPLETED,
            current_balance=D("29.99"),
            confirmations=12,
            required_amount=D("29.99"),
            currency=Currency.USDT_BEP20,
            address=ADDRESS,
            expires_at=noon(minute=30),
            created_at=noon(),
            completed_at=noon(minute=15),
        ),
    ),
    "payment_status.short-numbers": (
        status,
        PaymentStatus(payment_id="cmh123abc456def", status=PaymentState.PENDING, current_balance=D(0), confirmations=0),
    ),
    "balance.limits-inside": (
        balance,
        Balance(
            currency=Currency.USDT_BEP20,
            available_balance=D("1500.75"),
            total_earned=D(5000),
            total_withdrawn=D("3499.25"),
            pending_balance=D("250.5"),
            limits=WithdrawalLimits(
                daily=Limit(limit=D(10000), used=D(1500), remaining=D(8500), reset_at=noon(day=2, hour=0)),
                monthly=Limit(limit=D(100000), used=D(15000), remaining=D(85000), reset_at=noon(month=2, hour=0)),
            ),
        ),
    ),
    "balance.limits-beside": (
        balance,
        Balance(
            currency=Currency.USDT_BEP20,
            available_balance=D("1500.75"),
            total_earned=D(5000),
            total_withdrawn=D("3499.25"),
            pending_balance=D("250.5"),
            locked_balance=D(10),
            total_fees=D("12.5"),
            last_updated=noon(),
            limits=WithdrawalLimits(
                daily=Limit(limit=D(10000), used=D(1500), remaining=D(8500)),
                weekly=Limit(limit=D(50000), used=D(9000), remaining=D(41000)),
                monthly=Limit(limit=D(100000), used=D(15000), remaining=D(85000)),
            ),
            merchant_info=MerchantInfo(business_name="Your Business", rate_limit_tier="STANDARD"),
        ),
    ),
    "balances.map-with-limits": (
        all_balances,
        {
            "by_currency": {
                coin: Balance(
                    currency=coin,
                    available_balance=D("1500.75"),
                    total_earned=D(5000),
                    total_withdrawn=D("3499.25"),
                    pending_balance=D("250.5"),
                    limits=LIMITS,
                )
                for coin in (Currency.USDT_BEP20, Currency.BTC)
            },
            "merchant_id": "cmf123abc456def",
            "business_name": "Your Business",
            "summary": None,
            "timestamp": None,
        },
    ),
    "balances.map-with-locked": (
        all_balances,
        {
            "by_currency": {
                coin: Balance(
                    currency=coin,
                    available_balance=D("1500.75"),
                    total_earned=D(5000),
                    total_withdrawn=D("3499.25"),
                    pending_balance=D("250.5"),
                    locked_balance=D(0),
                )
                for coin in (Currency.USDT_BEP20, Currency.BTC)
            },
            "merchant_id": "cmf123abc456def",
            "business_name": "Your Business",
            "summary": None,
            "timestamp": noon(),
        },
    ),
    "balances.list-with-summary": (
        all_balances,
        {
            "by_currency": {
                "USDT_BEP20": Balance(
                    currency=Currency.USDT_BEP20,
                    available_balance=D("504.87"),
                    total_earned=D("812.71"),
                    total_withdrawn=D("25.3"),
                    total_fees=D("1.41"),
                    locked_balance=D("265.1"),
                    pending_balance=D(0),
                )
            },
            "merchant_id": "cmf123abc456def",
            "business_name": "Your Business",
            "summary": BalanceSummary(
                total_available=D("504.92"),
                total_locked=D("265.1"),
                total_pending=D(0),
                total_earned=D("812.77"),
                total_withdrawn=D("25.3"),
                total_fees=D("1.41"),
            ),
            "timestamp": None,
        },
    ),
    "withdrawal.created": (
        created_withdrawal,
        Withdrawal(
            withdrawal_id="cmh789ghi012jkl",
            amount=D(10),
            currency=Currency.USDT_BEP20,
            destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
            status=WithdrawalState.PENDING,
            fee_amount=D("0.051"),
            net_amount=D("9.949"),
            requires_approval=False,
            created_at=noon(),
            balance_after_lock=BalanceAfterLock(available=D("1490.75"), locked=D(10)),
            fee_breakdown=FeeBreakdown(network_fee=D("0.001"), service_fee=D("0.05")),
            estimated_completion=noon(minute=30),
        ),
    ),
    "withdrawal.docs-pending": (
        withdrawal,
        Withdrawal(
            withdrawal_id="cmh789ghi012jkl",
            amount=D(10),
            currency=Currency.USDT_BEP20,
            destination_address="0x1E3D6848dE165e64052f0F2A3dA8823A27CAc22D",
            status=WithdrawalState.PENDING,
            fee_amount=D("0.051"),
            net_amount=D("9.949"),
            fee_breakdown=FeeBreakdown(network_fee=D("0.001"), service_fee=D("0.05")),
            created_at=noon(),
            description="Monthly payout",
        ),
    ),
    "balance.error-400": (
        error,
        (
            BadRequestError,
            "400 Bad Request: Invalid currency",
            {"currency": "Must be one of: BTC, ETH, LTC, USDT_ERC20, USDT_BEP20"},
        ),
    ),
    "error-401": (error, (AuthenticationError, "401 Unauthorized: Invalid API key", None)),
    "webhook.payment_created.nested": (
        parsed,
        {
            "event": "payment.created",
            "data": {"paymentId": "cmh123abc456def", **CREATED},
            "timestamp": "2024-01-01T12:00:00.500Z",
            "test": False,
        },
    ),
    "webhook.payment_created.flat": (
        parsed,
        {
            "event": "payment.created",
            "paymentId": "cmh123abc456def",
            **CREATED,
            "timestamp": "2024-01-01T12:00:00.500Z",
            "test": False,
        },
    ),
    "webhook.payment_underpaid.flat": (
        parsed,
        {
            "event": "payment.underpaid",
            "paymentId": "cmh123abc456def",
            "orderId": "order-12345",
            "requiredAmount": D("29.99"),
            "currentBalance": 20,
            "remainingAmount": D("9.99"),
            "paidPercentage": D("66.69"),
            "remainingPercentage": D("33.31"),
            "currency": "USDT_BEP20",
            "status": "UNDERPAID",
            "timestamp": "2024-01-01T12:10:00.000Z",
            "test": False,
        },
    ),
    "webhook_deliveries": (
        parsed,
        {
            "success": True,
            "data": {
                "deliveries": [
                    {
                        "id": "whd1",
                        "paymentId": "cmh123abc456def",
                        "url": "https://yourapp.com/webhooks/inventpay",
                        "httpStatus": 200,
                        "attempts": 1,
                        "success": True,
                        "lastAttemptAt": "2024-01-01T12:00:01.000Z",
                        "createdAt": "2024-01-01T12:00:00.500Z",
                    }
                ],
                "pagination": {
                    "page": 1,
                    "limit": 10,
                    "totalCount": 1,
                    "totalPages": 1,
                    "hasNext": False,
                    "hasPrev": False,
                },
                "filters": {"success": "all", "paymentId": "all"},
            },
        },
    ),
    "products.page": (
        parsed,
        {
            "success": True,
            "data": {
                "products": [
                    {
                        "id": "prod1",
                        "storeId": "store1",
                        "name": "Premium Template Pack",
                        "slug": "premium-template-pack",
                        "description": None,
                        "price": "29.99",
                        "currency": "USD",
                        "images": [],
                        "stock": 100,
                        "isActive": True,
                        "digitalContent": None,
                        "createdAt": "2024-01-01T12:00:00.000Z",
                        "updatedAt": "2024-01-01T12:00:00.000Z",
                    }
                ],
                "pagination": {"page": 1, "limit": 20, "total": 1, "pages": 1},
            },
        },
    ),
}


def test_every_documented_body_has_an_entry() -> None:
    """A body without an entry in the table, or an entry without a body, is a failure."""
    assert sorted(SAYS) == list(NAMES)


@pytest.mark.parametrize("name", NAMES)
def test_a_documented_body_decodes_to_what_it_says(name: str) -> None:
    """Every value of every documented body arrives exactly, and every number as a whole number or a Decimal."""
    read, expected = SAYS[name]
    assert read(APIResponse(200, Headers(), body(name))) == expected


@pytest.mark.parametrize("name", NAMES)
def test_no_number_passes_through_a_float(name: str) -> None:
    """Parsed JSON holds no float anywhere."""
    pending: list[Any] = [read_json(body(name))]
    while pending:
        value = pending.pop()
        assert not isinstance(value, float)
        if isinstance(value, dict):
            pending += value.values()
        elif isinstance(value, list):
            pending += value


def test_statuses_have_is_final() -> None:
    """A pending payment is neither final nor paid, a completed one is both."""
    pending = status(APIResponse(200, Headers(), body("payment_status.pending")))
    completed = status(APIResponse(200, Headers(), body("payment_status.completed")))
    assert (pending.is_final, pending.is_paid) == (False, False)
    assert (completed.is_final, completed.is_paid) == (True, True)
