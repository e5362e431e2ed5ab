"""Response bodies from sources other than the documentation's own pages (see ``variants.py``)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

from ..assumptions import BUSINESS_NAME, MERCHANT_ID, RATE_LIMIT_TIER
from ..clock import iso
from ..merchant import payments
from ..merchant.balances import Balance, Limit, weekly_limit
from ..merchant.money import number, total
from ..merchant.payments import Payment, PaymentStatus
from ..merchant.state import BalanceView
from ..merchant.withdrawals import Withdrawal
from . import bodies
from .bodies import Body

# Coins with a price of one USD.
_STABLE = ("USDT", "USDC")


def created_with_all_members(payment: Payment, origin: str) -> Body:
    """Return the body of a payment with the official JS client's type, which payments and invoices share."""
    shape = bodies.invoice_created if payment.coin is None else bodies.payment_created
    coin = payment.coin
    more: Body = {
        "baseAmount": number(payment.base_amount),
        "baseCurrency": payment.base_currency,
        "priceExpiry": iso(payment.expires_at),
        "allowCurrencySelection": coin is None,
        "selectedCurrency": None if coin is None else coin.code,
        "expiresAtTimestamp": int(payment.expires_at * 1000),
        "createdAt": iso(payment.created_at),
        "priceTimestamp": iso(payment.created_at),
        "status": payment.status,
    }
    if coin is not None:
        more["network"] = coin.code.partition("_")[2] or coin.code
        more["currentPrice"] = number(coin.price)
        more["isStablecoin"] = coin.code.startswith(_STABLE)
    return {**shape(payment, origin), **more}


def invoice_with_available_currencies(payment: Payment, origin: str) -> Body:
    """Return an invoice with the member name of the official skill."""
    documented = bodies.invoice_created(payment, origin)
    return {"availableCurrencies" if name == "conversionRates" else name: value for name, value in documented.items()}


def invoice_with_usdt_amounts(payment: Payment, origin: str) -> Body:
    """Return an invoice with the entries of the JS client's old notes."""
    rates = {
        code: {
            "cryptoAmount": number(amount),
            "usdtAmount": number(payments.usdt_amount(payment)),
            "price": number(price),
        }
        for code, (amount, price) in payments.conversions(payment).items()
    }
    return {**bodies.invoice_created(payment, origin), "conversionRates": rates}


def invoice_with_usdt_base(payment: Payment, origin: str) -> Body:
    """Return an invoice with the base currency USDT, as in the JS client's README."""
    documented = bodies.invoice_created(payment, origin)
    return {**documented, "baseCurrency": "USDT"} if payment.base_currency == "USD" else documented


def status_short(payment: Payment) -> Body:
    """Return a status with the three members of the official clients, as text."""
    documented = bodies.payment_status(payment)
    return {name: documented[name] for name in ("status", "currentBalance", "confirmations")}


def status_short_numbers(payment: Payment) -> Body:
    """Return a status with the three members of the official skill, with a number."""
    return {**status_short(payment), "currentBalance": number(payment.received)}


def status_pending_if_underpaid(payment: Payment) -> Body:
    """Return a status in which UNDERPAID reads PENDING, as on the page on payments."""
    documented = bodies.payment_status(payment)
    return {**documented, "status": PaymentStatus.PENDING} if payment.status is PaymentStatus.UNDERPAID else documented


def status_in_other_words(payment: Payment) -> Body:
    """Return a status with the words of old notes and of a consumer."""
    documented = bodies.payment_status(payment)
    if payment.status is PaymentStatus.COMPLETED:
        return {**documented, "status": "SETTLED"}
    if payment.status is PaymentStatus.PENDING and payment.received:
        return {**documented, "status": "CONFIRMING"}
    return documented


def balances_with_locked(views: Mapping[str, BalanceView], now: float) -> Body:
    """Return all balances in the JS client's type."""
    entries = {code: {**_earned(view), "lockedBalance": number(view.balance.locked)} for code, view in views.items()}
    return {"merchantId": MERCHANT_ID, "businessName": BUSINESS_NAME, "balances": entries, "timestamp": iso(now)}


def balances_as_list(views: Mapping[str, BalanceView]) -> Body:
    """Return all balances as the list of the skill's sample, with sums."""
    entries = [{"currency": code, **_with_fees(view)} for code, view in views.items()]
    # The sample adds up the amounts of different coins without conversion.
    held = [view.balance for view in views.values()]
    summary = {
        "totalAvailable": _sum(held, lambda balance: balance.available),
        "totalLocked": _sum(held, lambda balance: balance.locked),
        "totalPending": number(total(view.pending for view in views.values())),
        "totalEarned": _sum(held, lambda balance: balance.earned),
        "totalWithdrawn": _sum(held, lambda balance: balance.withdrawn),
        "totalFees": _sum(held, lambda balance: balance.fees),
    }
    nested = {"balances": entries, "summary": summary}
    return {"merchantId": MERCHANT_ID, "businessName": BUSINESS_NAME, "balances": nested}


