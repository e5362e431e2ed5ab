"""Payments and invoices."""

from __future__ import annotations

from typing import Any

from .._core.json_values import is_array, is_object, kind
from .._json.converter import structure, write_json
from ..errors import DecodeError
from ..models import Invoice, Payment, PaymentStatus
from . import arguments
from .amounts import Amount, read_amount
from .call import Call, builder_of, read_key
from .endpoints import CREATE_INVOICE, CREATE_PAYMENT, PAYMENT_STATUS
from .envelope import enveloped, object_at
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
        read=lambda response: read_payment(checked_document(response)),
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
        read=lambda response: read_invoice(checked_document(response)),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
    )


@builder_of(PAYMENT_STATUS)
def payment_status(payment_id: str) -> Call[PaymentStatus]:
    """``GET /v1/invoice/{paymentId}/status``."""
    payment_id = arguments.identifier(payment_id, "payment_id")
    return Call(
        endpoint=PAYMENT_STATUS,
        path=PAYMENT_STATUS.path(paymentId=payment_id),
        read=lambda response: read_payment_status(checked_document(response), payment_id=payment_id),
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


def read_payment(document: object) -> Payment:
    """The answer to ``create_payment``."""
    data = enveloped(document)
    return structure(Payment, data, path="$.data")


def read_invoice(document: object) -> Invoice:
    """The answer to ``create_invoice``."""
    data = enveloped(document)
    shaped, moved = dict(data), dict[str, str]()
    named = shaped.get("availableCurrencies")
    if is_object(named):
        # One source shows the rates under this name.
        shaped["conversionRates"] = named
        moved["conversionRates"] = "$.data.availableCurrencies"
    elif named is not None and not is_array(named):
        where = "$.data.availableCurrencies"
        raise DecodeError(f"{where} is {kind(named)}, neither a list nor an object", json_path=where)
    if shaped.get("conversionRates") is not None:
        rates = object_at(shaped["conversionRates"], moved.get("conversionRates", "$.data.conversionRates"))
        if not is_array(named):
            shaped["availableCurrencies"] = list(rates)
    return structure(Invoice, shaped, path="$.data", raw=data, moved=moved)


def read_payment_status(document: object, *, payment_id: str) -> PaymentStatus:
    """The answer to the status call, bare as documented or in an envelope as one consumer expects it."""
    bare = object_at(document, "$")
    path = "$"
    if "data" in bare and "status" not in bare:
        path = "$.data"
        bare = object_at(bare["data"], path)
    shaped = bare if bare.get("paymentId") is not None else {**bare, "paymentId": payment_id}
    return structure(PaymentStatus, shaped, path=path, raw=bare)
