"""Payments and invoices."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote

from .._core.decimals import decode_money
from .._core.json_values import is_array, is_object
from .._json.converter import structure, write_json
from ..errors import DecodeError
from ..models import Invoice, Payment, PaymentStatus
from ..options import INVOICE_URL
from . import arguments, bounds
from .amounts import Amount, read_amount
from .call import Call, builder_of, read_key, reader_of
from .endpoints import CREATE_INVOICE, CREATE_PAYMENT, PAYMENT_STATUS
from .envelope import Json, enveloped, member, object_at
from .status_errors import checked_document

if TYPE_CHECKING:
    from ..responses import APIResponse

MULTI: Final = "MULTI"
"""Stands for a coin that the payer picks (vendor's JavaScript SDK)."""


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
    page: str = INVOICE_URL,
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
        read=lambda response: read_payment(checked_document(response), is_open=coin == MULTI, page=page),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
        key_is_new=idempotency_key is None,
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
    page: str = INVOICE_URL,
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
        read=lambda response: read_invoice(checked_document(response), page=page),
        body=write_json(body),
        idempotency_key=read_key(idempotency_key),
        key_is_new=idempotency_key is None,
    )


def payment_id_of(payment: str | Payment | Invoice | PaymentStatus) -> str:
    """Return the id of a payment that was passed by its id, or as a model."""
    return arguments.identifier_of(payment, "payment_id", (Payment, Invoice, PaymentStatus))


@builder_of(PAYMENT_STATUS)
def payment_status(payment: str | Payment | Invoice | PaymentStatus) -> Call[PaymentStatus]:
    """``GET /v1/invoice/{paymentId}/status``."""
    payment_id = payment_id_of(payment)
    return Call(
        endpoint=PAYMENT_STATUS,
        path=PAYMENT_STATUS.path(paymentId=payment_id),
        read=partial(_read_status_answer, payment_id),
    )


def _read_status_answer(payment_id: str, response: APIResponse) -> PaymentStatus:
    # Ten thousand calls may be watched, and a closure takes three times the memory.
    return read_payment_status(checked_document(response), payment_id=payment_id)


def _payment_options(
    order_id: str | None, description: str | None, callback_url: str | None, expiration_minutes: int | None
) -> dict[str, Any]:
    """Members that both kinds of payment share. ``None`` leaves one out; everything else is sent as given."""
    members: dict[str, Any] = {}
    if order_id is not None:
        members["orderId"] = arguments.text(order_id, "order_id", at_most=bounds.ORDER_ID_LENGTH)
    if description is not None:
        members["description"] = arguments.text(description, "description", at_most=bounds.DESCRIPTION_LENGTH)
    if callback_url is not None:
        members["callbackUrl"] = arguments.callback_url(callback_url)
    if expiration_minutes is not None:
        members["expirationMinutes"] = arguments.expiration_minutes(expiration_minutes)
    return members


@reader_of(CREATE_PAYMENT)
def read_payment(document: object, *, is_open: bool = False, page: str = INVOICE_URL) -> Payment:
    """Read the answer to ``create_payment``. ``page`` is the address of hosted pages, without the id."""
    return read_one(enveloped(document), "$.data", is_open=is_open, page=page)


def read_one(data: Json, path: str, *, is_open: bool, page: str = INVOICE_URL) -> Payment:
    """Read a payment found at ``path``; the coin of an open one may not have been picked yet."""
    shaped = {**data, "currency": MULTI} if is_open and data.get("currency") is None else data
    answer = structure(Payment, shaped, path=path, raw=data)
    if answer.amount is None:
        where = f"{path}.baseAmount" if is_open else f"{path}.amount"
        if not is_open or answer.base_amount is None:
            raise DecodeError(_missing(data, where), json_path=where)
    return _with_page(answer, page)


def _missing(data: Json, where: str) -> str:
    name = where.rpartition(".")[2]
    try:
        decode_money(member(data, name, where.rpartition(".")[0]))
    except ValueError as error:
        return f"{where} {error}"
    except DecodeError as error:
        return error.message
    return f"{where} is missing"


P = TypeVar("P", Payment, Invoice)


def _with_page(answer: P, page: str) -> P:
    if answer.invoice_url is None and answer.payment_id:
        object.__setattr__(answer, "invoice_url", page + quote(answer.payment_id, safe=""))
    return answer


@reader_of(CREATE_INVOICE)
def read_invoice(document: object, *, page: str = INVOICE_URL) -> Invoice:
    """Read the answer to ``create_invoice``. ``page`` is the address of hosted pages, without the id."""
    return read_one_invoice(enveloped(document), "$.data", page=page)


def read_one_invoice(data: Json, path: str, *, page: str = INVOICE_URL) -> Invoice:
    """Read an invoice found at ``path``. Prices and coins may share one member, ``availableCurrencies``."""
    shaped, moved, unread = dict(data), dict[str, str](), list[str]()
    named = shaped.get("availableCurrencies")
    if is_object(named):
        # One source shows the rates under this name.
        shaped["conversionRates"] = named
        moved["conversionRates"] = f"{path}.availableCurrencies"
    elif named is not None and not is_array(named):
        unread.append(f"{path}.availableCurrencies")
    rates = shaped.get("conversionRates")
    if not is_array(named) and is_object(rates):
        shaped["availableCurrencies"] = list(rates)
    return _with_page(structure(Invoice, shaped, path=path, raw=data, moved=moved, unread=unread), page)


@reader_of(PAYMENT_STATUS, payment_id=("path", "paymentId"))
def read_payment_status(document: object, *, payment_id: str) -> PaymentStatus:
    """Read the answer to the status call; ``payment_id`` is that of an answer that names none."""
    return read_one_status(document, payment_id)


def read_one_status(document: object, payment_id: str | None = None) -> PaymentStatus:
    """Read a status, bare as documented or in an envelope as one consumer expects it."""
    bare = object_at(document, "$")
    path = "$"
    if "data" in bare and "status" not in bare:
        path = "$.data"
        bare = object_at(bare["data"], path)
    named = bare.get("paymentId")
    is_named = bool(named.strip()) if isinstance(named, str) else named is not None
    shaped = bare if is_named or payment_id is None else {**bare, "paymentId": payment_id}
    return structure(PaymentStatus, shaped, path=path, raw=bare)
