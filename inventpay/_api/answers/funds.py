"""The merchant's funds: balances and withdrawals."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..._core.json_values import is_array
from ..._json.converter import structure
from ...errors import DecodeError
from ...models import Balance, Balances, BalanceSummary
from ..envelope import as_text, enveloped, member, object_at, same

if TYPE_CHECKING:
    from ...models import Withdrawal


def balance(document: object, *, currency: str) -> Balance:
    """The answer to the balance call of one coin: limits inside the balance or beside it."""
    data = enveloped(document)
    inner = object_at(member(data, "balance", "$.data"), "$.data.balance")
    shaped, moved = dict(inner), {"currency": "$.data.currency"}
    if "currency" in data:
        shaped["currency"] = data["currency"]
    for name in ("limits", "merchantInfo"):
        if shaped.get(name) is None and name in data:
            shaped[name] = data[name]
            moved[name] = f"$.data.{name}"
    answer = structure(Balance, shaped, path="$.data.balance", raw=data, moved=moved)
    same(answer.currency, currency, "$.data.currency")
    return answer


def balances(document: object) -> Balances:
    """The answer to the call for all balances: a map with limits, a map with locked amounts, or a list with totals."""
    data = enveloped(document)
    path = "$.data.balances"
    held = object_at(member(data, "balances", "$.data"), path)
    entries: dict[str, Balance] = {}
    summary: BalanceSummary | None = None
    if is_array(held.get("balances")):
        for index, value in enumerate(held["balances"]):
            where = f"{path}.balances[{index}]"
            entry = structure(Balance, object_at(value, where), path=where)
            if entry.currency in entries:
                raise DecodeError(f"{where}.currency is {as_text(entry.currency)} again", json_path=f"{where}.currency")
            entries[entry.currency] = entry
        if held.get("summary") is not None:
            totals = object_at(held["summary"], f"{path}.summary")
            summary = structure(BalanceSummary, totals, path=f"{path}.summary")
    else:
        for name, value in held.items():
            held_in_coin = object_at(value, f"{path}.{name}")
            shaped = held_in_coin if held_in_coin.get("currency") is not None else {**held_in_coin, "currency": name}
            entries[name] = structure(Balance, shaped, path=f"{path}.{name}", raw=held_in_coin)
            same(entries[name].currency, name, f"{path}.{name}.currency")
    # Balances and totals are read above; what stays is a flat object.
    rest = {name: value for name, value in data.items() if name not in ("balances", "summary")}
    answer = structure(Balances, {**rest, "byCurrency": {}}, path="$.data", raw=data)
    object.__setattr__(answer, "by_currency", entries)
    object.__setattr__(answer, "summary", summary)
    return answer


def withdrawal(document: object, *, currency: str | None = None, withdrawal_id: str | None = None) -> Withdrawal:
    """The answer to creating or looking up a withdrawal: fees in ``metadata``, or in members of their own."""
    # Not needed for balances, and a model costs a millisecond to make.
    from ...models import Withdrawal

    data = enveloped(document)
    shaped, moved = dict(data), dict[str, str]()
    if shaped.get("metadata") is not None:
        metadata = object_at(shaped["metadata"], "$.data.metadata")
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
        same(answer.currency, currency, "$.data.currency")
    if withdrawal_id is not None:
        same(answer.withdrawal_id, withdrawal_id, "$.data.withdrawalId")
    return answer