def balance_with_limits_beside(view: BalanceView, now: float) -> Body:
    """Return one balance in the JS client's type."""
    limits = {**view.limits, "weekly": weekly_limit(view.balance, now)}
    return {
        "currency": view.balance.currency,
        "balance": {**_with_fees(view), "lastUpdated": iso(now)},
        "limits": {name: _used(limits[name]) for name in ("daily", "weekly", "monthly")},
        "merchantInfo": {"businessName": BUSINESS_NAME, "rateLimitTier": RATE_LIMIT_TIER},
    }


def balance_with_daily_inside(view: BalanceView) -> Body:
    """Return one balance as in the JS client's README."""
    limits = {"daily": _used(view.limits["daily"])}
    return {"currency": view.balance.currency, "balance": {**_earned(view), "limits": limits}}


def withdrawal_created_with_metadata(withdrawal: Withdrawal, after: Balance) -> Body:
    """Return a created withdrawal as in the JS client's README before March 2026."""
    current = bodies.withdrawal_created(withdrawal, after)
    del current["netAmount"], current["feeBreakdown"]
    return {**current, "metadata": {"netAmount": number(withdrawal.net), **bodies.fees(withdrawal)}}


def withdrawal_with_fee_breakdown(withdrawal: Withdrawal, after: Balance) -> Body:
    """Return a created withdrawal in the official JS client's type, which is also that of a requested one."""
    created = bodies.withdrawal_created(withdrawal, after)
    processed, reason = withdrawal.processed_at, withdrawal.failure_reason
    return {
        **created,
        "status": withdrawal.status,
        "transactionHash": withdrawal.transaction_hash,
        "processedAt": None if processed is None else iso(processed),
        "errorMessage": reason,
    }


def _used(limit: Limit) -> Body:
    return {"limit": number(limit.limit), "used": number(limit.used)}


def _earned(view: BalanceView) -> Body:
    return {
        "availableBalance": number(view.balance.available),
        "totalEarned": number(view.balance.earned),
        "totalWithdrawn": number(view.balance.withdrawn),
        "pendingBalance": number(view.pending),
    }


def _with_fees(view: BalanceView) -> Body:
    balance = view.balance
    return {
        "totalEarned": number(balance.earned),
        "totalWithdrawn": number(balance.withdrawn),
        "totalFees": number(balance.fees),
        "availableBalance": number(balance.available),
        "lockedBalance": number(balance.locked),
        "pendingBalance": number(view.pending),
    }


def _sum(held: list[Balance], part: Callable[[Balance], Decimal]) -> object:
    return number(total(part(balance) for balance in held))


PAYMENT_SHAPES: Mapping[str, Callable[[Payment, str], Body]] = {
    "documented": bodies.payment_created,
    "all-members": created_with_all_members,
}
INVOICE_SHAPES: Mapping[str, Callable[[Payment, str], Body]] = {
    "documented": bodies.invoice_created,
    "available-currencies": invoice_with_available_currencies,
    "usdt-amounts": invoice_with_usdt_amounts,
    "usdt-base": invoice_with_usdt_base,
    "all-members": created_with_all_members,
}
STATUS_SHAPES: Mapping[str, Callable[[Payment], Body]] = {
    "documented": bodies.payment_status,
    "enveloped": bodies.payment_status,
    "short": status_short,
    "short-numbers": status_short_numbers,
    "pending-if-underpaid": status_pending_if_underpaid,
    "other-statuses": status_in_other_words,
}


def all_balances(variant: str, views: Mapping[str, BalanceView], now: float) -> Body:
    """Return ``data`` of GET /v1/merchant/balance in one of its variants."""
    match variant:
        case "map-with-locked":
            return balances_with_locked(views, now)
        case "list-with-summary":
            return balances_as_list(views)
        case _:
            return bodies.all_balances(views)


def one_balance(variant: str, view: BalanceView, now: float) -> Body:
    """Return ``data`` of GET /v1/merchant/balance/{currency} in one of its variants."""
    match variant:
        case "limits-beside":
            return balance_with_limits_beside(view, now)
        case "daily-inside":
            return balance_with_daily_inside(view)
        case _:
            return bodies.one_balance(view)
