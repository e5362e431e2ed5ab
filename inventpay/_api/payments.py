"""Payments and invoices."""

from __future__ import annotations

from typing import Any

from .._json.converter import write_json
from ..models import Invoice, Payment, PaymentStatus
from . import answers, arguments
from .amounts import Amount, read_amount
from .call import Call, builder_of, read_key
from .endpoints import CREATE_INVOICE, CREATE_PAYMENT, PAYMENT_STATUS
from .status_errors import checked_document


@builder_of(CREATE_PAYMENT)
def create_payment(
    *,
    amount: Amount,
    amount_currency: str,
    currency: str,
    order_id: str | None,
    description: str | None,
    callback_url: str | None,
    expiration_minutes: int | None,
    idempotency_key: str | None,
) -> Call[Payment]:
    """``POST /v1/create_payment``."""
    coin = arguments.currency(currency, "currency")
    body = {
        "amount": read_amount(amount),
        "amountCurrency": arguments.currency(amount_currency, "amount_currency"),
        "currency": coin,
        **_payment_options(order_id, description, callback_url, expiration_minutes),
    }
    return Call(
        endpoint=CREATE_PAYMENT,
        path=CREATE_PAYMENT.template,
        read=lambda response: answers.payment(checked_document(response), currency=coin),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
    )


@builder_of(CREATE_INVOICE)
def create_invoice(
    *,
    amount: Amount,
    amount_currency: str,
    order_id: str | None,
    description: str | None,
    callback_url: str | None,
    expiration_minutes: int | None,
    idempotency_key: str | None,
) -> Call[Invoice]:
    """``POST /v1/create_invoice``."""
    body = {
        "amount": read_amount(amount),
        "amountCurrency": arguments.currency(amount_currency, "amount_currency"),
        **_payment_options(order_id, description, callback_url, expiration_minutes),
    }
    return Call(
        endpoint=CREATE_INVOICE,
        path=CREATE_INVOICE.template,
        read=lambda response: answers.invoice(checked_document(response)),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
    )


@builder_of(PAYMENT_STATUS)
def payment_status(payment_id: str) -> Call[PaymentStatus]:
    """``GET /v1/invoice/{paymentId}/status``."""
    payment_id = arguments.identifier(payment_id, "payment_id")
    return Call(
        endpoint=PAYMENT_STATUS,
        path=f"/v1/invoice/{arguments.segment(payment_id)}/status",
        read=lambda response: answers.payment_status(checked_document(response), payment_id=payment_id),
    )


def _payment_options(
    order_id: str | None, description: str | None, callback_url: str | None, expiration_minutes: int | None
) -> dict[str, Any]:
    """Members that both kinds of payment share. ``None`` leaves one out; everything else is sent as given."""
    members: dict[str, Any] = {}
    if order_id is not None:
        members["orderId"] = arguments.text(order_id, "order_id", at_most=arguments.ORDER_ID_LENGTH)
    if description is not None:
        members["description"] = arguments.text(description, "description", at_most=arguments.DESCRIPTION_LENGTH)
    if callback_url is not None:
        members["callbackUrl"] = arguments.callback_url(callback_url)
    if expiration_minutes is not None:
        members["expirationMinutes"] = arguments.expiration_minutes(expiration_minutes)
    return members
