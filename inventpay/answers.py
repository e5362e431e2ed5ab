"""From parsed JSON to models: one function an answer, each accepting every variant some source documents.

Members that sources put in different places are moved to one before the model is made; a shape no source documents is
a DecodeError with its JSON path.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .converter import structure
from .errors import DecodeError
from .json_values import is_array, is_object, kind, shown
from .models import Balance, Balances, BalanceSummary, Invoice, Payment, PaymentStatus, Withdrawal

Json = dict[str, Any]


def payment(document: object, *, currency: str) -> Payment:
    """The answer to ``create_payment``."""
    data = _enveloped(document)
    answer = structure(Payment, data, path="$.data")
    _same(answer.currency, currency, "$.data.currency")
    return answer


def invoice(document: object) -> Invoice:
    """The answer to ``create_invoice``."""
    data = _enveloped(document)
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
        rates = _object(shaped["conversionRates"], moved.get("conversionRates", "$.data.conversionRates"))
        if not is_array(named):
            shaped["availableCurrencies"] = list(rates)
    return structure(Invoice, shaped, path="$.data", raw=data, moved=moved)


def payment_status(document: object, *, payment_id: str) -> PaymentStatus:
    """The answer to the status call, bare as documented or in an envelope as one consumer expects it."""
    bare = _object(document, "$")
    path = "$"
    if "data" in bare and "status" not in bare:
        path = "$.data"
        bare = _object(bare["data"], path)
    shaped = bare if bare.get("paymentId") is not None else {**bare, "paymentId": payment_id}
    answer = structure(PaymentStatus, shaped, path=path, raw=bare)
    _same(answer.payment_id, payment_id, f"{path}.paymentId")
    return answer


def balance(document: object, *, currency: str) -> Balance:
    """The answer to the balance call of one coin: limits inside the balance or beside it."""
    data = _enveloped(document)
    inner = _object(_member(data, "balance", "$.data"), "$.data.balance")
    shaped, moved = dict(inner), {"currency": "$.data.currency"}
    if "currency" in data:
        shaped["currency"] = data["currency"]
    for name in ("limits", "merchantInfo"):
        if shaped.get(name) is None and name in data:
            shaped[name] = data[name]
            moved[name] = f"$.data.{name}"
    answer = structure(Balance, shaped, path="$.data.balance", raw=data, moved=moved)
    _same(answer.currency, currency, "$.data.currency")
    return answer


def balances(document: object) -> Balances:
    """The answer to the call for all balances: a map with limits, a map with locked amounts, or a list with totals."""
    data = _enveloped(document)
    path = "$.data.balances"
    held = _object(_member(data, "balances", "$.data"), path)
    entries: dict[str, Balance] = {}
    summary: BalanceSummary | None = None
    if is_array(held.get("balances")):
        for index, value in enumerate(held["balances"]):
            where = f"{path}.balances[{index}]"
            entry = structure(Balance, _object(value, where), path=where)
            if entry.currency in entries:
                raise DecodeError(f"{where}.currency is {_text(entry.currency)} again", json_path=f"{where}.currency")
            entries[entry.currency] = entry
        if held.get("summary") is not None:
            totals = _object(held["summary"], f"{path}.summary")
            summary = structure(BalanceSummary, totals, path=f"{path}.summary")
    else:
        for name, value in held.items():
            held_in_coin = _object(value, f"{path}.{name}")
            shaped = held_in_coin if held_in_coin.get("currency") is not None else {**held_in_coin, "currency": name}
            entries[name] = structure(Balance, shaped, path=f"{path}.{name}", raw=held_in_coin)
            _same(entries[name].currency, name, f"{path}.{name}.currency")
    # Balances and totals are read above; what stays is a flat object.
    rest = {name: value for name, value in data.items() if name not in ("balances", "summary")}
    answer = structure(Balances, {**rest, "byCurrency": {}}, path="$.data", raw=data)
    object.__setattr__(answer, "by_currency", entries)
    object.__setattr__(answer, "summary", summary)
    return answer


def withdrawal(document: object, *, currency: str | None = None, withdrawal_id: str | None = None) -> Withdrawal:
    """The answer to creating or looking up a withdrawal: fees in ``metadata``, or in members of their own."""
    data = _enveloped(document)
    shaped, moved = dict(data), dict[str, str]()
    if shaped.get("metadata") is not None:
        metadata = _object(shaped["metadata"], "$.data.metadata")
        if shaped.get("feeBreakdown") is None and ("networkFee" in metadata or "serviceFee" in metadata):
            shaped["feeBreakdown"] = metadata
            moved["feeBreakdown"] = "$.data.metadata"
        for name in ("netAmount", "confirmations"):
            if shaped.get(name) is None and name in metadata:
                shaped[name] = metadata[name]
                moved[name] = f"$.data.metadata.{name}"
    if shaped.get("failureReason") is None and "errorMessage" in shaped:
        shaped["failureReason"] = shaped["errorMessage"]
        moved["failureReason"] = "$.data.errorMessage"
    answer = structure(Withdrawal, shaped, path="$.data", raw=data, moved=moved)
    if currency is not None:
        _same(answer.currency, currency, "$.data.currency")
    if withdrawal_id is not None:
        _same(answer.withdrawal_id, withdrawal_id, "$.data.withdrawalId")
    return answer


def _enveloped(document: object) -> Json:
    body = _object(document, "$")
    return _object(_member(body, "data", "$"), "$.data")


def _object(value: object, path: str) -> Json:
    if not is_object(value):
        raise DecodeError(f"{path} is {kind(value)}, not an object", json_path=path)
    return value


def _member(holder: Mapping[str, Any], name: str, path: str) -> object:
    if name not in holder:
        raise DecodeError(f"{path}.{name} is missing", json_path=f"{path}.{name}")
    return holder[name]


def _same(answered: str, asked: str, path: str) -> None:
    """An answer about another coin or id was meant for somebody else."""
    if answered != asked:
        raise DecodeError(f"{path} is {_text(answered)}, but {_text(asked)} was asked for", json_path=path)


def _text(value: str) -> str:
    # The repr of an enum's member would show its class.
    return shown(str(value))
