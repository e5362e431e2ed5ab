"""Payments and invoices."""

from __future__ import annotations

from ..._core.json_values import is_array, is_object, kind
from ..._json.converter import structure
from ...errors import DecodeError
from ...models import Invoice, Payment, PaymentStatus
from ..envelope import enveloped, object_at, same


def payment(document: object, *, currency: str) -> Payment:
    """The answer to ``create_payment``."""
    data = enveloped(document)
    answer = structure(Payment, data, path="$.data")
    same(answer.currency, currency, "$.data.currency")
    return answer


def invoice(document: object) -> Invoice:
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


def payment_status(document: object, *, payment_id: str) -> PaymentStatus:
    """The answer to the status call, bare as documented or in an envelope as one consumer expects it."""
    bare = object_at(document, "$")
    path = "$"
    if "data" in bare and "status" not in bare:
        path = "$.data"
        bare = object_at(bare["data"], path)
    shaped = bare if bare.get("paymentId") is not None else {**bare, "paymentId": payment_id}
    answer = structure(PaymentStatus, shaped, path=path, raw=bare)
    same(answer.payment_id, payment_id, f"{path}.paymentId")
    return answer
