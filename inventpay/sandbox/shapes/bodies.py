"""The documented response bodies, member by member in the documented order."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from ..assumptions import BUSINESS_NAME, ESTIMATED_WITHDRAWAL_SECONDS, MERCHANT_ID
from ..clock import iso
from ..merchant import payments
from ..merchant.balances import Balance
from ..merchant.coins import Coin
from ..merchant.money import number, plain
from ..merchant.payments import Payment
from ..merchant.state import BalanceView
from ..merchant.withdrawals import Withdrawal, WithdrawalStatus

Body = dict[str, object]


def payment_created(payment: Payment, origin: str) -> Body:
    """Return ``data`` of POST /v1/create_payment (page create-payment)."""
    coin, required = payments.chosen(payment)
    return {
        "paymentId": payment.payment_id,
        "amount": number(required),
        "currency": coin.code,
        "address": payment.address,
        "invoiceUrl": invoice_url(payment, origin),
        "qrCode": qr_code(payment),
        "expiresAt": iso(payment.expires_at),
        **_given(orderId=payment.order_id, description=payment.description),
    }


def invoice_created(payment: Payment, origin: str) -> Body:
    """Return ``data`` of POST /v1/create_invoice (page create-invoice)."""
    return {
        "paymentId": payment.payment_id,
        "baseAmount": number(payment.base_amount),
        "baseCurrency": payment.base_currency,
        "conversionRates": {
            code: {"cryptoAmount": number(amount), "price": number(price)}
            for code, (amount, price) in payments.conversions(payment).items()
        },
        "invoiceUrl": invoice_url(payment, origin),
        "allowCurrencySelection": True,
        **_given(orderId=payment.order_id),
        "expiresAt": iso(payment.expires_at),
    }


def qr_code(payment: Payment) -> str:
    """Return the text that a wallet scans (page create-payment)."""
    coin, required = payments.chosen(payment)
    return payment_string(coin, payment.address, required)


def payment_string(coin: Coin, address: str | None, amount: Decimal) -> str:
    """Return the text that a wallet scans for any amount."""
    return f"{coin.code.lower()}:{address}?amount={plain(amount)}"


def invoice_url(payment: Payment, origin: str) -> str:
    """Return the URL of the payer's page: on the sandbox, not on ``https://inventpay.io`` as in the live service."""
    return f"{origin}/invoice/{payment.payment_id}"


def payment_status(payment: Payment) -> Body:
    """Return the body of GET /v1/invoice/{paymentId}/status, without envelope (page get-payment-status)."""
    undecided = payment.coin is None or payment.required is None
    return {
        "paymentId": payment.payment_id,
        "status": payment.status,
        "currentBalance": plain(payment.received),
        "confirmations": payment.confirmations,
        "requiredAmount": plain(payment.base_amount if payment.required is None else payment.required),
        "currency": payment.base_currency if payment.coin is None else payment.coin.code,
        **({} if undecided else {"address": payment.address}),
        "expiresAt": iso(payment.expires_at),
        "createdAt": iso(payment.created_at),
        **_times(completedAt=payment.completed_at),
    }


def all_balances(views: Mapping[str, BalanceView]) -> Body:
    """Return ``data`` of GET /v1/merchant/balance (page get-balances): a map, with limits without ``resetAt``."""
    return {
        "merchantId": MERCHANT_ID,
        "businessName": BUSINESS_NAME,
        "balances": {code: _balance(view, with_reset=False) for code, view in views.items()},
    }


def one_balance(view: BalanceView) -> Body:
    """Return ``data`` of GET /v1/merchant/balance/{currency} (page get-balance-by-currency)."""
    return {"currency": view.balance.currency, "balance": _balance(view, with_reset=True)}


def _balance(view: BalanceView, *, with_reset: bool) -> Body:
    limits: Body = {}
    for name, limit in view.limits.items():
        limits[name] = {
            "limit": number(limit.limit),
            "used": number(limit.used),
            "remaining": number(limit.remaining),
            **({"resetAt": iso(limit.reset_at)} if with_reset else {}),
        }
    return {
        "availableBalance": number(view.balance.available),
        "totalEarned": number(view.balance.earned),
        "totalWithdrawn": number(view.balance.withdrawn),
        "pendingBalance": number(view.pending),
        "limits": limits,
    }


def withdrawal_created(withdrawal: Withdrawal, after: Balance) -> Body:
    """Return ``data`` of POST /v1/merchant/withdrawal/create (official JS client): null for values not known yet."""
    return {
        "withdrawalId": withdrawal.withdrawal_id,
        "amount": plain(withdrawal.amount),
        "currency": withdrawal.coin.code,
        "destinationAddress": withdrawal.destination_address,
        "status": withdrawal.status,
        "feeAmount": plain(withdrawal.fee),
        "netAmount": plain(withdrawal.net),
        "transactionHash": None,
        "requiresApproval": False,
        "createdAt": iso(withdrawal.created_at),
        "processedAt": None,
        "errorMessage": None,
        "balanceAfterLock": {"available": plain(after.available), "locked": plain(after.locked)},
        "feeBreakdown": fees(withdrawal),
        "estimatedCompletion": iso(withdrawal.created_at + ESTIMATED_WITHDRAWAL_SECONDS),
    }


def withdrawal(withdrawal: Withdrawal) -> Body:
    """Return ``data`` of GET /v1/withdrawal/{withdrawalId} (page get-withdrawal) without values not known yet."""
    completed = withdrawal.status is WithdrawalStatus.COMPLETED
    return {
        "withdrawalId": withdrawal.withdrawal_id,
        "amount": plain(withdrawal.amount),
        "currency": withdrawal.coin.code,
        "destinationAddress": withdrawal.destination_address,
        "status": withdrawal.status,
        **_given(transactionHash=withdrawal.transaction_hash),
        "feeAmount": plain(withdrawal.fee),
        "metadata": {
            "netAmount": number(withdrawal.net),
            **fees(withdrawal),
            **({"confirmations": withdrawal.coin.confirmations} if completed else {}),
        },
        "createdAt": iso(withdrawal.created_at),
        **_times(processedAt=withdrawal.processed_at, completedAt=withdrawal.completed_at),
        **_given(description=withdrawal.description, failureReason=withdrawal.failure_reason),
    }


def fees(withdrawal: Withdrawal) -> Body:
    """Return the two parts of a withdrawal's fee."""
    return {"networkFee": number(withdrawal.network_fee), "serviceFee": number(withdrawal.service_fee)}


def _given(**members: str | None) -> Body:
    return {name: value for name, value in members.items() if value is not None}


def _times(**members: float | None) -> Body:
    return {name: iso(value) for name, value in members.items() if value is not None}
